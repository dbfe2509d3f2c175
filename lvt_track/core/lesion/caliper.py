"""A line measured in a scan."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Caliper", "Point"]

Point = tuple[float, float, float]
"""LPS mm: x, y, z."""


@dataclass(frozen=True)
class Caliper:
    """A measured line: its two ends in LPS mm, and its length."""

    start_mm: Point
    end_mm: Point
    length_mm: float
