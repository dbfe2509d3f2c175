"""How far a measured size lies from the true one, and the 95 % interval that follows.

Two readers of one lesion differ by -22.1 to +25.4 % (95 % limits, pooled over twelve studies by
Yoon et al., Eur J Cancer 2016;53:5-15): 0.120 as a standard deviation of the logarithm, 0.085 for
each of the two. Their limits for a change of one lesion, -31 to +30 %, are what follows where the
errors of two visits are independent. What a model draws errs as it did on phantoms; where all these
numbers are held against the truth is told in `docs/results/doubt.md`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from lvt_track.core.course import EDITED, GIVEN, VisitFindings
from lvt_track.core.lesion.lesion import Lesion, Measurement

__all__ = [
    "DRAWN",
    "READ",
    "LesionIntervals",
    "SizeError",
    "SizeInterval",
    "axis_sd",
    "error_of",
    "intervals_of",
    "joint_interval",
    "lesion_intervals",
    "volume_sd",
]

_MOST = 0.5
_UNKNOWN_SLICES_MM = 2.5
# A ball of diameter D whose middle lies at random between slices t apart loses 2 d^2 / D for the
# offset d, even up to t / 2: a standard deviation of 0.149 t^2 / D, and more where t nears D.
_SLICE_FACTOR = 0.149
# Of its volume, by the number of voxels alone; measured on ellipsoids.
_SLICE_VOLUME_FACTOR = 0.3
_NORMAL_95 = 1.96


@dataclass(frozen=True)
class SizeError:
    """The error of whoever drew a lesion, as standard deviations of the logarithm of a size.

    Attributes:
        relative: part of a diameter's that grows with the size.
        absolute_mm: part that does not: pixels, and where the calipers are set.
        volume_factor: how many times as much a volume errs as a diameter. Less than three, for
            errors of the outline do not run all around.
        hidden: how much larger lesions are of which a part is not seen, such as a rim as bright
            as the liver. It is as large at each visit, so that changes do not suffer.
    """

    relative: float
    absolute_mm: float
    volume_factor: float
    hidden: float = 0.0


READ = SizeError(0.085, 0.35, 2.9)
"""Of a reader, and of masks that are given."""

DRAWN = SizeError(0.05, 0.8, 2.5, hidden=0.23)
"""Of a model: fitted to lesions of four phantoms, held against those of others."""


@dataclass(frozen=True)
class SizeInterval:
    """Between these the true size lies in 95 of 100 cases."""

    low: float
    high: float


@dataclass(frozen=True)
class LesionIntervals:
    """Of the axes of a lesion, in mm, and of its volume, in mL."""

    long_axis: SizeInterval
    short_axis: SizeInterval
    volume: SizeInterval


def axis_sd(size_mm: float, slices_mm: float | None, error: SizeError) -> float:
    """Standard deviation of the logarithm of a diameter.

    Args:
        size_mm: the diameter.
        slices_mm: thickness of the slices; None where unknown.
        error: of whoever drew it.
    """
    part = (slices_mm or _UNKNOWN_SLICES_MM) / size_mm
    missed = _SLICE_FACTOR * part**2 * (1 + part)
    return min(math.hypot(error.relative, error.absolute_mm / size_mm, missed), _MOST)


def volume_sd(size_mm: float, slices_mm: float | None, error: SizeError) -> float:
    """Standard deviation of the logarithm of a volume.

    Args:
        size_mm: diameter of the lesion.
        slices_mm: thickness of the slices; None where unknown.
        error: of whoever drew it.
    """
    plain = error.volume_factor * math.hypot(error.relative, error.absolute_mm / size_mm)
    missed = _SLICE_VOLUME_FACTOR * (slices_mm or _UNKNOWN_SLICES_MM) ** 2 / size_mm**2
    return min(math.hypot(plain, missed), error.volume_factor * _MOST)


def error_of(findings: VisitFindings) -> SizeError:
    """The error of whoever drew the tumours of a visit."""
    is_drawn = findings.sources.get("tumors", GIVEN) not in (GIVEN, EDITED)
    return DRAWN if is_drawn else READ


def lesion_intervals(findings: VisitFindings, lesion: Lesion) -> LesionIntervals | None:
    """The intervals of a lesion's sizes.

    Args:
        findings: of its visit.
        lesion: one of its lesions.

    Returns:
        None where the end of the scan cuts the lesion: nobody knows how much is not shown.
    """
    if lesion.is_cut:
        return None
    slices_mm = findings.visit.tracked_series.slice_thickness_mm
    return intervals_of(lesion.measurement, slices_mm, error_of(findings))


def intervals_of(size: Measurement, slices_mm: float | None, error: SizeError) -> LesionIntervals:
    """The intervals of a size.

    Args:
        size: as it was measured.
        slices_mm: thickness of the slices; None where unknown.
        error: of whoever drew it.
    """
    long_mm, short_mm = size.long_axis.length_mm, size.short_axis.length_mm
    return LesionIntervals(
        _interval(long_mm, axis_sd(max(long_mm, 0.1), slices_mm, error), error.hidden),
        _interval(short_mm, axis_sd(max(short_mm, 0.1), slices_mm, error), error.hidden),
        _interval(
            size.volume_ml,
            volume_sd(max(long_mm, 0.1), slices_mm, error),
            error.volume_factor * error.hidden,
        ),
    )


def joint_interval(
    sizes: Sequence[float], intervals: Sequence[SizeInterval]
) -> SizeInterval | None:
    """The interval of a sum of sizes whose errors are independent; None for no sizes.

    Args:
        sizes: what is added.
        intervals: one for each.
    """
    if not sizes:
        return None
    pairs = list(zip(sizes, intervals, strict=True))
    below = math.hypot(*(size - one.low for size, one in pairs))
    above = math.hypot(*(one.high - size for size, one in pairs))
    return SizeInterval(sum(sizes) - below, sum(sizes) + above)


def _interval(size: float, sd: float, hidden: float) -> SizeInterval:
    above = math.exp(_NORMAL_95 * math.hypot(sd, hidden))
    return SizeInterval(size / math.exp(_NORMAL_95 * sd), size * above)
