"""Is it CT in Hounsfield units? Segmenting anything else gives silent nonsense."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lvt_track.errors import InputError

__all__ = ["OUTSIDE_HU", "check_hu", "cut_by_window"]

OUTSIDE_HU = -1024
"""Value given to voxels outside the scanner's field of view."""

_SAMPLE = 2_000_000
_SOFT_TISSUE_HU = (-200.0, 250.0)
# In a trunk CT a third to two thirds of all voxels are fat and soft tissue; a whole-body field of
# view with much air still has a tenth. Masked or tightly cropped scans may have less.
_LEAST_SOFT_TISSUE = 0.01
# Fat is near -100 HU and lung and air far below: a trunk CT without either does not exist.
_FAT_HU = -60.0
_LEAST_FAT_AND_AIR = 0.001
# Nothing is emptier than air; padding may be lower, but then has one value.
_BELOW_AIR_HU = -1200.0
_MOST_BELOW_AIR = 0.05
_PADDINGS = 3
_LEAST_RANGE_HU = 60.0
_OFFSET_SOFT_TISSUE = (824.0, 1274.0)

# Only what a window cut off ends above air, with many voxels at either end.
_AIR_HU = -500.0
_LEAST_AT_LOW_END, _LEAST_AT_HIGH_END = 0.01, 0.001

_REMEDY = "Give the CT as the scanner made it, in Hounsfield units (air -1000, water 0)"


def check_hu(values: NDArray[Any], path: Path | str | None = None) -> None:
    """Refuse images that are not CT in Hounsfield units.

    Args:
        values: array of any shape, after slope and intercept were applied.
        path: where they came from, for the message.

    Raises:
        InputError: saying what the values look like instead.
    """
    flat = values.reshape(-1)
    # An odd step does not keep to a few columns, as rows have an even number of voxels.
    sample = flat[:: (flat.size // _SAMPLE) | 1].astype(np.float64)
    finite = sample[np.isfinite(sample)]
    if finite.size < 0.5 * sample.size:
        raise InputError("most voxels are not numbers (NaN or infinite)", path=path, remedy=_REMEDY)
    reason = _fault(finite)
    if reason:
        raise InputError(f"not CT in Hounsfield units: {reason}", path=path, remedy=_REMEDY)


def cut_by_window(values: NDArray[Any]) -> str:
    """What is to be said of values that end where a viewer's window does; empty for others."""
    low, high = values.min(), values.max()
    is_cut = (
        low > _AIR_HU
        and np.mean(values == low) > _LEAST_AT_LOW_END
        and np.mean(values == high) > _LEAST_AT_HIGH_END
    )
    if not is_cut:
        return ""
    return (
        f"its values end at {low:g} and {high:g}, where a window cut them off: air, fat and what "
        "is brighter are not in Hounsfield units; give the CT as the scanner made it"
    )


def _fault(hu: NDArray[np.float64]) -> str:
    """What is wrong with the values, or nothing."""
    low, high = float(hu.min()), float(hu.max())
    span = f"values run from {low:g} to {high:g}"
    if low == high:
        return f"every voxel is {low:g}"
    if high - low < _LEAST_RANGE_HU:
        return f"{span}, as in a mask, a label map or an image scaled to a small range"
    if low >= 0 and high <= 255:
        return f"{span}, as in a windowed 8-bit picture"
    positive = hu[hu > 0.02 * high]
    near_offset = (positive > _OFFSET_SOFT_TISSUE[0]) & (positive < _OFFSET_SOFT_TISSUE[1])
    if low >= 0 and near_offset.mean() > 0.2:
        return f"{span} with soft tissue near 1024, as when the rescale intercept of -1024 is lost"
    if float(np.mean(hu < _FAT_HU)) < _LEAST_FAT_AND_AIR:
        return f"{span} with neither air nor fat below {_FAT_HU:g}, as in MR or PET"
    below = hu[(hu < _BELOW_AIR_HU) & (hu != low)]
    impossible = below.size / hu.size
    # Table corrections leave a padding of their own beside that outside the circle.
    if impossible > _MOST_BELOW_AIR and len(np.unique(below)) > _PADDINGS:
        return f"{span}, {impossible:.0%} of them below air, as with a wrong rescale slope"
    soft = float(np.mean((hu > _SOFT_TISSUE_HU[0]) & (hu < _SOFT_TISSUE_HU[1])))
    if soft < _LEAST_SOFT_TISSUE:
        peak = _tissue_peak(hu)
        return (
            f"{span}, but only {soft:.1%} lie between {_SOFT_TISSUE_HU[0]:g} and "
            f"{_SOFT_TISSUE_HU[1]:g} where soft tissue belongs (most are near {peak:.0f}), "
            "as with a wrong rescale slope or intercept"
        )
    return ""


def _tissue_peak(hu: NDArray[np.float64]) -> float:
    """Most frequent value apart from the lowest, which is background."""
    counts, edges = np.histogram(hu[hu > hu.min()], bins=200)
    fullest = int(counts.argmax())
    return float(0.5 * (edges[fullest] + edges[fullest + 1]))
