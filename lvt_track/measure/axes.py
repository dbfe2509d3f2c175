"""Size of one lesion: long and short axis in the acquired plane, 3D diameter, volume, mean HU."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.lesion.caliper import Caliper
from lvt_track.core.lesion.lesion import Measurement
from lvt_track.core.volume import BoolArray, Volume
from lvt_track.measure.calipers import (
    longest_clear_pair,
    longest_perpendicular,
    widest_at_most,
)
from lvt_track.measure.diameter import longest_diameter_3d_mm
from lvt_track.measure.edges import edge_mask
from lvt_track.measure.outline import SliceOutline, extreme_points

__all__ = ["caliper_in_slice", "measure_at_edges", "measure_lesion"]


def measure_lesion(
    mask: BoolArray,
    geometry: Geometry,
    volume: Volume | None = None,
    *,
    first_slice: int = 0,
) -> Measurement:
    """Measure one lesion as a radiologist would.

    The long axis is the longest line in the plane of acquisition (the first array axis counts the
    slices), over all slices, that stays inside the lesion's outline; the short axis is the longest
    line at a right angle to it in the same slice and the same piece of the lesion. Holes do not
    stop a line, notches do. Where the outline runs is told in `lvt_track.measure.outline`.

    Args:
        mask: boolean (z, y, x), True inside the lesion; the whole scan, or a box cut from it.
        geometry: the grid of `mask` (of the box, where it is a box).
        volume: HU on the same grid, for the mean.
        first_slice: index in the scan of the mask's first slice; added to `slice_index`.

    Raises:
        ValueError: when the mask is empty, or does not lie on the geometry.
    """
    if mask.shape != geometry.shape:
        raise ValueError(f"mask has shape {mask.shape}, its geometry {geometry.shape}")
    if volume is not None and volume.geometry.shape != geometry.shape:
        raise ValueError(f"hu has shape {volume.geometry.shape}, the mask {mask.shape}")
    if not mask.any():
        raise ValueError("an empty mask has no size")
    index, (long_ends, short_ends) = _axes_in_plane(mask, geometry.spacing_mm)
    return Measurement(
        volume_ml=float(np.count_nonzero(mask)) * geometry.voxel_volume_ml,
        long_axis=caliper_in_slice(long_ends, index, geometry),
        short_axis=caliper_in_slice(short_ends, index, geometry),
        slice_index=index + first_slice,
        mean_hu=None if volume is None else float(volume.hu[mask].mean(dtype=np.float64)),
        long_axis_3d_mm=longest_diameter_3d_mm(mask, geometry.spacing_mm),
    )


def measure_at_edges(
    drawn: Measurement, mask: BoolArray, plain: BoolArray, volume: Volume, first_slice: int = 0
) -> Measurement:
    """The size of a lesion that a model drew, with axes between its edges in the image.

    The slice is that of the long axis as it was drawn; volume and 3D diameter stay those of the
    mask. See `lvt_track.measure.edges`.

    Args:
        drawn: size by the mask.
        mask: boolean (z, y, x), True inside the lesion, with some 10 mm around it.
        plain: liver that is neither vessel nor another lesion, on the same grid.
        volume: HU on the same grid.
        first_slice: index in the scan of the mask's first slice.

    Returns:
        `drawn` itself where the image does not tell where the edges are.
    """
    index = drawn.slice_index - first_slice
    _, dy, dx = volume.geometry.spacing_mm
    edge = edge_mask(mask[index], volume.hu[index], plain[index], (dy, dx))
    if edge is None:
        return drawn
    _, (long_ends, short_ends) = _axes_in_plane(edge[None], volume.geometry.spacing_mm)
    long_axis = caliper_in_slice(long_ends, index, volume.geometry)
    return replace(
        drawn,
        long_axis=long_axis,
        short_axis=caliper_in_slice(short_ends, index, volume.geometry),
        drawn_long_axis_mm=drawn.long_axis.length_mm,
    )


def _axes_in_plane(
    mask: BoolArray, spacing_mm: tuple[float, float, float]
) -> tuple[int, tuple[FloatArray, FloatArray]]:
    """The slice of the long axis, and the ends (2, 2) of both axes as x, y in mm within it."""
    pixel_mm = spacing_mm[1:]
    used = np.flatnonzero(mask.any(axis=(1, 2)))
    at_most_mm = {int(k): widest_at_most(extreme_points(mask[k], pixel_mm)) for k in used}
    best_mm, best_slice, ends = 0.0, -1, np.zeros((2, 2))
    for k in sorted(at_most_mm, key=lambda k: -at_most_mm[k]):
        if at_most_mm[k] <= best_mm:
            break
        outline = SliceOutline.of(mask[k], pixel_mm)
        corners = outline.edges_mm[:, 0]
        pair = longest_clear_pair(corners, outline.barrier_mm, outline.may_hold, best_mm)
        if pair is not None:
            best_mm, best_slice, ends = pair[2], k, corners[list(pair[:2])]
    island = SliceOutline.of(mask[best_slice], pixel_mm).island_at(ends[0])
    short = np.stack(longest_perpendicular(ends[0], ends[1], island.edges_mm, island.barrier_mm))
    # A perpendicular may end between two corners, and so be a hair longer than any line of corners.
    if np.linalg.norm(short[1] - short[0]) > best_mm:
        return best_slice, (short, ends)
    return best_slice, (ends, short)


def caliper_in_slice(ends_mm: FloatArray, index: int, geometry: Geometry) -> Caliper:
    """The caliper in LPS mm between two points (2, 2), x and y in mm within a slice."""
    _, dy, dx = geometry.spacing_mm
    places = [[index, y / dy, x / dx] for x, y in ends_mm]
    start, end = geometry.to_world(places)
    return Caliper(
        (float(start[0]), float(start[1]), float(start[2])),
        (float(end[0]), float(end[1]), float(end[2])),
        float(np.linalg.norm(ends_mm[1] - ends_mm[0])),
    )
