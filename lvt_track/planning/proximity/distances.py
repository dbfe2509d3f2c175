"""How far a tumour is from what a surgeon minds, and between which two points."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from lvt_track.core.geometry import Box, FloatArray, Geometry, bounding_box
from lvt_track.core.lesion.caliper import Point
from lvt_track.core.volume import BoolArray

__all__ = ["Gap", "Shape", "gap_between", "label_boxes", "outside_of"]

_CANDIDATES = 8


@dataclass(frozen=True)
class Gap:
    """The shortest way between two shapes of voxels.

    Attributes:
        distance_mm: between their borders; 0 where they touch or overlap.
        start_mm, end_mm: centres of the two voxels it runs between, LPS.
    """

    distance_mm: float
    start_mm: Point
    end_mm: Point


@dataclass(frozen=True, eq=False)
class Shape:
    """A shape of voxels; its border is looked for once, however many others it is held against.

    Attributes:
        mask: the voxels of its box (z, y, x).
        box: where in the grid; the shape ends with it.
        geometry: of the whole grid.
    """

    mask: BoolArray
    box: Box
    geometry: Geometry

    @classmethod
    def of(cls, mask: BoolArray, geometry: Geometry, box: Box | None = None) -> Shape | None:
        """The shape of a mask (z, y, x); None when it is empty.

        Args:
            mask: of the whole grid, or of `box` where that is given.
            geometry: of the whole grid.
            box: where the mask lies.
        """
        if box is not None:
            return cls(mask, box, geometry) if mask.any() else None
        inner = bounding_box(mask)
        return None if inner is None else cls(mask[inner], inner, geometry)

    def within(self, box: Box, beyond_mm: float) -> tuple[BoolArray, Box]:
        """What of the shape lies in a box and as far beyond it, and the box that it is given on."""
        wide = self.geometry.widened(box, beyond_mm)
        whole = np.zeros(self.geometry.shape, dtype=bool)
        whole[self.box] = self.mask
        return whole[wide], wide

    @cached_property
    def rim_mm(self) -> FloatArray:
        """Centres (n, 3), LPS, of the voxels that have a face outside the shape."""
        inner = ndimage.binary_erosion(np.pad(self.mask, 1))[1:-1, 1:-1, 1:-1]
        start = [side.start for side in self.box]
        return self.geometry.to_world(np.argwhere(self.mask & ~inner) + start)

    @cached_property
    def tree(self) -> cKDTree:
        """The rim, to be asked for what is nearest."""
        return cKDTree(self.rim_mm)

    def shared_voxel(self, other: Shape) -> FloatArray | None:
        """A voxel (z, y, x) of both shapes; None where they do not overlap."""
        both = [
            slice(max(a.start, b.start), min(a.stop, b.stop))
            for a, b in zip(self.box, other.box, strict=True)
        ]
        if any(side.stop <= side.start for side in both):
            return None
        parts = [
            shape.mask[
                tuple(
                    slice(s.start - b.start, s.stop - b.start)
                    for s, b in zip(both, shape.box, strict=True)
                )
            ]
            for shape in (self, other)
        ]
        shared = np.argwhere(parts[0] & parts[1])
        if len(shared) == 0:
            return None
        voxel: FloatArray = shared[0] + np.array([side.start for side in both], dtype=np.float64)
        return voxel


def gap_between(one: Shape, other: Shape) -> Gap:
    """The shortest way from a shape to another on the same grid, in mm, however the grid lies.

    Voxels are boxes: neighbours that share a face, edge or corner are 0 mm apart. The pair is
    that whose boxes are nearest among those whose centres are.
    """
    shared = one.shared_voxel(other)
    if shared is not None:
        place = _point(one.geometry.to_world(shared))
        return Gap(0.0, place, place)
    nearest_mm, _ = other.tree.query(one.rim_mm)
    diagonal = float(np.linalg.norm(one.geometry.spacing_mm))
    rim = one.rim_mm[np.asarray(nearest_mm) <= np.min(nearest_mm) + diagonal]
    k = min(_CANDIDATES, len(other.rim_mm))
    candidates_mm, candidates = other.tree.query(rim, k=k)
    centre_mm = np.asarray(candidates_mm, dtype=np.float64).reshape(len(rim), k)
    index = np.asarray(candidates, dtype=np.intp).reshape(len(rim), k)
    rows, columns = np.nonzero(centre_mm <= centre_mm.min() + diagonal)
    start, end = rim[rows], other.rim_mm[index[rows, columns]]
    # Along the axes of the grid two boxes are apart by what their centres are, less one voxel.
    geometry = one.geometry
    apart = np.abs((end - start) @ geometry.direction) - np.array(geometry.spacing_mm[::-1])
    box_mm = np.linalg.norm(np.maximum(apart, 0.0), axis=1)
    best = int(np.lexsort((centre_mm[rows, columns], box_mm))[0])
    return Gap(float(box_mm[best]), _point(start[best]), _point(end[best]))


def label_boxes(labels: NDArray[np.integer[Any]]) -> Iterator[tuple[int, Box]]:
    """Each label of an image (z, y, x) with its box."""
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            z, y, x = box
            yield label, (z, y, x)


def outside_of(liver: BoolArray, geometry: Geometry) -> Shape | None:
    """What lies around a liver (z, y, x), tumours at its rim included; None where nothing does.

    The end of the scan is no surface. Of the outside only the shell next to the liver can be
    nearest to what is within.
    """
    box = bounding_box(liver)
    if box is None:
        return None
    z, y, x = (
        slice(max(side.start - 1, 0), min(side.stop + 1, size))
        for side, size in zip(box, liver.shape, strict=True)
    )
    part = liver[z, y, x]
    shell = ndimage.maximum_filter(part, 3) & ~part
    return Shape.of(shell, geometry, (z, y, x))


def _point(place: FloatArray) -> Point:
    return float(place[0]), float(place[1]), float(place[2])
