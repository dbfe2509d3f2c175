from __future__ import annotations

import os
import threading

import pytest
import torch

from lvt_track.training.ahead import MadeAhead, MadeByProcesses


def squared(number: int) -> torch.Tensor:
    return torch.tensor([number**2, os.getpid()])


def refused(number: int) -> int:
    raise ValueError(f"there is no batch {number}")


def test_results_are_those_of_the_function_in_any_order() -> None:
    squares = MadeAhead(lambda number: number**2, stride=2, threads=2)
    assert [squares(number) for number in (4, 6, 8, 1, 3)] == [16, 36, 64, 1, 9]


def test_the_next_result_is_made_before_it_is_asked_for() -> None:
    made = {number: threading.Event() for number in (0, 3, 6)}

    def make(number: int) -> int:
        made[number].set()
        return number

    numbers = MadeAhead(make, stride=3, threads=1)
    assert numbers(0) == 0
    assert made[3].wait(timeout=10.0)


def test_processes_give_the_results_of_the_function_in_any_order() -> None:
    squares = MadeByProcesses(squared, stride=2, processes=2)
    results = [squares(number) for number in (4, 6, 8, 1, 3)]
    assert [int(result[0]) for result in results] == [16, 36, 64, 1, 9]
    makers = {int(result[1]) for result in results}
    assert len(makers) > 1
    assert os.getpid() not in makers


def test_an_error_in_a_process_is_raised_where_the_result_is_asked_for() -> None:
    with pytest.raises(ValueError, match="there is no batch 7"):
        MadeByProcesses(refused, stride=1, processes=1)(7)
