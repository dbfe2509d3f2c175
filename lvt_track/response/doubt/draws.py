"""The rows of a patient drawn again, within the error of each size and the doubt of each lesion."""

from __future__ import annotations

import datetime as dt
import hashlib
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.lesion.size_error import DRAWN, READ, SizeError
from lvt_track.core.response.assessment import Assessment, Role, Status
from lvt_track.response.doubt.doubts import DoubtfulLink, Doubts, existence
from lvt_track.response.doubt.missed import may_be_missed
from lvt_track.response.doubt.spread import log_sd

__all__ = ["Sampler", "broken", "by_content", "removed", "scaled", "seed_of", "settled_new"]

_HU_SD = 5.0
_OTHER = "*"
# A standard normal number is larger in 31 of 100 cases: so many patients have lesions of which a
# model leaves a part unseen.
_SEEN_WHOLE = 0.5
_AXES = ("long_axis_mm", "short_axis_mm", "enhancing_mm", "enhancing_short_mm")


def by_content(rows: Sequence[Assessment]) -> list[list[Assessment]]:
    """The rows by lesion, in an order that names and the order of rows have no part in."""
    lesions: dict[str, list[Assessment]] = defaultdict(list)
    for row in rows:
        lesions[row.lesion].append(row)
    by_date = [sorted(group, key=lambda row: row.date) for group in lesions.values()]
    return sorted(by_date, key=lambda group: [_content(row) for row in group])


def seed_of(rows: Sequence[Assessment]) -> int:
    """A seed that the same measurements always give, whatever their lesions are called."""
    text = "\n".join(_content(row) for group in by_content(rows) for row in group)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _content(row: Assessment) -> str:
    sizes = (row.long_axis_mm, row.short_axis_mm, row.volume_ml, row.enhancing_mm, row.mean_hu)
    parts = (row.date, row.organ, row.status, sizes, row.enhancing_short_mm, len(row.derived_from))
    return repr(tuple(map(str, parts)))


def scaled(row: Assessment, z: float, spreads: tuple[float, float], hu: float = 0.0) -> Assessment:
    """A row with all its sizes changed by `z` standard deviations: drawn larger or smaller.

    Args:
        row: with or without sizes.
        z: how far.
        spreads: of its axes and of its volume, see `log_sd`.
        hu: what is added to its mean attenuation.
    """
    known = row.__dict__
    axis = math.exp(z * spreads[0])
    changes = {name: known[name] * axis for name in _AXES if known[name] is not None}
    if row.volume_ml is not None:
        changes["volume_ml"] = row.volume_ml * math.exp(z * spreads[1])
    if hu and row.mean_hu is not None:
        changes["mean_hu"] = row.mean_hu + hu
    if not changes:
        return row
    # Many thousands are made: a tenth of the time of `dataclasses.replace`, whose checks of what
    # is positive hold for what is multiplied by a positive number.
    drawn = object.__new__(Assessment)
    drawn.__dict__.update(known, **changes)
    return drawn


def settled_new(rows: Sequence[Assessment], lesion: str) -> list[Assessment]:
    """The rows, where an equivocal lesion is one."""
    return [
        replace(row, status=Status.MEASURED)
        if row.lesion == lesion and row.status is Status.EQUIVOCAL
        else row
        for row in rows
    ]


def removed(rows: Sequence[Assessment], lesion: str) -> list[Assessment]:
    """The rows without a lesion that was none."""
    return [row for row in rows if row.lesion != lesion]


def broken(rows: Sequence[Assessment], link: DoubtfulLink) -> list[Assessment]:
    """The rows, where a link is wrong: the lesion is gone, and another one is new in its place."""
    changed: list[Assessment] = []
    for row in rows:
        is_of_link = row.lesion == link.lesion and row.status is not Status.ABSENT
        if not is_of_link or row.date < link.since:
            changed.append(row)
            continue
        changed.append(Assessment(row.date, row.lesion, row.patient, status=Status.ABSENT))
        other = replace(row, lesion=row.lesion + _OTHER, role=Role.NEW, derived_from=())
        changed.append(other)
    return changed


@dataclass(frozen=True)
class Sampler:
    """Draws of the rows of one patient.

    Attributes:
        rows: in an order of their content; the targets of the baseline bear that role.
        spreads: of axes and volume of each row.
        existence: of the lesions that may be none, by name.
        links: those that may be wrong.
        missed: rows of absent lesions that may be there, see `may_be_missed`.
        seed: of all draws.
        hidden: of each row, see `SizeError.hidden`.
    """

    rows: tuple[Assessment, ...]
    spreads: tuple[tuple[float, float], ...]
    existence: Mapping[str, float]
    links: tuple[DoubtfulLink, ...]
    missed: Mapping[int, tuple[float, Assessment]]
    seed: int
    hidden: tuple[float, ...]

    @classmethod
    def of(cls, rows: Sequence[Assessment], doubts: Doubts) -> Sampler:
        """What to draw from.

        Args:
            rows: of one patient.
            doubts: what is known of how they came about.
        """
        ordered = tuple(row for group in by_content(rows) for row in group)
        missed = may_be_missed(ordered, doubts)
        return cls(
            ordered,
            tuple(
                log_sd(missed[i][1] if i in missed else row, _error(row.date, doubts))
                for i, row in enumerate(ordered)
            ),
            existence(rows, doubts),
            doubts.links,
            missed,
            seed_of(rows),
            tuple(_error(row.date, doubts).hidden for row in ordered),
        )

    def draws(self, count: int) -> Iterator[list[Assessment]]:
        """The rows, `count` times as another reader or another model might have them."""
        rng = np.random.default_rng(self.seed)
        z = rng.standard_normal((count, len(self.rows)))
        hu = _HU_SD * rng.standard_normal((count, len(self.rows)))
        names = list(dict.fromkeys(row.lesion for row in self.rows))
        luck = rng.random((count, len(names) + len(self.links)))
        unseen = rng.random((count, len(self.missed)))
        hidden = rng.standard_normal(count)
        doubtful = [(i, name) for i, name in enumerate(names) if name in self.existence]
        for k in range(count):
            rows = self._sized(z[k], hu[k])
            for j, (i, (chance, missed_row)) in enumerate(self.missed.items()):
                if unseen[k, j] < chance:
                    rows[i] = scaled(missed_row, float(z[k, i]), self.spreads[i])
            rows = self._whole(rows, float(hidden[k]))
            for i, name in doubtful:
                is_one = luck[k, i] < self.existence[name]
                rows = settled_new(rows, name) if is_one else removed(rows, name)
            for j, link in enumerate(self.links):
                if luck[k, len(names) + j] >= link.confidence:
                    rows = broken(rows, link)
            yield rows

    def _sized(self, z: NDArray[np.float64], hu: NDArray[np.float64]) -> list[Assessment]:
        draws = zip(self.rows, z.tolist(), self.spreads, hu.tolist(), strict=True)
        return [scaled(row, one, spreads, more) for row, one, spreads, more in draws]

    def _whole(self, rows: list[Assessment], luck: float) -> list[Assessment]:
        """With what a model does not see of a patient's lesions, the same part at all visits."""
        unseen = 2.0 * max(0.0, luck - _SEEN_WHOLE)
        if unseen == 0.0 or not any(self.hidden):
            return rows
        pairs = zip(rows, self.hidden, strict=True)
        return [scaled(row, unseen, (sd, 3.0 * sd)) if sd else row for row, sd in pairs]


def _error(date: dt.date, doubts: Doubts) -> SizeError:
    return DRAWN if date in doubts.drawn else READ
