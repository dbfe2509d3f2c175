"""A scan as the networks see it: along the patient's axes, whatever grid it is stored on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Box, FloatArray
from lvt_track.core.volume import Volume
from lvt_track.segment.grid import (
    Extent,
    Image,
    Orientation,
    extent_of,
    resample,
    shape_at,
)
from lvt_track.segment.world_grid import Lattice, Reach, reach_of, spans_of

__all__ = ["Scan"]

# Axes this close to the patient's lie along them: a tenth of a voxel over a whole liver.
_STRAIGHT = 5e-4
_AIR_HU = -1000.0
# Averaged before it is read between its voxels, a scan blurs twice: only where it is much finer.
_FINER = 0.6

_Beyond = Literal["grid-constant", "nearest"]


@dataclass(frozen=True, eq=False)
class Scan:
    """A scan along the axes of its array that come closest to the patient's.

    Attributes:
        hu: a view (z, y, x), z to the head, y to the back, x to the left.
        spacing_mm: along them.
        upright: the turn from the stored array to this view.
        corner_mm: where the first voxel begins along z, y, x of the world.
        axes: directions of the view's axes in the world (z, y, x), as columns; None where they
            are the world's own.
    """

    hu: NDArray[np.generic]
    spacing_mm: tuple[float, float, float]
    upright: Orientation
    corner_mm: tuple[float, float, float]
    axes: FloatArray | None = None

    @classmethod
    def of(cls, volume: Volume) -> Scan:
        """The scan of a volume."""
        grid = volume.geometry
        upright = Orientation.of(grid.direction)
        hu, spacing = upright.apply(volume.hu), upright.spacing(grid.spacing_mm)
        signs = np.where(upright.flipped, -1.0, 1.0)
        axes = grid.direction[::-1, ::-1][:, list(upright.axes)] * signs
        straight = np.allclose(axes, np.eye(3), atol=_STRAIGHT)
        middle = grid.to_world((np.array(grid.shape) - 1.0) / 2.0)[::-1]
        half = np.array(hu.shape) * spacing / 2.0
        z, y, x = (middle - (half if straight else axes @ half)).tolist()
        return cls(hu, spacing, upright, (z, y, x), None if straight else axes)

    @property
    def shape(self) -> Extent:
        """Voxels along its axes."""
        return extent_of(self.hu)

    @property
    def whole(self) -> Box:
        """All its voxels."""
        z, y, x = (slice(0, n) for n in self.shape)
        return z, y, x

    @property
    def reach(self) -> Reach:
        """Its edges in the world; of an oblique scan, those of the box around it."""
        return self.reach_of(self.whole)

    def reach_of(self, box: Box) -> Reach:
        """Edges of a box of its voxels in the world, as `reach` tells of all."""
        corners = np.array(list(product(*((cut.start, cut.stop) for cut in box))))
        return _around(self._to_world(corners))

    def box_of(self, reach: Reach) -> Box:
        """The voxels that a reach touches."""
        ends = np.array(list(product(*reach)))
        z, y, x = (
            slice(max(0, int(np.floor(start))), min(size, int(np.ceil(stop))))
            for (start, stop), size in zip(_around(self._to_edges(ends)), self.shape, strict=True)
        )
        return z, y, x

    def on(self, cells: Lattice) -> Image:
        """Its HU on cells of the world, float32: averaged where they are coarser.

        An oblique scan is read at half the step, and that averaged to the cells; where it is much
        finer, it is averaged along its own axes first. Around it is air.
        """
        if self.axes is None:
            spans = spans_of(cells.reach, self.corner_mm, self.spacing_mm)
            return resample(self.hu, cells.shape, spans)
        half = np.array(cells.step_mm) / 2.0
        z, y, x = np.maximum(self.spacing_mm, _FINER * half).tolist()
        known = shape_at(self.shape, self.spacing_mm, (z, y, x))
        to_known = np.diag(np.array(known) / self.shape / self.spacing_mm) @ self.axes.T
        # One cell more on every side, which those at the edge are averaged with.
        z, y, x = (2 * (n + 2) for n in cells.shape)
        fine = _read(
            resample(self.hu, known) - _AIR_HU,
            (z, y, x),
            to_known * half,
            to_known @ (cells.corner_mm - 2.0 * half - self.corner_mm),
            "grid-constant",
        )
        return resample(fine, cells.shape, ((2, z - 2), (2, y - 2), (2, x - 2))) + _AIR_HU

    def back(self, values: Image, cells: Lattice, box: Box, shape: Extent | None = None) -> Image:
        """Values of cells of the world on the scan's own grid, float32.

        Args:
            values: of the cells (z, y, x); the outermost hold beyond.
            cells: where they are.
            box: the part of the scan that is wanted.
            shape: voxels over the box; the scan's own where None.
        """
        shape = shape or extent_of(self.hu[box])
        if self.axes is None:
            reach = reach_of(box, self.corner_mm, self.spacing_mm)
            return resample(values, shape, cells.spans(reach))
        first = np.array([cut.start for cut in box])
        step = np.array([cut.stop - cut.start for cut in box]) / shape
        to_cells = np.diag(1.0 / np.array(cells.step_mm)) @ self.axes * self.spacing_mm
        corner = (np.array(self.corner_mm) - cells.corner_mm) / cells.step_mm
        return _read(values, shape, to_cells * step, corner + to_cells @ first, "nearest")

    def _to_world(self, edges: FloatArray) -> FloatArray:
        """World places (n, 3) of places in voxels from the first edge."""
        along = edges * self.spacing_mm
        return self.corner_mm + (along if self.axes is None else along @ self.axes.T)

    def _to_edges(self, world: FloatArray) -> FloatArray:
        """Places in voxels from the first edge (n, 3) of world places."""
        along = world - self.corner_mm
        return (along if self.axes is None else along @ self.axes) / self.spacing_mm


def _around(places: FloatArray) -> Reach:
    """From the least to the greatest coordinate of places (n, 3)."""
    z, y, x = zip(places.min(axis=0).tolist(), places.max(axis=0).tolist(), strict=True)
    return z, y, x


def _read(
    values: Image, shape: Extent, matrix: FloatArray, offset: FloatArray, beyond: _Beyond
) -> Image:
    """Values (z, y, x) read between their centres, trilinear.

    Args:
        values: what is read.
        shape: of the result; its voxel i is read at `matrix @ (i + 0.5) + offset`, in voxels of
            the values from their first edge.
        matrix, offset: see `shape`.
        beyond: what lies outside, `grid-constant` for zeros, `nearest` for the outermost values.
    """
    from scipy.ndimage import affine_transform

    first = matrix @ np.full(3, 0.5) + offset - 0.5
    return affine_transform(
        values, matrix, first, shape, output=np.float32, order=1, mode=beyond, prefilter=False
    )
