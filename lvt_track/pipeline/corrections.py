"""The reader's table of corrected links, from its file."""

from __future__ import annotations

import csv
from pathlib import Path

from lvt_track.errors import InputError
from lvt_track.lesions.corrections import Correction, parse_corrections

__all__ = ["read_corrections"]


def read_corrections(path: Path | None) -> tuple[Correction, ...]:
    """Corrections in a CSV file; none without a file.

    Raises:
        InputError: when the file cannot be read, or a row cannot be understood.
    """
    if path is None:
        return ()
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return parse_corrections(list(csv.DictReader(file)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"the corrections table cannot be read ({error})", path=path, remedy="Give a CSV file"
        ) from error
