"""Whether scans below one folder may be of more than one patient."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from lvt_track.errors import InputError
from lvt_track.io.candidates import FoundSeries

__all__ = ["SignOfTwo", "check_one_patient", "name_warnings", "signs_of_two"]

_ANYBODY = re.compile(
    r"anon|deident|unknown|unbekannt|noname|patient|subject|case|test|removed|xxx"
)


@dataclass(frozen=True)
class SignOfTwo:
    """Why scans may be of more than one patient, and what to do about it."""

    what: str
    remedy: str


def check_one_patient(signs: Sequence[SignOfTwo], folder: Path, or_else: str = "") -> None:
    """Refuse what may be two patients; `or_else` is what else a user can do."""
    if signs:
        raise InputError(signs[0].what, path=folder, remedy=signs[0].remedy + or_else)


def signs_of_two(candidates: Sequence[FoundSeries]) -> list[SignOfTwo]:
    """Why the series may be of more than one patient."""
    signs = []
    # DICOM and BIDS may call one patient differently, so each is compared with its own kind.
    known = _identities_by_name(candidates)
    for is_dicom in (True, False):
        patients: dict[str, FoundSeries] = {}
        for item in candidates:
            if item.patient and item.series.is_dicom is is_dicom:
                name = item.patient if item.patient_id else known.get(_letters(item), item.patient)
                patients.setdefault(name.casefold(), item)
        if len(patients) > 1:
            names = "; ".join(f"“{item.patient}” in {item.path}" for item in patients.values())
            what = f"{len(patients)} patients in one folder: {names}"
            signs.append(SignOfTwo(what, "Give the folder of one patient at a time"))
    signs += _signs_of_two_persons(candidates)
    # Image files name nobody, so dated folders in two places may be two patients.
    places = {
        item.dated_path.parent
        for item in candidates
        if not item.series.is_dicom and not item.patient and item.dated_path is not None
    }
    if len(places) > 1:
        what = f"dated scans in {len(places)} places: {', '.join(map(str, sorted(places)))}"
        remedy = (
            "If they are one patient, move all dated folders into one folder; "
            "else give the folder of one patient"
        )
        signs.append(SignOfTwo(what, remedy))
    return signs


def name_warnings(candidates: Sequence[FoundSeries]) -> list[str]:
    """A warning where one PatientID bears several names, or one name no PatientID at some visits.

    The first is so after marriage, or after a mix-up. Names themselves stay in the headers.
    """
    known = _identities_by_name(candidates)
    unnamed = [one for one in candidates if not one.patient_id and _letters(one) in known]
    warnings = [
        f"the headers in {item.path} state no PatientID: taken for the patient of the same name"
        for item in unnamed
    ]
    firsts: dict[str, FoundSeries] = {}
    for item in candidates:
        name = _letters(item)
        if name and item.patient_id and item.patient_name != item.patient_id:
            firsts.setdefault(name, item)
    if len(firsts) < 2:
        return warnings
    places = ", ".join(str(item.path) for item in firsts.values())
    text = f"the headers give {len(firsts)} names for one patient: is one of {places} another's?"
    return [*warnings, text]


def _letters(item: FoundSeries) -> str:
    """The patient's name, however it is written."""
    return "".join(letter for letter in item.patient_name.casefold() if letter.isalnum())


def _identities_by_name(candidates: Sequence[FoundSeries]) -> dict[str, str]:
    """PatientIDs by the names that they stand beside; names that are anybody's left out."""
    known: dict[str, set[str]] = {}
    for item in candidates:
        name = _letters(item)
        if name and item.patient_id and not _ANYBODY.match(name):
            known.setdefault(name, set()).add(item.patient_id)
    return {name: ids.pop() for name, ids in known.items() if len(ids) == 1}


def _signs_of_two_persons(candidates: Sequence[FoundSeries]) -> Iterator[SignOfTwo]:
    """One patient with two birth dates or two sexes: one of the studies is another's."""
    known_sexes = [(item.sex, item) for item in candidates if item.sex in ("F", "M")]
    birth_dates = [(item.birth_date, item) for item in candidates if item.birth_date]
    for name, known in (("birth dates", birth_dates), ("sexes", known_sexes)):
        values: dict[str, FoundSeries] = {}
        for value, item in known:
            values.setdefault(value, item)
        if len(values) > 1:
            listed = "; ".join(f"“{value}” in {item.path}" for value, item in values.items())
            yield SignOfTwo(
                f"the headers give {len(values)} {name} for one patient: {listed}",
                "Take out the study of another patient; if none is, correct the headers",
            )
