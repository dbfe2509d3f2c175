"""A response criterion: a scale, and ordered rules for targets, non-targets and the whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lvt_track.core.response.assessment import Assessment
from lvt_track.response.timepoints.evidence import Evidence
from lvt_track.response.timepoints.rules import Rule
from lvt_track.response.timepoints.scale import Scale

__all__ = ["Criterion"]


def _nothing_lacks(rows: Sequence[Assessment]) -> str:
    return ""


def _no_words(evidence: Evidence) -> str:
    return ""


@dataclass(frozen=True)
class Criterion:
    """A criterion as it is composed.

    Attributes:
        name: as it stands in tables.
        scale: how lesions are measured.
        target, non_target, overall: rules in order; the first that holds decides. The overall
            rules see what the two others gave.
        lacking: what the rows lack for this criterion, in words; empty where nothing does.
        remedy: what to do about it.
        remark: what a reason ends with.
    """

    name: str
    scale: Scale
    target: tuple[Rule, ...]
    non_target: tuple[Rule, ...]
    overall: tuple[Rule, ...]
    lacking: Callable[[Sequence[Assessment]], str] = _nothing_lacks
    remedy: str = ""
    remark: Callable[[Evidence], str] = _no_words
