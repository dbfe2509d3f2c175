"""Ways to link lesions, ours and two simple ones, and how right their links are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from courses.registered import RegisteredCourse, SeenLesions
from lvt_track.core.geometry import FloatArray
from lvt_track.core.lesion.lesion import Edge, Event, Lesion
from lvt_track.lesions.components import LesionShape
from lvt_track.lesions.matching.costs import Costs
from lvt_track.lesions.matching.match import match_course
from lvt_track.register.frame import CommonFrame
from pages.markdown import markdown_table

__all__ = ["METHODS", "LinkScore", "link", "our_edges", "reliability"]

METHODS = ("ours", "nearest", "overlap")
_FARTHEST_MM = 20.0
_CLASSES = (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 1.01)
"""Limits of the classes of stated confidence."""

Key = tuple[int, int]
Link = tuple[Key, Key]


@dataclass
class LinkScore:
    """Links found and true, of one method on one kind of masks, over courses."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    splits: list[bool] = field(default_factory=list)
    merges: list[bool] = field(default_factory=list)
    gaps: list[bool] = field(default_factory=list)
    switches: list[int] = field(default_factory=list)

    def add(
        self, found: set[Link], truth: Sequence[Edge], identities: Mapping[Key, frozenset[int]]
    ) -> None:
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

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall."""
        return 2 * self.right / max(1, 2 * self.right + self.wrong + self.missed)

    def row(self) -> list[str]:
        """Precision, recall, F1, splits, merges, gaps, switches per patient."""
        precision = self.right / max(1, self.right + self.wrong)
        recall = self.right / max(1, self.right + self.missed)
        shares = [
            f"{np.mean(x):.2f} of {len(x)}" if x else "–"
            for x in (self.splits, self.merges, self.gaps)
        ]
        switches = f"{np.mean(self.switches):.2f}"
        return [f"{v:.3f}" for v in (precision, recall, self.f1)] + [*shares, switches]


def our_edges(course: RegisteredCourse, masks: str, costs: Costs | None = None) -> tuple[Edge, ...]:
    """What `lvt` says of a course."""
    seen = course.seen[masks]
    matching = match_course(seen.lesions, course.frame, course.dates, seen.shapes, costs=costs)
    return matching.edges


def link(course: RegisteredCourse, masks: str, method: str) -> set[Link]:
    """Links between the lesions of a course, by one of `METHODS`."""
    seen = course.seen[masks]
    if method == "ours":
        return {(edge.earlier, edge.later) for edge in our_edges(course, masks)}
    if method == "nearest":
        return _nearest(seen.lesions, course.affine)
    return _overlapping(seen, course.affine)


def reliability(courses: Sequence[tuple[RegisteredCourse, str]]) -> str:
    """Stated confidence of our links beside the share that is right, for courses and masks."""
    stated, right = [], []
    for course, masks in courses:
        truth = {(edge.earlier, edge.later) for edge in course.seen[masks].edges}
        for edge in our_edges(course, masks):
            stated.append(edge.confidence or 0.0)
            right.append((edge.earlier, edge.later) in truth)
    which = np.digitize(stated, _CLASSES) - 1
    rows = []
    for k, (low, high) in enumerate(pairwise(_CLASSES)):
        here = which == k
        if here.any():
            means = [f"{np.mean(np.array(x)[here]):.3f}" for x in (stated, right)]
            rows.append([f"{low:.2f} to {min(high, 1):.2f}", here.sum(), *means])
    return markdown_table(["confidence", "links", "mean stated", "share right"], rows)


def _nearest(lesions: Sequence[Sequence[Lesion]], frame: CommonFrame) -> set[Link]:
    """Hungarian matching of centroids of neighbouring visits, no farther than 20 mm."""
    links = set()
    for before, after in pairwise(lesions):
        if not (before and after):
            continue
        a, b = (_centres(at, frame) for at in (before, after))
        distance = cdist(a, b)
        for i, j in zip(*linear_sum_assignment(distance), strict=True):
            if distance[i, j] <= _FARTHEST_MM:
                links.add((before[i].key, after[j].key))
    return links


def _overlapping(seen: SeenLesions, frame: CommonFrame) -> set[Link]:
    """Every two lesions of neighbouring visits that share voxels."""

    def tree(lesion: Lesion) -> tuple[cKDTree, LesionShape]:
        shape = seen.shapes[lesion.key]
        return cKDTree(frame.map_points(shape.points_mm, lesion.visit, frame.reference)), shape

    links = set()
    trees = {lesion.key: tree(lesion) for at in seen.lesions for lesion in at}
    for before, after in pairwise(seen.lesions):
        for a in before:
            for b in after:
                (here, shape), (there, other) = trees[a.key], trees[b.key]
                reach = max(shape.grain_mm, other.grain_mm) * np.sqrt(3) / 2
                if here.count_neighbors(there, reach):
                    links.add((a.key, b.key))
    return links


def _centres(lesions: Sequence[Lesion], frame: CommonFrame) -> FloatArray:
    """Centroids at the reference visit."""
    at = np.array([lesion.centroid_mm for lesion in lesions])
    return frame.map_points(at, lesions[0].visit, frame.reference)
