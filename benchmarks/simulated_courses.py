"""Courses with known truth for benchmarks: real CT moved and given lesions, and phantoms."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import BoolArray, Masks, Volume
from lvt_track.io.discover import read_scan, series_at
from lvt_track.io.images import read_mask
from lvt_track.phantom.course import draw_course
from lvt_track.phantom.render import render_visit
from lvt_track.phantom.scans import Protocol

__all__ = ["SimulatedVisit", "corrupted", "phantom_visits", "real_visits"]

PROTOCOL = Protocol((1.2, 1.5), (1.5, 2.0, 2.5, 3.0, 5.0), None, 20.0, 1.5)
DAYS = (40, 120)
BEGIN = dt.date(2022, 1, 10)


@dataclass(frozen=True, eq=False)
class SimulatedVisit:
    """One scan and the truth about it.

    Attributes:
        date: of the scan.
        volume, masks: what the program is given.
        identities: which tumour each voxel belongs to, 0 outside.
        to_body: from places (n, 3) of this scan to places of the body, the same at all visits.
    """

    date: dt.date
    volume: Volume
    masks: Masks
    identities: NDArray[np.int16]
    to_body: Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, eq=False)
class Motion:
    """A rotation and shift about a centre, and a smooth random displacement."""

    centre_mm: FloatArray
    turn: FloatArray
    shift_mm: FloatArray
    field_mm: FloatArray
    low_mm: FloatArray
    knot_mm: float = 8.0

    def __call__(self, points_mm: FloatArray) -> FloatArray:
        """Places of the body (n, 3) of places of the scan."""
        index = ((points_mm - self.low_mm) / self.knot_mm).T
        elastic = [
            ndimage.map_coordinates(f, index, order=1, mode="nearest") for f in self.field_mm
        ]
        moved: FloatArray = (points_mm - self.centre_mm) @ self.turn.T + self.centre_mm
        return moved + self.shift_mm + np.stack(elastic, axis=-1)


@dataclass(frozen=True)
class Ellipsoid:
    """A lesion to insert: its place in the body, half axes, and size at each visit (0: absent)."""

    centre_mm: FloatArray
    radii_mm: FloatArray
    sizes: tuple[float, ...]
    contrast_hu: float


def phantom_visits(seed: int, visits: int) -> list[SimulatedVisit]:
    """A course of a synthetic patient, slices of 1.5 to 5 mm."""
    patient = draw_course(seed, visits=visits, protocol=PROTOCOL)
    rendered = [render_visit(patient, k) for k in range(visits)]
    return [
        SimulatedVisit(
            item.date, item.volume, item.masks, item.identities, script.scans[0].motion.to_anatomy
        )
        for item, script in zip(rendered, patient.visits, strict=True)
    ]


def real_visits(folder: Path, seed: int, visits: int) -> list[SimulatedVisit]:
    """A real CT as the first visit, and moved, noisier, with other slices at the others."""
    rng = np.random.default_rng([seed, 7])
    volume, liver = _real_case(folder)
    inside = volume.geometry.to_world(np.argwhere(liver)[::40])
    lesions = _draw_lesions(volume, liver, visits, rng)
    result, date = [], BEGIN
    for visit in range(visits):
        motion = _draw_motion(inside, rng)
        slice_mm = float(rng.choice(PROTOCOL.slice_mm))
        result.append(_moved(volume, liver, lesions, visit, date, motion, inside, slice_mm, rng))
        date += dt.timedelta(days=int(rng.integers(*DAYS)))
    return result


def corrupted(visit: SimulatedVisit, rng: np.random.Generator, first_false: int) -> SimulatedVisit:
    """The visit as a model might have segmented it.

    Of the lesions 15 % are missed, 15 % are added somewhere in the liver, and each border is off
    by a voxel, outwards or inwards.

    Args:
        visit: the truth.
        rng: of the errors.
        first_false: identity of the first added lesion; later ones count up.
    """
    truth = visit.identities
    wrong = np.zeros_like(truth)
    spacing = np.array(visit.volume.geometry.spacing_mm)
    present = np.unique(truth[truth > 0])
    for identity in present:
        mask = truth == identity
        if rng.random() < 0.15:
            continue
        if rng.random() < 0.5:
            mask = ndimage.binary_dilation(mask)
        else:
            smaller = ndimage.binary_erosion(mask)
            mask = smaller if smaller.any() else mask
        wrong[mask & (wrong == 0)] = identity
    places = np.argwhere(visit.masks.liver & (truth == 0))
    for number in range(rng.binomial(max(1, len(present)), 0.15)):
        centre = places[rng.integers(len(places))]
        radius_mm = rng.uniform(2.5, 6)
        reach = np.ceil(radius_mm / spacing).astype(int) + 1
        low = np.maximum(centre - reach, 0)
        box = tuple(slice(a, b) for a, b in zip(low, centre + reach + 1, strict=True))
        index = np.indices(wrong[box].shape).transpose(1, 2, 3, 0) + low
        ball = (((index - centre) * spacing) ** 2).sum(axis=-1) < radius_mm**2
        wrong[box][ball & (wrong[box] == 0)] = first_false + number
    masks = Masks(visit.masks.liver, visit.masks.vessels, wrong > 0, visit.masks.geometry)
    return SimulatedVisit(visit.date, visit.volume, masks, wrong, visit.to_body)


def _real_case(folder: Path) -> tuple[Volume, BoolArray]:
    volume = read_scan(series_at(folder / "dicom"))
    given = folder / "liver.nii.gz"
    if given.exists():
        return volume, read_mask(given, volume.geometry)
    return volume, _rough_liver(volume)


def _rough_liver(volume: Volume) -> BoolArray:
    """Something like the liver of a portal venous CT: the largest piece of its density."""
    smooth = ndimage.gaussian_filter(volume.hu.astype(np.float32), (0.7, 2, 2))
    core = ndimage.binary_erosion((smooth > 85) & (smooth < 160), iterations=4)
    labels, count = ndimage.label(core)
    largest = 1 + int(np.argmax(ndimage.sum_labels(core, labels, range(1, count + 1))))
    grown = ndimage.binary_dilation(labels == largest, iterations=4)
    filled: BoolArray = ndimage.binary_closing(grown, iterations=3) | grown
    return filled


def _draw_motion(inside: FloatArray, rng: np.random.Generator) -> Motion:
    """Turned by up to 5 degrees, shifted by up to 15 mm, deformed by 5 to 25 mm at most."""
    low, knot = inside.min(axis=0) - 60, 8.0
    size = np.ceil((inside.max(axis=0) + 60 - low) / knot).astype(int) + 1
    field = np.stack(
        [ndimage.gaussian_filter(rng.normal(size=size), 40 / knot, mode="wrap") for _ in range(3)]
    )
    field *= rng.uniform(5, 25) / np.sqrt((field**2).sum(axis=0)).max()
    turn = Rotation.from_euler("xyz", rng.uniform(-5, 5, 3), degrees=True).as_matrix()
    return Motion(inside.mean(axis=0), turn, rng.uniform(-15, 15, 3), field, low, knot)


def _draw_lesions(
    volume: Volume, liver: BoolArray, visits: int, rng: np.random.Generator
) -> list[Ellipsoid]:
    """Lesions that grow, shrink, appear, vanish, are away for a while, merge and split."""
    depth = ndimage.distance_transform_edt(liver, sampling=volume.geometry.spacing_mm)
    places = volume.geometry.to_world(np.argwhere(depth > 7))
    growth = np.cumprod(rng.uniform(1.0, 1.2, visits)) / 1.3
    event = int(rng.integers(1, visits))
    late = (np.arange(visits) >= event).astype(float)
    away = np.ones(visits)
    away[rng.integers(1, max(2, visits - 1))] = 0
    scripts = [growth, growth[::-1], np.ones(visits), late, 1 - late, away]
    scripts += [np.ones(visits)] * int(rng.integers(0, 8))
    taken: list[tuple[FloatArray, float]] = []
    lesions = []
    for sizes in scripts:
        radius = float(np.exp(rng.uniform(np.log(3), np.log(14))))
        for _ in range(100):
            centre = places[rng.integers(len(places))]
            if all(np.linalg.norm(centre - c) > radius * 1.5 + r + 5 for c, r in taken):
                break
        else:
            continue
        taken.append((centre, radius * 1.5))
        radii = radius * rng.uniform(0.8, 1.25, 3)
        contrast = float(rng.uniform(-60, -20))
        lesions.append(Ellipsoid(centre, radii, tuple(map(float, sizes)), contrast))
    for joined in (late, 1 - late):
        radius = float(rng.uniform(6, 9))
        for _ in range(200):
            centre = places[rng.integers(len(places))]
            if all(np.linalg.norm(centre - c) > 2.6 * radius + r + 5 for c, r in taken):
                break
        else:
            continue
        taken.append((centre, 2.6 * radius))
        way = rng.normal(size=3)
        way *= 0.85 * radius / np.linalg.norm(way)
        sizes = tuple(float(s) for s in np.where(joined > 0, 1.0, 0.62))
        lesions += [
            Ellipsoid(centre + side * way, np.full(3, radius), sizes, -45.0) for side in (-1, 1)
        ]
    return lesions


def _moved(
    volume: Volume,
    liver: BoolArray,
    lesions: Sequence[Ellipsoid],
    visit: int,
    date: dt.date,
    motion: Motion,
    inside: FloatArray,
    slice_mm: float,
    rng: np.random.Generator,
) -> SimulatedVisit:
    pixel_mm = 1.4
    # Where the liver lies in this scan: the motion's inverse, well enough for a field of view.
    centre = motion.centre_mm
    middle = (inside - motion.shift_mm - centre) @ motion.turn + centre
    low, high = middle.min(axis=0) - 45, middle.max(axis=0) + 45
    x, y, z = np.ceil((high - low) / [pixel_mm, pixel_mm, slice_mm]).astype(int).tolist()
    grid = Geometry.axial((z, y, x), (slice_mm, pixel_mm, pixel_mm), tuple(low.tolist()))
    hu = np.empty(grid.shape, dtype=np.float32)
    in_liver = np.empty(grid.shape, dtype=np.bool_)
    identities = np.zeros(grid.shape, dtype=np.int16)
    plane = np.indices(grid.shape[1:]).reshape(2, -1).T
    soft = liver.astype(np.float32)
    for k in range(z):
        here = grid.to_world(np.column_stack([np.full(len(plane), k), plane]))
        body = motion(here)
        index = volume.geometry.to_index(body).T
        hu[k] = ndimage.map_coordinates(
            volume.hu, index, order=1, cval=-1000, output=np.float32
        ).reshape(y, x)
        in_liver[k] = (ndimage.map_coordinates(soft, index, order=1) > 0.5).reshape(y, x)
        for number, lesion in enumerate(lesions, start=1):
            size = lesion.sizes[visit]
            if size > 0:
                level = (((body - lesion.centre_mm) / (lesion.radii_mm * size)) ** 2).sum(axis=1)
                member = (level < 1).reshape(y, x) & in_liver[k] & (identities[k] == 0)
                identities[k][member] = number
                hu[k][member] += lesion.contrast_hu
    hu += rng.normal(0, rng.uniform(5, 20), hu.shape)
    empty = np.zeros(grid.shape, dtype=np.bool_)
    masks = Masks(in_liver, empty, identities > 0, grid)
    return SimulatedVisit(
        date, Volume(np.rint(hu).astype(np.int16), grid), masks, identities, motion
    )
