"""How far a response category hangs on what was measured, found, linked and chosen."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["ResponseDoubt", "Settling"]


@dataclass(frozen=True)
class Settling:
    """The one thing that is likeliest to change a category.

    Attributes:
        lesion: its name.
        date: of the visit at which to look.
        words: what would follow, such as `if T4's 19.8 mm is 21.0 mm, PD`.
    """

    lesion: str
    date: dt.date
    words: str


@dataclass(frozen=True)
class ResponseDoubt:
    """How sure a category is.

    Attributes:
        shares: of the draws, by category; they sum to 1.
        draws: how often sizes, doubtful lesions and links were drawn anew.
        choices: choices of targets that were tried, the one that was made included; 0 where the
            criterion knows no choice.
        choices_alike: how many of them give the category that is told.
        choices_possible: how many the rule admits; more than `choices` where they were sampled.
        settling: what would settle it; None where no one thing changes the category.

    Raises:
        ValueError: for shares that do not sum to 1.
    """

    shares: Mapping[str, float]
    draws: int
    choices: int = 0
    choices_alike: int = 0
    choices_possible: int = 0
    settling: Settling | None = None

    def __post_init__(self) -> None:
        total = sum(self.shares.values())
        if abs(total - 1.0) > 1e-9:
            raise ValueError(f"shares of categories must sum to 1, got {total}")

    def share_of(self, *categories: str) -> float:
        """The share of the draws that gave one of these categories."""
        return sum(self.shares.get(category, 0.0) for category in categories)
