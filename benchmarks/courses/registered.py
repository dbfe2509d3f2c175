"""A simulated course, registered: what matching gets to see, and the truth beside it."""

from __future__ import annotations

import datetime as dt
import pickle
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from courses.simulated import (
    SimulatedVisit,
    corrupted,
    draw_phases,
    phantom_visits,
    real_course,
)
from lvt_track.core.geometry import FloatArray
from lvt_track.core.lesion.lesion import Edge, Lesion
from lvt_track.core.volume import LabelArray
from lvt_track.lesions.components import LesionShape, find_lesions, lesion_shapes
from lvt_track.lesions.lookback.scan import LiverScan, liver_scan
from lvt_track.phantom.course.truth import true_edges, true_lesions
from lvt_track.register.align import Alignment, align, choose_reference
from lvt_track.register.frame import CommonFrame
from lvt_track.register.liver_image import LiverImage, liver_image

__all__ = [
    "MASKS",
    "PairRecord",
    "RegisteredCourse",
    "SeenLesions",
    "keep",
    "livers_of",
    "register_simulated",
    "register_visits",
    "registered_courses",
    "seen_lesions",
    "use_one_thread",
]

MASKS = ("given", "corrupted")
_POINTS = 500

Key = tuple[int, int]
Livers = tuple[LiverScan | None, ...]


@dataclass(frozen=True, eq=False)
class SeenLesions:
    """The lesions of one kind of masks, and what is true of them.

    Attributes:
        lesions: of each visit.
        shapes: by key.
        edges: which became which in truth.
        identities: the tumours each lesion consists of.
        exact: for each visit, whether the components are those of the truth.
    """

    lesions: tuple[tuple[Lesion, ...], ...]
    shapes: dict[Key, LesionShape]
    edges: tuple[Edge, ...]
    identities: dict[Key, frozenset[int]]
    exact: tuple[bool, ...]


@dataclass(frozen=True)
class PairRecord:
    """How well one visit was brought onto the reference visit.

    Errors are distances in the body, in mm, between places of the visit and where they were
    found at the reference visit.
    """

    is_same_phase: bool
    lesions_mm: tuple[float, ...]
    vessels_mm: tuple[float, ...]
    liver_mm: tuple[float, ...]
    affine_mm: tuple[float, ...]
    stated_mm: tuple[float, ...]
    folding: float
    method: str
    wall_s: float
    cpu_s: float


@dataclass(frozen=True, eq=False)
class RegisteredCourse:
    """Everything of one course that the tables are made from."""

    kind: str
    number: int
    dates: tuple[dt.date, ...]
    frame: CommonFrame
    affine: CommonFrame
    seen: dict[str, SeenLesions]
    pairs: tuple[PairRecord, ...] = field(default=())


def register_simulated(number: int, visits: int) -> tuple[RegisteredCourse, Livers]:
    """Simulate and register one course; even numbers are of real CT, odd ones of phantoms.

    Returns:
        The course, and of each visit the liver as looking back needs it, by the corrupted masks.
    """
    kind = "real" if number % 2 == 0 else "phantom"
    phases = draw_phases(number, visits)
    course = (
        real_course(number // 2, phases)
        if kind == "real"
        else phantom_visits(1000 + number, phases)
    )
    rng = np.random.default_rng([number, 99])
    wrong = [corrupted(v, rng, 1000 * (k + 1)) for k, v in enumerate(course)]
    seen = {"given": seen_lesions(course), "corrupted": seen_lesions(wrong)}
    # With the corrupted tumour masks: the harder case of the two.
    images = [liver_image(v.volume, v.masks) for v in wrong]
    registered = register_visits((kind, number), course, images, seen)
    return registered, tuple(liver_scan(v.volume, v.masks) for v in wrong)


def register_visits(
    name: tuple[str, int],
    course: Sequence[SimulatedVisit],
    images: Sequence[LiverImage],
    seen: Mapping[str, SeenLesions],
) -> RegisteredCourse:
    """Register a course once.

    Args:
        name: its kind, `real` or `phantom`, and number.
        course: its visits with the true masks.
        images: of each visit what is registered, by the masks that were drawn of it.
        seen: the lesions by kind of masks, the true ones as `given`.
    """
    kind, number = name
    rng = np.random.default_rng([number, 98])
    reference = choose_reference(images)
    alignments: list[Alignment | None] = []
    seconds = []
    for k, image in enumerate(images):
        wall, cpu = time.perf_counter(), time.process_time()
        found = None if k == reference else align(images[reference], image, reference)
        seconds.append((time.perf_counter() - wall, time.process_time() - cpu))
        alignments.append(found)
    frame = CommonFrame.of(reference, alignments, images[reference].scan)
    flat = [None if a is None else replace(a, displacement=None, reverse=None) for a in alignments]
    affine = CommonFrame.of(reference, flat, images[reference].scan)
    pairs = [
        _pair(course, frame, affine, k, seen["given"].lesions[k], seconds[k], rng)
        for k in range(len(course))
        if k != reference
    ]
    dates = tuple(visit.date for visit in course)
    return RegisteredCourse(kind, number, dates, frame, affine, dict(seen), tuple(pairs))


Finder = Callable[[int, SimulatedVisit], tuple[LabelArray, tuple[Lesion, ...]]]


def drawn_lesions(number: int, visit: SimulatedVisit) -> tuple[LabelArray, tuple[Lesion, ...]]:
    """The lesions of a visit, measured as drawn."""
    return find_lesions(number, visit.volume, visit.masks)


def seen_lesions(course: Sequence[SimulatedVisit], find: Finder = drawn_lesions) -> SeenLesions:
    """Find the lesions of every visit, and what is true of them."""
    truth, lesions, exact = [], [], []
    shapes: dict[Key, LesionShape] = {}
    for k, visit in enumerate(course):
        labels, known = true_lesions(k, visit.identities, visit.volume.geometry)
        mine, found = find(k, visit)
        exact.append(bool(np.array_equal(labels, mine)))
        truth.append(known)
        lesions.append(found)
        shapes |= lesion_shapes(mine, found, visit.volume.geometry)
    identities = {t.key: frozenset(t.identities) for at in truth for t in at}
    return SeenLesions(tuple(lesions), shapes, true_edges(truth), identities, tuple(exact))


def _pair(
    course: Sequence[SimulatedVisit],
    frame: CommonFrame,
    affine: CommonFrame,
    visit: int,
    lesions: Sequence[Lesion],
    seconds: tuple[float, float],
    rng: np.random.Generator,
) -> PairRecord:
    alignment = frame.alignments[visit]
    if alignment is None:
        raise ValueError(f"visit {visit} is the reference")
    here = course[visit]
    centres = np.array([lesion.centroid_mm for lesion in lesions]).reshape(-1, 3)
    places = {}
    for name in ("vessels", "liver"):
        mask = getattr(here.masks, name)
        index = np.argwhere(mask)
        chosen = index[rng.choice(len(index), min(_POINTS, len(index)), replace=False)]
        places[name] = here.volume.geometry.to_world(chosen)

    def errors(by: CommonFrame, points_mm: FloatArray) -> tuple[float, ...]:
        if not len(points_mm):
            return ()
        found = by.map_points(points_mm, visit, by.reference)
        gap = here.to_body(points_mm) - course[by.reference].to_body(found)
        return tuple(np.linalg.norm(gap, axis=1).tolist())

    return PairRecord(
        is_same_phase=here.phase is course[frame.reference].phase,
        lesions_mm=errors(frame, centres),
        vessels_mm=errors(frame, places["vessels"]),
        liver_mm=errors(frame, places["liver"]),
        affine_mm=errors(affine, places["liver"]),
        stated_mm=tuple(frame.uncertainty_mm(places["liver"], visit).tolist()),
        folding=alignment.quality.folding_fraction,
        method=alignment.quality.method,
        wall_s=seconds[0],
        cpu_s=seconds[1],
    )


def registered_courses(
    work: Path, count: int, visits: int, *, register_more: bool = True, step: int = 1
) -> list[RegisteredCourse]:
    """The first `count` simulated courses, registered once and kept in the folder `work`.

    With a `step` of 2 only those of real CT, half as many.
    """
    work.mkdir(parents=True, exist_ok=True)
    for number in range(0, count, step):
        path = work / f"course-{number:03d}.pickle"
        if not path.exists() and register_more:
            start = time.process_time()
            course, livers = register_simulated(number, visits)
            keep(livers, _livers_path(work, number))
            keep(course, path)
            print(f"course {number}: {time.process_time() - start:.0f} s of CPU", flush=True)
    paths = [work / f"course-{number:03d}.pickle" for number in range(0, count, step)]
    paths = [path for path in paths if path.exists()]
    return [pickle.loads(path.read_bytes()) for path in paths]


def livers_of(work: Path, number: int) -> Livers:
    """The livers of a registered course that is kept in the folder `work`."""
    livers: Livers = pickle.loads(_livers_path(work, number).read_bytes())
    return livers


def _livers_path(work: Path, number: int) -> Path:
    return work / f"livers-{number:03d}.pickle"


def keep(item: object, path: Path) -> None:
    """Write a file of the work folder whole."""
    partial = path.with_suffix(".partial")
    partial.write_bytes(pickle.dumps(item))
    partial.rename(path)


def use_one_thread() -> None:
    """Time on one core, as beside other work."""
    torch.set_num_threads(1)
