"""One scan's voxels, the same patient at every visit: arrays in, arrays out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lvt_track.core.series import Phase
from lvt_track.phantom.image.synthesis import Scanner, TissueMap, draw_tissue_hu, synthesise_image

__all__ = ["ScanSeeds", "scan_hu"]

# How far the brightness of tissues strays from visit to visit: dose and timing of the contrast.
_VISIT_SPREAD_HU = 3.0
_LOWEST_HU = -1024


class ScanSeeds(NamedTuple):
    """Seeds of one scan.

    Attributes:
        patient: of the brightness of the patient's tissues, the same for all their scans.
        scan: of noise, and of the little that contrast differs between visits.
    """

    patient: int
    scan: int


def scan_hu(
    labels: NDArray[np.uint8],
    spacing_mm: tuple[float, float, float],
    phase: Phase,
    scanner: Scanner,
    seeds: ScanSeeds,
) -> NDArray[np.int16]:
    """Synthesise one scan.

    Args:
        labels: `Tissue` codes (z, y, x).
        spacing_mm: of the voxels, z, y, x.
        phase: contrast phase.
        scanner: how the scan is taken.
        seeds: of chance.
    """
    patient = torch.Generator().manual_seed(seeds.patient)
    table = draw_tissue_hu(phase, scanner, patient)
    scan = torch.Generator().manual_seed(seeds.scan)
    soft = (table > -80) & (table < 300)
    stray = torch.randn(len(table), generator=scan) * _VISIT_SPREAD_HU
    table = torch.where(soft, table + stray, table)
    tissue_map = TissueMap(torch.from_numpy(labels), table)
    hu = synthesise_image(tissue_map, spacing_mm, phase, scanner, scan)
    rounded: NDArray[np.int16] = hu.round().clamp(_LOWEST_HU, 3071).to(torch.int16).numpy()
    return rounded
