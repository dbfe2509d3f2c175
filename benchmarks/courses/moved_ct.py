"""Courses with known truth from one real CT: moved, given lesions, noise and contrast phases."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from courses.visit import DAYS, SLICES_MM, SimulatedVisit
from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import BoolArray, Masks, Volume
from lvt_track.io.discover import read_scan, series_at
from lvt_track.io.images.volumes import read_mask

__all__ = [
    "Body",
    "Ellipsoid",
    "Motion",
    "MovedScan",
    "draw_lesions",
    "moved_visits",
    "real_visits",
    "redrawn",
]

BEGIN = dt.date(2022, 1, 10)
MARGIN_MM = 42.0
"""Kept around the liver: a little more than registration looks at."""

PIXEL_MM = 1.4
ENHANCED = {Phase.PORTAL: 1.0, Phase.DELAYED: 0.6, Phase.ARTERIAL: -0.2, Phase.NATIVE: -0.3}
"""Contrast of hepatic vessels to the parenchyma, as a share of the portal one; negative: darker."""

DARK = {Phase.PORTAL: 1.0, Phase.DELAYED: 0.65, Phase.ARTERIAL: 0.5, Phase.NATIVE: 0.4}
"""Contrast of what is darker than the parenchyma, likewise: lesions, ducts, fissures."""

VESSEL_HU = 22
"""A vessel, for measuring errors there, is so much brighter than the liver's median."""

LIVER_SHIFT_HU = {Phase.PORTAL: 0, Phase.DELAYED: -14, Phase.ARTERIAL: -40, Phase.NATIVE: -52}
AROUND = {Phase.PORTAL: 1.0, Phase.DELAYED: 0.7, Phase.ARTERIAL: 1.0, Phase.NATIVE: 0.1}
"""Enhancement above 60 HU of organs and vessels around the liver, likewise."""


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

    def inverse(self, points_mm: FloatArray) -> FloatArray:
        """Places of the scan of places of the body, by fixed-point iteration."""
        back = (points_mm - self.centre_mm - self.shift_mm) @ self.turn + self.centre_mm
        for _ in range(15):
            back = back - (self(back) - points_mm) @ self.turn
        return back

    def on(self, grid: Geometry) -> sitk.Image:
        """Displacement from each voxel of a grid to its place in the body, as an image."""
        step = 4
        coarse_shape = tuple(n // step + 2 for n in grid.shape)
        spacing = (grid.spacing_mm[0] * step, grid.spacing_mm[1] * step, grid.spacing_mm[2] * step)
        coarse = Geometry.axial(coarse_shape, spacing, grid.origin_mm)
        places = coarse.to_world(np.indices(coarse_shape).reshape(3, -1).T)
        field = (self(places) - places).reshape(*coarse_shape, 3)
        return as_image(field, coarse, is_vector=True)


@dataclass(frozen=True)
class Ellipsoid:
    """A lesion to insert: its place in the body, half axes, and size at each visit (0: absent)."""

    centre_mm: FloatArray
    radii_mm: FloatArray
    sizes: tuple[float, ...]
    contrast_hu: float


@dataclass(frozen=True, eq=False)
class Body:
    """A CT around its liver, freed of noise: two visits must not share the grain of one scan.

    Attributes:
        volume: the portal venous CT.
        parts: 1 in the liver, 2 in vessels within it (z, y, x).
        places_mm: some places of the liver (n, 3), evenly drawn.
        deep_mm: places of the liver (n, 3) at least 7 mm below its surface.
    """

    volume: Volume
    parts: NDArray[np.uint8]
    places_mm: FloatArray
    deep_mm: FloatArray


@dataclass(frozen=True, eq=False)
class MovedScan:
    """A scan of a body before lesions and noise are drawn.

    Attributes:
        date, phase: of the scan.
        hu: of the body.
        parts: as those of the body, on the grid.
        grid: of the scan.
        motion: from its places to those of the body.
    """

    date: dt.date
    phase: Phase
    hu: NDArray[np.float32]
    parts: NDArray[np.uint8]
    grid: Geometry
    motion: Motion


def real_visits(
    folder: Path,
    seed: int,
    visits: int,
    phases: Sequence[Phase] | None = None,
    more_new: int = 0,
) -> list[SimulatedVisit]:
    """A real CT at every visit moved anew, with other noise, slices, and lesions.

    Args:
        folder: of the CT.
        seed: everything follows from it.
        visits: how many.
        phases: contrast phase of each visit; portal venous when None.
        more_new: so many more lesions appear after the first visit.
    """
    return [
        visit
        for _, visit in moved_visits(folder, seed, phases or [Phase.PORTAL] * visits, more_new)
    ]


def moved_visits(
    folder: Path, seed: int, phases: Sequence[Phase], more_new: int = 0
) -> list[tuple[MovedScan, SimulatedVisit]]:
    """The visits of `real_visits`, each with its scan before lesions and noise."""
    rng = np.random.default_rng([seed, 7])
    body = _body(folder)
    lesions = draw_lesions(body.deep_mm, len(phases), rng, more_new)
    result, date = [], BEGIN
    for visit, phase in enumerate(phases):
        motion = _draw_motion(body.places_mm, rng)
        slice_mm = float(rng.choice(SLICES_MM))
        scan = _moved(body, _in_phase(folder, phase), (date, phase), motion, slice_mm)
        result.append((scan, with_lesions(scan, sized(lesions, visit), rng)))
        date += dt.timedelta(days=int(rng.integers(*DAYS)))
    return result


def redrawn(
    folder: Path, scans: Sequence[MovedScan], rng: np.random.Generator, more_new: int = 0
) -> list[SimulatedVisit]:
    """A course of the same moved scans with other lesions and other noise."""
    lesions = draw_lesions(_body(folder).deep_mm, len(scans), rng, more_new)
    return [with_lesions(scan, sized(lesions, k), rng) for k, scan in enumerate(scans)]


def sized(lesions: Sequence[Ellipsoid], visit: int) -> list[tuple[int, Ellipsoid, float]]:
    """The number, from 1, and the size of each lesion at a visit."""
    return [(k, lesion, lesion.sizes[visit]) for k, lesion in enumerate(lesions, start=1)]


def _moved(
    body: Body,
    hu_in_phase: NDArray[np.float32],
    when: tuple[dt.date, Phase],
    motion: Motion,
    slice_mm: float,
) -> MovedScan:
    """One scan of the body after a motion."""
    placed = motion.inverse(body.places_mm)
    low, high = placed.min(axis=0) - MARGIN_MM, placed.max(axis=0) + MARGIN_MM
    x, y, z = np.ceil((high - low) / [PIXEL_MM, PIXEL_MM, slice_mm]).astype(int).tolist()
    origin = (float(low[0]), float(low[1]), float(low[2]))
    grid = Geometry.axial((z, y, x), (slice_mm, PIXEL_MM, PIXEL_MM), origin)
    warp = sitk.DisplacementFieldTransform(motion.on(grid))
    frame = body.volume.geometry
    hu = _seen(hu_in_phase, frame, grid, warp, sitk.sitkLinear, -1000.0)
    parts = _seen(body.parts, frame, grid, warp, sitk.sitkNearestNeighbor, 0.0)
    return MovedScan(*when, hu, parts.astype(np.uint8), grid, motion)


def with_lesions(
    scan: MovedScan, lesions: Sequence[tuple[int, Ellipsoid, float]], rng: np.random.Generator
) -> SimulatedVisit:
    """A moved scan with lesions of given identity and size, and with noise."""
    hu, liver = scan.hu.copy(), scan.parts > 0
    identities = np.zeros(scan.grid.shape, dtype=np.int16)
    for number, lesion, size in lesions:
        if size > 0:
            share = DARK[scan.phase]
            _insert(lesion, size, number, share, scan.motion, scan.grid, hu, liver, identities)
    hu += rng.normal(0, rng.uniform(5, 20), hu.shape).astype(np.float32)
    masks = Masks(liver, scan.parts == 2, identities > 0, scan.grid)
    volume = Volume(np.rint(hu).clip(-1024, 3000).astype(np.int16), scan.grid)
    return SimulatedVisit(scan.date, scan.phase, volume, masks, identities, scan.motion)


def as_image(array: NDArray[np.generic], geometry: Geometry, *, is_vector: bool) -> sitk.Image:
    """An array as SimpleITK wants it."""
    image = sitk.GetImageFromArray(array, isVector=is_vector)
    image.SetSpacing(geometry.spacing_mm[::-1])
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction.ravel().tolist())
    return image


def _seen(
    array: NDArray[np.generic],
    frame: Geometry,
    grid: Geometry,
    warp: sitk.Transform,
    interpolation: int,
    outside: float,
) -> NDArray[np.float32]:
    seen: NDArray[np.float32] = sitk.GetArrayFromImage(
        sitk.Resample(
            as_image(array, frame, is_vector=False),
            grid.shape[::-1],
            warp,
            interpolation,
            grid.origin_mm,
            grid.spacing_mm[::-1],
            grid.direction.ravel().tolist(),
            outside,
        )
    )
    return seen


def _insert(
    lesion: Ellipsoid,
    size: float,
    number: int,
    share: float,
    motion: Motion,
    grid: Geometry,
    hu: NDArray[np.float32],
    liver: BoolArray,
    identities: NDArray[np.int16],
) -> None:
    """Draw a lesion, in place; what an earlier one holds is left to it."""
    centre = grid.to_index(motion.inverse(lesion.centre_mm[None]))[0]
    reach = 1.6 * float(lesion.radii_mm.max()) * size / np.array(grid.spacing_mm) + 3
    low = np.clip(np.floor(centre - reach), 0, grid.shape).astype(int)
    high = np.clip(np.ceil(centre + reach), 0, grid.shape).astype(int)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    shape = tuple(int(n) for n in high - low)
    places = motion(grid.to_world(np.indices(shape).reshape(3, -1).T + low))
    level = (((places - lesion.centre_mm) / (lesion.radii_mm * size)) ** 2).sum(axis=1)
    member = (level < 1).reshape(shape) & liver[box] & (identities[box] == 0)
    identities[box][member] = number
    hu[box][member] += share * lesion.contrast_hu


@cache
def _body(folder: Path) -> Body:
    volume = read_scan(series_at(folder / "dicom"))
    given = folder / "liver.nii.gz"
    liver = read_mask(given, volume.geometry) if given.exists() else _rough_liver(volume)
    reach = np.ceil(80 / np.array(volume.geometry.spacing_mm)).astype(int)
    index = np.argwhere(liver)
    low = np.maximum(index.min(axis=0) - reach, 0)
    high = np.minimum(index.max(axis=0) + reach + 1, liver.shape)
    z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    part = volume.crop((z, y, x))
    image = as_image(part.hu.astype(np.float32), part.geometry, is_vector=False)
    hu = sitk.GetArrayFromImage(sitk.CurvatureFlow(image, 0.05, 8))
    inside = liver[z, y, x]
    vessels = inside & (hu > np.median(hu[inside]) + VESSEL_HU)
    depth = ndimage.distance_transform_edt(inside, sampling=part.geometry.spacing_mm)
    places, deep = (part.geometry.to_world(np.argwhere(depth > mm)) for mm in (0, 7))
    parts = inside.astype(np.uint8) + vessels
    return Body(Volume(np.rint(hu).astype(np.int16), part.geometry), parts, places[::40], deep)


@cache
def _in_phase(folder: Path, phase: Phase) -> NDArray[np.float32]:
    """HU as another contrast phase would show them; roughly, by factors."""
    body = _body(folder)
    hu = body.volume.hu.astype(np.float32)
    if phase is Phase.PORTAL:
        return hu
    liver = body.parts > 0
    middle = float(np.median(hu[liver]))
    contrast = hu - middle
    factor = np.where(contrast > 0, ENHANCED[phase], DARK[phase])
    inside = middle + LIVER_SHIFT_HU[phase] + factor * contrast
    around = hu - (1 - AROUND[phase]) * np.clip(hu - 60, 0, 190)
    soft = ndimage.gaussian_filter(liver.astype(np.float32), 0.7)
    return (soft * inside + (1 - soft) * around).astype(np.float32)


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
    # The knots lie along x, y, z, as the points do.
    return Motion(inside.mean(axis=0), turn, rng.uniform(-15, 15, 3), field, low, knot)


def draw_lesions(
    places: FloatArray, visits: int, rng: np.random.Generator, more_new: int = 0
) -> list[Ellipsoid]:
    """Lesions that grow, shrink, appear, vanish, are away for a while, merge and split.

    Args:
        places: where they may lie (n, 3).
        visits: how many.
        rng: of everything that is drawn.
        more_new: so many more appear after the first visit, each at a visit of its own chance.
    """
    growth = np.cumprod(rng.uniform(1.0, 1.2, visits)) / 1.3
    event = int(rng.integers(1, visits))
    late = (np.arange(visits) >= event).astype(float)
    away = np.ones(visits)
    away[rng.integers(1, max(2, visits - 1))] = 0
    scripts = [growth, growth[::-1], np.ones(visits), late, 1 - late, away]
    scripts += [np.ones(visits)] * int(rng.integers(0, 8))
    begin = rng.integers(1, visits, more_new)
    scripts += [(np.arange(visits) >= first).astype(float) for first in begin]
    taken: list[tuple[FloatArray, float]] = []
    lesions = []
    for sizes in scripts:
        radius = float(np.exp(rng.uniform(np.log(3), np.log(14))))
        centre = _free_place(places, taken, radius * 1.5, rng)
        if centre is not None:
            radii = radius * rng.uniform(0.8, 1.25, 3)
            contrast = float(rng.uniform(-60, -20))
            lesions.append(Ellipsoid(centre, radii, tuple(map(float, sizes)), contrast))
    for joined in (late, 1 - late):
        radius = float(rng.uniform(6, 9))
        centre = _free_place(places, taken, 2.6 * radius, rng)
        if centre is not None:
            way = rng.normal(size=3)
            way *= 0.85 * radius / np.linalg.norm(way)
            sizes = tuple(float(s) for s in np.where(joined > 0, 1.0, 0.62))
            lesions += [
                Ellipsoid(centre + side * way, np.full(3, radius), sizes, -45.0) for side in (-1, 1)
            ]
    return lesions


def _free_place(
    places: FloatArray,
    taken: list[tuple[FloatArray, float]],
    reach_mm: float,
    rng: np.random.Generator,
) -> FloatArray | None:
    """A place away from all taken ones, which it joins; None where the liver is full."""
    for _ in range(150):
        centre: FloatArray = places[rng.integers(len(places))]
        if all(np.linalg.norm(centre - c) > reach_mm + r + 5 for c, r in taken):
            taken.append((centre, reach_mm))
            return centre
    return None
