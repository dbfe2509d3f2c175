"""The pages of looking back."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from lvt_track.core.course import Course, KeyImage, LookBack, Visibility
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.key_images import LabelledVolume
from lvt_track.report.facts import RunFacts
from lvt_track.report.html.document import write_html
from lvt_track.report.pdf import write_pdf
from lvt_track.report.sections.tumours.lookback import lookback_images, looking_back
from lvt_track.report.tables import lookback_table

FACTS = RunFacts(dt.datetime(2026, 1, 2, 3, 4), "9.8.7")


def looked(samples: ModuleType) -> tuple[Course, list[KeyImage]]:
    """A course of four visits whose third tumour is found at visit 2, and its pictures."""
    sample = samples.sample(4, 3, pixel_mm=3.2)
    course = sample.course
    track = next(track for track in course.tracks if track.lesions[0][0] == 2)
    x, y, z = sample.places[track.number]
    first, second = course.visits[0].visit.date, course.visits[1].visit.date
    found = course.visits[2].visit.date
    base = LookBack(
        track.number, track.lesions[0], 1, (found - second).days, Visibility.VISIBLE,
        "18 HU darker", (x, y, z), 4.0, -18.0, -4.2, 10.0, 0.12, 0.005, 200,
    )  # fmt: skip
    hidden = LookBack(
        track.number, track.lesions[0], 0, (found - first).days, Visibility.NOT_COVERED,
        "the place is outside the scan", (x, y, z), 4.0,
    )  # fmt: skip
    course = replace(course, lookbacks=(hidden, base))
    images: list[KeyImage] = []
    for visit, blobs in enumerate(sample.blobs):
        rng = np.random.default_rng(visit)
        volume, labels = samples.scan(blobs, course.visits[visit].geometry, rng)
        images.extend(lookback_images(course, visit, LabelledVolume(volume, labels)))
    return course, images


def test_pictures_are_of_the_scans_before_and_of_the_finding(samples: ModuleType) -> None:
    _, images = looked(samples)
    assert [image.visit for image in images] == [0, 1, 2]
    assert [image.outline.any() for image in images] == [False, False, True]
    assert len({image.hu.shape for image in images}) == 1


def test_the_page_tells_numbers_verdict_and_false_alarm_rate(
    samples: ModuleType, tmp_path: Path
) -> None:
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    course, images = looked(samples)
    path = tmp_path / "report.pdf"
    write_pdf(ReportContent(course, FACTS, looks=images), path)
    text = subprocess.run(["pdftotext", str(path), "-"], capture_output=True, check=True).stdout
    (page,) = [page for page in text.decode().split("\f") if "Looking back" in page]
    words = " ".join(page.split())
    days = course.lookbacks[1].days_earlier
    for expected in (
        "visible", f"{days} days before", "−18 HU, 4.2 × noise", "model: 12 %", "about 10 mm",
        "controls like it: 0.5 %", "the place is outside the scan",
        f"could have been seen {days} days earlier", "0.05 of the 1 looks at this patient",
        "of 88 liver metastases the scan before showed 15 %",
    ):  # fmt: skip
        assert expected in words


def test_no_page_where_nothing_came_later(samples: ModuleType) -> None:
    assert looking_back(ReportContent(samples.sample(2, 2).course, FACTS)) == []


def test_the_table_has_a_row_for_each_look(samples: ModuleType) -> None:
    course, _ = looked(samples)
    table = lookback_table(course)
    assert list(table["verdict"]) == ["not covered", "visible"]
    assert list(table["visible_days_earlier"]) == [course.lookbacks[1].days_earlier] * 2
    assert table["contrast_hu"].isna().tolist() == [True, False]
    assert table["false_alarm_percent"][1] == 0.5


def test_the_html_report_tells_it_beside_the_pictures(samples: ModuleType, tmp_path: Path) -> None:
    course, images = looked(samples)
    path = tmp_path / "report.html"
    write_html(ReportContent(course, FACTS, looks=images), path)
    text = path.read_text(encoding="utf-8")
    assert text.count("<image ") == len(images)
    for expected in ("controls like it: 0.5 %", "the place is outside the scan", "visible</b>"):
        assert expected in text
