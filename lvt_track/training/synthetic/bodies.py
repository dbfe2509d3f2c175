"""Synthetic patients to learn from: bodies drawn once, lesions and images anew at every step.

Drawing a body takes seconds, an image of a crop a tenth of one. So bodies are kept on disk as label
maps, and each batch sees another crop, with other lesions, phase, scanner and contrast, much of it
beyond what hospitals do (the idea of SynthSeg, Billot et al., Med Image Anal 2023).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lvt_track.core.volume import CLASSES
from lvt_track.phantom.body.tissues import Tissue
from lvt_track.phantom.image.edges import SoftEdges
from lvt_track.phantom.image.synthesis import (
    TissueMap,
    draw_scanner,
    draw_tissue_hu,
    lesion_contrast_hu,
    look_up,
    mixed,
    synthesise_image,
)
from lvt_track.phantom.image.visibility import LesionMaps, conspicuity
from lvt_track.segment.grid import triangle_weights
from lvt_track.segment.network.intensity import normalise
from lvt_track.training.batches.batch import Batch
from lvt_track.training.batches.prefetch import Ahead, made_by_processes
from lvt_track.training.objective.partial import COMPLETE, targets_and_validity
from lvt_track.training.synthetic.crops import cut_scan
from lvt_track.training.synthetic.lesion_crops import IS_CLASS, DrawnCrop, SyntheticCrops
from lvt_track.training.synthetic.recipe import Recipe
from lvt_track.training.synthetic.shadow import arm_shadow_hu

__all__ = ["SyntheticBatches"]

_CPU = torch.device("cpu")
_AIR_HU = -1000.0
# Conspicuity of lesions that are told: the least of what readers need (Rose), for a network that is
# told only of what is plain to see calls all else nothing.
_STANDS_OUT_FROM = 3.0
# Of a scanner's whole scale; by more, fluid could not be told from dead tumour.
_OFFSET_HU = 3.0
_LIVER, _VESSELS, _TUMORS = (CLASSES.index(name) for name in ("liver", "vessels", "tumors"))


class SyntheticBatches:
    """Batches by number: the same number gives the same batch, on the same kind of device.

    Args:
        files: label maps, as `phantom.subjects.subject_files` lists them.
        recipe: how to make images of them.
        seed: of the whole sequence.
        device: where images are made.
        ahead: how processes draw crops ahead; None to draw them here.

    Raises:
        ValueError: when there are no files.
    """

    def __init__(
        self,
        files: tuple[Path, ...],
        recipe: Recipe,
        seed: int,
        device: torch.device = _CPU,
        ahead: Ahead | None = None,
    ) -> None:
        self._crops_at: Callable[[int], list[DrawnCrop]] = SyntheticCrops(files, recipe, seed)
        if ahead is not None:
            self._crops_at = made_by_processes(self._crops_at, ahead.stride, ahead.workers)
        self._recipe, self._seed, self._device = recipe, seed, device
        self._is_class = IS_CLASS.to(device)
        # Else Python, wherever it asks for a number, would wait for the step that is being taken.
        self._stream: torch.cuda.Stream | None = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device, priority=-1)  # type: ignore[no-untyped-call]

    def __call__(self, number: int) -> Batch:
        """The batch with this number."""
        if self._stream is None:
            return self._batch(number)
        with torch.cuda.stream(self._stream):
            batch = self._batch(number)
        self._stream.synchronize()
        for part in (batch.image, batch.target, batch.known):
            # Or its memory would be given away while a step still reads it.
            part.record_stream(torch.cuda.default_stream(self._device))
        return batch

    def _batch(self, number: int) -> Batch:
        first = number * self._recipe.samples
        samples = [
            self._sample(first + k, crop.to(self._device))
            for k, crop in enumerate(self._crops_at(number))
        ]
        images, targets, known = (torch.stack(part) for part in zip(*samples, strict=True))
        return Batch(images, targets, known)

    def _sample(self, number: int, crop: DrawnCrop) -> tuple[Tensor, Tensor, Tensor]:
        recipe = self._recipe.of_crop(self._seed, number)
        rng = np.random.default_rng([self._seed, number, 1])
        shares = torch.stack(
            [mixed(look_up(table, crop.labels), recipe.finer) for table in self._is_class]
        )
        hu = _image(crop, shares, recipe, rng)
        generator = _generator(self._device, rng)
        target, known = _labels_to_learn(crop, shares, hu, recipe, generator)
        if rng.random() < recipe.cut_probability:
            hu, known = cut_scan(hu, known, rng)
        return normalise(hu, recipe.window_hu)[None], target, known


def _generator(device: torch.device, rng: np.random.Generator) -> torch.Generator:
    return torch.Generator(device).manual_seed(int(rng.integers(2**62)))


def _image(crop: DrawnCrop, shares: Tensor, recipe: Recipe, rng: np.random.Generator) -> Tensor:
    """HU of a crop, as some scanner would show it after resampling to the network's spacing.

    Args:
        crop: what lies there.
        shares: of an image voxel in each class (classes, z, y, x).
        recipe: how to make images.
        rng: source of chance.
    """
    device = crop.labels.device
    phases = list(recipe.phases)
    odds = np.array([recipe.phases[phase] for phase in phases])
    phase = phases[int(rng.choice(len(phases), p=odds / odds.sum()))]
    thickness_mm = float(rng.uniform(*recipe.thickness_mm))
    low, high = recipe.noise_hu
    # Single numbers are drawn on the CPU: a GPU would be waited for at each.
    chance = _generator(_CPU, rng)
    scanner = replace(
        draw_scanner(chance, recipe.wild_probability),
        slice_thickness_mm=thickness_mm,
        shading_hu=float(rng.uniform(*recipe.shading_hu)),
        noise_grain_mm=float(rng.uniform(*recipe.noise_grain_mm)),
        noise_hu=math.exp(rng.uniform(math.log(low), math.log(high))),
    )
    tissue_hu = draw_tissue_hu(phase, scanner, chance)
    tissue_hu[IS_CLASS[_VESSELS] > 0] += rng.normal(*recipe.vessels_hu)
    tissue_hu = tissue_hu.to(device)
    generator = _generator(device, rng)
    tissue_map = TissueMap(
        crop.labels,
        tissue_hu,
        lesion_contrast_hu(crop.lesion_hu, crop.lesion, crop.labels, tissue_hu),
        recipe.finer,
        _soft_edges(crop, shares[_LIVER], recipe, float(rng.uniform(*recipe.edge_mm))),
    )
    hu = synthesise_image(tissue_map, recipe.spacing_mm, phase, scanner, generator)
    if rng.random() < recipe.shadow_probability:
        hu = hu + arm_shadow_hu(recipe.patch, recipe.spacing_mm, generator)
    if thickness_mm > recipe.spacing_mm and rng.random() < 0.7:
        slices = max(2, round(hu.shape[0] * recipe.spacing_mm / thickness_mm))
        hu = _through_slices(hu, slices)
    hu = hu * float(rng.uniform(0.93, 1.07)) + float(rng.normal(0.0, _OFFSET_HU))
    return hu.clamp(min=_AIR_HU)


def _through_slices(hu: Tensor, slices: int) -> Tensor:
    """An image (z, y, x) as so many slices along z show it."""
    size = hu.shape[0]
    thick, back = (
        torch.from_numpy(triangle_weights(old, new, (0.0, old))).to(hu.device)
        for old, new in ((size, slices), (slices, size))
    )
    seen: Tensor = torch.tensordot(back, torch.tensordot(thick, hu, dims=1), dims=1)
    return seen


def _soft_edges(
    crop: DrawnCrop, liver: Tensor, recipe: Recipe, width_mm: float
) -> SoftEdges | None:
    """Of those lesions of a crop that have some."""
    if not bool(crop.is_soft.any()):
        return None
    lesions = mixed(look_up(crop.is_soft, crop.lesion).float(), recipe.finer)
    return SoftEdges(lesions, liver, width_mm)


def _labels_to_learn(
    crop: DrawnCrop, shares: Tensor, hu: Tensor, recipe: Recipe, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Targets and where they are known, on the grid of the image.

    A voxel that two tissues share is given to one by chance, as often as its share: so that the
    network's probability is the share, and a mask cut from it finer than its voxels.
    """
    chance = torch.rand(hu.shape, generator=generator, device=hu.device)
    masks = {name: share > chance for name, share in zip(CLASSES, shares, strict=True)}
    target, known = targets_and_validity(masks, COMPLETE)
    known[1:] &= _grown(target[0], round(recipe.part_margin_mm / recipe.spacing_mm))
    if recipe.classes == len(CLASSES):
        # Told of a lesion that nobody could see, a network learns to guess.
        shown = _shown(crop, shares[_LIVER] == 1.0, hu, recipe)
        known[_TUMORS] &= (shares[_TUMORS] == 0.0) | _grown(shown, 1)
    return target[: recipe.classes], known[: recipe.classes]


def _shown(crop: DrawnCrop, liver: Tensor, hu: Tensor, recipe: Recipe) -> Tensor:
    """The lesions that the image shows."""
    middle = slice(recipe.finer // 2, None, recipe.finer)
    tissues = crop.labels[middle, middle, middle]
    lesions = LesionMaps(crop.component, tissues, tissues == Tissue.LIVER, liver)
    stands_out = conspicuity(hu, lesions, (recipe.spacing_mm,) * 3)
    return look_up(stands_out >= _STANDS_OUT_FROM, crop.component) & (crop.component > 0)


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
