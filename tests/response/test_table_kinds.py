"""Every kind of table that clinics have handed over: right, or refused in words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lvt_track.cli.app import app
from tests.response.table_kinds import CASES, verdict, write_case


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['kind']}: {case['name']}")
def test_right_or_refused_in_words(case: Mapping[str, Any], tmp_path: Path) -> None:
    if "rows" in case:
        pytest.importorskip("openpyxl")
    result = CliRunner().invoke(app, write_case(case, tmp_path))
    assert verdict(case, result.exit_code, result.stdout, result.stderr) == ""
