"""Courses over time, drawn on matplotlib axes: sizes, sums, volumes, presence."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from lvt_track.core.course import Course
from lvt_track.core.lesion.size_error import SizeInterval
from lvt_track.report.drawing.axis_labels import (
    date_number,
    days_across,
    days_apart,
    finish_axes,
    label_right,
    set_dates,
    write_above,
    write_instead,
)
from lvt_track.report.drawing.category_style import category_color
from lvt_track.report.drawing.style import (
    ACCENT,
    FAINT,
    INK,
    MUTED,
    PRESENCE_MARKS,
    RULE,
    SMALL_PT,
    SMALLEST_PT,
    TRACK_COLORS,
)
from lvt_track.report.drawing.track_links import TrackLink, group_id
from lvt_track.report.timelines import (
    Sighting,
    Timeline,
    by_importance,
    timelines,
)

__all__ = [
    "draw_burden",
    "draw_diameters",
    "draw_liver",
    "draw_presence",
    "draw_sum_of_diameters",
    "draw_volumes",
]

_NUMBER_PT = 26.0
_BAND_ALPHA = 0.13
_MOST_BANDS = 4

_Measure = Callable[[Sighting], tuple[float | None, SizeInterval | None]]


def _diameter(sighting: Sighting) -> tuple[float | None, SizeInterval | None]:
    return sighting.diameter_mm, sighting.diameter_95


def _volume(sighting: Sighting) -> tuple[float | None, SizeInterval | None]:
    return sighting.volume_ml, sighting.volume_95


def draw_diameters(axes: Axes, course: Course) -> None:
    """Diameter of every track over the visits; the most important ones in colour and named."""
    _draw_sizes(axes, course, _diameter, "mm", is_log=False)
    axes.set_ylabel("diameter (mm)")


def draw_volumes(axes: Axes, course: Course, *, scale: str = "log") -> None:
    """Volume of every track over the visits, on a `log` or a `linear` scale.

    On the logarithmic scale exponential growth is a straight line.
    """
    if scale not in ("log", "linear"):
        raise ValueError(f"scale must be 'log' or 'linear', got {scale!r}")
    _draw_sizes(axes, course, _volume, "mL", is_log=scale == "log")
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
    set_dates(axes, _dates(course))
    axes.set_ylabel("sum of diameters (mm)")
    if not known:
        finish_axes(axes)
        write_instead(axes, "no sum of diameters at any visit")
        return
    days = [date_number(r.date) for r, _ in known]
    sums = np.array([total for _, total in known])
    nadir = np.minimum.accumulate(sums)
    axes.set_ylim(0.0, 1.15 * max(float(sums.max()), 1.2 * float(nadir[-1]), 1.0))
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
        label_right(
            axes,
            [partial, float(progression[-1])],
            ["−30 % of baseline", "+20 % of nadir"],
            [MUTED, MUTED],
        )
    axes.plot(days, sums, color=INK, linewidth=1.4, marker="o", markersize=3.5)
    for i in days_apart(axes, days, _NUMBER_PT):
        day, (response, total) = days[i], known[i]
        color = category_color(response.category, MUTED)
        write_above(axes, (day, total), f"{total:.0f}", 4.0, MUTED)
        # Above the plot, where no limit is drawn.
        axes.text(
            day,
            1.02,
            response.category,
            transform=axes.get_xaxis_transform(),
            ha="center",
            fontsize=SMALLEST_PT,
            fontweight="bold",
            color=color,
        )
    finish_axes(axes)


def draw_burden(axes: Axes, course: Course) -> None:
    """Tumour volume at every visit, with its share of the liver written above."""
    days = [date_number(date) for date in _dates(course)]
    tumors_ml = [findings.tumors_ml for findings in course.visits]
    set_dates(axes, _dates(course))
    axes.set_ylim(0.0, 1.35 * max(*tumors_ml, 1.0))
    axes.vlines(days, 0.0, tumors_ml, color=ACCENT, linewidth=5.0)
    for i in days_apart(axes, days, _NUMBER_PT):
        day, findings = days[i], course.visits[i]
        if findings.burden_percent is not None:
            share = f"{findings.burden_percent:.1f} %"
            top_ml = _top_beside(axes, days, tumors_ml, day)
            write_above(axes, (day, top_ml), share, 3.0, INK)
    axes.set_ylabel("tumours (mL)")
    finish_axes(axes)


def _top_beside(axes: Axes, days: Sequence[float], values: Sequence[float], day: float) -> float:
    """The highest of what a number written at a day would cover."""
    reach = days_across(axes, _NUMBER_PT) / 2
    return max(value for d, value in zip(days, values, strict=True) if abs(d - day) < reach)


def draw_liver(axes: Axes, course: Course) -> None:
    """Liver volume, tumours included, at every visit."""
    days = [date_number(date) for date in _dates(course)]
    liver_ml = [findings.liver_ml for findings in course.visits]
    set_dates(axes, _dates(course))
    axes.set_ylim(0.0, 1.25 * max(*liver_ml, 1.0))
    axes.plot(days, liver_ml, color=ACCENT, linewidth=1.4, marker="o", markersize=3.5)
    for i in days_apart(axes, days, _NUMBER_PT):
        top_ml = _top_beside(axes, days, liver_ml, days[i])
        write_above(axes, (days[i], top_ml), f"{liver_ml[i]:.0f}", 4.0, INK)
    axes.set_ylabel("liver (mL)")
    finish_axes(axes)


def draw_presence(axes: Axes, course: Course, lines: Sequence[Timeline]) -> None:
    """Grid of tracks by visits: found, new, not seen, merged, split, reappeared.

    Visits are spaced evenly, not by date, so that each has its own column.
    """
    count, dates = len(course.visits), _dates(course)
    axes.set_xlim(-0.6, count - 0.4)
    axes.set_ylim(len(lines) - 0.4, -0.6)
    for row, line in enumerate(lines):
        axes.axhline(row, color=RULE, linewidth=0.5, zorder=0)
        seen = line.seen
        gid = group_id([TrackLink(line.track.number)])
        axes.plot([seen[0], seen[-1]], [row, row], color=MUTED, linewidth=1.2, zorder=1, gid=gid)
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
            gid=group_id(
                [TrackLink(lines[row].track.number, dates[visit]) for visit, row in places]
            ),
        )
    axes.set_yticks(range(len(lines)), [line.name for line in lines])
    for label, line in zip(axes.get_yticklabels(), lines, strict=True):
        label.set_gid(group_id([TrackLink(line.track.number)], is_name=True))
    axes.set_xticks(range(count), [findings.visit.name for findings in course.visits])
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
    measure: _Measure,
    unit: str,
    *,
    is_log: bool,
) -> None:
    def size(sighting: Sighting) -> float | None:
        return measure(sighting)[0]

    dates = _dates(course)
    lines = timelines(course)
    set_dates(axes, dates)
    if not lines:
        axes.set_yticks([])
        finish_axes(axes)
        write_instead(axes, "no tumours at any visit")
        return
    sizes = [value for line in lines for s in line.sightings if (value := size(s)) is not None]
    shown = [measure(s)[1] for line in by_importance(lines)[:_MOST_BANDS] for s in line.sightings]
    top = max([*sizes, *(one.high for one in shown if one)])
    if is_log:
        axes.set_yscale("log")
        floor = min(sizes) / 1.8
        axes.set_ylim(floor, max(top, max(sizes) * 1.5))
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_locator(NullLocator())
    else:
        floor = 0.0
        axes.set_ylim(floor, max(top, max(sizes) * 1.12))
    days = [date_number(date) for date in dates]
    ranked = by_importance(lines)
    named = ranked[: len(TRACK_COLORS)]

    def draw(line: Timeline, color: str, width: float) -> None:
        sizes = tuple(size(s) for s in line.sightings)
        _draw_track(axes, _Curve(line.track.number, tuple(dates), sizes, color, width), floor)

    for line in ranked[len(named) :]:
        draw(line, FAINT, 0.8)
    for line, color in zip(named[:_MOST_BANDS], TRACK_COLORS, strict=False):
        _draw_band(axes, days, [measure(s)[1] for s in line.sightings], color)
    for line, color in zip(named, TRACK_COLORS, strict=False):
        draw(line, color, 1.4)
    last = [size(line.sightings[-1]) for line in named]
    label_right(
        axes,
        [floor if value is None else value for value in last],
        [_end_label(line, value, unit) for line, value in zip(named, last, strict=True)],
        TRACK_COLORS,
        [group_id([TrackLink(line.track.number)], is_name=True) for line in named],
    )
    finish_axes(axes)


def _draw_band(
    axes: Axes, days: Sequence[float], intervals: Sequence[SizeInterval | None], color: str
) -> None:
    """The 95 % interval of a size from visit to visit, broken where it is not known."""
    known = [one is not None for one in intervals]
    axes.fill_between(
        days,
        [one.low if one else 0.0 for one in intervals],
        [one.high if one else 0.0 for one in intervals],
        where=known,
        color=color,
        alpha=_BAND_ALPHA,
        linewidth=0.0,
        zorder=1,
    )


def _end_label(line: Timeline, value: float | None, unit: str) -> str:
    """A track's name and its size at the last visit, which is that of a part where it is cut."""
    if value is None:
        return f"{line.name}  not seen"
    return f"{line.name}  {'cut, ' if line.sightings[-1].is_cut else ''}{value:.1f} {unit}"


@dataclass(frozen=True)
class _Curve:
    """A track's sizes, one per visit, and how its curve looks; `width` in points."""

    track: int
    dates: tuple[dt.date, ...]
    sizes: tuple[float | None, ...]
    color: str
    width: float


def _draw_track(axes: Axes, curve: _Curve, floor: float) -> None:
    """A track's curve: dots where it was seen, and crosses on the floor where not any more."""
    days, sizes, width = [date_number(d) for d in curve.dates], curve.sizes, curve.width
    marked = [(i, day, s) for i, (day, s) in enumerate(zip(days, sizes, strict=True)) if s]
    first, last = marked[0][0], marked[-1][0]
    for (i, day_a, a), (j, day_b, b) in itertools.pairwise(marked):
        _draw_piece(axes, (day_a, a), (day_b, b), curve, is_sure=j == i + 1)
    if last + 1 < len(days):
        _draw_piece(axes, marked[-1][1:], (days[last + 1], floor), curve, is_sure=False)
    seen = [(i, size) for i, _, size in marked]
    missed = [(i, floor) for i in range(first, len(days)) if sizes[i] is None]
    for marker, chosen, size_pt in (("o", seen, 2.2), ("x", missed, 3.0)):
        axes.plot(
            [days[i] for i, _ in chosen],
            [size for _, size in chosen],
            color=curve.color,
            linestyle="none",
            marker=marker,
            markersize=size_pt * width,
            zorder=4 if width > 1.0 else 3,
            clip_on=False,
            gid=group_id([TrackLink(curve.track, curve.dates[i]) for i, _ in chosen]),
        )


def _draw_piece(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    curve: _Curve,
    *,
    is_sure: bool,
) -> None:
    """One piece of a curve; dotted where visits between did not show the tumour."""
    axes.plot(
        [start[0], end[0]],
        [start[1], end[1]],
        color=curve.color,
        linewidth=curve.width if is_sure else 0.7 * curve.width,
        linestyle="-" if is_sure else (0, (1.0, 1.8)),
        zorder=3 if curve.width > 1.0 else 2,
        gid=group_id([TrackLink(curve.track)]),
    )


def _dates(course: Course) -> list[dt.date]:
    return [findings.visit.date for findings in course.visits]
