"""How synthetic crops are made: what is drawn, how often, and in which range."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from lvt_track.core.series import Phase
from lvt_track.core.volume import CLASSES

__all__ = ["Recipe"]


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
        fine_share: share of crops that are made of finer voxels.
        fine_edge: of these, in edges of the usual ones.
        ascites: share of crops whose liver lies in fluid.
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
            Phase.PORTAL: 0.55,
            Phase.ARTERIAL: 0.2,
            Phase.DELAYED: 0.1,
            Phase.NATIVE: 0.15,
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
    fine_share: float = 0.0
    fine_edge: float = 0.75
    ascites: float = 0.0

    def of_crop(self, seed: int, number: int) -> Recipe:
        """The recipe of one crop of a sequence: its voxels are fine or not."""
        rng = np.random.default_rng([seed, number, 2])
        is_fine = rng.random() < self.fine_share
        return replace(self, spacing_mm=self.fine_edge * self.spacing_mm) if is_fine else self
