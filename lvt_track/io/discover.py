"""A patient's folder to visits: what would be read, what is left out, and why."""

from __future__ import annotations

import datetime as dt
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lvt_track.core.records import Phase, Series, Visit
from lvt_track.core.volume import Volume
from lvt_track.errors import InputError
from lvt_track.io.candidates import FoundSeries, LeftOut
from lvt_track.io.dicom.header import looks_like_dicom
from lvt_track.io.dicom.series import find_dicom_series
from lvt_track.io.dicom.volumes import read_series
from lvt_track.io.duplicate_scans import twin_warnings
from lvt_track.io.images.grids import is_same_grid
from lvt_track.io.images.layout import MaskFile, find_image_series, find_masks, image_series
from lvt_track.io.images.volumes import read_geometry, read_volume, stem_of
from lvt_track.io.phases import phase_of_text
from lvt_track.io.tracked_series import choose_tracked

__all__ = ["Discovery", "LeftOut", "discover", "read_scan", "series_at"]

_LAYOUTS = "See docs/use/inputs.md for the layouts that are read"
_PATHS_NAMED = 3
_OR_SAY_SO = "; or, if all are of one patient, say so with `lvt track --one-patient`"


@dataclass(frozen=True)
class Discovery:
    """What a patient's folder holds.

    Attributes:
        patient: name for the report: PatientID or BIDS subject, else the folder's name.
        visits: by date, one per day; at least one.
        left_out: what was found and is not used.
        warnings: what a reader must know of the whole.
    """

    patient: str
    visits: tuple[Visit, ...]
    left_out: tuple[LeftOut, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _SignOfTwo:
    """Why scans may be of more than one patient, and what to do about it."""

    what: str
    remedy: str


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
    folder = Path(folder)
    found, left_out = _search(folder)
    signs = _signs_of_two(found)
    if not one_patient:
        _check_one_patient(signs, folder, _OR_SAY_SO)
    found, warnings = _with_dates(found)
    warnings += [f"taken as one patient, as the user says, although: {sign.what}" for sign in signs]
    dated = [item for item in found if item.date is not None]
    undated = [item for item in found if item.date is None]
    left_out += [
        LeftOut(item.path, "no date in its header, its name or its folders", is_failure=True)
        for item in undated
    ]
    if not dated:
        raise _nothing_usable(folder, left_out, undated)
    visits, remarks = _visits(dated)
    warnings += remarks
    names = [item.patient_id for item in found if item.patient_id]
    # Under the user's word the headers may disagree, and none of their names is the patient's.
    is_disputed = bool(signs) and len({name.casefold() for name in names}) > 1
    patient = names[0] if names and not is_disputed else folder.resolve().name
    left_out.sort(key=lambda item: (not item.is_failure, item.path))
    return Discovery(patient, visits, tuple(left_out), tuple(warnings))


def series_at(path: Path) -> Series:
    """The CT series in an image file, or in a folder of DICOM slices.

    Of several series in a folder the one that `discover` would follow is taken, and the others
    are named in its warnings.

    Raises:
        InputError: when there is no usable CT, or more than one patient.
    """
    path = Path(path)
    if path.is_file() and stem_of(path) is not None:
        return image_series(path)[0]
    if path.is_file():
        path = path.parent
    found, left_out = _search(path)
    _check_one_patient(_signs_of_two(found), path)
    if not found:
        raise _nothing_usable(path, left_out, [])
    best = choose_tracked([[item.series for item in found]])[0]
    series = found[best].series
    others = [item.series.description for k, item in enumerate(found) if k != best]
    if not others:
        return series
    text = f"one of {len(found)} series here was taken; not: {', '.join(others)}"
    return replace(series, warnings=(*series.warnings, text))


def read_scan(series: Series) -> Volume:
    """Read the voxels of a series.

    Raises:
        InputError: when they cannot be read or are not CT in HU.
    """
    return (
        read_series(series.files, frozenset(series.frames))
        if series.is_dicom
        else read_volume(series.files[0])
    )


def _search(folder: Path) -> tuple[list[FoundSeries], list[LeftOut]]:
    """Every CT series below a folder."""
    images, others, left_out = _files_below(folder)
    dicom_files = [path for path in others if looks_like_dicom(path)]
    left_out += [
        LeftOut(path, "not DICOM, whatever its name says", is_failure=True)
        for path in set(others) - set(dicom_files)
        if path.suffix.lower() == ".dcm"
    ]
    masks = find_masks(images)
    dicom, reasons = find_dicom_series(dicom_files, folder)
    left_out += reasons
    scans, reasons = find_image_series(images, masks, folder)
    left_out += reasons
    used = {path for item in scans for path in item.series.masks.values()}
    dicom, unused = _with_masks(dicom, [mask for mask in masks if mask.path not in used])
    left_out += [
        LeftOut(mask.path, "a mask without a scan beside it, or of an unclear one")
        for mask in unused
    ]
    return dicom + scans, left_out


def _files_below(folder: Path) -> tuple[list[Path], list[Path], list[LeftOut]]:
    """Image files, all others but hidden ones and DICOM directories, and closed folders."""
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "there is no such folder"
        raise InputError(what, path=folder, remedy="Give the folder with the patient's scans")
    images: list[Path] = []
    others: list[Path] = []
    closed: list[LeftOut] = []
    visited: set[str] = set()

    def note(error: OSError) -> None:
        reason = f"cannot be opened ({error.strerror})"
        closed.append(LeftOut(Path(error.filename), reason, is_failure=True))

    for parent, folders, names in os.walk(folder, onerror=note, followlinks=True):
        # Links may lead back to a folder above.
        real = os.path.realpath(parent)
        if real in visited:
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            if name.startswith(".") or name.upper() == "DICOMDIR":
                continue
            (others if stem_of(path) is None else images).append(path)
    if not images and not others and not closed:
        raise InputError("the folder is empty", path=folder, remedy=_LAYOUTS)
    return images, others, closed


def _with_masks(
    found: Sequence[FoundSeries], masks: Sequence[MaskFile]
) -> tuple[list[FoundSeries], list[MaskFile]]:
    """DICOM series with the masks beside them, and the masks that belong to none.

    A mask belongs to the series in its own folder or below it; of several, to the one whose
    phase it names or whose grid it has.
    """
    given: dict[int, dict[str, Path]] = defaultdict(dict)
    unused: list[MaskFile] = []
    for mask in masks:
        below = [k for k, item in enumerate(found) if item.path.is_relative_to(mask.path.parent)]
        phase = phase_of_text(mask.scan)
        if phase is not Phase.UNKNOWN:
            named = [k for k in below if found[k].series.phase is phase]
            below = named or [k for k in below if found[k].series.phase is Phase.UNKNOWN]
        if len(below) > 1:
            try:
                grid = read_geometry(mask.path)
            except InputError:
                grid = None
            below = [k for k in below if grid is not None and is_same_grid(grid, found[k].geometry)]
        if len(below) == 1:
            given[below[0]][mask.name] = mask.path
        else:
            unused.append(mask)
    return [
        replace(item, series=replace(item.series, masks=given[k])) if k in given else item
        for k, item in enumerate(found)
    ], unused


def _check_one_patient(signs: Sequence[_SignOfTwo], folder: Path, or_else: str = "") -> None:
    """Refuse what may be two patients; `or_else` is what else a user can do."""
    if signs:
        raise InputError(signs[0].what, path=folder, remedy=signs[0].remedy + or_else)


def _signs_of_two(found: Sequence[FoundSeries]) -> list[_SignOfTwo]:
    """Why the series may be of more than one patient."""
    signs = []
    # DICOM and BIDS may call one patient differently, so each is compared with its own kind.
    for is_dicom in (True, False):
        patients: dict[str, FoundSeries] = {}
        for item in found:
            if item.patient and item.series.is_dicom is is_dicom:
                patients.setdefault(item.patient.casefold(), item)
        if len(patients) > 1:
            names = "; ".join(f"{item.patient} in {item.path}" for item in patients.values())
            what = f"{len(patients)} patients in one folder: {names}"
            signs.append(_SignOfTwo(what, "Give the folder of one patient at a time"))
    signs += _signs_of_two_persons(found)
    # Image files name nobody, so dated folders in two places may be two patients.
    places = {
        item.dated_path.parent
        for item in found
        if not item.series.is_dicom and not item.patient and item.dated_path is not None
    }
    if len(places) > 1:
        what = f"dated scans in {len(places)} places: {', '.join(map(str, sorted(places)))}"
        remedy = (
            "If they are one patient, move all dated folders into one folder; "
            "else give the folder of one patient"
        )
        signs.append(_SignOfTwo(what, remedy))
    return signs


def _signs_of_two_persons(found: Sequence[FoundSeries]) -> Iterator[_SignOfTwo]:
    """One patient with two birth dates or two sexes: one of the studies is another's."""
    known_sexes = [(item.sex, item) for item in found if item.sex in ("F", "M")]
    birth_dates = [(item.birth_date, item) for item in found if item.birth_date]
    for name, told in (("birth dates", birth_dates), ("sexes", known_sexes)):
        values: dict[str, FoundSeries] = {}
        for value, item in told:
            values.setdefault(value, item)
        if len(values) > 1:
            said = "; ".join(f"{value} in {item.path}" for value, item in values.items())
            yield _SignOfTwo(
                f"the headers give {len(values)} {name} for one patient: {said}",
                "Take out the study of another patient; if none is, correct the headers",
            )


def _with_dates(found: Sequence[FoundSeries]) -> tuple[list[FoundSeries], list[str]]:
    """Dates by the headers, where these tell studies apart, else by the folders."""
    headed = [item for item in found if item.date is not None]
    headers = {item.date for item in headed}
    folders = {item.folder_date for item in headed}
    if None not in folders and len(folders) > len(headers):
        text = "the headers give fewer dates than the folders, whose dates were taken instead"
        return [replace(item, date=item.folder_date) for item in found], [text]
    return [replace(item, date=item.date or item.folder_date) for item in found], []


def _nothing_usable(
    folder: Path, left_out: Sequence[LeftOut], undated: Sequence[FoundSeries]
) -> InputError:
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
        remedy=_LAYOUTS,
    )


def _visits(found: Sequence[FoundSeries]) -> tuple[tuple[Visit, ...], list[str]]:
    """One visit per day, each with the series to follow."""
    days: dict[dt.date, list[FoundSeries]] = defaultdict(list)
    for item in found:
        if item.date is not None:
            days[item.date].append(item)
    dates = sorted(days)
    tracked = choose_tracked([[item.series for item in days[date]] for date in dates])
    visits = []
    warnings = []
    for date, choice in zip(dates, tracked, strict=True):
        items = days[date]
        studies = list(dict.fromkeys(item.study for item in items))
        if len(studies) > 1:
            warnings.append(f"{date}: {len(studies)} studies of one day are taken as one visit")
        warnings += twin_warnings(items)
        series = tuple(item.series for item in items)
        visits.append(Visit(date, items[choice].study, series, choice))
    dates_of: dict[str, list[str]] = defaultdict(list)
    for visit in visits:
        if visit.tracked_series.is_dicom and visit.study:
            dates_of[visit.study].append(visit.name)
    warnings += [
        f"{', '.join(names)} have one StudyInstanceUID: one study under several dates, or headers "
        "that were copied"
        for names in dates_of.values()
        if len(names) > 1
    ]
    phases = {visit.tracked_series.phase for visit in visits}
    if len(phases) > 1:
        listed = ", ".join(f"{visit.name} {visit.tracked_series.phase}" for visit in visits)
        warnings.append(f"the visits are followed in different phases: {listed}")
    return tuple(visits), warnings
