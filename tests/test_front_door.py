"""`import lvt_track as lvt`: what stands at the door, that it is quick, and that it refuses."""

from __future__ import annotations

import doctest
import subprocess
import sys
from pathlib import Path
from types import FunctionType

import numpy as np
import pandas as pd
import pytest

import lvt_track as lvt
from lvt_track.core.geometry import Geometry as CoreGeometry

HEAVY = ("torch", "SimpleITK", "pandas", "scipy", "numpy", "typer")
FUNCTIONS = ("evaluate", "measure", "read_volume", "respond", "segment", "track")


def test_importing_loads_nothing_heavy() -> None:
    code = f"import sys, lvt_track; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; from lvt_track.cli.app import main; sys.argv = ['lvt', '--help']\n"
        "try: main()\nexcept SystemExit: pass\n"
        "print('loaded', [m for m in ('torch', 'SimpleITK', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("loaded []")


def test_everything_at_the_door_is_there() -> None:
    assert list(lvt.__all__) == sorted(lvt.__all__)
    for name in lvt.__all__:
        assert getattr(lvt, name) is not None
        assert name in dir(lvt)
    assert lvt.Geometry is CoreGeometry
    with pytest.raises(AttributeError, match="nothing_of_this"):
        _ = lvt.nothing_of_this


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_hide_no_rooms(name: str) -> None:
    """`lvt_track.segment` is a room too; importing from it must not take the function's place."""
    __import__("lvt_track.segment.models")
    __import__("lvt_track.measure.axes")
    __import__("lvt_track.evaluate.scores")
    assert isinstance(getattr(lvt, name), FunctionType)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_docstrings_say_what_a_user_needs(name: str) -> None:
    text = getattr(lvt, name).__doc__
    for part in ("Args:", "Returns:", "Raises:", "Example:"):
        assert part in text
    assert any(unit in text for unit in ("mm", "mL", "HU", "(z, y, x)"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_examples_run(
    name: str, tiny_patient: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("patient").symlink_to(tiny_patient)
    Path("table.csv").write_text(
        "date,lesion,long_axis_mm\n2024-01-15,a,20\n2024-04-20,a,30\n", encoding="utf-8"
    )
    (example,) = doctest.DocTestFinder(recurse=False).find(getattr(lvt, name), name)
    result = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE).run(example)
    assert result.attempted > 1
    assert result.failed == 0


def test_a_course_without_a_folder_writes_nothing(
    tiny_patient: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tiny_patient.rglob("*"))
    course = lvt.track(tiny_patient)
    assert isinstance(course, lvt.Course)
    assert list(tmp_path.iterdir()) == []
    assert sorted(tiny_patient.rglob("*")) == before
    assert capfd.readouterr() == ("", ""), "nothing is printed"

    written = lvt.track(str(tiny_patient), tmp_path / "out")
    assert (tmp_path / "out" / "report.pdf").exists()
    for table in ("visits", "lesions", "edges", "tracks", "response", "phases", "lookback"):
        frame = course.to_frame(table)
        pd.testing.assert_frame_equal(frame, written.to_frame(table))
        assert list(frame) == list(pd.read_csv(tmp_path / "out" / f"{table}.csv"))
    with pytest.raises(ValueError, match="'sizes'"):
        course.to_frame("sizes")
    with pytest.raises(lvt.UsageError, match="already holds files"):
        lvt.track(tiny_patient, tmp_path / "out")


def test_measuring_an_array_or_its_file_is_the_same(tiny_patient: Path) -> None:
    folder = tiny_patient / "2024-01-15"
    scan = lvt.read_volume(folder / "portal.nii.gz")
    sizes = lvt.measure(folder / "tumors.nii.gz", ct=scan)
    from lvt_track.io.images.volumes import read_mask

    mask = read_mask(folder / "tumors.nii.gz", scan.geometry)
    again = lvt.measure(mask, scan.geometry, ct=folder / "portal.nii.gz")
    pd.testing.assert_frame_equal(sizes.to_frame(), again.to_frame())
    assert sizes[0].volume_ml == mask.sum() * scan.geometry.voxel_volume_ml - sizes[1].volume_ml
    assert [one.mean_hu for one in sizes] == [one.mean_hu for one in sizes[:]]


def test_masks_are_scored_against_masks() -> None:
    grid = lvt.Geometry.axial((10, 10, 10), (2.0, 2.0, 2.0))
    whole, half = np.ones((10, 10, 10), bool), np.zeros((10, 10, 10), bool)
    half[:5] = True
    masks = lvt.Masks(whole, half, half, grid)
    scores = lvt.evaluate(lvt.Masks(half, half, half, grid), masks)
    dice = {one.name: one.value for one in scores if one.measure == "dice"}
    assert dice == pytest.approx({"liver": 2 / 3, "vessels": 1.0, "tumors": 1.0})


GRID = CoreGeometry.axial((4, 5, 6), (1.0, 1.0, 1.0))
MASK = np.zeros((4, 5, 6), bool)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: lvt.measure(MASK), TypeError, "geometry must be the Geometry.*NoneType None"),
        (lambda: lvt.measure(MASK, (1, 1, 1)), TypeError, r"tuple \(1, 1, 1\)"),
        (lambda: lvt.measure(MASK[1:], GRID), lvt.InputError, r"\(3, 5, 6\).*\(4, 5, 6\)"),
        (lambda: lvt.measure(MASK * 0.5, GRID), TypeError, "float64 with shape"),
        (lambda: lvt.measure("none.nii.gz"), lvt.InputError, "none.nii.gz"),
        (lambda: lvt.read_volume(7), TypeError, "int 7"),
        (lambda: lvt.read_volume("none.nii.gz"), lvt.InputError, "no such file"),
        (lambda: lvt.read_volume(""), lvt.InputError, "the scan is an empty text"),
        (lambda: lvt.track("", out="x"), lvt.InputError, "patient is an empty text"),
        (lambda: lvt.track(".", out=""), lvt.InputError, "out is an empty text"),
        (lambda: lvt.measure(MASK.tolist(), GRID), TypeError, "or a path, got list"),
        (lambda: lvt.segment(MASK), TypeError, "array of bool"),
        (lambda: lvt.track(["patient"]), TypeError, "list"),
        (lambda: lvt.track("none"), lvt.InputError, "none"),
        (lambda: lvt.track("none", model_name="x"), TypeError, "no option model_name"),
        (lambda: lvt.respond(None), TypeError, "NoneType None"),
        (lambda: lvt.evaluate(lvt.Masks(MASK, MASK, MASK, GRID), "x"), TypeError, "str 'x'"),
        (
            lambda: lvt.evaluate(
                lvt.Masks(MASK, MASK, MASK, GRID),
                lvt.Masks(
                    MASK, MASK, MASK, CoreGeometry.axial((4, 5, 6), (1.0, 1.0, 1.0), (9, 9, 9))
                ),
            ),
            lvt.InputError,
            "another place",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_was_given(call, error, words) -> None:
    with pytest.raises(error, match=words):
        call()


def test_the_reference_page_is_up_to_date(tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    made = tmp_path / "api.md"
    subprocess.run([sys.executable, root / "scripts" / "api_reference", made], check=True)
    assert made.read_text() == (root / "docs" / "reference" / "api.md").read_text(), (
        "run scripts/api_reference"
    )
