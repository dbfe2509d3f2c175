"""The surroundings of the liver at one visit, coarse enough to keep those of many visits."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.field_of_view import HiddenPart, hidden_voxels, liver_is_cut, shown_box
from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import BoolArray, Masks, Volume

__all__ = ["LiverImage", "distance_to_liver", "liver_image", "signed_distance_mm"]

SPACING_MM = 3.0
"""Grid of registration: finer costs time and gains nothing in the liver of a portal CT."""

MARGIN_MM = 36.0
"""Surroundings kept around the liver: ribs and spine for the start, organs for its border."""

_AIR_HU = -1000
_PADDING_HU = -1500
"""Below this a scanner has written padding outside its circle of reconstruction, not air."""


@dataclass(frozen=True, eq=False)
class LiverImage:
    """One visit's liver and what lies around it, on a coarse isotropic grid along the LPS axes.

    Attributes:
        hu: HU (z, y, x), int16; air outside the field of view.
        liver, tumors: masks on the same grid.
        inside: where the scan has data.
        geometry: the coarse grid.
        scan: the grid of the scan it came from, without blank slices at its ends.
        is_cut: whether the liver touches the first or the last slice that the scan shows, or the
            padding around a round field of view.
        hidden: what of the scan's grid holds no data; None where the scan shows all of it.
    """

    hu: NDArray[np.int16]
    liver: BoolArray
    tumors: BoolArray
    inside: BoolArray
    geometry: Geometry
    scan: Geometry
    is_cut: bool
    hidden: HiddenPart | None = None

    def __post_init__(self) -> None:
        for name in ("hu", "liver", "tumors", "inside"):
            shape = getattr(self, name).shape
            if shape != self.geometry.shape:
                raise ValueError(f"{name} has shape {shape}, the geometry {self.geometry.shape}")

    @property
    def liver_ml(self) -> float:
        """Volume of the liver, as far as the scan shows it."""
        return float(np.count_nonzero(self.liver)) * self.geometry.voxel_volume_ml

    @cached_property
    def distance_mm(self) -> NDArray[np.float32]:
        """Signed distance to the liver's surface, negative inside (z, y, x)."""
        return signed_distance_mm(self.liver, self.geometry.spacing_mm[0])

    @cached_property
    def depth_mm(self) -> NDArray[np.float32]:
        """Distance to the nearest place without data (z, y, x)."""
        depth = ndimage.distance_transform_edt(np.pad(self.inside, 1))[1:-1, 1:-1, 1:-1]
        scaled: NDArray[np.float32] = (depth * self.geometry.spacing_mm[0]).astype(np.float32)
        return scaled

    def shows(self, points_mm: FloatArray) -> BoolArray:
        """Whether the scan has data at LPS positions (n, 3)."""
        shown = self.scan.contains(points_mm)
        return shown if self.hidden is None else shown & ~self.hidden.holds(points_mm)

    def liver_points_mm(self) -> FloatArray:
        """LPS positions (n, 3) of the liver's voxels."""
        return self.geometry.to_world(np.argwhere(self.liver))


def liver_image(volume: Volume, masks: Masks, spacing_mm: float = SPACING_MM) -> LiverImage:
    """Cut the liver's surroundings out of a scan and bring them to a coarse grid.

    A scan without a liver is kept whole, so that something can still be said of it.

    Args:
        volume: the scan.
        masks: its masks, on the same grid.
        spacing_mm: side of the coarse voxels.

    Raises:
        ValueError: when masks and scan lie on different grids.
    """
    if masks.geometry != volume.geometry:
        raise ValueError("masks and volume must lie on the same grid")
    shown = shown_box(volume)
    volume, masks = volume.crop(shown), masks.crop(shown)
    grid = _coarse_grid(masks, spacing_mm)
    reach = _scan_part(volume.geometry, grid)
    part, cut = volume.crop(reach), masks.crop(reach)
    hidden = hidden_voxels(volume, masks.liver)
    part_hu, has_data = np.maximum(part.hu, _AIR_HU), part.hu > _PADDING_HU
    if hidden is not None:
        part_hu[hidden[reach]] = _AIR_HU
        has_data &= ~hidden[reach]
    hu = _resampled(part_hu, part.geometry, grid, _AIR_HU)
    inside = _resampled(has_data, part.geometry, grid, 0) > 0.5
    return LiverImage(
        hu=np.rint(hu).astype(np.int16),
        liver=_resampled(cut.liver, part.geometry, grid, 0) > 0.5,
        # A tumour smaller than a coarse voxel still has to be kept out of the similarity.
        tumors=_resampled(cut.tumors, part.geometry, grid, 0) > 0.1,
        inside=inside,
        geometry=grid,
        scan=volume.geometry,
        is_cut=liver_is_cut(masks.liver, hidden),
        hidden=None if hidden is None else HiddenPart(~inside, grid),
    )


def distance_to_liver(image: LiverImage, reach_mm: float) -> tuple[NDArray[np.float32], BoolArray]:
    """Signed distance to the liver's surface, and where it can be known.

    Where the field of view cuts the liver, the distance is only known as far as the cut is
    farther away than the surface.

    Args:
        image: the visit.
        reach_mm: beyond this the distance need not be exact.

    Returns:
        The distance in mm, negative inside, and whether it is known (z, y, x).
    """
    distance = image.distance_mm
    known: BoolArray = np.minimum(np.abs(distance), reach_mm) < image.depth_mm
    return distance, known


def signed_distance_mm(mask: BoolArray, spacing_mm: float) -> NDArray[np.float32]:
    """Distance to the border of the mask, negative inside, in mm; the border lies between voxels.

    A mask that is empty or full is everywhere far from its border.
    """
    if not mask.any() or mask.all():
        return np.full(mask.shape, -1e3 if mask.any() else 1e3, dtype=np.float32)
    outside = ndimage.distance_transform_edt(~mask)
    inside = ndimage.distance_transform_edt(mask)
    distance = np.where(mask, 0.5 - inside, outside - 0.5) * spacing_mm
    return distance.astype(np.float32)


def _coarse_grid(masks: Masks, spacing_mm: float) -> Geometry:
    """Grid along the LPS axes around the liver, or around the whole scan where there is none."""
    scan = masks.geometry
    corners = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    last = np.array(scan.shape) - 1
    whole = scan.to_world(corners * last)
    low, high = whole.min(axis=0), whole.max(axis=0)
    if masks.liver.any():
        extent = [
            np.flatnonzero(masks.liver.any(axis=tuple(a for a in range(3) if a != axis)))
            for axis in range(3)
        ]
        first, final = (np.array([side[end] for side in extent]) for end in (0, -1))
        box = scan.to_world(np.where(corners, final, first))
        low = np.maximum(low, box.min(axis=0) - MARGIN_MM)
        high = np.minimum(high, box.max(axis=0) + MARGIN_MM)
    x, y, z = (max(1, int(n)) for n in np.floor((high - low) / spacing_mm) + 1)
    origin = (float(low[0]), float(low[1]), float(low[2]))
    return Geometry.axial((z, y, x), (spacing_mm,) * 3, origin)


def _scan_part(scan: Geometry, grid: Geometry) -> tuple[slice, slice, slice]:
    """The box of the scan that holds the coarse grid."""
    corners = np.array([[a, b, c] for a in (0, 1) for b in (0, 1) for c in (0, 1)])
    index = scan.to_index(grid.to_world(corners * (np.array(grid.shape) - 1)))
    low = np.clip(np.floor(index.min(axis=0)).astype(int) - 2, 0, None)
    high = np.minimum(np.ceil(index.max(axis=0)).astype(int) + 3, scan.shape)
    z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return z, y, x


def _resampled(
    array: NDArray[np.generic], geometry: Geometry, grid: Geometry, outside: float
) -> NDArray[np.float32]:
    """Mean over blocks about as large as a coarse voxel, then linear interpolation."""
    spacing = np.array(geometry.spacing_mm)
    block = np.maximum(1, np.rint(grid.spacing_mm[0] / spacing)).astype(int)
    shape = np.maximum(1, np.array(array.shape) // block)
    block = np.minimum(block, array.shape)
    kept = array[tuple(slice(0, int(n * b)) for n, b in zip(shape, block, strict=True))]
    (nz, ny, nx), (bz, by, bx) = shape.tolist(), block.tolist()
    means = kept.reshape(nz, bz, ny, by, nx, bx).mean(axis=(1, 3, 5), dtype=np.float32)
    image = sitk.GetImageFromArray(means)
    image.SetSpacing((spacing * block)[::-1].tolist())
    image.SetOrigin(geometry.to_world((block - 1) / 2).tolist())
    image.SetDirection(geometry.direction.ravel().tolist())
    target = sitk.ResampleImageFilter()
    target.SetSize(grid.shape[::-1])
    target.SetOutputSpacing(grid.spacing_mm[::-1])
    target.SetOutputOrigin(grid.origin_mm)
    target.SetOutputDirection(grid.direction.ravel().tolist())
    target.SetDefaultPixelValue(outside)
    target.SetInterpolator(sitk.sitkLinear)
    out: NDArray[np.float32] = sitk.GetArrayFromImage(target.Execute(image))
    return out
