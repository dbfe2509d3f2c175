"""Columns whose name says nothing: what their cells say is used, or at least told."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from lvt_track.core.response.assessment import Role
from lvt_track.core.response.sites import plain_words
from lvt_track.io.spreadsheets.sheet import Sheet
from lvt_track.response.tables.cells import Problem, is_missing
from lvt_track.response.tables.words import ROLE_WORDS, word_key

__all__ = ["columns_of_roles", "has_roles", "telling_cells"]

_NEWS = re.compile(
    r"\b(new (liver |hepatic |lung |bone |target )?(lesion|tumou?r|met)|neue? (lasion|herd)|"
    r"nouvelle lesion|nueva lesion|lesion nueva|ny lesjon|nova lesao|nuova lesione|"
    r"(unequivocal|disease) progression|progressive disease)"
)
_NOT = re.compile(r"\b(no|not|non|without|ohne|keine?|sans|sin|ingen|uten|sem|senza)\b")


def columns_of_roles(names: Iterable[str], sheet: Sheet) -> list[str]:
    """Those columns in which every cell is a word for a role, and one at least is no new lesion."""
    result = []
    for name in names:
        roles = _roles(name, sheet)
        if None not in roles and roles & {Role.TARGET, Role.NON_TARGET}:
            result.append(name)
    return result


def has_roles(name: str, sheet: Sheet) -> bool:
    """Whether any cell of a column is a word for a role, or all are blank."""
    return _roles(name, sheet) != {None}


def _roles(name: str, sheet: Sheet) -> set[Role | None]:
    """What the cells of a column say; None for words that are no role."""
    words = {row.cells[name] for row in sheet.rows if not is_missing(row.cells[name])}
    return {ROLE_WORDS.get(word_key(word)) for word in words}


def telling_cells(names: Iterable[str], sheet: Sheet) -> Iterator[Problem]:
    """The first cell of each unused column that speaks of new lesions or progression."""
    for name in names:
        for row in sheet.rows:
            words = plain_words(row.cells[name])
            if _NEWS.search(words) and not _NOT.search(words):
                what = f"column {name} is not used, but says {row.cells[name]!r}: does it count?"
                yield Problem(row.line, what, False)
                break
