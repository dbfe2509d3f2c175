"""How the report looks: one palette, one typeface, few sizes."""

from __future__ import annotations

from typing import Any

from lvt_track.report.timelines import Presence

__all__ = [
    "ACCENT",
    "ALARM",
    "ALARM_GROUND",
    "BODY_PT",
    "FAINT",
    "HEADING_PT",
    "INK",
    "MATPLOTLIB",
    "MUTED",
    "NOTICE",
    "PRESENCE_MARKS",
    "RULE",
    "SMALLEST_PT",
    "SMALL_PT",
    "TITLE_PT",
    "TRACK_COLORS",
]

TITLE_PT = 17.0
HEADING_PT = 11.5
BODY_PT = 9.0
SMALL_PT = 7.5
SMALLEST_PT = 6.5

INK = "#1a1a1a"
MUTED = "#5c6670"
FAINT = "#b9c0c7"
RULE = "#d8dde2"
ACCENT = "#0b4f6c"
ALARM = "#a3380b"
ALARM_GROUND = "#fdf1ea"
NOTICE = "#eef3f6"

# Okabe and Ito's colours for all kinds of colour vision, without the yellow, which is too pale
# for lines on paper.
TRACK_COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")

# Marker and colour: shape alone tells the states apart, colour helps.
PRESENCE_MARKS = {
    Presence.SEEN: ("o", "#5c6670"),
    Presence.NEW: ("D", "#D55E00"),
    Presence.FIRST_SEEN: ("d", "#D55E00"),
    Presence.REAPPEARED: ("^", "#CC79A7"),
    Presence.SPLIT: ("P", "#009E73"),
    Presence.MERGED: ("s", "#0072B2"),
    Presence.NOT_SEEN: ("x", "#8a929a"),
}

MATPLOTLIB: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": SMALL_PT,
    "text.parse_math": False,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": MUTED,
    "axes.linewidth": 0.6,
    "axes.unicode_minus": True,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.labelsize": SMALL_PT,
    "ytick.labelsize": SMALL_PT,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "lines.solid_capstyle": "round",
    "pdf.fonttype": 42,
    "pdf.compression": 6,
    "svg.hashsalt": "lvt",
}
"""Matplotlib settings for use with `matplotlib.rc_context`."""
