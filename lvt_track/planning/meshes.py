"""Closed surfaces of masks, smoothed without shrinking, in LPS mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.measure import marching_cubes

from lvt_track.core.geometry import FloatArray, Geometry, bounding_box
from lvt_track.core.volume import BoolArray
from lvt_track.planning.lattice import lattice_around, signed_distance_mm

__all__ = ["Mesh", "mesh_of"]

_BLUR = 0.8  # of a cube
_ROUNDS = 6
_STEP_MM = 1.0
_COARSER = 1.5
_EDGE = 0.002  # of the levels: next to the least and the greatest no surface is left


@dataclass(frozen=True, eq=False)
class Mesh:
    """A closed surface.

    Attributes:
        name: of the part.
        vertices_mm: LPS (n, 3).
        faces: indices of vertices (m, 3), counter-clockwise seen from outside.
    """

    name: str
    vertices_mm: FloatArray
    faces: NDArray[np.int64]

    @property
    def volume_ml(self) -> float:
        """Volume enclosed."""
        a, b, c = (self.vertices_mm[self.faces[:, k]] for k in range(3))
        return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum()) / 6000.0


def mesh_of(name: str, mask: BoolArray, geometry: Geometry, spacing_mm: float) -> Mesh | None:
    """The surface of a mask (z, y, x).

    Steps between slices are smoothed, and the level is moved until the surface encloses the
    volume of the voxels, so that nothing shrinks.

    Args:
        name: of the part.
        mask: what it encloses.
        geometry: of the mask.
        spacing_mm: how finely it is drawn.

    Returns:
        None where the mask is empty.
    """
    box = bounding_box(mask)
    if box is None:
        return None
    wanted_ml = float(np.count_nonzero(mask[box])) * geometry.voxel_volume_ml
    # Where voxels are much finer than what is drawn, every other one shows the border as well.
    _, rows, columns = (max(1, round(spacing_mm / (_COARSER * s))) for s in geometry.spacing_mm)
    inner = mask[box][:, ::rows, ::columns]
    crop = _thinned(geometry.crop(box), inner.shape, (1, rows, columns))
    lattice = lattice_around(inner, crop, spacing_mm)
    padded = np.pad(inner, 4)
    level = signed_distance_mm(padded, crop.spacing_mm)
    start = crop.to_world([-4, -4, -4])
    around = Geometry(
        padded.shape,
        crop.spacing_mm,
        (float(start[0]), float(start[1]), float(start[2])),
        crop.direction,
    )
    whole = (slice(None), slice(None), slice(None))
    cubes = type(lattice)(lattice.geometry, around).resample(level, whole, float(level.max()))
    smooth = ndimage.gaussian_filter(cubes, _BLUR)
    smooth = np.pad(smooth[1:-1, 1:-1, 1:-1], 1, constant_values=float(np.abs(cubes).max()) + 1.0)
    return _with_volume(name, smooth, lattice.geometry, wanted_ml)


def _thinned(geometry: Geometry, shape: tuple[int, ...], every: tuple[int, int, int]) -> Geometry:
    """The grid of a voxel out of so many along each axis."""
    z, y, x = shape
    dz, dy, dx = (s * n for s, n in zip(geometry.spacing_mm, every, strict=True))
    return Geometry((z, y, x), (dz, dy, dx), geometry.origin_mm, geometry.direction)


def _with_volume(
    name: str, level: NDArray[np.float32], geometry: Geometry, wanted_ml: float
) -> Mesh | None:
    """The surface of the level set that encloses a volume."""
    mesh = None
    low, high = float(level.min()), float(level.max())
    # Smoothing lifts the middle of a thing of few voxels above the level of its border: the first
    # guess is the level below which as many cubes lie as the volume holds.
    count = min(round(wanted_ml / geometry.voxel_volume_ml), level.size - 1)
    at = float(np.partition(level, count, axis=None)[count])
    before = np.inf
    for _ in range(_ROUNDS):
        at = float(np.clip(at, low + _EDGE * (high - low), high - _EDGE * (high - low)))
        if at == before:
            break
        before = at
        vertices, faces, _, _ = marching_cubes(level, at, gradient_direction="ascent")  # type: ignore[no-untyped-call]
        mesh = Mesh(name, geometry.to_world(vertices), faces.astype(np.int64))
        if mesh.volume_ml < 0:
            mesh = Mesh(name, mesh.vertices_mm, mesh.faces[:, ::-1])
        missing_mm3 = (wanted_ml - mesh.volume_ml) * 1000.0
        if abs(missing_mm3) < 0.002 * wanted_ml * 1000.0:
            break
        a, b, c = (mesh.vertices_mm[mesh.faces[:, k]] for k in range(3))
        area_mm2 = 0.5 * float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum())
        at += float(np.clip(missing_mm3 / max(area_mm2, 1e-6), -_STEP_MM, _STEP_MM))
    return mesh
