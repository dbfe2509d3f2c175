"""Colours of the tumours on CT: those of their curves, brighter; the same in 3D Slicer."""

from __future__ import annotations

from itertools import cycle

from lvt_track.core.course import Course
from lvt_track.report.timelines import by_importance, timelines

__all__ = ["slicer_colors", "view_colors"]

Rgb = tuple[int, int, int]

_OF_CURVES: tuple[Rgb, ...] = (
    (86, 170, 255), (255, 128, 64), (60, 225, 165), (240, 150, 205), (255, 190, 60),
    (150, 220, 255), (225, 225, 225),
)  # fmt: skip
"""`TRACK_COLORS` on a dark picture, in its order; what is black there is light here."""

_OTHERS: tuple[Rgb, ...] = (
    (255, 120, 150), (170, 235, 60), (215, 180, 120), (90, 235, 225), (255, 225, 120),
)  # fmt: skip


def view_colors(course: Course) -> dict[int, Rgb]:
    """Red, green and blue of each track, by its number.

    The most important ones have the hues of their curves, the others some of a few more.
    """
    ranked = [line.track.number for line in by_importance(timelines(course))]
    count = len(_OF_CURVES)
    colors = dict(zip(ranked, _OF_CURVES, strict=False))
    return colors | dict(zip(ranked[count:], cycle(_OTHERS), strict=False))


def slicer_colors(course: Course) -> str:
    """A colour table for 3D Slicer: a line for each label of `tracks.nii.gz`."""
    lines = ["# lvt: colours of tracks.nii.gz", "0 background 0 0 0 0"]
    colors = view_colors(course)
    for track in course.tracks:
        red, green, blue = colors[track.number]
        lines.append(f"{track.number} T{track.number} {red} {green} {blue} 255")
    return "\n".join(lines) + "\n"
