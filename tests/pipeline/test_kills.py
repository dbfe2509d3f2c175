"""Runs that are killed, ended or doubled, as processes of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lvt_track as lvt

DATE = "2024-01-15"
EPOCH = ("SOURCE_DATE_EPOCH", "1700000000")
LONGEST_S = 120


@pytest.fixture(scope="module")
def patient(tiny_patient: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one") / "patient"
    shutil.copytree(tiny_patient / DATE, folder / DATE)
    return folder


def start(patient: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "lvt_track.cli", "track", str(patient), "-o", str(out), *options],
        env=os.environ | dict([EPOCH]),
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Exit code of a run, and what it said last."""
    _, told = process.communicate(timeout=LONGEST_S)
    return process.returncode, "".join(told.splitlines()[-1:])


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Wait until a run has written a file."""
    end = time.monotonic() + LONGEST_S
    while not path.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)


def contents(folder: Path) -> dict[str, bytes]:
    """All files but the manifest, which holds seconds."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "run.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def undisturbed(patient: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(*EPOCH)
        lvt.track(patient, out)
    return contents(out)


def test_a_run_that_is_killed_goes_on_to_the_same_bytes(
    patient: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = start(patient, out)
    wait_for(out / f"visits/{DATE}/tumors.nii.gz", process)
    os.killpg(process.pid, signal.SIGKILL)
    assert end(process)[0] == -signal.SIGKILL
    assert end(start(patient, out, "--resume"))[0] == 0
    assert contents(out) == undisturbed


def test_a_run_that_is_ended_leaves_no_half_file_and_says_how_to_go_on(
    patient: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    process = start(patient, out)
    wait_for(out / "run.json", process)
    process.send_signal(signal.SIGTERM)
    assert end(process) == (130, "interrupted; --resume goes on from here")
    assert not list(out.rglob(".*"))


def test_of_two_runs_at_once_one_is_refused_in_words(
    patient: Path, undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    first = start(patient, out)
    wait_for(out / "run.json", first)
    os.killpg(first.pid, signal.SIGSTOP)  # so that it is not done before the second begins
    code, told = end(start(patient, out, "--resume"))
    os.killpg(first.pid, signal.SIGCONT)
    assert code == 2
    assert "another run is writing here (" in told
    assert end(first)[0] == 0
    assert contents(out) == undisturbed
