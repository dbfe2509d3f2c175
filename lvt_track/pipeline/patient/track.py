"""The main job: from a patient's folder to tables and a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from lvt_track.core.methods import METHODS
from lvt_track.core.series import MaskSource, Visit
from lvt_track.core.volume import CLASSES
from lvt_track.errors import InputError, LvtError, UsageError
from lvt_track.io.discover import Discovery, discover
from lvt_track.lesions.corrections.decisions import recalled
from lvt_track.pipeline.patient.conclude import conclude
from lvt_track.pipeline.patient.result import TrackResult
from lvt_track.pipeline.patient.settings import TrackSettings
from lvt_track.pipeline.patient.visit.phases_from_pixels import with_phases_from_pixels
from lvt_track.pipeline.patient.visit.read import VisitScan, read_visit
from lvt_track.pipeline.patient.visit.read_ahead import ScansAhead, read_ahead
from lvt_track.pipeline.run.clock import time_now
from lvt_track.pipeline.run.context import Run
from lvt_track.pipeline.run.disclosure import Disclosure
from lvt_track.pipeline.run.folder import RunFolder
from lvt_track.pipeline.run.lock import locked
from lvt_track.pipeline.run.manifest import (
    Failure,
    InputRecord,
    Manifest,
    fingerprint,
    record_input,
)
from lvt_track.pipeline.run.model_choice import ModelChoice
from lvt_track.pipeline.run.output import Existing, check_apart, claim_folder, drop_if_empty
from lvt_track.pipeline.run.places import shown_settings, with_places
from lvt_track.pipeline.run.progress import Progress
from lvt_track.pipeline.run.pseudonyms import Pseudonyms
from lvt_track.pipeline.run.renewal import renewed, sweep

__all__ = ["TrackResult", "TrackSettings", "is_finished", "track_patient"]


def track_patient(
    patient: Path,
    out: Path | None,
    settings: TrackSettings,
    existing: Existing,
    progress: Progress,
) -> TrackResult:
    """Do the whole job for one patient.

    Visits that cannot be read are left out and named in `failures`; the others are reported.

    Args:
        patient: folder with the patient's scans.
        out: folder for the results; None to write nothing.
        settings: of the run.
        existing: what to do with results that are there.
        progress: hears what happens.

    Raises:
        InputError: when no visit can be used.
        UsageError, OutputError: when the output folder cannot be used.
    """
    if out is not None:
        check_apart(patient, out)
    disclosure = disclosure_of(patient, settings)
    try:
        return _track(disclosure, out, settings, existing, disclosure.progress(progress))
    except LvtError as error:
        raise disclosure.error(error, settings.reader.files) from None


def disclosure_of(patient: Path, settings: TrackSettings) -> Disclosure:
    """What a run of these settings shows of a patient."""
    return Disclosure(patient, settings.pseudonyms, tables=settings.reader.files)


def _track(
    disclosure: Disclosure,
    out: Path | None,
    settings: TrackSettings,
    existing: Existing,
    progress: Progress,
) -> TrackResult:
    patient = disclosure.root
    discovery = discover(patient.absolute(), one_patient=settings.one_patient)
    settings.choice.check()  # also where all masks are given
    discovery = with_phases_from_pixels(discovery)
    links = settings.reader.read_links(discovery.visits)
    known_patient = disclosure.knowing(discovery)

    def job(folder: RunFolder | None, earlier: Manifest | None = None) -> TrackResult:
        choice = settings.choice
        manifest = new_manifest(discovery, patient, settings)
        shows = known_patient
        rows = links
        if earlier is not None:
            shows = shows.as_before(earlier.patient)
            manifest.carry_on(earlier)
            known, is_given = earlier.known_corrections(), settings.reader.corrections is not None
            rows = recalled(links, known) if is_given else known
        manifest.patient = shows.shown_patient
        run = Run(folder, choice, manifest, progress, shows, earlier, out=out)
        report_discovery(run)
        for text in _left_over(discovery, folder):
            run.warn(text)
        scans = _read_visits(discovery, run)
        return conclude(scans, settings.reader, rows, run)

    if out is None:
        return job(None)
    claim_folder(out, existing)
    folder = RunFolder(out)
    try:
        with locked(out):
            claim_folder(out, existing)  # once more, now that nobody else writes
            sweep(out)
            if existing is Existing.FORCE:
                with renewed(folder) as new:
                    return replace(job(new), folder=out)
            earlier = None
            if folder.manifest.exists():
                earlier = with_places(Manifest.read(out), out, settings.pseudonyms)
                _check_same_patient(earlier, discovery, known_patient)
            return job(folder, earlier)
    finally:
        drop_if_empty(out)


def is_finished(patient: Path, out: Path, settings: TrackSettings) -> bool:
    """Whether a run of the same files with the same settings came to its end in `out`.

    Raises:
        InputError: when the scans cannot be used, or `run.json` cannot be understood.
    """
    path = RunFolder(out).manifest
    if not path.exists() or settings.reader.is_newer_than(path):
        return False
    earlier = Manifest.read(out)
    if not earlier.finished or earlier.methods != METHODS:
        return False
    if earlier.settings != shown_settings(settings.facts(), out, settings.pseudonyms):
        return False
    choice = settings.choice
    discovery = discover(patient.absolute(), one_patient=settings.one_patient)
    discovery = with_phases_from_pixels(discovery, of_choices_only=True)
    return earlier.visits == {
        visit.name: fingerprint(_inputs(visit), _conduct(visit, choice, settings.other_phases))
        for visit in discovery.visits
    }


def new_manifest(discovery: Discovery, patient: Path, settings: TrackSettings) -> Manifest:
    """The manifest of a run that begins."""
    return Manifest(
        patient=discovery.patient,
        source=str(patient.absolute()),
        started=time_now(),
        settings=settings.facts(),
        left_out=[Failure(str(item.path), item.reason) for item in discovery.left_out],
        failures=[Failure(str(i.path), i.reason) for i in discovery.left_out if i.is_failure],
        warnings=list(discovery.warnings),
    )


def report_discovery(run: Run) -> None:
    """Tell what was odd about the scans that were found."""
    for text in run.manifest.warnings:
        run.warn(text)
    for failure in run.manifest.failures:
        run.warn(f"{failure.where}: {failure.why}")


def _left_over(discovery: Discovery, folder: RunFolder | None) -> Iterator[str]:
    """Visits of an earlier run in the folder whose scans are not, or no longer, read."""
    ours = {visit.name for visit in discovery.visits}
    for path in sorted(folder.visits.glob("*")) if folder is not None else ():
        if path.is_dir() and path.name not in ours:
            yield (
                f"visits/{path.name} is of an earlier run, and no scan of that visit is read now: "
                "it is left as it is, and counts nowhere"
            )


def _check_same_patient(earlier: Manifest, discovery: Discovery, disclosure: Disclosure) -> None:
    """Refuse to go on with the run of another patient.

    Raises:
        UsageError: when names differ, or scans from elsewhere are none of the run's.
    """
    what, patient, ours = "", disclosure.root, disclosure.shown_patient
    # A pseudonym may be of another key; then the scans tell.
    names = {ours, discovery.patient}
    is_named = earlier.patient in names or Pseudonyms.is_of_patient(earlier.patient)
    if not is_named:
        what = f"it holds the results of “{earlier.patient}”, the scans are of “{ours}”"
    elif earlier.source != str(patient.absolute()) and earlier.inputs:
        known = {item.sha256 for item in earlier.inputs}
        if not any(item.sha256 in known for visit in discovery.visits for item in _inputs(visit)):
            what = f"it holds results of other scans, from “{earlier.source}”"
    if what:
        raise UsageError(
            f"cannot go on with this run: {what}",
            path=patient,
            remedy="Choose another -o, or give --force to write over the results",
        )
    if earlier.visits and not earlier.drawn:
        raise UsageError(
            f"cannot go on with this run: lvt {earlier.version} kept no record of its masks, so "
            "edited ones cannot be told",
            path=patient,
            remedy="Choose another -o, or give --force to write over the results",
        )


def _read_visits(discovery: Discovery, run: Run) -> list[VisitScan]:
    manifest = run.manifest
    if run.earlier is not None:
        manifest.visits, manifest.drawn = dict(run.earlier.visits), dict(run.earlier.drawn)
        manifest.engine = run.earlier.engine
    scans: list[VisitScan] = []
    run.progress.stage("visits", len(discovery.visits))
    with read_ahead(discovery.visits, run) as ahead:
        for visit in discovery.visits:
            _add_visit(scans, visit, run, ahead)
    manifest.visits = {
        scan.findings.visit.name: manifest.visits[scan.findings.visit.name] for scan in scans
    }
    if not scans:
        raise InputError(
            "none of the visits could be used",
            path=discovery.visits[0].tracked_series.files[0].parent,
            remedy="; ".join(f"{item.where}: {item.why}" for item in manifest.failures),
        )
    return scans


def _add_visit(scans: list[VisitScan], visit: Visit, run: Run, ahead: ScansAhead) -> None:
    """Read a visit, or name it among the failures where it cannot be used."""
    manifest = run.manifest
    with run.watch.stage("read"):
        inputs = _inputs(visit)
        conduct = _conduct(visit, run.model, run.other_phases)
        if conduct:
            manifest.models.update(run.model.model.digests)
        key = fingerprint(inputs, conduct)
    is_current = manifest.visits.pop(visit.name, None) == key
    try:
        scan = read_visit(scans, visit, run, ahead, is_current)
    except InputError as error:
        manifest.failures.append(Failure(visit.name, str(error)))
        run.warn(f"visit {visit.name} left out: {error}")
        return
    scans.append(scan)
    manifest.inputs.extend(inputs)
    manifest.visits[visit.name] = key
    run.save_manifest()
    run.progress.step(visit.name)


def _inputs(visit: Visit) -> list[InputRecord]:
    records = []
    for k, series in enumerate(visit.series):
        role = "scan" if k == visit.tracked else "other phase"
        records.append(record_input(visit.name, role, series.files))
        records.extend(
            record_input(visit.name, f"{role}: {_of_mask(name, mask)}", mask.paths)
            for name, mask in sorted(series.masks.items())
        )
    return records


def _of_mask(name: str, mask: MaskSource) -> str:
    """The class, and the labels that are read as it: others would make other results."""
    return f"{name}, {mask}" if mask.labels else name


def _conduct(visit: Visit, choice: ModelChoice, other_phases: bool) -> str:
    """What names the model, if this visit needs it."""
    scans = visit.series if other_phases else (visit.tracked_series,)
    if all(set(series.masks) >= set(CLASSES) for series in scans):
        return ""
    return choice.conduct
