"""Section: every tumour at every visit."""

from __future__ import annotations

from collections.abc import Sequence

from lvt_track.core.course import Course
from lvt_track.core.quantities import segment_names
from lvt_track.report.blocks import TEXT_WIDTH_MM, Block, Cell, Column, Table, Text
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.style import INK, MUTED
from lvt_track.report.timelines import Presence, Timeline, timelines
from lvt_track.report.wording import (
    change_lines,
    likely_line,
    sighting_lines,
    state_name,
    tumor_line,
)

__all__ = ["tumours"]

_SIDE_MM, _CHANGE_MM = 27.0, 31.0
_LEAST_MM, _MOST_MM = 19.6, 32.0
_NOTE = (
    "Long × short axis in mm, largest lesion first; below it the volume of all the track's lesions."
)
_CHANGE_NOTE = "Change is from the first to the last visit that shows the tumour."
_LIKELY_NOTE = "between which diameters the true one lies in 95 of 100 cases"
_TUMOUR_NOTE = ", and how likely what the model drew there is a tumour, by that scan alone"
_SEEN_COLOR = {Presence.NOT_SEEN: MUTED, Presence.NOT_YET: MUTED}


def tumours(content: ReportContent) -> Sequence[Block]:
    """Axes, volume, and what changed; says so where there is no tumour at all."""
    course = content.course
    if not course.tracks:
        return [Text("No tumour was found at any visit.")]
    count = len(course.visits)
    room = (TEXT_WIDTH_MM - _SIDE_MM - _CHANGE_MM) / count
    width = min(max(room, _LEAST_MM), _MOST_MM)
    columns = (
        Column("Tumour", _SIDE_MM),
        *(Column(findings.visit.name, width) for findings in course.visits),
        *((Column("Change", _CHANGE_MM),) if count > 1 else ()),
    )
    rows = tuple(_row(course, line)[: len(columns)] for line in timelines(course))
    repeated = (0, len(columns) - 1) if count > 1 else (0,)
    return [Text(_note(course)), Table(columns, rows, repeated=repeated)]


def _note(course: Course) -> str:
    """How to read the table: of changes after one visit, and of models without one, nothing."""
    is_single = len(course.visits) == 1
    last = "Below that" if is_single else "At the last visit"
    known = (lesion.tumor_probability for lesion in course.visits[-1].lesions)
    more = _TUMOUR_NOTE if any(one is not None for one in known) else ""
    parts = (_NOTE, "" if is_single else _CHANGE_NOTE, f"{last}: {_LIKELY_NOTE}{more}.")
    return " ".join(part for part in parts if part)


def _where(line: Timeline) -> tuple[str, ...]:
    """The segments it was last seen in; nothing where they are not told."""
    lesions = line.last.lesions if line.seen else ()
    named = tuple(dict.fromkeys(n for lesion in lesions for n in lesion.segments))
    return (f"segment {segment_names(named)}",) if named else ()


def _row(course: Course, line: Timeline) -> tuple[Cell, ...]:
    state = state_name(course, line.track.state)
    return (
        Cell((line.name, *([state] if state else ()), *_where(line)), is_bold=True),
        *(
            Cell(
                (
                    *sighting_lines(sighting, line.track.state),
                    *(likely_line(sighting) if sighting is line.sightings[-1] else ()),
                    *(tumor_line(sighting) if sighting is line.sightings[-1] else ()),
                ),
                _SEEN_COLOR.get(sighting.presence, INK),
            )
            for sighting in line.sightings
        ),
        Cell(change_lines(course, line)),
    )
