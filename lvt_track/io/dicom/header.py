"""What the header of one DICOM file says, as far as reading CT needs it."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID

from lvt_track.core.geometry import FloatArray
from lvt_track.errors import InputError
from lvt_track.io.dates import date_of_text
from lvt_track.io.dicom.pixel_data.encapsulation import check_deflated
from lvt_track.io.dicom.pixel_data.missing import CUT_SHORT, missing_pixels
from lvt_track.io.dicom.values import (
    has_value,
    integer,
    numbers,
    seconds_of_day,
    tag,
    text,
    texts,
)

__all__ = [
    "CT_IMAGE",
    "SliceHeader",
    "read_slice_header",
    "read_slice_headers",
    "slice_header",
]

CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
"""SOP class of a CT slice."""

_TAGS = [
    tag(keyword)
    for keyword in (
        "ImageType",
        "SOPClassUID",
        "SOPInstanceUID",
        "StudyDate",
        "SeriesDate",
        "AcquisitionDate",
        "ContentDate",
        "AcquisitionDateTime",
        "AcquisitionTime",
        "Modality",
        "SeriesDescription",
        "PatientName",
        "PatientID",
        "PatientBirthDate",
        "PatientSex",
        "ContrastBolusAgent",
        "ContrastBolusStartTime",
        "SliceThickness",
        "GantryDetectorTilt",
        "ProtocolName",
        "ConvolutionKernel",
        "StudyInstanceUID",
        "SeriesInstanceUID",
        "SeriesNumber",
        "AcquisitionNumber",
        "InstanceNumber",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "TemporalPositionIdentifier",
        "FrameOfReferenceUID",
        "SamplesPerPixel",
        "NumberOfFrames",
        "Rows",
        "Columns",
        "PixelSpacing",
        "BitsAllocated",
        "RescaleSlope",
        "RescaleIntercept",
        "RescaleType",
        "KVP",
        "LossyImageCompression",
        "LossyImageCompressionRatio",
        "SliceLocation",
        "SpacingBetweenSlices",
        "ConcatenationUID",
        "InConcatenationNumber",
        "InConcatenationTotalNumber",
    )
]
_UNREADABLE = "Copy or export the file again"
_THREADS = 8
_LOSSY_SYNTAXES = tuple(f"1.2.840.10008.1.2.4.{k}" for k in (50, 51, 81))
_NUMBERS = {
    "ImagePositionPatient": 3,
    "ImageOrientationPatient": 6,
    "PixelSpacing": 2,
    "RescaleSlope": 1,
    "RescaleIntercept": 1,
}


@dataclass(frozen=True, eq=False)
class SliceHeader:
    """Header of one DICOM file; empty text and None where it says nothing.

    Attributes:
        date: day of the study; else of the acquisition, the series or the content.
        is_study_date: whether the date is that of the study, which has but one.
        acquisition_date: day of the acquisition, where that is stated.
        impossible_date: a date that no CT can have, where the header has nothing better.
        acquired_s: time of the acquisition in seconds from some midnight.
        acquisition: AcquisitionNumber and TemporalPositionIdentifier.
        position_mm: LPS position (x, y, z) of the centre of the first pixel.
        orientation: 2 x 3; LPS directions in which the column and the row index grow.
        pixel_spacing_mm: distance between rows, and between columns.
        location_mm, spacing_between_mm: SliceLocation and SpacingBetweenSlices.
        delay_s: from the start of contrast injection to acquisition.
        concatenation: UID, number of this part and number of parts (0 where it is not told) of an
            enhanced image in several files.
        lossy: how far the pixels were compressed with loss.
        fault: why its pixels cannot be used; empty where nothing speaks against it.
        frame: number of the frame in a file of several, from 1; None where the file is one slice.
        rescale: slope and intercept.
    """

    path: Path
    modality: str
    sop_class: str
    sop_uid: str
    study_uid: str
    series_uid: str
    patient_id: str
    patient_name: str
    birth_date: str
    sex: str
    date: dt.date | None
    is_study_date: bool
    acquisition_date: dt.date | None
    impossible_date: str
    acquired_s: float | None
    series_number: str
    description: str
    protocol: str
    kernel: str
    kvp: str
    image_type: tuple[str, ...]
    instance_number: int
    acquisition: tuple[str, ...]
    stack_id: str
    frame_of_reference: str
    contrast_agent: str
    delay_s: float | None
    position_mm: FloatArray | None
    orientation: FloatArray | None
    pixel_spacing_mm: tuple[float, float] | None
    location_mm: float | None
    spacing_between_mm: float | None
    rows: int
    columns: int
    frames: int
    samples: int
    slice_thickness_mm: float | None
    rescale_type: str
    rescale: tuple[float, float]
    has_rescale: bool
    lossy: str
    transfer_syntax: str
    concatenation: tuple[str, int, int] | None
    fault: str
    frame: int | None = None

    @property
    def folder(self) -> Path:
        """Folder of the file."""
        return self.path.parent

    @property
    def normal(self) -> FloatArray | None:
        """LPS unit vector across the slice."""
        if self.orientation is None:
            return None
        normal: FloatArray = np.cross(self.orientation[0], self.orientation[1])
        length = float(np.linalg.norm(normal))
        return normal / length if length > 0 else None


def read_slice_headers(
    paths: Iterable[Path],
) -> tuple[list[SliceHeader], list[InputError]]:
    """Headers of DICOM files in the order of `paths`, and an error for each unreadable one."""

    def attempt(path: Path) -> SliceHeader | InputError:
        try:
            return read_slice_header(path)
        except InputError as error:
            return error

    # Network shares answer in parallel; the filter of warnings is shared by all threads.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with ThreadPoolExecutor(_THREADS) as pool:
            outcomes = list(pool.map(attempt, paths))
    headers = [item for item in outcomes if isinstance(item, SliceHeader)]
    return headers, [item for item in outcomes if isinstance(item, InputError)]


def read_slice_header(path: Path) -> SliceHeader:
    """Read the header of one file, pixels left aside.

    Raises:
        InputError: when the file is not DICOM, or ends within its header.
    """
    try:
        with path.open("rb") as file:
            check_deflated(path, file)
            dataset = pydicom.dcmread(
                file, stop_before_pixels=True, specific_tags=list(_TAGS), force=True
            )
            return slice_header(path, dataset, file)
    except InputError:
        raise
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror or error})", path=path, remedy=_UNREADABLE
        ) from error
    except Exception as error:
        # pydicom raises whatever a damaged length or value provokes.
        raise InputError(
            f"damaged DICOM header ({error})", path=path, remedy=_UNREADABLE
        ) from error


def slice_header(path: Path, dataset: Dataset, file: BinaryIO | None = None) -> SliceHeader:
    """What a data set says; with the file read up to its pixels, also whether these are whole."""
    sop_class = text(dataset, "SOPClassUID") or _meta(dataset, "MediaStorageSOPClassUID")
    modality = text(dataset, "Modality").upper()
    if not sop_class and not modality:
        raise InputError("not a DICOM file, or one that ends within its header", path=path)
    is_ct_slice = sop_class == CT_IMAGE or (modality == "CT" and not sop_class)
    if file and is_ct_slice and "Rows" not in dataset:
        raise InputError(f"{CUT_SHORT}: it ends within its header", path=path)
    orientation = numbers(dataset, "ImageOrientationPatient", 6)
    spacing = numbers(dataset, "PixelSpacing", 2)
    slope, intercept = _one(dataset, "RescaleSlope"), _one(dataset, "RescaleIntercept")
    day, acquisition_day, impossible = _dates(dataset)
    return SliceHeader(
        path=path,
        modality=modality,
        sop_class=sop_class,
        sop_uid=text(dataset, "SOPInstanceUID"),
        study_uid=text(dataset, "StudyInstanceUID"),
        series_uid=text(dataset, "SeriesInstanceUID"),
        patient_id=text(dataset, "PatientID"),
        patient_name=text(dataset, "PatientName"),
        birth_date=text(dataset, "PatientBirthDate"),
        sex=text(dataset, "PatientSex").upper(),
        date=day,
        is_study_date=date_of_text(text(dataset, "StudyDate"))[0] is not None,
        acquisition_date=acquisition_day,
        impossible_date=impossible,
        acquired_s=_acquired_s(dataset),
        series_number=text(dataset, "SeriesNumber"),
        description=text(dataset, "SeriesDescription"),
        protocol=text(dataset, "ProtocolName"),
        kernel="/".join(texts(dataset, "ConvolutionKernel")),
        kvp=text(dataset, "KVP"),
        image_type=tuple(item.upper() for item in texts(dataset, "ImageType")),
        instance_number=integer(dataset, "InstanceNumber"),
        acquisition=(
            text(dataset, "AcquisitionNumber"),
            text(dataset, "TemporalPositionIdentifier"),
        ),
        stack_id="",
        frame_of_reference=text(dataset, "FrameOfReferenceUID"),
        contrast_agent=text(dataset, "ContrastBolusAgent"),
        delay_s=_delay_s(dataset),
        position_mm=numbers(dataset, "ImagePositionPatient", 3),
        orientation=None if orientation is None else orientation.reshape(2, 3),
        pixel_spacing_mm=None if spacing is None else (float(spacing[0]), float(spacing[1])),
        location_mm=_one(dataset, "SliceLocation"),
        spacing_between_mm=_one(dataset, "SpacingBetweenSlices"),
        rows=integer(dataset, "Rows"),
        columns=integer(dataset, "Columns"),
        frames=integer(dataset, "NumberOfFrames", 1),
        samples=integer(dataset, "SamplesPerPixel", 1),
        slice_thickness_mm=_one(dataset, "SliceThickness") or None,
        rescale_type=text(dataset, "RescaleType").upper(),
        rescale=(1.0 if slope is None else slope, intercept or 0.0),
        has_rescale=slope is not None and intercept is not None,
        lossy=_lossy(dataset),
        transfer_syntax=_meta(dataset, "TransferSyntaxUID"),
        concatenation=_concatenation(dataset),
        fault=_fault(path, file, dataset) if file and modality in ("CT", "") else "",
    )


def _one(dataset: Dataset, keyword: str) -> float | None:
    values = numbers(dataset, keyword, 1)
    return None if values is None else float(values[0])


def _fault(path: Path, file: BinaryIO, dataset: Dataset) -> str:
    """Why the pixels cannot be used, as far as the header and the file's size tell."""
    if "Rows" not in dataset:
        return ""
    for keyword, length in _NUMBERS.items():
        if has_value(dataset, keyword) and numbers(dataset, keyword, length) is None:
            return f"its {keyword} cannot be read (“{text(dataset, keyword)}”)"
    syntax = UID(_meta(dataset, "TransferSyntaxUID"))
    return missing_pixels(path, file, dataset, syntax)


def _meta(dataset: Dataset, keyword: str) -> str:
    return str(getattr(getattr(dataset, "file_meta", None), keyword, ""))


def _dates(dataset: Dataset) -> tuple[dt.date | None, dt.date | None, str]:
    """Day of the study, day of the acquisition, and an impossible day if there is no other."""
    written = {
        name: date_of_text(text(dataset, name))
        for name in ("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate")
    }
    if written["AcquisitionDate"] == (None, ""):
        written["AcquisitionDate"] = date_of_text(text(dataset, "AcquisitionDateTime"))
    day = next((date for date, _ in written.values() if date is not None), None)
    acquired = written["AcquisitionDate"][0]
    impossible = next((odd for _, odd in written.values() if odd), "")
    return day, acquired, "" if day is not None else impossible


def _acquired_s(dataset: Dataset) -> float | None:
    time = seconds_of_day(text(dataset, "AcquisitionTime"))
    return seconds_of_day(text(dataset, "AcquisitionDateTime")[8:]) if time is None else time


def _delay_s(dataset: Dataset) -> float | None:
    start = seconds_of_day(text(dataset, "ContrastBolusStartTime"))
    acquired = _acquired_s(dataset)
    return None if start is None or acquired is None else acquired - start


def _lossy(dataset: Dataset) -> str:
    syntax = _meta(dataset, "TransferSyntaxUID")
    if text(dataset, "LossyImageCompression") not in ("01", "1") and syntax not in _LOSSY_SYNTAXES:
        return ""
    ratio = text(dataset, "LossyImageCompressionRatio")
    return f" (ratio {ratio})" if ratio else " (ratio not told)"


def _concatenation(dataset: Dataset) -> tuple[str, int, int] | None:
    uid = text(dataset, "ConcatenationUID")
    number = integer(dataset, "InConcatenationNumber")
    return (uid, number, integer(dataset, "InConcatenationTotalNumber")) if uid and number else None
