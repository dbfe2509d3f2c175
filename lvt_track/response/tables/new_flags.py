"""What a column "new lesion" says of a visit, beside the rows of lesions that are new there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from lvt_track.core.response.assessment import Assessment, Role
from lvt_track.core.response.sites import plain_words
from lvt_track.response.tables.cells import CellError, Problem, is_missing
from lvt_track.response.tables.checks import by_patient
from lvt_track.response.tables.columns import text_name

__all__ = ["UNNAMED", "flag_in_place_of_size", "parse_flag", "with_flagged"]

UNNAMED = "without a row of its own"
"""The name of what a table calls new at a visit and gives no row."""

_NEW = ("new", "neu", "nouvelle", "nueva", "ny", "nova", "nuova")
_YES = frozenset(
    ("y", "yes", "true", "x", "ja", "j", "oui", "o", "si", "s", "sim", "present", *_NEW)
)
_NO = frozenset(
    (
        *("n", "no", "false", "nein", "non", "nei", "nao", "none", "absent", "not seen", "old"),
        *("known", "nil", "keine", "aucune", "ninguna", "ingen", "nessuna", "nenhuma"),
    )
)


def parse_flag(text: str) -> bool:
    """Whether a cell says yes: also a number of new lesions.

    Raises:
        CellError: where it says neither yes nor no.
    """
    word = plain_words(text)
    if word.isdecimal():
        return int(word) > 0
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise CellError(f"{text!r} is neither yes nor no")


def flag_in_place_of_size(lesion: str, sizes: Iterable[str]) -> bool | None:
    """What a row `New lesions` says where words or counts stand in place of sizes, else None.

    A single digit is how many there are: CT shows no lesion so small.

    Args:
        lesion: the name of the row.
        sizes: its cells of sizes.
    """
    said = [text for text in sizes if text]
    if text_name(lesion) != "new_lesion" or not said:
        return None
    if any(text[:1].isdigit() and len(text) > 1 for text in said):
        return None
    try:
        flags = [parse_flag(text) for text in said if not is_missing(text)]
    except CellError:
        return None
    return any(flags)


def with_flagged(
    rows: Sequence[Assessment],
    flags: Mapping[tuple[int, dt.date], bool],
    problems: list[Problem],
) -> list[Assessment]:
    """Rows, and one without a size for each visit that has a new lesion by the flag alone.

    A flag that is set at the first visit cannot mean what it says; where a later visit rests on
    the flag alone as well, the table is refused.

    Args:
        rows: of the table, lines of the file in each.
        flags: by line and visit, what the column says.
        problems: what is told of it is added here.
    """
    result = list(rows)
    for patient, of_patient in by_patient(rows).items():
        start = min(row.date for row in of_patient)
        known = {row.lesion for row in of_patient if row.date == start}

        def is_flagged(row: Assessment, date: dt.date) -> bool:
            return flags.get((row.line or 0, date), False)

        at_start = next((row for row in of_patient if is_flagged(row, start)), None)
        if at_start is not None:
            what = "says that the first visit has a new lesion: not counted as new"
            problems.append(Problem(at_start.line, what, False))
        flagged: dict[dt.date, Assessment] = {}
        for row in of_patient:
            # In a table with a column per visit one line may speak of all of them.
            if row.date > start and is_flagged(row, row.date) and not is_flagged(row, start):
                flagged.setdefault(row.date, row)
        for date, row in flagged.items():
            if any(other.date == date and _may_be_new(other, known) for other in of_patient):
                continue
            if at_start is not None:
                what = (
                    f"says that {date} has a new lesion, which has no row, but so does the first "
                    "visit: leave the column out if it means something else"
                )
                problems.append(Problem(row.line, what, True))
                continue
            what = f"says that {date} has a new lesion, which has no row: it counts"
            problems.append(Problem(row.line, what, False))
            result.append(
                Assessment(date=date, lesion=UNNAMED, patient=patient, role=Role.NEW, line=row.line)
            )
    return result


def _may_be_new(row: Assessment, known: set[str]) -> bool:
    return row.role is Role.NEW or (row.lesion not in known and not row.derived_from)
