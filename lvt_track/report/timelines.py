"""Each track seen visit by visit: what was found of it, and how large it was in all."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lvt_track.core.course import Course, VisitFindings
from lvt_track.core.lesion.lesion import Event, Lesion, Track, TrackState
from lvt_track.core.lesion.size_error import SizeInterval, joint_interval, lesion_intervals
from lvt_track.core.quantities import reported_ml, reported_mm
from lvt_track.response import kinetics

__all__ = [
    "MOST_PICTURED_TRACKS",
    "Presence",
    "Sighting",
    "Timeline",
    "by_importance",
    "change_percent",
    "doubling_time_days",
    "monthly_growth_percent",
    "pictured_tracks",
    "primary_criterion",
    "timelines",
]

MOST_PICTURED_TRACKS = 20

_LEAST_GROWTH = 1.2


class Presence(StrEnum):
    """What a visit shows of a track; `FIRST_SEEN` where it is not certain that it is new."""

    SEEN = "found"
    NEW = "new"
    FIRST_SEEN = "first seen"
    SPLIT = "split"
    MERGED = "merged"
    REAPPEARED = "reappeared"
    NOT_SEEN = "not seen"
    NOT_YET = "not yet"


@dataclass(frozen=True)
class Sighting:
    """One track at one visit.

    Attributes:
        presence: what the visit shows of it.
        lesions: its lesions at the visit, largest first; several after a split or before a merge.
        diameter_95, volume_95: 95 % intervals of `diameter_mm` and of `volume_ml`; None where
            it is not seen, or the end of the scan cuts it.
    """

    presence: Presence
    lesions: tuple[Lesion, ...]
    diameter_95: SizeInterval | None = None
    volume_95: SizeInterval | None = None

    @property
    def is_seen(self) -> bool:
        """Whether the visit shows at least one lesion of the track."""
        return bool(self.lesions)

    @property
    def is_cut(self) -> bool:
        """Whether the scan ends in one of its lesions, so that it has no size to compare."""
        return any(lesion.is_cut for lesion in self.lesions)

    @property
    def diameter_mm(self) -> float | None:
        """Sum of the long axes of its lesions, as RECIST 1.1 adds the parts of a split lesion.

        The lengths are those that tables give, so that sums and changes follow from them.
        """
        if not self.lesions:
            return None
        lengths = (lesion.measurement.long_axis.length_mm for lesion in self.lesions)
        return reported_mm(sum(map(reported_mm, lengths)))

    @property
    def volume_ml(self) -> float | None:
        """Sum of the volumes of its lesions, as tables give them."""
        if not self.lesions:
            return None
        return reported_ml(sum(reported_ml(one.measurement.volume_ml) for one in self.lesions))


@dataclass(frozen=True)
class Timeline:
    """One track over all visits of a course.

    Attributes:
        track: the track.
        sightings: one per visit, in order of date.
    """

    track: Track
    sightings: tuple[Sighting, ...]

    @property
    def name(self) -> str:
        """The track's name in figures and tables."""
        return f"T{self.track.number}"

    @property
    def seen(self) -> tuple[int, ...]:
        """Indices of the visits that show it."""
        return tuple(i for i, sighting in enumerate(self.sightings) if sighting.is_seen)

    @property
    def first(self) -> Sighting:
        """Its first sighting."""
        return self.sightings[self.seen[0]]

    @property
    def last(self) -> Sighting:
        """The last visit that shows it."""
        return self.sightings[self.seen[-1]]

    @property
    def is_comparable(self) -> bool:
        """Whether its size changed from one visit to another, and neither scan ends in it."""
        return len(self.seen) > 1 and not self.first.is_cut and not self.last.is_cut

    @property
    def largest_diameter_mm(self) -> float:
        """The largest diameter at any visit."""
        return max(sighting.diameter_mm or 0.0 for sighting in self.sightings)

    @property
    def is_seen_last(self) -> bool:
        """Whether the last visit shows it."""
        return self.sightings[-1].is_seen


def timelines(course: Course) -> tuple[Timeline, ...]:
    """All tracks of a course, visit by visit, in order of their numbers."""
    lesions = {lesion.key: lesion for findings in course.visits for lesion in findings.lesions}
    arrivals: dict[tuple[int, int], set[Event]] = {}
    for edge in course.edges:
        arrivals.setdefault(edge.later, set()).add(edge.event)
    lines = []
    for track in sorted(course.tracks, key=lambda t: t.number):
        sightings: list[Sighting] = []
        for visit in range(len(course.visits)):
            lesions_now = [lesions[key] for key in track.lesions if key[0] == visit]
            lesions_now.sort(key=lambda lesion: (-lesion.measurement.volume_ml, lesion.label))
            events = {event for lesion in lesions_now for event in arrivals.get(lesion.key, ())}
            presence = _presence(bool(lesions_now), visit, events, sightings)
            if presence is Presence.NEW and not _is_certain(track, visit):
                presence = Presence.FIRST_SEEN
            intervals = _intervals(course.visits[visit], lesions_now)
            sightings.append(Sighting(presence, tuple(lesions_now), *intervals))
        lines.append(Timeline(track, tuple(sightings)))
    return tuple(lines)


def _intervals(
    findings: VisitFindings, lesions: list[Lesion]
) -> tuple[SizeInterval | None, SizeInterval | None]:
    """95 % intervals of the diameters and of the volumes of lesions, each added up."""
    each = [lesion_intervals(findings, lesion) for lesion in lesions]
    known = [one for one in each if one is not None]
    if len(known) < len(lesions):
        return None, None
    sizes = [lesion.measurement for lesion in lesions]
    return (
        joint_interval(
            [size.long_axis.length_mm for size in sizes], [one.long_axis for one in known]
        ),
        joint_interval([size.volume_ml for size in sizes], [one.volume for one in known]),
    )


def _is_certain(track: Track, visit: int) -> bool:
    """Whether at this visit it is known that a track that begins there is new."""
    if track.state is TrackState.UNCERTAIN:
        return False
    return track.confirmed is None or visit >= track.confirmed


def _presence(is_seen: bool, visit: int, events: set[Event], before: list[Sighting]) -> Presence:
    was_seen = any(sighting.is_seen for sighting in before)
    if not is_seen:
        return Presence.NOT_SEEN if was_seen else Presence.NOT_YET
    if not was_seen:
        return Presence.SEEN if visit == 0 else Presence.NEW
    if Event.MERGE in events:
        return Presence.MERGED
    if Event.SPLIT in events:
        return Presence.SPLIT
    return Presence.SEEN if before[-1].is_seen else Presence.REAPPEARED


def by_importance(lines: tuple[Timeline, ...]) -> tuple[Timeline, ...]:
    """The tracks in the order a reader wants them: by the most millimetres a visit shows or moved.

    A track counts with its largest diameter plus its change from the first to the last visit, so
    that large and fast-changing tumours come first; ties go by number.
    """
    return tuple(sorted(lines, key=lambda line: (-_weight_mm(line), line.track.number)))


def pictured_tracks(course: Course, at_most: int = MOST_PICTURED_TRACKS) -> tuple[int, ...]:
    """Numbers of the tracks to show in key images: the most important ones, in order of number."""
    ranked = by_importance(timelines(course))[:at_most]
    return tuple(sorted(line.track.number for line in ranked))


def _weight_mm(line: Timeline) -> float:
    first = line.sightings[0].diameter_mm or 0.0
    last = line.sightings[-1].diameter_mm or 0.0
    return line.largest_diameter_mm + abs(last - first)


def change_percent(before: float | None, after: float | None) -> float | None:
    """Relative change in percent; None where a value is missing or the first is zero."""
    if before is None or after is None or before <= 0:
        return None
    return 100.0 * (after - before) / before


def doubling_time_days(
    first_ml: float | None, last_ml: float | None, elapsed_days: float
) -> float | None:
    """Days in which a volume doubles, if it grew exponentially between two visits.

    Returns:
        None for a volume that grew by less than 20 %, which two readings of one scan may differ by,
        or without time or volumes.
    """
    if not first_ml or not last_ml or last_ml < _LEAST_GROWTH * first_ml:
        return None
    return kinetics.doubling_time_days(last_ml / first_ml, elapsed_days)


def monthly_growth_percent(
    first_ml: float | None, last_ml: float | None, elapsed_days: float
) -> float | None:
    """Tumour growth rate: change of volume per month in percent, negative when it shrank.

    Returns:
        None without time or volumes.
    """
    if not first_ml or not last_ml:
        return None
    return kinetics.growth_rate_percent_per_month(last_ml / first_ml, elapsed_days)


def primary_criterion(course: Course) -> str | None:
    """The criterion that leads the report: RECIST 1.1 where it was applied, else the first."""
    criteria = [response.criterion for response in course.responses]
    if not criteria:
        return None
    return next((name for name in criteria if name == "RECIST 1.1"), criteria[0])
