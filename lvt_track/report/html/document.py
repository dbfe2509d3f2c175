"""The report as one HTML file that opens offline, its pictures to be looked at closely."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import matplotlib as mpl
from jinja2 import Environment, PackageLoader, StrictUndefined

from lvt_track.agreement.records import ReaderComparison
from lvt_track.core.course import Course
from lvt_track.io.files import write_whole
from lvt_track.report.content import Images, ReportContent, by_track_and_visit
from lvt_track.report.drawing.figures import draw_diameters, draw_presence, draw_volumes
from lvt_track.report.drawing.panels import (
    LONG_COLOR,
    OTHERS_COLOR,
    OWN_COLOR,
    SHORT_COLOR,
    WINDOW_LEVEL_HU,
    WINDOW_WIDTH_HU,
)
from lvt_track.report.drawing.style import CATEGORY_COLORS, INK, MATPLOTLIB
from lvt_track.report.facts import RESEARCH_NOTICE
from lvt_track.report.html.pictures import Chart, Picture, draw_chart
from lvt_track.report.pages.agreement import (
    AGREEMENT_TITLE,
    agreement_plots,
    agreement_sections,
    plots_note,
)
from lvt_track.report.pages.key_images import images_note, missing_reason
from lvt_track.report.pages.lookback import LookPanel, lookback_note, lookback_rows
from lvt_track.report.pages.sections import (
    LESION_NOTE,
    PRESENCE_NOTE,
    lesion_table,
    phase_sections,
    response_sections,
    scan_sections,
    total_charts,
    trend_note,
)
from lvt_track.report.pages.summary import key_figures
from lvt_track.report.timelines import Timeline, pictured_tracks, timelines
from lvt_track.report.wording import (
    MEANINGS,
    STATE_NAMES,
    all_warnings,
    counts,
    latest_responses,
    period,
    reason_sentence,
    verdict,
)

__all__ = ["write_html"]

_WIDE_MM, _NARROW_MM, _SQUARE_MM = 150.0, 85.0, 52.0
_TALL_MM, _LOW_MM = 72.0, 46.0
_GRID_ROW_MM = 5.2


@dataclass(frozen=True)
class _Frame:
    """A place for a picture in a row: the picture, or why there is none."""

    date: str
    picture: Picture | None
    missing: str
    title: str = ""
    color: str = INK
    lines: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Row:
    """The pictures of one tumour."""

    name: str
    state: str
    frames: tuple[_Frame, ...]


@dataclass(frozen=True)
class _Plots:
    """The charts of one quantity that two readers measured."""

    title: str
    sentence: str
    charts: tuple[Chart, ...]


def write_html(content: ReportContent, path: Path) -> None:
    """Write a report as one file, with all pictures in it and no link out of it.

    The same content gives the same file, byte for byte.

    Args:
        content: what it tells.
        path: the file; it is written whole or not at all.

    Raises:
        OutputError: when the file cannot be written.
    """
    course, facts, comparison = content.course, content.facts, content.comparison
    environment = Environment(
        loader=PackageLoader("lvt_track.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rows = _image_rows(course, by_track_and_visit(content.key_images))
    with mpl.rc_context(MATPLOTLIB):
        text = environment.get_template("report.html.jinja").render(
            course=course,
            facts=facts,
            notice=RESEARCH_NOTICE,
            period=period(course),
            responses=[
                (
                    response,
                    CATEGORY_COLORS.get(response.category, INK),
                    f"{verdict(response)} {reason_sentence(response)}",
                )
                for response in latest_responses(course)
            ],
            counts=counts(course),
            warnings=all_warnings(course),
            key_figures=key_figures(course),
            lesions=lesion_table(course, range(len(course.visits))),
            lesion_note=LESION_NOTE,
            image_rows=rows,
            images_note=images_note(len(course.tracks) - len(rows)),
            pictured={row.name for row in rows},
            window=(WINDOW_LEVEL_HU, WINDOW_WIDTH_HU),
            colors=(OWN_COLOR, OTHERS_COLOR, LONG_COLOR, SHORT_COLOR),
            presence=_presence(course),
            presence_note=PRESENCE_NOTE,
            look_rows=_look_rows(course, by_track_and_visit(content.looks)),
            look_note=lookback_note(course),
            charts=_charts(course),
            chart_note=trend_note(course),
            sections=[
                *response_sections(course),
                *phase_sections(course),
                *scan_sections(course, facts),
            ],
            agreement_title=AGREEMENT_TITLE,
            agreement_note=plots_note(comparison) if comparison else "",
            agreement_plots=_agreement_plots(comparison) if comparison else [],
            agreement_sections=agreement_sections(comparison) if comparison else [],
            meanings=MEANINGS,
        )
    with write_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _image_rows(course: Course, images: Images) -> list[_Row]:
    """A row for each pictured tumour, a frame for each visit."""
    chosen = set(pictured_tracks(course)) if images else set()
    return [
        _Row(
            line.name,
            STATE_NAMES[line.track.state],
            tuple(_frame(course, line, visit, images) for visit in range(len(course.visits))),
        )
        for line in timelines(course)
        if line.track.number in chosen
    ]


def _frame(course: Course, line: Timeline, visit: int, images: Images) -> _Frame:
    image = images.get((line.track.number, visit))
    return _Frame(
        course.visits[visit].visit.name,
        Picture.of(image) if image else None,
        missing_reason(line.sightings[visit].presence),
    )


def _look_rows(course: Course, images: Images) -> list[_Row]:
    """A row for each tumour that was looked back for, its earlier scans and the one it is in."""

    def frame(panel: LookPanel) -> _Frame:
        image = images.get((panel.track, panel.visit))
        return _Frame(
            course.visits[panel.visit].visit.name,
            Picture.of(image) if image else None,
            "no image",
            panel.title,
            panel.color,
            panel.lines,
        )

    return [
        _Row(f"T{panels[0].track}", "", tuple(frame(panel) for panel in panels))
        for panels in lookback_rows(course)
    ]


def _presence(course: Course) -> Chart | None:
    """Which tumour was seen when; none for a single visit."""
    lines = timelines(course)
    if len(course.visits) < 2 or not lines:
        return None
    draw = partial(draw_presence, course=course, lines=lines)
    height = _GRID_ROW_MM * len(lines)
    return draw_chart("Which tumour was seen when", draw, _WIDE_MM, height)


def _charts(course: Course) -> list[Chart]:
    """Curves of every tumour, and of the patient as a whole; none for a single visit."""
    if len(course.visits) < 2:
        return []
    tumors = [("Diameter", draw_diameters), ("Volume", draw_volumes)]
    return [
        *(
            draw_chart(title, partial(draw, course=course), _NARROW_MM, _TALL_MM)
            for title, draw in tumors
        ),
        *(draw_chart(title, draw, _NARROW_MM, _LOW_MM) for title, draw in total_charts(course)),
    ]


def _agreement_plots(comparison: ReaderComparison) -> list[_Plots]:
    return [
        _Plots(
            row.title,
            row.sentence,
            tuple(draw_chart(row.title, draw, _SQUARE_MM, _SQUARE_MM) for draw in row.draws),
        )
        for row in agreement_plots(comparison)
    ]
