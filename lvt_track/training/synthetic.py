"""Synthetic patients to learn from: bodies drawn once, lesions and images anew at every step.

Drawing a body takes seconds, an image of a crop a tenth of one. So bodies are kept on disk as label
maps, and each batch sees another crop, with other lesions, phase, scanner and contrast, much of it
beyond what hospitals do (the idea of SynthSeg, Billot et al., Med Image Anal 2023).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lvt_track.core.records import Phase
from lvt_track.core.volume import CLASSES
from lvt_track.phantom.image import (
    by_tissue,
    draw_scanner,
    draw_tissue_hu,
    mixed,
    synthesise_image,
)
from lvt_track.phantom.image_shadow import arm_shadow_hu
from lvt_track.phantom.scatter import Scattered, scatter_lesions, without_lesions
from lvt_track.phantom.tissues import LIVER_TISSUES, TUMOR_TISSUES, VESSEL_TISSUES, Tissue
from lvt_track.phantom.visibility import conspicuity
from lvt_track.segment.grid import resample
from lvt_track.segment.network import normalise
from lvt_track.training.crops import Places, crop_around, cut_scan
from lvt_track.training.loop import Batch
from lvt_track.training.partial import COMPLETE, targets_and_validity

__all__ = ["Recipe", "SyntheticBatches"]

_AIR_HU = -1000.0
# Conspicuity of lesions that are told: the least of what readers need (Rose), for a network that is
# told only of what is plain to see calls all else nothing.
_TOLD_FROM = 3.0
_LIVER, _VESSELS, _TUMORS = (CLASSES.index(name) for name in ("liver", "vessels", "tumors"))


@dataclass(frozen=True)
class Recipe:
    """How to make a batch from label maps.

    Attributes:
        spacing_mm: edge of a voxel of the network's images.
        patch: size of a crop in those voxels.
        finer: how many voxels of the label maps an image voxel has along each axis.
        stretch: how far bodies are made larger and smaller, as a whole and along each axis:
            standard deviation of the logarithm.
        window_hu: HU that the network sees as -1 and +1.
        classes: how many of the classes to learn, from the first.
        samples: crops per batch.
        follows_liver: share of crops that are centred on the liver, its box or a lesion; the
            others lie anywhere in the body.
        cut_probability: share of crops that the end of a scan cuts.
        part_margin_mm: vessels and tumours are learned up to this far outside the liver; beyond
            it they are cut away after inference and need not be told from anything.
        phases: how often each contrast phase is drawn.
        wild_probability: share of images whose brightness ignores anatomy.
        vessels_hu: how far the vessels of a liver stray in brightness, mean and deviation; in life
            more than a table of phases says.
        noise_hu: range of the noise at the network's spacing.
        noise_grain_mm: range of the width of its grain in plane; real livers' is coarse.
        shading_hu: range of the slow drift of brightness, as beside arms or metal.
        shadow_probability: share of images with shadow and streaks of arms beside the body.
        new_lesions: share of crops whose lesions are drawn anew, many of them small.
        edge_mm: range of the width of those lesions' edges that are soft.
        thickness_mm: range of slice thickness.
    """

    spacing_mm: float
    patch: tuple[int, int, int]
    finer: int = 1
    stretch: float = 0.0
    window_hu: tuple[float, float] = (-200.0, 300.0)
    classes: int = len(CLASSES)
    samples: int = 1
    follows_liver: float = 1.0
    cut_probability: float = 0.15
    part_margin_mm: float = 6.0
    phases: dict[Phase, float] = field(
        default_factory=lambda: {
            Phase.PORTAL: 0.63,
            Phase.ARTERIAL: 0.1,
            Phase.DELAYED: 0.1,
            Phase.NATIVE: 0.17,
        }
    )
    wild_probability: float = 0.1
    vessels_hu: tuple[float, float] = (8.0, 20.0)
    noise_hu: tuple[float, float] = (2.5, 20.0)
    noise_grain_mm: tuple[float, float] = (0.7, 4.5)
    shading_hu: tuple[float, float] = (0.0, 12.0)
    shadow_probability: float = 0.3
    new_lesions: float = 0.75
    edge_mm: tuple[float, float] = (0.8, 2.8)
    thickness_mm: tuple[float, float] = (1.0, 6.0)


class SyntheticBatches:
    """Batches by number: the same number gives the same batch.

    Args:
        files: label maps, as `phantom.subjects.subject_files` lists them.
        recipe: how to make images of them.
        seed: of the whole sequence.

    Raises:
        ValueError: when there are no files.
    """

    def __init__(self, files: tuple[Path, ...], recipe: Recipe, seed: int) -> None:
        if not files:
            raise ValueError("training needs at least one subject")
        self._files = files
        self._bodies: dict[Path, tuple[NDArray[np.uint8], Places]] = {}
        self._recipe = recipe
        self._seed = seed

    def __call__(self, number: int) -> Batch:
        """The batch with this number."""
        recipe = self._recipe
        samples = [self._sample(number * recipe.samples + i) for i in range(recipe.samples)]
        images, targets, known = (torch.stack(part) for part in zip(*samples, strict=True))
        return Batch(images, targets, known)

    def _body(self, index: int) -> tuple[NDArray[np.uint8], Places]:
        """Opened when it is first needed, so that other processes get this object quickly."""
        file = self._files[index]
        if file not in self._bodies:
            whole = np.load(file, mmap_mode="r")
            self._bodies[file] = whole, Places.of(whole, self._recipe.finer)
        return self._bodies[file]

    def _sample(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        recipe = self._recipe
        rng = np.random.default_rng([self._seed, number])
        generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
        crop = _draw_crop(*self._body(int(rng.integers(len(self._files)))), recipe, rng)
        lesions = None
        if rng.random() < recipe.new_lesions:
            # Among large lesions the small ones would hardly be felt in the loss.
            edge_mm = recipe.spacing_mm / recipe.finer
            lesions = scatter_lesions(without_lesions(crop), edge_mm, rng)
            crop = lesions.labels
        labels = torch.from_numpy(crop)
        hu = _image(labels, lesions, recipe, rng, generator)
        target, known = _labels_to_learn(labels, hu, recipe, generator)
        if rng.random() < recipe.cut_probability:
            hu, known = cut_scan(hu, known, rng)
        return normalise(hu, recipe.window_hu)[None], target, known


def _draw_crop(
    whole: NDArray[np.uint8], places: Places, recipe: Recipe, rng: np.random.Generator
) -> NDArray[np.uint8]:
    centre = places.draw(recipe.follows_liver, rng)
    z, y, x = np.exp(rng.normal(0.0, recipe.stretch) + rng.normal(0.0, recipe.stretch, 3))
    size = (
        recipe.patch[0] * recipe.finer,
        recipe.patch[1] * recipe.finer,
        recipe.patch[2] * recipe.finer,
    )
    return crop_around(whole, centre, size, (float(z), float(y), float(x)))


def _image(
    labels: Tensor,
    lesions: Scattered | None,
    recipe: Recipe,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> Tensor:
    """HU of a crop, as some scanner would show it after resampling to the network's spacing."""
    phases = list(recipe.phases)
    odds = np.array([recipe.phases[phase] for phase in phases])
    phase = phases[int(rng.choice(len(phases), p=odds / odds.sum()))]
    thickness_mm = float(rng.uniform(*recipe.thickness_mm))
    low, high = recipe.noise_hu
    scanner = replace(
        draw_scanner(generator, recipe.wild_probability),
        slice_thickness_mm=thickness_mm,
        shading_hu=float(rng.uniform(*recipe.shading_hu)),
        noise_grain_mm=float(rng.uniform(*recipe.noise_grain_mm)),
        noise_hu=math.exp(rng.uniform(math.log(low), math.log(high))),
    )
    tissue_hu = draw_tissue_hu(phase, scanner, generator)
    tissue_hu[_IS_CLASS[_VESSELS] > 0] += rng.normal(*recipe.vessels_hu)
    hu = synthesise_image(
        labels,
        recipe.spacing_mm,
        phase,
        scanner,
        generator,
        tissue_hu,
        None if lesions is None else torch.from_numpy(lesions.contrast_hu),
        recipe.finer,
        None if lesions is None else torch.from_numpy(lesions.soft),
        float(rng.uniform(*recipe.edge_mm)),
    )
    if rng.random() < recipe.shadow_probability:
        hu = hu + arm_shadow_hu(recipe.patch, recipe.spacing_mm, generator)
    if thickness_mm > recipe.spacing_mm and rng.random() < 0.7:
        slices = max(2, round(hu.shape[0] * recipe.spacing_mm / thickness_mm))
        hu = resample(resample(hu, (slices, *hu.shape[1:])), (*hu.shape,))
    hu = hu * float(rng.uniform(0.93, 1.07)) + float(rng.normal(0.0, 5.0))
    return hu.clamp(min=_AIR_HU)


def _labels_to_learn(
    labels: Tensor, hu: Tensor, recipe: Recipe, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Targets and where they are known, on the grid of the image.

    A voxel that two tissues share is given to one by chance, as often as its share: so that the
    network's probability is the share, and a mask cut from it finer than its voxels.
    """
    shares = [mixed(by_tissue(is_any, labels), recipe.finer) for is_any in _IS_CLASS]
    chance = torch.rand(hu.shape, generator=generator)
    masks = {name: share > chance for name, share in zip(CLASSES, shares, strict=True)}
    target, known = targets_and_validity(masks, COMPLETE)
    known[1:] &= _grown(target[0], round(recipe.part_margin_mm / recipe.spacing_mm))
    if recipe.classes == len(CLASSES):
        # Told of a lesion that nobody could see, a network learns to guess.
        middle = slice(recipe.finer // 2, None, recipe.finer)
        tissues = labels[middle, middle, middle].numpy()
        share = shares[_TUMORS]
        shown = _shown(hu, share >= 0.5, tissues, shares[_LIVER] == 1.0, recipe.spacing_mm)
        known[_TUMORS] &= (share == 0.0) | _grown(shown, 1)
    return target[: recipe.classes], known[: recipe.classes]


def _shown(
    hu: Tensor, lesions: Tensor, tissues: NDArray[np.uint8], liver: Tensor, spacing_mm: float
) -> Tensor:
    """The lesions that the image shows."""
    number, stands_out = conspicuity(
        hu.numpy(),
        lesions.numpy(),
        tissues,
        tissues == Tissue.LIVER,
        liver.numpy(),
        (spacing_mm,) * 3,
    )
    return torch.from_numpy((stands_out >= _TOLD_FROM)[number]) & lesions


def _grown(mask: Tensor, reach: int) -> Tensor:
    """The mask dilated by a cube, one axis at a time."""
    for axis, size in enumerate(mask.shape):
        grown = mask.clone()
        for step in range(1, reach + 1):
            near, far = mask.narrow(axis, 0, size - step), mask.narrow(axis, step, size - step)
            grown.narrow(axis, step, size - step).logical_or_(near)
            grown.narrow(axis, 0, size - step).logical_or_(far)
        mask = grown
    return mask


def _is_class() -> Tensor:
    """One where a tissue (256,) belongs to a class, zero elsewhere (classes, 256)."""
    table = torch.zeros((len(CLASSES), 256))
    for channel, tissues in enumerate((LIVER_TISSUES, VESSEL_TISSUES, TUMOR_TISSUES)):
        table[channel, [int(tissue) for tissue in tissues]] = 1.0
    return table


_IS_CLASS = _is_class()
