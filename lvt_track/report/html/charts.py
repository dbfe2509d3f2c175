"""Charts as SVG inside the page, whose curves, dots and names lead to their tumours."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import Callable, Mapping
from io import BytesIO
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from markupsafe import Markup
from matplotlib.figure import Figure

from lvt_track.report.blocks import Chart
from lvt_track.report.drawing.track_links import TrackLink, parse_group_id

__all__ = ["ChartWriter", "chart_writer"]

_MM_PER_INCH = 25.4
_PX_PER_PT = 1.75
_REACH_PT = 7.0
"""Width of a curve to a mouse, which misses the curve itself."""

_REFERENCE = re.compile(r"(^|url\()#([^)]+)")

ChartWriter = Callable[[Chart, Mapping[int, str]], Markup]
"""Draws a chart; the mapping gives the address in the page of each track that can be gone to."""


def chart_writer() -> ChartWriter:
    """A writer of the charts of one page: no two of them share an id."""
    numbers = itertools.count(1)

    def write(chart: Chart, targets: Mapping[int, str]) -> Markup:
        return _svg(chart, targets, f"chart{next(numbers)}-")

    return write


def _svg(chart: Chart, targets: Mapping[int, str], prefix: str) -> Markup:
    """The picture is as much larger than the chart's axes as what is written around them."""
    figure = Figure(figsize=(chart.width_mm / _MM_PER_INCH, chart.height_mm / _MM_PER_INCH))
    chart.draw(figure.add_axes((0.0, 0.0, 1.0, 1.0)))
    file = BytesIO()
    figure.savefig(
        file, format="svg", transparent=True, bbox_inches="tight", metadata={"Date": None}
    )
    root = ElementTree.fromstring(file.getvalue())
    _strip(root)
    is_linked = _link(root, targets)
    _rename(root, prefix)
    width_pt = float(root.attrib["width"].removesuffix("pt"))
    root.attrib = {
        "class": "chart",
        "viewBox": root.attrib["viewBox"],
        "role": "group" if is_linked else "img",
        "aria-label": chart.title,
        "style": f"width: {round(width_pt * _PX_PER_PT)}px",
    }
    return Markup(ElementTree.tostring(root, encoding="unicode"))


def _strip(root: Element) -> None:
    """Leave out namespaces, which HTML has none of, and what would reach beyond the picture.

    The style sheet of a picture would be one of the whole page; `report.css` holds its one rule.
    """
    for parent in root.iter():
        for child in list(parent):
            if child.tag.rpartition("}")[2] in ("metadata", "style"):
                parent.remove(child)
    for one in root.iter():
        one.tag = one.tag.rpartition("}")[2]
        one.attrib = {name.rpartition("}")[2]: value for name, value in one.attrib.items()}


def _rename(root: Element, prefix: str) -> None:
    """Give every id that something refers to the prefix, and leave out the others."""
    referred: set[str] = set()
    for one in root.iter():
        if one.tag == "a":
            continue
        for name, value in one.attrib.items():
            if name in ("href", "clip-path"):
                referred |= {match[2] for match in _REFERENCE.finditer(value)}
                one.set(name, _REFERENCE.sub(rf"\1#{prefix}\2", value))
    for one in root.iter():
        known = one.attrib.pop("id", None)
        if known in referred:
            one.set("id", prefix + str(known))


def _link(root: Element, targets: Mapping[int, str]) -> bool:
    """Make links of the groups that stand for tracks; whether there are any."""
    names: set[int] = set()
    made: list[tuple[int, Element]] = []
    for group in list(root.iter("g")):
        links, is_name = parse_group_id(group.get("id", ""))
        marks = [(p, one) for p in group.iter() for one in p if one.tag == "use"]
        if links and not is_name and len(links) == len(marks):
            for link, (parent, mark) in zip(links, marks, strict=True):
                if link.track in targets:
                    anchor = _anchor(link, targets)
                    parent.insert(list(parent).index(mark), anchor)
                    parent.remove(mark)
                    anchor.append(mark)
                    made.append((link.track, anchor))
        elif len(links) == 1 and links[0].track in targets:
            anchor = _anchor(links[0], targets)
            anchor.extend(list(group))
            for parent in [group, *group.iter("g")] if not is_name else []:
                anchor.extend(_reach(one) for one in parent if one.tag == "path")
            for child in list(group):
                group.remove(child)
            group.append(anchor)
            if is_name:
                names.add(links[0].track)
                anchor.set("class", "name")
            made.append((links[0].track, anchor))
    # One stop of the keyboard for each track of a chart: at its name, if it has one.
    stopped: set[int] = set()
    for track, anchor in made:
        is_stop = anchor.get("class") == "name" or (track not in names and track not in stopped)
        if is_stop:
            stopped.add(track)
        else:
            anchor.set("tabindex", "-1")
    return bool(made)


def _anchor(link: TrackLink, targets: Mapping[int, str]) -> Element:
    anchor = Element("a", {"href": targets[link.track], "data-track": str(link.track)})
    title = ElementTree.SubElement(anchor, "title")
    title.text = f"T{link.track}"
    if link.date:
        anchor.set("data-date", link.date.isoformat())
        title.text += f", {link.date.isoformat()}"
    return anchor


def _reach(curve: Element) -> Element:
    """A wider, unseen copy of a curve."""
    wide = copy.copy(curve)
    wide.attrib = {name: v for name, v in curve.attrib.items() if name in ("d", "clip-path")}
    wide.set("class", "reach")
    wide.set("stroke-width", f"{_REACH_PT:g}")
    return wide
