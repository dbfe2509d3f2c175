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
_LINE, _LETTER = 1.2, 0.8
"""Height of a line and width of a letter with its halo, in sizes of the type."""


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
    axes.set_xlim(-x_mm, columns * x_mm)
    axes.set_ylim(rows * z_mm, -z_mm)
    axes.set_aspect("equal")
    axes.set_axis_off()
    names = _Names(axes)
    # Names of tumours in colour first, then of the largest: where two would touch, one has none.
    lesions = sorted(
        course.visits[visit].lesions,
        key=lambda one: (tracks.get(one.key) not in colors, -one.measurement.volume_ml),
    )
    for lesion in lesions:
        number = tracks.get(lesion.key)
        color = colors.get(number, MUTED) if number else MUTED
        link = [TrackLink(number, course.visits[visit].visit.date)] if number else []
        outline(view.labels == lesion.label, color, 1.0, group_id(link))
        if number:
            k, _, i = view.geometry.to_index(lesion.centroid_mm)
            radius_mm = lesion.measurement.long_axis.length_mm / 2.0
            name = names.write(f"T{number}", (i * x_mm, (rows - 1 - k) * z_mm), radius_mm, color)
            if name is not None:
                name.set_gid(group_id(link, is_name=True))
    axes.text(0.0, 0.5, "R", transform=axes.transAxes, color=INK, fontsize=SMALLEST_PT)


class _Names:
    """Names on a map that do not touch each other; places and sizes are in mm of the patient."""

    def __init__(self, axes: Axes) -> None:
        """Args:
        axes: with its limits.
        """
        self.axes = axes
        self.taken: list[tuple[float, float]] = []
        figure = axes.get_figure(root=True)
        assert figure is not None
        box, (wide_in, high_in) = axes.get_position(), figure.get_size_inches()
        (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
        paper_pt = 72.0 * box.width * wide_in, 72.0 * box.height * high_in
        self.mm_per_pt = max(abs(right - left) / paper_pt[0], abs(high - low) / paper_pt[1])

    def write(
        self, text: str, place: tuple[float, float], radius_mm: float, color: str
    ) -> Text | None:
        """A name in its tumour, or beside one that is smaller than it; None where no room is."""
        high_mm = _LINE * SMALLEST_PT * self.mm_per_pt
        wide_mm = _LETTER * SMALLEST_PT * self.mm_per_pt * len(text)
        x, y = place
        aside, above = radius_mm + wide_mm / 2, radius_mm + high_mm / 2
        beside = [(x + aside, y), (x - aside, y), (x, y - above), (x, y + above)]
        for at in [place, *beside] if 2 * radius_mm > wide_mm else beside:
            if all(abs(at[0] - u) > wide_mm or abs(at[1] - v) > high_mm for u, v in self.taken):
                self.taken.append(at)
                return _name(self.axes, text, at, color)
        return None


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
        path_effects=[withStroke(linewidth=2.4, foreground="white")],
    )
