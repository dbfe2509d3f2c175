"""How sizes are rounded where they are reported, and written with their unit."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from functools import lru_cache

__all__ = ["natural", "reported_ml", "reported_mm", "segment_names", "sized"]


def reported_mm(length_mm: float) -> float:
    """A length as tables and reports give it: to a tenth of a millimetre."""
    return round(length_mm, 1)


def reported_ml(volume_ml: float) -> float:
    """A volume as tables give it: to a thousandth of a mL, and to three digits where it is tiny.

    >>> reported_ml(12.34567), reported_ml(0.0083412)
    (12.346, 0.00834)
    """
    if volume_ml == 0:
        return 0.0
    return round(volume_ml, max(3, 2 - math.floor(math.log10(abs(volume_ml)))))


def sized(value: float, unit: str, *, signed: bool = False) -> str:
    """A size with its unit: lengths with one decimal, areas with none, volumes to three digits.

    >>> sized(12.34, "mm"), sized(0.00834, "mL"), sized(145.23, "mL")
    ('12.3 mm', '0.00834 mL', '145.2 mL')
    """
    decimals = {"mm": 1, "mL": 1}.get(unit, 0)
    if unit == "mL" and 0 < abs(value) < 100:
        decimals = 2 - math.floor(math.log10(abs(value)))
    return f"{value:{'+' if signed else ''}.{decimals}f} {unit}"


def segment_names(segments: Iterable[int]) -> str:
    """Couinaud's segments as a radiologist writes them.

    >>> segment_names((5, 8))
    '5+8'
    """
    return "+".join(str(number) for number in segments)


@lru_cache(maxsize=4096)
def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key by which T2 comes before T10.

    >>> sorted(["T10", "T2", "T2.1"], key=natural)
    ['T2', 'T2.1', 'T10']
    """
    parts = re.findall(r"\d+|\D+", name)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)
