"""The pages of tables and curves: each function plans a part of the report, page by page."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import partial

from lvt_track.core.course import Course, VisitFindings
from lvt_track.core.records import Response
from lvt_track.report.facts import RunFacts
from lvt_track.report.figures import (
    LABEL_ROOM_MM,
    draw_burden,
    draw_diameters,
    draw_liver,
    draw_presence,
    draw_sum_of_diameters,
    draw_volumes,
)
from lvt_track.report.style import (
    ACCENT,
    ALARM,
    BODY_PT,
    CATEGORY_COLORS,
    HEADING_PT,
    INK,
    MUTED,
    SMALL_PT,
    TRACK_COLORS,
)
from lvt_track.report.timelines import Presence, Timeline, timelines
from lvt_track.report.typesetting import (
    BOTTOM_MM,
    LEFT_MM,
    TEXT_MM,
    TOP_MM,
    Cell,
    Column,
    Page,
    Table,
)
from lvt_track.report.wording import (
    MEANINGS,
    STATE_NAMES,
    all_warnings,
    change_lines,
    is_volumetric,
    percent,
    sighting_lines,
)

__all__ = [
    "Drawing",
    "chunks",
    "draw_heading",
    "draw_meaning",
    "lesion_pages",
    "phase_pages",
    "presence_pages",
    "response_pages",
    "scan_pages",
    "trend_pages",
]

Drawing = Callable[[Page], None]
"""Draws one page."""

_BODY_TOP_MM = TOP_MM + 18.0
_MOST_VISITS_PER_TABLE = 7
_MOST_ROWS_PER_GRID = 42
_SEEN_COLOR = {Presence.NOT_SEEN: MUTED, Presence.NOT_YET: MUTED}


def draw_heading(page: Page, title: str, note: str = "") -> None:
    """The title of a page and a note of at most two lines; the rest begins at 18 mm below."""
    page.text(LEFT_MM, TOP_MM + 4.0, title, size_pt=HEADING_PT + 2.0, is_bold=True, color=ACCENT)
    if note:
        page.paragraph(LEFT_MM, TOP_MM + 6.5, TEXT_MM, note, size_pt=SMALL_PT, color=MUTED)


def chunks(count: int, most: int) -> list[range]:
    """`count` things in the fewest ranges of at most `most`, of nearly the same length."""
    parts = max(-(-count // most), 1)
    bounds = [round(i * count / parts) for i in range(parts + 1)]
    return [range(a, b) for a, b in itertools.pairwise(bounds)]


def lesion_pages(course: Course) -> list[Drawing]:
    """Every track at every visit: axes, volume, and what changed."""
    lines = timelines(course)
    if not lines:
        return []
    note = (
        "Long × short axis in mm, largest lesion first; below it the volume of all the track's "
        "lesions. Change is from the first to the last visit that shows the tumour."
    )
    drawings = []
    for visits in chunks(len(course.visits), _MOST_VISITS_PER_TABLE):
        side_mm, change_mm = 27.0, 31.0
        width = min((TEXT_MM - side_mm - change_mm) / len(visits), 32.0)
        columns = (
            Column("Tumour", side_mm),
            *(Column(course.visits[v].visit.name, width) for v in visits),
            Column("Change", change_mm),
        )
        rows = tuple(_lesion_row(course, line, visits) for line in lines)
        drawings += _table_pages("Tumours by visit", note, Table(columns, rows))
    return drawings


def _lesion_row(course: Course, line: Timeline, visits: range) -> tuple[Cell, ...]:
    cells = [Cell((line.name, STATE_NAMES[line.track.state]), is_bold=True)]
    for visit in visits:
        sighting = line.sightings[visit]
        cells.append(Cell(sighting_lines(sighting), _SEEN_COLOR.get(sighting.presence, INK)))
    return (*cells, Cell(change_lines(course, line)))


def response_pages(course: Course) -> list[Drawing]:
    """The response by every criterion at every visit, with its reason."""
    drawings = []
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
        drawings += _table_pages(f"Response by {criterion}", note, Table(columns, rows))
    return drawings


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
        Cell(("", response.reason)[1:]),
    )


def trend_pages(course: Course) -> list[Drawing]:
    """Curves of every tumour, and of the patient as a whole; none for a single visit."""
    if len(course.visits) < 2:
        return []
    return [partial(_draw_tumor_trends, course=course), partial(_draw_totals, course=course)]


def _draw_tumor_trends(page: Page, course: Course) -> None:
    count = len(course.tracks)
    note = "A cross on the lowest line: not seen at that visit."
    if count > len(TRACK_COLORS):
        note += (
            f" In colour the {len(TRACK_COLORS)} tumours that are largest or changed most; "
            f"in grey the other {count - len(TRACK_COLORS)}."
        )
    draw_heading(page, "Size of each tumour over time", note)
    width = TEXT_MM - 13.0 - LABEL_ROOM_MM
    top = _BODY_TOP_MM
    for title, draw in (("Diameter", draw_diameters), ("Volume", draw_volumes)):
        page.text(LEFT_MM, top + 3.0, title, size_pt=BODY_PT, is_bold=True)
        draw(page.axes(LEFT_MM + 13.0, top + 7.0, width, 98.0), course)
        top += 120.0


def _draw_totals(page: Page, course: Course) -> None:
    draw_heading(page, "The patient as a whole over time")
    width = TEXT_MM - 13.0 - LABEL_ROOM_MM
    criteria = [
        name
        for name in dict.fromkeys(r.criterion for r in course.responses)
        if not is_volumetric(name)
    ]
    charts: list[tuple[str, Callable[..., None]]] = [
        (f"Sum of diameters, {name}", partial(draw_sum_of_diameters, criterion=name))
        for name in criteria[:2]
    ]
    charts += [
        ("Tumour volume, with its share of the liver", draw_burden),
        ("Liver volume, tumours included", draw_liver),
    ]
    top = TOP_MM + 10.0
    step = (BOTTOM_MM - top) / len(charts)
    for title, draw in charts:
        page.text(LEFT_MM, top + 3.0, title, size_pt=BODY_PT, is_bold=True)
        draw(page.axes(LEFT_MM + 13.0, top + 7.0, width, min(step - 18.0, 60.0)), course)
        top += step


def presence_pages(course: Course) -> list[Drawing]:
    """Which tumour was seen when; none for a single visit."""
    lines = timelines(course)
    if len(course.visits) < 2 or not lines:
        return []
    return [
        partial(_draw_presence, course=course, lines=[lines[i] for i in rows])
        for rows in chunks(len(lines), _MOST_ROWS_PER_GRID)
    ]


def _draw_presence(page: Page, course: Course, lines: Sequence[Timeline]) -> None:
    draw_heading(
        page,
        "Which tumour was seen when",
        "Every tumour is a line, every visit a column. “Not seen” means that the visit's mask "
        "holds nothing there, not that the tumour is gone.",
    )
    top = _BODY_TOP_MM + 12.0
    height = min((BOTTOM_MM - top - 12.0), 9.0 * (len(lines) + 0.2))
    draw_presence(page.axes(LEFT_MM + 10.0, top, TEXT_MM - 20.0, height), course, lines)


def scan_pages(course: Course, facts: RunFacts) -> list[Drawing]:
    """What was read: the scan of every visit, its masks, its registration, all warnings."""
    columns = (
        Column("Date", 20.0),
        Column("Series", 42.0),
        Column("Voxel x, y, z (mm)", 25.0),
        Column("Volume (mL) and source of mask", 45.0),
        Column("Registration onto the reference", TEXT_MM - 132.0),
    )
    table = Table(columns, tuple(_scan_row(course, found) for found in course.visits))
    drawings = _table_pages("Scans", "The series of each visit that was followed.", table)
    notes = [Cell((warning,), ALARM) for warning in all_warnings(course)]
    notes += [Cell((f"Left out: {scan}",)) for scan in facts.left_out]
    if notes:
        listing = Table((Column("", TEXT_MM),), tuple((note,) for note in notes))
        drawings += _table_pages("Warnings, and scans left out", "", listing)
    return drawings


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


def phase_pages(course: Course) -> list[Drawing]:
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
    return _table_pages("Liver volume by contrast phase", note, Table(columns, rows))


def _deviation(value: float | None) -> str:
    return "–" if value is None else f"{value:+.1f} %".replace("-", "−")


def draw_meaning(page: Page) -> None:
    """The last page: what the numbers mean, and what they do not."""
    draw_heading(page, "What these numbers mean, and what they do not")
    top = TOP_MM + 12.0
    for title, text in MEANINGS:
        page.text(LEFT_MM, top + 3.2, title, size_pt=BODY_PT, is_bold=True)
        top = page.paragraph(LEFT_MM, top + 4.8, TEXT_MM - 16.0, text) + 4.0


def _table_pages(title: str, note: str, table: Table) -> list[Drawing]:
    top = _BODY_TOP_MM if note else TOP_MM + 10.0
    parts = table.pages(BOTTOM_MM - top, BOTTOM_MM - top)

    def drawing(page: Page, part: Table, name: str) -> None:
        draw_heading(page, name, note)
        part.draw(page, LEFT_MM, top)

    return [
        partial(drawing, part=part, name=title if n == 0 else f"{title}, continued")
        for n, part in enumerate(parts)
    ]
