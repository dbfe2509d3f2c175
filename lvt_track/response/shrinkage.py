"""Early tumour shrinkage and depth of response: how far the sum fell, and how soon.

Both are read from the sums of a criterion. Early shrinkage by 20 % at eight weeks, and depth,
went with survival in colorectal cancer (Piessevaux et al., Ann Oncol 2013;24:1236-1243; Heinemann
et al., Eur J Cancer 2015;51:1927-1936).
"""

from __future__ import annotations

from collections.abc import Sequence

from lvt_track.core.response.categories import Standing
from lvt_track.core.response.response import Response
from lvt_track.response.standings import standing_of

__all__ = ["depth_of_response_percent", "early_change_percent"]

_EARLY_DAYS = 56
_WINDOW_DAYS = 14


def depth_of_response_percent(responses: Sequence[Response]) -> float | None:
    """Lowest change of the sum from baseline before progression; None without any.

    Args:
        responses: of one patient and one criterion, in order of time.
    """
    changes = []
    for response in responses:
        if standing_of(response) is Standing.PROGRESSION:
            break
        if response.change_from_baseline_percent is not None:
            changes.append(response.change_from_baseline_percent)
    return min(changes, default=None)


def early_change_percent(responses: Sequence[Response]) -> float | None:
    """Change of the sum from baseline at the visit nearest to eight weeks.

    Args:
        responses: of one patient and one criterion, in order of time; the first is the baseline.

    Returns:
        None where no sum was formed from six to ten weeks after the baseline.
    """
    near = [
        (abs((r.date - responses[0].date).days - _EARLY_DAYS), r.change_from_baseline_percent)
        for r in responses[1:]
        if r.change_from_baseline_percent is not None
    ]
    days, change = min(near, default=(_WINDOW_DAYS + 1, None))
    return change if days <= _WINDOW_DAYS else None
