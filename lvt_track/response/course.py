"""From the tracks that lvt found to the rows from which response is judged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from lvt_track.core.course import GIVEN, Course, VisitFindings
from lvt_track.core.lesion.lesion import Edge, Lesion, Track, TrackState
from lvt_track.core.quantities import reported_ml, reported_mm
from lvt_track.core.response.assessment import Assessment, Role, Status
from lvt_track.core.response.response import Response
from lvt_track.core.series import Phase
from lvt_track.response.criteria.recist import LEAST_LONG_AXIS_MM, RECIST_1_1
from lvt_track.response.doubt.from_course import doubts_from_course
from lvt_track.response.doubt.shares import with_doubt
from lvt_track.response.lone_finds import with_lone_finds
from lvt_track.response.pieces import baseline_names, merged_name, piece_names, track_name
from lvt_track.response.timepoints.criterion import Criterion
from lvt_track.response.timepoints.targets import choose_baseline
from lvt_track.response.timepoints.walk import classify

__all__ = ["respond_to_course", "rows_from_course", "rows_with_roles", "target_lesions"]

_CUT = "the scan ends in it"
_NOT_SCANNED = "no earlier scan shows its place"
_NOT_ALIGNED = "no earlier scan that could be aligned shows its place"

Key = tuple[int, int]


def respond_to_course(course: Course, criterion: Criterion = RECIST_1_1) -> tuple[Response, ...]:
    """Response at every visit of a course, also at those that show no lesion.

    Reasons name lesions as figures and tables do, with a T. Each response but the baseline's says
    how sure it is.

    Args:
        course: with its visits, edges and tracks.
        criterion: one of `response.criteria`; NE where it needs what tracks do not have.
    """
    dates = [findings.visit.date for findings in course.visits]
    rows = [
        replace(
            row,
            lesion="+".join(map(track_name, row.lesion.split("+"))),
            derived_from=tuple(map(track_name, row.derived_from)),
        )
        for row in rows_from_course(course)
    ]
    doubts = doubts_from_course(course)
    called_new = {track_name(track.number) for track in course.tracks if track.is_new_by_reader}
    responses = classify(rows, criterion, dates)
    responses = with_lone_finds(responses, rows, criterion, doubts.drawn, called_new)
    return with_doubt(responses, rows, criterion, dates, doubts)


def rows_from_course(course: Course) -> tuple[Assessment, ...]:
    """One row per lesion and visit; the first visit is the baseline.

    Lesions of the first visit bear the number of their track, with a letter where the track had
    several. Later pieces of one are `3.1`, `3.2`; what merged from two is `3a+3b`. A lesion of
    the baseline that is not found at a visit is absent there, or not done where the visit does
    not show its place. Roles are left open, so that the targets follow from the rule; since every
    lesion lies in the liver, that makes two at most. Sizes are rounded as in `lesions.csv`, so
    that sums are those of the table.

    Tracks that matching calls uncertain are equivocal non-targets from the baseline on, and roles
    that a reader gives are kept. What is uncertain later, what a model calls new below the size
    that RECIST measures, or what lies where no earlier scan reaches, is a possible new lesion,
    which is told but not counted: a reader must say, or a later visit that confirms it. Rows before
    that visit hold what was known then. That a non-target has progressed unequivocally is a
    reader's word alone.

    A lesion that the end of the scan cuts has no size there: it is not done, at baseline a
    non-target lesion without a size, and when first seen later only possibly new.

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


def rows_with_roles(course: Course) -> tuple[Assessment, ...]:
    """The rows from which response is judged, with the roles that RECIST gave at baseline.

    Args:
        course: with its visits, edges and tracks.
    """
    rows = rows_from_course(course)
    first = [row for row in rows if row.date == course.visits[0].visit.date]
    baseline = choose_baseline(first, RECIST_1_1.scale)
    roles = {row.lesion: Role.TARGET for row in baseline.targets}
    roles |= {row.lesion: Role.NON_TARGET for row in baseline.non_targets}

    def role(row: Assessment) -> Role | None:
        names = (row.lesion, *row.derived_from)
        return row.role or next((roles[name] for name in names if name in roles), None)

    return tuple(replace(row, role=role(row)) for row in rows)


def target_lesions(course: Course) -> frozenset[Key]:
    """Keys of the lesions that the sum of diameters counts.

    Args:
        course: with its visits, edges and tracks.
    """
    places = {
        (findings.visit.date, lesion.centroid_mm): lesion.key
        for findings in course.visits
        for lesion in findings.lesions
    }
    return frozenset(
        places[row.date, row.position_mm]
        for row in rows_with_roles(course)
        if row.role is Role.TARGET and row.position_mm is not None
    )


def _later(course: Course, track: Track) -> Iterable[Assessment]:
    """A track that begins after the baseline."""
    by_visit = _by_visit(course, track)
    first = min(by_visit)
    is_uncovered = all((track.number, visit) in course.unshown for visit in range(first))
    known: set[str] = set()
    for visit, findings in enumerate(course.visits):
        lesions = by_visit.get(visit, [])
        names = piece_names(str(track.number), len(lesions))
        for name, lesion in zip(names, lesions, strict=True):
            row = replace(_row(findings, name, lesion), role=Role.NEW)
            is_doubtful = not _is_certain(track, visit) or _is_doubtful(findings, lesion)
            if is_uncovered and not lesion.is_cut:
                is_scanned = any(map(_is_unaligned, course.visits[: first + 1]))
                row = replace(row, remark=_NOT_ALIGNED if is_scanned else _NOT_SCANNED)
            is_open = is_doubtful or is_uncovered or lesion.is_cut
            if is_open and not track.is_new_by_reader:
                row = replace(row, status=Status.EQUIVOCAL)
            yield _judged(row, track, lesion)
        for name in known - set(names):
            yield _missing(course, track, visit, name, role=Role.NEW)
        known |= set(names)


def _followed(course: Course, track: Track) -> Iterable[Assessment]:
    """A track that the baseline already shows."""
    by_visit = _by_visit(course, track)
    is_open = track.state is TrackState.UNCERTAIN and not track.role
    role = Role.NON_TARGET if is_open else None
    if track.role:
        role = Role(track.role)
    names = baseline_names(str(track.number), len(by_visit[0]))
    start = dict(zip(names, by_visit[0], strict=True))
    for name, lesion in start.items():
        row = replace(_seen(course.visits[0], name, lesion, is_open), role=role)
        # What the scan cuts is there, but has no size.
        yield (replace(row, role=Role.NON_TARGET, status=Status.MEASURED) if lesion.is_cut else row)
    origins = _origins(course.edges, {lesion.key: name for name, lesion in start.items()})
    known: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for visit in range(1, len(course.visits)):
        findings = course.visits[visit]
        heirs: dict[tuple[str, ...], list[Lesion]] = defaultdict(list)
        for lesion in by_visit.get(visit, []):
            heirs[tuple(sorted(origins.get(lesion.key, ())))].append(lesion)
        for ancestors, lesions in heirs.items():
            if not ancestors:
                for name, lesion in _named(f"{track.number}n", lesions):
                    row = replace(_row(findings, name, lesion), role=Role.NEW)
                    yield replace(row, status=Status.EQUIVOCAL)
                continue
            named = dict(_named(merged_name(ancestors), lesions))
            for name, lesion in named.items():
                derived = () if (name,) == ancestors else ancestors
                row = replace(_seen(findings, name, lesion, is_open), derived_from=derived)
                yield _judged(row, track, lesion)
            if len(named) > 1:
                for name in known[ancestors] - named.keys():
                    yield replace(_missing(course, track, visit, name), derived_from=ancestors)
                known[ancestors] |= named.keys()
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


def _named(name: str, lesions: list[Lesion]) -> Iterable[tuple[str, Lesion]]:
    return zip(piece_names(name, len(lesions)), lesions, strict=True)


def _seen(findings: VisitFindings, name: str, lesion: Lesion, is_open: bool) -> Assessment:
    """What a visit says of a lesion that may be none."""
    row = _row(findings, name, lesion)
    return replace(row, status=Status.EQUIVOCAL) if is_open and not lesion.is_cut else row


def _judged(row: Assessment, track: Track, lesion: Lesion) -> Assessment:
    """The row with what a reader says of the progression of a non-target."""
    if lesion.key in track.progressed:
        return replace(row, status=Status.PROGRESSION)
    return replace(row, is_no_progression=lesion.key in track.not_progressed)


def _row(findings: VisitFindings, name: str, lesion: Lesion) -> Assessment:
    """What a visit says of a lesion; nothing of its size where the scan cuts it."""
    size = lesion.measurement
    series = findings.visit.tracked_series
    row = Assessment(
        date=findings.visit.date,
        lesion=name,
        position_mm=lesion.centroid_mm,
        phase=series.phase,
        slice_thickness_mm=series.slice_thickness_mm,
    )
    if lesion.is_cut:
        return replace(row, status=Status.NOT_DONE, remark=_CUT)
    viable, viable_short = _viable_mm(lesion)
    return replace(
        row,
        enhancing_mm=viable,
        enhancing_short_mm=viable_short,
        enhancing_phase=Phase.ARTERIAL if viable is not None else None,
        enhancing_reason=_why_not_viable(lesion) if viable is None else "",
        long_axis_mm=reported_mm(size.long_axis.length_mm) or None,
        short_axis_mm=reported_mm(size.short_axis.length_mm) or None,
        volume_ml=reported_ml(size.volume_ml) or None,
        mean_hu=size.mean_hu,
    )


def _viable_mm(lesion: Lesion) -> tuple[float | None, float | None]:
    """Axes of what enhances, as tables give them; None where that was not judged."""
    part = lesion.viability
    if part is None or part.long_axis_mm is None or part.short_axis_mm is None:
        return None, None
    return reported_mm(part.long_axis_mm), reported_mm(part.short_axis_mm)


def _why_not_viable(lesion: Lesion) -> str:
    return lesion.viability.reason if lesion.viability else "no arterial phase at this visit"


def _is_certain(track: Track, visit: int) -> bool:
    """Whether at this visit it is known that a track that begins after the baseline is new."""
    if track.state is TrackState.UNCERTAIN:
        return False
    return track.confirmed is None or visit >= track.confirmed


def _is_doubtful(findings: VisitFindings, lesion: Lesion) -> bool:
    """Whether a new lesion is a model's word only, and too small to take it."""
    is_small = lesion.measurement.long_axis.length_mm < LEAST_LONG_AXIS_MM
    return is_small and findings.sources.get("tumors") != GIVEN


def _why_unshown(course: Course, track: Track, visit: int) -> str:
    """Why a visit that does not show a track says nothing of it."""
    seen = {k for k, _ in track.lesions}
    if any(_is_unaligned(course.visits[k]) for k in (visit, *seen)):
        return "the scans could not be aligned"
    return "the scan does not show its place"


def _is_unaligned(findings: VisitFindings) -> bool:
    return findings.registration is not None and not findings.registration.is_reliable


def _missing(
    course: Course, track: Track, visit: int, name: str, role: Role | None = None
) -> Assessment:
    status = Status.NOT_DONE if (track.number, visit) in course.unshown else Status.ABSENT
    remark = _why_unshown(course, track, visit) if status is Status.NOT_DONE else ""
    date = course.visits[visit].visit.date
    return Assessment(date=date, lesion=name, role=role, status=status, remark=remark)
