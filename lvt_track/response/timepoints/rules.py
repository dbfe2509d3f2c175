"""Rules: a category, when it holds, and the reason in words. The first rule that holds decides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lvt_track.core.response.categories import Category
from lvt_track.response.timepoints.evidence import Evidence

__all__ = ["Rule", "always", "judge", "without"]


@dataclass(frozen=True)
class Rule:
    """One sentence of a criterion.

    Attributes:
        name: by which another criterion can leave it out or take its place.
        category: what it gives.
        when: whether it holds.
        reason: why, in words; may be empty.
    """

    name: str
    category: Category
    when: Callable[[Evidence], bool]
    reason: Callable[[Evidence], str]


def always(evidence: Evidence) -> bool:
    """The condition of a last rule."""
    return True


def judge(rules: Sequence[Rule], evidence: Evidence) -> tuple[Category, str]:
    """Category and reason of the first rule that holds; none and no words where none does."""
    for rule in rules:
        if rule.when(evidence):
            return rule.category, rule.reason(evidence)
    return Category.NONE, ""


def without(rules: Sequence[Rule], *names: str) -> tuple[Rule, ...]:
    """The rules but for those of these names.

    Raises:
        ValueError: for a name that no rule has.
    """
    unknown = set(names) - {rule.name for rule in rules}
    if unknown:
        raise ValueError(f"no rule is called {', '.join(sorted(unknown))}")
    return tuple(rule for rule in rules if rule.name not in names)
