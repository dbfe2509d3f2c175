"""Enhanced (multi-frame) CT: every frame of a file as if it were a file of one slice."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset

from lvt_track.core.geometry import FloatArray
from lvt_track.errors import InputError
from lvt_track.io.dicom.header import SliceHeader, read_slice_headers
from lvt_track.io.dicom.values import seconds_of_day

__all__ = ["ENHANCED_CT", "read_frame_headers"]

ENHANCED_CT = ("1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2")
"""SOP classes whose frames are placed by functional groups: enhanced, and converted from slices."""

_GROUPS = ["SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"]


def read_frame_headers(
    paths: Iterable[Path],
) -> tuple[list[SliceHeader], list[InputError]]:
    """Headers of DICOM files, one per slice: a file of enhanced CT has as many as frames.

    Returns:
        The headers in the order of `paths`, and an error for each unreadable file.
    """
    headers, errors = read_slice_headers(paths)
    slices: list[SliceHeader] = []
    for header in headers:
        if header.sop_class not in ENHANCED_CT or header.fault:
            slices.append(header)
            continue
        try:
            slices.extend(_frames(header))
        except Exception as error:
            # pydicom raises whatever a damaged length or value provokes.
            errors.append(
                InputError(
                    f"enhanced CT with damaged functional groups ({error})",
                    path=header.path,
                    remedy="Copy or export the file again",
                )
            )
    return slices, errors


def _frames(header: SliceHeader) -> Iterator[SliceHeader]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dataset = pydicom.dcmread(
            header.path, stop_before_pixels=True, specific_tags=list(_GROUPS), force=True
        )
        shared = next(iter(dataset.get(_GROUPS[0]) or ()), Dataset())
        frames = dataset.get(_GROUPS[1]) or ()
        if len(frames) != header.frames:
            raise ValueError(f"{header.frames} frames, but groups for {len(frames)}")
        for number, frame_groups in enumerate(frames, start=1):
            yield _frame(header, number, frame_groups, shared)


def _frame(header: SliceHeader, number: int, frame_groups: Dataset, shared: Dataset) -> SliceHeader:
    def value(group: str, name: str) -> Any:
        """A value of the frame, else the one that all frames share."""
        for groups in (frame_groups, shared):
            for item in groups.get(group) or ():
                if item.get(name) is not None:
                    return item.get(name)
        return None

    orientation = _vector(value("PlaneOrientationSequence", "ImageOrientationPatient"), 6)
    spacing = _vector(value("PixelMeasuresSequence", "PixelSpacing"), 2)
    thickness = value("PixelMeasuresSequence", "SliceThickness")
    slope = value("PixelValueTransformationSequence", "RescaleSlope")
    intercept = value("PixelValueTransformationSequence", "RescaleIntercept")
    kind = value("PixelValueTransformationSequence", "RescaleType")
    kernel = value("CTReconstructionSequence", "ConvolutionKernel")
    frame_type = value("CTImageFrameTypeSequence", "FrameType")
    technique = value("CTImageFrameTypeSequence", "VolumeBasedCalculationTechnique")
    kinds = (*_words(frame_type), *_words(technique))
    acquired = str(value("FrameContentSequence", "FrameAcquisitionDateTime") or "")
    seconds = seconds_of_day(acquired[8:])
    has_group = slope is not None and intercept is not None
    return replace(
        header,
        frame=number,
        instance_number=number,
        position_mm=_vector(value("PlanePositionSequence", "ImagePositionPatient"), 3),
        orientation=None if orientation is None else orientation.reshape(2, 3),
        pixel_spacing_mm=None if spacing is None else (float(spacing[0]), float(spacing[1])),
        slice_thickness_mm=None if thickness is None else float(thickness) or None,
        # Some converters leave slope and intercept where single slices have them.
        has_rescale=has_group or header.has_rescale,
        rescale=(float(slope), float(intercept)) if has_group else header.rescale,
        rescale_type=str(kind or header.rescale_type).upper(),
        kernel="/".join(_words(kernel)) or header.kernel,
        kvp=str(value("CTXRayDetailsSequence", "KVP") or header.kvp),
        image_type=tuple(kind.upper() for kind in kinds) or header.image_type,
        acquired_s=header.acquired_s if seconds is None else seconds,
        stack_id=str(value("FrameContentSequence", "StackID") or ""),
        acquisition=(
            str(value("FrameContentSequence", "FrameAcquisitionNumber") or ""),
            str(value("FrameContentSequence", "TemporalPositionIndex") or ""),
        ),
    )


def _words(value: Any) -> list[str]:
    if not value:
        return []
    return [value] if isinstance(value, str) else [str(item) for item in value]


def _vector(value: Any, length: int) -> FloatArray | None:
    if value is None:
        return None
    numbers = np.array([float(item) for item in value])
    return numbers if numbers.shape == (length,) and np.isfinite(numbers).all() else None
