"""Errors that a user can cause, as a module's command tells them."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from lvt_track.errors import InputError, run_module


def test_an_error_is_told_in_one_line_with_its_exit_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def command() -> None:
        raise InputError("the file is empty", path="scan.nii.gz", remedy="Export it again")

    with pytest.raises(SystemExit) as stopped:
        run_module(command)
    assert stopped.value.code == 3
    assert capsys.readouterr().err == "error: scan.nii.gz: the file is empty. Export it again.\n"


def test_a_command_that_does_well_ends_quietly(capsys: pytest.CaptureFixture[str]) -> None:
    run_module(lambda: None)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("module", "arguments", "code"),
    [
        ("average", ["OUT", "default", "--shares", "0.5"], 2),
        ("average", ["OUT", "absent"], 3),
        ("default_model", ["OUT", "--start-from", "absent"], 3),
    ],
)
@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_modules_that_train_name_what_is_wrong(
    module: str,
    arguments: list[str],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    places = [str(tmp_path) if word == "OUT" else word for word in arguments]
    monkeypatch.setattr(sys, "argv", [module, *places])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module(f"lvt_track.training.synthetic.{module}", run_name="__main__")
    assert stopped.value.code == code
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert not list(tmp_path.iterdir())
