"""Headers of a scan's slices as a segmentation takes them over: what breaks the standard is mended.

Archives hold values that DICOM does not allow (PS3.5 6.2): a birth date `00000000`, a sex `U`, a
time with colons, a name with a backslash. A segmentation that repeats them cannot be written.
"""

from __future__ import annotations

import datetime as dt
import re
import warnings
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

__all__ = ["read_source_header"]

# Of the patient and the study; a scan may lack any, a segmentation must name all.
_TEXTS = ("PatientID", "PatientName", "AccessionNumber", "StudyID", "ReferringPhysicianName")
_DATES = ("PatientBirthDate", "StudyDate")
_TIMES = ("StudyTime",)
_SEXES = ("M", "F", "O")
_UNICODE = "ISO_IR 192"
_LONGEST = {"AccessionNumber": 16, "StudyID": 16, "PatientID": 64}


def read_source_header(path: Path) -> Dataset:
    """The header of a slice, in Unicode, with values that the standard allows or empty ones."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        # Only what a segmentation takes over; the rest may hold what cannot be decoded.
        texts = {keyword: _text(header, keyword) for keyword in _TEXTS}
        dates = {keyword: _date(_text(header, keyword)) for keyword in _DATES}
        times = {keyword: _time(_text(header, keyword)) for keyword in _TIMES}
        sex = _text(header, "PatientSex").strip().upper()[:1]
        number = _text(header, "SeriesNumber")
    header.SpecificCharacterSet = _UNICODE
    for keyword, text in (texts | dates | times).items():
        setattr(header, keyword, text[: _LONGEST.get(keyword)])
    header.PatientSex = sex if sex in _SEXES else ""
    header.SeriesNumber = int(number) if re.fullmatch(r"[+-]?\d{1,9}", number) else 0
    return header


def _text(header: Dataset, keyword: str) -> str:
    """A value as text; parts that a backslash divides are one text."""
    try:
        value = header.get(keyword)
    except (ValueError, TypeError, LookupError, AttributeError):
        return ""  # cannot be understood
    parts = value if isinstance(value, MultiValue | list) else [value]
    text = " ".join(str(part) for part in parts if part is not None)
    return re.sub(r"[\x00-\x1f\x7f]", "", text.replace("\\", " ")).strip()


def _date(text: str) -> str:
    digits = text.replace("-", "").replace(".", "").replace("/", "")
    try:
        dt.datetime.strptime(digits, "%Y%m%d")
    except ValueError:
        return ""
    return digits if len(digits) == 8 else ""


def _time(text: str) -> str:
    digits = text.replace(":", "")
    valid = re.fullmatch(r"([01]\d|2[0-3])([0-5]\d([0-5]\d(\.\d{1,6})?)?)?", digits)
    return digits if valid else ""
