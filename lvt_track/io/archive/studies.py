"""Which studies and series of an archive are meant, from what it says of them."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from pydicom.dataset import Dataset

from lvt_track.core.series import Phase, Series
from lvt_track.errors import InputError, UsageError
from lvt_track.io.archive.archive import Archive, Level, SeriesKey
from lvt_track.io.candidates import LEAST_SLICES
from lvt_track.io.dates import date_of_text
from lvt_track.io.dicom.header import SliceHeader, slice_header
from lvt_track.io.dicom.kinds import is_derived, is_sharp, phase_of_series, why_unusable
from lvt_track.io.dicom.values import integer, text
from lvt_track.io.tracked_series import choose_tracked

__all__ = ["ArchivedSeries", "ArchivedStudy", "Query", "find_series", "find_studies", "to_pull"]

_WILDCARDS = set("*?\\")


@dataclass(frozen=True)
class Query:
    """Which studies are meant.

    Attributes:
        patient_id: the patient's, as the archive has it; empty where studies are named.
        accessions: numbers of studies; empty for all of the patient.
        first, last: days between which they lie.
        description: words of StudyDescription, in any case.
        modalities: of the series that are wanted.
    """

    patient_id: str = ""
    accessions: tuple[str, ...] = ()
    first: dt.date | None = None
    last: dt.date | None = None
    description: str = ""
    modalities: tuple[str, ...] = ("CT",)

    def __post_init__(self) -> None:
        if not self.patient_id and not self.accessions:
            raise UsageError("no patient is named", remedy="Give --patient-id or --accession")
        if any(_WILDCARDS & set(word) for word in (self.patient_id, *self.accessions)):
            raise UsageError("an archive takes * ? and \\ for other patients too")
        if self.first and self.last and self.first > self.last:
            raise UsageError(f"--from {self.first} is after --to {self.last}")


@dataclass(frozen=True)
class ArchivedStudy:
    """A study in an archive: its UID and its day."""

    uid: str
    date: dt.date | None
    patient_id: str


@dataclass(frozen=True)
class ArchivedSeries:
    """A series in an archive.

    Attributes:
        key: its UIDs.
        study: its study.
        modality, description: as the archive has them.
        instances: SOPInstanceUIDs.
        stated: how many the archive says that there are; None where it does not.
        header: of its first image, as far as the archive tells.
        thickness_mm: between slices, as far as can be told.
    """

    key: SeriesKey
    study: ArchivedStudy
    modality: str
    description: str
    instances: tuple[str, ...]
    stated: int | None
    header: SliceHeader
    thickness_mm: float

    @property
    def phase(self) -> Phase:
        """Contrast phase, as `lvt discover` would tell it."""
        return phase_of_series(self.header)


def find_studies(archive: Archive, query: Query) -> list[ArchivedStudy]:
    """Studies of one patient, by day.

    Raises:
        InputError: when there is none, or they are of more than one patient.
        ArchiveError: when the archive does not answer.
    """
    keys = {"PatientID": query.patient_id} if query.patient_id else {}
    if query.first or query.last:
        days = (f"{day:%Y%m%d}" if day else "" for day in (query.first, query.last))
        keys["StudyDate"] = "-".join(days)
    answers: list[Dataset] = []
    for number in query.accessions or ("",):
        answers += archive.find(Level.STUDY, keys | ({"AccessionNumber": number} if number else {}))
    # Archives search by more or less than is asked, such as in any case.
    meant = {text(one, "StudyInstanceUID"): one for one in answers if _is_meant(one, query)}
    if not meant:
        raise InputError(
            "the archive has no such study",
            remedy="Check the patient's id, accession numbers, dates and description",
        )
    _check_one_patient(list(meant.values()))
    studies = [
        ArchivedStudy(uid, date_of_text(text(one, "StudyDate"))[0], text(one, "PatientID"))
        for uid, one in meant.items()
    ]
    return sorted(studies, key=lambda study: (study.date or dt.date.max, study.uid))


def _is_meant(study: Dataset, query: Query) -> bool:
    date = date_of_text(text(study, "StudyDate"))[0]
    return (
        query.patient_id in ("", text(study, "PatientID"))
        and (not query.accessions or text(study, "AccessionNumber") in query.accessions)
        and (query.first is None or (date is not None and date >= query.first))
        and (query.last is None or (date is not None and date <= query.last))
        and query.description.casefold() in text(study, "StudyDescription").casefold()
    )


def _check_one_patient(studies: Sequence[Dataset]) -> None:
    """Refuse studies of two persons; which two is not said, as it would stand in logs."""
    for keyword, what in (
        ("PatientID", "ids"),
        ("PatientName", "names"),
        ("PatientBirthDate", "birth dates"),
        ("PatientSex", "sexes"),
    ):
        values = {_plain(text(study, keyword)) for study in studies} - {"", "o"}
        if len(values) > 1:
            raise InputError(
                f"the studies have {len(values)} {what}: they may be of more than one patient",
                remedy="Name the studies of one patient by --accession",
            )


def _plain(written: str) -> str:
    return " ".join(written.replace("^", " ").casefold().split())


def find_series(archive: Archive, study: ArchivedStudy, query: Query) -> list[ArchivedSeries]:
    """Series of a study of the modalities that are wanted."""
    series = []
    for item in archive.find(Level.SERIES, {"StudyInstanceUID": study.uid}):
        if text(item, "Modality").upper() in query.modalities:
            key = SeriesKey(study.uid, text(item, "SeriesInstanceUID"))
            images = archive.find(
                Level.IMAGE,
                {"StudyInstanceUID": key.study_uid, "SeriesInstanceUID": key.series_uid},
            )
            series.append(_series(key, study, item, images))
    return series


def _series(
    key: SeriesKey, study: ArchivedStudy, item: Dataset, images: Sequence[Dataset]
) -> ArchivedSeries:
    first = images[0] if images else Dataset()
    for keyword in ("Modality", "SeriesDescription", "SeriesNumber"):
        if keyword in item and keyword not in first:
            first[keyword] = item[keyword]
    headers = [slice_header(Path(), image) for image in images]
    modality = text(item, "Modality").upper()
    stated = integer(item, "NumberOfSeriesRelatedInstances", -1)
    return ArchivedSeries(
        key,
        study,
        modality,
        text(item, "SeriesDescription"),
        tuple(dict.fromkeys(header.sop_uid for header in headers)),
        stated if stated >= 0 else None,
        headers[0] if headers else slice_header(Path(), first),
        _thickness_mm(headers),
    )


def _thickness_mm(headers: Sequence[SliceHeader]) -> float:
    """Between neighbours by their positions, else as the first image states it, else 1 mm."""
    normal = headers[0].normal if headers else None
    if normal is not None:
        places = np.unique([h.position_mm @ normal for h in headers if h.position_mm is not None])
        if len(places) > 1:
            return float(median(np.diff(places)))
    return (headers[0].slice_thickness_mm if headers else None) or 1.0


def to_pull(
    series: Sequence[ArchivedSeries], phases: bool
) -> tuple[list[ArchivedSeries], list[tuple[ArchivedSeries, str]]]:
    """What to bring, and what to leave in the archive and why.

    CT is chosen as `lvt discover` chooses it: usable images, original before derived ones, soft
    kernels before sharp ones, and of each day the series to follow; other modalities all come.

    Args:
        series: of all studies.
        phases: whether the other contrast phases of a day are wanted too.
    """
    left: list[tuple[ArchivedSeries, str]] = []
    days: dict[object, list[ArchivedSeries]] = defaultdict(list)
    wanted = [one for one in series if one.modality != "CT"]
    for one in series:
        if one.modality == "CT":
            reason = why_unusable(one.header) or _too_short(one)
            if reason:
                left.append((one, reason))
            else:
                days[one.study.date or one.study.uid].append(one)
    usable = []
    for day in days.values():
        kept, reasons = _reconstructions(day)
        usable.append(kept)
        left += reasons
    tracked = choose_tracked([[_as_series(one) for one in day] for day in usable])
    for day, choice in zip(usable, tracked, strict=True):
        chosen = [day[choice]]
        for phase in dict.fromkeys(one.phase for one in day):
            others = [one for one in day if one.phase is phase]
            if phases and phase is not day[choice].phase:
                chosen.append(others[choose_tracked([[_as_series(o) for o in others]])[0]])
        wanted += chosen
        left += [
            (one, "another series of its day and phase is followed" if phases else "not followed")
            for one in day
            if one not in chosen
        ]
    return wanted, left


def _too_short(series: ArchivedSeries) -> str:
    count = len(series.instances) * max(series.header.frames, 1)
    return f"too short: {count} slices" if count < LEAST_SLICES else ""


def _reconstructions(
    day: Sequence[ArchivedSeries],
) -> tuple[list[ArchivedSeries], list[tuple[ArchivedSeries, str]]]:
    """Without derived and sharp ones of a phase that has better."""
    best = {one.phase for one in day if not is_derived(one.header) and not is_sharp(one.header)}
    kept, left = [], []
    for one in day:
        if one.phase in best and is_derived(one.header):
            left.append((one, "derived from others"))
        elif one.phase in best and is_sharp(one.header):
            left.append((one, "kernel for lung or bone; a soft one is there"))
        else:
            kept.append(one)
    return kept, left


def _as_series(one: ArchivedSeries) -> Series:
    header = one.header
    spacing = header.pixel_spacing_mm or (1.0, 1.0)
    slices = len(one.instances) * max(header.frames, 1)
    return Series(
        files=(Path(one.key.series_uid),),
        uid=one.key.series_uid,
        description=one.description,
        phase=one.phase,
        shape=(slices, max(header.rows, 1), max(header.columns, 1)),
        spacing_mm=(one.thickness_mm, *spacing),
        slice_thickness_mm=header.slice_thickness_mm or one.thickness_mm,
        is_dicom=True,
    )
