"""Finding the cases of a dataset below the folder it was unpacked into."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from lvt_track.errors import InputError
from lvt_track.io.dicom.header import read_slice_headers
from lvt_track.io.dicom.preamble import looks_like_dicom
from lvt_track.io.dicom.segmentation.header import read_segmentation_header
from lvt_track.training.datasets.descriptor import Descriptor, Layout, LayoutKind, number_in

__all__ = ["LABEL_MAP", "CaseSource", "find_cases"]

LABEL_MAP = ""
"""Name under which `CaseSource.labels` has what holds several structures in one."""

Key = TypeVar("Key", bound=Hashable)

_ARCHIVE = ".zip"
_ARCHIVES = (_ARCHIVE, ".tar", ".tgz", ".tar.gz", ".7z", ".rar")
_NOT_IN_NAMES = re.compile(r"[^\w.-]")
_WILDCARD = re.compile(r"(\{case\}|\{patient\}|\{structure\}|\*|\?)")
_MEANING = {
    "{case}": "(?P<case>[^/]+?)",
    "{patient}": "(?P<patient>[^/]+?)",
    "{structure}": "(?P<structure>[^/]+?)",
    "*": "[^/]*",
    "?": "[^/]",
}


@dataclass(frozen=True)
class CaseSource:
    """Where a case comes from.

    Attributes:
        name: of the case.
        patient: what the dataset calls the patient; empty when the case is the patient.
        image: file or folder of the scan; None when it is not there.
        labels: files or folders by structure, or one under LABEL_MAP; empty when there are none.
        ignore: mask of voxels from which nothing is to be learned, if there is one.
    """

    name: str
    patient: str
    image: Path | None
    labels: Mapping[str, Path]
    ignore: Path | None = None


def find_cases(descriptor: Descriptor, folder: Path) -> tuple[CaseSource, ...]:
    """All cases of a dataset, in the order of their numbers.

    Args:
        descriptor: of the dataset.
        folder: searched to any depth; hidden files are passed over.

    Raises:
        InputError: when the folder is not there, holds no case, or holds one twice.
    """
    if not folder.is_dir():
        raise InputError("there is no such folder", path=folder)
    folder = folder.resolve()
    layout = descriptor.layout
    if layout.kind is LayoutKind.DICOM_SEG:
        cases = _by_segmentation(folder)
    else:
        cases = _by_pattern(layout, folder)
    if layout.numbers is not None:
        first, last = layout.numbers
        cases = [case for case in cases if first <= (number_in(case.name) or 0) <= last]
    if not cases:
        raise _nothing_of(descriptor, folder)
    return tuple(sorted(cases, key=lambda case: (number_in(case.name) or 0, case.name)))


def _nothing_of(descriptor: Descriptor, folder: Path) -> InputError:
    """Why a folder holds no case: what was looked for, and what is there of it."""
    layout = descriptor.layout
    looked_for = layout.image or "DICOM segmentations"
    remedy = "Give the folder that the dataset was unpacked into"
    if layout.image and layout.kind is not LayoutKind.DICOM_SLICES:
        places = [place for place, _ in _files(folder)]
        packed = next((place for place in places if place.endswith(_ARCHIVES)), "")
        if any(_expression(layout.image).search(place) for place in places):
            looked_for = f"{layout.image}, which is there, with {layout.labels}, which is not"
            remedy = "Unpack the labels beside the scans; a test set without labels cannot be used"
        elif packed:
            remedy = f"Unpack {packed}"
    return InputError(
        f"no case of {descriptor.name} is here (looked for {looked_for})",
        path=folder,
        remedy=remedy,
    )


def _by_pattern(layout: Layout, folder: Path) -> list[CaseSource]:
    is_sliced = layout.kind is LayoutKind.DICOM_SLICES
    # A folder of slices per structure is found by the folder above all of them.
    labels_pattern = layout.labels.removesuffix("/{structure}") if is_sliced else layout.labels
    images: dict[tuple[str, str], Path] = {}
    ignored: dict[tuple[str, str], Path] = {}
    labels: dict[tuple[str, str], dict[str, Path]] = defaultdict(dict)
    is_image, is_labels, is_ignored = map(
        _expression, (layout.image, labels_pattern, layout.ignore)
    )
    for place, path in _folders(folder) if is_sliced else _files(folder):
        if match := is_image.search(place):
            _add_once(images, _key(match), path)
        if match := is_labels.search(place):
            structure = match.groupdict().get("structure", LABEL_MAP)
            _add_once(labels[_key(match)], structure, path)
        if match := is_ignored.search(place):  # an empty pattern finds nothing
            _add_once(ignored, _key(match), path)
    # `{case}.nii` finds `7_labels.nii` too; what is labels of a scan is no scan.
    used = {path for key in labels if key in images for path in labels[key].values()}
    used |= {path for key, path in ignored.items() if key in images}
    images = {key: path for key, path in images.items() if path not in used}
    if "{case}" in layout.image.rpartition("/")[2]:
        # A folder of scans of which none has labels is a test set.
        with_labels = {path.parent for key, path in images.items() if key in labels}
        images = {key: path for key, path in images.items() if path.parent in with_labels}
    return [
        CaseSource(
            f"{patient}-{case}" if patient else case,
            patient,
            path,
            labels[patient, case],
            ignored.get((patient, case)),
        )
        for (patient, case), path in images.items()
    ]


def _expression(pattern: str) -> re.Pattern[str]:
    parts = (_MEANING.get(part, re.escape(part)) for part in _WILDCARD.split(pattern))
    return re.compile(rf"(?:^|/){''.join(parts)}$", re.IGNORECASE)


def _key(match: re.Match[str]) -> tuple[str, str]:
    return match.groupdict().get("patient", ""), match["case"]


def _add_once(paths: dict[Key, Path], key: Key, path: Path) -> None:
    if key in paths:
        raise InputError(
            f"there twice: also as {paths[key]}", path=path, remedy="Leave one of them there"
        )
    paths[key] = path


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """All files, each with its path from the folder's own name on."""
    for parent, _, names in _walk(folder):
        for name in names:
            yield (parent / name).relative_to(folder.parent).as_posix(), parent / name


def _folders(folder: Path) -> Iterator[tuple[str, Path]]:
    """All folders likewise, and archives in place of a folder of their name that is not there."""
    for parent, folders, names in _walk(folder):
        for name in folders:
            yield (parent / name).relative_to(folder.parent).as_posix(), parent / name
        for name in names:
            stem = parent / name.removesuffix(_ARCHIVE)
            if name.endswith(_ARCHIVE) and stem.name not in folders:
                yield stem.relative_to(folder.parent).as_posix(), parent / name


def _walk(folder: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Like os.walk, in order and without what is hidden."""
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield Path(parent), folders, sorted(name for name in files if not name.startswith("."))


def _by_segmentation(folder: Path) -> list[CaseSource]:
    """A case for each DICOM segmentation, with the folder of the series it was drawn on.

    As TCIA's and IDC's downloads have it, a folder holds one series.
    """
    in_folder: dict[Path, list[Path]] = defaultdict(list)
    for _, path in _files(folder):
        in_folder[path.parent].append(path)
    first = (next(filter(looks_like_dicom, files), None) for files in in_folder.values())
    headers, _ = read_slice_headers(path for path in first if path is not None)
    series = {header.series_uid: header.folder for header in headers if header.modality == "CT"}
    drawn = [
        read_segmentation_header(path)
        for header in headers
        if header.modality == "SEG"
        for path in in_folder[header.folder]
        if looks_like_dicom(path)
    ]
    cases: dict[str, CaseSource] = {}
    for one in drawn:
        patient = _NOT_IN_NAMES.sub("_", one.patient_id or one.path.parent.name)
        known = sum(case.patient == patient for case in cases.values())
        name = f"{patient}-{known + 1}" if known else patient
        image = next((series[uid] for uid in one.source_series_uids if uid in series), None)
        cases[name] = CaseSource(name, patient, image, {LABEL_MAP: one.path})
    return list(cases.values())
