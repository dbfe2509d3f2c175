"""Every example runs and says what it promises."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"


Run = Callable[..., str]


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], registrations: None
) -> Run:
    """Run a script as a program, in this process; gives what it prints."""

    def running(name: str, *args: object) -> str:
        script = str(EXAMPLES / name)
        monkeypatch.setattr(sys, "argv", [script, *map(str, args)])
        runpy.run_path(script, run_name="__main__")
        return capsys.readouterr().out

    return running


def test_track_a_phantom(tmp_path: Path, run: Run) -> None:
    output = run("track_a_phantom.py", tmp_path / "out", 2)
    truth = pd.read_csv(tmp_path / "out" / "patient" / "truth" / "edges.csv")
    assert f"links: {len(truth)} of {len(truth)} found, 0 false" in output
    assert (tmp_path / "out" / "results" / "report.pdf").stat().st_size > 10_000


def test_bring_your_own_masks(tmp_path: Path, run: Run) -> None:
    output = run("bring_your_own_masks.py", tmp_path / "out")
    assert "'tumors': 'given'" in output


def test_stages_in_python(run: Run) -> None:
    output = run("stages_in_python.py")
    assert "registered: deformable" in output
    assert "same" in output


@pytest.mark.parametrize("script", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_every_script_is_listed_and_tested(script: Path) -> None:
    assert script.name in (EXAMPLES / "README.md").read_text()
    assert script.name in Path(__file__).read_text()


def test_compare_with_a_radiologist(tmp_path: Path, run: Run) -> None:
    output = run("compare_with_a_radiologist.py", tmp_path / "out")
    assert "mean_absolute_error_mm" in output
    pairs = pd.read_csv(tmp_path / "out" / "results" / "reader_pairs.csv")
    assert (pairs["paired_by"] == "place").any()
