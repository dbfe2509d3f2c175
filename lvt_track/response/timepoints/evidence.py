"""All that is known when a visit is judged: the visit, the baseline, and what was before."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace

from lvt_track.core.response.categories import Category, Standing
from lvt_track.response.timepoints.new_lesions import NewLesionMemory, NewLesions
from lvt_track.response.timepoints.non_targets import NonTargets
from lvt_track.response.timepoints.scale import Scale
from lvt_track.response.timepoints.sums import TargetSum
from lvt_track.response.timepoints.targets import Baseline
from lvt_track.response.timepoints.visit import VisitRows

__all__ = ["Evidence", "History", "change_percent"]

_CONFIRMED_AFTER_DAYS = 28
_RESPONSES = (Standing.COMPLETE, Standing.PARTIAL)


@dataclass(frozen=True)
class History:
    """What the visits before leave behind.

    Attributes:
        nadir: lowest fully assessed sum so far, the baseline's included.
        nadir_date: when that was.
        gone_on: when all target lesions were last gone; None where they never were.
        cleared_on: when the whole patient was last in complete response.
        response_since: start of an unbroken partial or complete response of the targets.
        confirmed_on: when that response was confirmed, at least four weeks after its start.
        last: the last visit that could be evaluated, without its own history.
        run: the visit with which an unbroken run of the last category began.
        new: the new lesions so far.
    """

    nadir: float
    nadir_date: dt.date
    gone_on: dt.date | None = None
    cleared_on: dt.date | None = None
    response_since: dt.date | None = None
    confirmed_on: dt.date | None = None
    last: Evidence | None = None
    run: Evidence | None = None
    new: NewLesionMemory = field(default_factory=NewLesionMemory)

    def after(self, visit: Evidence, new: NewLesionMemory) -> History:
        """The history for the next visit.

        Args:
            visit: as it was judged.
            new: the new lesions up to and with this visit.
        """
        targets, date = visit.targets, visit.date
        is_complete = bool(visit.baseline.targets) and not targets.missing
        is_lower = is_complete and targets.total < self.nadir
        later = replace(
            self,
            nadir=targets.total if is_lower else self.nadir,
            nadir_date=date if is_lower else self.nadir_date,
            gone_on=date if is_complete and targets.is_gone else self.gone_on,
            cleared_on=(date if visit.category.standing is Standing.COMPLETE else self.cleared_on),
            new=new,
        )
        if visit.target.standing in _RESPONSES:
            since = self.response_since or date
            is_confirmed = (date - since).days >= _CONFIRMED_AFTER_DAYS
            confirmed = self.confirmed_on or (date if is_confirmed else None)
            later = replace(later, response_since=since, confirmed_on=confirmed)
        elif visit.target is not Category.NE:
            later = replace(later, response_since=None, confirmed_on=None)
        if visit.category is not Category.NE:
            bare = replace(visit, history=_NO_HISTORY)
            is_same = self.last is not None and self.last.category is visit.category
            later = replace(later, last=bare, run=self.run if is_same else bare)
        return later


@dataclass(frozen=True)
class Evidence:
    """A visit, and all that its category may rest on.

    Attributes:
        date: of the visit.
        scale: how lesions are measured.
        baseline: which lesions are followed.
        first: the rows of the baseline.
        visit: the rows of this visit.
        start: the sum at baseline.
        targets: the sum at this visit.
        non_targets: what this visit says of the non-target lesions.
        new: the new lesions at this visit.
        history: what the visits before leave behind.
        target, non_target, category: as far as they have been judged.
    """

    date: dt.date
    scale: Scale
    baseline: Baseline
    first: VisitRows
    visit: VisitRows
    start: TargetSum
    targets: TargetSum
    non_targets: NonTargets
    new: NewLesions
    history: History
    target: Category = Category.NONE
    non_target: Category = Category.NONE
    category: Category = Category.NONE

    @property
    def total(self) -> float:
        """The sum over the target lesions that were assessed."""
        return self.targets.total

    @property
    def is_complete(self) -> bool:
        """Whether the sum can be formed."""
        return bool(self.baseline.targets) and not self.targets.missing


_NO_HISTORY = History(0.0, dt.date.min)


def change_percent(value: float, reference: float) -> float | None:
    """Relative change in percent; None where the reference is zero."""
    return 100.0 * (value - reference) / reference if reference > 0 else None
