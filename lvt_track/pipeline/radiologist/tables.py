"""Tables a reader brings to a run: corrected links, and measurements of their own."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lvt_track.errors import InputError
from lvt_track.lesions.corrections import Correction, parse_corrections
from lvt_track.pipeline.radiologist.readings import read_readings

__all__ = ["ReaderTables"]


@dataclass(frozen=True)
class ReaderTables:
    """Where a reader's tables lie.

    Attributes:
        corrections: CSV of links between lesions that are added or removed.
        radiologist: measurements to be compared with, as CSV, XLSX, SDTM TR or DICOM SR.
    """

    corrections: Path | None = None
    radiologist: Path | None = None

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Self:
        """The tables that the settings of an earlier run name."""
        named = {name: facts.get(name) for name in ("corrections", "radiologist")}
        return cls(**{name: Path(path) if path else None for name, path in named.items()})

    def facts(self) -> dict[str, str | None]:
        """The paths as plain values, for the manifest; true from any working folder."""
        return {
            "corrections": str(self.corrections.absolute()) if self.corrections else None,
            "radiologist": str(self.radiologist.absolute()) if self.radiologist else None,
        }

    def is_newer_than(self, path: Path) -> bool:
        """Whether a table was written after the file `path`."""
        written = path.stat().st_mtime_ns
        return any(
            file.stat().st_mtime_ns > written
            for table in (self.corrections, self.radiologist)
            if table is not None
            for file in (table, *table.rglob("*"))
        )

    def over(self, other: Self) -> Self:
        """These tables, and the other's where these name none."""
        return type(self)(
            self.corrections or other.corrections, self.radiologist or other.radiologist
        )

    def read_links(self) -> tuple[Correction, ...]:
        """The corrected links; the radiologist's table is looked at too, so as to fail early.

        Raises:
            InputError: when a table cannot be read or understood.
        """
        if self.radiologist is not None:
            read_readings(self.radiologist)
        return () if self.corrections is None else _read_corrections(self.corrections)


def _read_corrections(path: Path) -> tuple[Correction, ...]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            return parse_corrections(list(csv.DictReader(file)))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"the corrections table cannot be read ({error})", path=path, remedy="Give a CSV file"
        ) from error
