"""What the category of a response stands for; a response may come from a table that lvt wrote."""

from __future__ import annotations

from lvt_track.core.response.categories import Category, Standing
from lvt_track.core.response.response import Response
from lvt_track.response.criteria.catalogue import CRITERIA

__all__ = ["category_of", "standing_of", "standing_of_word"]

# Every criterion declares its categories where it is imported.
assert CRITERIA


def category_of(response: Response) -> Category:
    """The overall category of a visit.

    Raises:
        ValueError: when no criterion has such a category.
    """
    return Category.of(response.category)


def standing_of(response: Response) -> Standing:
    """What the overall category of a visit stands for, by whichever criterion.

    Raises:
        ValueError: when no criterion has such a category.
    """
    return category_of(response).standing


def standing_of_word(word: str) -> Standing:
    """What a written category stands for; `NONE` where no criterion has such a word."""
    try:
        return Category.of(word).standing
    except ValueError:
        return Standing.NONE
