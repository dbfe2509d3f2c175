"""Where voxels lie in the patient: LPS millimetres, arrays indexed z, y, x."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Box", "FloatArray", "Geometry", "bounding_box", "shifted"]

FloatArray = NDArray[np.float64]

# Directions come through float32 headers and quaternions; beyond this they are not a rotation.
_ORTHONORMAL_TOLERANCE = 1e-3

Box = tuple[slice, slice, slice]
"""Index ranges along z, y, x."""


@dataclass(frozen=True, eq=False)
class Geometry:
    """The grid of one image.

    Attributes:
        shape: number of voxels along z, y, x.
        spacing_mm: distance of neighbouring voxel centres along z, y, x.
        origin_mm: LPS position (x, y, z) of the centre of voxel (0, 0, 0).
        direction: 3 x 3; its columns are the LPS unit vectors of the array axes in the order
            x, y, z (column 0 is the direction in which the last index grows), as in ITK.

    Raises:
        ValueError: for sizes or spacings that are not positive, or a direction that is not
            orthonormal.
    """

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]
    direction: FloatArray

    def __post_init__(self) -> None:
        shape = tuple(int(n) for n in self.shape)
        spacing = tuple(float(s) for s in self.spacing_mm)
        origin = tuple(float(o) for o in self.origin_mm)
        direction = np.array(self.direction, dtype=np.float64).reshape(3, 3)
        if len(shape) != 3 or min(shape) < 1:
            raise ValueError(f"shape must be three positive sizes, got {self.shape}")
        if len(spacing) != 3 or not all(np.isfinite(s) and s > 0 for s in spacing):
            raise ValueError(f"spacing_mm must be three positive lengths, got {self.spacing_mm}")
        if len(origin) != 3 or not np.isfinite(origin).all():
            raise ValueError(f"origin_mm must be three finite numbers, got {self.origin_mm}")
        if not np.allclose(direction.T @ direction, np.eye(3), atol=_ORTHONORMAL_TOLERANCE):
            raise ValueError(f"direction must be orthonormal, got {direction.tolist()}")
        direction.setflags(write=False)
        object.__setattr__(self, "shape", shape)
        object.__setattr__(self, "spacing_mm", spacing)
        object.__setattr__(self, "origin_mm", origin)
        object.__setattr__(self, "direction", direction)

    @classmethod
    def axial(
        cls,
        shape: tuple[int, int, int],
        spacing_mm: tuple[float, float, float],
        origin_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> Geometry:
        """A grid whose axes are the patient's: x to the left, y to the back, z to the head."""
        return cls(shape, spacing_mm, origin_mm, np.eye(3))

    @property
    def affine(self) -> FloatArray:
        """4 x 4 matrix from (x, y, z) index to LPS mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.direction * np.array(self.spacing_mm[::-1])
        matrix[:3, 3] = self.origin_mm
        return matrix

    @property
    def voxel_volume_mm3(self) -> float:
        """Volume of one voxel."""
        return float(np.prod(self.spacing_mm))

    @property
    def voxel_volume_ml(self) -> float:
        """Volume of one voxel in millilitres."""
        return self.voxel_volume_mm3 / 1000.0

    @property
    def size_mm(self) -> tuple[float, float, float]:
        """Extent along z, y, x, counted in whole voxels."""
        z, y, x = (n * s for n, s in zip(self.shape, self.spacing_mm, strict=True))
        return z, y, x

    def to_world(self, index_zyx: ArrayLike) -> FloatArray:
        """LPS mm (..., 3) as x, y, z of continuous indices (..., 3) as z, y, x."""
        index = np.asarray(index_zyx, dtype=np.float64)[..., ::-1]
        world: FloatArray = index @ self.affine[:3, :3].T + np.array(self.origin_mm)
        return world

    def to_index(self, world_mm: ArrayLike) -> FloatArray:
        """Continuous indices (..., 3) as z, y, x of LPS positions (..., 3) as x, y, z."""
        offset = np.asarray(world_mm, dtype=np.float64) - np.array(self.origin_mm)
        index: FloatArray = offset @ np.linalg.inv(self.affine[:3, :3]).T
        return index[..., ::-1]

    def contains(self, world_mm: ArrayLike) -> NDArray[np.bool_]:
        """Whether LPS positions (..., 3) lie inside the volume of the voxels."""
        index = self.to_index(world_mm)
        inside: NDArray[np.bool_] = np.all(
            (index >= -0.5) & (index <= np.array(self.shape) - 0.5), axis=-1
        )
        return inside

    def crop(self, box: Box) -> Geometry:
        """The grid of `array[box]`; slices need a step of one."""
        ranges = [s.indices(n) for s, n in zip(box, self.shape, strict=True)]
        if any(step != 1 for _, _, step in ranges):
            raise ValueError(f"crop needs slices with step 1, got {box}")
        start = [first for first, _, _ in ranges]
        shape = tuple(last - first for first, last, _ in ranges)
        origin = self.to_world(start)
        return Geometry(
            (shape[0], shape[1], shape[2]),
            self.spacing_mm,
            (float(origin[0]), float(origin[1]), float(origin[2])),
            self.direction,
        )

    @property
    def whole(self) -> Box:
        """All its voxels."""
        z, y, x = (slice(0, n) for n in self.shape)
        return z, y, x

    def widened(self, box: Box, margin_mm: float) -> Box:
        """A box with a margin on all sides, as far as the grid reaches."""
        margins = [int(np.ceil(margin_mm / spacing)) for spacing in self.spacing_mm]
        z, y, x = (
            slice(max(side.start - margin, 0), min(side.stop + margin, n))
            for side, margin, n in zip(box, margins, self.shape, strict=True)
        )
        return z, y, x

    def is_close(self, other: Geometry, tolerance_mm: float = 0.01) -> bool:
        """Whether both grids have the same shape and all their corners within the tolerance."""
        if self.shape != other.shape:
            return False
        last = np.array(self.shape) - 1
        corners = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)]) * last
        gap = np.abs(self.to_world(corners) - other.to_world(corners))
        return bool(gap.max() <= tolerance_mm)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Geometry):
            return NotImplemented
        return (
            self.shape == other.shape
            and self.spacing_mm == other.spacing_mm
            and self.origin_mm == other.origin_mm
            and bool(np.array_equal(self.direction, other.direction))
        )

    def __hash__(self) -> int:
        return hash((self.shape, self.spacing_mm, self.origin_mm, self.direction.tobytes()))


def bounding_box(mask: NDArray[np.bool_]) -> Box | None:
    """The smallest box that holds a mask (z, y, x); None when it is empty."""
    if not mask.any():
        return None
    z = _extent(np.any(mask, axis=(1, 2)))
    plane = np.any(mask[z], axis=0)
    return z, _extent(np.any(plane, axis=1)), _extent(np.any(plane, axis=0))


def _extent(profile: NDArray[np.bool_]) -> slice:
    hit = np.flatnonzero(profile)
    return slice(int(hit[0]), int(hit[-1]) + 1)


def shifted(inner: Box, outer: Box) -> Box:
    """A box that counts from the corner of another one, counted as that one is."""
    z, y, x = (
        slice(int((o.start or 0) + i.start), int((o.start or 0) + i.stop))
        for i, o in zip(inner, outer, strict=True)
    )
    return z, y, x
