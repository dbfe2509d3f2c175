"""The pages of a plan: views, segments by slice, distances and remnants."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.patheffects import withStroke

from lvt_track.planning.lattice import Lattice, lattice_around
from lvt_track.planning.resection.remnant import REFERENCE_PERCENT
from lvt_track.planning.visit_plan import VisitPlan
from lvt_track.report.drawing.pdf_pages import pdf_pages
from lvt_track.report.drawing.plan_views import PlanView, draw_plan_view
from lvt_track.report.drawing.planning_colours import SEGMENTS

__all__ = ["write_planning_pdf"]

_A4 = (8.27, 11.69)
_VIEW_MM = 1.25
_ROW = 0.0135  # of a page's height
_LETTERS = 110  # in a line of a table
_FOOT = "For research, not for clinical use. Made by lvt plan."


def write_planning_pdf(
    plan: VisitPlan,
    date: str,
    views: Sequence[PlanView],
    tables: tuple[pd.DataFrame, pd.DataFrame],
    path: Path,
) -> None:
    """Write the pages of a plan.

    Args:
        plan: of the visit that is drawn.
        date: of the visit.
        views: its pictures.
        tables: planning.csv and remnant.csv.
        path: of the PDF.

    Raises:
        OutputError: when it cannot be written.
    """
    with pdf_pages(path, {"Creator": "lvt"}) as pages:
        if views:
            pages.savefig(_views(views, date))
        if plan.segments.any():
            pages.savefig(_slices(plan, date))
        pages.savefig(_figures(plan, date, *tables))


def _views(views: Sequence[PlanView], date: str) -> Figure:
    figure = _page("Liver, vessels and tumours", date)
    places = [(0.08, 0.52, 0.84, 0.35), (0.05, 0.285, 0.43, 0.20), (0.52, 0.285, 0.43, 0.20)]
    places += [(0.05 + 0.31 * k, 0.065, 0.28, 0.17) for k in range(3)]
    for view, place in zip(views, places, strict=False):
        axes = figure.add_axes(place)
        draw_plan_view(axes, view)
        axes.set_title(view.title, fontsize=9)
    legend = dict(entry for view in views for entry in view.legend)
    figure.legend(
        handles=[Patch(color=colour, label=name) for name, colour in legend.items()],
        loc="upper center",
        ncols=4,
        bbox_to_anchor=(0.5, 0.94),
        fontsize=8,
    )
    return figure


def _slices(plan: VisitPlan, date: str) -> Figure:
    figure = _page("Segments by Couinaud", date)
    part = plan.masks.crop(plan.box)
    grid = lattice_around(part.liver, part.geometry, _VIEW_MM).geometry
    stacks = (plan.segments, plan.portal, plan.hepatic, plan.masks.tumors)
    images = [stack[plan.box].view(np.uint8) for stack in stacks]
    colours = ListedColormap(["white", *SEGMENTS.values()])
    for number, z in enumerate(np.linspace(grid.shape[0], 0, 8).astype(int)[1:-1]):
        row, column = divmod(number, 2)
        slab = Lattice(grid.crop((slice(z, z + 1), slice(None), slice(None))), part.geometry)
        names, portal, hepatic, tumors = (slab.from_scan(image)[0] for image in images)
        axes = figure.add_axes((0.05 + 0.47 * column, 0.64 - 0.275 * row, 0.43, 0.25))
        axes.imshow(names, cmap=colours, vmin=0, vmax=8, interpolation="none")
        for mask, colour in ((portal, "black"), (hepatic, "white"), (tumors, "red")):
            if mask.any():
                axes.contour(mask, [0.5], colors=colour, linewidths=1.0)
        for segment in range(1, 9):
            spots = np.argwhere(names == segment)
            if len(spots) > 60:
                y, x = spots[np.abs(spots - spots.mean(axis=0)).sum(axis=1).argmin()]
                axes.text(
                    x,
                    y,
                    str(segment),
                    fontsize=10,
                    weight="bold",
                    ha="center",
                    va="center",
                    path_effects=[withStroke(linewidth=2.5, foreground="white")],
                )
        height = grid.to_world([z, 0, 0])[2]
        axes.set_title(f"z = {height:.0f} mm, seen from below", fontsize=8)
        axes.set(xticks=[], yticks=[])
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
    of_visit = sites[sites["date"] == date]
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
    low = 0.52 if len(remnants) else 0.14
    place = (0.06, low, 0.88, 0.88 - low)
    _table(figure, place, "Distances of each tumour, mm", of_visit, columns)
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
    axes.set(xticks=[], yticks=[])
    axes.axis("off")
    most = int(place[3] / _ROW) - 1  # below the names of the columns
    if len(rows) > most:
        title = f"{title} (the first {most} of {len(rows)}; all are in the tables)"
    axes.set_title(title, fontsize=9, loc="left")
    if len(rows) == 0:
        axes.text(0, 0.9, "none", fontsize=8, va="top")
        return
    shown = [[_cell(value) for value in rows[key].head(most)] for key, _ in columns]
    wide = [
        2 + max(len(text) for text in (label, *cells))
        for (_, label), cells in zip(columns, shown, strict=True)
    ]
    starts = np.cumsum([0, *wide]) / max(sum(wide), _LETTERS)
    for start, (_, label), cells in zip(starts, columns, shown, strict=False):
        text = {"x": start, "va": "top", "fontsize": 7, "linespacing": 1.6}
        axes.text(y=1.0, s=label, weight="bold", **text)
        axes.annotate(
            "\n".join(cells),
            (start, 1.0),
            (0, -13),
            "axes fraction",
            "offset points",
            va="top",
            fontsize=7,
            linespacing=1.6,
        )


def _cell(value: Any) -> str:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return "–"
    return f"{value:.1f}" if isinstance(value, float) else str(value)


def _bars(figure: Figure, remnants: pd.DataFrame) -> None:
    known = remnants.dropna(subset=["remnant_percent"])
    if len(known) == 0:
        return
    axes = figure.add_axes((0.34, 0.13, 0.58, 0.13))
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
