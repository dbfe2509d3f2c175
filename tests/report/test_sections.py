"""One list of sections, set alike on paper and on screen."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from lvt_track.report.blocks import Cell, Column, Section, Table, Text
from lvt_track.report.content import ReportContent
from lvt_track.report.facts import RunFacts
from lvt_track.report.html.document import write_html
from lvt_track.report.pages.tables import fitted
from lvt_track.report.pages.typesetting import TEXT_MM
from lvt_track.report.pdf import write_pdf
from lvt_track.report.sections import listing

FACTS = RunFacts(dt.datetime(2026, 1, 2, 3, 4), "9.8.7")


def test_keys_and_titles_name_one_section_each() -> None:
    keys = [section.key for section in listing.SECTIONS]
    titles = [section.title for section in listing.SECTIONS]
    assert len(set(keys)) == len(keys) and len(set(titles)) == len(titles)


def test_an_entry_in_the_list_is_all_a_section_needs(
    samples: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands in the PDF and in the HTML, where its table is broken over pages."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    rows = tuple((Cell((f"row {i}",)),) for i in range(70))
    blocks = [Text("how to read it"), Table((Column("counted", 40.0),), rows)]
    extra = Section("extra", "One more section", lambda _: blocks, "More")
    monkeypatch.setattr(listing, "SECTIONS", (*listing.SECTIONS, extra))
    content = ReportContent(samples.sample(1, 1).course, FACTS)
    write_pdf(content, tmp_path / "report.pdf")
    write_html(content, tmp_path / "report.html")
    done = subprocess.run(
        ["pdftotext", str(tmp_path / "report.pdf"), "-"], capture_output=True, check=True
    )
    paper = done.stdout.decode()
    screen = (tmp_path / "report.html").read_text()
    for text in (paper, screen):
        assert all(f"row {i}" in text for i in range(70))
        assert "One more section" in text and "how to read it" in text
    assert "One more section, continued" in paper
    assert '<a href="#extra">More</a>' in screen


def test_no_section_is_a_heading_alone(samples: ModuleType) -> None:
    """Where every visit shows every one of many tumours there is no grid to show."""
    course = samples.sample(2, 1).course
    many = tuple(replace(course.tracks[0], number=n) for n in range(1, 25))
    content = ReportContent(replace(course, tracks=many), FACTS)
    assert "presence" not in {section.key for section, _ in listing.shown_sections(content)}


def test_one_visit_has_no_course(samples: ModuleType, tmp_path: Path) -> None:
    """Nothing is said of a last visit, of changes, or of what persists."""
    content = ReportContent(samples.sample(1, 3).course, FACTS)
    write_html(content, tmp_path / "report.html")
    shown = (tmp_path / "report.html").read_text().partition("What these numbers mean")[0]
    for word in ("persistent", "last visit", "Last visit", "First visit,", ">Change<"):
        assert word not in shown


@pytest.mark.parametrize("count", [1, 7, 8, 23])
def test_a_wide_table_is_set_in_parts_with_every_column_once(count: int) -> None:
    columns = (
        Column("name", 30.0),
        *(Column(str(i), 18.0) for i in range(count)),
        Column("z", 9.0),
    )
    row = tuple(Cell((column.title,)) for column in columns)
    parts = fitted(Table(columns, (row,), repeated=(0, len(columns) - 1)))
    shown = [column.title for part in parts for column in part.columns[1:-1]]
    assert shown == [str(i) for i in range(count)]
    for part in parts:
        assert sum(column.width_mm for column in part.columns) <= TEXT_MM + 0.1
        assert part.columns[0].title == "name" and part.columns[-1].title == "z"
        assert [cell.lines[0] for cell in part.rows[0]] == [c.title for c in part.columns]
