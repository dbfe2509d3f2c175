"""Plots over many patients: waterfall, spider, swimmer, time to progression, liver volumes."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from lvt_track.core.geometry import FloatArray
from lvt_track.report.cohort.content import CohortContent, Course, VolumeDeviation
from lvt_track.report.drawing.axis_labels import finish_axes, write_instead
from lvt_track.report.drawing.category_style import best_first, category_color, category_marker
from lvt_track.report.drawing.style import (
    ACCENT,
    FAINT,
    INK,
    MUTED,
    RULE,
    SMALLEST_PT,
)
from lvt_track.response.survival import SurvivalStep

__all__ = [
    "draw_deviations",
    "draw_progression",
    "draw_spider",
    "draw_swimmer",
    "draw_waterfall",
    "swimmer_height_mm",
]

_MOST_NAMED = 40
_MOST_LANES = 120
_PR_PERCENT, _PD_PERCENT = -30.0, 20.0
_MOST_SHOWN_PERCENT = 150.0
_RISKS = 6


def draw_waterfall(axes: Axes, content: CohortContent) -> None:
    """Best change of every patient, from the largest growth to the largest shrinkage."""
    shown = [course for course in content.courses if course.best_change_percent is not None]
    if not shown:
        write_instead(axes, "nobody has a sum after the baseline")
        return
    shown.sort(key=lambda course: (-(course.best_change_percent or 0.0), course.name))
    depths = [min(course.best_change_percent or 0.0, _MOST_SHOWN_PERCENT) for course in shown]
    colors = [category_color(course.best, FAINT) for course in shown]
    axes.bar(range(len(shown)), depths, color=colors, width=0.82)
    for k, depth in enumerate(depths):
        if abs(depth) < 0.5:  # a bar of no height is still a patient
            axes.plot(k, depth, marker="_", color=colors[k], markersize=5)
    _limits(axes)
    axes.set_xlim(-0.7, len(shown) - 0.3)
    axes.set_ylabel("lowest change from baseline (%)")
    _name(axes, shown)
    finish_axes(axes)
    _category_legend(axes, {course.best for course in shown})


def draw_spider(axes: Axes, content: CohortContent) -> None:
    """Change of the sum from baseline over time, a line per patient."""
    drawn = False
    for course in content.courses:
        points = [
            (day, min(change, _MOST_SHOWN_PERCENT))
            for day, change in zip(course.days, course.changes_percent, strict=True)
            if change is not None
        ]
        if len(points) < 2:
            continue
        drawn = True
        color = category_color(course.best, FAINT)
        days, changes = zip(*points, strict=True)
        axes.plot(days, changes, color=color, linewidth=1.0, marker="o", markersize=2.5, alpha=0.8)
    if not drawn:
        write_instead(axes, "nobody has a sum after the baseline")
        return
    _limits(axes)
    axes.set_xlim(left=0)
    axes.set_xlabel("days since baseline")
    axes.set_ylabel("change from baseline (%)")
    finish_axes(axes)
    _category_legend(axes, {c.best for c in content.courses if len(c.days) > 1})


def swimmer_height_mm(content: CohortContent) -> float:
    """Height that the lanes need."""
    return max(30.0, min(len(_lanes(content)), _MOST_LANES) * 4.2)


def draw_swimmer(axes: Axes, content: CohortContent) -> None:
    """A lane per patient from the first to the last visit, with the response at each."""
    lanes = _lanes(content)[:_MOST_LANES]
    if not lanes:
        write_instead(axes, "nobody has two visits")
        return
    for k, course in enumerate(lanes):
        axes.plot([0, course.days[-1]], [k, k], color=RULE, linewidth=5.0, zorder=1)
        for day, category in zip(course.days[1:], course.categories[1:], strict=True):
            color = category_color(category, "none")
            edge = INK if color == "none" else color
            axes.plot(
                day, k, marker=category_marker(category), color=color, markeredgecolor=edge,
                markersize=4.5, zorder=3,
            )  # fmt: skip
        if course.follow_up is None or not course.follow_up.progressed:
            axes.annotate(
                "", (course.days[-1] * 1.0 + _arrow(lanes), k), (course.days[-1], k),
                arrowprops={"arrowstyle": "->", "color": MUTED, "linewidth": 0.7},
            )  # fmt: skip
    axes.set_yticks(range(len(lanes)), [_short(course.name) for course in lanes])
    axes.set_ylim(len(lanes) - 0.4, -0.6)
    axes.set_xlim(left=0)
    axes.set_xlabel("days since baseline")
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(axis="y", length=0, labelsize=SMALLEST_PT)
    seen = {category for course in lanes for category in course.categories[1:]}
    handles = [
        Line2D(
            [],
            [],
            linestyle="",
            marker=category_marker(name),
            color=category_color(name, INK),
            label=name,
            markersize=4.5,
        )
        for name in best_first(seen)
    ]
    if seen - set(best_first(seen)):
        handles.append(
            Line2D(
                [],
                [],
                linestyle="",
                marker="o",
                markerfacecolor="none",
                markeredgecolor=INK,
                label="not evaluable or other",
                markersize=4.5,
            )
        )
    axes.legend(handles=handles, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def draw_progression(axes: Axes, content: CohortContent) -> None:
    """Share free of progression over time, with its 95 % interval and the patients at risk."""
    steps = content.steps
    if not steps:
        write_instead(axes, "nobody has a visit after the baseline that could be judged")
        return
    days = [0, *(step.days for step in steps)]
    free = [1.0, *(step.free for step in steps)]
    axes.step(days, free, where="post", color=ACCENT, linewidth=1.4)
    known = [step for step in steps if step.low is not None and step.high is not None]
    if known:
        axes.fill_between(
            [step.days for step in known],
            [step.low or 0.0 for step in known],
            [step.high or 0.0 for step in known],
            step="post", color=ACCENT, alpha=0.12, linewidth=0,
        )  # fmt: skip
    for step in steps:
        if step.censored:
            axes.plot(step.days, step.free, marker="|", color=ACCENT, markersize=6)
    axes.set_ylim(0, 1.03)
    axes.set_xlim(0, max(days[-1], 1) * 1.04)
    axes.set_ylabel("free of progression")
    axes.set_xlabel("days since baseline  (below: patients at risk)")
    finish_axes(axes)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "25 %", "50 %", "75 %", "100 %"])
    ticks = np.unique(np.linspace(0, days[-1], _RISKS).round().astype(int))
    axes.set_xticks(ticks, [f"{day}\n{_at_risk(steps, day)}" for day in ticks])


def draw_deviations(axes: Axes, content: CohortContent) -> None:
    """How far the liver's volume in each phase deviates from its study's reference."""
    if not content.deviations:
        write_instead(axes, "no study has several phases")
        return
    phases = sorted({one.phase for one in content.deviations})
    for k, phase in enumerate(phases):
        values = np.array(_of(content.deviations, phase))
        spread = _spread(len(values))
        axes.plot(k + spread, values, "o", color=ACCENT, alpha=0.5, markersize=3)
        axes.plot([k - 0.25, k + 0.25], [values.mean()] * 2, color=INK, linewidth=1.2)
    axes.axhline(0, color=FAINT, linewidth=0.8)
    axes.set_xlim(-0.6, len(phases) - 0.4)
    axes.set_xticks(range(len(phases)), phases)
    axes.set_ylabel("liver volume against the reference phase (%)")
    finish_axes(axes)


def _lanes(content: CohortContent) -> list[Course]:
    """Patients with several visits, the longest followed first."""
    lanes = [course for course in content.courses if len(course.days) > 1]
    return sorted(lanes, key=lambda course: (-course.days[-1], course.name))


def _arrow(lanes: Sequence[Course]) -> float:
    return 0.03 * max(course.days[-1] for course in lanes)


def _limits(axes: Axes) -> None:
    axes.axhline(0, color=FAINT, linewidth=0.8)
    for limit in (_PR_PERCENT, _PD_PERCENT):
        axes.axhline(limit, color=MUTED, linewidth=0.7, linestyle=(0, (4, 3)))


def _name(axes: Axes, courses: Sequence[Course]) -> None:
    if len(courses) > _MOST_NAMED:
        axes.set_xticks([])
        axes.set_xlabel(f"{len(courses)} patients")
        return
    names = [_short(course.name) for course in courses]
    axes.set_xticks(range(len(courses)), names, rotation=60, ha="right", rotation_mode="anchor")
    axes.tick_params(axis="x", length=0, labelsize=SMALLEST_PT, pad=1.0)


def _short(name: str) -> str:
    return name if len(name) <= 14 else f"{name[:13]}…"


def _category_legend(axes: Axes, categories: Collection[str]) -> None:
    handles = [
        Patch(color=category_color(name, INK), label=f"best {name}")
        for name in best_first(categories)
    ]
    if handles:
        axes.legend(handles=handles, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _at_risk(steps: Sequence[SurvivalStep], day: int) -> int:
    """How many are followed at least until that day."""
    return next((step.at_risk for step in steps if step.days >= day), 0)


def _of(deviations: Sequence[VolumeDeviation], phase: str) -> list[float]:
    return [one.percent for one in deviations if one.phase == phase]


def _spread(count: int) -> FloatArray:
    """Places side by side, so that points do not hide each other; the same every time."""
    steps = 0.618 * np.arange(count, dtype=np.float64)
    places: FloatArray = 0.4 * (steps % 1.0 - 0.5)
    return places
