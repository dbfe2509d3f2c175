"""`lvt track`: the main job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from lvt_track.cli.console import Console
from lvt_track.cli.options import (
    CorrectionsOption,
    CriteriaOption,
    DeviceOption,
    EvaluatorOption,
    ForceOption,
    IdentifyOption,
    JsonOption,
    ModelOption,
    OnePatientOption,
    OutOption,
    PlanOption,
    PrecisionOption,
    QuietOption,
    RadiologistOption,
    ResampledOption,
    ResumeOption,
    SegTypeOption,
    SitesOption,
    ThreadsOption,
    TuOption,
    existing_results,
    pseudonyms_unless,
)
from lvt_track.cli.results import finish

__all__ = ["track"]


def track(
    patient: Annotated[Path, typer.Argument(help="Folder with the patient's scans.")],
    out: OutOption,
    radiologist: RadiologistOption = None,
    tu: TuOption = None,
    evaluator: EvaluatorOption = None,
    sites: SitesOption = None,
    corrections: CorrectionsOption = None,
    phases: Annotated[
        bool, typer.Option(help="Also segment the other contrast phases of a visit.")
    ] = True,
    criteria: CriteriaOption = "recist1.1,volume",
    one_patient: OnePatientOption = False,
    model: ModelOption = "default",
    device: DeviceOption = "auto",
    threads: ThreadsOption = None,
    precision: PrecisionOption = "auto",
    force: ForceOption = False,
    resume: ResumeOption = False,
    seg_type: SegTypeOption = None,
    resampled: ResampledOption = False,
    plan: PlanOption = False,
    identify: IdentifyOption = False,
    quiet: QuietOption = False,
    json: JsonOption = False,
) -> None:
    """Segment, register, match, measure and report all scans of one patient."""
    from lvt_track.pipeline.patient.track import TrackSettings, track_patient
    from lvt_track.pipeline.radiologist.tables import ReaderTables

    reader = ReaderTables(corrections, radiologist, tu, evaluator, sites)
    hidden = pseudonyms_unless(identify)
    settings = TrackSettings(model, device, phases, reader, one_patient, criteria, hidden)
    settings = replace(settings, precision=precision, resampled=resampled, plan=plan)
    if seg_type is not None:
        settings = replace(settings, seg_type=seg_type)
    with Console(quiet) as console:
        result = track_patient(patient, out, settings, existing_results(force, resume), console)
    finish(result, quiet, json)
