"""Lesions and cysts in a real CT: under its noise, blurred as its slices are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import FloatArray, bounding_box
from lvt_track.core.lesion.caliper import Point
from lvt_track.core.volume import BoolArray, Masks, Volume
from lvt_track.phantom.body.tissues import Tissue
from lvt_track.phantom.course.tumors import Tumor, TumorKind, draw_tumor, level_mm, tissue_at

__all__ = ["Inserted", "InsertedLesion", "blur", "insert_lesions"]

KINDS = {
    TumorKind.HYPODENSE: 0.5,
    TumorKind.NECROTIC: 0.2,
    TumorKind.RIM_ENHANCING: 0.1,
    TumorKind.HYPERVASCULAR: 0.2,
}
SMALL_MM, MASS_MM, SMALL_COUNT = (5.5, 38.0), (40.0, 100.0), 6
CONTRAST_HU, BRIGHTER_HU = (15.0, 80.0), (15.0, 45.0)
# Of a lesion's contrast: dead tissue is darker, a rim takes up more, but can still be seen.
CORE_SHARE, RIM_SHARE = 1.5, 0.5
# Living tissue is no darker than muscle without contrast, dead tissue than fluid.
LEAST_HU, LEAST_CORE_HU = 30.0, 18.0
CYST_COUNT, CYST_MM, CYST_HU = 2, (8.0, 35.0), (0.0, 15.0)
APART_MM, SUBVOXEL_MM, BLUR_MM = 5.0, 1.0, 0.7
MEDIAN_MM, NOISE_CLIP = 7.0, 2.5

Image = NDArray[np.float32]


@dataclass(frozen=True)
class InsertedLesion:
    """Mean diameter, and how many HU below its liver; less than none where it is brighter."""

    diameter_mm: float
    contrast_hu: float


@dataclass(frozen=True, eq=False)
class Inserted:
    """A scan with lesions.

    Attributes:
        volume: the scan.
        number: 0, or the number of the lesion that fills most of the voxel, from 1.
        lesions: by number.
        cyst: 0, or the number of the cyst that fills most of the voxel, from 1.
    """

    volume: Volume
    number: NDArray[np.uint8]
    lesions: tuple[InsertedLesion, ...]
    cyst: NDArray[np.uint8]


def insert_lesions(
    volume: Volume, masks: Masks, rng: np.random.Generator, has_mass: bool
) -> Inserted:
    """Draw lesions and cysts into the liver of a scan, clear of the tumours that it has.

    Vessels that cross one vanish in it; the scan's noise stays. Cysts have a chance of their own,
    so that lesions are the same without them.

    Args:
        volume: the scan.
        masks: its liver, and the tumours to keep clear of.
        rng: of all that is drawn.
        has_mass: whether the first one is large; it may swallow tumours of the scan.

    Raises:
        ValueError: when there is no liver.
    """
    liver_box = bounding_box(masks.liver)
    if liver_box is None:
        raise ValueError("the scan shows no liver to draw lesions into")
    z_cut, y_cut, x_cut = (slice(max(cut.start - 8, 0), cut.stop + 8) for cut in liver_box)
    around = z_cut, y_cut, x_cut
    liver = _Liver.of(volume.crop(around), masks.crop(around))
    number, cyst = (np.zeros(liver.hu.shape, dtype=np.uint8) for _ in range(2))
    lesions: list[InsertedLesion] = []
    for k in range(SMALL_COUNT + has_mass):
        is_mass = has_mass and k == 0
        diameter_mm = float(np.exp(rng.uniform(*np.log(MASS_MM if is_mass else SMALL_MM))))
        contrast_hu = min(float(rng.uniform(*CONTRAST_HU)), liver.usual_hu - LEAST_HU)
        kind = list(KINDS)[int(rng.choice(len(KINDS), p=list(KINDS.values())))]
        if kind is TumorKind.HYPERVASCULAR:
            contrast_hu = -float(rng.uniform(*BRIGHTER_HU))
        # Some reach the surface, and a mass may be wider than its liver is thick.
        deep_mm = min(diameter_mm / 2 * rng.uniform(0.5, 1.2), 0.7 * float(liver.depth_mm.max()))
        place = liver.place(deep_mm, -np.inf if is_mass else diameter_mm / 2, rng)
        if place is not None:
            tumor = draw_tumor(rng, place, diameter_mm, kind)
            lesions.append(InsertedLesion(diameter_mm, contrast_hu))
            number[liver.fill(tumor, _darker_hu(contrast_hu, liver.usual_hu))] = len(lesions)
    chance = np.random.default_rng(int(rng.integers(2**32)))
    for k in range(CYST_COUNT):
        diameter_mm = float(np.exp(chance.uniform(*np.log(CYST_MM))))
        place = liver.place(diameter_mm / 3, diameter_mm / 2, chance)
        if place is not None:
            fluid = draw_tumor(chance, place, diameter_mm, TumorKind.CYST)
            darker_hu = np.full(256, liver.usual_hu - chance.uniform(*CYST_HU), dtype=np.float32)
            cyst[liver.fill(fluid, darker_hu)] = k + 1
    whole_hu = volume.hu.astype(np.int16)
    whole_hu[around] = np.rint(liver.hu).clip(-1024, 3071)
    whole_number, whole_cyst = (np.zeros(whole_hu.shape, dtype=np.uint8) for _ in range(2))
    whole_number[around], whole_cyst[around] = number, cyst
    return Inserted(Volume(whole_hu, volume.geometry), whole_number, tuple(lesions), whole_cyst)


@dataclass(eq=False)
class _Liver:
    """A liver that lesions are drawn into, one after the other.

    Attributes:
        part: of the scan, around the liver.
        hu: the same with what has been drawn.
        liver: its mask.
        usual_hu: median of its parenchyma.
        noise: of the scan.
        inside: how much of a voxel the liver fills, as blurred as the scan.
        depth_mm: below the surface of the liver.
        clear_mm: from tumours of the scan, and from what has been drawn.
    """

    part: Volume
    hu: Image
    liver: BoolArray
    usual_hu: float
    noise: Image
    inside: Image
    depth_mm: FloatArray
    clear_mm: FloatArray

    @classmethod
    def of(cls, part: Volume, masks: Masks) -> _Liver:
        """Nothing drawn yet."""
        spacing = np.array(part.geometry.spacing_mm)
        hu = part.hu.astype(np.float32)
        parenchyma = masks.liver & ~masks.vessels & ~masks.tumors
        return cls(
            part,
            hu,
            masks.liver,
            float(np.median(hu[parenchyma])),
            _noise(hu, parenchyma, spacing),
            ndimage.gaussian_filter(masks.liver.astype(np.float32), blur(spacing)),
            ndimage.distance_transform_edt(masks.liver, sampling=spacing),
            ndimage.distance_transform_edt(~masks.tumors, sampling=spacing),
        )

    def place(self, deep_mm: float, radius_mm: float, rng: np.random.Generator) -> Point | None:
        """A voxel so deep, so far and a little more from others; None where there is none."""
        room = np.argwhere((self.depth_mm >= deep_mm) & (self.clear_mm > radius_mm + APART_MM))
        if len(room) == 0:
            return None
        x, y, z = self.part.geometry.to_world(room[rng.integers(len(room))]).tolist()
        return x, y, z

    def fill(self, tumor: Tumor, darker_hu: Image) -> BoolArray:
        """Draw one; the voxels that it fills by more than half."""
        share, lesion_hu = _seen(tumor, self.part, self.usual_hu, darker_hu)
        share *= self.inside
        self.hu = (1.0 - share) * self.hu + share * (lesion_hu + self.noise)
        spacing = self.part.geometry.spacing_mm
        away_mm = ndimage.distance_transform_edt(share < 0.1, sampling=spacing)
        self.clear_mm = np.minimum(self.clear_mm, away_mm)
        filled: BoolArray = (share > 0.5) & self.liver
        return filled


def _darker_hu(contrast_hu: float, liver_hu: float) -> Image:
    """How much darker than the liver each tissue of a lesion is, by `Tissue` code (256,)."""
    darker_hu = np.full(256, contrast_hu, dtype=np.float32)
    darker_hu[Tissue.TUMOR_NECROSIS] = CORE_SHARE * abs(contrast_hu)
    darker_hu[Tissue.TUMOR_RIM] *= RIM_SHARE
    return np.minimum(darker_hu, liver_hu - LEAST_CORE_HU)


def blur(spacing: Sequence[float] | FloatArray) -> list[float]:
    """Of a scanner in plane, in voxels."""
    return [0.0, BLUR_MM / spacing[1], BLUR_MM / spacing[2]]


def _noise(hu: Image, parenchyma: BoolArray, spacing: FloatArray) -> Image:
    """What the scan has beyond its medians over a few millimetres, without the edges of vessels."""
    size = [1, *(2 * int(MEDIAN_MM / 2 / step) + 1 for step in spacing[1:])]
    noise = hu - ndimage.median_filter(hu, size)
    limit = NOISE_CLIP * 1.48 * float(np.median(np.abs(noise[parenchyma])))
    clipped: Image = noise.clip(-limit, limit)
    return clipped


def _seen(tumor: Tumor, volume: Volume, liver_hu: float, darker_hu: Image) -> tuple[Image, Image]:
    """How much of each voxel a lesion fills, and the HU of that part."""
    geometry = volume.geometry
    spacing = np.array(geometry.spacing_mm)
    finer = np.ceil(spacing / SUBVOXEL_MM).astype(int)
    centre = geometry.to_index(np.array(tumor.centre_mm))
    reach = np.ceil(tumor.reach_mm / spacing) + 2
    low = np.maximum(np.floor(centre - reach), 0).astype(int)
    high = np.minimum(np.ceil(centre + reach) + 1, geometry.shape).astype(int)
    index = (np.indices((high - low) * finer).transpose(1, 2, 3, 0) + 0.5) / finer - 0.5 + low
    points = geometry.to_world(index)
    level = level_mm(tumor, points)
    inside = level < 0
    darker = np.zeros(level.shape, dtype=np.float32)
    code = tissue_at(tumor, points[inside], level[inside])
    darker[inside] = darker_hu[code]
    filled, darker = (
        ndimage.gaussian_filter(_means(values, finer), blur(spacing))
        for values in (inside.astype(np.float32), darker)
    )
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    share = np.zeros(geometry.shape, dtype=np.float32)
    lesion_hu = np.full(geometry.shape, liver_hu, dtype=np.float32)
    share[box] = filled
    lesion_hu[box] -= darker / np.maximum(filled, 1e-3)
    return share, lesion_hu


def _means(values: Image, finer: NDArray[np.int_]) -> Image:
    """Over blocks of voxels."""
    z, y, x = (n // f for n, f in zip(values.shape, finer, strict=True))
    blocks = values.reshape(z, finer[0], y, finer[1], x, finer[2])
    mean: Image = blocks.mean(axis=(1, 3, 5))
    return mean
