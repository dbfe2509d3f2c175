"""The pages of a plan: views, segments by slice, distances and remnants."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from lvt_track.planning.lattice import lattice_around
from lvt_track.planning.resection.remnant import REFERENCE_PERCENT
from lvt_track.planning.vessels.trees import VesselTrees
from lvt_track.planning.visit_plan import LesionSite, VisitPlan
from lvt_track.report.drawing.pdf_pages import pdf_pages
from lvt_track.report.drawing.planning_colours import PARTS, SEGMENTS
from lvt_track.report.drawing.volume_views import (
    FROM_BELOW,
    FROM_FRONT,
    Part,
    View,
    draw_view,
    view_along,
)

__all__ = ["write_planning_pdf"]

_A4 = (8.27, 11.69)
_VIEW_MM = 1.4
_MOST_ROWS = 18
_FOOT = "For research, not for clinical use. Made by lvt plan."


def write_planning_pdf(
    plan: VisitPlan, date: str, tables: tuple[pd.DataFrame, pd.DataFrame], path: Path
) -> None:
    """Write the pages of a plan.

    Args:
        plan: of the visit that is drawn.
        date: of the visit.
        tables: planning.csv and remnant.csv.
        path: of the PDF.

    Raises:
        OutputError: when it cannot be written.
    """
    with pdf_pages(path, {"Creator": "lvt"}) as pages:
        if plan.trees is not None:
            pages.savefig(_views(plan, plan.trees, date))
            if plan.segments.any():
                pages.savefig(_slices(plan, date))
        pages.savefig(_figures(plan, date, *tables))


def _views(plan: VisitPlan, trees: VesselTrees, date: str) -> Figure:
    whole = plan.masks.liver | plan.masks.tumors
    lattice = lattice_around(whole | plan.portal | plan.hepatic, plan.masks.geometry, _VIEW_MM)
    parts = [Part("liver", lattice.mask(plan.masks.liver), PARTS["liver"], is_glass=True)]
    cava = trees.cava_on_scan(plan.masks)
    hepatic = plan.hepatic if cava is None else plan.hepatic & ~cava
    for name, label, mask in (
        ("portal", "portal vein", plan.portal),
        ("hepatic", "hepatic veins", hepatic),
        ("cava", "vena cava", cava),
        ("unknown", "vessel of unknown tree", plan.unknown),
        ("tumor", "tumours", plan.masks.tumors),
    ):
        if mask is not None and mask.any():
            parts.append(Part(label, lattice.mask(mask), PARTS[name]))
    figure = _page("Liver, vessels and tumours", date)
    views = [FROM_FRONT, FROM_BELOW]
    nearest = _nearest_site(plan)
    if nearest is not None:
        views.append(_towards_vessel(nearest))
    places = [(0.06, 0.49, 0.88, 0.40), (0.04, 0.09, 0.46, 0.34), (0.50, 0.09, 0.46, 0.34)]
    for view, place in zip(views, places, strict=False):
        picture, pixel_mm = draw_view(parts, view, _VIEW_MM)
        _show(figure, picture, pixel_mm, view, place)
    handles = [Patch(color=part.colour, label=part.name) for part in parts]
    figure.legend(
        handles=handles, loc="upper center", ncols=3, bbox_to_anchor=(0.5, 0.925), fontsize=8
    )
    return figure


def _show(figure: Figure, picture: Any, pixel_mm: float, view: View, place: Any) -> None:
    axes = figure.add_axes(place)
    filled = np.argwhere((picture < 0.999).any(axis=2))
    low, high = filled.min(axis=0) - 4, filled.max(axis=0) + 4
    picture = picture[max(low[0], 0) : high[0], max(low[1], 0) : high[1]]
    height, width = picture.shape[:2]
    axes.imshow(
        picture, extent=(0, width * pixel_mm, 0, height * pixel_mm), interpolation="bilinear"
    )
    axes.plot([5, 55], [-6, -6], color="black", linewidth=2, clip_on=False)
    axes.text(30, -9, "50 mm", ha="center", va="top", fontsize=7)
    middle = height * pixel_mm / 2
    axes.text(-3, middle, view.sides[0], ha="right", fontsize=9)
    axes.text(width * pixel_mm + 3, middle, view.sides[1], fontsize=9)
    axes.set_title(view.name, fontsize=9)
    axes.axis("off")


def _nearest_site(plan: VisitPlan) -> LesionSite | None:
    near = [site for site in plan.sites if "vessel" in site.gaps]
    return min(near, key=lambda site: site.gaps["vessel"].distance_mm, default=None)


def _towards_vessel(site: LesionSite) -> View:
    """A view across the shortest way from a tumour to its nearest vessel."""
    gap = site.gaps["vessel"]
    way = np.array(gap.end_mm) - np.array(gap.start_mm)
    across = np.cross(way, [0.0, 0.0, 1.0])
    if np.linalg.norm(across) < 1e-3:
        across = np.array([0.0, 1.0, 0.0])
    if across[1] < 0:
        across = -across
    return view_along(f"across lesion {site.label} and its nearest vessel", across)


def _slices(plan: VisitPlan, date: str) -> Figure:
    figure = _page("Segments by Couinaud", date)
    lattice = lattice_around(plan.masks.liver, plan.masks.geometry, _VIEW_MM)
    names = lattice.from_scan(plan.segments)
    portal, hepatic = lattice.mask(plan.portal), lattice.mask(plan.hepatic)
    tumors = lattice.mask(plan.masks.tumors)
    used = np.flatnonzero((names > 0).any(axis=(1, 2)))
    chosen = np.linspace(used[0], used[-1], 8).round().astype(int)[1:-1][::-1]
    colours = ListedColormap(["white", *SEGMENTS.values()])
    for number, z in enumerate(chosen):
        row, column = divmod(number, 2)
        axes = figure.add_axes((0.05 + 0.47 * column, 0.64 - 0.275 * row, 0.43, 0.25))
        axes.imshow(names[z], cmap=colours, vmin=0, vmax=8, interpolation="nearest")
        for mask, colour in ((portal, "black"), (hepatic, "white"), (tumors, "red")):
            if mask[z].any():
                axes.contour(mask[z], [0.5], colors=colour, linewidths=1.0)
        for segment in range(1, 9):
            spots = np.argwhere(names[z] == segment)
            if len(spots) > 60:
                y, x = spots[np.abs(spots - spots.mean(axis=0)).sum(axis=1).argmin()]
                axes.text(x, y, str(segment), fontsize=10, weight="bold", ha="center", va="center")
        height = lattice.geometry.to_world([z, 0, 0])[2]
        axes.set_title(f"z = {height:.0f} mm, seen from below", fontsize=8)
        axes.axis("off")
    sources = plan.territories.sources if plan.territories is not None else {}
    by = "; ".join(
        f"{', '.join(str(n) for n in sorted(sources) if sources[n] == how)} by {how}"
        for how in sorted(set(sources.values()))
    )
    figure.text(
        0.06,
        0.055,
        f"Outlines: portal black, hepatic white, tumours red. Segments {by}; sectors between the "
        "hepatic veins.",
        fontsize=7,
    )
    return figure


def _figures(plan: VisitPlan, date: str, sites: pd.DataFrame, remnants: pd.DataFrame) -> Figure:
    figure = _page("Distances and remnants", date)
    here = sites[sites["date"] == date]
    columns = [
        ("lesion", "lesion"),
        ("track", "track"),
        ("segments", "segments"),
        ("surface_mm", "surface"),
        ("vessel_mm", "vessel"),
        ("portal_mm", "portal"),
        ("hepatic_mm", "hepatic"),
        ("cava_mm", "cava"),
        ("contact_degrees", "contact °"),
        ("contact_length_mm", "contact mm"),
    ]
    _table(figure, (0.06, 0.52, 0.88, 0.36), "Distances of each tumour, mm", here, columns)
    shown = [
        ("date", "date"),
        ("resection", "resection"),
        ("resected_ml", "taken mL"),
        ("remnant_functional_ml", "remains mL"),
        ("remnant_percent", "% of liver"),
        ("remnant_percent_of_standard", "% of standard"),
        ("tumors_left", "tumours left"),
        ("least_margin_mm", "least margin mm"),
        ("growth_percent_per_week", "growth %/week"),
    ]
    if len(remnants):
        _table(figure, (0.06, 0.30, 0.88, 0.19), "Remnants (functional liver)", remnants, shown)
        _bars(figure, remnants)
    for line, text in enumerate(plan.remarks):
        figure.text(0.06, 0.075 - 0.012 * line, f"Note: {text}", fontsize=7)
    return figure


def _table(
    figure: Figure, place: Any, title: str, rows: pd.DataFrame, columns: list[tuple[str, str]]
) -> None:
    axes = figure.add_axes(place)
    axes.axis("off")
    if len(rows) > _MOST_ROWS:
        title = f"{title} (the first {_MOST_ROWS} of {len(rows)}; all are in the tables)"
    axes.set_title(title, fontsize=9, loc="left")
    if len(rows) == 0:
        axes.text(0, 0.9, "none", fontsize=8, va="top")
        return
    cells = [[_cell(row[key]) for key, _ in columns] for _, row in rows.head(_MOST_ROWS).iterrows()]
    table = axes.table(
        cells, colLabels=[label for _, label in columns], loc="upper center", edges="B"
    )
    table.auto_set_font_size(False)
    table.set_fontsize(7)
    table.auto_set_column_width(list(range(len(columns))))


def _cell(value: Any) -> str:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return "–"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _bars(figure: Figure, remnants: pd.DataFrame) -> None:
    known = remnants.dropna(subset=["remnant_percent"])
    if len(known) == 0:
        return
    axes = figure.add_axes((0.34, 0.11, 0.58, 0.15))
    labels = [f"{row.resection}, {row.date}" for row in known.itertuples()]
    axes.barh(labels, known["remnant_percent"], color="#0072b2", height=0.6)
    for percent in REFERENCE_PERCENT:
        axes.axvline(percent, color="black", linestyle=":", linewidth=1)
        axes.text(percent, -0.55, f"{percent:.0f} %", fontsize=6, ha="center")
    axes.set_xlim(0, 100)
    axes.invert_yaxis()
    axes.set_xlabel(
        "remnant, % of functional liver; lines: 20, 30, 40 % of the literature", fontsize=7
    )
    axes.tick_params(labelsize=7)


def _page(title: str, date: str) -> Figure:
    figure = Figure(figsize=_A4)
    figure.text(0.06, 0.955, title, fontsize=14, weight="bold")
    figure.text(0.94, 0.955, date, fontsize=10, ha="right")
    figure.text(0.06, 0.02, _FOOT, fontsize=7, color="#555555")
    return figure
