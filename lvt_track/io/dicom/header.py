"""What the header of one DICOM file says, as far as reading CT needs it."""

from __future__ import annotations

import datetime as dt
import os
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID

from lvt_track.core.geometry import FloatArray
from lvt_track.errors import InputError

__all__ = ["SliceHeader", "looks_like_dicom", "read_slice_header", "read_slice_headers"]

_TAGS = [
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
]
_UNREADABLE = "Copy or export the file again"
_THREADS = 8
# Compressed pixels end with this item; little may follow it.
_SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
_TAIL_BYTES = 4096


@dataclass(frozen=True, eq=False)
class SliceHeader:
    """Header of one DICOM file; empty text and None where it says nothing.

    Attributes:
        path: the file.
        position_mm: LPS position (x, y, z) of the centre of the first pixel.
        orientation: 2 x 3; LPS directions in which the column and the row index grow.
        pixel_spacing_mm: distance between rows, and between columns.
        delay_s: from the start of contrast injection to acquisition.
        is_cut_short: whether the file ends before its pixels do.
        frame: number of the frame in a file of several, from 1; None where the file is one slice.
        rescale: slope and intercept of the frame; the pixels of a single slice bring their own.
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
    series_number: str
    description: str
    protocol: str
    kernel: str
    image_type: tuple[str, ...]
    instance_number: int
    acquisition: tuple[str, ...]
    frame_of_reference: str
    contrast_agent: str
    delay_s: float | None
    position_mm: FloatArray | None
    orientation: FloatArray | None
    pixel_spacing_mm: tuple[float, float] | None
    rows: int
    columns: int
    frames: int
    samples: int
    slice_thickness_mm: float | None
    has_rescale: bool
    transfer_syntax: str
    is_cut_short: bool
    frame: int | None = None
    rescale: tuple[float, float] | None = None

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


def looks_like_dicom(path: Path) -> bool:
    """Whether the first bytes are DICOM, with or without preamble and meta header.

    A file that cannot be opened counts as one, so that its reader will name the fault.
    """
    try:
        with path.open("rb") as file:
            start = file.read(132)
    except OSError:
        return True
    if start[128:132] == b"DICM":
        return True
    # Without a preamble a data set starts with a tag of group 0002 or 0008, then a length.
    group, element = start[:2], start[2:4]
    return group in (b"\x02\x00", b"\x08\x00") and len(element) == 2 and element[1] < 0x20


def read_slice_headers(
    paths: Iterable[Path],
) -> tuple[list[SliceHeader], list[InputError]]:
    """Headers of DICOM files in the order of `paths`, and an error for each unreadable one."""

    def attempt(path: Path) -> SliceHeader | InputError:
        try:
            return read_slice_header(path)
        except InputError as error:
            return error

    # Network shares answer in parallel; the warnings filter is shared by all threads, so it is
    # set around them all.
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
            dataset = pydicom.dcmread(
                file, stop_before_pixels=True, specific_tags=_TAGS, force=True
            )
            return _header(path, dataset, _is_cut_short(file, dataset))
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


def _header(path: Path, dataset: Dataset, is_cut_short: bool) -> SliceHeader:
    if "SOPClassUID" not in dataset and "Modality" not in dataset:
        raise InputError("not a DICOM file, or one that ends within its header", path=path)
    if _text(dataset, "Modality") == "CT" and "Rows" not in dataset:
        raise InputError("the file is cut short: it ends within its header", path=path)
    orientation = _vector(dataset, "ImageOrientationPatient", 6)
    spacing = _vector(dataset, "PixelSpacing", 2)
    thickness = _vector(dataset, "SliceThickness", 1)
    return SliceHeader(
        path=path,
        modality=_text(dataset, "Modality").upper(),
        sop_class=_text(dataset, "SOPClassUID"),
        sop_uid=_text(dataset, "SOPInstanceUID"),
        study_uid=_text(dataset, "StudyInstanceUID"),
        series_uid=_text(dataset, "SeriesInstanceUID"),
        patient_id=_text(dataset, "PatientID"),
        patient_name=_text(dataset, "PatientName"),
        birth_date=_text(dataset, "PatientBirthDate"),
        sex=_text(dataset, "PatientSex").upper(),
        date=_date(dataset),
        series_number=_text(dataset, "SeriesNumber"),
        description=_text(dataset, "SeriesDescription"),
        protocol=_text(dataset, "ProtocolName"),
        kernel="/".join(_texts(dataset, "ConvolutionKernel")),
        image_type=tuple(item.upper() for item in _texts(dataset, "ImageType")),
        instance_number=_integer(dataset, "InstanceNumber"),
        acquisition=(
            _text(dataset, "AcquisitionNumber"),
            _text(dataset, "TemporalPositionIdentifier"),
        ),
        frame_of_reference=_text(dataset, "FrameOfReferenceUID"),
        contrast_agent=_text(dataset, "ContrastBolusAgent"),
        delay_s=_delay_s(dataset),
        position_mm=_vector(dataset, "ImagePositionPatient", 3),
        orientation=None if orientation is None else orientation.reshape(2, 3),
        pixel_spacing_mm=None if spacing is None else (float(spacing[0]), float(spacing[1])),
        rows=_integer(dataset, "Rows"),
        columns=_integer(dataset, "Columns"),
        frames=_integer(dataset, "NumberOfFrames", 1),
        samples=_integer(dataset, "SamplesPerPixel", 1),
        slice_thickness_mm=None if thickness is None else float(thickness[0]) or None,
        has_rescale="RescaleSlope" in dataset and "RescaleIntercept" in dataset,
        transfer_syntax=_transfer_syntax(dataset),
        is_cut_short=is_cut_short,
    )


def _is_cut_short(file: BinaryIO, dataset: Dataset) -> bool:
    """Whether a file read up to its pixels ends before they do."""
    start = file.tell()
    size = file.seek(0, os.SEEK_END)
    syntax = UID(_transfer_syntax(dataset))
    if syntax.is_transfer_syntax and syntax.is_deflated:
        return False  # inflating it, which has just been done, would have failed
    if syntax.is_transfer_syntax and syntax.is_encapsulated:
        file.seek(max(start, size - _TAIL_BYTES))
        return _SEQUENCE_END not in file.read()
    pixels = _integer(dataset, "Rows") * _integer(dataset, "Columns")
    pixels *= _integer(dataset, "NumberOfFrames", 1) * _integer(dataset, "SamplesPerPixel", 1)
    return size - start < pixels * _integer(dataset, "BitsAllocated", 16) // 8


def _transfer_syntax(dataset: Dataset) -> str:
    return str(getattr(dataset.file_meta, "TransferSyntaxUID", ""))


def _value(dataset: Dataset, name: str) -> Any:
    try:
        return dataset.get(name)
    except Exception:  # a value that breaks the rules of its type says nothing
        return None


def _texts(dataset: Dataset, name: str) -> list[str]:
    value = _value(dataset, name)
    if value is None:
        return []
    items = [value] if isinstance(value, str) or not hasattr(value, "__iter__") else list(value)
    return [str(item).strip("\0 ") for item in items]


def _text(dataset: Dataset, name: str) -> str:
    value = _value(dataset, name)
    return "" if value is None else str(value).strip("\0 ")


def _integer(dataset: Dataset, name: str, default: int = 0) -> int:
    try:
        return int(float(_text(dataset, name)))
    except ValueError:
        return default


def _vector(dataset: Dataset, name: str, length: int) -> FloatArray | None:
    try:
        numbers = np.array([float(item) for item in _texts(dataset, name)])
    except ValueError:
        return None
    return numbers if numbers.shape == (length,) and np.isfinite(numbers).all() else None


def _date(dataset: Dataset) -> dt.date | None:
    for name in ("StudyDate", "AcquisitionDate", "SeriesDate", "ContentDate"):
        digits = _text(dataset, name).replace(".", "").replace("-", "")[:8]
        try:
            return dt.datetime.strptime(digits, "%Y%m%d").date()
        except ValueError:
            continue
    return None


def _delay_s(dataset: Dataset) -> float | None:
    start = _seconds(_text(dataset, "ContrastBolusStartTime"))
    acquired = _seconds(_text(dataset, "AcquisitionTime"))
    if acquired is None:
        acquired = _seconds(_text(dataset, "AcquisitionDateTime")[8:])
    return None if start is None or acquired is None else acquired - start


def _seconds(time: str) -> float | None:
    """Seconds since midnight of a DICOM time, HHMMSS.FFFFFF."""
    digits = time.replace(":", "")
    try:
        return 3600 * int(digits[:2]) + 60 * int(digits[2:4] or 0) + float(digits[4:] or 0)
    except ValueError:
        return None
