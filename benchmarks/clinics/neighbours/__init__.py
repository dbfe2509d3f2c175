"""Neighbours of the shared odd folders: what else breaks for the same reason, kind by kind.

Each is a small function that fills a folder; a plain visit of June lies beside it, unless it makes
all visits itself.
"""

from clinics.neighbours import clinic, content, folders, given, images, later, series
from clinics.neighbours.drawing import draw_neighbours

__all__ = [
    "clinic",
    "content",
    "draw_neighbours",
    "folders",
    "given",
    "images",
    "later",
    "series",
]
