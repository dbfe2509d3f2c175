"""Small courses of plain shapes for `identity.py`: balls in an ellipsoid, five visits."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydicom.uid import generate_uid
from scipy import ndimage

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import CLASSES, Masks, Volume
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series
from lvt_track.io.images.volumes import write_mask, write_volume

__all__ = ["VISITS", "write_course"]

VISITS = 5
GEOMETRY = Geometry.axial((44, 64, 80), (4.0, 3.0, 3.0), (-100.0, -100.0, 50.0))
LIVER_RADII = (19.0, 29.0, 37.0)  # voxels
APART_MM = 34.0

# Radius in mm at each visit. A pair stands at 20 mm from each other, so that it touches from 10 on.
FATES = {
    "grow": (6, 7, 8, 9, 10),
    "shrink": (12, 11, 9, 8, 6),
    "stable": (9, 9, 9, 9, 9),
    "new": (0, 0, 6, 8, 9),
    "vanish": (8, 7, 6, 0, 0),
    "come back": (8, 7, 0, 7, 8),
}
PAIRS = {"merge": (7, 7, 8, 11, 12), "split": (12, 11, 8, 7, 7)}


def write_course(seed: int, folder: Path, *, as_dicom: bool) -> tuple[str, ...]:
    """Write `<date>/portal…` with `liver`, `vessels` and `tumors` beside it; returns the dates."""
    rng = np.random.default_rng(seed)
    centres = _centres(rng, len(FATES) + len(PAIRS))
    dates = [dt.date(2024, 1, 10) + dt.timedelta(days=70 * k) for k in range(VISITS)]
    for visit, date in enumerate(dates):
        place = folder / date.isoformat()
        place.mkdir(parents=True)
        masks = _masks(visit, centres)
        hu = np.where(masks.liver, 105.0, 20.0)
        hu[:, :3], hu[:, -3:] = -1000.0, -1000.0
        hu[masks.vessels], hu[masks.tumors] = 165.0, 55.0
        noise = np.random.default_rng([seed, visit]).normal(0, 8, GEOMETRY.shape)
        hu = ndimage.gaussian_filter(hu, 0.6) + noise
        volume = Volume(hu.round().astype(np.int16), GEOMETRY)
        if as_dicom:
            _write_dicom(volume, place / "portal", date, seed)
        else:
            write_volume(volume, place / "portal.nii.gz")
        for name in CLASSES:
            write_mask(getattr(masks, name), GEOMETRY, place / f"{name}.nii.gz")
    return tuple(date.isoformat() for date in dates)


def _centres(rng: np.random.Generator, count: int) -> list[np.ndarray]:
    """Places in the liver (mm from its middle, z y x), apart from each other."""
    radii_mm = np.array(LIVER_RADII) * GEOMETRY.spacing_mm
    centres: list[np.ndarray] = []
    while len(centres) < count:
        place = rng.uniform(-0.8, 0.8, 3) * radii_mm
        is_inside = np.sum((place / (radii_mm - 15)) ** 2) < 1
        if is_inside and all(np.linalg.norm(place - one) > APART_MM for one in centres):
            centres.append(place)
    return centres


def _masks(visit: int, centres: Sequence[np.ndarray]) -> Masks:
    middle = (np.array(GEOMETRY.shape) - 1) / 2
    index = np.indices(GEOMETRY.shape).transpose(1, 2, 3, 0) - middle
    liver = np.sum((index / LIVER_RADII) ** 2, axis=-1) < 1
    at_mm = index * GEOMETRY.spacing_mm

    def ball(centre: np.ndarray, radius_mm: float) -> np.ndarray:
        return np.linalg.norm(at_mm - centre, axis=-1) <= radius_mm

    tumors = np.zeros(GEOMETRY.shape, bool)
    for centre, sizes in zip(centres, FATES.values(), strict=False):
        if sizes[visit]:
            tumors |= ball(centre, sizes[visit])
    for centre, sizes in zip(centres[len(FATES) :], PAIRS.values(), strict=True):
        for side in (-10, 10):
            # Of a pair one is larger, so that each is told from the other.
            tumors |= ball(centre + np.array([0, 0, side]), sizes[visit] + side / 20)
    tumors &= liver
    vessels = liver & (np.hypot(at_mm[..., 1], at_mm[..., 2]) < 5) & ~tumors
    return Masks(liver, vessels, tumors, GEOMETRY)


def _write_dicom(volume: Volume, folder: Path, date: dt.date, seed: int) -> None:
    study = f"identity {seed} {date}"
    write_ct_series(
        volume,
        folder,
        SeriesHeader(
            patient_id=f"identity-{seed}",
            patient_name=f"Identity^{seed}",
            date=date,
            study_uid=generate_uid(entropy_srcs=[study]),
            series_uid=generate_uid(entropy_srcs=[study, "portal"]),
            series_number=1,
            description="Abdomen 4.0 mm",
            phase="portal",
            slice_thickness_mm=4.0,
            patient_sex="F",
            study_description="CT abdomen",
        ),
    )
