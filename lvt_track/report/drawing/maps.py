"""Where the tumours lie: the liver seen from the front, drawn on matplotlib axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patheffects import withStroke
from matplotlib.text import Text
from numpy.typing import NDArray

from lvt_track.core.course import Course
from lvt_track.report.drawing.panels import outline_curves
from lvt_track.report.drawing.style import FAINT, INK, MUTED, SMALLEST_PT, TRACK_COLORS
from lvt_track.report.drawing.track_links import TrackLink, group_id
from lvt_track.report.timelines import by_importance, timelines
from lvt_track.report.viewer.scene import PARTS, VisitView

__all__ = ["draw_map", "map_aspect"]

_CYST = "#3aa893"
_MOST_NAMES = 30


def map_aspect(view: VisitView) -> float:
    """Height of a map over its width."""
    high, _, wide = view.geometry.size_mm
    return float(high / wide)


def draw_map(axes: Axes, course: Course, visit: int, view: VisitView) -> None:
    """The shadows of liver, tumours and cysts on a plane behind the patient, right on the left.

    Tumours have the colours of their curves.

    Args:
        axes: of the aspect that `map_aspect` gives.
        course: with the lesions and their tracks.
        visit: index of the visit.
        view: the visit on its grid.
    """
    z_mm, _, x_mm = view.geometry.spacing_mm
    rows, _, columns = view.geometry.shape

    def outline(mask: NDArray[np.bool_], color: str, width: float, gid: str | None = None) -> None:
        shadow: NDArray[np.bool_] = np.flip(np.any(mask, axis=1), 0)  # head on top
        if shadow.any():
            curves = [curve * [x_mm, z_mm] for curve in outline_curves(shadow)]
            axes.add_collection(LineCollection(curves, colors=color, linewidths=width, gid=gid))

    outline((view.parts & 1 << PARTS.index("liver")) > 0, FAINT, 1.2)
    outline((view.parts & 1 << PARTS.index("cysts")) > 0, _CYST, 0.7)
    tracks = {key: track.number for track in course.tracks for key in track.lesions}
    ranked = by_importance(timelines(course))
    colors = {line.track.number: c for line, c in zip(ranked, TRACK_COLORS, strict=False)}
    lesions = sorted(course.visits[visit].lesions, key=lambda lesion: -lesion.measurement.volume_ml)
    for rank, lesion in enumerate(lesions):
        number = tracks.get(lesion.key)
        color = colors.get(number, MUTED) if number else MUTED
        link = [TrackLink(number, course.visits[visit].visit.date)] if number else []
        outline(view.labels == lesion.label, color, 1.0, group_id(link))
        if number and rank < _MOST_NAMES:
            k, _, i = view.geometry.to_index(lesion.centroid_mm)
            name = _name(axes, f"T{number}", (i * x_mm, (rows - 1 - k) * z_mm), color)
            name.set_gid(group_id(link, is_name=True))
    axes.set_xlim(-x_mm, columns * x_mm)
    axes.set_ylim(rows * z_mm, -z_mm)
    axes.set_aspect("equal")
    axes.set_axis_off()
    axes.text(0.0, 0.5, "R", transform=axes.transAxes, color=INK, fontsize=SMALLEST_PT)


def _name(axes: Axes, text: str, place: Sequence[float], color: str) -> Text:
    return axes.text(
        place[0],
        place[1],
        text,
        fontsize=SMALLEST_PT,
        fontweight="bold",
        color=color,
        ha="center",
        va="center",
        path_effects=[withStroke(linewidth=1.8, foreground="white")],
    )
