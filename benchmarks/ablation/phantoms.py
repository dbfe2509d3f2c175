"""Synthetic scans of which each dataset shows some labels, for `partial_labels.py`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import CLASSES
from lvt_track.phantom.body.tissues import LIVER_TISSUES, TUMOR_TISSUES, VESSEL_TISSUES
from lvt_track.phantom.course.tumors import TumorKind, draw_tumor, stamp
from lvt_track.phantom.image.synthesis import Scanner, TissueMap, synthesise_image
from lvt_track.training.datasets.prepared import BITS, IGNORE
from lvt_track.training.objective.annotation import Knowledge
from lvt_track.training.synthetic.scatter import without_lesions

TISSUES = dict(zip(CLASSES, (LIVER_TISSUES, VESSEL_TISSUES, TUMOR_TISSUES), strict=True))
METASTASES = (TumorKind.HYPODENSE, TumorKind.RIM_ENHANCING, TumorKind.NECROTIC)
CYSTS = (TumorKind.CYST,)
DIAMETERS_MM = (8.0, 50.0)
CONTRAST_HU = 12.0
NOISE_HU = 10.0
MARGIN_MM = 12.0


@dataclass(frozen=True, eq=False)
class Phantom:
    """A synthetic scan around the liver, with the labels its dataset shows."""

    dataset: str
    knowledge: Knowledge
    spacing_mm: tuple[float, float, float]
    hu: NDArray[np.int16]
    bits: NDArray[np.uint8]

    def image(self) -> NDArray[np.int16]:
        """HU (z, y, x)."""
        return self.hu

    def labels(self) -> NDArray[np.uint8]:
        """Labels that are not hidden; what is far from the liver is ignored."""
        shown = sum(BITS[name] for name in self.knowledge.annotated)
        return self.bits & np.uint8(shown | IGNORE)

    @property
    def near(self) -> NDArray[np.bool_]:
        """Voxels near the liver, which alone are learned and judged."""
        return (self.bits & IGNORE) == 0

    @cached_property
    def _places(self) -> dict[str, NDArray[np.int32]]:
        labels = self.labels()
        return {name: np.argwhere(labels & bit)[::5].astype(np.int32) for name, bit in BITS.items()}

    def foreground(self, name: str) -> NDArray[np.int32]:
        """Every fifth voxel of a class, if it is annotated."""
        return self._places[name]

    def truth(self, name: str) -> NDArray[np.bool_]:
        """The whole mask of a class."""
        return (self.bits & BITS[name]) != 0


def phantom(path: Path, spacing_mm: float, dataset: str, knowledge: Knowledge) -> Phantom:
    """The surroundings of a body's liver, scanned once in the portal venous phase."""
    body = np.load(path)
    liver = np.isin(body, [int(tissue) for tissue in LIVER_TISSUES])
    (box,) = ndimage.find_objects(liver.astype(np.int8))
    margin = round(MARGIN_MM / spacing_mm)
    labels = body[tuple(slice(max(0, cut.start - margin), cut.stop + margin) for cut in box)]
    seed = int(path.stem)
    labels, own_hu = with_metastases(labels, spacing_mm, np.random.default_rng([seed, 0x3E]))
    generator = torch.Generator().manual_seed(seed)
    scanner = Scanner(noise_hu=NOISE_HU)
    image = synthesise_image(
        TissueMap(torch.from_numpy(labels), contrast_hu=torch.from_numpy(own_hu).float()),
        spacing_mm,
        Phase.PORTAL,
        scanner,
        generator,
    )
    inside = np.isin(labels, [int(tissue) for tissue in LIVER_TISSUES])
    far = ndimage.distance_transform_edt(~inside, sampling=spacing_mm) > MARGIN_MM
    bits = far.astype(np.uint8) * np.uint8(IGNORE)
    for name, tissues in TISSUES.items():
        bits[np.isin(labels, [int(tissue) for tissue in tissues])] |= BITS[name]
    return Phantom(
        dataset, knowledge, (spacing_mm,) * 3, image.round().numpy().astype(np.int16), bits
    )


def with_metastases(
    labels: NDArray[np.uint8], spacing_mm: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The body with other lesions, of a size that these voxels show, and HU to add to each."""
    labels = without_lesions(labels)
    geometry = Geometry.axial(labels.shape, (spacing_mm,) * 3)
    liver = np.argwhere(np.isin(labels, [int(tissue) for tissue in LIVER_TISSUES]))
    lesions = []
    for kind in (*rng.choice(METASTASES, rng.integers(1, 6)), *CYSTS[: rng.integers(2)]):
        x, y, z = (float(v) for v in geometry.to_world(liver[rng.integers(len(liver))]))
        diameter_mm = float(np.exp(rng.uniform(*np.log(DIAMETERS_MM))))
        lesions.append(draw_tumor(rng, (x, y, z), diameter_mm, TumorKind(kind)))
    labels, identity = stamp(labels, geometry, lesions)
    own_hu = np.concatenate([[0.0], rng.normal(0.0, CONTRAST_HU, len(lesions))])
    return labels, own_hu[identity]
