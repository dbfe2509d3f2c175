"""The page of a cohort: one HTML file with the plots, and links to the patients' reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes

from lvt_track.io.files import write_whole
from lvt_track.report.blocks import Chart
from lvt_track.report.cohort.content import CohortContent
from lvt_track.report.cohort.plots import (
    draw_deviations,
    draw_progression,
    draw_spider,
    draw_swimmer,
    draw_waterfall,
    swimmer_height_mm,
)
from lvt_track.report.cohort.readers import READER_COLUMNS, reader_lines
from lvt_track.report.drawing.style import MATPLOTLIB
from lvt_track.report.facts import RESEARCH_NOTICE
from lvt_track.report.html.environment import page_environment
from lvt_track.response.survival import median_days

__all__ = ["cohort_charts", "write_cohort_page"]

_WIDTH_MM = 150.0
_MOST_LISTED = 200


def cohort_charts(content: CohortContent) -> tuple[tuple[Chart, str], ...]:
    """The plots, each with a sentence on how to read it."""

    def chart(title: str, draw: Callable[[Axes, CohortContent], None], height_mm: float) -> Chart:
        return Chart(title, lambda axes: draw(axes, content), _WIDTH_MM, height_mm)

    median = median_days(content.steps)
    median_words = "is not reached" if median is None else f"is {median} days"
    return (
        (
            chart("Waterfall: best change", draw_waterfall, 62.0),
            "Lowest change of the sum from baseline before progression, or that at progression "
            "where it came at once; bars end at 150 %. Dashed: -30 %, partial response, and +20 %.",
        ),
        (
            chart("Spider: change over time", draw_spider, 62.0),
            "Change of the sum from baseline, a line per patient, coloured by best response.",
        ),
        (
            chart("Swimmer: who was followed how long", draw_swimmer, swimmer_height_mm(content)),
            "A lane per patient, the longest followed first; the mark is the response at a visit, "
            "an arrow is a patient without progression so far.",
        ),
        (
            chart("Time to progression", draw_progression, 55.0),
            f"Kaplan-Meier estimate with its 95 % interval; the median {median_words}. A tick is a "
            "patient whose follow-up ends there. Deaths are not known to lvt: with none, this is "
            "progression-free survival.",
        ),
        (
            chart("Liver volume between phases", draw_deviations, 50.0),
            "Each point is one phase of one study; the bar is the mean.",
        ),
    )


def write_cohort_page(content: CohortContent, path: Path) -> None:
    """Write the page; the same content gives the same bytes.

    Raises:
        OutputError: when the file cannot be written.
    """
    environment = page_environment()
    with mpl.rc_context(MATPLOTLIB | {"svg.hashsalt": "lvt"}):
        text = environment.get_template("cohort.html.jinja").render(
            content=content,
            charts=cohort_charts(content),
            notice=RESEARCH_NOTICE,
            listed=content.worklist[:_MOST_LISTED],
            reader_columns=READER_COLUMNS,
            readers=list(reader_lines(content.agreements)),
            reports={course.name: course.report for course in content.courses},
            failed=sum(course.state == "failed" for course in content.courses),
        )
    with write_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
