"""The rows of one visit, found by the baseline lesion that they speak of."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from lvt_track.core.quantities import natural
from lvt_track.core.response.assessment import Assessment, Status
from lvt_track.errors import InputError

__all__ = ["VisitRows", "by_date", "listed"]


def listed(names: Iterable[str]) -> str:
    """Names as a reason lists them."""
    return ", ".join(names)


@dataclass(frozen=True)
class VisitRows:
    """What was said of each lesion at one visit.

    Attributes:
        rows: by lesion.
        heirs: the rows that came from a lesion: its pieces, and what it merged into.
        known_pieces: the pieces of each lesion that earlier visits show and none calls absent.
    """

    rows: Mapping[str, Assessment]
    known_pieces: Mapping[str, frozenset[str]] = field(default_factory=dict)
    heirs: Mapping[str, tuple[Assessment, ...]] = field(init=False)

    def __post_init__(self) -> None:
        heirs: dict[str, tuple[Assessment, ...]] = defaultdict(tuple)
        for row in self.rows.values():
            for name in row.derived_from:
                if name != row.lesion:
                    heirs[name] += (row,)
        object.__setattr__(self, "heirs", dict(heirs))

    def of(self, lesion: str) -> tuple[Assessment, ...]:
        """The rows that speak of a baseline lesion: its own, its pieces, what it merged into."""
        heirs = self.heirs.get(lesion, ())
        lesion_row = self.rows.get(lesion)
        if not heirs:
            return () if lesion_row is None else (lesion_row,)
        if lesion_row is None or any(len(row.derived_from) > 1 for row in heirs):
            return heirs
        # Beside its pieces, the lesion's own row is one more piece where it has a size.
        return (*heirs, lesion_row) if _has_size(lesion_row) else heirs

    def lost_pieces(self, lesion: str) -> tuple[str, ...]:
        """Pieces that an earlier visit shows and of which this one says nothing.

        A lesion that is measured as a whole again, or has merged, lacks no piece.
        """
        if lesion not in self.known_pieces:
            return ()
        rows = self.of(lesion)
        is_whole = any(row.lesion == lesion or len(row.derived_from) > 1 for row in rows)
        if is_whole or not rows:
            return ()
        lost = self.known_pieces.get(lesion, frozenset()) - {row.lesion for row in rows}
        return tuple(sorted(lost, key=natural))

    def pieces(self) -> dict[str, frozenset[str]]:
        """The pieces that the next visit must speak of."""
        known = dict(self.known_pieces)
        for lesion, rows in self.heirs.items():
            statuses = {row.lesion: row.status for row in rows if len(row.derived_from) == 1}
            gone = {name for name, status in statuses.items() if status is Status.ABSENT}
            known[lesion] = (known.get(lesion, frozenset()) | statuses.keys()) - gone
        return known


def _has_size(row: Assessment) -> bool:
    sizes = (row.long_axis_mm, row.short_axis_mm, row.volume_ml, row.enhancing_mm)
    return row.status is not Status.ABSENT and any(size is not None for size in sizes)


def by_date(
    rows: Sequence[Assessment], dates: Sequence[dt.date]
) -> dict[dt.date, dict[str, Assessment]]:
    """The rows of each visit by lesion; visits and lesions in order.

    Raises:
        InputError: without visits, or for a lesion that stands twice on one date.
    """
    days = sorted({*dates, *(row.date for row in rows)})
    if not days:
        raise InputError("there are no visits to judge response from")
    visits: dict[dt.date, dict[str, Assessment]] = {day: {} for day in days}
    for row in sorted(rows, key=lambda row: natural(row.lesion)):
        visit = visits[row.date]
        if row.lesion in visit:
            raise InputError(f"lesion {row.lesion} stands twice on {row.date}")
        visit[row.lesion] = row
    return visits
