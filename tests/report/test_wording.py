from __future__ import annotations

from dataclasses import replace
from types import ModuleType

import pytest

from lvt_track.report.wording import all_warnings, percent, reason_text, typeset


@pytest.mark.parametrize(
    ("text", "typeset_text"),
    [
        ("sum 43.7 mm, -44.1 % from baseline", "sum 43.7 mm, −44.1 % from baseline"),
        ("(-4.6 mm) against 2022-11-04", "(−4.6 mm) against 2022-11-04"),
        ("non-target 5a, 3D-2 and T-1", "non-target 5a, 3D-2 and T-1"),
        ("-3", "−3"),
    ],
)
def test_minus_signs_are_true_and_hyphens_stay(text: str, typeset_text: str) -> None:
    assert typeset(text) == typeset_text
    assert typeset(typeset_text) == typeset_text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (12.4, "+12\u00a0%"), (-0.4, "0\u00a0%"), (-44.1, "−44\u00a0%")],
)
def test_percent(value: float | None, text: str) -> None:
    assert percent(value) == text


@pytest.mark.parametrize(
    ("reason", "printed"),
    [
        ("new lesion T7 (seen since 2024-05-02); sum 5 mm", None),
        ("new lesion T5 (seen since 2024-05-02), T6; sum 5 mm", "new lesions T5"),
        ("PR; possible new lesion T51, T61, not counted", "possible new lesions T51"),
        ("possible new lesion T51, not counted", None),
    ],
)
def test_several_new_lesions_are_in_the_plural(
    samples: ModuleType, reason: str, printed: str | None
) -> None:
    response = replace(samples.sample(2, 1).course.responses[0], reason=reason)
    text = reason_text(response)
    assert text == reason if printed is None else printed in text


def test_a_warning_of_several_visits_stands_once(samples: ModuleType) -> None:
    course = samples.sample(2, 1).course
    visits = tuple(
        replace(visit, warnings=("it is cut", visit.visit.name)) for visit in course.visits
    )
    first, second = (visit.visit.name for visit in visits)
    warnings = all_warnings(replace(course, visits=visits, warnings=("of all",)))
    assert warnings[0] == "of all" and f"{first}, {second}: it is cut" in warnings
    assert f"{second}: {second}" in warnings
