"""Scans and masks in image files below a patient's folder: dated folders, and BIDS."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lvt_track.core.geometry import Geometry
from lvt_track.core.records import Phase, Series
from lvt_track.core.volume import CLASSES
from lvt_track.errors import InputError
from lvt_track.io.candidates import FoundSeries, LeftOut, date_in_name, dated_path, too_short
from lvt_track.io.images.volumes import read_geometry, stem_of
from lvt_track.io.phases import phase_of_text
from lvt_track.io.tracked_series import PHASE_ORDER

__all__ = ["MaskFile", "find_image_series", "find_masks", "image_series", "read_session_dates"]

_PATIENT_FOLDER = re.compile(r"sub-[A-Za-z0-9]+")
_SESSION_FOLDER = re.compile(r"ses-[A-Za-z0-9]+")
_DATE_PART = re.compile(r"(?<!\d)\d{4}[-.]?\d{2}[-.]?\d{2}(?!\d)")
_OTHER_MASKS = re.compile(
    r"(?:^|[_-])(?:masks?|seg|segmentations?|labels?\d*|vessel|tumou?r|tumours|lesions?|dseg)$",
    re.IGNORECASE,
)
_NOT_LETTERS = "_-. "


@dataclass(frozen=True)
class MaskFile:
    """A mask beside a scan.

    Attributes:
        path: the file.
        name: `liver`, `vessels` or `tumors`.
        scan: what stands before the name: the scan it belongs to; empty when it is not said.
    """

    path: Path
    name: str
    scan: str


def find_masks(paths: Iterable[Path]) -> list[MaskFile]:
    """The files that are masks by their names: `liver`, `portal_tumors`."""
    masks: list[MaskFile] = []
    for path in paths:
        stem = (stem_of(path) or "").lower()
        masks += [
            MaskFile(path, name, _scan_key(stem[: -len(name)]))
            for name in CLASSES
            if stem == name or stem.endswith((f"_{name}", f"-{name}"))
        ]
    return masks


def find_image_series(
    paths: Sequence[Path], masks: Sequence[MaskFile], root: Path
) -> tuple[list[FoundSeries], list[LeftOut]]:
    """Scans among image files, each with the masks named for it.

    Args:
        paths: image files; those in `masks` are passed over.
        masks: what `find_masks` found among them.
        root: the folder that was searched.

    Raises:
        InputError: when a table of sessions cannot be read.
    """
    found: list[FoundSeries] = []
    left_out: list[LeftOut] = []
    sessions = read_session_dates(root)
    mask_paths = {mask.path for mask in masks}
    scans: dict[Path, list[Path]] = defaultdict(list)
    for path in sorted(set(paths) - mask_paths):
        if _OTHER_MASKS.search(stem_of(path) or ""):
            names = ", ".join(CLASSES)
            left_out.append(LeftOut(path, f"a mask by its name; masks that are used: {names}"))
        else:
            scans[path.parent].append(path)
    for folder, files in scans.items():
        given = _masks_by_scan(files, [mask for mask in masks if mask.path.parent == folder])
        for path in files:
            try:
                item = _found(path, given[path], root, sessions)
            except InputError as error:
                left_out.append(LeftOut(path, error.what, is_failure=True))
                continue
            reason = too_short(item.geometry)
            if reason:
                left_out.append(LeftOut(path, reason))
            else:
                found.append(item)
    return found, left_out


def image_series(path: Path, masks: dict[str, Path] | None = None) -> tuple[Series, Geometry]:
    """The series in an image file, and its grid, from its header alone.

    Raises:
        InputError: when it is not a 3D image.
    """
    geometry = read_geometry(path)
    stem = stem_of(path) or path.name
    series = Series(
        files=(path,),
        uid=str(path),
        description=stem,
        phase=_phase_of_name(stem),
        shape=geometry.shape,
        spacing_mm=geometry.spacing_mm,
        slice_thickness_mm=geometry.spacing_mm[0],
        is_dicom=False,
        masks=masks or {},
    )
    return series, geometry


def read_session_dates(root: Path) -> dict[tuple[str, str], dt.date]:
    """Dates of BIDS sessions, by (subject, session), from the `*_sessions.tsv` of `root`.

    Raises:
        InputError: when such a table cannot be read.
    """
    dates: dict[tuple[str, str], dt.date] = {}
    for table in sorted([*root.glob("*_sessions.tsv"), *root.glob("sub-*/*_sessions.tsv")]):
        subject = table.name.split("_")[0]
        try:
            with table.open(newline="", encoding="utf-8-sig") as file:
                for row in csv.DictReader(file, delimiter="\t"):
                    written = (row.get("acq_time") or row.get("date") or "")[:10]
                    try:
                        dates[subject, row.get("session_id") or ""] = dt.date.fromisoformat(written)
                    except ValueError:
                        continue
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InputError(f"cannot be read as a table ({error})", path=table) from error
    return dates


def _found(
    path: Path, masks: dict[str, Path], root: Path, sessions: dict[tuple[str, str], dt.date]
) -> FoundSeries:
    series, geometry = image_series(path, masks)
    relative = path.relative_to(root)
    parts = (root.resolve().name, *relative.parts)
    subject = next((p for p in parts if _PATIENT_FOLDER.fullmatch(p)), "")
    session = next((p for p in parts if _SESSION_FOLDER.fullmatch(p)), "")
    return FoundSeries(
        series=series,
        geometry=geometry,
        date=sessions.get((subject, session)),
        dated_path=dated_path(path, root),
        study=str(relative.parent if relative.parent.parts else stem_of(path)),
        patient=subject,
        patient_id=subject,
    )


def _masks_by_scan(scans: Sequence[Path], masks: Sequence[MaskFile]) -> dict[Path, dict[str, Path]]:
    """For each scan of a folder the masks that are its own.

    A mask belongs to the scan it names in full; else to the best phase among those whose names
    begin as its own does, unless these are of several dates.
    """
    keys = {scan: _scan_key((stem_of(scan) or "").lower()) for scan in scans}
    given: dict[Path, dict[str, Path]] = {scan: {} for scan in scans}
    # Masks named in full come last, because they outweigh the others.
    for mask in sorted(masks, key=lambda mask: mask.scan in keys.values()):
        exact = [scan for scan in scans if keys[scan] == mask.scan]
        likely = exact or [scan for scan in scans if _begins_with(keys[scan], mask.scan)]
        if len({date_in_name(scan.name) for scan in likely}) == 1:
            best = min(likely, key=lambda scan: (_rank(keys[scan]), scan))
            given[best][mask.name] = mask.path
    return given


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
