"""The tables and curves of the report: each function plans a part of it."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial

from matplotlib.axes import Axes

from lvt_track.core.course import Course, VisitFindings
from lvt_track.core.records import Response
from lvt_track.report.drawing.axis_labels import LABEL_ROOM_MM
from lvt_track.report.drawing.figures import (
    draw_burden,
    draw_diameters,
    draw_liver,
    draw_presence,
    draw_sum_of_diameters,
    draw_volumes,
)
from lvt_track.report.drawing.style import (
    ALARM,
    BODY_PT,
    CATEGORY_COLORS,
    INK,
    MUTED,
    TRACK_COLORS,
)
from lvt_track.report.facts import RunFacts
from lvt_track.report.pages.flow import Drawing, Plate, Section, draw_heading
from lvt_track.report.pages.typesetting import (
    BOTTOM_MM,
    LEFT_MM,
    TEXT_MM,
    TOP_MM,
    Cell,
    Column,
    Page,
    Table,
)
from lvt_track.report.timelines import Presence, Timeline, timelines
from lvt_track.report.wording import (
    MEANINGS,
    STATE_NAMES,
    all_warnings,
    change_lines,
    is_volumetric,
    percent,
    sighting_lines,
    typeset,
)

__all__ = [
    "LESION_NOTE",
    "PRESENCE_NOTE",
    "chunks",
    "draw_meaning",
    "lesion_sections",
    "lesion_table",
    "phase_sections",
    "presence_sections",
    "response_sections",
    "scan_sections",
    "total_charts",
    "trend_note",
    "trend_pages",
]

_MOST_VISITS_PER_TABLE = 7
_MOST_ROWS_PER_GRID = 42
_ROW_MM = 5.2
_GRID_MARGINS_MM = 20.0
PRESENCE_NOTE = (
    "Every tumour is a line, every visit a column. “Not seen” means that the visit's mask "
    "holds nothing there, not that the tumour is gone."
)
LESION_NOTE = (
    "Long × short axis in mm, largest lesion first; below it the volume of all the track's "
    "lesions. Change is from the first to the last visit that shows the tumour."
)
_SEEN_COLOR = {Presence.NOT_SEEN: MUTED, Presence.NOT_YET: MUTED}


def chunks(count: int, most: int) -> list[range]:
    """`count` things in the fewest ranges of at most `most`, of nearly the same length."""
    parts = max(-(-count // most), 1)
    bounds = [round(i * count / parts) for i in range(parts + 1)]
    return [range(a, b) for a, b in itertools.pairwise(bounds)]


def lesion_sections(course: Course) -> list[Section]:
    """Every track at every visit: axes, volume, and what changed."""
    if not course.tracks:
        return []
    return [
        Section("Tumours by visit", LESION_NOTE, lesion_table(course, visits))
        for visits in chunks(len(course.visits), _MOST_VISITS_PER_TABLE)
    ]


def lesion_table(course: Course, visits: range) -> Table:
    """Every track at some of the visits, and how it changed over all."""
    side_mm, change_mm = 27.0, 31.0
    width = min((TEXT_MM - side_mm - change_mm) / len(visits), 32.0)
    columns = (
        Column("Tumour", side_mm),
        *(Column(course.visits[v].visit.name, width) for v in visits),
        Column("Change", change_mm),
    )
    return Table(columns, tuple(_lesion_row(course, line, visits) for line in timelines(course)))


def _lesion_row(course: Course, line: Timeline, visits: range) -> tuple[Cell, ...]:
    cells = [Cell((line.name, STATE_NAMES[line.track.state]), is_bold=True)]
    for visit in visits:
        sighting = line.sightings[visit]
        cells.append(Cell(sighting_lines(sighting), _SEEN_COLOR.get(sighting.presence, INK)))
    return (*cells, Cell(change_lines(course, line)))


def response_sections(course: Course) -> list[Section]:
    """The response by every criterion at every visit, with its reason."""
    sections = []
    for criterion in dict.fromkeys(r.criterion for r in course.responses):
        unit = "mL" if is_volumetric(criterion) else "mm"
        columns = (
            Column("Date", 20.0),
            Column(f"Sum ({unit})", 15.0, "right"),
            Column("From baseline", 18.0, "right"),
            Column("From nadir", 16.0, "right"),
            Column("Target", 14.0),
            Column("Non-target", 21.0),
            Column("New", 10.0),
            Column("Response", 19.0),
            Column("Reason", TEXT_MM - 133.0),
        )
        responses = sorted(
            (r for r in course.responses if r.criterion == criterion), key=lambda r: r.date
        )
        rows = tuple(_response_row(response) for response in responses)
        note = (
            "Nadir is the smallest sum before the visit, the baseline included. Target lesions "
            "were chosen automatically, in the liver only."
        )
        sections.append(Section(f"Response by {criterion}", note, Table(columns, rows)))
    return sections


def _response_row(response: Response) -> tuple[Cell, ...]:
    return (
        Cell((response.date.isoformat(),)),
        Cell(("–" if response.sum_mm is None else f"{response.sum_mm:.1f}",)),
        Cell((percent(response.change_from_baseline_percent),)),
        Cell((percent(response.change_from_nadir_percent),)),
        Cell((response.target,)),
        Cell((response.non_target,)),
        Cell(("yes" if response.new_lesion else "no",)),
        Cell((response.category,), CATEGORY_COLORS.get(response.category, INK), is_bold=True),
        Cell((typeset(response.reason),)),
    )


def trend_pages(course: Course) -> list[Drawing]:
    """Curves of every tumour, and of the patient as a whole; none for a single visit."""
    if len(course.visits) < 2:
        return []
    return [partial(_draw_tumor_trends, course=course), partial(_draw_totals, course=course)]


def trend_note(course: Course) -> str:
    """How to read the curves of the tumours."""
    count = len(course.tracks)
    note = "A cross on the lowest line: not seen at that visit."
    if count > len(TRACK_COLORS):
        note += (
            f" In colour the {len(TRACK_COLORS)} tumours that are largest or changed most; "
            f"in grey the other {count - len(TRACK_COLORS)}."
        )
    return note


def _draw_tumor_trends(page: Page, course: Course) -> None:
    note = trend_note(course)
    draw_heading(page, TOP_MM, "Size of each tumour over time", note)
    width = TEXT_MM - 13.0 - LABEL_ROOM_MM
    top = TOP_MM + 18.0
    for title, draw in (("Diameter", draw_diameters), ("Volume", draw_volumes)):
        page.text(LEFT_MM, top + 3.0, title, size_pt=BODY_PT, is_bold=True)
        draw(page.axes(LEFT_MM + 13.0, top + 7.0, width, 98.0), course)
        top += 120.0


def total_charts(course: Course) -> list[tuple[str, Callable[[Axes], None]]]:
    """Title and drawing of each curve of the patient as a whole."""
    criteria = [
        name
        for name in dict.fromkeys(r.criterion for r in course.responses)
        if not is_volumetric(name)
    ]
    return [
        *(
            (
                f"Sum of diameters, {name}",
                partial(draw_sum_of_diameters, course=course, criterion=name),
            )
            for name in criteria[:2]
        ),
        ("Tumour volume, with its share of the liver", partial(draw_burden, course=course)),
        ("Liver volume, tumours included", partial(draw_liver, course=course)),
    ]


def _draw_totals(page: Page, course: Course) -> None:
    draw_heading(page, TOP_MM, "The patient as a whole over time")
    width = TEXT_MM - 13.0 - LABEL_ROOM_MM
    charts = total_charts(course)
    top = TOP_MM + 10.0
    step = (BOTTOM_MM - top) / len(charts)
    for title, draw in charts:
        page.text(LEFT_MM, top + 3.0, title, size_pt=BODY_PT, is_bold=True)
        draw(page.axes(LEFT_MM + 13.0, top + 7.0, width, min(step - 18.0, 60.0)))
        top += step


def presence_sections(course: Course) -> list[Section]:
    """Which tumour was seen when; none for a single visit."""
    lines = timelines(course)
    if len(course.visits) < 2 or not lines:
        return []
    sections = []
    for rows in chunks(len(lines), _MOST_ROWS_PER_GRID):
        height = _ROW_MM * len(rows)
        draw = partial(_draw_presence, course=course, lines=[lines[i] for i in rows], height=height)
        plate = Plate(height + _GRID_MARGINS_MM, draw)
        sections.append(Section("Which tumour was seen when", PRESENCE_NOTE, plate))
    return sections


def _draw_presence(
    page: Page, top: float, course: Course, lines: Sequence[Timeline], height: float
) -> None:
    axes = page.axes(LEFT_MM + 10.0, top + 12.0, TEXT_MM - 20.0, height)
    draw_presence(axes, course, lines)


def scan_sections(course: Course, facts: RunFacts) -> list[Section]:
    """What was read: the scan of every visit, its masks, its registration, all warnings."""
    columns = (
        Column("Date", 20.0),
        Column("Series", 42.0),
        Column("Voxel x, y, z (mm)", 32.0),
        Column("Volume (mL), source of mask", 43.0),
        Column("Registration", TEXT_MM - 137.0),
    )
    table = Table(columns, tuple(_scan_row(course, found) for found in course.visits))
    sections = [Section("Scans", "The series of each visit that was followed.", table)]
    notes = [Cell((warning,), ALARM) for warning in all_warnings(course)]
    notes += [Cell((f"Left out: {scan}",)) for scan in facts.left_out]
    if notes:
        listing = Table((Column("", TEXT_MM),), tuple((note,) for note in notes))
        sections.append(Section("Warnings, and scans left out", "", listing))
    return sections


def _scan_row(course: Course, found: VisitFindings) -> tuple[Cell, ...]:
    series = found.visit.tracked_series
    z, y, x = found.geometry.spacing_mm
    volumes = (
        ("liver", found.liver_ml),
        ("vessels", found.vessels_ml),
        ("tumors", found.tumors_ml),
    )
    masks = tuple(
        f"{name.replace('tumors', 'tumours')} {ml:.1f}, {found.sources.get(name, 'not stated')}"
        for name, ml in volumes
    )
    quality = found.registration
    if quality is None:
        registration = Cell(("reference visit",), MUTED)
    else:
        kept = "reliable" if quality.is_reliable else "not reliable"
        reference = course.visits[quality.reference].visit.name
        registration = Cell(
            (
                f"{quality.method}, {kept}",
                f"onto {reference}; liver Dice {quality.liver_dice:.3f}, surfaces "
                f"{quality.surface_distance_mm:.1f} mm apart",
            ),
            INK if quality.is_reliable else ALARM,
        )
    return (
        Cell((found.visit.name, series.phase.value), is_bold=True),
        Cell((series.description or "no description", series.uid)),
        Cell((f"{x:.2f} × {y:.2f} × {z:.2f}", f"slices {series.slice_thickness_mm:.2f} mm thick")),
        Cell(masks),
        registration,
    )


def phase_sections(course: Course) -> list[Section]:
    """Liver volume in the contrast phases of one study, where there are several."""
    if not course.phases:
        return []
    columns = (
        Column("Date", 20.0),
        Column("Phase", 20.0),
        Column("Series", 44.0),
        Column("Slices (mm)", 14.0, "right"),
        Column("Liver (mL)", 16.0, "right"),
        Column("From reference", 19.0, "right"),
        Column("From mean", 16.0, "right"),
        Column("Remarks", TEXT_MM - 149.0),
    )
    rows = tuple(
        (
            Cell((phase.date.isoformat(),)),
            Cell((phase.phase.value,)),
            Cell((phase.series,)),
            Cell((f"{phase.slice_thickness_mm:.2f}",)),
            Cell((f"{phase.liver_ml:.0f}",)),
            Cell(("reference" if phase.is_reference else _deviation(phase.deviation_percent),)),
            Cell((_deviation(phase.deviation_from_mean_percent),)),
            Cell(("; ".join(phase.warnings),)),
        )
        for phase in course.phases
    )
    note = (
        "One liver, scanned several times within minutes: the differences show how steady the "
        "volumes are. About 5 % between phases is usual."
    )
    return [Section("Liver volume by contrast phase", note, Table(columns, rows))]


def _deviation(value: float | None) -> str:
    return "–" if value is None else typeset(f"{value:+.1f} %")


def draw_meaning(page: Page) -> None:
    """The last page: what the numbers mean, and what they do not."""
    draw_heading(page, TOP_MM, "What these numbers mean, and what they do not")
    top = TOP_MM + 12.0
    for title, text in MEANINGS:
        page.text(LEFT_MM, top + 3.2, title, size_pt=BODY_PT, is_bold=True)
        top = page.paragraph(LEFT_MM, top + 4.8, TEXT_MM - 16.0, text) + 4.0
