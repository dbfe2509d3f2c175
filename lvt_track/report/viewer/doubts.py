"""What to look at, and what can be said of it with one click, as rows of a corrections table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lvt_track.lesions.corrections.table import Action

__all__ = ["Answer", "Doubt", "Statement", "exchanged", "linked", "none_of", "unlinked"]

Key = tuple[int, int]


@dataclass(frozen=True)
class Statement:
    """One row of a corrections table.

    Attributes:
        action: what is said.
        lesion: key (visit, label) of the lesion it is about; of a link the earlier one.
        other: of the later one, for actions about two.
        parts: for `split`, into how many.
    """

    action: Action
    lesion: Key
    other: Key | None = None
    parts: int | None = None

    def facts(self) -> dict[str, Any]:
        """The statement as the page reads it."""
        return {"action": self.action, "a": self.lesion, "b": self.other, "parts": self.parts}


@dataclass(frozen=True)
class Answer:
    """A button beside a doubt.

    Attributes:
        label: what it says.
        statements: all that follows from one click.
    """

    label: str
    statements: tuple[Statement, ...]


@dataclass(frozen=True)
class Doubt:
    """One thing to look at.

    Attributes:
        title: in few words.
        text: why.
        lesion: key (visit, label) of the lesion to show; None for a visit or several tumours.
        visit: the visit.
        answers: what can be said of it with one click.
    """

    title: str
    text: str
    lesion: Key | None
    visit: int
    answers: tuple[Answer, ...] = ()

    def facts(self) -> dict[str, Any]:
        """The doubt as the page reads it."""
        answers = [
            {"label": one.label, "rows": [said.facts() for said in one.statements]}
            for one in self.answers
        ]
        return {
            "title": self.title,
            "text": self.text,
            "lesion": self.lesion,
            "visit": self.visit,
            "answers": answers,
        }


def none_of(lesions: Sequence[Key], label: str) -> Answer:
    """Lesions are no tumours, at every visit that shows them."""
    return Answer(label, tuple(Statement(Action.NONE, key) for key in lesions))


def linked(label: str, *links: tuple[Key, Key]) -> Answer:
    """Links (earlier, later) are right, whether they are drawn or not."""
    return Answer(label, tuple(Statement(Action.ADD, *link) for link in links))


def unlinked(label: str, *links: tuple[Key, Key]) -> Answer:
    """Links (earlier, later) are wrong."""
    return Answer(label, tuple(Statement(Action.REMOVE, *link) for link in links))


def exchanged(label: str, first: tuple[Key, Key], second: tuple[Key, Key]) -> Answer:
    """Two links (earlier, later) between the same visits have each other's later end."""
    (a, b), (c, d) = first, second
    wrong = unlinked(label, first, second).statements
    return Answer(label, wrong + linked(label, (a, d), (c, b)).statements)
