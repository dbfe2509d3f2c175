"""How well lesions are registered and matched over simulated courses.

    python benchmarks/longitudinal.py [--courses 60] [--visits 5] [--work runs/longitudinal]

Half of the courses are real CT moved by known motions and given lesions (../shared/data/real),
half are phantoms. Each registered course is kept in the work folder; the same command goes on
where an earlier one was stopped, and writes docs/results/longitudinal.md from the courses there.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from courses.links import METHODS, LinkScore, link, reliability
from courses.registered import MASKS, RegisteredCourse, registered_courses, use_one_thread
from lvt_track.core.geometry import FloatArray
from lvt_track.core.lesion.caliper import Caliper
from lvt_track.core.lesion.lesion import Lesion, Measurement
from lvt_track.core.volume import BoolArray
from lvt_track.lesions.matching.match import match_course
from pages.markdown import markdown_table, write_page

ROOT = Path(__file__).parents[1]
KINDS = ("real", "phantom")


def main() -> None:
    """Register the courses that are still missing, and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--courses", type=int, default=60)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "longitudinal")
    parser.add_argument("--tables-only", action="store_true", help="register nothing more")
    chosen = parser.parse_args()
    use_one_thread()
    courses = registered_courses(
        chosen.work, chosen.courses, chosen.visits, register_more=not chosen.tables_only
    )
    write(courses, f"python benchmarks/longitudinal.py --courses {chosen.courses}")


def write(courses: Sequence[RegisteredCourse], command: str) -> None:
    """Match the courses and write the page."""
    header = "courses|masks|method|precision|recall|F1|split links|merge links|gaps bridged|"
    header += "switches per patient"
    rows = []
    for kind in KINDS:
        own = [course for course in courses if course.kind == kind]
        for masks in MASKS:
            for method in METHODS:
                score = LinkScore()
                for course in own:
                    seen = course.seen[masks]
                    score.add(link(course, masks, method), seen.edges, seen.identities)
                if own:
                    rows.append([f"{len(own)} {kind}", masks, method, *score.row()])
    write_page(
        "longitudinal",
        "Following lesions over simulated courses",
        command,
        _setting(courses),
        markdown_table(header.split("|"), rows),
        "## Registration",
        _registration(courses),
        "Errors are at the centres of the true lesions, at vessel points (phantoms: their vessels; "
        "real CT: what is 22 HU brighter than the liver) and at places anywhere in the liver. "
        "Affine: the last without the elastic step. Stated: the root mean square of error over "
        "stated standard error, 1 where the program knows its error. Seconds are of CPU on one "
        "core, and on the wall of a machine that ran other work as well.",
        "## Is the confidence of a link to be believed?",
        reliability([(course, masks) for course in courses for masks in MASKS]),
        "All links of ours, on given and corrupted masks. The constants of the costs were chosen "
        "on other seeds than these.",
        "## Time to match",
        _matching_time(),
        "100 lesions at every visit, scattered by 1 mm, without images; seconds of CPU, one core.",
        "Tumours called new that are none, with doubts of a model's finds and without, on such "
        "courses: [new tumours](new-tumours.md).",
    )


def _setting(courses: Sequence[RegisteredCourse]) -> str:
    pairs = [pair for course in courses for pair in course.pairs]
    across = sum(not pair.is_same_phase for pair in pairs)
    exact = [same for course in courses for same in course.seen["given"].exact]
    return (
        f"{len(courses)} courses of {len(courses[0].dates)} visits. Real: LiTS 0 and 3D-IRCADb "
        "1.19, freed of noise, turned by up to 5°, shifted by up to 15 mm and moved elastically "
        "by 5 to 25 mm at most, anew at every visit, with slices of 1.5 to 5 mm, new noise of 5 "
        "to 20 HU, ellipsoid lesions that grow, shrink, appear, vanish, stay away for a visit, "
        "merge and split, and contrast phases by factors. (The liver of 3D-IRCADb 1.19 is a rough "
        "one, by thresholds.) Phantoms: `lvt_track.phantom` at pixels of 1.5 to 1.8 mm. A third "
        f"of the visits is arterial, delayed or native: {across} of {len(pairs)} registrations "
        "are from one phase to another. Given: the true masks (the components found are the true "
        f"ones at {sum(exact)} of {len(exact)} visits). Corrupted: 15 % of the lesions missed, "
        "15 % false ones added, borders off by a voxel. All visits were registered with the "
        "corrupted tumour masks.\n\nNearest: Hungarian matching of centroids of neighbouring "
        "visits after affine registration. Overlap: every pair that shares voxels after it."
    )


def _registration(courses: Sequence[RegisteredCourse]) -> str:
    header = "courses|phases|pairs|lesions, mm: mean, 95 %, most|vessels|liver|affine|stated|"
    header += "folding, most|elastic kept|seconds: CPU, wall"
    rows = []
    for kind in KINDS:
        for is_same, phases in ((True, "same"), (False, "different")):
            pairs = [
                pair
                for course in courses
                if course.kind == kind
                for pair in course.pairs
                if pair.is_same_phase is is_same
            ]
            if not pairs:
                continue
            errors = [
                [mm for pair in pairs for mm in getattr(pair, name)]
                for name in ("lesions_mm", "vessels_mm", "liver_mm", "affine_mm")
            ]
            stated = np.array([mm for pair in pairs for mm in pair.stated_mm])
            # The stated error is of each of three coordinates.
            ratio = np.sqrt((np.array(errors[2]) ** 2 / stated**2).mean() / 3)
            kept = np.mean([pair.method == "deformable" for pair in pairs])
            seconds = [np.mean([getattr(p, name) for p in pairs]) for name in ("cpu_s", "wall_s")]
            rows.append(
                [
                    kind,
                    phases,
                    len(pairs),
                    *map(_spread, errors),
                    f"{ratio:.2f}",
                    f"{max(pair.folding for pair in pairs):.4%}",
                    f"{kept:.0%}",
                    ", ".join(f"{s:.1f}" for s in seconds),
                ]
            )
    return markdown_table(header.split("|"), rows)


def _spread(values: Sequence[float]) -> str:
    """Mean, 95th percentile and maximum."""
    if not values:
        return "–"
    return f"{np.mean(values):.2f}, {np.percentile(values, 95):.2f}, {np.max(values):.1f}"


class _Still:
    """Visits that lie on each other."""

    reference = 0

    def map_points(self, points_mm: FloatArray, source_visit: int, target_visit: int) -> FloatArray:
        return points_mm

    def covered(self, points_mm: FloatArray, source_visit: int, target_visit: int) -> BoolArray:
        return np.ones(len(points_mm), dtype=np.bool_)

    def uncertainty_mm(self, points_mm: FloatArray, visit: int) -> FloatArray:
        return np.ones(len(points_mm))

    def is_reliable(self, visit: int) -> bool:
        return True


def _matching_time() -> str:
    rng = np.random.default_rng(0)
    centres, sizes = rng.uniform(0, 200, (100, 3)), rng.uniform(6, 20, 100)
    rows = []
    for visits in (5, 10, 20):
        lesions = [
            [_ball(v, k + 1, centres[k] + rng.normal(0, 1, 3), sizes[k]) for k in range(100)]
            for v in range(visits)
        ]
        dates = [dt.date(2020, 1, 1) + dt.timedelta(days=60 * v) for v in range(visits)]
        start = time.process_time()
        match_course(lesions, _Still(), dates)
        seconds = time.process_time() - start
        rows.append([visits, f"{seconds:.2f}", f"{seconds / visits:.3f}"])
    return markdown_table(["visits", "seconds", "seconds a visit"], rows)


def _ball(visit: int, label: int, centre_mm: FloatArray, diameter_mm: float) -> Lesion:
    x, y, z = centre_mm.tolist()
    axis = Caliper((x - diameter_mm / 2, y, z), (x + diameter_mm / 2, y, z), diameter_mm)
    volume_ml = np.pi / 6 * diameter_mm**3 / 1000
    return Lesion(visit, label, (x, y, z), Measurement(volume_ml, axis, axis, 0, 60.0, diameter_mm))


if __name__ == "__main__":
    main()
