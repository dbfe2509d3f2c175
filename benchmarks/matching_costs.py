"""How the constants of the matching costs were chosen: courses without images, made-up errors.

    python benchmarks/matching_costs.py [--courses 12]

Lesions as in benchmarks/longitudinal.py are drawn in an analytic liver at every visit; instead
of a registration the visits are shifted by smooth random fields of known size. That costs seconds
where images cost minutes. Writes docs/results/matching-costs.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from courses.links import LinkScore, our_edges, reliability
from courses.moved_ct import BEGIN, DARK, LIVER_SHIFT_HU, draw_lesions
from courses.registered import MASKS, RegisteredCourse, seen_lesions
from courses.simulated import draw_phases
from courses.visit import DAYS, SimulatedVisit, corrupted
from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import BoolArray, Masks, Volume
from lvt_track.lesions.matching.costs import Costs
from pages.markdown import markdown_table, write_page

FIRST_SEED = 700
VISITS = 5
GRID = Geometry.axial((80, 88, 110), (2.5, 2.0, 2.0), (-110.0, -88.0, -100.0))
KNOT_MM = 12.0
BEFORE = replace(
    Costs(),
    shape_jitter=0.2,
    size_spread=0.45,
    border_mm=0.0,
    apart=2.0,
    outside=4.0,
    missed=1.5,
)
"""The constants before they were fitted."""


@dataclass(frozen=True, eq=False)
class ShiftedFrame:
    """Visits that lie on the first one but for a smooth error.

    Attributes:
        error_mm: displacement at knots 12 mm apart, for each visit (visits, 3, z, y, x).
        stated_mm: standard error that is stated of each visit.
    """

    error_mm: NDArray[np.float64]
    stated_mm: tuple[float, ...]
    reference: int = 0

    def map_points(self, points_mm: FloatArray, source_visit: int, target_visit: int) -> FloatArray:
        """Positions (n, 3), wrong by the errors of both visits."""
        if source_visit == target_visit:
            return points_mm
        common = points_mm + self._error(points_mm, source_visit)
        return common - self._error(common, target_visit)

    def covered(self, points_mm: FloatArray, source_visit: int, target_visit: int) -> BoolArray:
        """Every place is in view."""
        return np.ones(len(points_mm), dtype=np.bool_)

    def uncertainty_mm(self, points_mm: FloatArray, visit: int) -> FloatArray:
        """What is stated of the visit."""
        return np.full(len(points_mm), self.stated_mm[visit])

    def is_reliable(self, visit: int) -> bool:
        """All are."""
        return True

    def _error(self, points_mm: FloatArray, visit: int) -> FloatArray:
        at = ((points_mm + 150) / KNOT_MM).T
        parts = [
            ndimage.map_coordinates(f, at, order=1, mode="nearest") for f in self.error_mm[visit]
        ]
        return np.stack(parts, axis=-1)


def main() -> None:
    """Simulate the courses, try the constants, write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--courses", type=int, default=12)
    chosen = parser.parse_args()
    courses = [simulate(FIRST_SEED + k) for k in range(chosen.courses)]
    now = Costs()
    tried = {
        "before": BEFORE,
        "now": now,
        "now, border_mm 0": replace(now, border_mm=0.0),
        "now, border_mm 1.2": replace(now, border_mm=1.2),
        "now, size_spread 0.45": replace(now, size_spread=0.45),
        "now, missed 1.5": replace(now, missed=1.5),
        "now, missed 2.5": replace(now, missed=2.5),
        "now, apart 2": replace(now, apart=2.0),
        "now, outside 4": replace(now, outside=4.0),
        "now, shape_jitter 0.2": replace(now, shape_jitter=0.2),
        "now, appear, vanish 3.5": replace(now, appear=3.5, vanish=3.5),
        "now, appear, vanish 5.5": replace(now, appear=5.5, vanish=5.5),
    }
    header = ["constants", "F1, given", "F1, corrupted", "gaps bridged, corrupted"]
    write_page(
        "matching-costs",
        "Constants of the matching costs",
        f"python benchmarks/matching_costs.py --courses {chosen.courses}",
        f"{chosen.courses} courses of {VISITS} visits without images (seeds from {FIRST_SEED}; "
        "[longitudinal](longitudinal.md) has others): lesions and errors of masks as there, "
        "registration errors drawn as smooth fields of 0.6 to 2.2 mm per coordinate, stated "
        "wrongly by 0.7 to 1.5 times. Surprise: mean negative log of the confidence in what was "
        "true of a link, smaller is better.",
        markdown_table(
            [*header, "switches per patient, corrupted", "surprise"],
            [[name, *judge(courses, costs)] for name, costs in tried.items()],
        ),
        "## Is the confidence of a link to be believed?",
        reliability([(c, masks) for c in courses for masks in MASKS]),
    )


def simulate(seed: int) -> RegisteredCourse:
    """One course."""
    rng = np.random.default_rng([seed, 77])
    world = GRID.to_world(np.indices(GRID.shape).transpose(1, 2, 3, 0))
    x, y, z = np.moveaxis(world, -1, 0)
    right = ((x + 20) / 75) ** 2 + (y / 65) ** 2 + (z / 75) ** 2 < 1
    liver = right | (((x - 50) / 50) ** 2 + ((y + 20) / 35) ** 2 + ((z - 20) / 35) ** 2 < 1)
    depth_mm = ndimage.distance_transform_edt(liver, sampling=GRID.spacing_mm)
    lesions = draw_lesions(GRID.to_world(np.argwhere(depth_mm > 7)), VISITS, rng)
    none = np.zeros_like(liver)
    course, date = [], BEGIN
    for visit, phase in enumerate(draw_phases(seed, VISITS)):
        hu = rng.normal(100 + LIVER_SHIFT_HU[phase], 12, GRID.shape)
        identities = np.zeros(GRID.shape, dtype=np.int16)
        for number, lesion in enumerate(lesions, start=1):
            radii = lesion.radii_mm * max(lesion.sizes[visit], 1e-6)
            inside = (((world - lesion.centre_mm) / radii) ** 2).sum(-1) < 1
            inside &= liver & (identities == 0)
            identities[inside] = number
            hu[inside] += DARK[phase] * lesion.contrast_hu
        masks = Masks(liver, none, identities > 0, GRID)
        volume = Volume(hu.astype(np.int16), GRID)
        course.append(SimulatedVisit(date, phase, volume, masks, identities, np.asarray))
        date += dt.timedelta(days=int(rng.integers(*DAYS)))
    wrong = [
        corrupted(visit, np.random.default_rng([seed, 99, k]), 1000 * (k + 1))
        for k, visit in enumerate(course)
    ]
    frame = _draw_frame(rng)
    seen = {"given": seen_lesions(course), "corrupted": seen_lesions(wrong)}
    dates = tuple(visit.date for visit in course)
    return RegisteredCourse("without images", seed, dates, frame, frame, seen)


def _draw_frame(rng: np.random.Generator) -> ShiftedFrame:
    errors, stated = np.zeros((VISITS, 3, 26, 26, 26)), [0.0]
    for visit in range(1, VISITS):
        size_mm = float(np.exp(rng.uniform(np.log(0.6), np.log(2.2))))
        field = [
            ndimage.gaussian_filter(rng.normal(size=(26, 26, 26)), 1.5, mode="wrap")
            for _ in range(3)
        ]
        errors[visit] = size_mm * np.stack(field) / np.std(field)
        stated.append(size_mm * float(rng.uniform(0.7, 1.5)))
    return ShiftedFrame(errors, tuple(stated))


def judge(courses: Sequence[RegisteredCourse], costs: Costs) -> list[str]:
    """F1 on both kinds of masks, gaps and switches on corrupted ones, and the surprise."""
    scores, surprise = {}, []
    for masks in MASKS:
        scores[masks] = LinkScore()
        for course in courses:
            seen = course.seen[masks]
            truth = {(edge.earlier, edge.later) for edge in seen.edges}
            edges = our_edges(course, masks, costs)
            found = {(edge.earlier, edge.later) for edge in edges}
            scores[masks].add(found, seen.edges, seen.identities)
            for edge in edges:
                stated = np.clip(edge.confidence or 0.0, 1e-3, 1 - 1e-3)
                is_right = (edge.earlier, edge.later) in truth
                surprise.append(-np.log(stated if is_right else 1 - stated))
    wrong = scores["corrupted"]
    return [
        f"{scores['given'].f1:.3f}",
        f"{wrong.f1:.3f}",
        f"{np.mean(wrong.gaps):.2f} of {len(wrong.gaps)}",
        f"{np.mean(wrong.switches):.2f}",
        f"{np.mean(surprise):.4f}",
    ]


if __name__ == "__main__":
    main()
