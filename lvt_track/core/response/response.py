"""Response of one visit by one criterion."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from lvt_track.core.response.doubt import ResponseDoubt

__all__ = ["Response"]


@dataclass(frozen=True)
class Response:
    """Response of one visit by one criterion.

    Attributes:
        date: of the visit.
        criterion: for example `RECIST 1.1`.
        unit: of the sum: `mm`, `mL`, or `mm²` for products of two diameters.
        total: sum over the target lesions in that unit; None when it cannot be formed.
        nadir: smallest sum before this visit, baseline included.
        change_from_baseline_percent, change_from_nadir_percent: None where undefined.
        target, non_target: response of target and of non-target lesions.
        new_lesion: whether new lesions were found.
        category, reason: overall response, and why, in words.
        new_lesions: names of the new lesions that count.
        grown_non_targets: names of the non-target lesions whose growth a reader must judge, the
            largest growth first; of what has merged, all names.
        lone_find: the one new lesion on which the category rests, where a model alone drew it.
        doubt: how sure the category is; None for the baseline, and where that was not asked for.
    """

    date: dt.date
    criterion: str
    unit: str
    total: float | None
    nadir: float | None
    change_from_baseline_percent: float | None
    change_from_nadir_percent: float | None
    target: str
    non_target: str
    new_lesion: bool
    category: str
    reason: str
    new_lesions: tuple[str, ...] = ()
    grown_non_targets: tuple[str, ...] = ()
    lone_find: str = ""
    doubt: ResponseDoubt | None = None

    @property
    def sum_mm(self) -> float | None:
        """The sum of diameters; None for criteria that add up no diameters."""
        return self.total if self.unit == "mm" else None

    @property
    def nadir_mm(self) -> float | None:
        """The smallest sum of diameters; None for criteria that add up no diameters."""
        return self.nadir if self.unit == "mm" else None

    @property
    def sum_ml(self) -> float | None:
        """The sum of volumes; None for criteria that add up no volumes."""
        return self.total if self.unit == "mL" else None

    @property
    def nadir_ml(self) -> float | None:
        """The smallest sum of volumes; None for criteria that add up no volumes."""
        return self.nadir if self.unit == "mL" else None

    @property
    def sum_mm2(self) -> float | None:
        """The sum of products of diameters; None for criteria that add up no products."""
        return self.total if self.unit == "mm²" else None

    @property
    def nadir_mm2(self) -> float | None:
        """The smallest sum of products; None for criteria that add up no products."""
        return self.nadir if self.unit == "mm²" else None
