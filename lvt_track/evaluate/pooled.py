"""Scores in rows: case by case, and over all cases with bootstrap intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lvt_track.evaluate.detection import Detection
from lvt_track.evaluate.scores import ClassScores

__all__ = ["ALL_CASES", "LEAST_CASES", "Score", "case_rows", "pooled_rows"]

ALL_CASES = "all"
"""What stands for the case in rows over all cases."""

LEAST_CASES = 5
"""Fewest cases that are given intervals: fewer say nothing of what other cases would show."""

_RESAMPLES = 2000
_SIZES = {
    "all": (0.0, np.inf),
    "below 10 mm": (0.0, 10.0),
    "10 to 20 mm": (10.0, 20.0),
    "from 20 mm": (20.0, np.inf),
}


@dataclass(frozen=True)
class Score:
    """One row of the table.

    Attributes:
        case: its name, or `ALL_CASES`.
        name: of the class.
        measure: what was scored.
        lesions: the sizes that lesion-wise scores are of; empty for other scores.
        value: the score; over all cases the mean, or of lesions the share among all of them.
        low, high: its 95 % interval; None where there is none.
        count: how many cases or lesions it rests on.
    """

    case: str
    name: str
    measure: str
    lesions: str
    value: float
    low: float | None
    high: float | None
    count: int


@dataclass(frozen=True)
class _Part:
    """What one case gives to a score: so much of so much, to be added up before it is divided.

    Attributes:
        amount, whole: the score of the case is amount over whole; a whole of 0 gives none.
        count: cases or lesions.
    """

    amount: float
    whole: float
    count: int


_Key = tuple[str, str]
"""Measure, and sizes of lesions."""


def case_rows(case: str, name: str, scores: ClassScores) -> list[Score]:
    """The scores of one class of one case; what is not defined has no row."""
    return [
        Score(case, name, measure, lesions, part.amount / part.whole, None, None, part.count)
        for (measure, lesions), part in _parts(scores).items()
        if part.whole
    ]


def pooled_rows(name: str, cases: Sequence[ClassScores], seed: int = 0) -> list[Score]:
    """The scores of one class over all cases, with percentile bootstrap intervals over cases.

    Args:
        name: of the class.
        cases: at least one.
        seed: of the resampling.
    """
    parts = [_parts(case) for case in cases]
    chosen = np.random.default_rng(seed).integers(len(cases), size=(_RESAMPLES, len(cases)))
    rows = []
    for measure, lesions in parts[0]:
        case_parts = [case[measure, lesions] for case in parts]
        amount = np.array([part.amount for part in case_parts])
        whole = np.array([part.whole for part in case_parts])
        if not whole.any():
            continue
        low = high = None
        if np.count_nonzero(whole) >= LEAST_CASES:
            wholes = whole[chosen].sum(axis=1)
            values = amount[chosen].sum(axis=1)[wholes > 0] / wholes[wholes > 0]
            low, high = (float(end) for end in np.percentile(values, [2.5, 97.5]))
        rows.append(
            Score(
                ALL_CASES,
                name,
                measure,
                lesions,
                float(amount.sum() / whole.sum()),
                low,
                high,
                sum(part.count for part in case_parts),
            )
        )
    return rows


def _parts(scores: ClassScores) -> Mapping[_Key, _Part]:
    overlaps = {
        "dice": scores.dice,
        "nsd_2mm": scores.surface_dice,
        "hd95_mm": scores.hausdorff_mm,
        "cldice": scores.centreline_dice,
    }
    parts = {
        (measure, ""): _Part(0.0, 0.0, 0) if value is None else _Part(value, 1.0, 1)
        for measure, value in overlaps.items()
    }
    return parts if scores.detection is None else parts | _lesion_parts(scores.detection)


def _lesion_parts(detection: Detection) -> dict[_Key, _Part]:
    parts: dict[_Key, _Part] = {}
    for lesions, (least_mm, below_mm) in _SIZES.items():
        detected, true, false = detection.between(least_mm, below_mm)
        parts |= {
            ("lesion_sensitivity", lesions): _Part(detected, true, true),
            ("lesion_precision", lesions): _Part(detected, detected + false, detected + false),
            ("lesion_f1", lesions): _Part(2 * detected, detected + true + false, true + false),
        }
    return parts
