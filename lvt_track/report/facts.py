"""What a report says of the run that made it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

__all__ = ["RESEARCH_NOTICE", "RunFacts"]

RESEARCH_NOTICE = "Research use only — not for clinical decisions"


@dataclass(frozen=True)
class RunFacts:
    """Facts of a run that a reader of its report needs.

    Attributes:
        made: when the run began that found this.
        version: of lvt.
        models: each model used, with what tells it from others, such as its version or digest.
        left_out: scans that were found and not used, each with the reason.
    """

    made: dt.datetime
    version: str
    models: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
