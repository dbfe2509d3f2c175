"""iRECIST for immunotherapy (Seymour et al., Lancet Oncol 2017;18:e143-152).

Progression by RECIST 1.1 is unconfirmed (iUPD) until a visit at least four weeks later confirms it
(iCPD): what had progressed has progressed further, or something else has. Shrinkage after it sets
the bar anew. Table 2 of the paper, and the answers at recist.eortc.org (FAQ, iRECIST).
"""

from __future__ import annotations

from dataclasses import replace

from lvt_track.core.quantities import sized
from lvt_track.core.response.categories import Category, Standing
from lvt_track.response.criteria.recist import NON_TARGET_RULES, RECIST_1_1
from lvt_track.response.timepoints.evidence import Evidence
from lvt_track.response.timepoints.rules import Rule, always
from lvt_track.response.timepoints.scale import at_least
from lvt_track.response.timepoints.visit import listed

__all__ = ["IRECIST"]

_CONFIRM_AFTER_DAYS = 28
_FURTHER_MM = 5.0

_ICR = Category("iCR", Standing.COMPLETE, "iRECIST")
_IPR = Category("iPR", Standing.PARTIAL, "iRECIST")
_ISD = Category("iSD", Standing.STABLE, "iRECIST")
_NEITHER = Category("Non-iCR/Non-iUPD", Standing.NEITHER, "iRECIST")
_IUPD = Category("iUPD", Standing.UNCONFIRMED, "iRECIST")
_ICPD = Category("iCPD", Standing.PROGRESSION, "iRECIST")
_RENAMED = {
    Category.CR: _ICR,
    Category.PR: _IPR,
    Category.SD: _ISD,
    Category.PD: _IUPD,
    Category.NON_CR_NON_PD: _NEITHER,
}


def _renamed(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """The rules of RECIST 1.1 under the names of iRECIST."""
    names = [_RENAMED.get(rule.category, rule.category) for rule in rules]
    return tuple(replace(rule, category=name) for rule, name in zip(rules, names, strict=True))


def _pending(e: Evidence) -> Evidence | None:
    """The visit with which the progression began that is not confirmed yet."""
    last = e.history.last
    return e.history.run if last is not None and last.category is _IUPD else None


def _progresses(e: Evidence) -> bool:
    """Whether RECIST 1.1 would call progression at this visit."""
    return _IUPD in (e.target, e.non_target) or bool(e.new.sure)


def _was_confirmed(e: Evidence) -> bool:
    return e.history.last is not None and e.history.last.category is _ICPD


def _further(e: Evidence) -> list[str]:
    """What has progressed further since the progression that awaits confirmation."""
    start = _pending(e)
    if start is None:
        return []
    reasons = []
    if e.target is _IUPD and e.is_complete and start.is_complete:
        rise = e.total - start.total
        if start.target is not _IUPD:
            reasons.append("the target lesions progress as well")
        elif at_least(rise, _FURTHER_MM):
            reasons.append(f"the sum has risen by {sized(rise, 'mm')} more")
    reasons += _further_non_targets(e, start)
    more = [name for name in e.new.sure if name not in start.new.sure]
    if more:
        reasons.append(f"more new lesions: {listed(more)}")
    both = [name for name in start.new.sizes_mm if name in e.new.sizes_mm]
    growth = sum(e.new.sizes_mm[name] - start.new.sizes_mm[name] for name in both)
    if both and at_least(growth, _FURTHER_MM):
        reasons.append(f"new lesions have grown by {sized(growth, 'mm')}")
    if e.new.worse:
        reasons.append(f"new lesion {listed(e.new.worse)} progresses")
    return reasons


def _further_non_targets(e: Evidence, start: Evidence) -> list[str]:
    """Non-targets need not progress unequivocally again: any further growth confirms."""
    before, now = start.non_targets, e.non_targets
    if start.non_target is not _IUPD:
        return ["non-target lesions progress as well"] if e.non_target is _IUPD else []
    again = [name for name in now.worse if name in before.worse]
    grown = [
        name
        for name in (*before.worse, *before.back)
        if name in before.sizes_mm and now.sizes_mm.get(name, 0.0) > before.sizes_mm[name]
    ]
    more = list(dict.fromkeys([*again, *grown, *(n for n in now.worse if n not in before.worse)]))
    return [f"non-target {listed(more)} has progressed further"] if more else []


def _is_confirmed(e: Evidence) -> bool:
    start = _pending(e)
    if start is None or not _further(e):
        return False
    return (e.date - start.date).days >= _CONFIRM_AFTER_DAYS


def _confirmed_words(e: Evidence) -> str:
    start = _pending(e)
    since = "" if start is None else f" of {start.date}"
    return f"confirms the progression{since}: {listed(_further(e))}"


def _shrinks_beside_new(e: Evidence) -> bool:
    """Whether only old new lesions stand against a response that has come since.

    "The appearance of a new lesion does not preclude the next assessment being iPR", where target
    lesions have shrunk further after it (recist.eortc.org, FAQ: assigning response after the
    appearance of new lesions).
    """
    start = _pending(e)
    if start is None or _IUPD in (e.target, e.non_target) or _further(e):
        return False
    is_response = e.target in (_ICR, _IPR)
    return bool(e.new.sure) and is_response and start.target not in (_ICR, _IPR)


def _unconfirmed_words(e: Evidence) -> str:
    start = _pending(e)
    if start is None:
        return "unconfirmed progression"
    if _further(e):
        return f"too early to confirm the progression of {start.date}, within four weeks"
    return f"the progression of {start.date} is not confirmed: nothing has progressed further"


def _given(category: Category) -> Rule:
    return Rule(category, category, lambda e: e.target is category, _no_words)


def _without_targets(category: Category) -> Rule:
    return Rule(f"only {category}", category, lambda e: e.non_target is category, _no_words)


def _no_words(e: Evidence) -> str:
    return ""


def _left(e: Evidence) -> bool:
    return e.target is _ICR and e.non_target not in (_ICR, Category.NONE)


IRECIST = replace(
    RECIST_1_1,
    name="iRECIST",
    target=_renamed(RECIST_1_1.target),
    non_target=_renamed(NON_TARGET_RULES),
    overall=(
        Rule("was confirmed", _ICPD, _was_confirmed, lambda e: "progression was confirmed"),
        Rule("confirmed", _ICPD, _is_confirmed, _confirmed_words),
        Rule(
            "shrinks beside new lesions",
            _IPR,
            _shrinks_beside_new,
            lambda e: "the new lesions have not grown, the targets have shrunk since",
        ),
        Rule("progresses", _IUPD, _progresses, _unconfirmed_words),
        Rule("left", _IPR, _left, lambda e: ""),
        *map(_given, (_ICR, _IPR, _ISD, Category.NE)),
        *map(_without_targets, (_ICR, _NEITHER)),
        Rule("nothing to judge", Category.NE, always, lambda e: ""),
    ),
)
