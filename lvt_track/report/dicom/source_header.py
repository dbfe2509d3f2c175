"""Headers of a scan's slices as a result takes them over: what it needs, mended.

Of patient and study no more than gives a result its place: the rest (comments, addresses, insurers,
physicians who read, trial ids, private elements) stays with the scan. Archives hold values that
DICOM does not allow (PS3.5 6.2): a birth date `00000000`, a sex `U`, a time with colons, a name
with a backslash. A result that repeats them cannot be written.
"""

from __future__ import annotations

import datetime as dt
import re
import warnings
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.multival import MultiValue

from lvt_track.io.dicom.values import tag

__all__ = ["read_source_header"]

# Of the patient and the study; a scan may lack any, a segmentation must name all.
_TEXTS = ("PatientID", "PatientName", "AccessionNumber", "StudyID", "ReferringPhysicianName")
_DATES = ("PatientBirthDate", "StudyDate")
_TIMES = ("StudyTime",)
_SEXES = ("M", "F", "O")
# Of the image: what says where it lies and what is to be referred to.
_IMAGE = (
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "FrameOfReferenceUID",
    "PositionReferenceIndicator",
    "Modality",
    "ImageType",
    "InstanceNumber",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "SliceThickness",
    "SpacingBetweenSlices",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    "DimensionOrganizationSequence",
    "DimensionIndexSequence",
    "LossyImageCompression",
    "LossyImageCompressionRatio",
    "LossyImageCompressionMethod",
)
_UNICODE = "ISO_IR 192"
_KEPT = {tag(keyword) for keyword in _IMAGE}
_LONGEST = {"AccessionNumber": 16, "StudyID": 16, "PatientID": 64}


def read_source_header(path: Path) -> Dataset:
    """What a result takes from a slice, in Unicode; a value that the standard forbids is empty."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        header = pydicom.dcmread(path, stop_before_pixels=True, force=True)
        # Only what a segmentation takes over; the rest may hold what cannot be decoded.
        texts = {keyword: _text(header, keyword) for keyword in _TEXTS}
        dates = {keyword: _date(_text(header, keyword)) for keyword in _DATES}
        times = {keyword: _time(_text(header, keyword)) for keyword in _TIMES}
        sex = _text(header, "PatientSex").strip().upper()[:1]
        number = _text(header, "SeriesNumber")
    for element in [one for one in header.keys() if one not in _KEPT]:  # noqa: SIM118
        del header[element]
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
