"""Plan the visits of a run: trees, segments, distances, remnants, meshes, pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lvt_track.core.volume import CLASSES, BoolArray, LabelArray, Masks
from lvt_track.errors import InputError
from lvt_track.io.images.volumes import (
    read_geometry,
    read_labels,
    read_mask,
    write_labels,
    write_masks,
)
from lvt_track.pipeline.planning.meshes import part_meshes, write_meshes
from lvt_track.pipeline.planning.record import PlanRecord
from lvt_track.pipeline.planning.settings import PlanSettings
from lvt_track.pipeline.run.folder import RunFolder, VisitFolder
from lvt_track.pipeline.run.output import make_folder
from lvt_track.pipeline.run.progress import Progress
from lvt_track.planning.resection.remnant import remnant_of, segments_taken, wedge_around
from lvt_track.planning.resection.spec import Resection
from lvt_track.planning.vessels.trees import VesselTrees
from lvt_track.planning.visit_plan import VisitPlan, plan_visit
from lvt_track.report.drawing.plan_views import plan_views, write_view
from lvt_track.report.drawing.planning import write_planning_pdf
from lvt_track.report.planning_tables import (
    PlannedResection,
    SiteRow,
    planning_table,
    remnant_table,
    vessels_table,
)
from lvt_track.report.tables import write_table

__all__ = ["Tracks", "VisitPlans", "plan_visits"]

Tracks = Mapping[str, Mapping[int, int]]
"""For each visit by its date, the track of each lesion by its label."""


@dataclass(frozen=True, eq=False)
class VisitPlans:
    """What was planned of all visits.

    Attributes:
        sites: planning.csv.
        remnants: remnant.csv.
        remarks: by visit, what a reader must know.
    """

    sites: pd.DataFrame
    remnants: pd.DataFrame
    remarks: tuple[str, ...]


def plan_visits(
    tracks: Tracks, folder: RunFolder, settings: PlanSettings, progress: Progress
) -> VisitPlans:
    """Plan every visit of a run whose masks and label maps are written, and write what is planned.

    Args:
        tracks: of every visit's lesions, the visits by date.
        folder: of the run.
        settings: what is asked.
        progress: hears of each visit and what a reader must know of it.

    Raises:
        InputError: when masks of a visit are gone.
        OutputError: when a file cannot be written.
    """
    PlanRecord.drop(folder)
    shown = settings.visit or max(tracks)
    settings = replace(settings, visit=shown)
    sites: list[SiteRow] = []
    planned: list[PlannedResection] = []
    remarks: list[str] = []
    trees: list[tuple[str, VesselTrees]] = []
    drawn: tuple[VisitPlan, dict[str, BoolArray]] | None = None
    progress.stage("plan", len(tracks))
    for date, labels in tracks.items():
        masks, lesions = _read_masks(folder.visit(date))
        plan = plan_visit(masks, lesions)
        if plan.trees is not None:
            trees.append((date, plan.trees))
        sites += [SiteRow(date, labels.get(site.label), site) for site in plan.sites]
        for text in plan.remarks:
            remarks.append(f"{date}: {text}")
            progress.warn(remarks[-1])
        rows, taken = _resections(plan, date, labels, settings)
        planned += rows
        _write_visit(folder.visit(date), plan, next(iter(taken.values()), None))
        if date == shown:
            drawn = (plan, taken)
        progress.step(date)
    plans = VisitPlans(planning_table(sites), remnant_table(planned), tuple(remarks))
    write_table(plans.sites, folder.table("planning"))
    write_table(plans.remnants, folder.table("remnant"))
    write_table(vessels_table(trees), folder.table("vessels"))
    for stale in (*folder.plan_drawings(), *(folder.visit(date).scene for date in tracks)):
        stale.unlink(missing_ok=True)
    if drawn is not None:
        plan, taken = drawn
        meshes = part_meshes(plan, taken, tracks[shown])
        write_meshes(meshes, folder.visit(shown))
        views = plan_views(plan, meshes, tracks[shown])
        pictures = make_folder(folder.visit(shown).views)
        for view in views:
            write_view(view, pictures / f"{view.key}.png")
        tables = (plans.sites, plans.remnants)
        write_planning_pdf(plan, shown, views, tables, folder.planning_pdf)
    return plans


def _resections(
    plan: VisitPlan, date: str, tracks: Mapping[int, int], settings: PlanSettings
) -> tuple[list[PlannedResection], dict[str, BoolArray]]:
    """What each resection leaves at a visit, and what it takes there, by its name."""
    rows, taken = [], {}
    for resection in settings.resections:
        mask, remark = _taken(resection, plan, tracks, date == settings.visit)
        remnant = None
        if mask is not None:
            remnant = remnant_of(mask, plan.masks, plan.lesions)
            taken[resection.name] = mask
        margin = resection.margin_mm if resection.tracks else None
        rows.append(
            PlannedResection(
                date, resection.name, margin, remnant, settings.standard_ml, tracks, remark
            )
        )
    return rows, taken


def _read_masks(folder: VisitFolder) -> tuple[Masks, LabelArray]:
    for path in (*(folder.mask(name) for name in CLASSES), folder.lesions):
        if not path.exists():
            raise InputError(
                "this mask of the visit is gone",
                path=path,
                remedy="Run `lvt track` with --resume to make it again",
            )
    geometry = read_geometry(folder.mask("liver"))
    liver, vessels, tumors = (read_mask(folder.mask(name), geometry) for name in CLASSES)
    lesions, grid = read_labels(folder.lesions)
    if not grid.is_close(geometry):
        raise InputError("lies on another grid than the liver", path=folder.lesions)
    return Masks(liver, vessels, tumors | (lesions > 0), geometry), lesions


def _taken(
    resection: Resection, plan: VisitPlan, tracks: Mapping[int, int], is_shown: bool
) -> tuple[BoolArray | None, str]:
    """What a plan takes at a visit, or why it cannot be done there; and a remark."""
    geometry = plan.masks.geometry
    taken = np.zeros(geometry.shape, dtype=bool)
    remarks = []
    if plan.trees is None:
        return None, plan.remarks[0]
    if resection.segments:
        if not plan.segments.any():
            reason = plan.territories.reason if plan.territories else "no liver"
            return None, f"segments are not told: {reason}"
        taken |= segments_taken(plan.segments, resection.segments)
    for track in resection.tracks:
        labels = [label for label, number in tracks.items() if number == track]
        if not labels:
            remarks.append(f"T{track} is not seen at this visit")
        for label in labels:
            taken |= wedge_around(plan.lesions == label, resection.margin_mm, geometry)
    if resection.mask is not None:
        if not is_shown:
            return None, "a mask is of one visit, that of --visit"
        taken |= read_mask(resection.mask, geometry)
    if resection.tracks and not taken.any():
        return None, "; ".join(remarks)
    return taken & (plan.masks.liver | plan.masks.tumors), "; ".join(remarks)


def _write_visit(folder: VisitFolder, plan: VisitPlan, taken: BoolArray | None) -> None:
    """Write the masks of a plan, of its resections the first."""
    like, geometry = folder.mask("liver"), plan.masks.geometry
    masks = {folder.portal: plan.portal, folder.hepatic: plan.hepatic}
    if taken is None:
        folder.resection.unlink(missing_ok=True)
    else:
        masks[folder.resection] = taken
    write_masks(masks, geometry, like)
    write_labels(plan.segments.astype(np.int32), geometry, folder.segments, like)
