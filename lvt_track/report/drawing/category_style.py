"""Colour and marker of response categories, by what each stands for in its criterion."""

from __future__ import annotations

from collections.abc import Iterable

from lvt_track.core.response.categories import Standing
from lvt_track.response.standings import standing_of_word

__all__ = ["best_first", "category_color", "category_marker"]

# Hues as Okabe and Ito's: blue is good, grey is still, orange and red are bad. The light ones are
# darker than theirs: as words they stand out from paper and from a dark page by 3 : 1 at least.
_COLORS = {
    Standing.COMPLETE: "#0072B2",
    Standing.PARTIAL: "#2b8cc4",
    Standing.STABLE: "#7a828a",
    Standing.PROGRESSION: "#D55E00",
    Standing.UNCONFIRMED: "#b97a00",
}
_MARKERS = {
    Standing.COMPLETE: "*",
    Standing.PARTIAL: "v",
    Standing.STABLE: "s",
    Standing.PROGRESSION: "X",
    Standing.UNCONFIRMED: "P",
}
_ORDER = tuple(Standing)


def category_color(category: str, otherwise: str) -> str:
    """Colour of a category; `otherwise` for one that is no answer of the disease, such as NE."""
    return _COLORS.get(standing_of_word(category), otherwise)


def category_marker(category: str) -> str:
    """Matplotlib's marker of a category: told apart without colour too."""
    return _MARKERS.get(standing_of_word(category), "o")


def best_first(categories: Iterable[str]) -> list[str]:
    """The categories that have a colour, each once, from complete response to progression."""
    shown = {one for one in categories if standing_of_word(one) in _COLORS}
    return sorted(shown, key=lambda one: (_ORDER.index(standing_of_word(one)), one))
