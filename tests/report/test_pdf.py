from __future__ import annotations

import datetime as dt
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from lvt_track.core.course import Course
from lvt_track.errors import OutputError
from lvt_track.report.content import ReportContent
from lvt_track.report.facts import RESEARCH_NOTICE, RunFacts
from lvt_track.report.pdf import write_pdf

FACTS = RunFacts(dt.datetime(2026, 1, 2, 3, 4), "9.8.7", ("small model 1",), ("scout: one slice",))


def page_count(path: Path) -> int:
    return len(re.findall(rb"/Type /Page\b", path.read_bytes()))


def texts(path: Path) -> list[str]:
    """Text of every page."""
    if shutil.which("pdftotext") is None:
        pytest.skip("pdftotext is not installed")
    done = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, check=True)
    return done.stdout.decode().split("\f")[:-1]


def test_report_of_four_visits(samples: ModuleType, tmp_path: Path) -> None:
    sample = samples.sample(4, 8, pixel_mm=3.2)
    path = tmp_path / "report.pdf"
    write_pdf(ReportContent(sample.course, FACTS, sample.key_images()), path)
    count = page_count(path)
    assert 6 <= count <= 10
    assert path.stat().st_size < 3e6
    pages = texts(path)
    assert len(pages) == count
    for number, page in enumerate(pages, 1):
        assert RESEARCH_NOTICE in page
        assert f"page {number} of {count}" in page
        assert "made 2026-01-02 by lvt 9.8.7" in page
        assert "Østergård-Villanueva" in page
    first, whole = pages[0], "".join(pages)
    assert "RECIST 1.1" in first and "PD" in first and "small model 1" in first
    assert "2 warnings" in first and "75.7 %" in first
    for track in range(1, 9):
        assert re.search(rf"\bT{track}\b", whole)
    assert "75.6 × 57.3" in whole.replace("\u00a0", " ")
    assert "Left out: scout: one slice" in whole


def test_the_same_report_is_the_same_file(samples: ModuleType, tmp_path: Path) -> None:
    sample = samples.sample(2, 2, pixel_mm=3.2)
    images = sample.key_images()
    for name in ("a.pdf", "b.pdf"):
        write_pdf(ReportContent(sample.course, FACTS, images), tmp_path / name)
    assert (tmp_path / "a.pdf").read_bytes() == (tmp_path / "b.pdf").read_bytes()


@pytest.mark.parametrize("size", [(1, 3), (1, 0), (3, 0)])
def test_few_visits_and_no_tumours(
    samples: ModuleType, tmp_path: Path, size: tuple[int, int]
) -> None:
    sample = samples.sample(*size, pixel_mm=3.2)
    path = tmp_path / "report.pdf"
    write_pdf(ReportContent(sample.course, FACTS, sample.key_images()), path)
    assert 3 <= page_count(path) <= 6


def test_without_any_image_or_response(samples: ModuleType, tmp_path: Path) -> None:
    course = replace(samples.sample(3, 4).course, responses=(), phases=())
    path = tmp_path / "report.pdf"
    write_pdf(ReportContent(course, FACTS), path)
    assert "Key images" not in "".join(texts(path))


def test_images_of_a_visit_may_be_missing(samples: ModuleType, tmp_path: Path) -> None:
    sample = samples.sample(3, 2, pixel_mm=3.2)
    path = tmp_path / "report.pdf"
    write_pdf(ReportContent(sample.course, FACTS, sample.key_images(left_out=(1,))), path)
    assert "no image" in "".join(texts(path))


def test_thirty_tracks_at_nine_visits(samples: ModuleType, tmp_path: Path) -> None:
    sample = samples.sample(9, 30, pixel_mm=4.0)
    path = tmp_path / "report.pdf"
    write_pdf(ReportContent(sample.course, FACTS), path)
    whole = "".join(texts(path))
    assert "in grey the other" in whole
    assert "Tumours by visit, continued" in whole


def test_names_no_typesetter_expects(samples: ModuleType, tmp_path: Path) -> None:
    course: Course = replace(
        samples.sample(2, 2).course,
        patient="$x_1$ 患者 %d\n" + "Long" * 60,
        warnings=("unbroken/" * 60, "$\\frac{1$"),
    )
    path = tmp_path / "report.pdf"
    write_pdf(ReportContent(course, FACTS), path)
    assert "$x_1$" in texts(path)[0]


def test_a_missing_folder_is_named(samples: ModuleType, tmp_path: Path) -> None:
    content = ReportContent(samples.sample(1, 0).course, FACTS)
    with pytest.raises(OutputError):
        write_pdf(content, tmp_path / "missing" / "report.pdf")
