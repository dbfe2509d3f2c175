"""Visits as the interactive page shows them: 8 bit, on grids along the patient's axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import FloatArray, Geometry, bounding_box
from lvt_track.core.lesion.caliper import Point
from lvt_track.core.volume import BoolArray, LabelArray, Volume

__all__ = [
    "HU_LOW",
    "HU_STEP",
    "PARTS",
    "PlaceMap",
    "Scene",
    "VisitView",
    "place_map",
    "view_grid",
    "visit_view",
]

HU_LOW, HU_STEP = -200, 2
"""HU of grey value 0, and HU per grey value: from −200 to 310 HU, so that any liver window fits."""

PARTS = ("liver", "vessels", "cysts", "portal", "hepatic", "resection")
"""What the bits of `VisitView.parts` say, the lowest first."""

_FINEST_MM = 1.2
_THINNEST_MM = 2.0
_MARGIN_MM = 14.0
_MAP_SPACING_MM = 6.0
_SMOOTHED_FROM = 1.5

Places = Callable[[FloatArray], FloatArray]
"""LPS positions (n, 3) in one frame, of positions (n, 3) in another."""


@dataclass(frozen=True, eq=False)
class VisitView:
    """One visit in its own frame.

    Attributes:
        geometry: grid along the patient's axes.
        grey: HU (z, y, x) as 8 bit: (HU - HU_LOW) / HU_STEP.
        parts: bits (z, y, x) for each of `PARTS`.
        labels: lesion labels (z, y, x).
    """

    geometry: Geometry
    grey: NDArray[np.uint8]
    parts: NDArray[np.uint8]
    labels: NDArray[np.uint16]


@dataclass(frozen=True, eq=False)
class PlaceMap:
    """Where places of the common frame lie in a visit: offsets on a coarse grid.

    Attributes:
        geometry: grid along the patient's axes.
        offset_mm: (z, y, x, 3) to be added to a place of the common frame, float32.
    """

    geometry: Geometry
    offset_mm: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Scene:
    """All that the page needs to show the visits of a course side by side.

    Attributes:
        views: one per visit.
        maps: from the common frame to each visit; None for the reference, and for visits whose
            registration is not reliable, which are not linked.
        reference: index of the visit whose frame is the common one.
        common_mm: by lesion key, its place in the common frame.
    """

    views: tuple[VisitView, ...]
    maps: tuple[PlaceMap | None, ...]
    reference: int
    common_mm: Mapping[tuple[int, int], Point]

    def __post_init__(self) -> None:
        if len(self.views) != len(self.maps):
            raise ValueError(f"{len(self.views)} views and {len(self.maps)} maps")


def view_grid(liver: BoolArray, geometry: Geometry, most_voxels: int) -> Geometry:
    """The grid of a visit's view: the liver and a margin, no finer than can be afforded.

    Args:
        liver: what must be in it (z, y, x); all of the grid where it is empty.
        geometry: its grid.
        most_voxels: the view has no more, but for rounding.
    """
    box = bounding_box(liver)
    ranges = [(s.start, s.stop - 1) for s in box] if box else [(0, n - 1) for n in geometry.shape]
    corners = np.array([[a, b, c] for a in ranges[0] for b in ranges[1] for c in ranges[2]])
    world = geometry.to_world(corners)
    margin = _MARGIN_MM if box else 0.0
    low, high = world.min(axis=0) - margin, world.max(axis=0) + margin
    last = np.array(geometry.shape) - 1
    ends = geometry.to_world([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)] * last)
    low, high = np.maximum(low, ends.min(axis=0)), np.minimum(high, ends.max(axis=0))
    low = geometry.to_world(np.rint(geometry.to_index(low)))  # slices shown are slices acquired
    in_plane = max(_FINEST_MM, min(geometry.spacing_mm[1:]))
    spacing = np.array([in_plane, in_plane, max(_THINNEST_MM, geometry.spacing_mm[0])])
    voxels = float(np.prod((high - low) / spacing + 1))
    if voxels > most_voxels:
        # Slices first, for the eye lives in the plane; never thicker than 5 mm for that.
        room = max(min(voxels / most_voxels, 5.0 / spacing[2]), 1.0)
        spacing[2] *= room
        voxels /= room
        spacing *= max(np.cbrt(voxels / most_voxels), 1.0)
    x, y, z = (int(n) for n in np.floor((high - low) / spacing) + 1)
    sx, sy, sz = (float(s) for s in spacing)
    ox, oy, oz = (float(v) for v in low)
    return Geometry.axial((z, y, x), (sz, sy, sx), (ox, oy, oz))


def visit_view(
    volume: Volume, labels: LabelArray, parts: Mapping[str, BoolArray], grid: Geometry
) -> VisitView:
    """A visit on the grid of its view.

    Args:
        volume: HU, of any orientation.
        labels: lesion labels (z, y, x) on the grid of `volume`.
        parts: masks (z, y, x) on the grid of `volume`, by names of `PARTS`.
        grid: of the view.
    """
    hu = np.clip(volume.hu, HU_LOW, HU_LOW + 255 * HU_STEP).astype(np.float32)
    # Where many voxels become one, their mean: what is skipped would come back as noise.
    ratio = [g / s for g, s in zip(grid.spacing_mm, volume.geometry.spacing_mm, strict=True)]
    sigma = [0.4 * r if r > _SMOOTHED_FROM else 0.0 for r in ratio]
    if any(sigma):
        hu = ndimage.gaussian_filter(hu, sigma, truncate=2.0)
    grey = _resampled(hu, volume.geometry, grid, 1, HU_LOW)
    bits = np.zeros(grid.shape, dtype=np.uint8)
    for k, name in enumerate(PARTS):
        if name in parts:
            mask = _resampled(parts[name].astype(np.uint8), volume.geometry, grid, 0, 0)
            bits |= (mask > 0).astype(np.uint8) << np.uint8(k)
    return VisitView(
        grid,
        np.rint((grey - HU_LOW) / HU_STEP).clip(0, 255).astype(np.uint8),
        bits,
        _resampled(labels, volume.geometry, grid, 0, 0).astype(np.uint16),
    )


def _resampled(
    array: NDArray[Any], source: Geometry, target: Geometry, order: int, outside: float
) -> NDArray[Any]:
    """An array (z, y, x) of one grid on another, by nearest (0) or linear (1) neighbours."""
    start = source.to_index(target.to_world((0, 0, 0)))
    steps = np.stack([source.to_index(target.to_world(unit)) - start for unit in np.eye(3)], axis=1)
    resampled: NDArray[Any] = ndimage.affine_transform(  # type: ignore[call-overload]
        array, steps, start, target.shape, order=order, mode="constant", cval=outside
    )
    return resampled


def place_map(to_visit: Places, region: Geometry) -> PlaceMap:
    """How places of the common frame lie in a visit, sampled over a region.

    Args:
        to_visit: from the common frame to the visit's.
        region: the part of the common frame that is shown.
    """
    size = np.array(region.size_mm[::-1])
    x, y, z = (int(n) for n in np.ceil(size / _MAP_SPACING_MM) + 1)
    grid = Geometry.axial((z, y, x), (_MAP_SPACING_MM,) * 3, region.origin_mm)
    world = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1)).reshape(-1, 3)
    offset = (to_visit(world) - world).reshape(*grid.shape, 3)
    return PlaceMap(grid, offset.astype(np.float32))
