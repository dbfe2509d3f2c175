"""How many tumours that are called new are none, and how many new ones are called, by rule.

    python benchmarks/new_tumors.py [--courses 30] [--visits 4] [--work runs/new-tumors]

Courses as in longitudinal.py, half moved real CT and half phantoms, with masks that err at random:
15 % of the lesions missed, 15 % made up, borders off by a voxel. Registered courses are kept in the
work folder, and the command goes on where it was stopped. Writes docs/results/new-tumours.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from registered_course import (
    Livers,
    RegisteredCourse,
    livers_of,
    registered_courses,
    use_one_thread,
)
from simulated_courses import draw_phases
from table import markdown_table, write_page

from lvt_track.core.course import CHANGED_RATE, Course, VisitFindings
from lvt_track.core.lesion.lesion import Track, TrackState
from lvt_track.core.series import Series, Visit
from lvt_track.lesions.lookback.change import with_changes
from lvt_track.lesions.lookback.search import look_back
from lvt_track.lesions.matching.doubts import ModelFinds, doubt_model_finds
from lvt_track.lesions.matching.events import doubt_what_was_visible
from lvt_track.lesions.matching.match import match_course

ROOT = Path(__file__).parents[1]
LEAST_MM = 8.0
"""New tumours from this long axis on, when the truth first shows them, are looked for."""

MEASURABLE_MM = 10.0
"""A model's find counts as progression from this long axis on."""

_FIRST_MADE_UP = 1000

RULES = (
    "matching alone",
    "and fragments, spots drawn once",
    "and what the scan before shows",
    "and what looks the same in the scan before",
)
"""Each with those above it; all together are what `lvt track` says of tumours a model drew."""


@dataclass
class Tally:
    """What was called new over courses."""

    visits: int = 0
    made_up: int = 0
    known: int = 0
    counted: int = 0
    drawn: int = 0
    called: int = 0

    def row(self) -> list[str]:
        """The counts as cells."""
        false = self.made_up + self.known
        return [
            f"{false} in {self.visits}: {false / max(1, self.visits):.2f}",
            str(self.made_up),
            str(self.known),
            f"{self.counted / max(1, self.visits):.2f}",
            f"{self.called} of {self.drawn}: {self.called / max(1, self.drawn):.0%}",
        ]


def main() -> None:
    """Register the courses that are missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--courses", type=int, default=30)
    parser.add_argument("--visits", type=int, default=4)
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "new-tumors")
    parser.add_argument("--tables-only", action="store_true", help="register nothing more")
    chosen = parser.parse_args()
    use_one_thread()
    courses = registered_courses(
        chosen.work, chosen.courses, chosen.visits, register_more=not chosen.tables_only
    )
    command = f"python benchmarks/new_tumors.py --courses {len(courses)}"
    write(courses, command, chosen.work)


def write(courses: Sequence[RegisteredCourse], command: str, work: Path) -> None:
    """Judge the courses by all rules and write the page."""
    header = "courses|masks|rule|false new a visit|made up|known before|of 10 mm, a visit|"
    header += "true new of 8 mm called"
    tallies: dict[tuple[str, str, str], Tally] = {}
    for course in courses:
        for masks in ("given", "corrupted"):
            for rule, tracks in judged(course, masks, livers_of(work, course.number)).items():
                tally = tallies.setdefault((course.kind, masks, rule), Tally())
                count(course, masks, tracks, tally)
    rows = [
        [f"{sum(c.kind == kind for c in courses)} {kind}", masks, rule, *tally.row()]
        for (kind, masks, rule), tally in sorted(
            tallies.items(), key=lambda item: (item[0][0] == "phantom", item[0][1] == "corrupted")
        )
    ]
    write_page(
        "new-tumours",
        "Tumours called new that are none",
        command,
        f"{len(courses)} courses of {len(courses[0].dates)} visits, as in "
        "[longitudinal](longitudinal.md); corrupted: 15 % of the lesions missed at each visit, "
        "15 % made up (balls of 5 to 12 mm), borders off by a voxel. New is what begins after the "
        "first visit and is not called uncertain. Known before: the truth shows it earlier, where "
        "the masks missed it. True new: tumours of 8 mm and more when the truth first shows them, "
        "of which the masks show at least one lesion. Each rule stands with those above it; all "
        "together are what `lvt track` says of a model's tumours. The limit of "
        f"{100 * CHANGED_RATE:.0f} % for a place that looks the same was set on the first six "
        "courses, and the form of the rule with all of them in sight.",
        markdown_table(header.split("|"), rows),
        "The masks here err at random, not as a model does: what is made up need not look like a "
        "lesion in any scan, and fragments at the edge of a large tumour are not among the errors. "
        "What the embedded model errs by on real courses is not measured here.",
    )


def judged(course: RegisteredCourse, masks: str, livers: Livers) -> dict[str, tuple[Track, ...]]:
    """The tracks of a course by each rule; masks that a reader gave are only matched."""
    seen = course.seen[masks]
    matching = match_course(seen.lesions, course.frame, course.dates, seen.shapes)
    by_rule = {RULES[0]: matching.tracks}
    if masks == "given":
        return by_rule
    finds = ModelFinds(seen.lesions, seen.shapes, course.dates, [True] * len(course.dates))
    by_rule[RULES[1]] = doubt_model_finds(matching.tracks, finds, course.frame)
    pictured = Course("simulated", _visits(course, masks, livers), tracks=matching.tracks)
    pictured = replace(pictured, lookbacks=look_back(pictured, livers, course.frame))
    tracks = doubt_what_was_visible(pictured.tracks, pictured.lookbacks, course.dates)
    by_rule[RULES[2]] = doubt_model_finds(tracks, finds, course.frame)
    looks = with_changes(pictured, seen.shapes, livers, course.frame)
    tracks = doubt_what_was_visible(pictured.tracks, looks, course.dates)
    by_rule[RULES[3]] = doubt_model_finds(tracks, replace(finds, looks=looks), course.frame)
    return by_rule


def _visits(course: RegisteredCourse, masks: str, livers: Livers) -> tuple[VisitFindings, ...]:
    """The visits as looking back needs them."""
    visits = []
    phases = draw_phases(course.number, len(course.dates))
    for k, (date, liver) in enumerate(zip(course.dates, livers, strict=True)):
        assert liver is not None
        grid, lesions = liver.scan, course.seen[masks].lesions[k]
        of_it = (phases[k], grid.shape, grid.spacing_mm, grid.spacing_mm[0], False)
        series = Series((Path("simulated"),), str(k), "", *of_it)
        visits.append(VisitFindings(Visit(date, str(k), (series,)), grid, 0.0, 0.0, 0.0, lesions))
    return tuple(visits)


def count(course: RegisteredCourse, masks: str, tracks: Sequence[Track], tally: Tally) -> None:
    """Add one course to a tally."""
    begin_mm = _beginnings(course)
    seen = course.seen[masks]
    long_mm = {
        lesion.key: lesion.measurement.long_axis.length_mm for at in seen.lesions for lesion in at
    }
    tally.visits += len(course.dates) - 1
    called: set[int] = set()
    drawn = {identity for key in long_mm for identity in seen.identities[key]}
    for track in tracks:
        first = track.lesions[0][0]
        if first == 0 or track.state is TrackState.UNCERTAIN:
            continue
        identities = {i for key in track.lesions for i in seen.identities[key]}
        if any(begin_mm.get(i, (0, 0.0))[0] > 0 for i in identities):
            called |= identities
            continue
        is_made_up = all(i >= _FIRST_MADE_UP for i in identities)
        tally.made_up += is_made_up
        tally.known += not is_made_up
        tally.counted += max(long_mm[key] for key in track.lesions) >= MEASURABLE_MM
    wanted = {i for i, (visit, mm) in begin_mm.items() if visit > 0 and mm >= LEAST_MM}
    tally.drawn += len(wanted & drawn)
    tally.called += len(wanted & drawn & called)


def _beginnings(course: RegisteredCourse) -> Mapping[int, tuple[int, float]]:
    """Of each true tumour the first visit, and the long axis of its lesion there."""
    seen = course.seen["given"]
    begin: dict[int, tuple[int, float]] = {}
    for visit, lesions in enumerate(seen.lesions):
        for lesion in lesions:
            for identity in seen.identities[lesion.key]:
                length_mm = lesion.measurement.long_axis.length_mm
                begin.setdefault(identity, (visit, length_mm))
    return begin


if __name__ == "__main__":
    main()
