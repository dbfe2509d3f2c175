"""Section: the visits side by side, on screen only."""

from __future__ import annotations

from collections.abc import Sequence

from lvt_track.report.blocks import Block, Workplace
from lvt_track.report.content import ReportContent

__all__ = ["workplace"]


def workplace(content: ReportContent) -> Sequence[Block]:
    """The interactive part; nothing where the run kept no scans for it."""
    return [Workplace()] if content.scene is not None else []
