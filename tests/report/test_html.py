"""The HTML report: whole, self-contained, safe to open, and as told by the course."""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections import Counter
from dataclasses import replace
from functools import partial
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image

from lvt_track.errors import OutputError
from lvt_track.report.blocks import Chart
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.figures import draw_presence
from lvt_track.report.drawing.panels import grey_levels
from lvt_track.report.facts import RESEARCH_NOTICE, RunFacts
from lvt_track.report.html.charts import chart_writer
from lvt_track.report.html.document import write_html
from lvt_track.report.html.pictures import STORED_HU, Picture
from lvt_track.report.timelines import timelines

FACTS = RunFacts(dt.datetime(2026, 1, 2, 3, 4), "9.8.7", ("small model 1",), ("scout: one slice",))
_EMPTY = {"meta", "link", "img", "br", "input", "hr"}


class Reading(HTMLParser):
    """Tags, attributes and text of a page; fails on tags that are not closed in order."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: Counter[str] = Counter()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.sources: list[str] = []
        self.texts: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        known = dict(attrs)
        self.ids += [known["id"] or ""] if "id" in known else []
        if tag == "a":
            self.links.append(known["href"] or "")
        self.sources += [known[name] or "" for name in ("src",) if name in known]
        self.sources += [known["href"] or ""] if tag == "image" else []
        if tag not in _EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _EMPTY:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.texts)).replace("\u00a0", " ")


def test_report_of_four_visits(samples: ModuleType, tmp_path: Path) -> None:
    sample = samples.sample(4, 8, pixel_mm=3.2)
    images = sample.key_images()
    path = tmp_path / "report.html"
    write_html(ReportContent(sample.course, FACTS, images), path)
    page = Reading(path)
    for words in ("Østergård-Villanueva", RESEARCH_NOTICE, "small model 1", "2 warnings"):
        assert words in page.text
    assert "75.6 × 57.3" in page.text
    assert "Left out: scout: one slice" in page.text
    assert page.tags["image"] == len(images)
    assert {f"images-T{track}" for track in range(1, 9)} <= set(page.ids)
    assert path.stat().st_size < 2e6


def test_nothing_in_it_comes_from_elsewhere(samples: ModuleType, tmp_path: Path) -> None:
    sample = samples.sample(2, 2, pixel_mm=3.2)
    path = tmp_path / "report.html"
    write_html(ReportContent(sample.course, FACTS, sample.key_images()), path)
    page = Reading(path)
    assert page.sources and all(source.startswith("data:image/") for source in page.sources)
    assert len(set(page.ids)) == len(page.ids)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_what_headers_hold_is_text_not_markup(samples: ModuleType, tmp_path: Path) -> None:
    sample = samples.sample(2, 1, pixel_mm=3.2)
    course = replace(
        sample.course, patient="<script>alert(1)</script>", warnings=('a "b" <img src=x> & c',)
    )
    path = tmp_path / "report.html"
    write_html(ReportContent(course, FACTS, sample.key_images()), path)
    page = Reading(path)
    assert page.tags["script"] == 1
    assert "<script>alert(1)</script>" in page.text
    assert 'a "b" <img src=x> & c' in page.text


def test_the_same_report_is_the_same_file(samples: ModuleType, tmp_path: Path) -> None:
    sample = samples.sample(2, 2, pixel_mm=3.2)
    images = sample.key_images()
    for name in ("a.html", "b.html"):
        write_html(ReportContent(sample.course, FACTS, images), tmp_path / name)
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


@pytest.mark.parametrize(("visits", "tumors"), [(1, 3), (1, 0), (3, 0)])
def test_reports_with_little_in_them(
    samples: ModuleType, tmp_path: Path, visits: int, tumors: int
) -> None:
    sample = samples.sample(visits, tumors, pixel_mm=3.2)
    path = tmp_path / "report.html"
    write_html(ReportContent(sample.course, FACTS), path)
    page = Reading(path)
    assert page.tags["image"] == 0
    assert "images" not in page.ids
    assert ("No tumour was found at any visit." in page.text) == (tumors == 0)
    assert ("totals" in page.ids) == (visits > 1)
    assert "curves" not in page.ids or (visits > 1 and tumors > 0)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)


def test_a_missing_folder_is_an_output_error(samples: ModuleType, tmp_path: Path) -> None:
    content = ReportContent(samples.sample(1, 0).course, FACTS)
    with pytest.raises(OutputError, match="missing"):
        write_html(content, tmp_path / "missing" / "report.html")


def test_a_picture_is_the_slice_with_its_marks_in_mm(samples: ModuleType) -> None:
    image = samples.sample(1, 1, pixel_mm=3.2).key_images()[0]
    picture = Picture.of(image)
    pixels = np.array(Image.open(BytesIO(base64.b64decode(picture.source.split(",")[1]))))
    np.testing.assert_array_equal(pixels, grey_levels(image.hu, *STORED_HU))
    assert picture.width == pytest.approx(image.hu.shape[1] * image.pixel_mm[1], abs=0.01)
    assert picture.long_axis is not None and picture.ring == 0
    x1, y1, x2, y2 = picture.long_axis
    written = float(picture.caption.split(" ")[0])
    assert np.hypot(x2 - x1, y2 - y1) == pytest.approx(written, abs=0.1)
    points = np.array([[float(v) for v in p.split(",")] for p in picture.target[0].split()])
    assert np.ptp(points, axis=0).max() == pytest.approx(written, abs=2 * image.pixel_mm[0])


def test_a_tumour_that_is_not_seen_gets_a_ring(samples: ModuleType) -> None:
    image = samples.sample(1, 1, pixel_mm=3.2).key_images()[0]
    unseen = replace(image, outline=np.zeros_like(image.outline), long_axis=None, short_axis=None)
    picture = Picture.of(unseen)
    assert picture.target == () and picture.long_axis is None and picture.ring == 8.0


def test_a_chart_holds_what_is_written_around_its_axes() -> None:
    def draw(axes: Axes, words: str) -> None:
        axes.text(1.1, 0.5, words, transform=axes.transAxes)

    def width_pt(words: str) -> float:
        svg = chart_writer()(Chart("", partial(draw, words=words), 60.0, 30.0), {})
        return float(ElementTree.fromstring(svg).attrib["viewBox"].split(" ")[2])

    assert 60.0 / 25.4 * 72.0 < width_pt("mm") < width_pt("millimetres") - 20.0


def test_charts_of_a_page_share_no_id_and_refer_to_none_outside() -> None:
    def draw(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], marker="o")
        axes.text(0.5, 0.5, "<b> & --> url(#a)")

    write = chart_writer()
    charts = [write(Chart('"<x>', draw, 60.0, 30.0), {1: "#there"}) for _ in range(2)]
    first, second = (ElementTree.fromstring(svg) for svg in charts)
    ids = [
        {one.attrib["id"] for one in svg.iter() if "id" in one.attrib} for svg in (first, second)
    ]
    assert ids[0] and not ids[0] & ids[1]
    referred = set(re.findall(r"#([\w-]+)", re.sub(r":\s*#\w+", "", charts[0])))
    assert referred == ids[0]
    assert first.attrib["aria-label"] == '"<x>' and first.attrib["role"] == "img"
    assert "<b>" not in charts[0] and "http" not in charts[0] and "<style" not in charts[0]


def test_parts_of_a_chart_lead_to_their_tumours(samples: ModuleType) -> None:
    course = samples.sample(3, 2, pixel_mm=3.2).course
    targets = {track.number: f"#T{track.number}" for track in course.tracks}
    chart = Chart("", partial(draw_presence, course=course, lines=timelines(course)), 90.0, 20.0)
    links = list(ElementTree.fromstring(chart_writer()(chart, targets)).iter("a"))
    dates = {visit.visit.date.isoformat() for visit in course.visits}
    for number, target in targets.items():
        mine = [one for one in links if one.attrib["data-track"] == str(number)]
        assert {one.attrib["href"] for one in mine} == {target}
        # Its name, its line, and a marker for each visit; the keyboard stops at the name alone.
        assert {one.attrib.get("data-date") for one in mine} == {None, *dates}
        (stop,) = [one for one in mine if "tabindex" not in one.attrib]
        assert stop.attrib["class"] == "name"
    assert not list(ElementTree.fromstring(chart_writer()(chart, {})).iter("a"))
