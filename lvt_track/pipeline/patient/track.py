"""The main job: from a patient's folder to tables and a report."""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lvt_track import __version__
from lvt_track.core.course import Course
from lvt_track.core.records import Visit
from lvt_track.core.volume import CLASSES
from lvt_track.errors import InputError
from lvt_track.io.discover import Discovery, discover
from lvt_track.lesions.corrections import Correction
from lvt_track.pipeline.patient.build_course import (
    follow,
    judge,
    register_visits,
    take_key_images,
    take_lookback_images,
)
from lvt_track.pipeline.patient.cysts import agree_on_cysts
from lvt_track.pipeline.patient.reader_edits import obey_reader
from lvt_track.pipeline.patient.scene import take_scene
from lvt_track.pipeline.patient.segmentations import write_segmentations
from lvt_track.pipeline.patient.visits import VisitScan, has_masks, read_visit
from lvt_track.pipeline.patient.write_outputs import OUTPUTS, tell
from lvt_track.pipeline.radiologist.comparison import compare_with_reader
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.manifest import (
    MANIFEST,
    Failure,
    InputRecord,
    Manifest,
    fingerprint,
    record_input,
)
from lvt_track.pipeline.run.output import Existing, claim_folder, drop_if_empty
from lvt_track.pipeline.run.progress import Progress, Stopwatch
from lvt_track.pipeline.segment import ModelChoice
from lvt_track.register.frame import CommonFrame
from lvt_track.response.criteria.catalogue import DEFAULT_CRITERIA, criteria_named

__all__ = ["TrackResult", "TrackSettings", "conclude", "is_finished", "track_patient"]


@dataclass(frozen=True)
class TrackSettings:
    """Choices of a run.

    Attributes:
        model: name of the model.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        other_phases: whether other contrast phases of a visit are segmented for volumetry.
        reader: tables that a reader brings.
        one_patient: the user's word that all scans are of one patient, whatever headers say.
        criteria: of response, by the names of `response.criteria.catalogue`, with commas between.

    Raises:
        UsageError: for a criterion that is not known.
    """

    model: str = "default"
    device: str = "auto"
    other_phases: bool = True
    reader: ReaderTables = field(default_factory=ReaderTables)
    one_patient: bool = False
    criteria: str = DEFAULT_CRITERIA

    def __post_init__(self) -> None:
        criteria_named(self.criteria)

    def facts(self) -> dict[str, Any]:
        """The settings as plain values, for the manifest."""
        return {
            "model": self.model,
            "device": self.device,
            "other_phases": self.other_phases,
            "one_patient": self.one_patient,
            "criteria": self.criteria,
            **self.reader.facts(),
        }


@dataclass(frozen=True)
class TrackResult:
    """What a run found.

    Attributes:
        folder: where everything is.
        course: the patient's course.
        failures: what could not be done.
        seconds: time per stage.
    """

    folder: Path
    course: Course
    failures: tuple[Failure, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    def facts(self) -> dict[str, object]:
        """The result as plain values."""
        return {
            "folder": str(self.folder),
            "patient": self.course.patient,
            "visits": [
                {
                    "date": found.visit.name,
                    "liver_ml": round(found.liver_ml, 1),
                    "tumors_ml": round(found.tumors_ml, 2),
                    "lesions": len(found.lesions),
                }
                for found in self.course.visits
            ],
            "tracks": [
                {"track": track.number, "state": track.state, "events": track.events}
                for track in self.course.tracks
            ],
            "responses": [
                {
                    "date": response.date.isoformat(),
                    "criterion": response.criterion,
                    "category": response.category,
                    "reason": response.reason,
                }
                for response in self.course.responses
            ],
            "failures": [{"where": item.where, "why": item.why} for item in self.failures],
        }

    def summary(self) -> str:
        """The result in a few lines."""
        responses: dict[dt.date, list[str]] = {}
        for item in self.course.responses:
            responses.setdefault(item.date, []).append(f"{item.criterion} {item.category}")
        lines = [f"{self.course.patient}: {len(self.course.tracks)} tumours"]
        for found in self.course.visits:
            verdict = "".join(f"  {said}" for said in responses.get(found.visit.date, []))
            lines.append(
                f"{found.visit.name}  {len(found.lesions):3d} lesions  "
                f"{found.tumors_ml:8.2f} mL{verdict}"
            )
        lines.extend(f"failed: {item.where}: {item.why}" for item in self.failures)
        lines.append(f"report: {self.folder / 'report.pdf'}, report.html")
        return "\n".join(lines)


def track_patient(
    patient: Path, out: Path, settings: TrackSettings, existing: Existing, progress: Progress
) -> TrackResult:
    """Do the whole job for one patient.

    Visits that cannot be read are left out and named in `failures`; the others are reported.

    Raises:
        InputError: when no visit can be used.
        UsageError, OutputError: when the output folder cannot be used.
    """
    watch = Stopwatch()
    with watch.stage("discover"):
        found = discover(patient, one_patient=settings.one_patient)
    links = settings.reader.read_links()
    claim_folder(out, existing)
    earlier = _earlier_visits(out, existing)
    manifest = Manifest(
        patient=found.patient,
        source=str(patient.absolute()),
        started=dt.datetime.now().isoformat(timespec="seconds"),
        settings=settings.facts(),
        left_out=[Failure(str(item.path), item.reason) for item in found.left_out],
        failures=[Failure(str(i.path), i.reason) for i in found.left_out if i.is_failure],
        warnings=list(found.warnings),
    )
    for text in found.warnings:
        progress.warn(text)
    for failure in manifest.failures:
        progress.warn(f"{failure.where}: {failure.why}")

    choice = ModelChoice(settings.model, settings.device)
    scans = _read_visits(found, out, settings, choice, earlier, manifest, watch, progress)
    frame = None
    if len(scans) > 1 and any(scan.cysts.any() for scan in scans):
        frame = register_visits(scans, settings.device, watch, progress)
        scans = agree_on_cysts(scans, frame, out, choice, watch, progress)
    radiologist = settings.reader.radiologist
    return conclude(
        manifest, scans, links, radiologist, settings.device, out, watch, progress, frame
    )


def is_finished(patient: Path, out: Path, settings: TrackSettings) -> bool:
    """Whether a run of the same files with the same settings came to its end in `out`.

    Raises:
        InputError: when the scans cannot be used, or `run.json` cannot be understood.
    """
    path = out / MANIFEST
    if not path.exists() or settings.reader.is_newer_than(path):
        return False
    earlier = Manifest.read(out)
    if not earlier.seconds or earlier.version != __version__:
        return False
    if earlier.settings != settings.facts():
        return False
    choice = ModelChoice(settings.model, settings.device)
    return earlier.visits == {
        visit.name: fingerprint(_inputs(visit), _model(visit, settings, choice, earlier))
        for visit in discover(patient, one_patient=settings.one_patient).visits
    }


def conclude(
    manifest: Manifest,
    scans: Sequence[VisitScan],
    links: Sequence[Correction],
    radiologist: Path | None,
    device: str,
    out: Path,
    watch: Stopwatch,
    progress: Progress,
    frame: CommonFrame | None = None,
) -> TrackResult:
    """From visits with masks to the end of the job: follow the tumours, and tell their course.

    Args:
        frame: the registration of the visits, where they are registered already.

    Raises:
        InputError: when a reader's table does not belong to this course.
        UsageError: when the machine has no such device.
        OutputError: when a file cannot be written.
    """
    scans, decisions = obey_reader(scans, links, out)  # first: it is quick
    frame = frame or register_visits(scans, device, watch, progress)
    course = follow(manifest.patient, scans, frame, decisions, watch)
    course = judge(course, manifest.settings.get("criteria", DEFAULT_CRITERIA), watch)
    for visit in course.visits:
        for text in visit.warnings:
            progress.warn(f"{visit.visit.name}: {text}")
    for text in course.warnings:
        progress.warn(text)
    course = replace(course, warnings=(*manifest.warnings, *course.warnings))
    comparison = None
    if radiologist is not None:
        comparison = compare_with_reader(course, radiologist)
        for text in comparison.remarks:
            progress.warn(f"{radiologist.name}: {text}")
    with watch.stage("report"):
        pictures = take_key_images(course, scans, frame)
        looks = take_lookback_images(course, scans)
        scene = take_scene(course, scans, frame, out / "visits")
        said = tuple(row.facts() for row in decisions.corrections)
        tell(course, pictures, looks, frame, out, manifest, comparison, scene, said)
        for text in write_segmentations(course, out, manifest.version):
            progress.warn(text)
            manifest.warnings.append(text)
    manifest.seconds = watch.seconds
    manifest.write(out)
    return TrackResult(out, course, tuple(manifest.failures), watch.seconds)


def _earlier_visits(out: Path, existing: Existing) -> dict[str, str]:
    """Fingerprints of the visits an earlier run finished; clears them away when forced."""
    if not (out / MANIFEST).exists():
        return {}
    if existing is Existing.RESUME:
        return Manifest.read(out).visits
    for name in OUTPUTS:
        path = out / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return {}


def _read_visits(
    found: Discovery,
    out: Path,
    settings: TrackSettings,
    choice: ModelChoice,
    earlier: dict[str, str],
    manifest: Manifest,
    watch: Stopwatch,
    progress: Progress,
) -> list[VisitScan]:
    scans: list[VisitScan] = []
    progress.stage("visits", len(found.visits))
    for visit in found.visits:
        with watch.stage("read"):
            inputs = _inputs(visit)
            key = fingerprint(inputs, _model(visit, settings, choice, manifest))
        done = earlier.get(visit.name) == key and has_masks(visit, settings.other_phases, out)
        try:
            scan = read_visit(
                scans,
                visit,
                out,
                choice,
                settings.other_phases,
                done,
                watch,
                progress,
            )
        except InputError as error:
            manifest.failures.append(Failure(visit.name, str(error)))
            progress.warn(f"visit {visit.name} left out: {error}")
            continue
        scans.append(scan)
        manifest.inputs.extend(inputs)
        manifest.visits[visit.name] = key
        manifest.write(out)
        progress.step(visit.name)
    if not scans:
        drop_if_empty(out)
        raise InputError(
            "none of the visits could be used",
            path=found.visits[0].tracked_series.files[0].parent,
            remedy="; ".join(f"{item.where}: {item.why}" for item in manifest.failures),
        )
    return scans


def _inputs(visit: Visit) -> list[InputRecord]:
    records = []
    for k, series in enumerate(visit.series):
        role = "scan" if k == visit.tracked else "other phase"
        records.append(record_input(visit.name, role, series.files))
        records.extend(
            record_input(visit.name, f"{role}: {name}", (path,))
            for name, path in sorted(series.masks.items())
        )
    return records


def _model(visit: Visit, settings: TrackSettings, choice: ModelChoice, manifest: Manifest) -> str:
    """What names the model if this visit needs it, and a note of its weights in the manifest."""
    scans = visit.series if settings.other_phases else (visit.tracked_series,)
    if all(set(series.masks) >= set(CLASSES) for series in scans):
        return ""
    manifest.models.update(choice.model.digests)
    return choice.model.conduct_sha256
