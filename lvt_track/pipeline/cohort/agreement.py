"""Agreement with the readers of many patients: pooled, and reader by reader."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from lvt_track.agreement.compare import judged_visits
from lvt_track.agreement.records import (
    Agreements,
    ComparedPatient,
    PairedSize,
    Quantity,
    UnpairedSize,
)
from lvt_track.agreement.summary import agreements_of
from lvt_track.agreement.tables import PAIR_COLUMNS
from lvt_track.core.response.assessment import Assessment
from lvt_track.io.spreadsheets.writing import write_text
from lvt_track.pipeline.cohort.outcomes import leading_responses
from lvt_track.pipeline.cohort.result import PatientRun, Row, stacked
from lvt_track.pipeline.radiologist.comparison import RECIST_JUDGE, write_agreements
from lvt_track.pipeline.rows import table_text
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.response.tables.checks import by_patient
from lvt_track.response.tables.readings import Readings

__all__ = ["pool_agreement"]


def pool_agreement(
    runs: Sequence[PatientRun], by_reader: Mapping[str, Readings], out: Path
) -> dict[str, Agreements]:
    """Write `reader_pairs.csv` and `agreement.csv` of the patients that the table has.

    Args:
        runs: of all patients that did not fail.
        by_reader: the radiologist's table.
        out: folder to write to.

    Returns:
        The statistics by reader; under the empty name those of all together. Of one patient and
        several readers there are none of all: what one lesion gives twice is not told apart.

    Raises:
        OutputError: when a file cannot be written.
    """
    compared = [run for run in runs if Manifest.read(run.folder).settings.get("radiologist")]
    pairs = stacked(compared, "reader_pairs.csv")
    write_text(table_text(("patient", *PAIR_COLUMNS), pairs), out / "reader_pairs.csv")
    patients: dict[str, dict[str, ComparedPatient]] = defaultdict(dict)
    for reader, readings in by_reader.items():
        theirs = by_patient(readings.rows)
        for run in compared:
            one = _compared(run, reader, theirs.get(Manifest.read(run.folder).patient, ()))
            if one.sizes or one.unpaired or one.visits or len(by_reader) == 1:
                patients[reader][run.name] = one
    agreements: dict[str, Agreements] = {}
    if len(by_reader) == 1 or len(compared) > 1:
        agreements[""] = agreements_of(_pooled(patients, compared))
    if len(by_reader) > 1:
        agreements |= {reader: agreements_of(patients[reader]) for reader in by_reader}
    write_agreements(agreements, out / "agreement.csv")
    return agreements


def _pooled(
    patients: Mapping[str, Mapping[str, ComparedPatient]], runs: Sequence[PatientRun]
) -> dict[str, ComparedPatient]:
    """What all readers say of each patient; what shares a patient counts as one piece."""
    return {
        run.name: ComparedPatient(
            tuple(size for one in of_run for size in one.sizes),
            tuple(size for one in of_run for size in one.unpaired),
            tuple(visit for one in of_run for visit in one.visits),
        )
        for run in runs
        if (of_run := [by_run[run.name] for by_run in patients.values() if run.name in by_run])
    }


def _compared(run: PatientRun, reader: str, theirs: Sequence[Assessment]) -> ComparedPatient:
    """Sizes and responses of one patient by one reader; lesions bear both names, to stay apart."""
    rows = [row for row in run.table("reader_pairs.csv") if row["quantity"]]
    rows = [row for row in rows if row.get("reader", "") == reader]
    whose = f"{run.name}, {reader}" if reader else run.name
    visits = judged_visits(list(leading_responses(run)), theirs, RECIST_JUDGE) if theirs else ()
    return ComparedPatient(
        tuple(_paired(row, whose) for row in rows if _is_paired(row)),
        tuple(_unpaired(row, whose) for row in rows if not _is_paired(row)),
        visits,
    )


def _is_paired(row: Row) -> bool:
    return bool(row["reader_value"] and row["value"])


def _paired(row: Row, whose: str) -> PairedSize:
    return PairedSize(
        date=dt.date.fromisoformat(row["date"]),
        quantity=Quantity(row["quantity"]),
        reader_lesion=f"{whose}: {row['reader_lesion']}",
        lesion=f"{whose}: {row['lesion']}",
        reader_value=float(row["reader_value"]),
        value=float(row["value"]),
        cluster=f"{whose}: {row['followed_as']}",
    )


def _unpaired(row: Row, whose: str) -> UnpairedSize:
    return UnpairedSize(
        date=dt.date.fromisoformat(row["date"]),
        quantity=Quantity(row["quantity"]),
        lesion=f"{whose}: {row['reader_lesion'] or row['lesion']}",
        value=float(row["reader_value"] or row["value"]),
        is_readers=bool(row["reader_value"]),
    )
