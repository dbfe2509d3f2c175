"""Patients so small that following one takes a second: what carries them is measured, not they.

Two visits of a liver of 34 mm radius with two tumours, and their masks, so that no network runs.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import CLASSES, Masks, Volume
from lvt_track.io.images.volumes import write_mask, write_volume

__all__ = ["write_patients"]

_DATES = ("2024-01-15", "2024-04-20")
_SHAPE = (24, 34, 34)
_SPACING_MM = (4.0, 3.0, 3.0)
_CENTRE_MM = (48.0, 51.0, 51.0)
_LIVER_MM = (36.0, 34.0, 34.0)
_TUMOURS_MM = ((-12.0, -8.0, -10.0), (12.0, 10.0, 8.0))
_BODY_MM = 46.0
_HU = {"air": -1000.0, "body": 40.0, "liver": 105.0, "vessels": 165.0, "tumors": 55.0}


def write_patients(folder: Path, count: int) -> Path:
    """Write `p0000`, `p0001` … and give the folder; sizes and growth differ by the number."""
    for number in range(count):
        draws = np.random.default_rng(number)
        radii_mm = draws.uniform(7.0, 11.0, 2)
        growth = draws.choice([0.6, 0.9, 1.0, 1.3], 2)
        for visit, date in enumerate(_DATES):
            volume, masks = _visit(radii_mm * growth**visit, draws)
            place = folder / f"p{number:04d}" / date
            place.mkdir(parents=True)
            write_volume(volume, place / "portal.nii.gz")
            for name in CLASSES:
                write_mask(getattr(masks, name), masks.geometry, place / f"{name}.nii.gz")
    return folder


def _visit(radii_mm: NDArray[np.float64], draws: np.random.Generator) -> tuple[Volume, Masks]:
    """A visit whose tumours have these radii, somewhere else in the scanner each time."""
    geometry = Geometry.axial(_SHAPE, _SPACING_MM, tuple(draws.uniform(-5.0, 5.0, 3)))
    axes = (np.arange(n) * s for n, s in zip(_SHAPE, _SPACING_MM, strict=True))
    grid_mm = np.stack(np.meshgrid(*axes, indexing="ij"), -1) - _CENTRE_MM

    def ellipsoid(offset_mm: tuple[float, ...], half_mm: object) -> NDArray[np.bool_]:
        inside: NDArray[np.bool_] = (((grid_mm - offset_mm) / half_mm) ** 2).sum(-1) <= 1
        return inside

    liver = ellipsoid((0.0, 0.0, 0.0), _LIVER_MM)
    tumors = np.zeros(_SHAPE, bool)
    for offset_mm, radius_mm in zip(_TUMOURS_MM, radii_mm, strict=True):
        tumors |= ellipsoid(offset_mm, radius_mm)
    vessels = liver & ~tumors & (np.hypot(grid_mm[..., 1], grid_mm[..., 2]) < 4)
    masks = Masks(liver, vessels, tumors, geometry)
    body = np.hypot(grid_mm[..., 1], grid_mm[..., 2]) < _BODY_MM
    hu = np.where(body, _HU["body"], _HU["air"])
    for name in CLASSES:
        hu[getattr(masks, name)] = _HU[name]
    hu += draws.normal(0, 8, _SHAPE)
    return Volume(hu.round().astype(np.int16), geometry), masks
