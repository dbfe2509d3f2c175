"""Tables and documents again, from the masks that a run wrote."""

from __future__ import annotations

from pathlib import Path

from lvt_track.errors import InputError
from lvt_track.io.discover import discover
from lvt_track.pipeline.patient.track import TrackResult, conclude
from lvt_track.pipeline.patient.visits import VisitScan, has_masks, read_visit
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.pipeline.run.progress import Progress, Stopwatch
from lvt_track.pipeline.segment import ModelChoice
from lvt_track.response.criteria.catalogue import criteria_named

__all__ = ["remake_report"]


def remake_report(
    out: Path,
    reader: ReaderTables,
    patient: Path | None,
    progress: Progress,
    criteria: str | None = None,
) -> TrackResult:
    """Register, match, measure and report again; masks are taken from the run as they are now.

    Args:
        out: folder that `lvt track` wrote.
        reader: tables that a reader brings; by default those of the run.
        patient: where the scans lie now; by default where the run found them.
        progress: told of every step.
        criteria: of response, with commas between; by default those of the run.

    Raises:
        UsageError: for a criterion that is not known.
        InputError: when `out` is no run, or its scans or masks are gone.
    """
    watch = Stopwatch()
    manifest = Manifest.read(out)
    source = patient or Path(manifest.source)
    if not source.is_dir():
        raise InputError(
            "the scans of this run are no longer here",
            path=source,
            remedy="Say with --patient where they lie now",
        )
    reader = reader.over(ReaderTables.from_facts(manifest.settings))
    links = reader.read_links()
    manifest.settings |= reader.facts()
    if criteria is not None:
        criteria_named(criteria)
        manifest.settings["criteria"] = criteria
    other_phases = bool(manifest.settings["other_phases"])

    found = discover(source, one_patient=bool(manifest.settings.get("one_patient")))
    visits = [visit for visit in found.visits if visit.name in manifest.visits]
    missing = set(manifest.visits) - {visit.name for visit in visits}
    missing |= {visit.name for visit in visits if not has_masks(visit, other_phases, out)}
    if missing:
        raise InputError(
            f"scans or masks of {', '.join(sorted(missing))} are gone",
            path=out,
            remedy="Run `lvt track` with --resume to make them again",
        )
    model = ModelChoice(", ".join(manifest.models) or "default")
    progress.stage("visits", len(visits))
    scans: list[VisitScan] = []
    for visit in visits:
        scans.append(read_visit(scans, visit, out, model, other_phases, True, watch, progress))
        progress.step(visit.name)

    manifest.patient = found.patient
    return conclude(manifest, scans, links, reader.radiologist, "auto", out, watch, progress)
