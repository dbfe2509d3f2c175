"""From the tracks that lvt found to the rows from which response is judged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from lvt_track.core.assessment import Assessment, Role, Status
from lvt_track.core.course import GIVEN, Course, VisitFindings
from lvt_track.core.records import Edge, Lesion, Response, Track, TrackState
from lvt_track.response.criteria import Criterion
from lvt_track.response.recist import RECIST_1_1
from lvt_track.response.timepoints import classify

__all__ = ["LEAST_NEW_MM", "respond_to_course", "rows_from_course"]

LEAST_NEW_MM = 10.0
"""Shortest long axis of a measurable lesion (RECIST 1.1); below it a model errs too often."""

Key = tuple[int, int]


def respond_to_course(course: Course, criterion: Criterion = RECIST_1_1) -> tuple[Response, ...]:
    """Response at every visit of a course, also at those that show no lesion.

    Args:
        course: with its visits, edges and tracks.
        criterion: RECIST 1.1 or volume; mRECIST needs diameters that tracks do not have.
    """
    dates = [found.visit.date for found in course.visits]
    return classify(rows_from_course(course), criterion, dates)


def rows_from_course(course: Course) -> tuple[Assessment, ...]:
    """One row per lesion and visit; the first visit is the baseline.

    Lesions of the first visit bear the number of their track, with a letter where the track had
    several. Later pieces of one are `3.1`, `3.2`; what merged from two is `3a+3b`. A lesion of
    the baseline that is not found at a visit is absent there, or not done where the visit does
    not show its place. Roles are left open, so that the
    targets follow from the rule; since every lesion lies in the liver, that makes two at most.
    Tracks that matching calls uncertain are non-target at baseline, and roles that a reader gives
    are kept. What is uncertain later, or
    what a model calls new below the size that RECIST measures, is a possible new lesion, which is
    told but not counted: a reader must say, or a later visit that confirms it. Rows before that
    visit hold what was known then.

    Args:
        course: with its visits, edges and tracks.
    """
    rows: list[Assessment] = []
    for track in course.tracks:
        if any(visit == 0 for visit, _ in track.lesions):
            rows.extend(_followed(course, track))
        else:
            rows.extend(_later(course, track))
    return tuple(sorted(rows, key=lambda row: (row.date, row.lesion)))


def _later(course: Course, track: Track) -> Iterable[Assessment]:
    """A track that begins after the baseline."""
    by_visit = _by_visit(course, track)
    known: set[str] = set()
    for visit, found in enumerate(course.visits):
        named = dict(_named(str(track.number), by_visit.get(visit, [])))
        for name, lesion in named.items():
            doubtful = not _is_certain(track, visit) or _is_doubtful(found, lesion)
            doubtful &= not track.is_new_by_reader
            status = Status.EQUIVOCAL if doubtful else Status.MEASURED
            yield _row(found, name, lesion, status=status, role=Role.NEW)
        for name in known - named.keys():
            yield _missing(course, track, visit, name, role=Role.NEW)
        known |= named.keys()


def _followed(course: Course, track: Track) -> Iterable[Assessment]:
    """A track that the baseline already shows."""
    by_visit = _by_visit(course, track)
    role = Role.NON_TARGET if track.state is TrackState.UNCERTAIN else None
    if track.role:
        role = Role(track.role)
    start = dict(_lettered(str(track.number), by_visit[0]))
    for name, lesion in start.items():
        yield _row(course.visits[0], name, lesion, role=role)
    origins = _origins(course.edges, {lesion.key: name for name, lesion in start.items()})
    for visit in range(1, len(course.visits)):
        found = course.visits[visit]
        heirs: dict[tuple[str, ...], list[Lesion]] = defaultdict(list)
        for lesion in by_visit.get(visit, []):
            heirs[tuple(sorted(origins.get(lesion.key, ())))].append(lesion)
        for ancestors, lesions in heirs.items():
            if not ancestors:
                for name, lesion in _named(f"{track.number}n", lesions):
                    yield _row(found, name, lesion, status=Status.EQUIVOCAL, role=Role.NEW)
                continue
            for name, lesion in _named("+".join(ancestors), lesions):
                derived = () if (name,) == ancestors else ancestors
                yield _row(found, name, lesion, derived_from=derived)
        inherited = {name for ancestors in heirs for name in ancestors}
        for name in start.keys() - inherited:
            yield _missing(course, track, visit, name)


def _by_visit(course: Course, track: Track) -> dict[int, list[Lesion]]:
    by_visit: dict[int, list[Lesion]] = defaultdict(list)
    for key in track.lesions:
        by_visit[key[0]].append(course.lesion(key))
    return dict(by_visit)


def _origins(edges: Iterable[Edge], start: dict[Key, str]) -> dict[Key, set[str]]:
    """For every later lesion, the baseline lesions from which edges lead to it."""
    origins: dict[Key, set[str]] = defaultdict(set)
    origins.update({key: {name} for key, name in start.items()})
    for edge in sorted(edges, key=lambda edge: edge.later):
        origins[edge.later] |= origins[edge.earlier]
    return origins


def _lettered(name: str, lesions: list[Lesion]) -> list[tuple[str, Lesion]]:
    if len(lesions) == 1:
        return [(name, lesions[0])]
    return [(f"{name}{_letters(k)}", lesion) for k, lesion in enumerate(lesions)]


def _letters(k: int) -> str:
    """A to z, then aa, ab and on."""
    head = _letters(k // 26 - 1) if k >= 26 else ""
    return head + chr(ord("a") + k % 26)


def _named(name: str, lesions: list[Lesion]) -> list[tuple[str, Lesion]]:
    if len(lesions) == 1:
        return [(name, lesions[0])]
    return [(f"{name}.{k}", lesion) for k, lesion in enumerate(lesions, start=1)]


def _row(
    found: VisitFindings,
    name: str,
    lesion: Lesion,
    *,
    status: Status = Status.MEASURED,
    role: Role | None = None,
    derived_from: tuple[str, ...] = (),
) -> Assessment:
    size = lesion.measurement
    series = found.visit.tracked_series
    return Assessment(
        date=found.visit.date,
        lesion=name,
        role=role,
        long_axis_mm=size.long_axis.length_mm,
        short_axis_mm=size.short_axis.length_mm,
        volume_ml=size.volume_ml,
        status=status,
        position_mm=lesion.centroid_mm,
        derived_from=derived_from,
        phase=series.phase,
        slice_thickness_mm=series.slice_thickness_mm,
    )


def _is_certain(track: Track, visit: int) -> bool:
    """Whether at this visit it is known that a track that begins after the baseline is new."""
    if track.state is TrackState.UNCERTAIN:
        return False
    return track.confirmed is None or visit >= track.confirmed


def _is_doubtful(found: VisitFindings, lesion: Lesion) -> bool:
    """Whether a new lesion is a model's word only, and too small to take it."""
    is_small = lesion.measurement.long_axis.length_mm < LEAST_NEW_MM
    return is_small and found.sources.get("tumors") != GIVEN


def _missing(
    course: Course, track: Track, visit: int, name: str, role: Role | None = None
) -> Assessment:
    status = Status.NOT_DONE if (track.number, visit) in course.unshown else Status.ABSENT
    date = course.visits[visit].visit.date
    return Assessment(date=date, lesion=name, role=role, status=status)
