"""A synthetic patient at the size of a clinical scan."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import Volume
from lvt_track.io.images.volumes import write_volume
from lvt_track.phantom.image.synthesis import Scanner, TissueMap, synthesise_image
from lvt_track.segment.grid import resample
from lvt_track.training.synthetic.subjects import draw_subject

SHAPE, SPACING_MM = (129, 512, 512), (1.6, 0.57, 0.57)


def body(seed: int = 5, spacing_mm: float = 3.0) -> NDArray[np.float32]:
    """HU of a synthetic patient, the liver in view."""
    labels = torch.from_numpy(draw_subject(seed, spacing_mm, "upper"))
    generator = torch.Generator().manual_seed(0)
    hu = synthesise_image(TissueMap(labels), spacing_mm, Phase.PORTAL, Scanner(), generator)
    return hu.numpy()


def clinical_scan(slices: int = SHAPE[0]) -> Volume:
    """That patient at 0.57 x 0.57 x 1.6 mm; more slices than 129 are added below, fewer are the
    middle ones."""
    hu = body()
    spans = []
    for size, step, have in zip(SHAPE, SPACING_MM, hu.shape, strict=True):
        half = size * step / 3.0 / 2.0
        spans.append((have / 2.0 - half, have / 2.0 + half))
    part = resample(hu, SHAPE, (spans[0], spans[1], spans[2])).round().astype(np.int16)
    if slices < SHAPE[0]:
        first = (SHAPE[0] - slices) // 2
        part = part[first : first + slices]
    padded = np.pad(part, ((slices - len(part), 0), (0, 0), (0, 0)), mode="edge")
    return Volume(padded, Geometry.axial(padded.shape, SPACING_MM))


def written(volume: Volume, path: Path) -> Path:
    """The scan as a file."""
    write_volume(volume, path)
    return path
