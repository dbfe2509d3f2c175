"""Lesions that grow as cells on voxels, and what is mistaken for them, in the liver of a real CT.

After the idea of cellular automata for synthetic tumours (Lai et al., "From pixel to cancer",
MICCAI 2024): cells invade their neighbours, vessels and the capsule stop them, those far from any
healthy tissue die. Rules and numbers are of this file alone; no network is
trained on them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import FloatArray, bounding_box
from lvt_track.core.volume import BoolArray, Masks, Volume

__all__ = ["Foreign", "draw_foreign"]

LESIONS, SIZES_MM = 6, (5.0, 35.0)
# How much darker than the liver around it; one in seven is brighter instead.
DARKER_HU, BRIGHTER_HU, BRIGHTER = (12.0, 70.0), (12.0, 40.0), 1 / 7
INVADES, INTO_VESSEL = 0.05, 0.02
DIES_MM, DEAD_SHARE = (5.0, 12.0), 1.6
APART_MM, FINE_MM, BLUR_MM = 6.0, 1.0, 0.7
LUNG_HU, FLUID_HU = -800.0, 8.0
# From the ligament to the middle of the fat beside it.
FAT_MM = (4.0, 12.0)

Image = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Foreign:
    """A scan, cut to its liver, with lesions and doubles.

    Attributes:
        volume: the scan.
        number: 0, or the lesion that fills most of the voxel, from 1.
        diameter_mm: of the sphere of a lesion's volume, by number.
        signal_hu: what each lesion changed, by number, in its box.
        doubles: where each kind of double was drawn.
    """

    volume: Volume
    number: NDArray[np.uint8]
    diameter_mm: tuple[float, ...]
    signal_hu: tuple[Image, ...]
    doubles: dict[str, BoolArray]


def draw_foreign(
    volume: Volume, masks: Masks, fissure_mm: FloatArray, rng: np.random.Generator
) -> Foreign:
    """Grow lesions in a scan and draw one double of each kind, all clear of each other.

    What is drawn is added to the scan's own voxels, so that its noise and vessels stay.

    Args:
        volume: a scan along the patient's axes: z to the head, y to the back, x to the left.
        masks: of its liver, vessels and tumours.
        fissure_mm: LPS points (n, 3) at which a reader sees the falciform ligament.
        rng: of everything that is drawn.
    """
    scene = _Scene(volume, masks, fissure_mm)
    number = np.zeros(volume.hu.shape, dtype=np.uint8)
    sizes, signals = [], []
    for _ in range(LESIONS):
        grown = _grow(scene, rng)
        if grown is None:
            continue
        box, share, change = grown
        here = share > 0.5
        if not here.any():
            continue
        scene.hu[box] += change
        number[box][here] = len(sizes) + 1
        scene.close(box, here)
        volume_mm3 = float(share.sum()) * volume.geometry.voxel_volume_mm3
        sizes.append((6 * volume_mm3 / np.pi) ** (1 / 3))
        signals.append(change)
    doubles = {}
    for name, draw in DOUBLES.items():
        where = draw(scene, rng)
        if where is not None and where.any():
            doubles[name] = where
            scene.clear_mm = np.minimum(scene.clear_mm, scene.away_mm(where))
    hu = np.rint(scene.hu).clip(-1024, 3071).astype(np.int16)
    return Foreign(Volume(hu, volume.geometry), number, tuple(sizes), tuple(signals), doubles)


class _Scene:
    """A liver that is drawn into, one thing after the other."""

    def __init__(self, volume: Volume, masks: Masks, fissure_mm: FloatArray) -> None:
        self.spacing = np.array(volume.geometry.spacing_mm)
        self.hu = volume.hu.astype(np.float32)
        self.liver, self.vessels = masks.liver, masks.vessels
        self.parenchyma = masks.liver & ~masks.vessels & ~masks.tumors
        self.usual_hu = float(np.median(self.hu[self.parenchyma]))
        self.depth_mm = ndimage.distance_transform_edt(masks.liver, sampling=self.spacing)
        self.clear_mm = self.away_mm(masks.tumors)
        self.fissure = volume.geometry.to_index(fissure_mm)

    def away_mm(self, mask: BoolArray) -> NDArray[np.float64]:
        """Distance of every voxel to a mask."""
        if not mask.any():
            return np.full(mask.shape, np.inf)
        return np.asarray(ndimage.distance_transform_edt(~mask, sampling=self.spacing))

    def close(self, box: tuple[slice, ...], here: BoolArray) -> None:
        """Keep what comes next clear of this."""
        mask = np.zeros(self.hu.shape, dtype=bool)
        mask[box] = here
        self.clear_mm = np.minimum(self.clear_mm, self.away_mm(mask))

    def any_of(self, where: BoolArray, rng: np.random.Generator) -> NDArray[np.intp] | None:
        """One voxel of a mask by chance."""
        index = np.argwhere(where)
        return index[rng.integers(len(index))] if len(index) else None

    def offsets_mm(self, centre: NDArray[np.generic]) -> list[NDArray[np.float64]]:
        """Distance along z, y, x to a voxel, to be broadcast."""
        grids = np.ogrid[tuple(slice(0, n) for n in self.hu.shape)]
        return [(g - c) * s for g, c, s in zip(grids, centre, self.spacing, strict=True)]

    def shift(self, where: BoolArray, hu: float) -> BoolArray:
        """Add some HU where a mask is, blurred as the scanner would."""
        sigma = [0.0, *(BLUR_MM / self.spacing[1:])]
        box = bounding_box(where)
        if box is not None:
            wide = tuple(slice(max(s.start - 4, 0), s.stop + 4) for s in box)
            self.hu[wide] += hu * ndimage.gaussian_filter(where[wide].astype(np.float32), sigma)
        return where


def _grow(scene: _Scene, rng: np.random.Generator) -> tuple[tuple[slice, ...], Image, Image] | None:
    """A lesion's box, how much of each voxel it fills, and by how much HU it changes it."""
    diameter_mm = float(np.exp(rng.uniform(*np.log(SIZES_MM))))
    is_brighter = rng.random() < BRIGHTER
    change_hu = rng.uniform(*BRIGHTER_HU) if is_brighter else -rng.uniform(*DARKER_HU)
    seed = scene.any_of(
        scene.parenchyma
        & (scene.depth_mm > min(diameter_mm / 4, 8))
        & (scene.clear_mm > diameter_mm / 2 + APART_MM),
        rng,
    )
    if seed is None:
        return None
    reach = np.ceil((diameter_mm + 6) / scene.spacing).astype(int)
    box = tuple(
        slice(max(c - r, 0), min(c + r + 1, n))
        for c, r, n in zip(seed, reach, scene.hu.shape, strict=True)
    )
    finer = np.maximum(np.ceil(scene.spacing / FINE_MM).astype(int), 1)
    liver, vessels = (
        np.repeat(np.repeat(np.repeat(m[box], finer[0], 0), finer[1], 1), finer[2], 2)
        for m in (scene.liver & (scene.clear_mm > APART_MM / 2), scene.vessels)
    )
    edge_mm = scene.spacing / finer
    start = (seed - [s.start for s in box]) * finer + finer // 2
    cells = _cells(liver, vessels, (start, diameter_mm, edge_mm), rng)
    deep_mm = ndimage.distance_transform_edt(cells, sampling=edge_mm)
    dead = deep_mm > rng.uniform(*DIES_MM) + rng.normal(0, 0.7, cells.shape)
    strength = np.where(dead, DEAD_SHARE if not is_brighter else 0.2, 1.0) * cells
    sigma = [0.0, *(BLUR_MM / edge_mm[1:])]
    share, change = (
        _pooled(ndimage.gaussian_filter(part.astype(np.float32), sigma), finer)
        for part in (cells, strength)
    )
    # Living tissue is no darker than muscle, dead tissue than fluid.
    floor = -(scene.usual_hu - 25.0)
    return box, share, np.maximum(change * change_hu, floor).astype(np.float32)


def _cells(
    liver: BoolArray,
    vessels: BoolArray,
    origin: tuple[NDArray[np.intp], float, NDArray[np.float64]],
    rng: np.random.Generator,
) -> BoolArray:
    """Invade neighbour after neighbour until the volume of a sphere is filled."""
    start, diameter_mm, edge_mm = origin
    wanted = np.pi / 6 * diameter_mm**3 / float(np.prod(edge_mm))
    cells = np.zeros(liver.shape, dtype=bool)
    cells[tuple(start)] = True
    # Neighbours count by the inverse of their distance: growth is round also on flat voxels.
    step = np.stack(np.meshgrid(*([-1, 0, 1],) * 3, indexing="ij"), -1) * edge_mm
    length = np.linalg.norm(step, axis=-1)
    weights = np.divide(1.0, length**2, out=np.zeros_like(length), where=length > 0)
    # Fields of easy and hard ground make lobes.
    ground = np.exp(
        1.2 * _unit(ndimage.gaussian_filter(rng.normal(size=liver.shape), 3.0 / edge_mm))
    )
    permitted = liver * np.where(vessels, INTO_VESSEL, 1.0) * ground
    for _ in range(400):
        near = ndimage.convolve(cells.astype(np.float32), weights.astype(np.float32))
        cells |= rng.random(cells.shape) < 1 - np.exp(-INVADES * near * permitted * 4)
        if cells.sum() >= wanted:
            break
    return np.asarray(ndimage.binary_closing(cells) & liver)


def _unit(field: NDArray[np.float64]) -> NDArray[np.float64]:
    return field / max(float(field.std()), 1e-9)


def _pooled(values: Image, finer: NDArray[np.intp]) -> Image:
    z, y, x = (n // f for n, f in zip(values.shape, finer, strict=True))
    blocks = values.reshape(z, finer[0], y, finer[1], x, finer[2])
    means: Image = blocks.mean(axis=(1, 3, 5))
    return means


def _wedge(scene: _Scene, rng: np.random.Generator) -> BoolArray | None:
    """Perfusion: a pyramid on the capsule, a little brighter or darker, with straight sides."""
    apex = scene.any_of(scene.parenchyma & (scene.depth_mm > 22) & (scene.depth_mm < 40), rng)
    rim = scene.any_of(scene.liver & (scene.depth_mm < 3), rng)
    if apex is None or rim is None:
        return None
    edge = np.argwhere(scene.liver & (scene.depth_mm < 3))
    away = np.linalg.norm((edge - apex) * scene.spacing, axis=1)
    axis = (edge[away.argmin()] - apex) * scene.spacing
    axis = axis / np.linalg.norm(axis)
    offsets = scene.offsets_mm(apex)
    along = sum(o * a for o, a in zip(offsets, axis, strict=True))
    square = sum(o * o for o in offsets)
    inside = (along > 0) & (along**2 > square * np.cos(np.radians(22)) ** 2) & (along < 60)
    where = inside & scene.parenchyma & (scene.clear_mm > 4)
    return scene.shift(where, float(rng.choice([18.0, -14.0])))


def _falciform_fat(scene: _Scene, rng: np.random.Generator) -> BoolArray | None:
    """Focal fat: flat and dark in the liver beside the falciform ligament."""
    fissure = scene.fissure[rng.integers(len(scene.fissure))]
    away_mm = np.sqrt(sum(o * o for o in scene.offsets_mm(fissure)))
    near = (away_mm > FAT_MM[0]) & (away_mm < FAT_MM[1])
    centre = scene.any_of(
        scene.parenchyma & near & (scene.depth_mm > 3) & (scene.clear_mm > 10), rng
    )
    if centre is None:
        return None
    z, y, x = scene.offsets_mm(centre)
    inside = (z / 14) ** 2 + (y / 9) ** 2 + (x / 5) ** 2 < 1
    return scene.shift(inside & scene.parenchyma, -float(rng.uniform(18, 40)))


def _dome(scene: _Scene, rng: np.random.Generator) -> BoolArray | None:
    """Partial volume with the lung in the highest slice of the liver."""
    slices = np.flatnonzero(np.count_nonzero(scene.liver, axis=(1, 2)) > 150)
    if len(slices) == 0 or slices[-1] >= len(scene.hu) - 2:
        return None  # the scan ends in the liver
    top = np.zeros_like(scene.liver)
    top[slices[-1]] = scene.parenchyma[slices[-1]]
    centre = scene.any_of(top & (scene.clear_mm > 8), rng)
    if centre is None:
        return None
    _, y, x = scene.offsets_mm(centre)
    where = top & (np.hypot(y, x)[0] < rng.uniform(6, 12))[None]
    return scene.shift(where, rng.uniform(0.03, 0.07) * (LUNG_HU - scene.usual_hu))


def _fork(scene: _Scene, rng: np.random.Generator) -> BoolArray | None:
    """Three bright vessels that meet."""
    centre = scene.any_of(scene.parenchyma & (scene.depth_mm > 15) & (scene.clear_mm > 12), rng)
    if centre is None:
        return None
    where = np.zeros_like(scene.liver)
    for _ in range(3):
        where |= _tube(scene, centre, rng.normal(size=3), (float(rng.uniform(2.5, 4.5)), 22.0))
    return scene.shift(where & scene.parenchyma, float(rng.uniform(40, 70)))


def _unopacified(scene: _Scene, rng: np.random.Generator) -> BoolArray | None:
    """A stretch of a real vessel that contrast has not reached."""
    centre = scene.any_of(scene.vessels & (scene.clear_mm > 10), rng)
    if centre is None:
        return None
    near = np.sqrt(sum(o * o for o in scene.offsets_mm(centre))) < 18
    where = near & scene.vessels & (scene.clear_mm > 4)
    usual = float(scene.hu[where].mean()) if where.any() else scene.usual_hu
    return scene.shift(where, scene.usual_hu - float(rng.uniform(12, 30)) - usual)


def _neck(scene: _Scene, rng: np.random.Generator) -> BoolArray | None:
    """The gall bladder's neck: a fluid tube that enters the liver from below."""
    low = np.flatnonzero(scene.liver.any(axis=(1, 2)))
    bottom = scene.liver.copy()
    bottom[low[0] + max(1, len(low) // 2) :] = False
    surface = bottom & (scene.depth_mm < 4) & (scene.clear_mm > 12)
    columns = np.flatnonzero(scene.liver.any(axis=(0, 1)))
    surface[:, :, : columns[len(columns) // 3]] = False
    centre = scene.any_of(surface, rng)
    if centre is None:
        return None
    where = _tube(scene, centre, np.array([1.0, 0.3, 0.3]), (float(rng.uniform(3, 5)), 20.0))
    return scene.shift(where & scene.parenchyma, FLUID_HU - scene.usual_hu)


def _tube(
    scene: _Scene,
    start: NDArray[np.intp],
    axis: NDArray[np.float64],
    radius_and_length_mm: tuple[float, float],
) -> BoolArray:
    radius_mm, length_mm = radius_and_length_mm
    axis = axis / np.linalg.norm(axis)
    offsets = scene.offsets_mm(start)
    along = sum(o * a for o, a in zip(offsets, axis, strict=True))
    square = sum(o * o for o in offsets)
    tube: BoolArray = (along > 0) & (along < length_mm) & (square - along**2 < radius_mm**2)
    return tube


DOUBLES: dict[str, Callable[[_Scene, np.random.Generator], BoolArray | None]] = {
    "perfusion wedge": _wedge,
    "fat at the falciform": _falciform_fat,
    "dome": _dome,
    "vessel fork": _fork,
    "unopacified vein": _unopacified,
    "gall bladder neck": _neck,
}
