"""The report as one HTML file that opens offline, its pictures to be looked at closely."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import matplotlib as mpl
from jinja2 import Environment
from markupsafe import Markup

from lvt_track.io.files import write_whole
from lvt_track.report.blocks import Pictures
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.panels import (
    LONG_COLOR,
    OTHERS_COLOR,
    SHORT_COLOR,
    TARGET_COLOR,
    WINDOW_LEVEL_HU,
    WINDOW_WIDTH_HU,
)
from lvt_track.report.drawing.style import ALARM, INK, MATPLOTLIB, MUTED
from lvt_track.report.facts import RESEARCH_NOTICE
from lvt_track.report.html.environment import page_environment
from lvt_track.report.html.pictures import STORED_HU, Picture
from lvt_track.report.sections.listing import shown_sections
from lvt_track.report.viewer.pack import page_data
from lvt_track.report.wording import period

__all__ = ["write_html"]

# In the order in which they build on each other.
_WORKPLACE = (
    "volume", "slices", "surface", "decimate", "surface_renderer", "review", "overlay",
    "workplace", "worklist", "controls", "review_panel", "view3d", "start",
)  # fmt: skip


def write_html(content: ReportContent, path: Path) -> None:
    """Write a report as one file, with all pictures in it and no link out of it.

    The same content gives the same file, byte for byte.

    Args:
        content: what it tells.
        path: the file; it is written whole or not at all.

    Raises:
        OutputError: when the file cannot be written.
    """
    environment = page_environment()
    environment.filters["picture"] = Picture.of
    environment.tests["block"] = lambda block, kind: type(block).__name__ == kind
    script = _script(environment, content)
    shown = shown_sections(content)
    pictured = {
        row.name
        for section, blocks in shown
        for block in blocks
        if section.key == "images" and isinstance(block, Pictures)
        for row in block.rows
    }
    targets = _targets(content, pictured)
    with mpl.rc_context(MATPLOTLIB):
        text = environment.get_template("report.html.jinja").render(
            course=content.course,
            facts=content.facts,
            notice=RESEARCH_NOTICE,
            period=period(content.course),
            shown=shown,
            pictured=pictured,
            targets=targets,
            linked={f"T{number}" for number in targets},
            window=(WINDOW_LEVEL_HU, WINDOW_WIDTH_HU),
            stored=STORED_HU,
            data=Markup(page_data(content)) if content.scene is not None else None,
            script=script,
            digest=_digest(script),
            plain=(INK, MUTED, ALARM),
            colors=(TARGET_COLOR, OTHERS_COLOR, LONG_COLOR, SHORT_COLOR),
        )
    with write_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def _targets(content: ReportContent, pictured: set[str]) -> dict[int, str]:
    """Where each tumour is in the page: among the pictures, or on the slices, by script."""
    numbers = [track.number for track in content.course.tracks]
    addresses = {n: f"#images-T{n}" for n in numbers if f"T{n}" in pictured}
    if content.scene is not None:
        return {n: addresses.get(n, "#workplace") for n in numbers}
    return addresses


def _script(environment: Environment, content: ReportContent) -> Markup:
    """All that the page runs, as one script, so that its digest allows it and nothing else."""
    names = ["report.js"]
    if content.scene is not None:
        names += [f"workplace/{name}.js" for name in _WORKPLACE]
    source = environment.loader
    assert source is not None
    parts = [source.get_source(environment, name)[0] for name in names]
    body = "\n".join(parts)
    # Nothing in a script may look like the end of it.
    return Markup(f'\n"use strict";\n(() => {{\n{body}\n}})();\n'.replace("</", "<\\/"))


def _digest(script: str) -> str:
    """The digest of a script as a Content-Security-Policy states it."""
    return "sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
