"""Tables and documents again, from the masks that a run wrote."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lvt_track.core.series import Visit
from lvt_track.core.volume import CLASSES
from lvt_track.errors import InputError, LvtError, UsageError
from lvt_track.io.discover import Discovery, discover
from lvt_track.lesions.corrections.decisions import recalled
from lvt_track.lesions.corrections.table import Correction
from lvt_track.pipeline.patient.conclude import conclude
from lvt_track.pipeline.patient.result import TrackResult
from lvt_track.pipeline.patient.settings import TrackSettings
from lvt_track.pipeline.patient.track import disclosure_of, new_manifest, report_discovery
from lvt_track.pipeline.patient.visit.phases_from_pixels import with_phases_from_pixels
from lvt_track.pipeline.patient.visit.read import VisitScan, read_visit
from lvt_track.pipeline.patient.visit.read_ahead import read_ahead
from lvt_track.pipeline.patient.visit.series_masks import SeriesAt
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.context import Run
from lvt_track.pipeline.run.disclosure import Disclosure
from lvt_track.pipeline.run.folder import RunFolder
from lvt_track.pipeline.run.lock import locked
from lvt_track.pipeline.run.manifest import Failure, Manifest
from lvt_track.pipeline.run.model_choice import ModelChoice
from lvt_track.pipeline.run.places import with_places
from lvt_track.pipeline.run.progress import Progress
from lvt_track.pipeline.run.pseudonyms import default_pseudonyms
from lvt_track.segment.device import pick_device

__all__ = ["ReportOptions", "remake_report"]


@dataclass(frozen=True)
class ReportOptions:
    """What may be asked of a report besides tables.

    Attributes:
        criteria: of response, with commas between; by default those of the run.
        identify: whether results give the patient's real names.
        seg_type: how `seg.dcm` holds what overlaps; by default as in the run.
        resampled: whether later visits are written on the first one's grid.
    """

    criteria: str | None = None
    identify: bool = False
    seg_type: str | None = None
    resampled: bool = False


def remake_report(
    out: Path,
    reader: ReaderTables,
    patient: Path | None,
    progress: Progress,
    options: ReportOptions | None = None,
) -> TrackResult:
    """Register, match, measure and report again; masks are taken from the run as they are now.

    Args:
        out: folder that `lvt track` wrote.
        reader: tables that a reader brings; by default those of the run.
        patient: where the scans lie now; by default where the run found them.
        progress: told of every step.
        options: what else is asked.

    Raises:
        UsageError: for a criterion that is not known.
        InputError: when `out` is no run, or its scans or masks are gone.
    """
    options = options or ReportOptions()
    pseudonyms = None if options.identify else default_pseudonyms()
    earlier = with_places(Manifest.read(out), out, pseudonyms)
    settings = TrackSettings.from_facts(earlier.settings)
    settings = replace(
        settings,
        reader=reader.over(settings.reader),
        criteria=settings.criteria if options.criteria is None else options.criteria,
        pseudonyms=pseudonyms,
        seg_type=options.seg_type or settings.seg_type,
        resampled=options.resampled or settings.resampled,
        tables_only=False,
    )
    disclosure = disclosure_of(patient or Path(earlier.source), settings)
    try:
        with locked(out):
            return _remade(RunFolder(out), settings, reader, disclosure, progress)
    except LvtError as error:
        raise disclosure.error(error, reader.files) from None


def _remade(
    folder: RunFolder,
    settings: TrackSettings,
    asked: ReaderTables,
    disclosure: Disclosure,
    progress: Progress,
) -> TrackResult:
    earlier = with_places(Manifest.read(folder.path), folder.path, settings.pseudonyms)
    source = disclosure.root
    if not source.is_dir():
        raise InputError(
            "the scans of this run are no longer here",
            path=source,
            remedy="Say with --patient where they lie now",
        )
    _check_tables(settings.reader, asked, folder.path)
    discovery = discover(source.absolute(), one_patient=settings.one_patient)
    links = _corrections(asked, settings.reader, earlier, folder, discovery.visits)
    discovery = with_phases_from_pixels(discovery)
    manifest = new_manifest(discovery, source, settings)
    shows = disclosure.knowing(discovery).as_before(earlier.patient)
    manifest.patient = shows.shown_patient
    manifest.carry_on(earlier)
    manifest.models, manifest.inputs = earlier.models, earlier.inputs
    manifest.engine = earlier.engine
    manifest.visits, manifest.drawn = dict(earlier.visits), dict(earlier.drawn)
    choice = ModelChoice(", ".join(earlier.models) or "default", _device(settings))
    progress = shows.progress(progress)
    run = Run(folder, choice, manifest, progress, shows, earlier, keeps_masks=True, out=folder.path)
    _check_complete(discovery, run)
    _note_incomplete(discovery, run)
    report_discovery(run)
    scans: list[VisitScan] = []
    progress.stage("visits", len(earlier.visits))
    done = [visit for visit in discovery.visits if visit.name in earlier.visits]
    with read_ahead(done, run) as ahead:
        for visit in done:
            scans.append(read_visit(scans, visit, run, ahead, is_current=True))
            progress.step(visit.name)
    return conclude(scans, settings.reader, links, run)


def _check_tables(tables: ReaderTables, asked: ReaderTables, out: Path) -> None:
    """Refuse a run whose tables are not where they lay, seen from its results.

    Those that are given now are looked for when they are read.
    """
    for option, table in (
        ("--radiologist", tables.radiologist),
        ("--tu", tables.identification),
        ("--sites", tables.sites),
    ):
        if table is None or table in asked.files:
            continue
        if not table.is_absolute() and not table.exists():
            raise InputError(
                "the radiologist's table of this run is no longer where it was",
                path=out,
                remedy=f"Say with {option} where it lies now",
            )


def _corrections(
    asked: ReaderTables,
    tables: ReaderTables,
    earlier: Manifest,
    folder: RunFolder,
    visits: Sequence[Visit],
) -> tuple[Correction, ...]:
    """The corrections to obey: of a table that is given or was changed since, else remembered ones.

    Args:
        asked: tables given now.
        tables: the same, and those of the run where none is given.
        earlier: what the run remembers.
        folder: the run.
        visits: of the patient.
    """
    if not earlier.methods:  # 0.1.0 remembered none
        return tables.read_links(visits)
    remembered = earlier.known_corrections()
    table = asked.corrections
    if table is None and tables.corrections is not None and tables.corrections.exists():
        changed = tables.corrections.stat().st_mtime_ns > folder.manifest.stat().st_mtime_ns
        table = tables.corrections if changed else None
    rows = replace(tables, corrections=table).read_links(visits)
    return remembered if table is None else recalled(rows, remembered)


def _device(settings: TrackSettings) -> str:
    """The device of the run, where this machine has it: another one may round differently."""
    try:
        pick_device(settings.device)
    except UsageError:
        return "auto"
    return settings.device


def _check_complete(discovery: Discovery, run: Run) -> None:
    """Refuse a run whose visits have lost their scans or masks since."""
    assert run.folder is not None
    done = run.manifest.visits
    by_name = {visit.name: visit for visit in discovery.visits}
    missing = [
        name for name in sorted(done) if name not in by_name or not _has_masks(by_name[name], run)
    ]
    if missing or not done:
        what = f"scans or masks of {', '.join(missing)} are gone" if missing else "no visit is done"
        raise InputError(
            what,
            path=run.folder.path,
            remedy="Run `lvt track` with --resume to make them again",
        )


def _has_masks(visit: Visit, run: Run) -> bool:
    """Whether all masks of a visit are there."""
    assert run.folder is not None
    wanted = range(len(visit.series)) if run.other_phases else [visit.tracked]
    return all(
        SeriesAt(visit, k).path(run.folder, name).exists() for k in wanted for name in CLASSES
    )


def _note_incomplete(discovery: Discovery, run: Run) -> None:
    """Name the visits that are not in the run, and why, so that no report hides them."""
    assert run.folder is not None and run.earlier is not None
    failed = {item.where: item for item in run.earlier.failures}
    failures = run.manifest.failures
    if not run.earlier.finished:
        why = "the run was ended before its end; `lvt track` with --resume goes on"
        failures.append(Failure(str(run.folder.path), why))
    for visit in discovery.visits:
        if visit.name not in run.manifest.visits:
            why = "not in this run; `lvt track` with --resume adds it"
            failures.append(failed.get(visit.name, Failure(visit.name, why)))
