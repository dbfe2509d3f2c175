"""Colours of planning, told apart by the colour-blind (Okabe and Ito's eight, and tints)."""

from __future__ import annotations

__all__ = ["PARTS", "SEGMENTS", "colour_name", "rgba"]

PARTS = {
    "liver": "#c9a68f",
    "portal": "#0072b2",
    "hepatic": "#cc79a7",
    "cava": "#e8c3d8",
    "unknown": "#999999",
    "tumor": "#d55e00",
    "resection": "#f0e442",
}
_NAMES = {
    "liver": "skin",
    "portal": "blue",
    "hepatic": "pink",
    "cava": "pale pink",
    "unknown": "grey",
    "tumor": "orange",
    "resection": "yellow",
}
SEGMENTS = {
    1: "#999999",
    2: "#e69f00",
    3: "#f0e442",
    4: "#d55e00",
    5: "#56b4e9",
    6: "#0072b2",
    7: "#332288",
    8: "#009e73",
}


def rgba(colour: str, alpha: int = 255) -> tuple[int, int, int, int]:
    """Red, green, blue, alpha, 0 to 255, of `#rrggbb`."""
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return red, green, blue, alpha


def colour_name(colour: str) -> str:
    """The word for the colour of a part; the colour itself for any other."""
    words = {PARTS[part]: word for part, word in _NAMES.items()}
    return words.get(colour, colour)
