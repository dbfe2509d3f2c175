"""Made-up courses with simple CT images, to see and test the report with."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import ndimage

from lvt_track.core.course import Course, KeyImage, RegistrationQuality, VisitFindings
from lvt_track.core.geometry import Geometry
from lvt_track.core.lesion.caliper import Caliper, Point
from lvt_track.core.lesion.lesion import Edge, Event, Lesion, Measurement, Track, TrackState
from lvt_track.core.response.response import Response
from lvt_track.core.series import Phase, PhaseVolume, Series, Visit
from lvt_track.core.volume import LabelArray, Volume
from lvt_track.report.drawing.key_images import LabelledVolume, visit_key_images

LIVER_CENTRE_MM = np.array([130.0, 135.0, 75.0])
LIVER_RADII_MM = np.array([95.0, 70.0, 60.0])
START = dt.date(2024, 1, 15)


@dataclass(frozen=True)
class Blob:
    """An ellipsoid with its axes in the slice turned by `angle`."""

    centre_mm: np.ndarray
    long_mm: float
    short_mm: float
    angle: float

    def lesion(self, visit: int, label: int, geometry: Geometry) -> Lesion:
        along = np.array([np.cos(self.angle), np.sin(self.angle), 0.0])
        across = np.array([-along[1], along[0], 0.0])
        slice_index = round(float(geometry.to_index(self.centre_mm)[0]))
        plane = self.centre_mm.copy()
        plane[2] = geometry.to_world((slice_index, 0, 0))[2]

        def caliper(direction: np.ndarray, length: float) -> Caliper:
            start, end = (plane + s * direction * length / 2 for s in (-1, 1))
            return Caliper(point(start), point(end), length)

        volume_ml = np.pi / 6 * self.long_mm * self.short_mm**2 / 1000
        size = Measurement(
            volume_ml,
            caliper(along, self.long_mm),
            caliper(across, self.short_mm),
            slice_index,
            mean_hu=62.0,
            long_axis_3d_mm=self.long_mm + 0.4,
        )
        return Lesion(visit, label, point(self.centre_mm), size)

    def mask(self, world_mm: np.ndarray) -> np.ndarray:
        offset = world_mm - self.centre_mm
        c, s = np.cos(self.angle), np.sin(self.angle)
        u = (offset[..., 0] * c + offset[..., 1] * s) / (self.long_mm / 2)
        v = (-offset[..., 0] * s + offset[..., 1] * c) / (self.short_mm / 2)
        w = offset[..., 2] / (self.short_mm / 2)
        return u**2 + v**2 + w**2 <= 1.0


def point(p: np.ndarray) -> Point:
    return float(p[0]), float(p[1]), float(p[2])


def scan(
    lesions: dict[int, Blob], geometry: Geometry, rng: np.random.Generator
) -> tuple[Volume, LabelArray]:
    """A body with a liver, and the lesions in it."""
    z, y, x = np.indices(geometry.shape)
    world = geometry.to_world(np.stack([z, y, x], axis=-1))
    body = np.sum(((world[..., :2] - [160, 150]) / [150, 110]) ** 2, axis=-1) <= 1
    inner = np.sum(((world[..., :2] - [160, 150]) / [132, 95]) ** 2, axis=-1) <= 1
    liver = np.sum(((world - LIVER_CENTRE_MM) / LIVER_RADII_MM) ** 2, axis=-1) <= 1
    spine = np.sum((world[..., :2] - [160, 215]) ** 2, axis=-1) <= 20**2
    aorta = np.sum((world[..., :2] - [172, 182]) ** 2, axis=-1) <= 11**2
    hu = np.full(geometry.shape, -1000.0, np.float32)
    hu[body] = -100.0
    hu[inner] = 35.0
    hu[liver] = 112.0
    hu[spine] = 260.0
    hu[aorta] = 165.0
    vessels = ndimage.gaussian_filter(rng.standard_normal(geometry.shape), (1.5, 5, 5))
    hu[liver & (vessels > 2.2 * vessels.std())] = 155.0
    labels = np.zeros(geometry.shape, np.int32)
    for label, blob in lesions.items():
        inside = blob.mask(world)
        labels[inside] = label
        hu[inside] = 62.0
    noise = ndimage.gaussian_filter(rng.standard_normal(geometry.shape), (0, 0.8, 0.8))
    hu = ndimage.gaussian_filter(hu, (0, 0.6, 0.6)) + 12.0 * noise / noise.std()
    return Volume(hu.astype(np.int16), geometry), labels


@dataclass(frozen=True)
class Sample:
    """A course and what is needed to make its key images."""

    course: Course
    blobs: tuple[dict[int, Blob], ...]
    places: dict[int, Point]
    seed: int

    def key_images(self, left_out: tuple[int, ...] = ()) -> list[KeyImage]:
        images: list[KeyImage] = []
        for visit, blobs in enumerate(self.blobs):
            if visit in left_out:
                continue
            rng = np.random.default_rng(self.seed + visit)
            volume, labels = scan(blobs, self.course.visits[visit].geometry, rng)
            images.extend(
                visit_key_images(self.course, visit, LabelledVolume(volume, labels), self.places)
            )
        return images


def sample(visits: int = 4, tracks: int = 8, seed: int = 3, pixel_mm: float = 1.6) -> Sample:
    """A course in which tumours grow, shrink, appear, vanish, come back, merge and split."""
    rng = np.random.default_rng(seed)
    dates = [START + dt.timedelta(days=int(d)) for d in np.cumsum(rng.integers(55, 100, visits))]
    side = round(320 / pixel_mm)
    geometry = Geometry.axial((30, side, side), (5.0, pixel_mm, pixel_mm))
    centres = _centres(rng, tracks)
    found: list[list[tuple[int, Blob]]] = [[] for _ in range(visits)]
    for track, centre in enumerate(centres):
        long0 = float(rng.uniform(9, 30)) if track else 46.0
        ratio, angle = float(rng.uniform(0.6, 0.92)), float(rng.uniform(0, np.pi))
        rate = float(rng.choice([-0.22, -0.1, 0.0, 0.08, 0.25])) if track else 0.18
        for visit in range(visits):
            if not _is_seen(track, visit, visits):
                continue
            long = max(long0 * (1 + rate) ** visit, 5.0)
            blob = Blob(centre, long, ratio * long, angle)
            parts = [blob]
            if (track % 8 == 5 and visit < visits // 2) or (track % 8 == 6 and visit >= visits / 2):
                parts = _parts(blob)
            found[visit].extend((track, part) for part in parts)
    return _assemble(dates, geometry, found, centres, seed)


def _is_seen(track: int, visit: int, visits: int) -> bool:
    middle, last = visits // 2, visits - 1
    return not (
        (track % 8 == 2 and visit < middle)
        or (track % 8 == 3 and visit >= max(middle, 1))
        or (track % 8 == 7 and 0 < visit < last)
    )


def _parts(blob: Blob) -> list[Blob]:
    along = np.array([np.cos(blob.angle), np.sin(blob.angle), 0.0])
    return [
        replace(
            blob,
            centre_mm=blob.centre_mm + sign * along * blob.long_mm * 0.42,
            long_mm=blob.long_mm * share,
            short_mm=blob.short_mm * share,
        )
        for sign, share in ((-1, 0.7), (1, 0.5))
    ]


def _centres(rng: np.random.Generator, count: int) -> list[np.ndarray]:
    centres: list[np.ndarray] = []
    gap = 34.0 if count <= 10 else 14.0
    while len(centres) < count:
        p = rng.uniform(-1, 1, 3)
        centre = LIVER_CENTRE_MM + p * LIVER_RADII_MM * 0.8
        if p @ p < 1 and all(np.linalg.norm(centre - c) > gap for c in centres):
            centres.append(centre)
        elif rng.uniform() < 0.001:
            gap *= 0.95
    return centres


def _assemble(
    dates: list[dt.date],
    geometry: Geometry,
    found: list[list[tuple[int, Blob]]],
    centres: list[np.ndarray],
    seed: int,
) -> Sample:
    blobs: list[dict[int, Blob]] = []
    keys: dict[int, list[list[tuple[int, int]]]] = {}
    visits = []
    for visit, (date, here) in enumerate(zip(dates, found, strict=True)):
        labelled = {label: blob for label, (_, blob) in enumerate(here, 1)}
        blobs.append(labelled)
        for label, (track, _) in enumerate(here, 1):
            keys.setdefault(track, [[] for _ in dates])[visit].append((visit, label))
        lesions = tuple(b.lesion(visit, n, geometry) for n, b in labelled.items())
        visits.append(_findings(visit, date, geometry, lesions))
    tracks, edges = [], []
    for number, track in enumerate(sorted(keys), 1):
        tracks.append(_track(number, keys[track], dates))
        edges.extend(_edges(keys[track]))
    course = Course(
        "Østergård-Villanueva, María del Carmen (synthetic 0042)",
        tuple(visits),
        tuple(edges),
        tuple(tracks),
        tuple(_responses(visits)),
        _phases(visits[-1]),
        warnings=(
            "The liver of 2024-06-03 is cut off at its lower end; volumes of that visit are lower "
            "bounds.",
        )
        if len(dates) > 1
        else (),
    )
    numbers = {track: n for n, track in enumerate(sorted(keys), 1)}
    places = {numbers[t]: point(centre) for t, centre in enumerate(centres) if t in numbers}
    return Sample(course, tuple(blobs), places, seed)


def _findings(
    visit: int, date: dt.date, geometry: Geometry, lesions: tuple[Lesion, ...]
) -> VisitFindings:
    series = Series(
        (Path(f"{date}/portal.nii.gz"),),
        f"1.2.826.0.1.3680043.8.498.{10**12 + visit * 7919}",
        "ABDOMEN PORTAL VENOUS 5.0 B30f",
        Phase.PORTAL,
        geometry.shape,
        geometry.spacing_mm,
        5.0,
        is_dicom=True,
    )
    quality = RegistrationQuality(
        0,
        "deformable",
        0.957 - 0.01 * visit,
        1.3 + 0.2 * visit,
        0.0,
        0.4,
        visit != 2,
        "the liver surfaces lie 6.1 mm apart" if visit == 2 else "",
    )
    return VisitFindings(
        Visit(date, f"1.2.840.113619.2.{visit}", (series,)),
        geometry,
        liver_ml=1612.0 - 21.0 * visit,
        vessels_ml=58.2 + visit,
        tumors_ml=sum(lesion.measurement.volume_ml for lesion in lesions),
        lesions=lesions,
        sources={"liver": "phantom-small", "vessels": "phantom-small", "tumors": "given"},
        registration=quality if visit else None,
        warnings=(
            ("Registration onto the first visit is doubtful: tracks at this visit need a look.",)
            if visit == 2
            else ()
        ),
    )


def _track(number: int, keys: list[list[tuple[int, int]]], dates: list[dt.date]) -> Track:
    seen = [v for v, here in enumerate(keys) if here]
    counts = [len(here) for here in keys if here]
    state, events = TrackState.PERSISTENT, []
    if seen[0] > 0:
        state = TrackState.NEW
        events.append(f"{dates[seen[0]]}: new")
    if seen[-1] < len(dates) - 1:
        state = TrackState.DISAPPEARED
        events.append(f"{dates[seen[-1] + 1]}: not seen")
    elif len(seen) < seen[-1] - seen[0] + 1:
        state = TrackState.REAPPEARED
        events.append(f"{dates[seen[-1]]}: seen again")
    if counts[0] > counts[-1]:
        state = TrackState.MERGED
        events.append("two lesions merged into one")
    elif counts[0] < counts[-1]:
        state = TrackState.SPLIT
        events.append("one lesion split into two")
    return Track(number, tuple(k for here in keys for k in here), state, tuple(events))


def _edges(keys: list[list[tuple[int, int]]]) -> list[Edge]:
    steps = [here for here in keys if here]
    edges = []
    for before, after in itertools.pairwise(steps):
        if len(before) == len(after):
            pairs, event = zip(before, after, strict=True), Event.SAME
        else:
            pairs = ((a, b) for a in before for b in after)
            event = Event.SPLIT if len(before) < len(after) else Event.MERGE
        edges.extend(Edge(a, b, event, 0.231, confidence=0.93) for a, b in pairs)
    return edges


def _responses(visits: list[VisitFindings]) -> list[Response]:
    responses = []
    for criterion, sums in (
        ("RECIST 1.1", [_largest(v, lambda s: s.long_axis.length_mm) for v in visits]),
        ("mRECIST", [0.8 * _largest(v, lambda s: s.long_axis.length_mm) for v in visits]),
    ):
        for n, found in enumerate(visits):
            total, nadir = sums[n], min(sums[: max(n, 1)])
            base = 100 * (total / sums[0] - 1) if n and sums[0] else None
            low = 100 * (total / nadir - 1) if n and nadir else None
            category = "Baseline" if n == 0 else "SD"
            if base is not None and low is not None:
                category = "PD" if low >= 20 else "PR" if base <= -30 else "SD"
            reason = (
                "first visit: the sum of the two largest lesions is the baseline"
                if n == 0
                else f"the sum is {low or 0:+.1f} % from its smallest value, "
                f"{total - nadir:+.1f} mm; no new lesion"
            )
            responses.append(
                Response(
                    found.visit.date,
                    criterion,
                    "mm",
                    total,
                    nadir if n else None,
                    base,
                    low,
                    category,
                    "Non-CR/Non-PD",
                    False,
                    category,
                    reason,
                )
            )
    return responses


def _largest(found: VisitFindings, size) -> float:
    return sum(sorted((size(lesion.measurement) for lesion in found.lesions), reverse=True)[:2])


def _phases(found: VisitFindings) -> tuple[PhaseVolume, ...]:
    rows = [
        (Phase.ARTERIAL, 1568.0, 1.25),
        (Phase.PORTAL, 1549.0, 5.0),
        (Phase.DELAYED, 1581.0, 5.0),
    ]
    mean = sum(liver for _, liver, _ in rows) / 3
    return tuple(
        PhaseVolume(
            found.visit.date,
            phase,
            f"ABDOMEN {phase.value.upper()} {thick} B30f",
            liver,
            31.5,
            None if phase is Phase.PORTAL else 100 * (liver / 1549.0 - 1),
            100 * (liver / mean - 1),
            thick,
            phase is Phase.PORTAL,
            ("slice thickness differs from the reference phase",) if thick < 2 else (),
        )
        for phase, liver, thick in rows
    )
