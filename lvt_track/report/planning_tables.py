"""planning.csv and remnant.csv, column by column as docs/use/outputs.md describes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lvt_track.core.quantities import segment_names
from lvt_track.planning.resection.remnant import Remnant
from lvt_track.planning.vessels.trees import HEPATIC, PORTAL, UNKNOWN, VesselTrees
from lvt_track.planning.visit_plan import TARGETS, LesionSite

__all__ = ["PlannedResection", "SiteRow", "planning_table", "remnant_table", "vessels_table"]

_PER_WEEK = 7.0


@dataclass(frozen=True)
class SiteRow:
    """A lesion's site, with its visit and track."""

    date: str
    track: int | None
    site: LesionSite


@dataclass(frozen=True)
class PlannedResection:
    """One plan at one visit.

    Attributes:
        date: of the visit, ISO.
        name: of the plan.
        margin_mm: around tumours that are taken by themselves; None for other plans.
        remnant: what it leaves; None where it cannot be done at this visit.
        standard_ml: liver volume to be expected of this patient; None where not asked.
        tracks: track of each lesion label of the visit.
        remark: why it cannot be done, or what a reader must know.
    """

    date: str
    name: str
    margin_mm: float | None
    remnant: Remnant | None
    standard_ml: float | None
    tracks: Mapping[int, int]
    remark: str


def planning_table(rows: Sequence[SiteRow]) -> pd.DataFrame:
    """planning.csv: one row per lesion and visit."""
    earlier: dict[int, float] = {}
    records = []
    for row in rows:
        site = row.site
        record: dict[str, Any] = {"date": row.date, "lesion": site.label, "track": row.track}
        for name in TARGETS:
            gap = site.gaps.get(name)
            record[f"{name}_mm"] = None if gap is None else round(gap.distance_mm, 2)
        record["contact_degrees"] = round(site.contact_degrees, 1)
        record["contact_length_mm"] = round(site.contact_length_mm, 1)
        record["segments"] = segment_names(site.segments)
        record["contact_with"] = site.contact_with
        before = earlier.get(row.track) if row.track is not None else None
        change = None if before is None else round(site.contact_degrees - before, 1)
        record["contact_change_degrees"] = change
        if row.track is not None:
            earlier[row.track] = site.contact_degrees
        record["outside_liver_percent"] = round(100 * site.outside_share, 1)
        for name in TARGETS:
            gap = site.gaps.get(name)
            for prefix, end in ((f"{name}_tumor", "start_mm"), (name, "end_mm")):
                place = (None,) * 3 if gap is None else getattr(gap, end)
                for axis, value in zip("xyz", place, strict=True):
                    record[f"{prefix}_{axis}_mm"] = None if value is None else round(value, 2)
        records.append(record)
    return pd.DataFrame(records, columns=_planning_columns()).astype({"track": "Int64"})


def _planning_columns() -> list[str]:
    ends = [
        f"{prefix}_{axis}_mm"
        for name in TARGETS
        for prefix in (f"{name}_tumor", name)
        for axis in "xyz"
    ]
    return [
        "date",
        "lesion",
        "track",
        *(f"{name}_mm" for name in TARGETS),
        "contact_degrees",
        "contact_length_mm",
        "segments",
        "contact_with",
        "contact_change_degrees",
        "outside_liver_percent",
        *ends,
    ]


_VESSEL_COLUMNS = [
    "date",
    "branch",
    "tree",
    "confidence",
    "length_mm",
    "radius_mm",
    *(f"{end}_{axis}_mm" for end in ("start", "end") for axis in "xyz"),
    "bridged",
]
_TREES = {UNKNOWN: "unknown", PORTAL: "portal", HEPATIC: "hepatic"}


def vessels_table(trees: Sequence[tuple[str, VesselTrees]]) -> pd.DataFrame:
    """vessels.csv: one row per branch and visit, given the date and trees of each."""
    records = []
    for date, its in trees:
        rows = zip(its.graph.branches, its.kinds, its.confidence, strict=True)
        for number, (branch, kind, confidence) in enumerate(rows):
            ends = np.round(branch.points_mm[[0, -1]], 1).ravel()
            size = (round(branch.length_mm, 1), round(branch.calibre_mm, 2))
            values = (date, number + 1, _TREES[int(kind)], round(float(confidence), 2), *size)
            records.append((*values, *ends, number in its.graph.bridged))
    return pd.DataFrame(records, columns=_VESSEL_COLUMNS)


_REMNANT_COLUMNS = [
    "date",
    "resection",
    "margin_mm",
    "resected_ml",
    "remnant_ml",
    "remnant_percent",
    "tumors_left",
    "least_margin_mm",
    "resected_functional_ml",
    "remnant_functional_ml",
    "standard_liver_ml",
    "remnant_percent_of_standard",
    "growth_percent",
    "growth_percent_per_week",
    "kinetic_growth_points_per_week",
    "margins",
    "remark",
]


def remnant_table(plans: Sequence[PlannedResection]) -> pd.DataFrame:
    """remnant.csv: one row per plan and visit; growth is from the visit before.

    The kinetic growth rate is the rise of the remnant's share of the standard volume, in points of
    a hundred per week (Shindoh et al., J Am Coll Surg 2013;216:201-209).
    """
    before: dict[tuple[str, float | None], tuple[str, float]] = {}
    records = []
    for plan in plans:
        record: dict[str, Any] = dict.fromkeys(_REMNANT_COLUMNS)
        record |= {"date": plan.date, "resection": plan.name, "margin_mm": plan.margin_mm}
        remarks = [plan.remark] if plan.remark else []
        remnant = plan.remnant
        if remnant is not None:
            remarks += remnant.remarks
            record |= _volumes(remnant, plan)
            key = (plan.name, plan.margin_mm)
            if key in before:
                now = (plan.date, remnant.remnant_functional_ml)
                record |= _growth(before[key], now, plan.standard_ml)
            before[key] = (plan.date, remnant.remnant_functional_ml)
        record["remark"] = "; ".join(remarks)
        records.append(record)
    return pd.DataFrame(records, columns=_REMNANT_COLUMNS)


def _volumes(remnant: Remnant, plan: PlannedResection) -> dict[str, Any]:
    percent, least = remnant.remnant_percent, remnant.least_margin_mm
    of_standard = None
    if plan.standard_ml:
        of_standard = round(100 * remnant.remnant_functional_ml / plan.standard_ml, 1)
    return {
        "resected_ml": round(remnant.resected_ml, 2),
        "remnant_ml": round(remnant.remnant_ml, 2),
        "remnant_percent": None if percent is None else round(percent, 2),
        "tumors_left": remnant.tumors_left,
        "least_margin_mm": None if least is None else round(least, 2),
        "resected_functional_ml": round(remnant.resected_functional_ml, 2),
        "remnant_functional_ml": round(remnant.remnant_functional_ml, 2),
        "standard_liver_ml": None if plan.standard_ml is None else round(plan.standard_ml, 1),
        "remnant_percent_of_standard": of_standard,
        "margins": "; ".join(_margin_words(remnant, plan.tracks)),
    }


def _margin_words(remnant: Remnant, tracks: Mapping[int, int]) -> list[str]:
    words = []
    for margin in remnant.margins:
        name = f"T{tracks[margin.label]}" if margin.label in tracks else f"lesion {margin.label}"
        if margin.is_cut:
            words.append(f"{name} cut through")
        elif margin.stays:
            words.append(f"{name} stays")
        elif margin.margin_mm is not None:
            words.append(f"{name} {margin.margin_mm:.1f} mm")
    return words


def _growth(
    before: tuple[str, float], now: tuple[str, float], standard_ml: float | None
) -> dict[str, Any]:
    days = (pd.Timestamp(now[0]) - pd.Timestamp(before[0])).days
    if before[1] <= 0 or days <= 0:
        return {}
    percent, weeks = 100.0 * (now[1] / before[1] - 1.0), days / _PER_WEEK
    points = 100.0 * (now[1] - before[1]) / standard_ml / weeks if standard_ml else None
    return {
        "growth_percent": round(percent, 2),
        "growth_percent_per_week": round(percent / weeks, 2),
        "kinetic_growth_points_per_week": None if points is None else round(points, 2),
    }
