"""What a criterion measures: the size of a lesion, in which unit, and what can be measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lvt_track.core.response.assessment import Assessment, Status

__all__ = ["NODE_NORMAL_MM", "Scale", "at_least", "is_absent", "is_gone", "is_normal_node"]

NODE_NORMAL_MM = 10.0
"""Lymph nodes with a shorter short axis are normal (RECIST 1.1, 4.3.1)."""

# Sizes are written with a few decimals and kept as binary fractions: 27 x 1.2 is not 32.4 to the
# last bit. A limit counts as reached within this.
_TOLERANCE = 1e-6


def at_least(value: float, limit: float) -> bool:
    """Whether a value reaches a limit, robust to binary fractions."""
    return value >= limit - _TOLERANCE


def is_normal_node(row: Assessment) -> bool:
    """Whether a node that was a lesion has become normal."""
    if row.short_axis_mm is not None and row.status is not Status.ABSENT:
        return row.short_axis_mm < NODE_NORMAL_MM
    return row.status in (Status.ABSENT, Status.TOO_SMALL)


def is_absent(row: Assessment) -> bool:
    """Whether nothing is left of a lesion that is no node."""
    return row.status is Status.ABSENT


def _remark(row: Assessment) -> str:
    return row.remark


def _never(row: Assessment, first: Assessment) -> bool:
    return False


@dataclass(frozen=True)
class Scale:
    """How a criterion measures lesions.

    Attributes:
        unit: of sizes and sums.
        size: the size of a lesion that enters the sum; None where it was not measured.
        is_measurable: whether a lesion can be a target at baseline.
        too_small: what a lesion too small to measure counts.
        is_cleared: whether nothing that counts is left of a lesion that is no node.
        is_doubtful_new: whether a new lesion, given as it is now and as it was first seen, is too
            uncertain to count yet.
        why_unmeasured: why a row has no such size; empty where nothing is known.
        counts_all: whether the sum is over all lesions that have a size, new ones included,
            instead of over a few targets.
    """

    unit: str
    size: Callable[[Assessment], float | None]
    is_measurable: Callable[[Assessment], bool]
    too_small: float
    is_cleared: Callable[[Assessment], bool] = is_absent
    is_doubtful_new: Callable[[Assessment, Assessment], bool] = _never
    why_unmeasured: Callable[[Assessment], str] = _remark
    counts_all: bool = False


def is_gone(row: Assessment, scale: Scale, *, is_nodal: bool) -> bool:
    """Whether nothing that counts is left of a lesion: nodes are normal, others are cleared."""
    return is_normal_node(row) if is_nodal else scale.is_cleared(row)
