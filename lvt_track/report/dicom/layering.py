"""How structures that overlap are put into DICOM segmentations: as they are, or each voxel once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lvt_track.report.dicom.seg_type import SegSeries, SegType
from lvt_track.report.dicom.segmentation import Kind, Segment

__all__ = ["exclusive", "layers"]


def layers(segments: Sequence[Segment], kind: SegType) -> dict[SegSeries, list[Segment]]:
    """The segments of each object that is to be written, by the series to which it belongs.

    Args:
        segments: the more particular ones later.
        kind: what is to be written.
    """
    if kind is SegType.BINARY:
        return {SegSeries.WHOLE: list(segments)}
    if kind is SegType.LABELMAP:
        return {SegSeries.LABELS: exclusive(segments)}
    organs = [segment for segment in segments if segment.kind is not Kind.LESION]
    # Pieces of one map of lesions never share a voxel.
    tumors = [segment for segment in segments if segment.kind is Kind.LESION]
    return {SegSeries.ORGANS: exclusive(organs), SegSeries.TUMORS: tumors}


def exclusive(segments: Sequence[Segment]) -> list[Segment]:
    """The segments without overlap: a voxel of several belongs to the last of them."""
    painted = np.zeros(segments[0].labels.shape, dtype=np.int32)
    for number, segment in enumerate(segments, start=1):
        painted[segment.mask()] = number
    return [
        replace(segment, labels=painted, values=(number,))
        for number, segment in enumerate(segments, start=1)
    ]
