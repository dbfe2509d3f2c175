"""Volumes of one series that show a part of a scan each, since its pixels change on the way."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations

import numpy as np

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.io.dicom.stack import SPACING_TOLERANCE, Stack

__all__ = ["partial_views"]

_ADJOINING_STEPS = 1.5
_PARALLEL_COSINE = 0.999


def partial_views(stacks: Sequence[Stack]) -> list[str]:
    """What each of the volumes lacks, in words; empty where none goes on above or below it.

    A technologist widens the field of view, or a reconstruction changes its matrix, and the scan
    goes on with other pixels at the next slice: no volume then shows all that was scanned.

    Args:
        stacks: volumes of one series.
    """
    texts = [""] * len(stacks)
    for k, other in permutations(range(len(stacks)), 2):
        part, rest = stacks[k].geometry, stacks[other].geometry
        normal = part.direction[:, 2]
        is_parallel = abs(float(normal @ rest.direction[:, 2])) >= _PARALLEL_COSINE
        if not is_parallel or _have_same_pixels(part, rest):
            continue
        low, high = _ends_mm(part, normal)
        rest_low, rest_high = _ends_mm(rest, normal)
        step = max(part.spacing_mm[0], rest.spacing_mm[0])
        gap_mm = max(rest_low - high, low - rest_high)
        if 0 < gap_mm <= _ADJOINING_STEPS * step:
            texts[k] = (
                f"shows a part of the scan alone: at {high if rest_low > high else low:.1f} mm its "
                f"pixels change from {_pixels(part)} to {_pixels(rest)}, another volume"
            )
    return texts


def _ends_mm(geometry: Geometry, normal: FloatArray) -> tuple[float, float]:
    """Heights of the first and the last slice, the lower one first."""
    ends = [normal @ np.array(geometry.to_world((z, 0, 0))) for z in (0, geometry.shape[0] - 1)]
    return float(min(ends)), float(max(ends))


def _have_same_pixels(a: Geometry, b: Geometry) -> bool:
    is_close = np.allclose(a.spacing_mm[1:], b.spacing_mm[1:], rtol=SPACING_TOLERANCE)
    return a.shape[1:] == b.shape[1:] and is_close


def _pixels(geometry: Geometry) -> str:
    _, rows, columns = geometry.shape
    _, row_mm, column_mm = geometry.spacing_mm
    return f"{rows} × {columns} of {row_mm:g} × {column_mm:g} mm"
