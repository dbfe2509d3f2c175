"""What sets one response criterion apart from another: the size it adds up, and its limits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lvt_track.core.assessment import Assessment

__all__ = ["Criterion", "at_least"]

# Sizes are written with a few decimals and kept as binary fractions: 27 x 1.2 is not 32.4 to the
# last bit. A limit counts as reached within this.
_TOLERANCE = 1e-6


def at_least(value: float, limit: float) -> bool:
    """Whether a value reaches a limit, robust to binary fractions."""
    return value >= limit - _TOLERANCE


@dataclass(frozen=True)
class Criterion:
    """A rule for response.

    Attributes:
        name: as it stands in tables.
        unit: of the sum.
        size: the size of a lesion that enters the sum; None where it was not measured.
        is_measurable: whether a lesion can be a target at baseline.
        too_small: what a lesion too small to measure counts.
        response_percent: a fall of the sum from baseline to call partial response, negative.
        progression_percent: a rise over the nadir to call progression.
        progression_least: the rise in `unit` that progression needs as well.
        least_new_mm: new lesions with a shorter long axis are doubtful, and do not count yet.
    """

    name: str
    unit: str
    size: Callable[[Assessment], float | None]
    is_measurable: Callable[[Assessment], bool]
    too_small: float
    response_percent: float
    progression_percent: float
    progression_least: float
    least_new_mm: float = 0.0

    def is_doubtful_new(self, row: Assessment) -> bool:
        """Whether a new lesion is too small to be sure of."""
        return row.long_axis_mm is not None and not at_least(row.long_axis_mm, self.least_new_mm)

    def is_response(self, total: float, baseline: float) -> bool:
        """Whether the sum has fallen from baseline as far as partial response asks for."""
        return at_least(baseline * (1 + self.response_percent / 100), total)

    def is_progression(self, total: float, nadir: float) -> bool:
        """Whether the sum has risen over the nadir as far as progression asks for.

        Any rise from a nadir of 0 is progression: nothing was left, and a lesion came back.
        """
        if nadir == 0:
            return total > 0
        return at_least(total, nadir * (1 + self.progression_percent / 100)) and at_least(
            total - nadir, self.progression_least
        )
