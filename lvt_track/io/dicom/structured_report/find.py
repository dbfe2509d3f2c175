"""Structured reports below a folder, without those that later ones have replaced."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from lvt_track.errors import InputError
from lvt_track.io.dicom.preamble import looks_like_dicom

__all__ = ["current_reports", "find_reports"]

_OWN_MODEL = "lvt-track"
_TAGS = [
    "Modality",
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "ManufacturerModelName",
    "ContentDate",
    "ContentTime",
    "PredecessorDocumentsSequence",
]


def find_reports(path: Path) -> list[Path]:
    """The structured reports below a folder, by name; a file is taken as one.

    Raises:
        InputError: when the folder holds none.
    """
    if not path.is_dir():
        return [path]
    files = sorted(file for file in path.rglob("*") if file.is_file())
    reports = [file for file in files if looks_like_dicom(file) and _may_be_report(file)]
    if not reports:
        raise InputError(
            "no DICOM structured report in this folder",
            path=path,
            remedy="Give the folder with the reports, or a table of measurements",
        )
    return reports


def current_reports(reports: Sequence[Path]) -> list[Path]:
    """The reports that no other one of them replaces.

    An archive keeps a corrected report beside the one it corrects, and lesions that were taken out
    would stay in. A report that another names as its predecessor is replaced; and as lvt writes one
    report of a study, of its own only the latest counts.
    """
    headers = {path: _header(path) for path in reports}
    replaced = {
        str(reference.get("ReferencedSOPInstanceUID", ""))
        for header in headers.values()
        for reference in _predecessors(header)
    }
    latest: dict[str, str] = defaultdict(str)
    for header in headers.values():
        if _is_own(header):
            study = str(header.get("StudyInstanceUID", ""))
            latest[study] = max(latest[study], _made(header))
    return [
        path
        for path, header in headers.items()
        if str(header.get("SOPInstanceUID", "")) not in replaced
        and not (
            _is_own(header) and _made(header) < latest[str(header.get("StudyInstanceUID", ""))]
        )
    ]


def _header(path: Path) -> Dataset:
    """What tells reports apart; nothing of a damaged one, whose reader names the fault."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            header = pydicom.dcmread(path, specific_tags=_TAGS, force=True)
            list(header)  # decoded here, where what is wrong with a value may be passed over
            return header
    except Exception:
        return Dataset()


def _may_be_report(path: Path) -> bool:
    """Whether a file is a report, or so damaged that it may be one."""
    header = _header(path)
    modality = str(header.get("Modality", ""))
    return modality == "SR" or not (modality or "SOPClassUID" in header)


def _predecessors(header: Dataset) -> list[Dataset]:
    return [
        reference
        for study in header.get("PredecessorDocumentsSequence") or ()
        for series in study.get("ReferencedSeriesSequence") or ()
        for reference in series.get("ReferencedSOPSequence") or ()
    ]


def _is_own(header: Dataset) -> bool:
    return str(header.get("ManufacturerModelName", "")) == _OWN_MODEL


def _made(header: Dataset) -> str:
    """Day and time, in an order that texts have."""
    return f"{header.get('ContentDate', '')}{header.get('ContentTime', '')}"
