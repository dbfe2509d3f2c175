from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
import torch

from lvt_track.training.batches.prefetch import made_by_processes, made_by_threads


def squared(number: int) -> torch.Tensor:
    return torch.tensor([number**2, os.getpid()])


def met(folder: Path, number: int) -> int:
    """The number, once two processes have been asked for one."""
    (folder / str(os.getpid())).touch()
    end = time.monotonic() + 60.0
    while len(list(folder.iterdir())) < 2:
        assert time.monotonic() < end, "no other process came"
        time.sleep(0.02)
    return number


def refused(number: int) -> int:
    raise ValueError(f"there is no batch {number}")


def test_results_are_those_of_the_function_in_any_order() -> None:
    squares = made_by_threads(lambda number: number**2, stride=2, threads=2)
    assert [squares(number) for number in (4, 6, 8, 1, 3)] == [16, 36, 64, 1, 9]


def test_the_next_result_is_made_before_it_is_asked_for() -> None:
    made = {number: threading.Event() for number in (0, 3, 6)}

    def make(number: int) -> int:
        made[number].set()
        return number

    numbers = made_by_threads(make, stride=3, threads=1)
    assert numbers(0) == 0
    assert made[3].wait(timeout=10.0)


def test_processes_give_the_results_of_the_function_in_any_order() -> None:
    squares = made_by_processes(squared, stride=2, processes=2)
    results = [squares(number) for number in (4, 6, 8, 1, 3)]
    assert [int(result[0]) for result in results] == [16, 36, 64, 1, 9]
    assert os.getpid() not in {int(result[1]) for result in results}


def test_processes_work_at_the_same_time(tmp_path: Path) -> None:
    numbers = made_by_processes(partial(met, tmp_path), stride=1, processes=2)
    assert [numbers(n) for n in range(3)] == [0, 1, 2]
    makers = {file.name for file in tmp_path.iterdir()}
    assert len(makers) > 1
    assert str(os.getpid()) not in makers


def test_an_error_in_a_process_is_raised_where_the_result_is_asked_for() -> None:
    with pytest.raises(ValueError, match="there is no batch 7"):
        made_by_processes(refused, stride=1, processes=1)(7)


PROGRAM = """
import os, signal, time
from lvt_track.training.batches.prefetch import made_by_processes

def slow(number):
    time.sleep(0.2)
    return os.getpid()

if __name__ == "__main__":
    print(made_by_processes(slow, stride=1, processes=1)(0), flush=True)
"""


def test_a_program_ends_without_a_word_while_results_are_made(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    ended = subprocess.run([sys.executable, file], capture_output=True, text=True, check=True)
    assert ended.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_processes_end_with_a_program_that_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(PROGRAM + "    os.kill(os.getpid(), signal.SIGKILL)\n")
    killed = subprocess.run([sys.executable, file], capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL
    end = time.monotonic() + 20.0
    while time.monotonic() < end and _is_alive(int(killed.stdout)):
        time.sleep(0.05)
    assert not _is_alive(int(killed.stdout))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # What has ended and has nobody to take note of it is no longer alive.
    state = Path(f"/proc/{process}/stat")
    return not (state.exists() and state.read_text().rpartition(")")[2].split()[0] == "Z")


MANY_TENSORS = """
import resource
import torch
from lvt_track.training.batches.prefetch import made_by_processes

def tensors(number):
    return [torch.full((2,), number) for _ in range(100)]

if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (80, most))
    made = made_by_processes(tensors, stride=1, processes=1)
    print(sum(int(tensor.sum()) for number in (1, 2) for tensor in made(number)))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_results_of_many_tensors_need_no_setting_of_the_system(tmp_path: Path) -> None:
    file = tmp_path / "program.py"
    file.write_text(MANY_TENSORS)
    ended = subprocess.run([sys.executable, file], capture_output=True, text=True, check=True)
    assert ended.stdout == "600\n"
