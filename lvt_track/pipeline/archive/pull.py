"""The job of `lvt pull`: a patient's studies out of an archive, ready for `lvt track`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from pathlib import Path

from lvt_track.errors import InputError, OutputError
from lvt_track.io.archive.archive import Archive, Level
from lvt_track.io.archive.errors import ArchiveBusyError, ArchiveError, InstanceError
from lvt_track.io.archive.receiving import Inbox, series_folder
from lvt_track.io.archive.studies import (
    ArchivedSeries,
    Query,
    find_series,
    find_studies,
    to_pull,
)
from lvt_track.io.dicom.header import read_slice_header
from lvt_track.io.dicom.values import text
from lvt_track.pipeline.run.progress import Progress

__all__ = ["PullResult", "PulledSeries", "pull_patient"]

_ATTEMPTS = 4
_PAUSE_S = 1.0


@dataclass(frozen=True)
class PulledSeries:
    """One series of the archive, and what became of it.

    Attributes:
        date: day of its study, ISO; empty where unknown.
        phase: contrast phase; modality: of the series; description: the archive's.
        folder: where it lies; None where it stayed in the archive.
        images: how many it has there; new: how many of them came now; missing: how many did not.
        reason: why it stayed; empty where it came.
        failure: what is missing of it, and why; empty where it is complete.
    """

    date: str
    phase: str
    modality: str
    description: str
    folder: Path | None
    images: int
    new: int = 0
    missing: int = 0
    reason: str = ""
    failure: str = ""


@dataclass(frozen=True)
class PullResult:
    """What a pull brought."""

    series: tuple[PulledSeries, ...]
    is_dry: bool = False
    failures: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        failures = tuple(f"{s.date}: {s.failure}" for s in self.series if s.failure)
        object.__setattr__(self, "failures", failures)

    def facts(self) -> dict[str, object]:
        """For `--json`."""
        return {
            "dry_run": self.is_dry,
            "series": [
                {
                    "date": one.date,
                    "phase": one.phase,
                    "modality": one.modality,
                    "description": one.description,
                    "folder": None if one.folder is None else str(one.folder),
                    "images": one.images,
                    "new": one.new,
                    "missing": one.missing,
                    "left_out": one.reason,
                    "failure": one.failure,
                }
                for one in self.series
            ],
        }

    def summary(self) -> str:
        """For a terminal."""
        lines = []
        for one in self.series:
            what = f"{one.date or 'undated':<10}  {one.modality:<3}  {one.phase:<8}"
            if one.folder is None:
                lines.append(f"  {what}  {one.images} images stay: {one.reason}")
            elif self.is_dry:
                lines.append(f"* {what}  {one.images} images would come")
            else:
                there = f"{one.images - one.missing} of " if one.missing else ""
                lines.append(f"* {what}  {there}{one.images} images there, {one.new} new")
        return "\n".join([*lines, *(f"incomplete: {text}" for text in self.failures)])


def pull_patient(
    archive: Archive, patient: Path, query: Query, options: tuple[bool, bool], progress: Progress
) -> PullResult:
    """Bring the series that `lvt track` would use; what is there already is not brought again.

    Args:
        archive: where from.
        patient: folder of the patient; made where it is not there.
        query: which studies.
        options: whether other contrast phases come too, and whether nothing is to be brought.
        progress: told each series.

    Raises:
        InputError: when the archive does not answer or has no such study, when the studies are of
            two patients, or when the folder holds another patient.
        OutputError: when a file cannot be written.
    """
    phases, is_dry = options
    studies = find_studies(archive, query)
    _check_folder(patient, studies[0].patient_id)
    series = [one for study in studies for one in find_series(archive, study, query)]
    wanted, left = to_pull(series, phases)
    if not wanted:
        reasons = "; ".join(sorted({reason for _, reason in left}))
        raise InputError(
            f"{len(studies)} studies have no {', '.join(query.modalities)} to bring"
            + (f": {reasons}" if reasons else "")
        )
    results = [replace(_pulled(one, None), reason=reason) for one, reason in left]
    if is_dry:
        results += [_pulled(one, series_folder(patient, one)) for one in wanted]
    else:
        progress.stage("pull", len(wanted))
        for one in wanted:
            result = _bring(archive, one, series_folder(patient, one))
            results.append(result)
            if result.failure:
                progress.warn(f"{result.date}: {result.failure}")
            progress.step(f"{result.date} {result.phase}: {result.new} of {result.images} images")
    results.sort(key=lambda one: (one.date, one.folder is None, one.phase))
    return PullResult(tuple(results), is_dry)


def _bring(archive: Archive, series: ArchivedSeries, folder: Path) -> PulledSeries:
    """All instances of a series, in as many tries as are reasonable."""
    inbox, instances = Inbox(series, folder), series.instances
    before = len(inbox.missing(instances))
    trouble = ""
    for attempt in range(_ATTEMPTS):
        missing = inbox.missing(instances)
        is_whole = attempt == 0 and len(missing) == len(instances)
        try:
            if missing:
                trouble = _fetch(archive, inbox, [] if is_whole else missing) or trouble
            now = _instances(archive, series)
        except ArchiveBusyError as error:
            trouble = _sentence(error)
            if attempt + 1 < _ATTEMPTS:
                time.sleep(_PAUSE_S * 2**attempt)
            continue
        except ArchiveError as error:
            trouble = _sentence(error)
            continue
        if now != set(instances):
            trouble = "its study changes while it is pulled; pull again when it is complete"
            instances = tuple(sorted(now))
        elif not inbox.missing(instances):
            trouble = ""
            break
    new = before - len(inbox.missing(series.instances))
    return replace(
        _pulled(series, folder),
        images=len(instances),
        new=new,
        missing=len(inbox.missing(instances)),
        failure=_failure(inbox, instances, trouble),
    )


def _fetch(archive: Archive, inbox: Inbox, instances: list[str]) -> str:
    """Fetch a series, or some of its instances; what is wrong with single ones."""
    try:
        archive.fetch(inbox.series.key, instances, inbox.receive)
    except InstanceError as error:
        return _sentence(error)
    return ""


def _sentence(error: ArchiveError) -> str:
    return str(error).rstrip(".")


def _instances(archive: Archive, series: ArchivedSeries) -> set[str]:
    """What the archive has of the series now."""
    key = series.key
    where = {"StudyInstanceUID": key.study_uid, "SeriesInstanceUID": key.series_uid}
    return {text(image, "SOPInstanceUID") for image in archive.find(Level.IMAGE, where)}


def _failure(inbox: Inbox, instances: tuple[str, ...], trouble: str) -> str:
    missing = inbox.missing(instances)
    if missing:
        reasons = {inbox.refused[uid] for uid in missing if uid in inbox.refused}
        reasons |= {inbox.refused["an image"]} if "an image" in inbox.refused else set()
        why = "; ".join(sorted(reasons)) or trouble or "the archive did not send them"
        return f"{len(missing)} of {len(instances)} images did not come: {why}"
    surplus = inbox.surplus(instances)
    if surplus:
        return (
            f"{surplus} images of an earlier pull are no longer in the archive; remove "
            f"{inbox.folder.name} and pull again"
        )
    stated = inbox.series.stated
    if not trouble and stated is not None and stated > len(inbox.series.instances):
        return f"the archive says {stated} images and lists {len(instances)}"
    return trouble


def _pulled(series: ArchivedSeries, folder: Path | None) -> PulledSeries:
    date = series.study.date.isoformat() if series.study.date else ""
    phase = series.phase.value if series.modality == "CT" else ""
    return PulledSeries(
        date, phase, series.modality, series.description, folder, len(series.instances)
    )


def _check_folder(patient: Path, patient_id: str) -> None:
    """Refuse a folder with images of another patient."""
    if patient.exists() and not patient.is_dir():
        raise OutputError("is no folder", path=patient, remedy="Choose another output folder")
    for folder in sorted(patient.glob("*/*/")):
        first = next(folder.glob("*.dcm"), None)
        if first is not None and read_slice_header(first).patient_id != patient_id:
            raise OutputError(
                "holds images of another patient", path=folder, remedy="Choose another folder"
            )
