from __future__ import annotations

import pytest

from lvt_track.report.wording import percent, typeset


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
