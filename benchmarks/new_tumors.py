"""How many tumours that are called new are none, and how many new ones are called, by rule.

    python benchmarks/new_tumors.py [--courses 16] [--redrawn 13] [--drawn 6] [--work DIR]

Courses as in longitudinal.py, half moved real CT and half phantoms, with masks that err at random:
15 % of the lesions missed, 15 % made up, borders off by a voxel; real ones again with other lesions
and errors; and courses of moved real CT that the embedded model draws. All is kept in the work
folder, and the command goes on where it was stopped. Writes docs/results/new-tumours.md.
"""

from __future__ import annotations

import argparse
import pickle
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from scipy.spatial import cKDTree

from courses.model_drawn import DRAWN, model_courses
from courses.redrawn import MORE_NEW, redrawn_courses
from courses.registered import (
    Livers,
    RegisteredCourse,
    keep,
    livers_of,
    registered_courses,
    use_one_thread,
)
from courses.simulated import draw_phases
from lvt_track.core.course import Course, LookBack, VisitFindings
from lvt_track.core.lesion.lesion import Track, TrackState
from lvt_track.core.methods import METHODS
from lvt_track.core.series import Phase, Series, Visit
from lvt_track.lesions.lookback.change import still_shown, with_changes
from lvt_track.lesions.lookback.search import look_back
from lvt_track.lesions.matching.doubts import ModelFinds, doubt_model_finds
from lvt_track.lesions.matching.events import doubt_what_was_visible
from lvt_track.lesions.matching.match import match_course
from pages.markdown import markdown_table, write_page

ROOT = Path(__file__).parents[1]
VISITS, VISITS_DRAWN = 4, 3
LEAST_MM = 8.0
"""New tumours from this long axis on, when the truth first shows them, are looked for."""

MEASURABLE_MM = 10.0
"""A model's find counts as progression from this long axis on."""

MEASURED = Path(__file__).parent / "uncertainty" / "drawn_lesions.csv"
PLAIN_HU = 20

CORRUPTED = "corrupted"
_FIRST_MADE_UP = 1000

RULES = (
    "matching alone",
    "and fragments, spots drawn once",
    "and what the scan before shows",
    "and what looks the same in the scan before, or has come back",
)
"""Each with those above it; all together are what `lvt track` says of tumours a model drew."""

ALL, CHOSEN, HELD_OUT = "all", "rules made with these in sight", "not looked at"
IN_SIGHT, DRAWN_IN_SIGHT = 6, 2
"""Courses by chance errors with a number below this one were looked at one by one when rules were
made, and of those that the model draws so many."""

Looked = tuple[Course, tuple[LookBack, ...], frozenset[int]]

Key = tuple[str, str, str, str]
"""Masks, kind of course, rule, and which of the courses."""


@dataclass
class Tally:
    """What was called new over courses."""

    visits: int = 0
    made_up: int = 0
    known: int = 0
    returned: int = 0
    counted: int = 0
    shown: int = 0
    called: int = 0
    beside: int = 0
    beside_called: int = 0

    def row(self) -> list[str]:
        """The counts as cells."""
        false = self.made_up + self.known
        return [
            f"{false} in {self.visits}: {false / max(1, self.visits):.2f}",
            str(self.made_up),
            f"{self.known} ({self.returned})",
            f"{self.counted / max(1, self.visits):.2f}",
            f"{self.called} of {self.shown}: {self.called / max(1, self.shown):.0%}",
            f"{self.beside_called} of {self.beside}" if self.beside else "–",
        ]


def main() -> None:
    """Draw the courses that are missing, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--courses", type=int, default=16)
    parser.add_argument("--real", action="store_true", help="no phantoms: every other course")
    parser.add_argument("--redrawn", type=int, default=13, help="more of each course")
    parser.add_argument("--drawn", type=int, default=6, help="courses that the model draws")
    parser.add_argument("--work", type=Path, default=ROOT / "runs" / "new-tumors")
    chosen = parser.parse_args()
    use_one_thread()
    write(chosen)


class Simulated(NamedTuple):
    """A course of one kind of masks.

    Attributes:
        course: the course.
        masks: their kind.
        livers: of its visits.
        is_in_sight: whether it was seen when the rules were made.
        number: which of the courses on the same scans it is.
    """

    course: RegisteredCourse
    masks: str
    livers: Livers
    is_in_sight: bool = True
    number: int = 0

    @property
    def name(self) -> str:
        """That no other has."""
        name = f"{self.course.number:03d}"
        return f"{name}-{self.number - 1}" if self.number else name


def courses(chosen: argparse.Namespace) -> Iterator[Simulated]:
    """All courses; of the real ones more."""
    for course in registered_courses(
        chosen.work, chosen.courses, VISITS, step=2 if chosen.real else 1
    ):
        is_in_sight = course.number < IN_SIGHT
        livers = livers_of(chosen.work, course.number)
        yield Simulated(course, CORRUPTED, livers, is_in_sight)
        count = chosen.redrawn if course.kind == "real" else 0
        for k, (more, livers) in enumerate(redrawn_courses(course, count, chosen.work), start=1):
            yield Simulated(more, CORRUPTED, livers, is_in_sight, k)
    for k, drawn in enumerate(model_courses(chosen.work, chosen.drawn, VISITS_DRAWN)):
        yield Simulated(drawn[0], DRAWN, drawn[1], k < DRAWN_IN_SIGHT)


def write(chosen: argparse.Namespace) -> None:
    """Judge the courses by all rules and write the page."""
    tallies: dict[Key, Tally] = {}
    numbers: Counter[tuple[str, str]] = Counter()
    for one in courses(chosen):
        course, masks = one.course, one.masks
        numbers[masks, course.kind] += 1
        half = CHOSEN if one.is_in_sight else HELD_OUT
        for rule, tracks in judged(one, chosen.work).items():
            for part in (ALL, half) if rule == RULES[-1] else (ALL,):
                tally = tallies.setdefault((masks, course.kind, rule, part), Tally())
                count(course, masks, tracks, tally)
    registered = chosen.courses // (2 if chosen.real else 1)
    rows = [
        [f"{numbers[masks, kind]} {kind}", masks, rule, part, *tally.row()]
        for (masks, kind, rule, part), tally in sorted(
            tallies.items(), key=lambda item: (item[0][0] == CORRUPTED, item[0][1] == "phantom")
        )
    ]
    header = "courses|masks|rule|which|false new a visit|made up|known before (away since)|"
    header += "of 10 mm, a visit|"
    header += "true new of 8 mm called|of those that touch a known one"
    write_page(
        "new-tumours",
        "Tumours called new that are none",
        f"python benchmarks/new_tumors.py --courses {chosen.courses} --redrawn {chosen.redrawn} "
        f"--drawn {chosen.drawn}" + " --real" * chosen.real,
        f"Corrupted: courses of {VISITS} visits, as in [longitudinal](longitudinal.md); 15 % of "
        "the lesions missed at each visit, 15 % made up (balls of 5 to 12 mm), borders off by a "
        f"voxel. {registered} are registered, and of each real one {chosen.redrawn} more are "
        f"drawn: in the same moved scans other lesions, {MORE_NEW} more of them new, noise and "
        f"errors. Drawn by the model: courses of {VISITS_DRAWN} portal venous "
        "visits of moved real CT with lesions, liver, vessels and tumours drawn by the embedded "
        "model and followed as `lvt track` does. What a real CT shows of its own is there at all "
        "visits, so that whatever of it is called new is false.\n\nNew is what begins after the "
        "first visit and is not called uncertain. Known before: the truth shows it earlier, where "
        "the masks missed it; some of them, in brackets, are not there in the scan before the "
        "find. True new: tumours of 8 mm and more when the truth first shows them, of which "
        "the masks show at least one lesion; on masks that the model drew, those that touch a "
        "tumour of the scan's own, which it shows before, are counted apart: they only make that "
        "one larger. Each rule stands with those above it; all "
        "together are what `lvt track` says of a model's tumours. The errors of courses on the "
        f"first {IN_SIGHT // 2} registered scans were looked at one by one when rules were made; "
        "the others are judged by rules that were made without them. Of those that the model drew "
        f"the first {DRAWN_IN_SIGHT} were seen.",
        markdown_table(header.split("|"), rows),
        _measured_errors(),
        "Two patients are behind all real courses, and lesions there are ellipsoids: this says how "
        "the rules behave, not how often they are right in a hospital.",
    )


def _measured_errors() -> str:
    """What the embedded model errs by in phantoms, beside the errors of chance."""
    drawn = pd.read_csv(MEASURED)
    true, false = drawn[drawn.kind != "false"], drawn[drawn.kind == "false"]
    plain = true.contrast_hu.abs() >= PLAIN_HU
    missed = true.kind == "missed"
    shares = [f"{int((missed & of).sum())} of {int(of.sum())}" for of in (plain, ~plain)]
    scans = len(drawn.groupby(["seed", "visit"]))
    return (
        "Errors of chance are harder than a model's: they miss a tumour at one visit whatever its "
        "size and contrast, and make up balls where the scan shows nothing. In "
        f"{scans} scans of phantoms (`benchmarks/{MEASURED.relative_to(MEASURED.parents[1])}`) the "
        f"embedded model missed {shares[0]} tumours of {PLAIN_HU} HU and more against their liver, "
        f"{shares[1]} fainter ones, and made up {len(false)}, all of "
        f"{false.contrast_hu.abs().min():.0f} HU and more. They are kept as they are, so that "
        "figures can be compared; the bar is for what the model draws."
    )


def judged(one: Simulated, work: Path) -> dict[str, tuple[Track, ...]]:
    """The tracks of a course by each rule."""
    course, seen = one.course, one.course.seen[one.masks]
    pictured, looks, shown = looked(one, work)
    finds = ModelFinds(seen.lesions, seen.shapes, course.dates, [True] * len(course.dates))
    by_rule = {RULES[0]: pictured.tracks}
    by_rule[RULES[1]] = doubt_model_finds(pictured.tracks, finds, course.frame)
    tracks = doubt_what_was_visible(pictured.tracks, pictured.lookbacks, course.dates)
    by_rule[RULES[2]] = doubt_model_finds(tracks, finds, course.frame)
    tracks = doubt_what_was_visible(pictured.tracks, looks, course.dates)
    by_rule[RULES[3]] = doubt_model_finds(
        tracks, replace(finds, looks=looks, still_shown=shown), course.frame
    )
    return by_rule


def looked(one: Simulated, work: Path) -> Looked:
    """The course with its tracks and looks, the looks with what changed, and the tracks that the
    next scan shows though one visit alone has them; kept in `work`."""
    methods = "-".join(str(METHODS[name]) for name in ("lesions", "match", "look back"))
    path = work / f"looks-{one.name}-by-{methods}.pickle"
    if not path.exists():
        course, seen = one.course, one.course.seen[one.masks]
        matching = match_course(seen.lesions, course.frame, course.dates, seen.shapes)
        visits = _visits(course, one.masks, one.livers)
        pictured = Course("simulated", visits, tracks=matching.tracks)
        lookbacks = look_back(pictured, one.livers, course.frame)
        pictured = replace(pictured, lookbacks=lookbacks)
        compared = (pictured, seen.shapes, one.livers, course.frame)
        keep((pictured, with_changes(*compared), still_shown(*compared)), path)
    kept: Looked = pickle.loads(path.read_bytes())
    return kept


def _visits(course: RegisteredCourse, masks: str, livers: Livers) -> tuple[VisitFindings, ...]:
    """The visits as looking back needs them."""
    visits = []
    phases = draw_phases(course.number, len(course.dates))
    if masks == DRAWN:
        phases = [Phase.PORTAL] * len(course.dates)
    for k, (date, liver) in enumerate(zip(course.dates, livers, strict=True)):
        assert liver is not None
        grid, lesions = liver.scan, course.seen[masks].lesions[k]
        of_it = (phases[k], grid.shape, grid.spacing_mm, grid.spacing_mm[0], False)
        series = Series((Path("simulated"),), str(k), "", *of_it)
        visits.append(VisitFindings(Visit(date, str(k), (series,)), grid, 0.0, 0.0, 0.0, lesions))
    return tuple(visits)


def count(course: RegisteredCourse, masks: str, tracks: Sequence[Track], tally: Tally) -> None:
    """Add one course to a tally."""
    begin_mm, shown = _beginnings(course), _shown(course)
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
        tally.returned += not is_made_up and not any((i, first - 1) in shown for i in identities)
        tally.counted += max(long_mm[key] for key in track.lesions) >= MEASURABLE_MM
    wanted = {i for i, (visit, mm) in begin_mm.items() if visit > 0 and mm >= LEAST_MM} & drawn
    beside = wanted & _beside_known(course, begin_mm) if masks == DRAWN else set()
    tally.shown += len(wanted - beside)
    tally.called += len((wanted - beside) & called)
    tally.beside += len(beside)
    tally.beside_called += len(beside & called)


def _beside_known(course: RegisteredCourse, begin_mm: Mapping[int, tuple[int, float]]) -> set[int]:
    """True tumours that begin touching one of the scan's own that the model shows before.

    The real scans have tumours: one that is drawn onto another only makes it larger.
    """
    truth, seen = course.seen["given"], course.seen[DRAWN]
    beside = set()
    for key, identities in truth.identities.items():
        begins = {i for i in identities if begin_mm[i][0] == key[0]}
        for before in range(key[0]) if begins else ():
            shape = truth.shapes[key]
            points_mm = course.frame.map_points(shape.points_mm, key[0], before)
            for other in seen.lesions[before]:
                is_of_scan = all(i >= _FIRST_MADE_UP for i in seen.identities[other.key])
                known = seen.shapes[other.key]
                gap_mm, _ = cKDTree(known.points_mm).query(points_mm)
                if is_of_scan and gap_mm.min() < known.grain_mm + shape.grain_mm:
                    beside |= begins
    return beside


def _shown(course: RegisteredCourse) -> set[tuple[int, int]]:
    """Each true tumour with each visit at which it is there."""
    seen = course.seen["given"]
    return {(i, visit) for (visit, _), ids in seen.identities.items() for i in ids}


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
