"""Batches of patches from labelled scans: which scan, where in it, and what is known there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lvt_track.core.volume import CLASSES
from lvt_track.segment.grid import Span, resample
from lvt_track.segment.network.intensity import normalise
from lvt_track.training.batches.augment import Augmentation, Warp, vary_intensity
from lvt_track.training.batches.batch import Batch
from lvt_track.training.batches.prefetch import Ahead, made_by_threads
from lvt_track.training.datasets.prepared import BITS, IGNORE
from lvt_track.training.objective.annotation import Annotation, Knowledge
from lvt_track.training.objective.partial import targets_and_validity

__all__ = ["WINDOW_LEVEL_HU", "WINDOW_WIDTH_HU", "PatchBatches", "PatchPlan", "TrainingScan"]

WINDOW_LEVEL_HU = 62.5
WINDOW_WIDTH_HU = 198.8
"""Window that suits tumours in the contrasted liver (Østmo et al., arXiv 2510.08116)."""

_SAME_SPACING = 0.01
_LABELLED = (*BITS.values(), IGNORE)


class TrainingScan(Protocol):
    """A scan that can be learned from, such as a `datasets.prepared.PreparedCase`."""

    @property
    def dataset(self) -> str:
        """Name of its dataset."""

    @property
    def knowledge(self) -> Knowledge:
        """What its dataset says of each class."""

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Along z, y, x."""

    def image(self) -> NDArray[np.int16]:
        """HU (z, y, x) along the patient's axes."""

    def labels(self) -> NDArray[np.uint8]:
        """Labels (z, y, x) in the bits of `datasets.prepared`."""

    def foreground(self, name: str) -> NDArray[np.int32]:
        """Voxels (n, 3) of a class; empty where it is not annotated or does not occur."""


@dataclass(frozen=True)
class PatchPlan:
    """What patches are like.

    Attributes:
        patch: their size in voxels, z, y, x.
        spacing_mm: of their voxels.
        samples: patches per batch.
        foreground_share: share of patches centred on a voxel of an annotated class, each class
            alike; the others lie anywhere in the scan.
        window_level_hu, window_width_hu: middle and width of the window around which random
            windows are drawn.
    """

    patch: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    samples: int = 2
    foreground_share: float = 0.67
    window_level_hu: float = WINDOW_LEVEL_HU
    window_width_hu: float = WINDOW_WIDTH_HU

    @property
    def window_hu(self) -> tuple[float, float]:
        """HU that the network sees as -1 and +1 when nothing is drawn by chance."""
        half = self.window_width_hu / 2.0
        return self.window_level_hu - half, self.window_level_hu + half


_ONE_AHEAD = Ahead()


class PatchBatches:
    """Batches by number: the same number gives the same batch.

    Scans are read ahead by threads, whose errors are raised where the batch is asked for.

    Args:
        scans: to learn from. Each is drawn with a weight of one over the root of the number of
            scans in its dataset, so that small datasets count more than their share.
        plan: what patches are like.
        augmentation: how they are varied.
        seed: of the whole sequence.
        device: where to vary them.
        ahead: how threads read ahead.

    Raises:
        ValueError: when there are no scans.
    """

    def __init__(
        self,
        scans: Sequence[TrainingScan],
        plan: PatchPlan,
        augmentation: Augmentation,
        seed: int,
        device: torch.device,
        ahead: Ahead = _ONE_AHEAD,
    ) -> None:
        if not scans:
            raise ValueError("training needs at least one scan")
        self._scans = tuple(scans)
        counts = Counter(scan.dataset for scan in scans)
        odds = np.array([counts[scan.dataset] ** -0.5 for scan in scans])
        self._odds = odds / odds.sum()
        self._plan, self._augmentation = plan, augmentation
        self._seed, self._device = seed, device
        self._crops = made_by_threads(self._read, ahead.stride, ahead.workers)

    def __call__(self, number: int) -> Batch:
        """The batch with this number."""
        samples = [
            self._patch(number * self._plan.samples + i, crop)
            for i, crop in enumerate(self._crops(number))
        ]
        images, targets, known, annotated = (
            torch.stack(part) for part in zip(*samples, strict=True)
        )
        return Batch(images, targets, known, annotated)

    def _rng(self, sample: int, purpose: int) -> np.random.Generator:
        return np.random.default_rng([self._seed, sample, purpose])

    def _read(self, number: int) -> list[_Crop]:
        samples = self._plan.samples
        return [self._read_crop(number * samples + i) for i in range(samples)]

    def _read_crop(self, sample: int) -> _Crop:
        rng = self._rng(sample, 0)
        scan = self._scans[int(rng.choice(len(self._scans), p=self._odds))]
        warp = Warp.draw(self._augmentation, rng)
        hu, labels = scan.image(), scan.labels()
        centre = _centre(scan, hu.shape, self._plan, rng)
        shape = warp.crop_shape(self._plan.patch)
        scale = [to / of for to, of in zip(self._plan.spacing_mm, scan.spacing_mm, strict=True)]
        extent = [
            (middle - size * factor / 2.0, middle + size * factor / 2.0)
            for middle, size, factor in zip(centre, shape, scale, strict=True)
        ]
        if max(abs(factor - 1.0) for factor in scale) < _SAME_SPACING:
            stack = _cut(hu, labels, [round(first) for first, _ in extent], shape)
        else:
            stack = _resampled(hu, labels, extent, shape)
        return _Crop(stack, warp, scan.knowledge)

    def _patch(self, sample: int, crop: _Crop) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Image, target, validity and annotated classes of one patch, varied on the device."""
        rng = self._rng(sample, 1)
        generator = torch.Generator(self._device).manual_seed(int(rng.integers(2**62)))
        plan, how = self._plan, self._augmentation
        stack = crop.warp.apply(crop.stack.to(self._device), plan.patch, generator)
        hu = vary_intensity(stack[0], how, rng, generator)
        window = how.window_hu(plan.window_level_hu, plan.window_width_hu, rng)
        masks = dict(zip(CLASSES, stack[1:4] > 0.5, strict=True))
        # Whatever an ignored voxel or the end of the scan has touched is ignored.
        ignore = (stack[4] > 0.01) | (stack[5] < 0.99)
        target, known = targets_and_validity(masks, crop.knowledge, ignore)
        annotated = [crop.knowledge[name] is not Annotation.NONE for name in CLASSES]
        return normalise(hu, window)[None], target, known, torch.tensor(annotated)


@dataclass(frozen=True, eq=False)
class _Crop:
    """What was read of a scan: float32 (HU, classes, ignored, inside the scan; z, y, x)."""

    stack: Tensor
    warp: Warp
    knowledge: Knowledge


def _centre(
    scan: TrainingScan, shape: tuple[int, ...], plan: PatchPlan, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Where a patch is centred, in voxels of the scan; inside the scan if there is room."""
    half = np.array(plan.patch) * plan.spacing_mm / np.array(scan.spacing_mm) / 2.0
    centre = rng.uniform(0.0, shape)
    occurring = [voxels for name in CLASSES if len(voxels := scan.foreground(name))]
    if occurring and rng.random() < plan.foreground_share:
        voxels = occurring[int(rng.integers(len(occurring)))]
        centre = voxels[int(rng.integers(len(voxels)))] + 0.5 + rng.uniform(-half, half) / 2.0
    middle = np.array(shape) / 2.0
    inside: NDArray[np.float64] = centre.clip(
        np.minimum(half, middle), np.maximum(shape - half, middle)
    )
    return inside


def _cut(
    hu: NDArray[np.int16], labels: NDArray[np.uint8], first: list[int], shape: tuple[int, ...]
) -> Tensor:
    """The crop from these voxels on; beyond the scan its ends are repeated."""
    index = [np.arange(start, start + size) for start, size in zip(first, shape, strict=True)]
    inside = [(i >= 0) & (i < n) for i, n in zip(index, hu.shape, strict=True)]
    take = np.ix_(*(i.clip(0, n - 1) for i, n in zip(index, hu.shape, strict=True)))
    bits = labels[take]
    parts = [hu[take], *((bits & bit) != 0 for bit in _LABELLED)]
    within = inside[0][:, None, None] & inside[1][:, None] & inside[2]
    return torch.from_numpy(np.stack([*parts, within]).astype(np.float32))


def _resampled(
    hu: NDArray[np.int16],
    labels: NDArray[np.uint8],
    extent: list[Span],
    shape: tuple[int, int, int],
) -> Tensor:
    """The crop over an extent in voxels of the scan, at the spacing that the shape gives."""
    margin = 2
    first = [max(0, int(low) - margin) for low, _ in extent]
    last = [min(n, int(high) + 1 + margin) for (_, high), n in zip(extent, hu.shape, strict=True)]
    first = [min(a, b - 1) for a, b in zip(first, (max(1, b) for b in last), strict=True)]
    last = [max(a + 1, b) for a, b in zip(first, last, strict=True)]
    part = tuple(slice(a, b) for a, b in zip(first, last, strict=True))
    z, y, x = ((low - a, high - a) for (low, high), a in zip(extent, first, strict=True))
    bits = labels[part]
    layers = [hu[part], *(((bits & bit) != 0).astype(np.float32) for bit in _LABELLED)]
    images = [torch.from_numpy(resample(layer, shape, (z, y, x))) for layer in layers]
    inside = torch.ones(shape)
    for axis, ((low, high), n, size) in enumerate(zip(extent, hu.shape, shape, strict=True)):
        middle = low + (torch.arange(size) + 0.5) * (high - low) / size
        seen = ((middle >= 0.0) & (middle <= n)).float()
        inside = inside * seen.reshape([-1 if i == axis else 1 for i in range(3)])
    return torch.stack([*images, inside])
