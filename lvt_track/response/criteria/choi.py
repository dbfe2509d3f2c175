"""Choi criteria (Choi et al., J Clin Oncol 2007;25:1753-1759): size or attenuation.

Made for gastrointestinal stromal tumours under imatinib, which go dark before they shrink; used
for liver metastases under targeted drugs. Attenuation is that of the portal phase. The paper does
not say against what growth is measured: here against the smallest sum, as in RECIST.
"""

from __future__ import annotations

from collections.abc import Sequence

from lvt_track.core.response.assessment import Assessment, Status
from lvt_track.core.response.categories import Category
from lvt_track.core.series import Phase
from lvt_track.response.criteria.recist import (
    NON_TARGET_RULES,
    OVERALL_RULES,
    RECIST_1_1,
    target_rules,
)
from lvt_track.response.timepoints.criterion import Criterion
from lvt_track.response.timepoints.evidence import Evidence
from lvt_track.response.timepoints.rules import Rule, without
from lvt_track.response.timepoints.scale import at_least
from lvt_track.response.timepoints.visit import VisitRows

__all__ = ["CHOI"]

_SIZE_PERCENT = 10.0
_ATTENUATION_PERCENT = 15.0


def _mean_hu(e: Evidence, visit: VisitRows) -> float | None:
    """Mean attenuation of the targets that are there, each lesion alike; None where one lacks."""
    rows = {row.lesion: row for target in e.baseline.targets for row in visit.of(target.lesion)}
    densities_hu = [row.mean_hu for row in rows.values() if row.status is not Status.ABSENT]
    known = [value for value in densities_hu if value is not None]
    return sum(known) / len(known) if known and len(known) == len(densities_hu) else None


def _fall_percent(e: Evidence) -> float | None:
    """Change of attenuation from baseline, in percent; None where it cannot be formed."""
    before, now = _mean_hu(e, e.first), _mean_hu(e, e.visit)
    if before is None or now is None or before <= 0:
        return None
    return 100.0 * (now - before) / before


def _is_darker(e: Evidence) -> bool:
    change = _fall_percent(e)
    return change is not None and at_least(-change, _ATTENUATION_PERCENT)


def _darker_words(e: Evidence) -> str:
    before, now = _mean_hu(e, e.first), _mean_hu(e, e.visit)
    return f"attenuation {before:.0f} to {now:.0f} HU, {_fall_percent(e):+.1f} % from baseline"


def _is_open(e: Evidence) -> bool:
    """Whether the category hangs on an attenuation that is not known."""
    is_settled = _BY_NAME["responded"].when(e) and not _BY_NAME["progressed"].when(e)
    return _fall_percent(e) is None and not is_settled


def _lacking(rows: Sequence[Assessment]) -> str:
    if all(row.mean_hu is None for row in rows):
        return "Choi needs the mean attenuation of each lesion, there is none"
    for row in rows:
        if row.mean_hu is not None and row.phase not in (Phase.PORTAL, Phase.UNKNOWN):
            return (
                f"Choi needs the portal phase: lesion {row.lesion} was measured in the "
                f"{row.phase} phase on {row.date}"
            )
    return ""


_RULES = target_rules(-_SIZE_PERCENT, _SIZE_PERCENT, 0.0)
_LAST = ("part progressed", "progressed", "continues", "stable")
_BY_NAME = {rule.name: rule for rule in _RULES}

CHOI = Criterion(
    name="Choi",
    scale=RECIST_1_1.scale,
    target=(
        *without(_RULES, *_LAST, "responded"),
        # Growth is progression only where attenuation has not fallen as far as response asks for.
        Rule("darker", Category.PR, _is_darker, _darker_words),
        Rule(
            "no attenuation",
            Category.NE,
            _is_open,
            lambda e: "the attenuation of a target lesion is not known",
        ),
        _BY_NAME["progressed"],
        _BY_NAME["responded"],
        _BY_NAME["stable"],
    ),
    non_target=NON_TARGET_RULES,
    overall=OVERALL_RULES,
    lacking=_lacking,
    remedy="Give a column mean_hu measured in the portal phase, or use recist1.1",
)
