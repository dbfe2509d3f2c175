"""Categories of every criterion have colour, marker and words by what they stand for."""

from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from lvt_track.core.response.categories import Category
from lvt_track.report.drawing.category_style import best_first, category_color, category_marker
from lvt_track.report.verdicts import cause


@pytest.mark.parametrize(("own", "known"), [("iCR", "CR"), ("iPR", "PR"), ("iSD", "SD")])
def test_a_criterion_of_its_own_words_looks_as_recist(own: str, known: str) -> None:
    assert category_color(own, "none") == category_color(known, "none") != "none"
    assert category_marker(own) == category_marker(known)


def test_what_awaits_confirmation_is_told_from_progression() -> None:
    assert len({category_color(word, "none") for word in ("iUPD", "iCPD", "NE")}) == 3
    assert category_color("iCPD", "none") == category_color("PD", "none")
    assert best_first(["iUPD", "NE", "iCPD", "", "iSD", "iSD"]) == ["iSD", "iCPD", "iUPD"]


def test_progression_is_told_in_words_whatever_it_is_called(samples: ModuleType) -> None:
    course = samples.sample(visits=3, tracks=3).course
    (last,) = [one for one in course.responses if one.category == "PD"][-1:]
    words = cause(course, last)
    assert words
    assert words == cause(course, replace(last, category=Category.of("iUPD")))
    confirmed = replace(
        last,
        category=Category.of("iCPD"),
        target=Category.of("iSD"),
        new_lesion=False,
        reason="confirms the progression",
    )
    assert cause(course, confirmed) == "confirms the progression"
