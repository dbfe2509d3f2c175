"""The pages that hold a course beside a radiologist's table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import matplotlib as mpl
import pytest

from lvt_track.agreement.records import Quantity, ReaderComparison
from lvt_track.core.course import Course
from lvt_track.pipeline.radiologist.comparison import compare_with_readers
from lvt_track.report.blocks import Charts
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.style import MATPLOTLIB
from lvt_track.report.facts import RunFacts
from lvt_track.report.html.document import write_html
from lvt_track.report.pages.flow import flow
from lvt_track.report.pages.typesetting import TOP_MM, Page
from lvt_track.report.sections.agreement.section import agreement
from lvt_track.report.sections.listing import SECTIONS, shown_sections
from lvt_track.response.course import respond_to_course, rows_from_course

Compare = Callable[..., ReaderComparison]


@pytest.fixture
def course(samples: ModuleType) -> Course:
    plain: Course = samples.sample(4, 8).course
    return replace(plain, responses=respond_to_course(plain))


@pytest.fixture
def compare(tmp_path: Path) -> Compare:
    """A reader who measures 2 mm more, and has one lesion that nobody else has."""

    def compared(course: Course, lesions: Sequence[str] | None = None) -> ReaderComparison:
        lines = ["date,lesion,long_axis_mm,short_axis_mm,status,x_mm,y_mm,z_mm"]
        for row in rows_from_course(course):
            if lesions is not None and row.lesion not in lesions:
                continue
            x, y, z = row.position_mm or ("", "", "")
            long_mm = row.long_axis_mm + 2 if row.long_axis_mm else ""
            short_mm = row.short_axis_mm + 2 if row.short_axis_mm else ""
            status = "" if row.long_axis_mm else row.status.value
            lines.append(f"{row.date},R{row.lesion},{long_mm},{short_mm},{status},{x},{y},{z}")
        lines.append(f"{course.visits[0].visit.date},extra,14,9,,-100,20,300")
        path = tmp_path / "reader.csv"
        path.write_text("\n".join(lines) + "\n")
        return compare_with_readers(course, path)[0]

    return compared


def content_of(comparison: ReaderComparison, course: Course) -> ReportContent:
    facts = RunFacts(dt.datetime(2026, 1, 2, 3, 4), "9.8.7")
    return ReportContent(course, facts, comparison=comparison)


def text_of(comparison: ReaderComparison, course: Course) -> str:
    """Everything the section says on paper, in the order of drawing, with plain blanks."""
    said = []
    section = next(section for section in SECTIONS if section.key == "agreement")
    blocks = section.blocks(content_of(comparison, course))
    with mpl.rc_context(MATPLOTLIB):
        for draw in flow([(section, blocks)], TOP_MM):
            page = Page()
            draw(page)
            said += [text.get_text() for text in page.figure.texts]
    return " ".join(said).replace("\u00a0", " ")


def test_the_pages_say_what_was_compared(course: Course, compare: Compare) -> None:
    comparison = compare(course)
    text = text_of(comparison, course)
    pairs = comparison.agreements.of[Quantity.LONG_AXIS].pairs
    lesions = len(comparison.pairing.reader_strands) - 1
    clusters = comparison.agreements.of[Quantity.LONG_AXIS].clusters
    assert f"{lesions} of {lesions + 1} lesions of reader.csv were paired" in text
    assert f"{pairs} pairs of {clusters} lesions: lvt measures 2.0 mm less on average" in text
    assert "−22 % to +25 %" in text and "−19 % to +20 %" in text
    assert "Bias −2.0 mm −2.0 to −2.0 −2.0 mm" in text
    assert "visits of one patient are one piece of evidence" in text
    for title in ("Statistics of agreement", "Response, side by side", "Every lesion of both"):
        assert title in text
    assert "extra – not paired 14.0 × 9.0" in text


def test_lesions_of_lvt_alone_are_listed(course: Course, compare: Compare) -> None:
    assert "– T4 not paired" in text_of(compare(course, ["1", "2"]), course)


def test_few_pairs_are_called_few(samples: ModuleType, compare: Compare) -> None:
    course = samples.sample(2, 2).course
    text = text_of(compare(course), course)
    assert "No intervals: 2 lesions are too few, 5 are needed" in text
    assert "Bias −2.0 mm no interval −2.0 mm no interval" in text
    course = samples.sample(1, 1).course
    text = text_of(compare(course), course)
    assert "Fewer than 3 sizes are paired" in text
    assert "kappa" not in text


def test_the_report_has_the_section_where_there_is_a_table(
    samples: ModuleType, compare: Compare
) -> None:
    course = samples.sample(1, 1).course
    compared = content_of(compare(course), course)
    plain = replace(compared, comparison=None)
    with_it, without = (
        [section.key for section, _ in shown_sections(content)] for content in (compared, plain)
    )
    assert with_it.count("agreement") == 1
    assert [key for key in with_it if key != "agreement"] == without


def test_the_html_report_holds_the_same(course: Course, compare: Compare, tmp_path: Path) -> None:
    facts = RunFacts(dt.datetime(2026, 1, 2, 3, 4), "9.8.7")
    comparison = compare(course)
    content = ReportContent(course, facts, comparison=comparison)
    write_html(content, tmp_path / "report.html")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    plots = [block for block in agreement(content) if isinstance(block, Charts)]
    assert len(plots) >= 2
    for row in plots:
        assert row.title in text and row.note in text
        assert text.count(f'aria-label="{row.title}"') == len(row.charts)
    assert f"{len(comparison.pairing.reader_strands) - 1} of " in text
    assert "Every lesion of both sides" in text
