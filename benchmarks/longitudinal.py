"""How well lesions are registered and matched over simulated courses, with masks given.

    python benchmarks/longitudinal.py [--courses 12] [--visits 5]

Half of the courses are real CT moved by known motions and given lesions (../shared/data/real),
half are phantoms. Writes docs/results/longitudinal.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from simulated_courses import SimulatedVisit, corrupted, phantom_visits, real_visits

from lvt_track.core.geometry import FloatArray
from lvt_track.core.records import Edge, Event, Lesion
from lvt_track.lesions.components import LesionShape, find_lesions, lesion_shapes
from lvt_track.lesions.match import match_course
from lvt_track.phantom.truth import true_edges, true_lesions
from lvt_track.register.align import align, choose_reference
from lvt_track.register.frame import CommonFrame
from lvt_track.register.liver_image import liver_image

ROOT = Path(__file__).parents[1]
REAL = ROOT.parent / "shared" / "data" / "real"
RESULT = ROOT / "docs" / "results" / "longitudinal.md"
CASES = ("lits0", "ircad19")
METHODS = ("ours", "nearest", "overlap")

Link = tuple[tuple[int, int], tuple[int, int]]


@dataclass
class Counts:
    """Links found and true, of one method on one kind of masks."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    splits: list[bool] = field(default_factory=list)
    merges: list[bool] = field(default_factory=list)
    gaps: list[bool] = field(default_factory=list)
    switches: list[int] = field(default_factory=list)

    def add(self, found: set[Link], truth: Sequence[Edge], identities: dict) -> None:
        """Count one course."""
        links = {(edge.earlier, edge.later) for edge in truth}
        self.right += len(found & links)
        self.wrong += len(found - links)
        self.missed += len(links - found)
        for edge in truth:
            hit = (edge.earlier, edge.later) in found
            if edge.event is Event.SPLIT:
                self.splits.append(hit)
            elif edge.event is Event.MERGE:
                self.merges.append(hit)
            if edge.later[0] > edge.earlier[0] + 1:
                self.gaps.append(hit)
        self.switches.append(sum(not identities[a] & identities[b] for a, b in found - links))

    def row(self) -> list[str]:
        """Precision, recall, F1, splits, merges, gaps, switches per patient."""
        precision = self.right / max(1, self.right + self.wrong)
        recall = self.right / max(1, self.right + self.missed)
        f1 = 2 * self.right / max(1, 2 * self.right + self.wrong + self.missed)
        shares = [
            f"{np.mean(x):.2f} of {len(x)}" if x else "–"
            for x in (self.splits, self.merges, self.gaps)
        ]
        return [f"{v:.3f}" for v in (precision, recall, f1)] + [
            *shares,
            f"{np.mean(self.switches):.2f}",
        ]


@dataclass
class Tally:
    """Everything measured over the courses of one kind."""

    counts: dict[tuple[str, str], Counts] = field(default_factory=dict)
    centre_error_mm: list[float] = field(default_factory=list)
    liver_error_mm: list[float] = field(default_factory=list)
    affine_error_mm: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    folding: list[float] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    exact: list[bool] = field(default_factory=list)
    courses: int = 0


def main() -> None:
    """Run the benchmark and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--courses", type=int, default=12)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    tallies = {"real": Tally(), "phantom": Tally()}
    for number in range(chosen.courses):
        if number % 2 == 0:
            kind = "real"
            visits = real_visits(REAL / CASES[number // 2 % 2], number, chosen.visits)
        else:
            kind = "phantom"
            visits = phantom_visits(1000 + number, chosen.visits)
        follow(visits, number, tallies[kind])
        report(tallies, chosen)
        print(kind, number, tallies[kind].counts["ours", "given"].row(), flush=True)


def follow(visits: Sequence[SimulatedVisit], seed: int, tally: Tally) -> None:
    """Register and match one course, with the masks given and with masks corrupted."""
    rng = np.random.default_rng([seed, 99])
    wrong = [corrupted(v, rng, 1000 * (k + 1)) for k, v in enumerate(visits)]
    # Registered once, with the corrupted tumour masks: the harder case of the two.
    images = [liver_image(v.volume, v.masks) for v in wrong]
    reference = choose_reference(images)
    alignments = []
    for k, image in enumerate(images):
        if k == reference:
            alignments.append(None)
            continue
        start, cpu = time.perf_counter(), time.process_time()
        found = align(images[reference], image, reference)
        tally.seconds.append(time.perf_counter() - start)
        tally.cpu_seconds.append(time.process_time() - cpu)
        tally.folding.append(found.quality.folding_fraction)
        tally.kept.append(found.quality.method)
        alignments.append(found)
    frame = CommonFrame.of(reference, alignments, images[reference].scan)
    flat = [None if a is None else replace(a, displacement=None, reverse=None) for a in alignments]
    affine = CommonFrame.of(reference, flat, images[reference].scan)

    for k, visit in enumerate(visits):
        if k != reference:
            places = visit.volume.geometry.to_world(np.argwhere(visit.masks.liver))
            places = places[rng.choice(len(places), 500)]
            tally.liver_error_mm += errors(visits, frame, k, places)
            tally.affine_error_mm += errors(visits, affine, k, places)
    for name, course in (("given", visits), ("corrupted", wrong)):
        truth, lesions, shapes = [], [], {}
        for k, visit in enumerate(course):
            labels, known = true_lesions(k, visit.identities, visit.volume.geometry)
            mine, found = find_lesions(k, visit.volume, visit.masks)
            tally.exact.append(bool(np.array_equal(labels, mine)))
            truth.append(known)
            lesions.append(found)
            shapes |= lesion_shapes(mine, found, visit.volume.geometry)
            if name == "given" and k != reference and found:
                centres = np.array([lesion.centroid_mm for lesion in found])
                tally.centre_error_mm += errors(course, frame, k, centres)
        dates = [visit.date for visit in course]
        edges = true_edges(truth)
        identities = {t.key: set(t.identities) for at in truth for t in at}
        matching = match_course(lesions, frame, dates, shapes)
        answers = {
            "ours": {(e.earlier, e.later) for e in matching.edges},
            "nearest": nearest_links(lesions, affine),
            "overlap": overlap_links(lesions, affine, shapes),
        }
        for method, links in answers.items():
            counts = tally.counts.setdefault((method, name), Counts())
            counts.add(links, edges, identities)
    tally.courses += 1


def errors(
    visits: Sequence[SimulatedVisit], frame: CommonFrame, visit: int, places: FloatArray
) -> list[float]:
    """Distance in the body between places and where the frame finds them at the reference."""
    found = frame.map_points(places, visit, frame.reference)
    gap = visits[visit].to_body(places) - visits[frame.reference].to_body(found)
    return np.linalg.norm(gap, axis=1).tolist()


def nearest_links(lesions: Sequence[Sequence[Lesion]], frame: CommonFrame) -> set[Link]:
    """Hungarian matching of centroids of neighbouring visits, no farther than 20 mm."""
    links = set()
    for before, after in pairwise(lesions):
        if not (before and after):
            continue
        a, b = (centres(at, frame) for at in (before, after))
        distance = cdist(a, b)
        for i, j in zip(*linear_sum_assignment(distance), strict=True):
            if distance[i, j] <= 20:
                links.add((before[i].key, after[j].key))
    return links


def overlap_links(
    lesions: Sequence[Sequence[Lesion]],
    frame: CommonFrame,
    shapes: dict[tuple[int, int], LesionShape],
) -> set[Link]:
    """Every two lesions of neighbouring visits that share voxels."""
    links = set()
    for before, after in pairwise(lesions):
        for a in before:
            for b in after:
                near = [
                    frame.map_points(shapes[x.key].points_mm, x.visit, frame.reference)
                    for x in (a, b)
                ]
                grain = max(shapes[x.key].grain_mm for x in (a, b))
                if cdist(*near).min() < grain * 0.87:
                    links.add((a.key, b.key))
    return links


def centres(lesions: Sequence[Lesion], frame: CommonFrame) -> FloatArray:
    """Centroids at the reference visit."""
    at = np.array([lesion.centroid_mm for lesion in lesions])
    return frame.map_points(at, lesions[0].visit, frame.reference)


def report(tallies: dict[str, Tally], chosen: argparse.Namespace) -> None:
    """Write what has been measured so far."""
    lines = [
        "# Following lesions over simulated courses",
        "",
        f"{dt.date.today()}, {platform.machine()}, {os.cpu_count()} cores, "
        f"torch {torch.__version__} on {chosen.threads} threads.",
        f"`python benchmarks/longitudinal.py --courses {chosen.courses} --visits {chosen.visits}`",
        "",
        "Real: LiTS 0 and 3D-IRCADb 1.19 moved by rotations up to 5°, shifts up to 15 mm and "
        "elastic motion of 5 to 25 mm at most, slices of 1.5 to 5 mm, noise added, ellipsoid "
        "lesions inserted that grow, shrink, appear, vanish, stay away for a visit, merge and "
        "split. (The liver of 3D-IRCADb 1.19 is a rough one, by thresholds.) Phantoms: "
        "`lvt_track.phantom`, the same events. Given: the true masks. Corrupted: 15 % of the "
        "lesions missed, 15 % false ones added, borders off by a voxel. All visits were "
        "registered with the corrupted tumour masks.",
        "",
        "Nearest: Hungarian matching of centroids of neighbouring visits after affine "
        "registration. Overlap: every pair that shares voxels after affine registration.",
        "",
        "| courses | masks | method | precision | recall | F1 | split links | merge links "
        "| gaps bridged | switches per patient |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for kind, tally in tallies.items():
        for masks in ("given", "corrupted"):
            lines += [
                f"| {tally.courses} {kind} | {masks} | {method} | "
                + " | ".join(tally.counts[method, masks].row())
                + " |"
                for method in METHODS
                if (method, masks) in tally.counts
            ]
    lines += [
        "",
        "| courses | error at lesions, mm: mean, 95 %, most | in the liver | affine only | "
        "folding, most | elastic kept | seconds a pair: wall, CPU | components exact |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for kind, tally in tallies.items():
        if tally.seconds:
            kept = np.mean([method == "deformable" for method in tally.kept])
            lines.append(
                f"| {kind} | {spread(tally.centre_error_mm)} | {spread(tally.liver_error_mm)} | "
                f"{spread(tally.affine_error_mm)} | {max(tally.folding):.4%} | {kept:.0%} | "
                f"{np.mean(tally.seconds):.1f}, {np.mean(tally.cpu_seconds):.1f} | "
                f"{sum(tally.exact)} of {len(tally.exact)} visits |"
            )
    lines += [
        "",
        "Wall seconds were taken on a machine that ran other work as well; CPU seconds are the "
        "steadier figure.",
        "",
    ]
    RESULT.write_text("\n".join(lines))


def spread(values: Sequence[float]) -> str:
    """Mean, 95th percentile and maximum."""
    if not values:
        return "–"
    return f"{np.mean(values):.2f}, {np.percentile(values, 95):.2f}, {np.max(values):.1f}"


if __name__ == "__main__":
    main()
