"""Scans and masks in image files below a patient's folder: dated folders, and BIDS."""

from __future__ import annotations

import datetime as dt
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lvt_track.core.geometry import Geometry
from lvt_track.core.plain_text import encodable
from lvt_track.core.series import MaskSource, Phase, Series
from lvt_track.io.candidates import FoundSeries, LeftOut, too_short
from lvt_track.io.dates import date_in_name, dated_path
from lvt_track.io.images.grids import mask_grid_fault
from lvt_track.io.images.headers import ImageHeader, read_image_header, stem_of
from lvt_track.io.layouts.bids import raw_folder, read_session_dates, sidecar_date
from lvt_track.io.layouts.image_files import NOT_LETTERS, MaskFile, scan_key
from lvt_track.io.layouts.mask_choice import Named, chosen_files, without_unfit
from lvt_track.io.phases import phase_of_text
from lvt_track.io.tracked_series import PHASE_ORDER

__all__ = ["find_image_series", "image_series"]

_PATIENT_FOLDER = re.compile(r"sub-[A-Za-z0-9]+")
_SESSION_FOLDER = re.compile(r"ses-[A-Za-z0-9]+")
_DATE_PART = re.compile(r"(?<!\d)\d{4}[-.]?\d{2}[-.]?\d{2}(?!\d)")


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
    behind: list[LeftOut] = []
    sessions = read_session_dates(root)
    scans: dict[Path, list[ImageHeader]] = defaultdict(list)
    is_all_derived = all(raw_folder(header.path) for header in headers)
    for header in headers:
        if raw_folder(header.path) is None or is_all_derived:
            scans[header.path.parent].append(header)
        else:
            left_out.append(LeftOut(header.path, "derived from raw scans of BIDS that are here"))
    for folder, members in scans.items():
        given = _masks_by_scan(members, [m for m in masks if m.place == folder])
        for header in members:
            kept, superseded, unfit = chosen_files(given[header.path], header.geometry)
            behind += superseded
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
    used = {path for item in series for mask in item.series.masks.values() for path in mask.paths}
    return series, [*left_out, *(item for item in behind if item.path not in used)]


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
) -> dict[Path, list[Named]]:
    """For each scan of a folder the masks that may be its own, and whether they name it in full.

    A mask belongs to the scan it names in full; else, among those whose names begin as its own
    does and whose grid it has, to the best phase, unless these are of several dates.
    """
    scans = [header.path for header in headers]
    grids = {header.path: header.geometry for header in headers}
    keys = {scan: scan_key((stem_of(scan) or "").lower()) for scan in scans}
    given: dict[Path, list[Named]] = {scan: [] for scan in scans}
    for mask in masks:
        exact = [scan for scan in scans if keys[scan] == mask.scan]
        likely = exact or [scan for scan in scans if _begins_with(keys[scan], mask.scan)]
        if len(likely) > 1:
            grid = read_image_header(mask.path).geometry
            is_map = bool(mask.labels)
            fits = [s for s in likely if not mask_grid_fault(grid, grids[s], is_map=is_map)]
            likely = fits or likely
        if len({date_in_name(scan.name) for scan in likely}) == 1:
            best = min(likely, key=lambda scan: (_rank(keys[scan]), scan))
            given[best].append((mask, bool(exact)))
    return given


def _begins_with(key: str, beginning: str) -> bool:
    """Whether `key` begins with whole words of a shorter name."""
    rest = key.removeprefix(beginning)
    return not beginning or (rest != key and rest[:1] in NOT_LETTERS)


def _rank(key: str) -> int:
    return PHASE_ORDER.index(_phase_of_name(key))


def _phase_of_name(stem: str) -> Phase:
    """The phase in a file name, its date and BIDS entities for subject and session aside."""
    plain = re.sub(r"(?:sub|ses)-[A-Za-z0-9]+", " ", _DATE_PART.sub(" ", stem))
    return phase_of_text(plain)
