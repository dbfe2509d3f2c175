"""A reader's measurements from whatever they come in: a table, SDTM, or structured reports."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from lvt_track.core.response.sites import SiteWord, SiteWords, default_site_words
from lvt_track.core.series import Visit
from lvt_track.errors import InputError, UsageError
from lvt_track.io.dicom.preamble import looks_like_dicom
from lvt_track.io.spreadsheets.headers import HeaderWords
from lvt_track.io.spreadsheets.sheet import Sheet, read_sheet
from lvt_track.pipeline.radiologist.annotation_positions import placed
from lvt_track.pipeline.radiologist.structured_reports import read_reports
from lvt_track.response.tables.measurements import read_measurements
from lvt_track.response.tables.readers import has_readers, of_reader, readers_apart
from lvt_track.response.tables.readings import Readings, ReadOptions
from lvt_track.response.tables.sdtm.records import (
    evaluators_of,
    is_tr,
    is_tr_header,
    read_tr,
)
from lvt_track.response.tables.wide import (
    is_measurement_header,
    is_second_line,
    lengthened,
    names_rows,
)

__all__ = ["ReadingSource", "read_by_reader", "read_readings", "read_site_words"]


_TABLE_WORDS = HeaderWords(
    lambda cells: is_tr_header(cells) or is_measurement_header(cells), is_second_line, names_rows
)


@dataclass(frozen=True)
class ReadingSource:
    """Where a reader's measurements lie, and how they are read.

    Attributes:
        path: the table, a DICOM structured report, or a folder of such reports.
        identification: SDTM TU file.
        evaluator: whose records of an SDTM TR file, or rows of a table with readers, count.
        options: windows and words.
    """

    path: Path
    identification: Path | None = None
    evaluator: str | None = None
    options: ReadOptions = field(default_factory=ReadOptions)


def read_readings(source: Path | ReadingSource, visits: Sequence[Visit] = ()) -> Readings:
    """Measurements from a table with our columns, SDTM TR with its TU, or DICOM SR.

    Args:
        source: the file, or the file and how it is read.
        visits: the patient's scans, through which places named by slice become LPS.

    Raises:
        InputError: when the file cannot be read, or rows cannot be used.
        UsageError: when TU or an evaluator is given for what is not TR.
    """
    if isinstance(source, Path):
        source = ReadingSource(source)
    if _holds_reports(source.path):
        _refuse_sdtm_options(source)
        return read_reports(source.path, visits, source.options)
    return _readings_of(read_sheet(source.path, _TABLE_WORDS), source, visits)


def _readings_of(sheet: Sheet, source: ReadingSource, visits: Sequence[Visit]) -> Readings:
    """Of a table that was read: our columns, or SDTM TR with its TU."""
    if is_tr(sheet):
        tu = None if source.identification is None else _read_tu(source.identification)
        return read_tr(sheet, tu, source.evaluator, source.options)
    if source.identification is not None or not has_readers(sheet):
        _refuse_sdtm_options(source)
    days = _scan_days(source, visits)
    options = replace(source.options, scan_days=days)
    sheet = of_reader(lengthened(sheet, days), source.evaluator, days)
    return placed(read_measurements(sheet, options), sheet, visits)


def read_by_reader(
    source: Path | ReadingSource, visits: Sequence[Visit] = ()
) -> dict[str, Readings]:
    """The same for each reader of a table who is to be compared alone, by name.

    Returns:
        Under the empty name the whole table where it is of one reader, or one is chosen, or
        readers share the visits of a patient between them.

    Raises:
        InputError, UsageError: as `read_readings`.
    """
    if isinstance(source, Path):
        source = ReadingSource(source)
    if source.evaluator is not None or _holds_reports(source.path):
        return {"": read_readings(source, visits)}
    sheet = read_sheet(source.path, _TABLE_WORDS)
    days = _scan_days(source, visits)
    names = evaluators_of(sheet) if is_tr(sheet) else readers_apart(lengthened(sheet, days), days)
    if len(names) < 2:
        return {"": _readings_of(sheet, source, visits)}
    return {name: _readings_of(sheet, replace(source, evaluator=name), visits) for name in names}


def _scan_days(source: ReadingSource, visits: Sequence[Visit]) -> frozenset[dt.date]:
    """Days on which the patient was scanned, as far as is known."""
    return source.options.scan_days | {visit.date for visit in visits}


def _holds_reports(path: Path) -> bool:
    return path.is_dir() or (path.is_file() and looks_like_dicom(path))


def read_site_words(path: Path) -> SiteWords:
    """A user's words for organs, which go before ours: a table with columns word and organ.

    Raises:
        InputError: when it cannot be read, or a row lacks one of the two.
    """
    columns = HeaderWords(lambda cells: {"word", "organ"} <= {c.lower() for c in cells})
    sheet = read_sheet(path, columns)
    names = {name.lower(): name for name in sheet.columns}
    if not {"word", "organ"} <= names.keys():
        raise InputError("a list of sites needs the columns word and organ", path=path)
    words = []
    for row in sheet.rows:
        word, organ = row.cells[names["word"]], row.cells[names["organ"]]
        try:
            words.append(SiteWord(word, organ))
        except ValueError:
            raise InputError(f"line {row.line}: needs a word and an organ", path=path) from None
    return SiteWords(default_site_words().words, words)


def _read_tu(path: Path) -> Sheet:
    return read_sheet(path, HeaderWords(lambda cells: "TUORRES" in {c.upper() for c in cells}))


def _refuse_sdtm_options(source: ReadingSource) -> None:
    if source.identification is not None or source.evaluator is not None:
        what = "--tu is for SDTM TR tables, --evaluator for them and tables with a column reader"
        raise UsageError(what, path=source.path)
