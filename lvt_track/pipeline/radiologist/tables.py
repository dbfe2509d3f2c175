"""Tables a reader brings to a run: corrected links, and measurements of their own."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, Self

from lvt_track.core.series import Visit
from lvt_track.errors import InputError, UsageError
from lvt_track.io.spreadsheets.delimited import read_delimited
from lvt_track.io.spreadsheets.lines import Lines
from lvt_track.lesions.corrections.table import Correction, parse_corrections
from lvt_track.pipeline.radiologist.readings import ReadingSource, read_by_reader, read_site_words
from lvt_track.response.tables.cells import CellError
from lvt_track.response.tables.dates import DateForm, parse_date, settled_order
from lvt_track.response.tables.readings import ReadOptions

__all__ = ["ReaderTables"]


@dataclass(frozen=True)
class ReaderTables:
    """Where a reader's tables lie.

    Attributes:
        corrections: CSV of links between lesions that are added or removed.
        radiologist: measurements to be compared with, as CSV, XLSX, SDTM TR or DICOM SR.
        identification: SDTM TU domain of an SDTM TR domain.
        evaluator: whose records of an SDTM TR domain count.
        sites: a user's words for organs.
    """

    corrections: Path | None = None
    radiologist: Path | None = None
    identification: Path | None = None
    evaluator: str | None = None
    sites: Path | None = None

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Self:
        """The tables that the settings of an earlier run name."""
        corrections, radiologist, identification, sites = (
            Path(facts[name]) if facts.get(name) else None
            for name in ("corrections", "radiologist", "radiologist_tu", "radiologist_sites")
        )
        name = facts.get("radiologist_evaluator")
        evaluator = str(name) if name else None
        return cls(corrections, radiologist, identification, evaluator, sites)

    def facts(self) -> dict[str, str | None]:
        """The paths as plain values, for the manifest; true from any working folder."""
        paths = {
            "corrections": self.corrections,
            "radiologist": self.radiologist,
        }
        named = {name: str(path.absolute()) if path else None for name, path in paths.items()}
        # What few need is left out elsewhere, as runs before it did.
        if self.identification:
            named["radiologist_tu"] = str(self.identification.absolute())
        if self.evaluator:
            named["radiologist_evaluator"] = self.evaluator
        if self.sites:
            named["radiologist_sites"] = str(self.sites.absolute())
        return named

    @property
    def files(self) -> tuple[Path, ...]:
        """All that are named."""
        tables = (self.corrections, self.radiologist, self.identification, self.sites)
        return tuple(table for table in tables if table is not None)

    @property
    def source(self) -> ReadingSource | None:
        """The radiologist's table and how it is read; scans have dates, so none are joined.

        Raises:
            InputError: when the words for organs cannot be read.
        """
        if self.radiologist is None:
            return None
        options = ReadOptions(0)
        if self.sites is not None:
            options = ReadOptions(0, read_site_words(self.sites))
        return ReadingSource(self.radiologist, self.identification, self.evaluator, options)

    def is_newer_than(self, path: Path) -> bool:
        """Whether a table was written after the file `path`."""
        written = path.stat().st_mtime_ns
        return any(
            file.stat().st_mtime_ns > written
            for table in self.files
            for file in (table, *table.rglob("*"))
        )

    def over(self, other: Self) -> Self:
        """These tables, and the other's where these name none."""
        corrections = self.corrections or other.corrections
        theirs = self if self.radiologist else other
        return type(self)(
            corrections,
            theirs.radiologist,
            self.identification or theirs.identification,
            self.evaluator or theirs.evaluator,
            self.sites or theirs.sites,
        )

    def read_links(self, visits: Sequence[Visit] = ()) -> tuple[Correction, ...]:
        """The corrected links; the radiologist's table is looked at too, so as to fail early.

        Args:
            visits: of the patient, whose days tell day from month in a table.

        Raises:
            InputError: when a table cannot be read or understood.
            UsageError: when words for sites are given without a table.
        """
        source = self.source
        if source is not None:
            days = frozenset(visit.date for visit in visits)
            read_by_reader(replace(source, options=replace(source.options, scan_days=days)))
        elif self.sites is not None:
            remedy = "Give the table with --radiologist, or leave --sites out"
            raise UsageError("--sites is for a radiologist's table", remedy=remedy)
        if self.corrections is None:
            return ()
        return _read_corrections(self.corrections, [visit.date for visit in visits])


def _read_corrections(path: Path, scan_days: Collection[dt.date]) -> tuple[Correction, ...]:
    """The rows of a corrections table, also as a spreadsheet has saved it.

    Args:
        path: of the table.
        scan_days: of the patient; they tell day from month.
    """
    try:
        choices = read_delimited(path)
        lines = next(
            (one for one in choices if one.rows and "action" in one.rows[0][1]), choices[0]
        )
        return parse_corrections(_with_iso_dates(_by_line(lines), scan_days))
    except InputError as error:
        raise InputError(error.what, path=path, remedy=error.remedy) from error
    except OSError as error:
        raise InputError(
            f"the corrections table cannot be read ({error.strerror})",
            path=path,
            remedy="Give a CSV file",
        ) from error


def _by_line(lines: Lines) -> list[dict[Any, Any]]:
    """The rows below the header by column, with an empty one for each line that holds none.

    What a row has too much is under None, and None is what it has too little.
    """
    if not lines.rows:
        return []
    (_, columns), *others = lines.rows
    rows: list[dict[Any, Any]] = []
    for line, cells in others:
        rows += [{}] * (line - 2 - len(rows))
        row: dict[Any, Any] = dict(zip_longest(columns, cells[: len(columns)]))
        extra = cells[len(columns) :]
        rows.append(row | ({None: extra} if any(extra) else {}))
    return rows


def _with_iso_dates(
    rows: list[dict[Any, Any]], scan_days: Collection[dt.date]
) -> list[dict[Any, Any]]:
    """The rows with days as YYYY-MM-DD where a spreadsheet wrote them in the order of a country."""
    columns = ("date_a", "date_b")
    texts = [row[column] for row in rows for column in columns if row.get(column)]
    settled = settled_order(texts, scan_days)
    form = DateForm(order=settled[0] if settled else None)
    for row in rows:
        for column in columns:
            if row.get(column):
                with suppress(CellError):  # what is no day is refused with its line
                    row[column] = parse_date(row[column], form).isoformat()
    return rows
