"""Chance for crops of CT scans, drawn and computed where the network trains.

Geometry: affine and elastic in one interpolation. Intensity: what scanners vary in, in HU: noise,
sharpness, slice thickness, a small error of scale. The window through which the network looks is
drawn anew each time (random windowing, Østmo et al., arXiv 2510.08116), which keeps the meaning of
HU where free changes of brightness would not. The body is not mirrored: the liver has a side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

__all__ = ["NO_AUGMENTATION", "Augmentation", "Warp", "vary_intensity"]

Patch = tuple[int, int, int]


@dataclass(frozen=True)
class Augmentation:
    """How often and how much crops are varied.

    Attributes:
        affine: share of crops that are turned and scaled.
        turn_degrees: largest turn about each axis.
        scale: smallest and largest magnification.
        elastic: share of crops that are bent.
        bend_voxels: largest root mean square of their bending.
        mirror: share of crops whose left and right change places; off, as no patient is so.
        noise: share of crops with more noise, up to `noise_hu`.
        noise_hu: its largest standard deviation.
        blur: share of crops that are blurred.
        blur_voxels: largest standard deviation of the blur.
        low_resolution: share of crops that are sampled coarsely and back.
        coarseness: largest factor of it.
        contrast: share of crops whose HU are scaled and shifted.
        contrast_share: largest relative error of scale.
        contrast_hu: largest shift.
        windowing: how far the window's level and width vary, as a share of its width.
    """

    affine: float = 0.3
    turn_degrees: float = 15.0
    scale: tuple[float, float] = (0.8, 1.25)
    elastic: float = 0.15
    bend_voxels: float = 2.0
    mirror: float = 0.0
    noise: float = 0.2
    noise_hu: float = 20.0
    blur: float = 0.1
    blur_voxels: float = 1.0
    low_resolution: float = 0.15
    coarseness: float = 2.5
    contrast: float = 0.2
    contrast_share: float = 0.1
    contrast_hu: float = 15.0
    windowing: float = 0.16

    def __post_init__(self) -> None:
        shares = ("affine", "elastic", "mirror", "noise", "blur", "low_resolution", "contrast")
        for name in (*shares, "windowing"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must lie in 0 to 1, got {getattr(self, name)}")
        object.__setattr__(self, "scale", tuple(float(value) for value in self.scale))
        if len(self.scale) != 2 or not 0.0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"scale must be a growing pair above 0, got {self.scale}")

    def window_hu(
        self, level_hu: float, width_hu: float, rng: np.random.Generator
    ) -> tuple[float, float]:
        """A window around this one: both shifted and widened by up to `windowing`."""
        level = level_hu + width_hu * rng.uniform(-self.windowing, self.windowing)
        width = width_hu * (1.0 + rng.uniform(-self.windowing, self.windowing))
        return level - width / 2.0, level + width / 2.0


NO_AUGMENTATION = Augmentation(
    affine=0.0, elastic=0.0, noise=0.0, blur=0.0, low_resolution=0.0, contrast=0.0, windowing=0.0
)
"""Crops as they are."""


@dataclass(frozen=True, eq=False)
class Warp:
    """How one crop is turned, scaled, bent and mirrored.

    Attributes:
        matrix: maps voxel offsets (z, y, x) from the patch's centre to the crop's.
        bend_voxels: root mean square of the bending; 0 for none.
    """

    matrix: NDArray[np.float64]
    bend_voxels: float

    @classmethod
    def draw(cls, how: Augmentation, rng: np.random.Generator) -> Warp:
        """A warp by chance; often none."""
        matrix = np.eye(3)
        if rng.random() < how.affine:
            angles = np.radians(rng.uniform(-how.turn_degrees, how.turn_degrees, 3))
            zoom = math.exp(rng.uniform(math.log(how.scale[0]), math.log(how.scale[1])))
            matrix = _rotation(angles) / zoom
        if rng.random() < how.mirror:
            matrix = matrix @ np.diag([1.0, 1.0, -1.0])
        bend = rng.uniform(0.0, how.bend_voxels) if rng.random() < how.elastic else 0.0
        return cls(matrix, float(bend))

    @property
    def is_identity(self) -> bool:
        """Whether it changes nothing."""
        return self.bend_voxels == 0.0 and bool(np.array_equal(self.matrix, np.eye(3)))

    def crop_shape(self, patch: Patch) -> Patch:
        """Voxels to read, so that the warp of a patch finds its data."""
        if self.is_identity:
            return patch
        reach = np.abs(self.matrix) @ np.array(patch) + 4.0 * self.bend_voxels
        z, y, x = (int(n) for n in np.ceil(reach))
        return z, y, x

    def apply(self, crop: Tensor, patch: Patch, generator: torch.Generator) -> Tensor:
        """The patch out of a crop.

        Args:
            crop: float32 (channels, z, y, x) of `crop_shape(patch)`.
            patch: size of the result.
            generator: source of the bending; its device is the crop's.
        """
        if self.is_identity:
            return crop
        device = crop.device
        axes = [torch.arange(n, device=device) - (n - 1) / 2.0 for n in patch]
        offsets = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1).float()
        places = offsets @ torch.tensor(self.matrix.T, dtype=torch.float32, device=device)
        if self.bend_voxels:
            places = places + self.bend_voxels * _smooth_field(patch, generator)
        # From voxels around the centre to the range -1 to 1 of grid_sample, whose order is x, y, z.
        size = torch.tensor(crop.shape[1:], dtype=torch.float32, device=device)
        grid = (places * 2.0 / size).flip(-1)[None]
        return functional.grid_sample(
            crop[None], grid, mode="bilinear", padding_mode="border", align_corners=False
        )[0]


def vary_intensity(
    hu: Tensor, how: Augmentation, rng: np.random.Generator, generator: torch.Generator
) -> Tensor:
    """The image as another scanner would show it.

    Args:
        hu: float32 (z, y, x).
        how: how often and how much.
        rng: decides what happens.
        generator: source of noise; its device is the image's.
    """
    if rng.random() < how.blur:
        hu = _blurred(hu, rng.uniform(0.3, how.blur_voxels))
    if rng.random() < how.low_resolution:
        factor = rng.uniform(1.0, how.coarseness)
        # Slices are what differs most between scanners.
        along_body = rng.random() < 0.5
        coarse = [
            max(2, round(n / factor)) if i == 0 or not along_body else n
            for i, n in enumerate(hu.shape)
        ]
        small = functional.interpolate(hu[None, None], size=coarse, mode="area")
        hu = functional.interpolate(small, size=hu.shape, mode="trilinear")[0, 0]
    if rng.random() < how.noise:
        noise = torch.randn(hu.shape, generator=generator, device=hu.device)
        hu = hu + rng.uniform(0.0, how.noise_hu) * noise
    if rng.random() < how.contrast:
        scale = 1.0 + rng.uniform(-how.contrast_share, how.contrast_share)
        hu = hu * scale + rng.uniform(-how.contrast_hu, how.contrast_hu)
    return hu


def _rotation(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turns about z, y and x, one after the other."""
    whole = np.eye(3)
    for axis, angle in enumerate(angles):
        one, other = (i for i in range(3) if i != axis)
        turn = np.eye(3)
        turn[one, one] = turn[other, other] = math.cos(angle)
        turn[one, other], turn[other, one] = -math.sin(angle), math.sin(angle)
        whole = whole @ turn
    return whole


def _smooth_field(patch: Patch, generator: torch.Generator) -> Tensor:
    """Smooth displacements (z, y, x, 3) of unit variance."""
    coarse = [max(2, round(n / 16) + 1) for n in patch]
    noise = torch.randn((1, 3, *coarse), generator=generator, device=generator.device)
    field = functional.interpolate(noise, size=patch, mode="trilinear", align_corners=True)
    return (field / field.std().clamp(min=1e-6))[0].permute(1, 2, 3, 0)


def _blurred(hu: Tensor, sigma_voxels: float) -> Tensor:
    reach = max(1, math.ceil(3.0 * sigma_voxels))
    offset = torch.arange(-reach, reach + 1, device=hu.device)
    weight = torch.exp(-0.5 * (offset / sigma_voxels) ** 2)
    weight = weight / weight.sum()
    image = hu[None, None]
    for axis in range(3):
        shape = [1, 1, 1, 1, 1]
        shape[2 + axis] = 2 * reach + 1
        padding = [0] * 6
        padding[4 - 2 * axis] = padding[5 - 2 * axis] = reach
        padded = functional.pad(image, padding, mode="replicate")
        image = functional.conv3d(padded, weight.reshape(shape))
    return image[0, 0]
