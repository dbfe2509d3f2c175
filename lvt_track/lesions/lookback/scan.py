"""One visit's liver as looking back needs it: coarse enough to keep those of many visits."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import Box, FloatArray, Geometry, bounding_box
from lvt_track.core.volume import BoolArray, Masks, Volume

__all__ = ["LiverScan", "liver_scan"]

Scalar = TypeVar("Scalar", bound=np.generic)

CELL_MM = 2.0
"""About the side of a cell: as fine as the smallest spot that is looked for needs."""

_WITHIN = (1, 3, 5)  # the axes of `_cells` within a cell


@dataclass(frozen=True, eq=False)
class LiverScan:
    """The box around a liver, in cells of a few voxels.

    Attributes:
        hu: mean HU of each cell (z, y, x), float32.
        liver: cells that lie wholly in the liver.
        vessels, tumors: cells that hold any vessel or any tumour.
        probability: highest tumour probability of the model in each cell, 0 to 1, float32; None
            without a model.
        geometry: grid of the cells.
        scan: grid of the scan.
        box: the voxels of the scan that the cells cover.
    """

    hu: NDArray[np.float32]
    liver: BoolArray
    vessels: BoolArray
    tumors: BoolArray
    probability: NDArray[np.float32] | None
    geometry: Geometry
    scan: Geometry
    box: Box

    def with_tumors(self, more: BoolArray) -> LiverScan:
        """The same with more tumours (z, y, x), on the grid of the scan."""
        hit = _cells(more[self.box], self.liver.shape).max(axis=_WITHIN)
        return replace(self, tumors=self.tumors | hit)

    @functools.cached_property
    def tissue(self) -> BoolArray:
        """Cells of nothing but liver; the blurred rim of tumours is kept out too."""
        tissue: BoolArray = self.liver & ~self.vessels & ~ndimage.binary_dilation(self.tumors)
        return tissue

    @functools.cached_property
    def tissue_cells(self) -> NDArray[np.intp]:
        """Indices (n, 3) of the cells of nothing but liver."""
        return np.argwhere(self.tissue)

    @functools.cached_property
    def edge_mm(self) -> FloatArray:
        """Distance of each cell inside the liver to its edge; 0 outside."""
        # The box ends where the liver does.
        return _distance_mm(np.pad(self.liver, 1), self.geometry)[1:-1, 1:-1, 1:-1]

    @functools.cached_property
    def vessel_mm(self) -> FloatArray:
        """Distance of each cell to the nearest vessel; 0 in one."""
        return _distance_mm(~self.vessels, self.geometry)


def liver_scan(
    volume: Volume, masks: Masks, probability: NDArray[np.floating] | None = None
) -> LiverScan | None:
    """Bring the liver of a visit to cells of about 2 mm, or of one voxel where that is longer.

    Args:
        volume: the scan.
        masks: on its grid.
        probability: tumour probability (z, y, x), 0 to 1, on its grid.

    Returns:
        None without a liver, or with one of less than a cell.
    """
    box = bounding_box(masks.liver)
    if box is None:
        return None
    spacing = np.array(volume.geometry.spacing_mm)
    size = np.array([side.stop - side.start for side in box])
    block = np.minimum(np.maximum(1, np.rint(CELL_MM / spacing)).astype(int), size)

    shape = (size // block).tolist()
    part = volume.geometry.crop(box)
    covered: Box = tuple(  # type: ignore[assignment]
        slice(side.start, side.start + n * b)
        for side, n, b in zip(box, shape, block.tolist(), strict=True)
    )

    def cells(array: NDArray[Scalar]) -> NDArray[Scalar]:
        return _cells(array[covered], shape)

    dz, dy, dx = (spacing * block).tolist()
    ox, oy, oz = part.to_world((block - 1) / 2).tolist()
    return LiverScan(
        hu=cells(volume.hu).mean(axis=_WITHIN, dtype=np.float32),
        liver=cells(masks.liver).min(axis=_WITHIN),
        vessels=cells(masks.vessels).max(axis=_WITHIN),
        tumors=cells(masks.tumors).max(axis=_WITHIN),
        probability=(
            None if probability is None else cells(probability).max(axis=_WITHIN).astype(np.float32)
        ),
        geometry=Geometry(tuple(shape), (dz, dy, dx), (ox, oy, oz), part.direction),
        scan=volume.geometry,
        box=covered,
    )


def _cells(array: NDArray[Scalar], shape: Sequence[int]) -> NDArray[Scalar]:
    """The voxels of so many cells as (z, in cell, y, in cell, x, in cell)."""
    sides = (side for n, m in zip(shape, array.shape, strict=True) for side in (n, m // n))
    return array.reshape(tuple(sides))


def _distance_mm(mask: BoolArray, geometry: Geometry) -> FloatArray:
    """Distance of each cell of the mask to the nearest one outside it; far where there is none."""
    if mask.all():
        return np.full(mask.shape, np.inf)
    distance: FloatArray = ndimage.distance_transform_edt(mask, sampling=geometry.spacing_mm)
    return distance
