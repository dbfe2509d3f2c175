"""What of each lesion enhances, from the arterial and the native series of its visit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.components import label_components
from lvt_track.core.geometry import Box, FloatArray, Geometry, bounding_box
from lvt_track.core.lesion.lesion import Lesion
from lvt_track.core.lesion.viability import Viability
from lvt_track.core.series import Phase
from lvt_track.core.volume import BoolArray, LabelArray, Masks, Volume
from lvt_track.measure.viable import measure_viable
from lvt_track.register.breath import liver_shift_mm

__all__ = ["PhaseScan", "phase_scan", "with_viability"]

_AROUND_MM = 12.0
# A lesion found in both phases says where it lies better than the whole liver does.
_SAME_MM, _ALIKE = 10.0, 2.0
_OUTSIDE_HU = -1024.0
_LEAST_SHOWN = 0.95


@dataclass(frozen=True, eq=False)
class PhaseScan:
    """One series of a visit around its liver.

    Attributes:
        phase: its contrast phase.
        volume: HU around the liver.
        masks: on the same grid.
    """

    phase: Phase
    volume: Volume
    masks: Masks

    def centroids_mm(self) -> tuple[FloatArray, NDArray[np.float64]]:
        """LPS places (n, 3) of its tumours, and their volumes (n,) in mL."""
        pieces, count = label_components(self.masks.tumors)
        if count == 0:
            return np.zeros((0, 3)), np.zeros(0)
        places = ndimage.center_of_mass(self.masks.tumors, pieces, range(1, count + 1))
        voxels = np.bincount(pieces.ravel())[1:].astype(np.float64)
        return (
            self.volume.geometry.to_world(np.array(places)),
            np.multiply(voxels, self.volume.geometry.voxel_volume_ml),
        )


def phase_scan(phase: Phase, volume: Volume, masks: Masks) -> PhaseScan | None:
    """A series cut to its liver; None where it shows none."""
    box = bounding_box(masks.liver | masks.tumors)
    if box is None:
        return None
    near = volume.geometry.widened(box, 2 * _AROUND_MM)
    cut = masks.crop(near)
    cut_masks = Masks(cut.liver.copy(), cut.vessels.copy(), cut.tumors.copy(), cut.geometry)
    return PhaseScan(phase, Volume(volume.hu[near].copy(), cut.geometry), cut_masks)


def with_viability(
    lesions: Sequence[Lesion], labels: LabelArray, tracked: PhaseScan, others: Sequence[PhaseScan]
) -> tuple[Lesion, ...]:
    """The lesions with what of them enhances; as they are where the visit has no arterial series.

    The outline is that of the tracked series. It is brought into another one by the shift between
    the two livers, and where both show the lesion, by that of the lesion itself.

    Args:
        lesions: of one visit.
        labels: their label map, on the grid of `tracked`.
        tracked: the series in which they were drawn.
        others: the other series of the visit that could be read.
    """
    scans = (tracked, *others)
    arterial = next((scan for scan in scans if scan.phase is Phase.ARTERIAL), None)
    if arterial is None:
        return tuple(lesions)
    native = next((scan for scan in scans if scan.phase is Phase.NATIVE), None)
    paths = {
        id(scan): _Path.between(tracked, scan) for scan in (arterial, native) if scan is not None
    }
    boxes = ndimage.find_objects(labels)
    judged = []
    for lesion in lesions:
        z, y, x = boxes[lesion.label - 1]
        inside = labels[z, y, x] == lesion.label
        outline = _Outline(inside, (z, y, x), tracked.volume.geometry)
        shift_mm = paths[id(arterial)].shift_of(lesion)
        before = None if native is None else paths[id(native)].shift_of(lesion)
        part = _judged(outline, (arterial, shift_mm), (native, before))
        judged.append(replace(lesion, viability=part))
    return tuple(judged)


@dataclass(frozen=True, eq=False)
class _Outline:
    """A lesion as it was drawn: its mask in a box of a grid."""

    mask: BoolArray
    box: Box
    geometry: Geometry

    def share_in(self, grid: Geometry, shift_mm: FloatArray) -> float:
        """Which share of its voxels lies in another grid."""
        index = np.argwhere(self.mask) + [side.start for side in self.box]
        return float(grid.contains(self.geometry.to_world(index) + shift_mm).mean())

    def at(self, places_mm: FloatArray) -> BoolArray:
        """Whether LPS places (..., 3) lie in it."""
        start = [side.start for side in self.box]
        index = self.geometry.to_index(places_mm.reshape(-1, 3)) - start
        inside = ndimage.map_coordinates(
            self.mask.astype(np.float32), index.T, order=1, mode="constant"
        )
        lies: BoolArray = (inside >= 0.5).reshape(places_mm.shape[:-1])
        return lies

    def box_in(self, grid: Geometry, shift_mm: FloatArray) -> Box | None:
        """The part of another grid that holds it and what is around it."""
        corners = np.array(
            [
                [s.start if k & 1 << i else s.stop - 1 for i, s in enumerate(self.box)]
                for k in range(8)
            ]
        )
        index = grid.to_index(self.geometry.to_world(corners) + shift_mm)
        low, high = np.floor(index.min(axis=0)), np.ceil(index.max(axis=0)) + 1
        if (high <= 0).any() or (low >= grid.shape).any():
            return None
        z, y, x = (slice(max(0, int(a)), int(b)) for a, b in zip(low, high, strict=True))
        return grid.widened((z, y, x), _AROUND_MM)


@dataclass(frozen=True, eq=False)
class _Path:
    """From the tracked series to another one."""

    shift_mm: FloatArray
    places_mm: FloatArray
    volumes_ml: NDArray[np.float64]

    @classmethod
    def between(cls, tracked: PhaseScan, other: PhaseScan) -> _Path:
        if other is tracked:
            return cls(np.zeros(3), np.zeros((0, 3)), np.zeros(0))
        shift = liver_shift_mm(
            (tracked.masks.liver, tracked.volume.geometry),
            (other.masks.liver, other.volume.geometry),
        )
        return cls(shift, *other.centroids_mm())

    def shift_of(self, lesion: Lesion) -> FloatArray:
        """How far a lesion is shifted, in LPS mm."""
        if not len(self.places_mm):
            return self.shift_mm
        centroid_mm = np.array(lesion.centroid_mm)
        away = np.linalg.norm(self.places_mm - centroid_mm - self.shift_mm, axis=1)
        k = int(away.argmin())
        ratio = self.volumes_ml[k] / max(lesion.measurement.volume_ml, 1e-6)
        if away[k] <= _SAME_MM and 1 / _ALIKE <= ratio <= _ALIKE:
            same: FloatArray = self.places_mm[k] - centroid_mm
            return same
        return self.shift_mm


def _judged(
    outline: _Outline,
    arterial: tuple[PhaseScan, FloatArray],
    native: tuple[PhaseScan | None, FloatArray | None],
) -> Viability:
    scan, shift_mm = arterial
    box = outline.box_in(scan.volume.geometry, shift_mm)
    if box is None:
        return Viability(reason="the arterial scan shows nothing of it")
    image = scan.volume.crop(box)
    index = np.moveaxis(np.indices(image.geometry.shape), 0, -1).reshape(-1, 3)
    places_mm = image.geometry.to_world(index)
    mask = outline.at(places_mm - shift_mm).reshape(image.geometry.shape)
    shown = outline.share_in(scan.volume.geometry, shift_mm)
    if shown < _LEAST_SHOWN or not mask.any():
        part = "only a part of it" if shown > 0 else "nothing of it"
        return Viability(reason=f"the arterial scan shows {part}")
    masks = scan.masks.crop(box)
    plain = masks.plain_liver & ~mask
    before = None
    if native[0] is not None and native[1] is not None:
        before = _resampled(native[0].volume, places_mm + native[1] - shift_mm, mask)
    return measure_viable(mask, image, plain, before)


def _resampled(
    volume: Volume, places_mm: FloatArray, mask: BoolArray
) -> NDArray[np.float32] | None:
    """HU at LPS places (n, 3), in the shape of the mask; None where the scan does not show it."""
    index = volume.geometry.to_index(places_mm)
    low = np.clip(np.floor(index.min(axis=0)).astype(np.intp), 0, None)
    high = np.ceil(index.max(axis=0)).astype(np.intp) + 1
    part = volume.hu[tuple(slice(a, max(a, b)) for a, b in zip(low, high, strict=True))]
    if not part.size:
        return None
    values = ndimage.map_coordinates(
        part.astype(np.float32), (index - low).T, order=1, mode="constant", cval=_OUTSIDE_HU
    ).reshape(mask.shape)
    if (values[mask] <= _OUTSIDE_HU / 2).any():
        return None
    shown: NDArray[np.float32] = values
    return shown
