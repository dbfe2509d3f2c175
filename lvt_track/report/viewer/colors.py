"""Colours of the tracks: bright ones that show on CT, the same in the page and in 3D Slicer."""

from __future__ import annotations

from lvt_track.core.course import Course

__all__ = ["VIEW_COLORS", "slicer_colors"]

VIEW_COLORS = (
    (255, 210, 63), (110, 198, 255), (255, 140, 90), (120, 230, 150), (236, 140, 255),
    (255, 120, 150), (170, 235, 60), (120, 160, 255), (255, 180, 200), (90, 235, 225),
)  # fmt: skip
"""Red, green and blue of T1, T2 and on; after the last the first comes again."""


def slicer_colors(course: Course) -> str:
    """A colour table for 3D Slicer: a line for each label of `tracks.nii.gz`."""
    lines = ["# lvt: colours of tracks.nii.gz", "0 background 0 0 0 0"]
    for track in course.tracks:
        red, green, blue = VIEW_COLORS[(track.number - 1) % len(VIEW_COLORS)]
        lines.append(f"{track.number} T{track.number} {red} {green} {blue} 255")
    return "\n".join(lines) + "\n"
