"""Analysis datasets in a folder: adrs.csv, adtr.csv and adtte.csv."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lvt_track.io.spreadsheets.writing import csv_text, write_text
from lvt_track.pipeline.run.output import make_folder
from lvt_track.response.adam.adrs import ADRS_COLUMNS, adrs_records
from lvt_track.response.adam.adtr import ADTR_COLUMNS, adtr_records
from lvt_track.response.adam.adtte import ADTTE_COLUMNS, adtte_records
from lvt_track.response.adam.subjects import Subject

__all__ = ["ADAM_FILES", "write_adam"]

_DATASETS = {
    "adrs.csv": (ADRS_COLUMNS, adrs_records),
    "adtr.csv": (ADTR_COLUMNS, adtr_records),
    "adtte.csv": (ADTTE_COLUMNS, adtte_records),
}
ADAM_FILES = tuple(_DATASETS)


def write_adam(subjects: Sequence[Subject], folder: Path) -> None:
    """Write the three datasets; each has a record or more for every patient that was judged.

    Raises:
        OutputError: when a file cannot be written.
    """
    make_folder(folder)
    for name, (columns, records_of) in _DATASETS.items():
        records = records_of(subjects)
        cells = ([_cell(record.get(column)) for column in columns] for record in records)
        write_text(csv_text(columns, cells), folder / name)


def _cell(value: object) -> object:
    return f"{value:.3f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
