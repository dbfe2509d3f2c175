from __future__ import annotations

import threading

from lvt_track.training.ahead import MadeAhead


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
