"""The tables of many patients put together, and what they say as one.

Everything is read from the tables that each patient's run wrote, so that patients kept from an
earlier run count like the others, and every pooled number can be worked out again from files.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from pathlib import Path

from lvt_track.agreement.compare import judged_visits
from lvt_track.agreement.phases import PhaseDeviation, summarise_phases
from lvt_track.agreement.records import ComparedPatient, PairedSize, Quantity, UnpairedSize
from lvt_track.agreement.summary import agreements_of
from lvt_track.agreement.tables import PAIR_COLUMNS
from lvt_track.core.assessment import Assessment
from lvt_track.core.records import Response
from lvt_track.io.spreadsheets.writing import read_own_table, write_text
from lvt_track.pipeline.radiologist.comparison import RECIST_JUDGE, write_agreements
from lvt_track.pipeline.rows import table_text
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.report.columns import PHASE_COLUMNS
from lvt_track.response.best import best_overall_response
from lvt_track.response.criteria.recist import RECIST_1_1
from lvt_track.response.tables.checks import by_patient
from lvt_track.response.tables.readings import Readings

__all__ = ["PATIENT_COLUMNS", "SUMMARY_COLUMNS", "PatientRun", "State", "pool_tables"]

PATIENT_COLUMNS = (
    "patient",
    "patient_id",
    "state",
    "visits",
    "first_visit",
    "last_visit",
    "tracks",
    "liver_ml",
    "tumors_ml",
    "sum_of_diameters_mm",
    "response",
    "best_response",
    "warnings",
    "seconds",
    "why",
)
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

_NADIRS = ("nadir_mm", "nadir_ml", "nadir_mm2")
_OF_LAST_VISIT = ("liver_ml", "tumors_ml", "sum_of_diameters_mm", "response")

# Columns of phases.csv by what is compared, and with what.
_DEVIATIONS = {
    ("liver", "reference"): "deviation_percent",
    ("liver", "mean"): "deviation_from_mean_percent",
    ("tumours", "reference"): "tumors_deviation_percent",
    ("tumours", "mean"): "tumors_deviation_from_mean_percent",
}


Row = dict[str, str]


class State(StrEnum):
    """How the run of one patient ended."""

    DONE = "done"
    KEPT = "kept"
    IN_PART = "in part"
    FAILED = "failed"


@dataclass(frozen=True)
class PatientRun:
    """What became of one patient.

    Attributes:
        name: of the patient's folder; it stands for the patient in all tables.
        folder: what `lvt track` wrote.
        state: how the run ended; KEPT where an earlier run was still valid. One that FAILED has
            no tables.
        why: what failed, in words.
        seconds: time taken.
    """

    name: str
    folder: Path
    state: State
    why: str = ""
    seconds: float = 0.0

    def table(self, name: str) -> list[Row]:
        """One of its tables, as text."""
        return read_own_table(self.folder / name)


def pool_tables(runs: Sequence[PatientRun], readings: Readings | None, out: Path) -> None:
    """Write `patients.csv`, `phases.csv`, `phase_summary.csv`; with a reader, the agreement.

    Args:
        runs: of all patients, also those that failed.
        readings: the radiologist's table, if there is one.
        out: folder to write to.

    Raises:
        OutputError: when a file cannot be written.
    """
    usable = [run for run in runs if run.state is not State.FAILED]
    rows = [_patient_row(run) for run in runs]
    write_text(table_text(PATIENT_COLUMNS, rows), out / "patients.csv")
    phases = _stacked(usable, "phases.csv")
    write_text(table_text(("patient", *PHASE_COLUMNS), phases), out / "phases.csv")
    write_text(table_text(SUMMARY_COLUMNS, _summary_rows(phases)), out / "phase_summary.csv")
    for name in ("reader_pairs.csv", "agreement.csv"):
        (out / name).unlink(missing_ok=True)  # of an earlier run
    if readings is not None:
        _pool_agreement(usable, readings, out)


def _stacked(runs: Sequence[PatientRun], name: str) -> list[Row]:
    """The rows of all patients, each with a cell `patient`."""
    return [{"patient": run.name} | row for run in runs for row in run.table(name)]


def _patient_row(run: PatientRun) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(PATIENT_COLUMNS)
    row |= {
        "patient": run.name,
        "state": run.state.value,
        "seconds": run.seconds,
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
        "best_response": best_overall_response(_responses(run)).value,
        "warnings": "; ".join([*manifest.warnings, *warnings]),
    }


def _responses(run: PatientRun) -> list[Response]:
    """The responses by RECIST 1.1, or by the first criterion where that was not asked for."""
    rows = run.table("response.csv")
    named = [row["criterion"] for row in rows]
    leading = RECIST_1_1.name if RECIST_1_1.name in named or not named else named[0]
    return [
        Response(
            date=dt.date.fromisoformat(row["date"]),
            criterion=row["criterion"],
            unit=RECIST_1_1.scale.unit,
            total=_number(row["sum_mm"]),
            nadir=next(filter(None, (_number(row.get(name, "")) for name in _NADIRS)), None),
            change_from_baseline_percent=_number(row["change_from_baseline_percent"]),
            change_from_nadir_percent=_number(row["change_from_nadir_percent"]),
            target=row["target"],
            non_target=row["non_target"],
            new_lesion=row["new_lesion"] == "True",
            category=row["category"],
            reason=row["reason"],
        )
        for row in rows
        if row["criterion"] == leading
    ]


def _number(text: str) -> float | None:
    return float(text) if text else None


def _summary_rows(phases: Sequence[Row]) -> list[dict[str, object]]:
    """One row per statistic, by the names of `SUMMARY_COLUMNS`."""
    rows: list[dict[str, object]] = []
    for (quantity, compared_with), column in _DEVIATIONS.items():
        for found in summarise_phases(_deviations(phases, column, compared_with)):
            estimate = found.estimate
            rows.append(
                {
                    "quantity": quantity,
                    "compared_with": compared_with,
                    "phase": found.phase,
                    "statistic": found.name,
                    "value": _decimals(estimate.value),
                    "low": _decimals(estimate.low),
                    "high": _decimals(estimate.high),
                    "phases": found.phases,
                    "studies": found.studies,
                    "patients": found.patients,
                }
            )
    return rows


def _decimals(value: float) -> str | None:
    return None if value != value else f"{value:.3f}"


def _deviations(phases: Sequence[Row], column: str, compared_with: str) -> list[PhaseDeviation]:
    """The deviations in a column; studies whose phases cannot be compared have none.

    From the reference, the reference itself is left out: it deviates by nothing.
    """
    found = []
    for (patient, date), rows in groupby(phases, key=lambda row: (row["patient"], row["date"])):
        study = list(rows)
        (reference,) = (row for row in study if row["is_reference"] == "True")
        for row in study:
            percent = _number(row[column])
            if percent is None or (compared_with == "reference" and row is reference):
                continue
            thickness_mm = max(float(r["slice_thickness_mm"]) for r in (row, reference))
            found.append(PhaseDeviation(patient, date, row["phase"], percent, thickness_mm))
    return found


def _pool_agreement(runs: Sequence[PatientRun], readings: Readings, out: Path) -> None:
    """Write `reader_pairs.csv` and `agreement.csv` of the patients that the table has."""
    theirs = by_patient(readings.rows)
    compared = [run for run in runs if Manifest.read(run.folder).settings.get("radiologist")]
    pairs = _stacked(compared, "reader_pairs.csv")
    write_text(table_text(("patient", *PAIR_COLUMNS), pairs), out / "reader_pairs.csv")
    found = {run.name: _comparison(run, theirs) for run in compared}
    write_agreements(agreements_of(found), out / "agreement.csv")


def _comparison(run: PatientRun, theirs: Mapping[str, Sequence[Assessment]]) -> ComparedPatient:
    """Paired sizes and responses of one patient; lesions bear its name too, to stay apart."""
    rows = [row for row in run.table("reader_pairs.csv") if row["quantity"]]
    sizes = tuple(
        PairedSize(
            date=dt.date.fromisoformat(row["date"]),
            quantity=Quantity(row["quantity"]),
            reader_lesion=f"{run.name}: {row['reader_lesion']}",
            lesion=f"{run.name}: {row['lesion']}",
            reader_value=float(row["reader_value"]),
            value=float(row["value"]),
            cluster=f"{run.name}: {row['followed_as']}",
        )
        for row in rows
        if row["reader_value"] and row["value"]
    )
    unpaired = tuple(
        UnpairedSize(
            date=dt.date.fromisoformat(row["date"]),
            quantity=Quantity(row["quantity"]),
            lesion=f"{run.name}: {row['reader_lesion'] or row['lesion']}",
            value=float(row["reader_value"] or row["value"]),
            is_readers=bool(row["reader_value"]),
        )
        for row in rows
        if not (row["reader_value"] and row["value"])
    )
    own = theirs.get(Manifest.read(run.folder).patient, ())
    visits = judged_visits(_responses(run), own, RECIST_JUDGE) if own else ()
    return ComparedPatient(sizes, unpaired, visits)
