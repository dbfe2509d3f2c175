"""The type of every column of a cohort's tables, and the same tables as Parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

from lvt_track.core.plain_text import encodable, printable
from lvt_track.io.files import write_whole
from lvt_track.report import columns

__all__ = ["COURSE_TYPES", "TYPES", "has_parquet", "write_parquet"]

_TEXT, _NUMBER, _COUNT, _TRUTH = "string", "Float64", "Int64", "boolean"

COURSE_TYPES: Mapping[str, Mapping[str, str]] = columns.COURSE
"""Tables of every patient, whose rows are put together with a first column `patient`."""

TYPES: Mapping[str, Mapping[str, str]] = {
    "patients": {
        "patient": _TEXT,
        "patient_id": _TEXT,
        "state": _TEXT,
        "visits": _COUNT,
        "first_visit": _TEXT,
        "last_visit": _TEXT,
        "tracks": _COUNT,
        "liver_ml": _NUMBER,
        "tumors_ml": _NUMBER,
        "sum_of_diameters_mm": _NUMBER,
        "response": _TEXT,
        "best_response": _TEXT,
        "warnings": _TEXT,
        "seconds": _NUMBER,
        "why": _TEXT,
        "best_confirmed_response": _TEXT,
        "depth_percent": _NUMBER,
        "best_change_percent": _NUMBER,
        "early_change_percent": _NUMBER,
        "progressed": _TRUTH,
        "progression_days": _COUNT,
        "growth_per_day": _NUMBER,
        "regression_per_day": _NUMBER,
        "criterion": _TEXT,
    },
    "survival": {
        "days": _COUNT,
        "at_risk": _COUNT,
        "events": _COUNT,
        "censored": _COUNT,
        "free_of_progression": _NUMBER,
        "low": _NUMBER,
        "high": _NUMBER,
    },
    "worklist": {
        "rank": _COUNT,
        "patient": _TEXT,
        "date": _TEXT,
        "what": _TEXT,
        "why": _TEXT,
    },
    **{name: {"patient": _TEXT, **types} for name, types in COURSE_TYPES.items()},
}
"""Type of every column, by table, as pandas names types; each column may have empty cells."""


def has_parquet() -> bool:
    """Whether the `cluster` extra, which brings Parquet, is installed."""
    return find_spec("pyarrow") is not None


def write_parquet(table: str, rows: Sequence[Mapping[str, object]], path: Path) -> None:
    """Write a table as Parquet: the types of `TYPES` whatever the rows hold; dates are dates.

    The same rows give the same bytes with the same pyarrow.

    Args:
        table: its name in `TYPES`.
        rows: cells by column, as text or as plain values; empty text is no value.
        path: the file; whole or not at all.

    Raises:
        OutputError: when it cannot be written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {_NUMBER: pa.float64(), _COUNT: pa.int64(), _TRUTH: pa.bool_(), _TEXT: pa.string()}
    names = TYPES[table]
    schema = pa.schema([(name, kinds[kind]) for name, kind in names.items()])
    cells = {name: [_typed(row.get(name), kind) for row in rows] for name, kind in names.items()}
    data = pa.table(cells, schema=schema)
    for k, name in enumerate(names):
        if name in _DATES:
            data = data.set_column(k, name, data.column(k).cast(pa.date32()))
    with write_whole(path) as temporary:
        pq.write_table(data, temporary)


_DATES = {"date", "date_a", "date_b", "date_found", "first_seen", "last_seen"}
_DATES |= {"first_visit", "last_visit"}


def _typed(value: object, kind: str) -> object:
    if value is None or value == "":
        return None
    if kind == _NUMBER:
        return float(str(value))
    if kind == _COUNT:
        return int(float(str(value)))
    if kind == _TRUTH:
        return str(value).lower() == "true"
    return encodable(printable(str(value)))
