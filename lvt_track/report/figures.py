"""Curves of a course over time, drawn on matplotlib axes: sizes, sums, volumes, presence."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator
from matplotlib.transforms import blended_transform_factory

from lvt_track.core.course import Course
from lvt_track.report.style import (
    ACCENT,
    CATEGORY_COLORS,
    FAINT,
    INK,
    MUTED,
    PRESENCE_MARKS,
    RULE,
    SMALL_PT,
    SMALLEST_PT,
    TRACK_COLORS,
)
from lvt_track.report.timelines import (
    Sighting,
    Timeline,
    by_importance,
    timelines,
)

__all__ = [
    "LABEL_ROOM_MM",
    "draw_burden",
    "draw_diameters",
    "draw_liver",
    "draw_presence",
    "draw_sum_of_diameters",
    "draw_volumes",
]

LABEL_ROOM_MM = 26.0
"""Room that labels need to the right of the axes."""

_MM_PER_INCH = 25.4
_PT_PER_INCH = 72.0
_LABEL_GAP_PT = 9.0
_DATE_PT = 50.0
_NUMBER_PT = 26.0


def draw_diameters(axes: Axes, course: Course) -> None:
    """Diameter of every track over the visits; the most important ones in colour and named."""
    _draw_sizes(axes, course, lambda sighting: sighting.diameter_mm, "mm", is_log=False)
    axes.set_ylabel("diameter (mm)")


def draw_volumes(axes: Axes, course: Course, *, scale: str = "log") -> None:
    """Volume of every track over the visits, on a `log` or a `linear` scale.

    On the logarithmic scale exponential growth is a straight line.
    """
    if scale not in ("log", "linear"):
        raise ValueError(f"scale must be 'log' or 'linear', got {scale!r}")
    _draw_sizes(axes, course, lambda sighting: sighting.volume_ml, "mL", is_log=scale == "log")
    axes.set_ylabel("volume (mL)" + (", logarithmic" if scale == "log" else ""))


def draw_sum_of_diameters(axes: Axes, course: Course, criterion: str) -> None:
    """The sum of diameters a criterion follows, with its category at each visit.

    Marks 30 % below the baseline (partial response) and 20 % above the smallest sum so far
    (progression), the limits of RECIST 1.1.
    """
    responses = sorted(
        (r for r in course.responses if r.criterion == criterion), key=lambda r: r.date
    )
    known = [(r, r.sum_mm) for r in responses if r.sum_mm is not None]
    _set_dates(axes, _dates(course))
    axes.set_ylabel("sum of diameters (mm)")
    if not known:
        _finish(axes)
        _say_nothing(axes, "no sum of diameters at any visit")
        return
    days = [_day(r.date) for r, _ in known]
    sums = np.array([total for _, total in known])
    nadir = np.minimum.accumulate(sums)
    axes.set_ylim(0.0, 1.32 * max(float(sums.max()), 1.2 * float(nadir[-1]), 1.0))
    if len(known) > 1:
        end = axes.get_xlim()[1]
        partial, progression = 0.7 * float(sums[0]), 1.2 * nadir
        axes.plot([days[0], end], [partial] * 2, color=MUTED, linewidth=0.7, dashes=(5, 3))
        axes.step(
            [*days, end],
            [*progression, progression[-1]],
            where="post",
            color=MUTED,
            linewidth=0.7,
            linestyle=(0, (1.5, 2.0)),
        )
        _label_right(
            axes,
            [partial, float(progression[-1])],
            ["−30 % of baseline", "+20 % of nadir"],
            [MUTED, MUTED],
        )
    axes.plot(days, sums, color=INK, linewidth=1.4, marker="o", markersize=3.5)
    for i in _apart(axes, days, _NUMBER_PT):
        day, (response, total) = days[i], known[i]
        color = CATEGORY_COLORS.get(response.category, MUTED)
        _write_above(axes, day, total, f"{total:.0f}", 4.0, MUTED)
        _write_above(axes, day, total, response.category, 12.0, color, weight="bold")
    _finish(axes)


def draw_burden(axes: Axes, course: Course) -> None:
    """Tumour volume at every visit, with its share of the liver written above."""
    days = [_day(date) for date in _dates(course)]
    tumors_ml = [found.tumors_ml for found in course.visits]
    _set_dates(axes, _dates(course))
    axes.set_ylim(0.0, 1.35 * max(*tumors_ml, 1.0))
    axes.vlines(days, 0.0, tumors_ml, color=ACCENT, linewidth=5.0)
    for i in _apart(axes, days, _NUMBER_PT):
        day, found = days[i], course.visits[i]
        if found.burden_percent is not None:
            share = f"{found.burden_percent:.1f} %"
            _write_above(axes, day, found.tumors_ml, share, 3.0, INK)
    axes.set_ylabel("tumours (mL)")
    _finish(axes)


def draw_liver(axes: Axes, course: Course) -> None:
    """Liver volume, tumours included, at every visit."""
    days = [_day(date) for date in _dates(course)]
    liver_ml = [found.liver_ml for found in course.visits]
    _set_dates(axes, _dates(course))
    axes.set_ylim(0.0, 1.25 * max(*liver_ml, 1.0))
    axes.plot(days, liver_ml, color=ACCENT, linewidth=1.4, marker="o", markersize=3.5)
    for i in _apart(axes, days, _NUMBER_PT):
        _write_above(axes, days[i], liver_ml[i], f"{liver_ml[i]:.0f}", 4.0, INK)
    axes.set_ylabel("liver (mL)")
    _finish(axes)


def draw_presence(axes: Axes, course: Course, lines: Sequence[Timeline]) -> None:
    """Grid of tracks by visits: found, new, not seen, merged, split, reappeared.

    Visits are spaced evenly, not by date, so that each has its own column.
    """
    count = len(course.visits)
    axes.set_xlim(-0.6, count - 0.4)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    for row, line in enumerate(lines):
        axes.axhline(row, color=RULE, linewidth=0.5, zorder=0)
        seen = line.seen
        axes.plot([seen[0], seen[-1]], [row, row], color=MUTED, linewidth=1.2, zorder=1)
    for presence, (marker, color) in PRESENCE_MARKS.items():
        places = [
            (visit, row)
            for row, line in enumerate(lines)
            for visit, sighting in enumerate(line.sightings)
            if sighting.presence is presence
        ]
        axes.plot(
            [visit for visit, _ in places],
            [row for _, row in places],
            linestyle="none",
            marker=marker,
            color=color,
            markersize=5.0,
            zorder=2,
        )
    axes.set_yticks(range(len(lines)), [line.name for line in lines])
    axes.set_xticks(range(count), [found.visit.name for found in course.visits])
    axes.tick_params(axis="both", length=0)
    axes.tick_params(axis="x", labeltop=True, labelbottom=False)
    if count > 8:
        axes.tick_params(axis="x", labelsize=SMALLEST_PT, labelrotation=40)
        for label in axes.get_xticklabels():
            label.set_horizontalalignment("left")
            label.set_rotation_mode("anchor")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.legend(
        handles=[
            Line2D([], [], marker=marker, color=color, linestyle="none", markersize=4.5, label=name)
            for name, (marker, color) in PRESENCE_MARKS.items()
        ],
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
        ncols=len(PRESENCE_MARKS),
        frameon=False,
        fontsize=SMALL_PT,
        handletextpad=0.2,
        columnspacing=1.6,
    )


def _draw_sizes(
    axes: Axes,
    course: Course,
    size: Callable[[Sighting], float | None],
    unit: str,
    *,
    is_log: bool,
) -> None:
    dates = _dates(course)
    lines = timelines(course)
    _set_dates(axes, dates)
    if not lines:
        axes.set_yticks([])
        _finish(axes)
        _say_nothing(axes, "no tumours at any visit")
        return
    sizes = [value for line in lines for s in line.sightings if (value := size(s)) is not None]
    if is_log:
        axes.set_yscale("log")
        floor = min(sizes) / 1.8
        axes.set_ylim(floor, max(sizes) * 1.5)
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        floor = 0.0
        axes.set_ylim(floor, max(sizes) * 1.12)
    days = [_day(date) for date in dates]
    ranked = by_importance(lines)
    named = ranked[: len(TRACK_COLORS)]
    for line in ranked[len(named) :]:
        _draw_track(axes, days, [size(s) for s in line.sightings], floor, FAINT, 0.8)
    for line, color in zip(named, TRACK_COLORS, strict=False):
        _draw_track(axes, days, [size(s) for s in line.sightings], floor, color, 1.4)
    last = [size(line.sightings[-1]) for line in named]
    _label_right(
        axes,
        [floor if value is None else value for value in last],
        [
            f"{line.name}  not seen" if value is None else f"{line.name}  {value:.1f} {unit}"
            for line, value in zip(named, last, strict=True)
        ],
        TRACK_COLORS,
    )
    _finish(axes)


def _draw_track(
    axes: Axes,
    days: Sequence[float],
    sizes: Sequence[float | None],
    floor: float,
    color: str,
    width: float,
) -> None:
    """A track's curve: dots where it was seen, and crosses on the floor where not any more."""
    marked = [(i, day, s) for i, (day, s) in enumerate(zip(days, sizes, strict=True)) if s]
    first, last = marked[0][0], marked[-1][0]
    for (i, day_a, a), (j, day_b, b) in itertools.pairwise(marked):
        _draw_piece(axes, (day_a, a), (day_b, b), color, width, is_sure=j == i + 1)
    if last + 1 < len(days):
        _draw_piece(axes, marked[-1][1:], (days[last + 1], floor), color, width, is_sure=False)
    seen = [(day, size) for _, day, size in marked]
    missed = [(days[i], floor) for i in range(first, len(days)) if sizes[i] is None]
    for marker, chosen, size_pt in (("o", seen, 2.2), ("x", missed, 3.0)):
        axes.plot(
            [day for day, _ in chosen],
            [size for _, size in chosen],
            color=color,
            linestyle="none",
            marker=marker,
            markersize=size_pt * width,
            zorder=4 if width > 1.0 else 3,
            clip_on=False,
        )


def _draw_piece(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    color: str,
    width: float,
    *,
    is_sure: bool,
) -> None:
    """One piece of a curve; dotted where visits between did not show the tumour."""
    axes.plot(
        [start[0], end[0]],
        [start[1], end[1]],
        color=color,
        linewidth=width if is_sure else 0.7 * width,
        linestyle="-" if is_sure else (0, (1.0, 1.8)),
        zorder=3 if width > 1.0 else 2,
    )


def _dates(course: Course) -> list[dt.date]:
    return [found.visit.date for found in course.visits]


def _day(date: dt.date) -> float:
    return float(date2num(date))  # type: ignore[no-untyped-call]


def _size_pt(axes: Axes) -> tuple[float, float]:
    """Width and height of the axes on paper."""
    figure = axes.get_figure(root=True)
    assert figure is not None
    place = axes.get_position()
    width, height = figure.get_size_inches()
    return place.width * width * _PT_PER_INCH, place.height * height * _PT_PER_INCH


def _set_dates(axes: Axes, dates: Sequence[dt.date]) -> None:
    """A date axis with ticks at the visits, as many as can be written side by side."""
    days = [_day(date) for date in dates]
    span = max(days[-1] - days[0], 1.0)
    left, right = days[0] - 0.06 * span, days[-1] + 0.06 * span
    axes.set_xlim(left, right)
    shown = _apart(axes, days, _DATE_PT)
    axes.xaxis.set_major_locator(FixedLocator([days[i] for i in shown]))
    axes.xaxis.set_minor_locator(FixedLocator(days))
    axes.set_xticklabels([dates[i].isoformat() for i in shown])
    axes.tick_params(axis="x", which="minor", length=3.0, color=FAINT)


def _apart(axes: Axes, days: Sequence[float], gap_pt: float) -> list[int]:
    """Which days can be written on side by side; the last one always."""
    left, right = axes.get_xlim()
    gap_days = gap_pt * (right - left) / _size_pt(axes)[0]
    shown = [len(days) - 1]
    for i in range(len(days) - 2, -1, -1):
        if days[shown[-1]] - days[i] >= gap_days:
            shown.append(i)
    return shown[::-1]


def _finish(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if axes.get_yscale() == "linear":
        axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.grid(axis="y", color=RULE, linewidth=0.5)
    axes.set_axisbelow(True)


def _say_nothing(axes: Axes, text: str) -> None:
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", color=MUTED)


def _write_above(
    axes: Axes,
    day: float,
    value: float,
    text: str,
    offset_pt: float,
    color: str,
    weight: str = "normal",
) -> None:
    axes.annotate(
        text,
        (day, value),
        xytext=(0.0, offset_pt),
        textcoords="offset points",
        ha="center",
        fontsize=SMALLEST_PT,
        fontweight=weight,
        color=color,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85},
        zorder=4,
    )


def _label_right(
    axes: Axes, values: Sequence[float], texts: Sequence[str], colors: Sequence[str]
) -> None:
    """Names beside the right end of curves, moved apart where they would lie on each other."""
    height_pt = _size_pt(axes)[1]
    to_axes = axes.transAxes.inverted()
    wanted = [
        float(to_axes.transform(axes.transData.transform((axes.get_xlim()[0], value)))[1])
        for value in values
    ]
    heights = _spread(wanted, _LABEL_GAP_PT / height_pt)
    right = blended_transform_factory(axes.transAxes, axes.transAxes)
    for height, text, color in zip(heights, texts, colors, strict=False):
        axes.text(
            1.015,
            height,
            text,
            transform=right,
            color=color,
            fontsize=SMALLEST_PT,
            va="center",
        )


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
