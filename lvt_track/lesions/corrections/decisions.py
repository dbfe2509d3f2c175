"""What a reader's corrections mean for the lesions there are: checked, and nothing lost.

A row of a table at hand that cannot be obeyed is an error that names the line. A row that an
earlier run remembered, whose lesion is gone since, is kept and told: it is obeyed again when the
lesion is back.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from lvt_track.core.lesion.lesion import Lesion
from lvt_track.errors import InputError
from lvt_track.lesions.corrections.lesion_names import LesionName, identify, name_of
from lvt_track.lesions.corrections.table import REMEDY, Action, Correction

__all__ = ["Decisions", "decide", "recalled"]

MOST_GROWN = 1.5
"""By so much may the mask of a lesion grow that is called none, and be of that lesion still."""

_PROGRESSIONS = frozenset({Action.PROGRESSION, Action.NO_PROGRESSION})

Key = tuple[int, int]
Link = tuple[Key, Key]


@dataclass(frozen=True)
class Decisions:
    """What a reader decided, by lesion (visit, label).

    Attributes:
        added, removed: links (earlier, later).
        united: pairs of lesions of one tumour.
        new: lesions that have no past, whatever seems to speak for one.
        rejected: lesions that are none.
        parts: into how many lesions one falls apart.
        roles: `target` or `non-target`, for the tumour that the lesion is of.
        progressed, not_progressed: lesions by which a non-target has progressed unequivocally, or
            has grown without that.
        sizes_mm: long axes as a reader measured them.
        notes: remarks by lesion, with the reader's name and the time where they are known.
        corrections: the rows, each with the place and the voxels of its lesions as they are now.
        remarks: what was renumbered since it was said, and what no longer fits.
    """

    added: frozenset[Link] = frozenset()
    removed: frozenset[Link] = frozenset()
    united: tuple[Link, ...] = ()
    new: frozenset[Key] = frozenset()
    rejected: frozenset[Key] = frozenset()
    parts: dict[Key, int] = field(default_factory=dict)
    roles: dict[Key, str] = field(default_factory=dict)
    progressed: frozenset[Key] = frozenset()
    not_progressed: frozenset[Key] = frozenset()
    sizes_mm: dict[Key, float] = field(default_factory=dict)
    notes: dict[Key, str] = field(default_factory=dict)
    corrections: tuple[Correction, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Row:
    """A correction and the keys of its lesions."""

    correction: Correction
    keys: tuple[Key, ...]


def decide(
    corrections: Sequence[Correction],
    lesions: Sequence[Sequence[Lesion]],
    dates: Sequence[dt.date],
    cut: Collection[str] = (),
) -> Decisions:
    """Find the lesions that corrections name, and check that no two contradict each other.

    Args:
        corrections: what the reader says; those with a line must fit.
        lesions: the lesions of each visit.
        dates: the date of each visit, in order.
        cut: digests of the voxels of lesions that were split and are no longer whole.

    Raises:
        InputError: for dates without a visit, unknown lesions and contradictions among rows of a
            table; all of them are named with their lines.
    """
    rows: list[_Row] = []
    kept: list[Correction] = []
    remarks: list[str] = []
    problems: list[str] = []
    for correction in corrections:
        keys, complete, remark = _resolved(correction, lesions, dates)
        problem = _of_whole(correction, cut)
        if not problem:
            problem = remark if keys is None else _contradiction(correction, keys, rows)
        if problem:
            if correction.line:
                problems.append(f"line {correction.line}: {problem}")
            else:
                remarks.append(f"{correction.where} no longer fits and is not obeyed: {problem}")
            kept.append(correction)
            continue
        assert keys is not None
        if remark:
            remarks.append(f"{correction.where}: {remark}")
        rows.append(_Row(complete, keys))
        kept.append(complete)
    if problems:
        raise InputError(f"corrections, {'; '.join(problems)}", remedy=REMEDY)
    return replace(_decisions(rows), corrections=tuple(kept), remarks=tuple(remarks))


def recalled(
    corrections: Sequence[Correction], remembered: Sequence[Correction]
) -> tuple[Correction, ...]:
    """Rows of a table that a run knows already, with the places and voxels that it remembers.

    A row of numbers alone means what it meant when it was first read: a mask that was repainted
    since may have renumbered its lesions.

    Args:
        corrections: rows of a table.
        remembered: those of the run.
    """

    def numbers(one: Correction) -> tuple[object, ...]:
        return (one.action, *((name.date, name.label) for name in one.names))

    known = {numbers(one): one for one in remembered}
    rows = []
    for row in corrections:
        earlier = known.get(numbers(row))
        if earlier is not None and all(not n.voxels and n.place_mm is None for n in row.names):
            row = replace(row, first=earlier.first, second=earlier.second)
        rows.append(row)
    return tuple(rows)


def _resolved(
    correction: Correction, lesions: Sequence[Sequence[Lesion]], dates: Sequence[dt.date]
) -> tuple[tuple[Key, ...] | None, Correction, str]:
    """Keys of the lesions, the row with names by which they are known again, and a remark.

    Without keys the remark says why there are none.
    """
    keys, names, moved = [], [], []
    for name in correction.names:
        if name.date not in dates:
            return None, correction, f"there is no visit of {name.date}"
        visit = dates.index(name.date)
        lesion = identify(name, lesions[visit])
        if lesion is None:
            return None, correction, _unknown(name)
        if correction.action is Action.NONE and _has_grown(name, lesion):
            return None, correction, f"{name} was painted larger since, perhaps with another"
        if lesion.label != name.label:
            moved.append(f"{name} is lesion {lesion.label} now")
        keys.append(lesion.key)
        # The number stays as it was written, so that the same row of a table is known again.
        names.append(replace(name_of(lesion, name.date), label=name.label))
    if len(set(keys)) < len(keys):
        return None, correction, f"both are lesion {keys[0][1]} of {names[0].date} now"
    complete = replace(
        correction, first=names[0], second=names[1] if correction.second is not None else None
    )
    return tuple(keys), complete, ", ".join(moved)


def _has_grown(name: LesionName, lesion: Lesion) -> bool:
    """Whether a lesion may hold another beside the one that was named: a tumour would be lost."""
    volume_ml = lesion.measurement.volume_ml
    is_same = name.voxels in ("", lesion.voxels)
    return not is_same and name.volume_ml is not None and volume_ml > MOST_GROWN * name.volume_ml


def _unknown(name: LesionName) -> str:
    if name.place_mm is None and not name.voxels:
        return f"there is no lesion {name.label} at {name.date}"
    return f"at {name.date} there is nothing like lesion {name.label} at its place any more"


def _of_whole(correction: Correction, cut: Collection[str]) -> str:
    """What the row says of a lesion as a whole that is split; empty where nothing."""
    if correction.action not in (Action.NONE, Action.SIZE) or correction.first.voxels not in cut:
        return ""
    said = "called none" if correction.action is Action.NONE else "given a size as a whole"
    return f"{correction.first} is split, and {said}"


def _contradiction(correction: Correction, keys: tuple[Key, ...], rows: Sequence[_Row]) -> str:
    """What the row says against the course itself or an earlier row; empty where nothing."""
    action = correction.action
    if action is Action.NEW and keys[0][0] == 0:
        return f"{correction.first} is of the first visit, at which nothing is new"
    if action in _PROGRESSIONS and keys[0][0] == 0:
        return f"{correction.first} is of the first visit, from which growth is counted"
    for row in rows:
        other, theirs = row.correction, set(row.keys)
        between = (action, other.action)
        clash = ""
        if theirs == set(keys) and action.names_two:
            if between in ((Action.ADD, Action.REMOVE), (Action.REMOVE, Action.ADD)):
                clash = f"the link from {correction.first} to {correction.second} is both "
                clash += "added and removed"
            elif set(between) == {Action.REMOVE, Action.SAME}:
                clash = f"{correction.first} and {correction.second} are called the same tumour "
                clash += "and their link is removed"
        elif Action.NOTE not in between and Action.NONE in between and theirs & set(keys):
            if set(between) != {Action.NONE}:
                clash = f"{other.first if other.action is Action.NONE else correction.first} is "
                clash += "called none, and something else is said of it"
        elif set(between) == {Action.NEW, Action.ADD}:
            link, alone = (row.keys, keys) if action is Action.NEW else (keys, row.keys)
            if link[1] == alone[0]:
                clash = f"lesion {alone[0][1]} is called new, and a link to its past is added"
        elif theirs == set(keys):
            clash = _two_values(correction, other)
        if clash:
            return clash + (f" (line {other.line})" if other.line else "")
    return ""


def _two_values(correction: Correction, other: Correction) -> str:
    """What two rows about one lesion say differently; empty where they agree or differ in kind."""
    roles = {Action.TARGET, Action.NON_TARGET}
    if {correction.action, other.action} == roles:
        return f"{correction.first} is called both target and non-target"
    if {correction.action, other.action} == _PROGRESSIONS:
        return f"{correction.first} is said to have progressed, and not to"
    if correction.action is not other.action:
        return ""
    if correction.long_axis_mm != other.long_axis_mm:
        return f"{correction.first} has two sizes, {other.long_axis_mm:g} and " + (
            f"{correction.long_axis_mm:g} mm"
        )
    if correction.parts != other.parts:
        return f"{correction.first} is split into {other.parts} and into {correction.parts}"
    return ""


def _decisions(rows: Sequence[_Row]) -> Decisions:
    def links(*actions: Action) -> list[Link]:
        return [(r.keys[0], r.keys[1]) for r in rows if r.correction.action in actions]

    def about(*actions: Action) -> list[tuple[Key, Correction]]:
        return [(r.keys[0], r.correction) for r in rows if r.correction.action in actions]

    notes: dict[Key, list[str]] = {}
    for row in rows:
        if row.correction.note:
            signed = ", ".join(t for t in (row.correction.reader, row.correction.time) if t)
            note = row.correction.note + (f" ({signed})" if signed else "")
            notes.setdefault(row.keys[0], []).append(note)
    return Decisions(
        added=frozenset(links(Action.ADD)),
        removed=frozenset(links(Action.REMOVE)),
        united=tuple(links(Action.SAME)),
        new=frozenset(key for key, _ in about(Action.NEW)),
        rejected=frozenset(key for key, _ in about(Action.NONE)),
        parts={key: one.parts or 2 for key, one in about(Action.SPLIT)},
        roles={k: one.action.value for k, one in about(Action.TARGET, Action.NON_TARGET)},
        progressed=frozenset(key for key, _ in about(Action.PROGRESSION)),
        not_progressed=frozenset(key for key, _ in about(Action.NO_PROGRESSION)),
        sizes_mm={key: one.long_axis_mm or 0.0 for key, one in about(Action.SIZE)},
        notes={key: "; ".join(texts) for key, texts in notes.items()},
    )
