"""Agreement drawn on matplotlib axes: identity, differences after Bland and Altman, sums."""

from __future__ import annotations

from collections.abc import Sequence
from math import isfinite

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from lvt_track.agreement.limits import Limits
from lvt_track.agreement.records import PairedSize, Quantity
from lvt_track.report.drawing.axis_labels import (
    date_number,
    days_apart,
    finish_axes,
    label_right,
    set_dates,
    write_above,
)
from lvt_track.report.drawing.style import ACCENT, ALARM, INK, MUTED, SMALLEST_PT

__all__ = ["draw_differences_mm", "draw_differences_percent", "draw_identity", "draw_sums"]

_BAND = "#e9ecef"
_POINT_PT = 3.4
_MOST_NAMES = 4
_NUMBER_PT = 26.0

Percent = tuple[float, float]


def draw_identity(axes: Axes, sizes: Sequence[PairedSize], readers: Percent) -> None:
    """Our sizes over the reader's, with the line on which both are equal.

    Args:
        axes: where to draw.
        sizes: of one quantity.
        readers: limits of agreement between two human readers in percent, a grey band.
    """
    values = [v for size in sizes for v in (size.reader_value, size.value)]
    low, high = _padded(min(values), max(values), 0.08)
    low = max(low, 0.0)
    line = np.array([low, high])
    # From a difference in percent of the mean of both to a ratio.
    lower, upper = (line * (200 + p) / (200 - p) for p in readers)
    axes.fill_between(line, lower, upper, color=_BAND, linewidth=0)
    axes.plot(line, line, color=MUTED, linewidth=0.8)
    _points(axes, [size.reader_value for size in sizes], [size.value for size in sizes])
    axes.set_xlim(low, high)
    axes.set_ylim(low, high)
    axes.set_xlabel("radiologist (mm)", labelpad=1.5)
    _title(axes, "lvt (mm)")
    finish_axes(axes)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))


def draw_differences_mm(
    axes: Axes, sizes: Sequence[PairedSize], limits: Limits, readers: Percent
) -> None:
    """Differences in mm over the means; the readers' band widens with the size."""
    means = [size.mean for size in sizes]
    left, right = _x_limits(means)
    line = np.array([left, right])
    lower, upper = (line * p / 100 for p in readers)
    axes.fill_between(line, lower, upper, color=_BAND, linewidth=0)
    extremes = [p / 100 * max(means) for p in readers]
    points = [(size.mean, size.difference) for size in sizes]
    _draw_differences(axes, points, limits, extremes, "mm")


def draw_differences_percent(
    axes: Axes, sizes: Sequence[PairedSize], limits: Limits, readers: Percent
) -> None:
    """Differences in percent of the mean of both; those beyond the readers' band are named."""
    axes.axhspan(*readers, color=_BAND, linewidth=0)
    points = [(size.mean, size.difference_percent) for size in sizes]
    _draw_differences(axes, points, limits, readers, "%")
    beyond = [size for size in sizes if not readers[0] <= size.difference_percent <= readers[1]]
    beyond.sort(key=lambda size: -abs(size.difference_percent))
    middle = sum(axes.get_xlim()) / 2
    for size in beyond[:_MOST_NAMES]:
        is_left = size.mean < middle
        axes.annotate(
            size.date.isoformat() if size.quantity is Quantity.SUM else size.reader_lesion,
            (size.mean, size.difference_percent),
            xytext=(4.0 if is_left else -4.0, -2.0),
            textcoords="offset points",
            ha="left" if is_left else "right",
            fontsize=SMALLEST_PT,
            color=ALARM,
        )


def draw_sums(axes: Axes, sizes: Sequence[PairedSize]) -> None:
    """The sum of diameters of the same lesions at each visit, as both measured it."""
    days = [date_number(size.date) for size in sizes]
    set_dates(axes, [size.date for size in sizes])
    theirs, ours = [s.reader_value for s in sizes], [s.value for s in sizes]
    axes.set_ylim(0.0, 1.25 * max(theirs + ours))
    axes.plot(days, theirs, color=MUTED, linewidth=1.2, marker="s", markersize=_POINT_PT)
    axes.plot(days, ours, color=ACCENT, linewidth=1.2, marker="o", markersize=_POINT_PT)
    for i in days_apart(axes, days, _NUMBER_PT):
        ours_above = ours[i] >= theirs[i]
        for value, color, is_above in (
            (theirs[i], MUTED, not ours_above),
            (ours[i], ACCENT, ours_above),
        ):
            write_above(axes, (days[i], value), f"{value:.0f}", 4.0 if is_above else -9.5, color)
    finish_axes(axes)
    _title(axes, "mm")
    for place, text, color in ((0.18, "■ radiologist", MUTED), (0.62, "● lvt", ACCENT)):
        axes.text(place, 1.03, text, transform=axes.transAxes, fontsize=SMALLEST_PT, color=color)


def _title(axes: Axes, text: str) -> None:
    """What stands on the upright axis, written above it."""
    axes.text(0.0, 1.03, text, transform=axes.transAxes, fontsize=SMALLEST_PT, color=MUTED)


def _draw_differences(
    axes: Axes,
    points: Sequence[tuple[float, float]],
    limits: Limits,
    extremes: Sequence[float],
    unit: str,
) -> None:
    """Differences over means, bias and limits with their intervals."""
    means, differences = zip(*points, strict=True)
    known = [limits.lower.value, limits.upper.value]
    low, high = _padded(min(*differences, *known, *extremes), max(*differences, *known, *extremes))
    axes.axhline(0.0, color=MUTED, linewidth=0.6)
    for estimate, style in ((limits.bias, "-"), (limits.lower, "--"), (limits.upper, "--")):
        axes.axhline(estimate.value, color=ACCENT, linewidth=0.9, linestyle=style)
    _points(axes, means, differences)
    _draw_intervals(axes, limits)
    axes.set_xlim(*_x_limits(means))
    axes.set_ylim(low, high)
    axes.set_xlabel("mean of both (mm)", labelpad=1.5)
    _title(axes, f"lvt − radiologist ({unit})")
    finish_axes(axes)
    axes.grid(visible=False)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}".replace("-", "−")))
    axes.xaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    values = [limits.upper.value, limits.bias.value, limits.lower.value]
    texts = [_signed(value, 0 if unit == "%" else 1) for value in values]
    label_right(axes, values, texts, [ACCENT] * 3)


def _draw_intervals(axes: Axes, limits: Limits) -> None:
    """Bars at the right end, where there are intervals."""
    for estimate in (limits.bias, limits.lower, limits.upper):
        if isfinite(estimate.low):
            axes.plot(
                [0.985, 0.985],
                [estimate.low, estimate.high],
                transform=axes.get_yaxis_transform(),
                color=ACCENT,
                linewidth=1.6,
                marker="_",
                markersize=5.0,
                markeredgewidth=1.0,
                zorder=4,
            )


def _points(axes: Axes, x: Sequence[float], y: Sequence[float]) -> None:
    axes.plot(
        x,
        y,
        linestyle="none",
        marker="o",
        markersize=_POINT_PT,
        markerfacecolor=INK,
        markeredgecolor="white",
        markeredgewidth=0.4,
        zorder=5,
    )


def _x_limits(means: Sequence[float]) -> tuple[float, float]:
    low, high = _padded(min(means), max(means), 0.08)
    return max(low, 0.0), high


def _padded(low: float, high: float, share: float = 0.1) -> tuple[float, float]:
    room = share * max(high - low, 1.0)
    return low - room, high + room


def _signed(value: float, decimals: int) -> str:
    text = f"{value:+.{decimals}f}"
    return "0" if float(text) == 0 else text.replace("-", "−")
