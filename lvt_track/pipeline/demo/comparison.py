"""What the demo found beside what is true of its patient, who was drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lvt_track.core.course import GIVEN, Course
from lvt_track.core.lesion.caliper import Caliper
from lvt_track.core.lesion.lesion import Lesion, Measurement
from lvt_track.phantom.course.truth import TrueLesion, true_edges, true_tracks
from lvt_track.response.course import respond_to_course
from lvt_track.response.criteria.catalogue import CRITERIA

__all__ = ["LARGE_MM", "CategoryPair", "TruthComparison", "compare_with_truth"]

LARGE_MM = 10.0
"""Lesions from this long axis on are counted also by themselves: RECIST measures them."""

_LEAST_REACH_MM = 5.0

Key = tuple[int, int]


@dataclass(frozen=True)
class CategoryPair:
    """The response at one visit by one criterion: as it was told, and on the true lesions."""

    date: str
    criterion: str
    told: str
    true: str


@dataclass(frozen=True)
class TruthComparison:
    """What was found, beside the truth.

    Attributes:
        lesions, lesions_found: true lesions of all visits, and those that were drawn.
        large, large_found: of these, the ones with a long axis of `LARGE_MM` or more.
        false_lesions: drawn where no lesion is.
        links, links_found: from which true lesion to which it became, and those that were told.
        false_links: told between lesions that are not one tumour.
        categories: responses after the first visit.
    """

    lesions: int
    lesions_found: int
    large: int
    large_found: int
    false_lesions: int
    links: int
    links_found: int
    false_links: int
    categories: tuple[CategoryPair, ...]

    def facts(self) -> dict[str, object]:
        """The comparison as plain values."""
        counts = {name: value for name, value in vars(self).items() if name != "categories"}
        return counts | {"categories": [vars(pair) for pair in self.categories]}

    def summary(self) -> str:
        """The comparison in a few lines."""
        lines = [
            f"truth:  {self.lesions_found} of {self.lesions} true lesions were drawn "
            f"({self.large_found} of {self.large} from {LARGE_MM:.0f} mm on), "
            f"{self.false_lesions} where none is",
            f"        {self.links_found} of {self.links} links from visit to visit are told, "
            f"{self.false_links} wrong ones",
        ]
        for criterion in dict.fromkeys(pair.criterion for pair in self.categories):
            pairs = [pair for pair in self.categories if pair.criterion == criterion]
            same = sum(pair.told == pair.true for pair in pairs)
            odd = "".join(
                f"; {pair.date} is {pair.true}, told {pair.told}"
                for pair in pairs
                if pair.told != pair.true
            )
            lines.append(f"        {criterion}: {same} of {len(pairs)} categories as true{odd}")
        return "\n".join(lines)


def compare_with_truth(
    course: Course, truth: Mapping[str, Sequence[TrueLesion]]
) -> TruthComparison:
    """Compare a course with the true lesions of its visits.

    A lesion is drawn where the centre of one lies within half the long axis (or 5 mm) of the
    other. The true responses follow from the true sizes, by the same rules.

    Args:
        course: as `lvt track` found it.
        truth: the true lesions of each visit by its date, ISO; visits that the course lacks are
            left out.
    """
    lesions = [
        tuple(replace(lesion, visit=k) for lesion in truth[findings.visit.date.isoformat()])
        for k, findings in enumerate(course.visits)
    ]
    pairs = [
        (drawn.key, true.key)
        for findings, at in zip(course.visits, lesions, strict=True)
        for drawn in findings.lesions
        for true in at
        if _is_one(drawn, true)
    ]
    seen = {true for _, true in pairs}
    large = {one.key for at in lesions for one in at if one.long_axis_mm >= LARGE_MM}
    edges = true_edges(lesions)
    links = {(edge.earlier, edge.later) for edge in edges}
    link_ends = [_true_ends((edge.earlier, edge.later), pairs) for edge in course.edges]
    drawn_count = sum(len(findings.lesions) for findings in course.visits)
    return TruthComparison(
        lesions=sum(map(len, lesions)),
        lesions_found=len(seen),
        large=len(large),
        large_found=len(large & seen),
        false_lesions=drawn_count - len({drawn for drawn, _ in pairs}),
        links=len(links),
        links_found=len(links & {link for ends in link_ends for link in ends}),
        false_links=sum(not (links & ends) for ends in link_ends),
        categories=_categories(course, _as_true(course, lesions)),
    )


def _is_one(drawn: Lesion, true: TrueLesion) -> bool:
    apart_mm = float(np.linalg.norm(np.subtract(drawn.centroid_mm, true.centroid_mm)))
    long_mm = max(drawn.measurement.long_axis.length_mm, true.long_axis_mm)
    return apart_mm <= max(long_mm / 2, _LEAST_REACH_MM)


def _true_ends(link: tuple[Key, Key], pairs: Sequence[tuple[Key, Key]]) -> set[tuple[Key, Key]]:
    """Between which true lesions a link that was told may run."""
    starts, ends = ([true for drawn, true in pairs if drawn == end] for end in link)
    return {(start, end) for start in starts for end in ends}


def _as_true(course: Course, lesions: Sequence[Sequence[TrueLesion]]) -> Course:
    """The course with its true lesions."""
    edges = true_edges(lesions)
    visits = tuple(
        replace(
            findings,
            lesions=tuple(map(_measured, at)),
            sources=dict.fromkeys(findings.sources, GIVEN),
        )
        for findings, at in zip(course.visits, lesions, strict=True)
    )
    tracks = true_tracks(lesions, edges)
    return Course(course.patient, visits, edges=edges, tracks=tracks)


def _measured(true: TrueLesion) -> Lesion:
    """A true lesion as if it had been measured; its calipers lie along x and y."""
    axes = (np.array([true.long_axis_mm, 0, 0]), np.array([0, true.short_axis_mm, 0]))
    long_axis, short_axis = (
        Caliper(
            tuple((np.array(true.centroid_mm) - axis / 2).tolist()),
            tuple((np.array(true.centroid_mm) + axis / 2).tolist()),
            float(axis.sum()),
        )
        for axis in axes
    )
    size = Measurement(true.volume_ml, long_axis, short_axis, 0)
    return Lesion(true.visit, true.label, true.centroid_mm, size)


def _categories(course: Course, true_course: Course) -> tuple[CategoryPair, ...]:
    by_name = {criterion.name: criterion for criterion in CRITERIA.values()}
    first = course.visits[0].visit.date
    pairs = []
    for name in dict.fromkeys(response.criterion for response in course.responses):
        true = {one.date: one.category for one in respond_to_course(true_course, by_name[name])}
        pairs += [
            CategoryPair(one.date.isoformat(), name, str(one.category), str(true[one.date]))
            for one in course.responses
            if one.criterion == name and one.date > first
        ]
    return tuple(pairs)
