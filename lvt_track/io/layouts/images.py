"""Scans and masks in image files below a patient's folder: dated folders, and BIDS."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lvt_track.core.geometry import Geometry
from lvt_track.core.plain_text import encodable
from lvt_track.core.series import MaskSource, Phase, Series
from lvt_track.core.volume import CLASSES
from lvt_track.errors import InputError
from lvt_track.io.candidates import FoundSeries, LeftOut, too_short
from lvt_track.io.dates import date_in_name, dated_path
from lvt_track.io.images.grids import mask_grid_fault
from lvt_track.io.images.headers import (
    ImageHeader,
    check_scan,
    kind_of_image,
    read_image_header,
    stem_of,
)
from lvt_track.io.layouts.bids import (
    class_of_derivative,
    raw_folder,
    read_session_dates,
    sidecar_date,
)
from lvt_track.io.layouts.foreign import (
    MASK_FOLDERS,
    class_in_organ_folder,
    is_organ_folder,
    why_labels_unused,
)
from lvt_track.io.layouts.label_maps import are_of_liver, classes_of_labels, labels_of
from lvt_track.io.phases import phase_of_text
from lvt_track.io.tracked_series import PHASE_ORDER

__all__ = [
    "ImageFiles",
    "MaskFile",
    "find_image_series",
    "fitting_masks",
    "image_series",
    "sort_images",
    "without_unfit",
]

_PATIENT_FOLDER = re.compile(r"sub-[A-Za-z0-9]+")
_SESSION_FOLDER = re.compile(r"ses-[A-Za-z0-9]+")
_DATE_PART = re.compile(r"(?<!\d)\d{4}[-.]?\d{2}[-.]?\d{2}(?!\d)")
_NOT_LETTERS = "_-. "
_MASK_WORDS = {name: name for name in CLASSES} | {
    **dict.fromkeys(("tumor", "tumour", "tumours"), "tumors"),
    "vessel": "vessels",
}
# dcm2niix writes a corrected twin beside scans of uneven slices or a tilted gantry.
_CORRECTED = re.compile(r"_(?:Eq|Tilt)(?:_\d+)?$")


@dataclass(frozen=True)
class MaskFile:
    """A mask beside a scan.

    Attributes:
        path: the file.
        name: `liver`, `vessels` or `tumors`.
        scan: what stands before the name: the scan it belongs to; empty when it is not said.
        folder: of the scan, where that is not the mask's own.
        labels: the values that are the class; empty where all but 0 are.
    """

    path: Path
    name: str
    scan: str
    folder: Path | None = None
    labels: tuple[int, ...] = ()

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
            try:
                header = read_image_header(path)
                kind = kind_of_image(header)
                if kind == "grey":
                    check_scan(header)
                kinds[path] = header, kind
            except InputError as error:
                place = error.path if error.path not in (None, path) else None
                where = f"its voxels in {place.name}: " if place else ""
                left_out.append(LeftOut(path, f"{where}{error.what}", is_failure=True))
        drawn = [path for path, (_, kind) in kinds.items() if kind in ("labels", "empty")]
        are_organs = is_organ_folder(drawn)
        is_alone = all(kind in ("empty", "probabilities") for _, kind in kinds.values())
        has_scan = any(k == "grey" and not _masks_named(p, True) for p, (_, k) in kinds.items())
        for path, (header, kind) in kinds.items():
            named = _organ(path, has_scan) if are_organs else _masks_named(path, has_scan)
            if not named and (kind == "labels" or (kind == "empty" and header.segments)):
                named = _labels_known(header, siblings, has_scan)
            if kind == "empty" and named and named[0].name != "liver":
                kind = "labels"  # no vessels or tumours were seen
            if kind == "grey" and named and has_scan:
                reason = "a mask by its name, but it holds grey values"
                left_out.append(LeftOut(path, reason, is_failure=True))
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
        return [MaskFile(path, derived[1], _scan_key(derived[0]), raw_folder(path))]
    for written, name in _MASK_WORDS.items():
        if stem == written or stem.endswith((f"_{written}", f"-{written}")):
            of = re.sub(r"(^|[_-])(liver|hepatic)$", "", stem[: -len(written)].rstrip(_NOT_LETTERS))
            is_below = not has_scan and path.parent.name.lower() in MASK_FOLDERS
            return [MaskFile(path, name, _scan_key(of), path.parent.parent if is_below else None)]
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
    stems = {_scan_key((stem_of(other) or "").lower()) for other in siblings if other != path}
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


def find_image_series(
    headers: Sequence[ImageHeader], masks: Sequence[MaskFile], root: Path
) -> tuple[list[FoundSeries], list[LeftOut]]:
    """Series of image files, each with the masks named for it.

    Args:
        headers: of the scans.
        masks: the masks found beside them.
        root: the folder that was searched.

    Raises:
        InputError: when a table of sessions cannot be read.
    """
    series: list[FoundSeries] = []
    short: list[LeftOut] = []
    left_out: list[LeftOut] = []
    sessions = read_session_dates(root)
    scans: dict[Path, list[ImageHeader]] = defaultdict(list)
    is_all_derived = all(raw_folder(header.path) for header in headers)
    for header in headers:
        if raw_folder(header.path) is None or is_all_derived:
            scans[header.path.parent].append(header)
        else:
            left_out.append(LeftOut(header.path, "derived from raw scans of BIDS that are here"))
    for folder, members in scans.items():
        given, superseded = _masks_by_scan(members, [m for m in masks if m.place == folder])
        left_out += superseded
        for header in members:
            kept, unfit = fitting_masks(given[header.path], header.geometry)
            left_out += unfit
            item = without_unfit(_series_of(header, kept, root, sessions), unfit)
            reason = too_short(item.geometry)
            if reason:
                short.append(LeftOut(header.path, reason))
            else:
                series.append(item)
    # A visit of which nothing else is left is lost.
    folders = {item.path.parent for item in series}
    left_out += [
        item if item.path.parent in folders else replace(item, is_failure=True) for item in short
    ]
    return series, left_out


def fitting_masks(
    masks: dict[str, MaskSource], geometry: Geometry
) -> tuple[dict[str, MaskSource], list[LeftOut]]:
    """The masks of a scan that `read_mask` takes, and those on another grid, which are lost."""
    unfit: dict[Path, LeftOut] = {}
    for mask in masks.values():
        grid = read_image_header(mask.path).geometry
        fault = mask_grid_fault(grid, geometry, is_map=bool(mask.labels))
        if fault:
            unfit[mask.path] = LeftOut(mask.path, f"a mask {fault}", is_failure=True)
    kept = {name: mask for name, mask in masks.items() if mask.path not in unfit}
    return kept, list(unfit.values())


def without_unfit(item: FoundSeries, unfit: Sequence[LeftOut]) -> FoundSeries:
    """A series that warns of masks beside it that are not used."""
    texts = (f"{left.path.name} is not used: {left.reason}" for left in unfit)
    warnings = (*item.series.warnings, *texts)
    return replace(item, series=replace(item.series, warnings=warnings))


def image_series(path: Path, masks: dict[str, MaskSource] | None = None) -> tuple[Series, Geometry]:
    """The series in an image file, and its grid, from its header alone.

    Raises:
        InputError: when it is not a 3D image.
    """
    header = read_image_header(path)
    return _series(header, masks or {}), header.geometry


def _series(header: ImageHeader, masks: dict[str, MaskSource]) -> Series:
    stem = stem_of(header.path) or header.path.name
    return Series(
        files=header.files,
        uid=encodable(str(header.path)),
        description=encodable(stem),
        phase=_phase_of_name(stem),
        shape=header.geometry.shape,
        spacing_mm=header.geometry.spacing_mm,
        slice_thickness_mm=header.geometry.spacing_mm[0],
        is_dicom=False,
        masks=masks,
        warnings=header.warnings,
    )


def _series_of(
    header: ImageHeader,
    masks: dict[str, MaskSource],
    root: Path,
    sessions: dict[tuple[str, str], dt.date],
) -> FoundSeries:
    path, geometry = header.path, header.geometry
    series = _series(header, masks)
    relative = path.relative_to(root)
    parts = (root.resolve().name, *relative.parts)
    subject = next((p for p in parts if _PATIENT_FOLDER.fullmatch(p)), "")
    session = next((p for p in parts if _SESSION_FOLDER.fullmatch(p)), "")
    return FoundSeries(
        series=series,
        geometry=geometry,
        date=sessions.get((subject, session)) or sidecar_date(path, stem_of(path) or ""),
        dated_path=dated_path(path, root),
        study=encodable(str(relative.parent if relative.parent.parts else stem_of(path))),
        patient=subject,
        patient_id=subject,
    )


def _masks_by_scan(
    headers: Sequence[ImageHeader], masks: Sequence[MaskFile]
) -> tuple[dict[Path, dict[str, MaskSource]], list[LeftOut]]:
    """For each scan of a folder the masks that are its own, and those another goes before.

    A mask belongs to the scan it names in full; else, among those whose names begin as its own
    does and whose grid it has, to the best phase, unless these are of several dates.
    """
    scans = [header.path for header in headers]
    grids = {header.path: header.geometry for header in headers}
    keys = {scan: _scan_key((stem_of(scan) or "").lower()) for scan in scans}
    given: dict[tuple[Path, str], tuple[MaskFile, bool]] = {}
    behind: list[LeftOut] = []
    # Masks named in full come last, because they outweigh the others, and labels in a map least.
    for mask in sorted(masks, key=lambda mask: (not mask.labels, mask.scan in keys.values())):
        exact = [scan for scan in scans if keys[scan] == mask.scan]
        likely = exact or [scan for scan in scans if _begins_with(keys[scan], mask.scan)]
        if len(likely) > 1:
            grid = read_image_header(mask.path).geometry
            is_map = bool(mask.labels)
            fits = [s for s in likely if not mask_grid_fault(grid, grids[s], is_map=is_map)]
            likely = fits or likely
        if len({date_in_name(scan.name) for scan in likely}) == 1:
            best = min(likely, key=lambda scan: (_rank(keys[scan]), scan))
            before = given.get((best, mask.name))
            if before is not None:
                is_even = before[0].labels == mask.labels and before[1] == bool(exact)
                reason = f"{mask.path.name} is the mask of the class {mask.name} instead"
                behind.append(LeftOut(before[0].path, reason, is_failure=is_even))
            given[best, mask.name] = mask, bool(exact)
    used = {mask.path for mask, _ in given.values()}
    by_scan: dict[Path, dict[str, MaskSource]] = {scan: {} for scan in scans}
    for (scan, name), (mask, _) in given.items():
        by_scan[scan][name] = mask.source
    return by_scan, [item for item in behind if item.path not in used]


def _begins_with(key: str, beginning: str) -> bool:
    """Whether `key` begins with whole words of a shorter name."""
    rest = key.removeprefix(beginning)
    return not beginning or (rest != key and rest[:1] in _NOT_LETTERS)


def _rank(key: str) -> int:
    return PHASE_ORDER.index(_phase_of_name(key))


def _scan_key(stem: str) -> str:
    """What names the scan: `sub-1_ses-2_ct` and `sub-1_ses-2_liver` share one key."""
    key = stem.strip(_NOT_LETTERS).removesuffix("_0000").strip(_NOT_LETTERS)
    if key == "ct" or key.endswith(("_ct", "-ct")):
        key = key[:-2]
    return key.strip(_NOT_LETTERS)


def _phase_of_name(stem: str) -> Phase:
    """The phase in a file name, its date and BIDS entities for subject and session aside."""
    plain = re.sub(r"(?:sub|ses)-[A-Za-z0-9]+", " ", _DATE_PART.sub(" ", stem))
    return phase_of_text(plain)
