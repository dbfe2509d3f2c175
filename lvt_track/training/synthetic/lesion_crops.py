"""Crops of synthetic bodies with their lesions, before any scanner has seen them.

Drawing them is work for processor cores, many at a time; images of them are made where the network
learns.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lvt_track.core.components import label_components
from lvt_track.core.volume import CLASSES
from lvt_track.phantom.body.tissues import LIVER_TISSUES, TUMOR_TISSUES, VESSEL_TISSUES, is_any
from lvt_track.phantom.image.synthesis import mixed
from lvt_track.training.synthetic.ascites import with_ascites
from lvt_track.training.synthetic.crops import Places, crop_around
from lvt_track.training.synthetic.recipe import Recipe
from lvt_track.training.synthetic.scatter import scatter_lesions, without_lesions

__all__ = ["IS_CLASS", "DrawnCrop", "SyntheticCrops"]


class DrawnCrop(NamedTuple):
    """What lies in a crop. Labels may be finer than the image that is made of them.

    Attributes:
        labels: `Tissue` codes, uint8 (z, y, x).
        lesion: uint8, same shape: 0, or the number of the lesion that was drawn there anew.
        lesion_hu: float32, by number: how far each of these strays in brightness.
        is_soft: bool, by number: whose edges fade.
        component: int16 (z, y, x) on the grid of the image: 0, or the number of the piece of
            tumour there.
    """

    labels: Tensor
    lesion: Tensor
    lesion_hu: Tensor
    is_soft: Tensor
    component: Tensor

    def to(self, device: torch.device) -> DrawnCrop:
        """The crop on a device."""
        return DrawnCrop(*(part.to(device) for part in self))


class SyntheticCrops:
    """The crops of a batch by its number: the same number gives the same crops.

    Args:
        files: label maps, as `phantom.subjects.subject_files` lists them.
        recipe: how to draw from them.
        seed: of the whole sequence.

    Raises:
        ValueError: when there are no files.
    """

    def __init__(self, files: tuple[Path, ...], recipe: Recipe, seed: int) -> None:
        if not files:
            raise ValueError("training needs at least one subject")
        self._files, self._recipe, self._seed = files, recipe, seed
        self._bodies: dict[Path, tuple[NDArray[np.uint8], Places]] = {}

    def __call__(self, number: int) -> list[DrawnCrop]:
        """The crops of the batch with this number."""
        samples = self._recipe.samples
        return [self._draw(number * samples + k) for k in range(samples)]

    def _draw(self, number: int) -> DrawnCrop:
        recipe = self._recipe.of_crop(self._seed, number)
        rng = np.random.default_rng([self._seed, number, 0])
        larger = self._recipe.spacing_mm / recipe.spacing_mm
        labels = _cut(*self._body(int(rng.integers(len(self._files)))), larger, recipe, rng)
        edge_mm = recipe.spacing_mm / recipe.finer
        # Recipes without ascites draw the crops that they drew before there was any.
        if recipe.ascites and rng.random() < recipe.ascites:
            labels = with_ascites(labels, edge_mm, rng)
        lesion = np.zeros(labels.shape, dtype=np.uint8)
        lesion_hu, is_soft = np.zeros(1, dtype=np.float32), np.zeros(1, dtype=bool)
        if rng.random() < recipe.new_lesions:
            # Among large lesions the small ones would hardly be felt in the loss.
            scattered = scatter_lesions(without_lesions(labels), edge_mm, rng)
            labels, lesion, lesion_hu, is_soft = scattered
        codes = torch.from_numpy(labels)
        is_tumor = torch.from_numpy(is_any(labels, TUMOR_TISSUES).view(np.uint8))
        tumor = mixed(is_tumor, recipe.finer) >= 0.5
        component, _ = label_components(tumor.numpy())
        return DrawnCrop(
            codes,
            torch.from_numpy(lesion),
            torch.from_numpy(lesion_hu),
            torch.from_numpy(is_soft),
            torch.from_numpy(component.astype(np.int16)),
        )

    def _body(self, index: int) -> tuple[NDArray[np.uint8], Places]:
        """Opened when it is first needed, so that other processes get this object quickly."""
        file = self._files[index]
        if file not in self._bodies:
            whole = np.load(file, mmap_mode="r")
            self._bodies[file] = whole, Places.of(whole, self._recipe.finer)
        return self._bodies[file]


def _cut(
    whole: NDArray[np.uint8],
    places: Places,
    larger: float,
    recipe: Recipe,
    rng: np.random.Generator,
) -> NDArray[np.uint8]:
    """A crop of a body that is seen so much larger, and stretched a little."""
    centre = places.draw(recipe.follows_liver, rng)
    z, y, x = larger * np.exp(rng.normal(0.0, recipe.stretch) + rng.normal(0.0, recipe.stretch, 3))
    size = (
        recipe.patch[0] * recipe.finer,
        recipe.patch[1] * recipe.finer,
        recipe.patch[2] * recipe.finer,
    )
    return crop_around(whole, centre, size, (float(z), float(y), float(x)))


def _is_class() -> Tensor:
    table = torch.zeros((len(CLASSES), 256))
    for channel, tissues in enumerate((LIVER_TISSUES, VESSEL_TISSUES, TUMOR_TISSUES)):
        table[channel, [int(tissue) for tissue in tissues]] = 1.0
    return table


IS_CLASS = _is_class()
"""One where a tissue belongs to a class, else zero (classes, 256)."""
