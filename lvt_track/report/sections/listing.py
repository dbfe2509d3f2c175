"""The list of a report's sections, in their order: one list for paper and screen.

To add a section, write what it shows in a file beside this one and add an entry here.
"""

from __future__ import annotations

from collections.abc import Sequence

from lvt_track.report.blocks import Block, Section
from lvt_track.report.content import ReportContent
from lvt_track.report.sections.agreement.section import agreement
from lvt_track.report.sections.corrections import corrections
from lvt_track.report.sections.meaning import meaning
from lvt_track.report.sections.phases import phases
from lvt_track.report.sections.planning import planning
from lvt_track.report.sections.response import responses
from lvt_track.report.sections.scans import remarks, scans
from lvt_track.report.sections.summary import summary
from lvt_track.report.sections.tumours.curves import curves, totals
from lvt_track.report.sections.tumours.key_images import key_images
from lvt_track.report.sections.tumours.lookback import looking_back
from lvt_track.report.sections.tumours.map import tumour_map
from lvt_track.report.sections.tumours.presence import presence
from lvt_track.report.sections.tumours.table import tumours
from lvt_track.report.sections.workplace import workplace

__all__ = ["SECTIONS", "shown_sections"]

SECTIONS = (
    Section("summary", "", summary),
    Section("workplace", "Slices and 3D", workplace, "Slices and 3D"),
    Section("tumours", "Tumours by visit", tumours, "Tumours"),
    Section("map", "Where the tumours lie", tumour_map),
    Section("presence", "Which tumour was seen when", presence),
    Section("images", "Key images", key_images, "Key images"),
    Section("looking-back", "Looking back", looking_back, "Looking back"),
    Section("curves", "Size of each tumour over time", curves, "Curves"),
    Section("totals", "The patient as a whole over time", totals),
    Section("response", "Response", responses, "Response"),
    Section("planning", "Planning a resection", planning, "Planning"),
    Section("phases", "Liver and tumours by contrast phase", phases, "Phases"),
    Section("said", "What readers said", corrections, "Corrections"),
    Section("scans", "Scans", scans, "Scans"),
    Section("remarks", "Warnings, and scans left out", remarks),
    Section("agreement", "Agreement with the radiologist", agreement, "Agreement"),
    Section("meaning", "What these numbers mean, and what they do not", meaning, "Meaning"),
)


def shown_sections(content: ReportContent) -> list[tuple[Section, Sequence[Block]]]:
    """The sections that have something to show of this content, each with what it shows."""
    shown = [(section, section.blocks(content)) for section in SECTIONS]
    return [(section, blocks) for section, blocks in shown if blocks]
