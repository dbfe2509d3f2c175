"""One version, and it is that of the newest release."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import lvt_track

ROOT = Path(__file__).parents[1]
RELEASE = re.compile(r"^## (\d+\.\d+\.\d+) — (\d{4}-\d{2}-\d{2})$", re.MULTILINE)


def test_the_version_is_that_of_the_newest_release() -> None:
    releases = RELEASE.findall((ROOT / "CHANGELOG.md").read_text())
    assert lvt_track.__version__ == releases[0][0]
    dates = [date for _, date in releases]
    assert dates == sorted(dates, reverse=True)


def test_it_is_said_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "version" not in project["project"]
    dynamic = project["tool"]["setuptools"]["dynamic"]
    assert dynamic["version"] == {"attr": "lvt_track.__version__"}
