"""The tables of many patients put together, and what they say as one.

Everything is read from the tables that each patient's run wrote, so that patients kept from an
earlier run count like the others, and every pooled number can be worked out again from files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

from lvt_track import __version__
from lvt_track.agreement.phases import PhaseDeviation, summarise_phases
from lvt_track.io.spreadsheets.writing import write_text
from lvt_track.pipeline.adam import ADAM_FILES, write_adam
from lvt_track.pipeline.cohort.agreement import pool_agreement
from lvt_track.pipeline.cohort.outcomes import Outcome
from lvt_track.pipeline.cohort.result import PatientRun, Row, State, stacked
from lvt_track.pipeline.cohort.schema import COURSE_TYPES, TYPES, has_parquet, write_parquet
from lvt_track.pipeline.cohort.worklist import worklist_of
from lvt_track.pipeline.rows import table_text
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.pipeline.run.output import make_folder
from lvt_track.report.cohort.content import CohortContent, VolumeDeviation
from lvt_track.report.cohort.page import write_cohort_page
from lvt_track.response.adam.subjects import subjects_of
from lvt_track.response.survival import SurvivalStep, kaplan_meier
from lvt_track.response.tables.readings import Readings

__all__ = ["PATIENT_COLUMNS", "POOLED", "SUMMARY_COLUMNS", "pool_tables"]

_PARQUET = "parquet"
_ADAM = "adam"
_PAGE = "cohort.html"
POOLED = (
    *(f"{name}.csv" for name in TYPES),
    "phase_summary.csv",
    "reader_pairs.csv",
    "agreement.csv",
    _PAGE,
    *(f"{_PARQUET}/{name}.parquet" for name in TYPES),
    *(f"{_ADAM}/{name}" for name in ADAM_FILES),
)
"""Names of all files that are pooled."""


PATIENT_COLUMNS = tuple(TYPES["patients"])
SUMMARY_COLUMNS = (
    "quantity",
    "compared_with",
    "phase",
    "statistic",
    "value",
    "low",
    "high",
    "phases",
    "studies",
    "patients",
)

_OF_LAST_VISIT = ("liver_ml", "tumors_ml", "sum_of_diameters_mm", "response")

# Columns of phases.csv by what is compared, and with what.
_DEVIATIONS = {
    ("liver", "reference"): "deviation_percent",
    ("liver", "mean"): "deviation_from_mean_percent",
    ("tumours", "reference"): "tumors_deviation_percent",
    ("tumours", "mean"): "tumors_deviation_from_mean_percent",
}


def pool_tables(runs: Sequence[PatientRun], by_reader: Mapping[str, Readings], out: Path) -> None:
    """Write the tables over all patients, the worklist and the page; with a reader, the agreement.

    Args:
        runs: of all patients, also those that failed.
        by_reader: the radiologist's table, reader by reader; empty where there is none.
        out: folder to write to.

    Raises:
        OutputError: when a file cannot be written.
    """
    usable = [run for run in runs if run.state is not State.FAILED]
    outcomes = [Outcome.of(run) for run in runs]
    steps = kaplan_meier([one.follow_up for one in outcomes if one.follow_up is not None])
    worklist = worklist_of(outcomes)
    tables: dict[str, Sequence[Mapping[str, object]]] = {
        "patients": [_patient_row(one) for one in outcomes],
        "survival": [_step_row(step) for step in steps],
        "worklist": [asdict(item) for item in worklist],
        **{name: stacked(usable, f"{name}.csv") for name in COURSE_TYPES},
    }
    for name, rows in tables.items():
        write_text(table_text(tuple(TYPES[name]), rows), out / f"{name}.csv")
        if has_parquet():
            write_parquet(name, rows, make_folder(out / _PARQUET) / f"{name}.parquet")
    judged = {one.run.name: one.responses for one in outcomes if one.responses}
    write_adam(subjects_of(judged), out / _ADAM)
    phases = stacked(usable, "phases.csv")
    write_text(table_text(SUMMARY_COLUMNS, _summary_rows(phases)), out / "phase_summary.csv")
    for name in ("reader_pairs.csv", "agreement.csv"):
        (out / name).unlink(missing_ok=True)  # of an earlier run
    agreements = pool_agreement(usable, by_reader, out) if by_reader else {}
    criteria = {one.criterion for one in outcomes if one.criterion}
    content = CohortContent(
        title="Cohort",
        criterion=", ".join(sorted(criteria)),
        courses=[one.course(out) for one in outcomes],
        steps=steps,
        deviations=[
            VolumeDeviation(one.phase, one.percent)
            for one in _deviations(phases, _DEVIATIONS["liver", "reference"], "reference")
        ],
        worklist=worklist,
        version=__version__,
        agreements=agreements,
    )
    write_cohort_page(content, out / _PAGE)


def _step_row(step: SurvivalStep) -> dict[str, object]:
    return {
        "days": step.days,
        "at_risk": step.at_risk,
        "events": step.events,
        "censored": step.censored,
        "free_of_progression": f"{step.free:.4f}",
        "low": None if step.low is None else f"{step.low:.4f}",
        "high": None if step.high is None else f"{step.high:.4f}",
    }


def _patient_row(outcome: Outcome) -> dict[str, object]:
    run = outcome.run
    row: dict[str, object] = dict.fromkeys(PATIENT_COLUMNS)
    row |= {
        "patient": run.name,
        # Kept or made now, and in what time, is no property of the patient: see cohort.json.
        "state": (State.DONE if run.state is State.KEPT else run.state).value,
        "why": run.why,
    }
    if run.state is State.FAILED:
        return row
    manifest, visits = Manifest.read(run.folder), run.table("visits.csv")
    warnings = [f"{visit['date']}: {visit['warnings']}" for visit in visits if visit["warnings"]]
    last = visits[-1]
    return row | {
        "patient_id": manifest.patient,
        "visits": len(visits),
        "first_visit": visits[0]["date"],
        "last_visit": last["date"],
        "tracks": len(run.table("tracks.csv")),
        **{name: last[name] for name in _OF_LAST_VISIT},
        "criterion": outcome.criterion,
        **outcome.row(),
        "warnings": "; ".join([*manifest.warnings, *warnings]),
    }


def _number(text: str) -> float | None:
    return float(text) if text else None


def _summary_rows(phases: Sequence[Row]) -> list[dict[str, object]]:
    """One row per statistic, by the names of `SUMMARY_COLUMNS`."""
    rows: list[dict[str, object]] = []
    for (quantity, compared_with), column in _DEVIATIONS.items():
        for statistic in summarise_phases(_deviations(phases, column, compared_with)):
            estimate = statistic.estimate
            rows.append(
                {
                    "quantity": quantity,
                    "compared_with": compared_with,
                    "phase": statistic.phase,
                    "statistic": statistic.name,
                    "value": _decimals(estimate.value),
                    "low": _decimals(estimate.low),
                    "high": _decimals(estimate.high),
                    "phases": statistic.phases,
                    "studies": statistic.studies,
                    "patients": statistic.patients,
                }
            )
    return rows


def _decimals(value: float) -> str | None:
    return None if value != value else f"{value:.3f}"


def _deviations(phases: Sequence[Row], column: str, compared_with: str) -> list[PhaseDeviation]:
    """The deviations in a column; studies whose phases cannot be compared have none.

    From the reference, the reference itself is left out: it deviates by nothing.
    """
    deviations = []
    for (patient, date), rows in groupby(phases, key=lambda row: (row["patient"], row["date"])):
        study = list(rows)
        (reference,) = (row for row in study if row["is_reference"] == "True")
        for row in study:
            percent = _number(row[column])
            if percent is None or (compared_with == "reference" and row is reference):
                continue
            thickness_mm = max(float(r["slice_thickness_mm"]) for r in (row, reference))
            deviations.append(PhaseDeviation(patient, date, row["phase"], percent, thickness_mm))
    return deviations
