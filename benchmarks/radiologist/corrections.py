"""What a reader who knows the truth has to say of a course, and which answers say it soonest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from radiologist.courses import Key, Link, Links

__all__ = ["Wants"]


@dataclass(eq=False)
class Wants:
    """What is still to be said.

    Attributes:
        links: what was drawn and what is true.
        tracks: lesions by track; those of no track are alone.
        none: lesions that are no tumours.
        wrong, missing: links between lesions that are tumours.
    """

    links: Links
    tracks: dict[Any, set[Key]]
    none: set[Key]
    wrong: set[Link]
    missing: set[Link]

    @classmethod
    def of(cls, links: Links, lesions: Sequence[dict[str, Any]]) -> Wants:
        """All there is to be said of a course whose page lists these lesions."""
        tracks: dict[Any, set[Key]] = {}
        for one in lesions:
            key = one["visit"], one["label"]
            tracks.setdefault(one["track"] or key, set()).add(key)
        false = set(links.false_lesions)
        wrong = {link for link in links.drawn - links.true if not false & set(link)}
        return cls(links, tracks, false, wrong, set(links.true - links.drawn))

    def choose(self, doubts: Sequence[dict[str, Any]]) -> list[tuple[int, int]]:
        """Answers (doubt, answer) to be clicked, those that say most first.

        An answer about many tumours is worth it also where some of them are tumours: theirs are
        taken back, one click each, if that is quicker than to say the others one by one.
        """
        answers = [
            (number, k, [_statement(row) for row in answer["rows"]])
            for number, doubt in enumerate(doubts)
            for k, answer in enumerate(doubt["answers"])
        ]
        answers.sort(key=lambda one: -len(one[2]))
        clicks: list[tuple[int, int]] = []
        for number, k, statements in answers:
            gained = [one for one in statements if self._is_wanted(one)]
            false = [one for one in statements if not self._is_true(one)]
            if not gained:
                continue
            # Back with what is wrong of it, by the answers of the single tumours.
            back = [
                (other, n)
                for other, n, rows in answers
                if len(rows) < len(statements) and rows and all(row in false for row in rows)
            ]
            covered = {row for other, n in back for row in _rows(answers, other, n)}
            alone = {self._track(one[1]) for one in gained}
            if covered != set(false) or (false and 1 + len(back) >= len(alone)):
                continue
            clicks += [(number, k), *back]
            for one in gained:
                self._done(one)
        return clicks

    def open_tracks(self) -> list[Key]:
        """One lesion of each track that is none altogether."""
        whole = [keys for keys in self.tracks.values() if keys <= self.none]
        self.none -= {key for keys in whole for key in keys}
        return sorted(max(keys) for keys in whole)

    def open_lesions(self) -> list[Key]:
        """Lesions that are none, of tracks that are tumours."""
        lesions = sorted(self.none)
        self.none.clear()
        return lesions

    def open_exchanges(self) -> list[tuple[Link, Link]]:
        """Pairs of wrong links whose later ends belong to each other."""
        pairs = combinations(sorted(self.wrong), 2)
        return [
            (one, other)
            for one, other in pairs
            if {(one[0], other[1]), (other[0], one[1])} <= self.missing
        ]

    def exchanged(self, one: Link, other: Link) -> None:
        """A pair was put right."""
        self.wrong -= {one, other}
        self.missing -= {(one[0], other[1]), (other[0], one[1])}

    def _track(self, key: Key) -> Any:
        return next(name for name, keys in self.tracks.items() if key in keys)

    def _is_true(self, statement: _Statement) -> bool:
        action, a, b = statement
        if action == "none":
            return a in self.links.false_lesions
        return action in _LINKS and ((a, b) in self.links.true) == (action == "add")

    def _is_wanted(self, statement: _Statement) -> bool:
        action, a, b = statement
        if action == "none":
            return a in self.none
        wanted = {"remove": self.wrong, "add": self.missing}.get(action, set())
        return (a, b) in wanted

    def _done(self, statement: _Statement) -> None:
        action, a, b = statement
        if action == "none":
            self.none.discard(a)
        elif b is not None:
            (self.wrong if action == "remove" else self.missing).discard((a, b))


_LINKS = ("add", "remove")
_Statement = tuple[str, Key, Key | None]


def _statement(row: dict[str, Any]) -> _Statement:
    a, b = (tuple(row[end]) if row[end] else None for end in "ab")
    assert a is not None
    return row["action"], a, b


def _rows(
    answers: Iterable[tuple[int, int, list[_Statement]]], number: int, k: int
) -> list[_Statement]:
    return next(rows for other, n, rows in answers if (other, n) == (number, k))
