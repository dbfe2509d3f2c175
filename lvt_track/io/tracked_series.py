"""Which series of each visit is followed: the same phase throughout, as far as it goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from lvt_track.core.series import Phase, Series

__all__ = ["PHASE_ORDER", "choose_tracked"]

PHASE_ORDER = (Phase.PORTAL, Phase.DELAYED, Phase.ARTERIAL, Phase.UNKNOWN, Phase.NATIVE)
"""Phases by how well liver metastases show in them."""

# A reconstruction of part of the liver must not win by its thin slices.
_LEAST_SHARE_OF_EXTENT = 0.8

_LIVER_MM = 120.0
"""Few livers are less high: a shorter series shows a part of one, whatever its phase."""


def choose_tracked(visits: Sequence[Sequence[Series]]) -> list[int]:
    """For each visit the index of the series to follow.

    A series that comes with masks goes before others: someone has chosen it. Then one that may
    show a whole liver, where another shows a part; then portal venous; where a visit has none, the
    phase that most visits have. Among series of that phase, those that cover the body, then the
    one with the thinnest slices.

    Args:
        visits: the series of each visit; at least one in each.
    """
    counts = Counter(phase for visit in visits for phase in {series.phase for series in visit})

    def rank(phase: Phase) -> tuple[bool, int, int]:
        return phase is not Phase.PORTAL, -counts[phase], PHASE_ORDER.index(phase)

    def preference(series: Series, longest_mm: float) -> tuple[object, ...]:
        extent_mm = series.shape[0] * series.spacing_mm[0]
        is_shorter = extent_mm < _LEAST_SHARE_OF_EXTENT * longest_mm
        return (
            -len(series.masks),
            is_shorter and extent_mm < _LIVER_MM,
            rank(series.phase),
            is_shorter,
            round(series.spacing_mm[0], 2),
            -extent_mm,
            series.uid,
        )

    tracked = []
    for visit in visits:
        longest_mm = max(series.shape[0] * series.spacing_mm[0] for series in visit)
        tracked.append(min(range(len(visit)), key=lambda k: preference(visit[k], longest_mm)))
    return tracked
