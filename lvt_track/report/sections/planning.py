"""Section: what `lvt plan` said of the last visit, and of the plans at every visit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from lvt_track.report.blocks import (
    TEXT_WIDTH_MM,
    Block,
    Cell,
    Chart,
    Charts,
    Column,
    Table,
    Text,
)
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.plan_views import PlanView, draw_plan_view
from lvt_track.report.drawing.planning_colours import colour_name

__all__ = ["planning"]

_NOTE = (
    "From lvt plan, for research: planning.pdf shows the views and the segments by slice. "
    "Distances are between borders, mm, at the last visit; contact is the greatest share of the "
    "circumference of a vessel of 3 mm and more that a tumour touches."
)
_STALE = (
    "The plan was made of other lesions or tumour numbers than those of this report: run lvt plan "
    "again. Nothing of it is shown."
)
_REMNANT_NOTE = (
    "What remains is without tumours; 20, 30 and 40 % are the least remnants that the literature "
    "names for a healthy liver, after chemotherapy, and in cirrhosis: no advice."
)
_DASH = "–"
_VIEW_MM, _SIDE_MM = 46.0, 5.0
_SITES = (
    ("surface_mm", "Surface"),
    ("vessel_mm", "Vessel"),
    ("portal_mm", "Portal"),
    ("hepatic_mm", "Hepatic"),
    ("cava_mm", "Cava"),
)
_REMNANTS = (
    ("resected_ml", "Taken (mL)"),
    ("remnant_functional_ml", "Remains (mL)"),
    ("remnant_percent", "Of liver (%)"),
    ("remnant_percent_of_standard", "Of standard (%)"),
    ("tumors_left", "Tumours left"),
    ("least_margin_mm", "Least margin (mm)"),
)


def planning(content: ReportContent) -> Sequence[Block]:
    """Distances and remnants; nothing where no plan was made."""
    if not content.sites:
        return []
    if not _is_current(content):
        return [Text(_STALE)]
    last = content.course.visits[-1].visit.name
    last_sites = [row for row in content.sites if row["date"] == last]
    blocks: list[Block] = [Text(_NOTE)]
    if content.plan_remarks:
        blocks.append(Text(_remarks(content.plan_remarks), "What to know of the plan"))
    if content.plan_views:
        blocks += _pictures(content.plan_views)
    blocks.append(_site_table(last_sites))
    if content.remnants:
        blocks += [Text(_REMNANT_NOTE, "Remnants"), _remnant_table(content.remnants)]
    return blocks


def _remarks(remarks: Sequence[str]) -> str:
    """What was said of the visits, each sentence once, with the dates of those it is said of."""
    dates: dict[str, list[str]] = {}
    for remark in remarks:
        date, _, text = remark.partition(": ")
        dates.setdefault(text, []).append(date)
    return ". ".join(f"{', '.join(days)}: {text}" for text, days in dates.items()) + "."


def _pictures(views: Sequence[tuple[str, PlanView]]) -> list[Block]:
    charts = tuple(
        Chart(
            view.title,
            partial(draw_plan_view, view=view),
            _VIEW_MM,
            _VIEW_MM * view.rgb.shape[0] / view.rgb.shape[1],
            left_mm=_SIDE_MM,
            right_mm=_SIDE_MM,
        )
        for _, view in views
    )
    legend = dict(entry for _, view in views for entry in view.legend)
    words = ", ".join(f"{colour_name(colour)} {name}" for name, colour in legend.items())
    dates = ", ".join(dict.fromkeys(date for date, _ in views))
    return [Text(f"{dates}, drawn from the masks: {words}."), Charts(charts)]


def _is_current(content: ReportContent) -> bool:
    """Whether the plan knows the same lesions by the same tumours."""
    tracks = {key: str(track.number) for track in content.course.tracks for key in track.lesions}
    now = {
        (findings.visit.name, str(lesion.label), tracks.get(lesion.key, ""))
        for findings in content.course.visits
        for lesion in findings.lesions
    }
    return now == {(row["date"], row["lesion"], row["track"]) for row in content.sites}


def _site_table(rows: Sequence[Mapping[str, str]]) -> Table:
    wide = (TEXT_WIDTH_MM - 16.0 - 24.0 - 36.0) / len(_SITES)
    columns = (
        Column("Tumour", 16.0),
        Column("Segments", 24.0),
        *(Column(title, wide, "right") for _, title in _SITES),
        Column("Contact", 36.0),
    )
    return Table(columns, tuple(_site_row(row) for row in rows))


def _site_row(row: Mapping[str, str]) -> tuple[Cell, ...]:
    degrees = _number(row["contact_degrees"], 0)
    with_what = f"{row['contact_with']} {degrees}°" if row["contact_with"] else _DASH
    return (
        Cell((f"T{row['track']}" if row["track"] else f"lesion {row['lesion']}",), is_bold=True),
        Cell((row["segments"] or "not told",)),
        *(Cell((_number(row[key], 1),)) for key, _ in _SITES),
        Cell((with_what,)),
    )


def _remnant_table(rows: Sequence[Mapping[str, str]]) -> Table:
    wide = (TEXT_WIDTH_MM - 22.0 - 34.0) / len(_REMNANTS)
    columns = (
        Column("Date", 22.0),
        Column("Plan", 34.0),
        *(Column(title, wide, "right") for _, title in _REMNANTS),
    )
    return Table(columns, tuple(_remnant_row(row) for row in rows))


def _remnant_row(row: Mapping[str, str]) -> tuple[Cell, ...]:
    plan = (row["resection"], row["remark"]) if row["remark"] else (row["resection"],)
    return (
        Cell((row["date"],)),
        Cell(plan),
        *(Cell((_number(row[key], 0 if key == "tumors_left" else 1),)) for key, _ in _REMNANTS),
    )


def _number(text: str, decimals: int) -> str:
    return f"{float(text):.{decimals}f}" if text else _DASH
