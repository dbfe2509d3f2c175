"""The responses of a patient with the doubt of each: shares, choices of targets, what settles."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from lvt_track.core.response.assessment import Assessment
from lvt_track.core.response.categories import Category
from lvt_track.core.response.doubt import ResponseDoubt
from lvt_track.core.response.response import Response
from lvt_track.response.doubt.choices import admissible_choices, with_targets
from lvt_track.response.doubt.doubts import Doubts
from lvt_track.response.doubt.draws import Sampler
from lvt_track.response.doubt.settling import settlings
from lvt_track.response.timepoints.criterion import Criterion
from lvt_track.response.timepoints.evidence import Evidence
from lvt_track.response.timepoints.rules import Rule
from lvt_track.response.timepoints.targets import choose_baseline
from lvt_track.response.timepoints.walk import classify

__all__ = ["DRAWS", "with_doubt"]

DRAWS = 1000
"""How often a patient's rows are drawn again."""

_LEAST_DRAWS = 200
_MOST_ROWS = 60_000


def with_doubt(
    responses: Sequence[Response],
    rows: Sequence[Assessment],
    criterion: Criterion,
    dates: Sequence[dt.date] = (),
    doubts: Doubts | None = None,
) -> tuple[Response, ...]:
    """The responses of one patient by one criterion, each but the baseline with its doubt.

    Draws are the same whenever the measurements are. The targets stay those that were chosen;
    other choices are counted apart. Fewer draws are made of long tables, and where the first 200
    all agree at every visit.

    Args:
        responses: as `classify` gives them for the same rows, criterion and dates.
        rows: of the patient.
        criterion: one of `response.criteria`.
        dates: visits that count even where no row speaks of them.
        doubts: what is known beyond the rows; a reader's measurements where nothing is.
    """
    doubts = doubts or Doubts()
    if len(responses) < 2 or not rows or criterion.lacking(rows):
        return tuple(responses)
    mute = _wordless(criterion)
    every = sorted({*dates, *(row.date for row in rows)})
    fixed = _with_chosen(rows, criterion, every[0])
    sampler = Sampler.of(fixed, doubts)
    count = min(DRAWS, max(_LEAST_DRAWS, _MOST_ROWS // len(rows)))
    drawn: list[Counter[str]] = [Counter() for _ in every]
    for made, draw in enumerate(sampler.draws(count), start=1):
        for counter, response in zip(drawn, classify(draw, mute, every), strict=True):
            counter[response.category] += 1
        if made == _LEAST_DRAWS and all(len(counter) == 1 for counter in drawn):
            count = made
            break
    choices = admissible_choices(rows, criterion.scale)
    alike: Counter[int] = Counter()
    for names in choices.names:
        judged = classify(with_targets(rows, names), mute, every)
        pairs = zip(judged, responses, strict=True)
        alike.update(k for k, (one, actual) in enumerate(pairs) if one.category == actual.category)
    settling = settlings(sampler, mute, every)
    return tuple(
        response
        if response.category == Category.BASELINE
        else replace(
            response,
            doubt=ResponseDoubt(
                shares={category: n / count for category, n in sorted(drawn[k].items())},
                draws=count,
                choices=len(choices.names),
                choices_alike=alike[k],
                choices_possible=choices.possible,
                settling=settling[k],
            ),
        )
        for k, response in enumerate(responses)
    )


def _with_chosen(
    rows: Sequence[Assessment], criterion: Criterion, start: dt.date
) -> list[Assessment]:
    """The rows with the targets of the baseline named, so that no draw chooses others.

    Where none was large enough to be one, another reading may well find one that is.
    """
    if criterion.scale.counts_all:
        return list(rows)
    first = [row for row in rows if row.date == start]
    chosen = choose_baseline(sorted(first, key=lambda row: row.lesion), criterion.scale).targets
    names = frozenset(row.lesion for row in chosen)
    return with_targets(rows, names) if names else list(rows)


def _wordless(criterion: Criterion) -> Criterion:
    """The criterion without its reasons, which nobody reads of a thousand draws."""
    return replace(
        criterion,
        target=_mute(criterion.target),
        non_target=_mute(criterion.non_target),
        overall=_mute(criterion.overall),
        remark=_no_words,
    )


def _mute(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    return tuple(replace(rule, reason=_no_words) for rule in rules)


def _no_words(evidence: Evidence) -> str:
    return ""
