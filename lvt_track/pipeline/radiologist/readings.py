"""A reader's measurements from whatever they come in: a table, SDTM, or structured reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lvt_track.core.records import Visit
from lvt_track.errors import InputError, UsageError
from lvt_track.io.dicom.header import looks_like_dicom
from lvt_track.io.spreadsheets import Sheet, read_sheet
from lvt_track.pipeline.radiologist.annotation_positions import with_places
from lvt_track.pipeline.radiologist.structured_reports import read_reports
from lvt_track.response.sdtm import is_tr, read_tr
from lvt_track.response.tables import Readings, read_measurements

__all__ = ["read_readings"]


def read_readings(
    source: Path,
    identification: Path | None = None,
    evaluator: str | None = None,
    visits: Sequence[Visit] = (),
) -> Readings:
    """Measurements from a table with our columns, SDTM TR with its TU, or DICOM SR.

    Args:
        source: the table, a DICOM structured report, or a folder of such reports.
        identification: SDTM TU file.
        evaluator: whose records of an SDTM TR file count.
        visits: the patient's scans, through which places named by slice become LPS.

    Raises:
        InputError: when the file cannot be read, or rows cannot be used.
        UsageError: when TU or an evaluator is given for what is not TR.
    """
    if source.is_dir() or (source.is_file() and looks_like_dicom(source)):
        _refuse_sdtm_options(source, identification, evaluator)
        sheet, remarks = read_reports(source, visits)
        return _with_remarks(_checked_reports(sheet), remarks)
    sheet = read_sheet(source)
    if is_tr(sheet):
        tu = None if identification is None else read_sheet(identification)
        return read_tr(sheet, tu, evaluator)
    _refuse_sdtm_options(source, identification, evaluator)
    sheet, remarks = with_places(sheet, visits)
    return _with_remarks(read_measurements(sheet), remarks)


def _checked_reports(sheet: Sheet) -> Readings:
    try:
        return read_measurements(sheet)
    except InputError as error:
        raise InputError(
            error.what,
            path=error.path,
            remedy="Line N is the Nth measurement group, over all reports in order of their names",
        ) from error


def _with_remarks(readings: Readings, remarks: Sequence[str]) -> Readings:
    return replace(readings, remarks=(*remarks, *readings.remarks))


def _refuse_sdtm_options(source: Path, tu: Path | None, evaluator: str | None) -> None:
    if tu is not None or evaluator is not None:
        raise UsageError("--tu and --evaluator are for SDTM TR tables", path=source)
