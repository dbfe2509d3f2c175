"""Habits of a good command line, for every command."""

from __future__ import annotations

import resource
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from lvt_track.cli.app import app, main
from lvt_track.cli.console import guarded

COMMANDS = [
    "demo",
    "track",
    "report",
    "segment",
    "discover",
    "measure",
    "respond",
    "phantom",
    "prepare",
    "models",
    "doctor",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert "Usage" in result.output


def test_help_lists_every_command() -> None:
    output = CliRunner().invoke(app, ["--help"]).output
    assert [name for name in COMMANDS if name not in output] == []


def test_help_needs_no_heavy_library() -> None:
    code = (
        "import sys; from lvt_track.cli.app import app; "
        "heavy = {'torch', 'SimpleITK', 'pandas', 'scipy', 'matplotlib', 'pydicom', 'numpy'}; "
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_version() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.output.startswith("lvt ")


@pytest.mark.parametrize("args", [["nonsense"], ["track"], ["track", "x"], ["segment", "--nope"]])
def test_wrong_usage_exits_with_2(args: list[str]) -> None:
    assert CliRunner().invoke(app, args).exit_code == 2


def test_output_that_cannot_be_written_is_a_message(tiny_patient: Path) -> None:
    result = CliRunner().invoke(app, ["track", str(tiny_patient), "-o", "/proc/no/such/place"])
    assert result.exit_code == 5
    assert "/proc/no/such/place" in result.output
    assert "Traceback" not in result.output


def test_output_that_is_a_file_is_wrong_usage(tiny_patient: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.write_text("mine")
    result = CliRunner().invoke(app, ["track", str(tiny_patient), "-o", str(out), "--force"])
    assert result.exit_code == 2
    assert out.read_text() == "mine"


def test_full_disk_leaves_no_half_file(tiny_patient: Path, tmp_path: Path) -> None:
    limit = 2000

    def shrink_disk() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(
        [sys.executable, "-m", "lvt_track.cli", "track", tiny_patient, "-o", tmp_path / "out"],
        capture_output=True,
        text=True,
        preexec_fn=shrink_disk,
    )
    assert done.returncode == 5
    assert "Traceback" not in done.stderr
    assert str(tmp_path / "out") in done.stderr
    assert [
        path for path in (tmp_path / "out").rglob("*.nii.gz") if path.stat().st_size == limit
    ] == []


def test_off_a_terminal_each_step_is_told_as_it_is_done(tiny_patient: Path, tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["track", str(tiny_patient), "-o", str(tmp_path / "out")])
    assert result.exit_code == 0
    assert result.stderr.startswith("visits 1/3: ")
    assert "\x1b" not in result.stderr and "\r" not in result.stderr
    assert "report.pdf" in result.stdout


def test_a_broken_package_is_no_fault_of_lvt(capsys: pytest.CaptureFixture[str]) -> None:
    @guarded
    def command() -> None:
        raise ImportError("libtorch.so: cannot open shared object file")

    with pytest.raises(typer.Exit) as exit_code:
        command()
    assert exit_code.value.exit_code == 5
    assert "cannot be loaded (libtorch.so" in capsys.readouterr().err


def test_an_empty_argument_is_a_mistake_not_this_folder(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["lvt", "discover", ""])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert "an argument is empty" in capsys.readouterr().err
