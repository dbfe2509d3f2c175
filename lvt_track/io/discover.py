"""A patient's folder to visits: what would be read, what is left out, and why."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lvt_track.core.plain_text import encodable
from lvt_track.core.series import Series, Visit
from lvt_track.core.volume import Volume
from lvt_track.errors import InputError
from lvt_track.io.candidates import FoundSeries, LeftOut
from lvt_track.io.dates import (
    date_in_name,
    dates_above,
    impossible_date_above,
    odd_date_warnings,
)
from lvt_track.io.identity import check_one_patient, name_warnings, signs_of_two
from lvt_track.io.images.headers import stem_of
from lvt_track.io.images.volumes import read_volume
from lvt_track.io.layouts.dicom_masks import NO_SCAN, with_masks
from lvt_track.io.layouts.image_files import sort_images
from lvt_track.io.layouts.images import find_image_series, image_series
from lvt_track.io.layouts.mask_choice import with_unclear_maps
from lvt_track.io.tracked_series import choose_tracked

__all__ = ["Discovery", "FileFate", "LeftOut", "discover", "read_scan", "series_at"]

_PATHS_NAMED = 3
_OR_SAY_SO = "; or, if all are of one patient, say so with `lvt track --one-patient`"


@dataclass(frozen=True)
class FileFate:
    """What became of a file of the folder.

    Attributes:
        path: the file.
        fate: `used`, `passed over` or `failed`.
        reason: why it is not used.
    """

    path: Path
    fate: str
    reason: str = ""


@dataclass(frozen=True)
class Discovery:
    """What a patient's folder holds.

    Attributes:
        patient: name for the report: PatientID or BIDS subject, else the folder's name.
        visits: by date, one per day; at least one.
        left_out: what was found and is not used.
        warnings: what a reader must know of the whole.
        files: what became of every file of the folder.
        identities: all names of the patient that headers and folders give.
    """

    patient: str
    visits: tuple[Visit, ...]
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()
    files: tuple[FileFate, ...] = ()
    identities: tuple[str, ...] = ()


def discover(folder: Path, *, one_patient: bool = False) -> Discovery:
    """Find the visits and series of one patient below a folder, from headers alone.

    Args:
        folder: what lies below it is searched.
        one_patient: the user's word that it is one patient, whatever headers and folders say,
            as after de-identification visit by visit; what speaks against it is a warning then.

    Raises:
        InputError: when there is no usable CT with a date, or, without the user's word, more
            than one patient.
    """
    from lvt_track.io.duplicate_scans import without_duplicates
    from lvt_track.io.visits import build_visits, with_dates
    from lvt_track.io.walk import days_in_other_formats

    folder = Path(folder)
    search = _search(folder)
    candidates, left_out = search.candidates, search.left_out
    signs = signs_of_two(candidates)
    if not one_patient:
        check_one_patient(signs, folder, _OR_SAY_SO)
    candidates, warnings = with_dates(_with_ambiguous_dates(candidates, folder), folder)
    candidates, copies = without_duplicates(candidates)
    left_out += copies
    warnings += name_warnings(candidates)
    warnings += [f"taken as one patient, as the user says, although: {sign.what}" for sign in signs]
    dated = [item for item in candidates if item.date is not None]
    undated = [item for item in candidates if item.date is None]
    left_out += [
        LeftOut(item.path, _why_undated(item, folder), is_failure=True, files=item.series.files)
        for item in undated
    ]
    if not dated:
        raise _nothing_usable(folder, left_out, undated)
    visits, remarks = build_visits(dated)
    warnings += remarks
    warnings += odd_date_warnings(
        [visit.date for visit in visits], {item.birth_date for item in dated}
    )
    days = {visit.date for visit in visits}
    left_out = [*_with_days_lost(left_out, days), *days_in_other_formats(search.files, days)]
    names = [item.patient_id for item in candidates if item.patient_id]
    # Under the user's word the headers may disagree, and none of their names is the patient's.
    is_disputed = bool(signs) and len({name.casefold() for name in names}) > 1
    # A link is called as it is: links to `a/ct` and `b/ct` are two patients.
    own_name = folder.name if folder.name not in ("", "..") else folder.resolve().name
    patient = names[0] if names and not is_disputed else encodable(own_name)
    left_out.sort(key=lambda item: (not item.is_failure, item.path))
    fates = _fates(replace(search, left_out=left_out), visits)
    identities = tuple(
        sorted({name for item in candidates for name in (item.patient, item.patient_id)})
    )
    return Discovery(patient, visits, tuple(left_out), tuple(warnings), fates, identities)


def _with_ambiguous_dates(candidates: Sequence[FoundSeries], root: Path) -> list[FoundSeries]:
    """Series that no header dates and whose path names two days say which one counts."""
    warned = []
    for item in candidates:
        days = dates_above(item.path, root) if item.date is None else []
        if len(days) > 1:
            text = f"its path names several days ({', '.join(map(str, days))}): the nearest is used"
            series = replace(item.series, warnings=(*item.series.warnings, text))
            item = replace(item, series=series)
        warned.append(item)
    return warned


def _with_days_lost(left_out: Sequence[LeftOut], days: Collection[dt.date]) -> list[LeftOut]:
    """What is left out, where masks of a day that has no scan are a loss."""
    items = []
    for item in left_out:
        day = date_in_name(item.path.parent.name) or date_in_name(item.path.name)
        is_mask = item.reason == NO_SCAN or "label map" in item.reason
        if is_mask and day is not None and day not in days:
            reason = f"{item.reason}: the scan of {day} is missing"
            item = replace(item, reason=reason, is_failure=True)
        items.append(item)
    return items


def _why_undated(item: FoundSeries, root: Path) -> str:
    no_ct = "on which no CT can have been made"
    if item.impossible_date:
        return f"its header's date is {item.impossible_date}, {no_ct}"
    if impossible := impossible_date_above(item.path, root):
        return f"the date in its path is {impossible}, {no_ct}"
    text = "no date in its header, its name or its folders"
    if any(re.search(r"\d{1,2}[-_. ]\d{1,2}[-_. ]\d{4}", part) for part in item.path.parts):
        text += "; days in names are written 2024-03-01, as 01-03-2024 may be two"
    return text


def series_at(path: Path) -> Series:
    """The CT series in an image file, in a folder of DICOM slices, or that of one of its slices.

    Of several series in a folder the one that `discover` would follow is taken, and the others
    are named in its warnings.

    Raises:
        InputError: when there is no usable CT, or more than one patient.
    """
    path = Path(path)
    if not path.exists():
        remedy = "Give an image file, a folder of DICOM slices, or one of them"
        raise InputError("there is no such file or folder", path=path, remedy=remedy)
    if path.is_file() and stem_of(path) is not None:
        return image_series(path)[0]
    slice_file = path if path.is_file() else None
    if slice_file is not None:
        path = path.parent
    search = _search(path)
    candidates, left_out = search.candidates, search.left_out
    check_one_patient(signs_of_two(candidates), path)
    if not candidates:
        raise _nothing_usable(path, left_out, [])
    if slice_file is not None:
        candidates = [item for item in candidates if slice_file in item.series.files]
        if not candidates:
            raise _slice_left_out(slice_file, left_out)
    best = choose_tracked([[item.series for item in candidates]])[0]
    series = candidates[best].series
    others = [f"“{item.series.description}”" for k, item in enumerate(candidates) if k != best]
    if not others:
        return series
    text = f"one of {len(candidates)} series here was taken; not: {', '.join(others)}"
    return replace(series, warnings=(*series.warnings, text))


def _slice_left_out(path: Path, left_out: Sequence[LeftOut]) -> InputError:
    fates = (item.reason for item in left_out if path in (item.path, *item.files))
    reason = next(fates, "neither an image file nor a slice of a CT series")
    return InputError(reason, path=path, remedy="Give a file or folder of a whole CT series")


def read_scan(series: Series) -> Volume:
    """Read the voxels of a series.

    Raises:
        InputError: when they cannot be read or are not CT in HU.
    """
    if not series.is_dicom:
        return read_volume(series.files[0])
    from lvt_track.io.dicom.volumes import read_series

    return read_series(series.files, frozenset(series.frames))


@dataclass(frozen=True)
class _Search:
    """Every CT series below a folder, what is left out, and all files that were met."""

    candidates: list[FoundSeries]
    left_out: list[LeftOut]
    files: list[Path]


def _search(folder: Path) -> _Search:
    from lvt_track.io.dicom.frames import read_frame_headers
    from lvt_track.io.dicom.segmentation.header import SEGMENTATIONS
    from lvt_track.io.dicom.series import find_dicom_series
    from lvt_track.io.layouts.drawings.contours import CONTOURS, with_contours_told
    from lvt_track.io.layouts.drawings.dicom_segmentations import with_segmentations
    from lvt_track.io.walk import files_below

    walk = files_below(folder)
    images = sort_images(walk.images)
    headers, errors = read_frame_headers(walk.dicom)
    slices = [header for header in headers if header.sop_class not in SEGMENTATIONS]
    dicom, reasons = find_dicom_series(slices, errors, folder)
    left_out = [*walk.left_out, *images.left_out, *reasons]
    scans, reasons = find_image_series(images.scans, images.masks, folder)
    left_out += reasons
    used = {path for item in scans for mask in item.series.masks.values() for path in mask.paths}
    used |= {item.path for item in reasons}
    dicom, unused = with_masks(dicom, [mask for mask in images.masks if mask.path not in used])
    left_out += unused
    segmentations = [header.path for header in headers if header.sop_class in SEGMENTATIONS]
    dicom, unused = with_segmentations(
        dicom, segmentations, {header.series_uid for header in slices}
    )
    left_out += unused
    dicom = with_contours_told(dicom, [h.path for h in slices if h.sop_class == CONTOURS])
    of_headers = {path for header in images.scans for path in header.files}
    left_out += [
        LeftOut(path, "voxels of a header beside them, or without one", not _has_header(path))
        for path in walk.voxels
        if path not in of_headers
    ]
    candidates = with_unclear_maps([*_with_losses(dicom, walk.lost), *scans], images.left_out)
    return _Search(candidates, left_out, walk.files)


def _with_losses(candidates: Sequence[FoundSeries], lost: Sequence[Path]) -> list[FoundSeries]:
    """Series with a warning where files beside their slices should be slices and are not."""
    counts = Counter(path.parent for path in lost)
    warned = []
    for item in candidates:
        count = counts[item.path]
        if count:
            text = f"{count} files beside its slices are damaged: slices may be missing"
            warnings = (*item.series.warnings, text)
            item = replace(item, series=replace(item.series, warnings=warnings))
        warned.append(item)
    return warned


def _has_header(path: Path) -> bool:
    """Whether a header that may name a file of voxels lies beside it."""
    stem = path.name.split(".")[0]
    return any(path.with_name(stem + suffix).exists() for suffix in (".mhd", ".nhdr", ".hdr"))


def _fates(search: _Search, visits: Sequence[Visit]) -> tuple[FileFate, ...]:
    """What became of every file: each stands in the list once."""
    fates: dict[Path, FileFate] = {}
    for item in search.left_out:
        fate = "failed" if item.is_failure else "passed over"
        for path in item.files or (item.path,):
            if path not in fates or item.is_failure:
                fates[path] = FileFate(path, fate, item.reason)
    for visit in visits:
        for series in visit.series:
            given = (path for mask in series.masks.values() for path in mask.paths)
            for path in (*series.files, *given):
                fates[path] = FileFate(path, "used")
    listed = [fates.get(path) or _by_folder(path, search.left_out) for path in search.files]
    return tuple(listed)


def _by_folder(path: Path, left_out: Sequence[LeftOut]) -> FileFate:
    for item in left_out:
        if not item.files and path.is_relative_to(item.path):
            fate = "failed" if item.is_failure else "passed over"
            return FileFate(path, fate, item.reason)
    if path.name.lower().endswith((".raw", ".zraw", ".raw.gz")):
        return FileFate(path, "used")
    return FileFate(path, "passed over", "neither DICOM nor an image file")


def _nothing_usable(
    folder: Path, left_out: Sequence[LeftOut], undated: Sequence[FoundSeries]
) -> InputError:
    from lvt_track.io.walk import LAYOUTS

    if undated:
        return InputError(
            "no visit has a date",
            path=folder,
            remedy="Put each visit into a folder named by its date, such as 2024-03-01",
        )
    reasons = "; ".join(f"{item.path}: {item.reason}" for item in left_out[:_PATHS_NAMED])
    more = f"; and {len(left_out) - _PATHS_NAMED} more" if len(left_out) > _PATHS_NAMED else ""
    return InputError(
        "no usable CT here" + (f" ({reasons}{more})" if reasons else ""),
        path=folder,
        remedy=LAYOUTS,
    )
