"""How far masks overlap, class by class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.volume import CLASSES, Masks
from lvt_track.evaluate import detection

__all__ = ["Truth", "all_known", "dice", "overlaps"]

Truth = dict[str, NDArray[np.bool_]]
"""Masks that are known, by class."""


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """Overlap; 1 where both are empty."""
    overlap = detection.dice(one, other)
    return 1.0 if overlap is None else overlap


def all_known(masks: Masks) -> Truth:
    """All three masks."""
    return {name: getattr(masks, name) for name in CLASSES}


def overlaps(drawn: Masks, truth: Truth) -> list[float | None]:
    """Dice per class, where the truth is known."""
    return [dice(getattr(drawn, name), truth[name]) if name in truth else None for name in CLASSES]
