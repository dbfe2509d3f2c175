"""Image files sorted by their values first and their names second: scans, masks and others."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lvt_track.core.series import MaskSource
from lvt_track.core.volume import CLASSES
from lvt_track.errors import InputError
from lvt_track.io.candidates import LeftOut
from lvt_track.io.images.headers import (
    ImageHeader,
    check_scan,
    kind_of_image,
    read_image_header,
    stem_of,
)
from lvt_track.io.layouts.bids import class_of_derivative, raw_folder
from lvt_track.io.layouts.foreign import (
    MASK_FOLDERS,
    class_in_organ_folder,
    is_organ_folder,
    is_written_by_lvt,
    why_labels_unused,
)
from lvt_track.io.layouts.label_maps import are_of_liver, classes_of_labels, labels_of
from lvt_track.io.layouts.structure_names import (
    Kind,
    is_elsewhere,
    is_one_tree,
    structure_of_name,
)

__all__ = ["NOT_LETTERS", "ImageFiles", "MaskFile", "scan_key", "sort_images"]

NOT_LETTERS = "_-. "
"""What stands between the words of a file's name."""

_MASK_WORDS = {name: name for name in CLASSES} | {
    **dict.fromkeys(("tumor", "tumour", "tumours"), "tumors"),
    "vessel": "vessels",
}
# dcm2niix writes a corrected twin beside scans of uneven slices or a tilted gantry.
_CORRECTED = re.compile(r"_(?:Eq|Tilt)(?:_\d+)?$")


_GREY_MASK = "a mask by its name, but it holds grey values: threshold it first"


@dataclass(frozen=True)
class MaskFile:
    """A mask beside a scan.

    Attributes:
        path: the file.
        name: `liver`, `vessels` or `tumors`.
        scan: what stands before the name: the scan it belongs to; empty when it is not said.
        folder: of the scan, where that is not the mask's own.
        labels: the values that are the class; empty where all but 0 are.
        part: the number of the lesion that it shows, where its name says so.
    """

    path: Path
    name: str
    scan: str
    folder: Path | None = None
    labels: tuple[int, ...] = ()
    part: str = ""

    @property
    def place(self) -> Path:
        """The folder of the scan that it belongs to."""
        return self.folder or self.path.parent

    @property
    def source(self) -> MaskSource:
        """The file, and what of it is the class."""
        return MaskSource(self.path, self.labels)


@dataclass(frozen=True)
class ImageFiles:
    """Image files sorted by what their voxels are.

    Attributes:
        scans: headers of files of grey values.
        masks: masks of the classes that are used.
        left_out: the others.
    """

    scans: tuple[ImageHeader, ...]
    masks: tuple[MaskFile, ...]
    left_out: tuple[LeftOut, ...]


def sort_images(paths: Sequence[Path]) -> ImageFiles:
    """Sort image files into scans, masks and others, by their values first and names second."""
    folders: dict[Path, list[Path]] = defaultdict(list)
    for path in paths:
        folders[path.parent].append(path)
    scans: list[ImageHeader] = []
    masks: list[MaskFile] = []
    left_out: list[LeftOut] = []
    for siblings in folders.values():
        kinds: dict[Path, tuple[ImageHeader, str]] = {}
        for path in siblings:
            kind = ""
            try:
                header = read_image_header(path)
                kind = kind_of_image(header)
                if kind == "grey":
                    remarks = check_scan(header)
                    header = replace(header, warnings=(*header.warnings, *remarks))
                kinds[path] = header, kind
            except InputError as error:
                place = error.path if error.path not in (None, path) else None
                where = f"its voxels in {place.name}: " if place else ""
                is_mask = kind == "grey" and _masks_named(path, True)
                what = _GREY_MASK if is_mask else f"{where}{error.what}"
                left_out.append(LeftOut(path, what, is_failure=True))
        drawn = [path for path, (_, kind) in kinds.items() if kind in ("labels", "empty")]
        are_organs = is_organ_folder(drawn)
        is_alone = all(kind in ("empty", "probabilities") for _, kind in kinds.values())
        has_scan = any(k == "grey" and not _masks_named(p, True) for p, (_, k) in kinds.items())
        for path, (header, kind) in kinds.items():
            named = _organ(path, has_scan) if are_organs else _masks_named(path, has_scan)
            if not named and (kind == "labels" or (kind == "empty" and header.segments)):
                named = _labels_known(header, siblings, has_scan)
            if not named and kind in ("labels", "empty") and not are_organs:
                named = _masks_worded(path, has_scan)
            if kind == "empty" and named and named[0].name != "liver":
                kind = "labels"  # no vessels or tumours were seen
            if kind == "grey" and named and has_scan:
                left_out.append(LeftOut(path, _GREY_MASK, is_failure=True))
            elif kind == "grey":
                scans.append(header)
            elif kind == "labels" and named:
                masks += named
            elif kind == "labels":
                reason = why_labels_unused(path, siblings, header.segments)
                left_out.append(LeftOut(path, reason, is_failure=are_of_liver(header.segments)))
            else:
                left_out.append(_no_scan(path, kind, named, is_alone))
    scans, twins = _without_uncorrected(scans)
    return ImageFiles(tuple(scans), tuple(masks), (*left_out, *twins))


def _no_scan(path: Path, kind: str, named: Sequence[MaskFile], is_alone: bool) -> LeftOut:
    """Why a file of shares from 0 to 1, or of zeros, is not used; a failure where it is missed."""
    if kind == "empty":
        reason = "every voxel is 0" + (", so it is no mask of the liver" if named else "")
        return LeftOut(path, reason, is_failure=bool(named) or is_alone)
    if named:
        reason = "a mask by its name, but it holds values between 0 and 1: threshold it first"
        return LeftOut(path, reason, is_failure=True)
    if not is_alone or "prob" in path.name.lower():
        return LeftOut(path, "a map of probabilities, not a scan")
    reason = "values from 0 to 1: a map of probabilities or a normalised image, not CT in HU"
    return LeftOut(path, reason, is_failure=True)


def _masks_named(path: Path, has_scan: bool, suffix: str = "") -> list[MaskFile]:
    """The mask that a name announces: `liver`, `portal_tumors`, `liver_tumor`."""
    stem = (stem_of(path) or "").lower().removesuffix(suffix)
    derived = class_of_derivative(stem)
    if derived is not None:
        return [MaskFile(path, derived[1], scan_key(derived[0]), raw_folder(path))]
    for written, name in _MASK_WORDS.items():
        if stem == written or stem.endswith((f"_{written}", f"-{written}")):
            of = re.sub(r"(^|[_-])(liver|hepatic)$", "", stem[: -len(written)].rstrip(NOT_LETTERS))
            return [MaskFile(path, name, scan_key(of), _below(path, has_scan))]
    return []


def _below(path: Path, has_scan: bool) -> Path | None:
    """The folder of the scan of a mask that lies in a folder of masks."""
    is_below = not has_scan and path.parent.name.lower() in MASK_FOLDERS
    return path.parent.parent if is_below else None


def _masks_worded(path: Path, has_scan: bool) -> list[MaskFile]:
    """The mask that a name announces in other words: `Leber`, `portal_Metastase_2`, `lesion1`."""
    stem = stem_of(path) or ""
    words = [word for word in re.split(r"[_\-. ]+", stem) if word]
    if is_written_by_lvt(path) or is_elsewhere(stem):
        return []
    for k in range(len(words)):
        name = " ".join(words[k:]).lower()
        structure = structure_of_name(name)
        number = re.search(r"\d+[a-z]?$", name)
        if structure is None or structure.kind not in CLASSES or re.fullmatch(r"t ?\d+", name):
            continue
        if is_one_tree(name):
            return []
        if number is not None and structure.kind is Kind.LIVER:
            return []
        of, part = scan_key("_".join(words[:k]).lower()), number[0] if number else ""
        folder = _below(path, has_scan)
        return [MaskFile(path, structure.kind.value, of, folder, part=part)]
    return []


def _organ(path: Path, has_scan: bool) -> list[MaskFile]:
    name = class_in_organ_folder(path)
    return [] if name is None else [MaskFile(path, name, "", _scan_folder(path, has_scan))]


def _labels_known(header: ImageHeader, siblings: Sequence[Path], has_scan: bool) -> list[MaskFile]:
    """The classes of a label map whose labels are known; else that of `tumors.seg.nrrd` by name."""
    path = header.path
    by_class = classes_of_labels(header, siblings)
    if header.segments and not by_class:
        named = _masks_named(path, has_scan, ".seg")
        labelled = (replace(one, labels=labels_of(one.name, header.segments)) for one in named)
        return [one for one in labelled if one.labels]
    stem = (stem_of(path) or "").lower()
    volume = stem.replace("segmentation", "volume")
    stems = {scan_key((stem_of(other) or "").lower()) for other in siblings if other != path}
    scan = stem if stem in stems else volume if volume in stems else ""
    folder = _scan_folder(path, has_scan)
    return [MaskFile(path, name, scan, folder, labels) for name, labels in by_class.items()]


def _scan_folder(path: Path, has_scan: bool) -> Path:
    """The folder of a mask's scan: its own, or that above a folder of masks alone."""
    return path.parent if has_scan else path.parent.parent


def _without_uncorrected(scans: Sequence[ImageHeader]) -> tuple[list[ImageHeader], list[LeftOut]]:
    corrected = {
        (header.path.parent, _CORRECTED.sub("", stem_of(header.path) or "")): header.path.name
        for header in scans
        if _CORRECTED.search(stem_of(header.path) or "")
    }
    kept: list[ImageHeader] = []
    left_out: list[LeftOut] = []
    for header in scans:
        better = corrected.get((header.path.parent, stem_of(header.path) or ""))
        if better is None:
            kept.append(header)
        else:
            reason = f"dcm2niix corrected its slices in {better}, which is used instead"
            left_out.append(LeftOut(header.path, reason))
    return kept, left_out


def scan_key(stem: str) -> str:
    """What names the scan: `sub-1_ses-2_ct` and `sub-1_ses-2_liver` share one key."""
    key = stem.strip(NOT_LETTERS).removesuffix("_0000").strip(NOT_LETTERS)
    if key == "ct" or key.endswith(("_ct", "-ct")):
        key = key[:-2]
    return key.strip(NOT_LETTERS)
