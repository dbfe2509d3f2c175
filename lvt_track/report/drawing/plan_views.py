"""The pictures of a plan: from the front, from below, a tumour with its nearest vessel, and what
each resection takes. They are kept as PNG files, so that a later report shows the same."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from lvt_track.io.files import write_whole
from lvt_track.planning.meshes import Mesh
from lvt_track.planning.visit_plan import LesionSite, VisitPlan
from lvt_track.report.drawing.planning_colours import PARTS
from lvt_track.report.drawing.solid_views import (
    FROM_BELOW,
    FROM_FRONT,
    Part,
    Picture,
    draw_view,
    draw_views,
    view_along,
)

__all__ = ["PlanView", "draw_plan_view", "plan_views", "read_view", "write_view"]

_PIXEL_MM, _CLOSE_PIXEL_MM = 1.0, 0.4
_LEAST_HALF_MM = 25.0
_MOST_RESECTIONS = 3
_NAMES = (
    ("portal", "portal vein"),
    ("hepatic", "hepatic veins"),
    ("cava", "vena cava"),
    ("vessel_unknown", "vessels of unknown tree"),
)
_FACTS = "lvt"


@dataclass(frozen=True, eq=False)
class PlanView:
    """One picture with what is written on it.

    Attributes:
        key: names its file.
        title: above it.
        rgb: rows, columns, 3; 8 bit.
        pixel_mm: edge of a pixel.
        sides: what lies at its left and right edge.
        legend: name and colour of each part.
        gap: columns and rows of both ends of the shortest way that it shows; None for none.
    """

    key: str
    title: str
    rgb: NDArray[np.uint8]
    pixel_mm: float
    sides: tuple[str, str]
    legend: tuple[tuple[str, str], ...]
    gap: tuple[float, float, float, float] | None = None


def plan_views(
    plan: VisitPlan, meshes: Mapping[str, Mesh], tracks: Mapping[int, int]
) -> tuple[PlanView, ...]:
    """The pictures of a visit; none without a liver.

    Args:
        plan: of the visit.
        meshes: its surfaces by name.
        tracks: track of each lesion.
    """
    if "liver" not in meshes:
        return ()
    parts = list(_parts(meshes))
    taken = [
        Part(_taken_name(name), (meshes[name],), PARTS["resection"], is_glass=True)
        for name in [name for name in meshes if name.startswith("resection_")][:_MOST_RESECTIONS]
    ]
    front, *cuts = draw_views(parts, [(), *((cut,) for cut in taken)], FROM_FRONT, _PIXEL_MM)
    views = [_view("front", front, parts)]
    views.append(_view("below", draw_view(parts, FROM_BELOW, _PIXEL_MM), parts))
    site = _nearest_site(plan)
    if site is not None:
        views.append(_close(site, parts, tracks))
    for number, (cut, picture) in enumerate(zip(taken, cuts, strict=True), start=1):
        shown = [*parts, replace(cut, name="taken")]
        views.append(_view(f"resection{number}", picture, shown, f"taken: {cut.name}"))
    return tuple(views)


def _taken_name(name: str) -> str:
    return name.removeprefix("resection_").replace("_", " ")


def _parts(meshes: Mapping[str, Mesh]) -> Iterator[Part]:
    yield Part("liver", (meshes["liver"],), PARTS["liver"], is_glass=True)
    for key, name in _NAMES:
        if key in meshes:
            colour = PARTS["unknown" if key == "vessel_unknown" else key]
            yield Part(name, (meshes[key],), colour)
    tumors = [mesh for key, mesh in meshes.items() if key.startswith(("tumor_", "lesion_"))]
    if tumors:
        yield Part("tumours", tuple(tumors), PARTS["tumor"])


def _view(key: str, picture: Picture, parts: list[Part], title: str = "") -> PlanView:
    legend = tuple((part.name, part.colour) for part in parts)
    view = picture.view
    return PlanView(key, title or view.name, picture.rgb, picture.pixel_mm, view.sides, legend)


def _nearest_site(plan: VisitPlan) -> LesionSite | None:
    """The tumour that is nearest to a vessel; of several that touch one, that which does most."""
    near = [site for site in plan.sites if "vessel" in site.gaps]
    return min(
        near,
        key=lambda site: (site.gaps["vessel"].distance_mm, -site.contact_degrees),
        default=None,
    )


def _close(site: LesionSite, parts: list[Part], tracks: Mapping[int, int]) -> PlanView:
    """Across the shortest way from a tumour to its nearest vessel, as far from the front as can
    be; the liver is left out."""
    gap = site.gaps["vessel"]
    start, end = np.array(gap.start_mm), np.array(gap.end_mm)
    solid = [part for part in parts if not part.is_glass]
    points = np.concatenate([m.vertices_mm for p in solid if p.name == "tumours" for m in p.meshes])
    near = points[np.linalg.norm(points - start, axis=1) < 2 * _LEAST_HALF_MM]
    middle = near.mean(axis=0) if len(near) else start
    way = end - (middle if gap.distance_mm < 1.0 else start)
    way /= max(float(np.linalg.norm(way)), 1e-6)
    front = np.array([0.0, 1.0, 0.0])
    across = front - (front @ way) * way
    if np.linalg.norm(across) < 0.2:
        across = np.array([0.0, 0.0, 1.0]) - way[2] * way
    name = f"T{tracks[site.label]}" if site.label in tracks else f"lesion {site.label}"
    half_mm = _LEAST_HALF_MM + gap.distance_mm
    view = view_along(
        f"{name} and its nearest vessel: {gap.distance_mm:.1f} mm",
        across,
        (0.5 * (start + end), half_mm),
    )
    picture = draw_view(solid, view, _CLOSE_PIXEL_MM)
    drawn = _view("nearest", picture, solid)
    ends = (*picture.pixel_of(start), *picture.pixel_of(end)) if gap.distance_mm > 0 else None
    return PlanView(
        drawn.key, drawn.title, drawn.rgb, drawn.pixel_mm, drawn.sides, drawn.legend, ends
    )


def draw_plan_view(axes: Axes, view: PlanView) -> None:
    """Draw a picture with its scale, its sides and the shortest way."""
    rows, columns = view.rgb.shape[:2]
    axes.imshow(view.rgb, interpolation="none")
    if view.gap is not None:
        x0, y0, x1, y1 = view.gap
        axes.plot([x0, x1], [y0, y1], color="black", linewidth=1.2)
        axes.plot([x0, x1], [y0, y1], ".", color="black", markersize=3)
    scale_mm = 50 if columns * view.pixel_mm > 120 else 10
    wide = scale_mm / view.pixel_mm
    left, base = 0.02 * columns, rows * 1.02
    axes.plot([left, left + wide], [base, base], color="black", linewidth=1.5, clip_on=False)
    axes.text(left + wide / 2, base + 0.01 * rows, f"{scale_mm} mm", ha="center", va="top", size=6)
    for text, x, align in ((view.sides[0], 0.0, "right"), (view.sides[1], columns, "left")):
        axes.text(x, rows / 2, f" {text} ", ha=align, va="center", size=8)
    axes.set_xlim(0, columns)
    axes.set_ylim(base, 0)
    axes.set(xticks=[], yticks=[])
    axes.axis("off")


def write_view(view: PlanView, path: Path) -> None:
    """Write a picture as PNG, with what is written on it in the file's text.

    Raises:
        OutputError: when the file cannot be written.
    """
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    facts = {
        "title": view.title,
        "pixel_mm": view.pixel_mm,
        "sides": view.sides,
        "legend": view.legend,
        "gap": view.gap,
    }
    info = PngInfo()
    info.add_text(_FACTS, json.dumps(facts))
    with write_whole(path) as temporary, temporary.open("wb") as file:
        Image.fromarray(view.rgb).save(file, "PNG", pnginfo=info)


def read_view(path: Path) -> PlanView | None:
    """Read a picture that `write_view` wrote; None where the file is none."""
    from PIL import Image

    try:
        with Image.open(path) as image:
            facts = json.loads(image.info[_FACTS])
            rgb = np.asarray(image.convert("RGB"))
        legend = tuple((str(name), str(colour)) for name, colour in facts["legend"])
        sides = (str(facts["sides"][0]), str(facts["sides"][1]))
        gap = None if facts["gap"] is None else tuple(float(v) for v in facts["gap"])
        assert gap is None or len(gap) == 4
        return PlanView(
            path.stem, str(facts["title"]), rgb, float(facts["pixel_mm"]), sides, legend, gap
        )
    except (OSError, KeyError, ValueError, TypeError, AssertionError):
        return None
