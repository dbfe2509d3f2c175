"""Dates, numbers and names on the axes of figures, placed so that none lies on another."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.ticker import FixedLocator, MaxNLocator
from matplotlib.transforms import blended_transform_factory

from lvt_track.report.drawing.style import FAINT, MUTED, RULE, SMALLEST_PT

__all__ = [
    "LABEL_ROOM_MM",
    "date_number",
    "days_across",
    "days_apart",
    "finish_axes",
    "label_right",
    "set_dates",
    "write_above",
    "write_instead",
]

LABEL_ROOM_MM = 26.0
"""Room that labels need to the right of the axes."""

_PT_PER_INCH = 72.0
_LABEL_GAP_PT = 9.0
_DATE_PT = 50.0
_TURNED_DATE_PT = 12.0


def date_number(date: dt.date) -> float:
    """A date as matplotlib counts it, in days."""
    return float(date2num(date))  # type: ignore[no-untyped-call]


def set_dates(axes: Axes, dates: Sequence[dt.date]) -> None:
    """A date axis with ticks at the visits: all of them, turned where they lie close."""
    days = [date_number(date) for date in dates]
    span = max(days[-1] - days[0], 1.0)
    axes.set_xlim(days[0] - 0.08 * span, days[-1] + 0.08 * span)
    shown = days_apart(axes, days, _DATE_PT)
    is_turned = len(shown) < len(days)
    if is_turned:
        shown = days_apart(axes, days, _TURNED_DATE_PT)
    axes.xaxis.set_major_locator(FixedLocator([days[i] for i in shown]))
    axes.xaxis.set_minor_locator(FixedLocator(days))
    axes.set_xticklabels([dates[i].isoformat() for i in shown])
    axes.tick_params(axis="x", which="minor", length=3.0, color=FAINT)
    if is_turned:
        axes.tick_params(axis="x", labelrotation=35, labelsize=SMALLEST_PT, pad=1.0)
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("right")
            label.set_rotation_mode("anchor")


def days_apart(axes: Axes, days: Sequence[float], gap_pt: float) -> list[int]:
    """Which days can be written on side by side; the last one always."""
    gap_days = days_across(axes, gap_pt)
    shown = [len(days) - 1]
    for i in range(len(days) - 2, -1, -1):
        if days[shown[-1]] - days[i] >= gap_days:
            shown.append(i)
    return shown[::-1]


def days_across(axes: Axes, width_pt: float) -> float:
    """How many days a width on paper covers."""
    left, right = axes.get_xlim()
    return width_pt * (right - left) / _size_pt(axes)[0]


def finish_axes(axes: Axes) -> None:
    """Two spines less, whole numbers on a linear scale, and faint lines across."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if axes.get_yscale() == "linear":
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.grid(axis="y", color=RULE, linewidth=0.5)
    axes.set_axisbelow(True)


def write_instead(axes: Axes, text: str) -> None:
    """A sentence in the middle of axes that have nothing to show."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED)


def write_above(
    axes: Axes,
    point: tuple[float, float],
    text: str,
    offset_pt: float,
    color: str,
) -> None:
    """A number or word above a point of a curve, on a ground that keeps it readable."""
    axes.annotate(
        text,
        point,
        xytext=(0.0, offset_pt),
        textcoords="offset points",
        ha="center",
        fontsize=SMALLEST_PT,
        color=color,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
        zorder=4,
    )


def label_right(
    axes: Axes,
    values: Sequence[float],
    texts: Sequence[str],
    colors: Sequence[str],
    gids: Sequence[str] = (),
) -> None:
    """Names beside the right end of curves, moved apart where they would lie on each other.

    `gids` are their group ids, where they have some.
    """
    height_pt = _size_pt(axes)[1]
    to_axes = axes.transAxes.inverted()
    wanted = [
        float(to_axes.transform(axes.transData.transform((axes.get_xlim()[0], value)))[1])
        for value in values
    ]
    heights = _spread(wanted, _LABEL_GAP_PT / height_pt)
    right = blended_transform_factory(axes.transAxes, axes.transAxes)
    named = itertools.zip_longest(zip(heights, texts, colors, strict=False), gids)
    for (height, text, color), gid in named:
        axes.text(
            1.015,
            height,
            text,
            transform=right,
            color=color,
            fontsize=SMALLEST_PT,
            va="center",
            gid=gid,
        )


def _size_pt(axes: Axes) -> tuple[float, float]:
    """Width and height of the axes on paper."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    place = axes.get_position()
    width, height = figure.get_size_inches()
    return place.width * width * _PT_PER_INCH, place.height * height * _PT_PER_INCH


def _spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Positions at least `gap` apart, in the same order, near those wanted and not below zero."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    groups: list[tuple[float, list[int]]] = []
    for i in order:
        groups.append((max(wanted[i], 0.0), [i]))
        # Groups that touch become one, centred on the mean of what its members want.
        while len(groups) > 1:
            (low, below), (high, above) = groups[-2], groups[-1]
            if high - low >= gap * (len(below) + len(above)) / 2.0:
                break
            members = below + above
            half = gap * (len(members) - 1) / 2.0
            centre = sum(wanted[m] for m in members) / len(members)
            groups[-2:] = [(max(centre, half), members)]
    placed = [0.0] * len(wanted)
    for centre, members in groups:
        for n, member in enumerate(members):
            placed[member] = centre + gap * (n - (len(members) - 1) / 2.0)
    return placed
