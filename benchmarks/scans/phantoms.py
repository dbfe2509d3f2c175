"""Phantoms that are judged, in slices of three thicknesses: bodies no training has seen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import Masks, Volume
from lvt_track.phantom.body.anatomy import draw_anatomy
from lvt_track.phantom.body.tissues import LIVER_TISSUES, TUMOR_TISSUES, VESSEL_TISSUES
from lvt_track.phantom.course.tumors import draw_tumors, stamp
from lvt_track.phantom.image.synthesis import Scanner, TissueMap, synthesise_image

__all__ = ["SLICES", "TUMORS", "VOXEL_MM", "phantom_labels", "phantom_scan"]

VOXEL_MM = 1.5
SLICES = (1, 2, 3)
"""Distances of slices, in voxels."""

NOISE_HU = (8.0, 12.0, 16.0, 20.0)
TUMORS = 8


def phantom_labels(seed: int, folder: Path) -> np.ndarray:
    """Labels of a body with tumours of all sizes, drawn once."""
    path = folder / f"{seed}.npy"
    if not path.exists():
        anatomy = draw_anatomy(seed, VOXEL_MM, "upper")
        tumors = draw_tumors(anatomy, np.random.default_rng(seed), count=TUMORS)
        drawn, _ = stamp(anatomy.labels, anatomy.geometry, tumors)
        folder.mkdir(parents=True, exist_ok=True)
        np.save(path, drawn)
    labels: np.ndarray = np.load(path)
    return labels


def phantom_scan(labels: np.ndarray, seed: int, phase: Phase, step: int) -> tuple[Volume, Masks]:
    """An image whose slices are `step` voxels apart and as thick, and the truth on its grid."""
    scanner = Scanner(noise_hu=NOISE_HU[seed % 4], slice_thickness_mm=step * VOXEL_MM)
    generator = torch.Generator().manual_seed(seed)
    hu = synthesise_image(TissueMap(torch.from_numpy(labels)), VOXEL_MM, phase, scanner, generator)
    hu, labels = hu[::step], labels[::step]
    geometry = Geometry.axial(labels.shape, (step * VOXEL_MM, VOXEL_MM, VOXEL_MM))
    liver, vessels, tumors = (
        np.isin(labels, list(tissues)) for tissues in (LIVER_TISSUES, VESSEL_TISSUES, TUMOR_TISSUES)
    )
    values = hu.round().clamp(-1024, 3071).to(torch.int16).numpy()
    return Volume(values, geometry), Masks(liver, vessels, tumors, geometry)
