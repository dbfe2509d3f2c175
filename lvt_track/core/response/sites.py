"""Which organ a reader's words for a site mean: segments and lobes are parts of one organ.

The words stand in `sites.csv` beside this module, in English, German, French, Spanish and
Norwegian; a user's own list of the same form goes before them.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files

__all__ = ["NODE", "SiteWord", "SiteWords", "default_site_words", "organ_of", "plain_words"]

NODE = "lymph node"
"""The organ of all lymph nodes: RECIST counts them as one, and measures their short axis."""

_SIDES = re.compile(r"^(left|right|bilateral) ")


@dataclass(frozen=True)
class SiteWord:
    """A word for an organ.

    Attributes:
        word: one word or several; `*` at an end stands for any letters, as compounds need.
        organ: the organ, by its English name.
        is_part: whether it names a part that organs share, such as `segment`: it counts only
            where no organ is named.

    Raises:
        ValueError: without a word or an organ.
    """

    word: str
    organ: str
    is_part: bool = False

    def __post_init__(self) -> None:
        if not self.word.strip("* ") or not self.organ:
            raise ValueError("a word for a site needs a word and an organ")


class SiteWords:
    """A vocabulary of sites.

    Args:
        words: in any order.
        first: words that go before them.
    """

    def __init__(self, words: Iterable[SiteWord], first: Iterable[SiteWord] = ()) -> None:
        self.words = tuple(words)
        self.first = tuple(first)
        general = [word for word in self.words if not word.is_part]
        self._steps = tuple(
            (_pattern(step), {_key(word.word): word.organ for word in step})
            for step in (
                list(self.first),
                # A node beside the liver is a node.
                [word for word in general if word.organ == NODE],
                [word for word in general if word.organ != NODE],
                [word for word in self.words if word.is_part],
            )
            if step
        )
        self._patterns = {
            key: re.compile(_expression(key)) for _, organs in self._steps for key in organs
        }
        self._organ = lru_cache(maxsize=4096)(self._look_up)

    def organ(self, site: str) -> str | None:
        """The organ that a site lies in; None where no word of it is known."""
        return self._organ(site)

    def _look_up(self, site: str) -> str | None:
        text = plain_words(site)
        for pattern, organs in self._steps:
            match = pattern.search(text)
            if match:
                word = match[0]
                keys = [key for key in organs if self._patterns[key].fullmatch(word)]
                return organs[max(keys, key=len)]
        return None


@cache
def default_site_words() -> SiteWords:
    """The words of `sites.csv`."""
    text = files("lvt_track.core.response").joinpath("sites.csv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines())
    return SiteWords(SiteWord(row["word"], row["organ"], row["kind"] == "part") for row in rows)


@lru_cache(maxsize=4096)
def organ_of(site: str) -> str:
    """The organ of a site by the default words; of unknown words, the words without their side."""
    return default_site_words().organ(site) or _SIDES.sub("", " ".join(site.lower().split()))


def plain_words(text: str) -> str:
    """Words in lower case without accents, parted by single blanks."""
    apart = unicodedata.normalize("NFKD", text.casefold().replace("ø", "o").replace("æ", "ae"))
    letters = "".join(c for c in apart if not unicodedata.combining(c))
    return " ".join(re.findall(r"[^\W_]+", letters))


def _key(word: str) -> str:
    """A word as `plain_words` gives it, with its stars."""
    start, end = "*" if word.startswith("*") else "", "*" if word.endswith("*") else ""
    return start + plain_words(word.strip("*")) + end


def _expression(key: str) -> str:
    start = r"\w*" if key.startswith("*") else ""
    end = r"\w*" if key.endswith("*") else ""
    return rf"\b{start}{re.escape(key.strip('*'))}{end}\b"


def _pattern(words: Iterable[SiteWord]) -> re.Pattern[str]:
    keys = sorted({_key(word.word) for word in words}, key=len, reverse=True)
    return re.compile("|".join(_expression(key) for key in keys))
