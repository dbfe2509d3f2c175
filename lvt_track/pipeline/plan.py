"""Plan resections from a run of `lvt track`: trees, segments, distances, remnants, meshes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lvt_track.core.quantities import segment_names
from lvt_track.core.volume import CLASSES, BoolArray, LabelArray, Masks
from lvt_track.errors import InputError, UsageError
from lvt_track.io.images.volumes import (
    read_geometry,
    read_labels,
    read_mask,
    write_labels,
    write_masks,
)
from lvt_track.pipeline.plan_meshes import part_meshes, write_meshes
from lvt_track.pipeline.run.folder import RunFolder, VisitFolder
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.pipeline.run.output import make_folder
from lvt_track.pipeline.run.progress import Progress
from lvt_track.planning.resection.remnant import (
    remnant_of,
    segments_taken,
    standard_liver_ml,
    wedge_around,
)
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

__all__ = ["PlanResult", "PlanSettings", "plan_run"]


@dataclass(frozen=True)
class PlanSettings:
    """What is asked.

    Attributes:
        visit: date of the visit that is drawn; the last when None.
        resections: plans, each by itself.
        weight_kg, height_cm: of the patient; None where not given.
    """

    visit: str | None = None
    resections: tuple[Resection, ...] = ()
    weight_kg: float | None = None
    height_cm: float | None = None

    def standard_ml(self) -> float | None:
        """Liver volume to be expected; None without weight and height.

        Raises:
            UsageError: when only one is given, or no adult has it.
        """
        if self.weight_kg is None and self.height_cm is None:
            return None
        if self.weight_kg is None or self.height_cm is None:
            raise UsageError("--weight-kg and --height-cm are needed together")
        try:
            return standard_liver_ml(self.weight_kg, self.height_cm)
        except ValueError as error:
            raise UsageError(str(error)) from error


@dataclass(frozen=True, eq=False)
class PlanResult:
    """What was planned.

    Attributes:
        folder: of the run.
        sites: planning.csv.
        remnants: remnant.csv.
        remarks: by visit, what a reader must know.
    """

    folder: Path
    sites: pd.DataFrame
    remnants: pd.DataFrame
    remarks: tuple[str, ...]

    def facts(self) -> dict[str, object]:
        """The result as plain values."""
        return {
            "folder": str(self.folder),
            "planning": _plain(self.sites),
            "remnant": _plain(self.remnants),
            "remarks": list(self.remarks),
        }

    def summary(self) -> str:
        """The result in a few lines."""
        lines = []
        for row in _plain(self.sites):
            near = ", ".join(
                f"{name} {row[f'{name}_mm']:.1f} mm"
                for name in ("surface", "portal", "hepatic", "cava")
                if row[f"{name}_mm"] is not None
            )
            where = f"segments {row['segments']}" if row["segments"] else "segment not told"
            track = "-" if row["track"] is None else f"T{row['track']}"
            lines.append(f"{row['date']}  {track:4} {where:16} {near}")
        for row in _plain(self.remnants):
            if row["remnant_percent"] is None:
                lines.append(f"{row['date']}  {row['resection']}: {row['remark']}")
                continue
            left = f"{row['tumors_left']} tumours left"
            lines.append(
                f"{row['date']}  {row['resection']}: {row['remnant_functional_ml']:.0f} mL remain, "
                f"{row['remnant_percent']:.0f} % of the functional liver, {left}"
            )
        lines.append(f"planning: {RunFolder(self.folder).planning_pdf}")
        return "\n".join(lines)


def plan_run(out: Path, settings: PlanSettings, progress: Progress) -> PlanResult:
    """Plan the visits of a run, and write tables, masks, meshes and pages beside its results.

    Raises:
        InputError: when `out` is no run or its masks are gone.
        UsageError: when a visit or tumour is not there.
        OutputError: when a file cannot be written.
    """
    standard_ml = settings.standard_ml()
    manifest, folder = Manifest.read(out), RunFolder(out)
    dates = sorted(manifest.visits)
    shown = settings.visit or dates[-1]
    if shown not in dates:
        raise UsageError(f"there is no visit {shown}", remedy=f"Say one of {', '.join(dates)}")
    tracks = _tracks(folder)
    _check_tracks(settings.resections, tracks)
    _check_masks(settings.resections, folder.visit(shown))
    sites: list[SiteRow] = []
    planned: list[PlannedResection] = []
    remarks: list[str] = []
    trees: list[tuple[str, VesselTrees]] = []
    progress.stage("plan", len(dates))
    drawn: tuple[VisitPlan, dict[str, BoolArray]] | None = None
    for date in dates:
        masks, lesions = _read_masks(folder.visit(date))
        plan = plan_visit(masks, lesions)
        if plan.trees is not None:
            trees.append((date, plan.trees))
        of_visit = tracks.get(date, {})
        sites += [SiteRow(date, of_visit.get(site.label), site) for site in plan.sites]
        for text in plan.remarks:
            remarks.append(f"{date}: {text}")
            progress.warn(remarks[-1])
        taken: dict[str, BoolArray] = {}
        for resection in settings.resections:
            mask, remark = _taken(resection, plan, of_visit, date == shown)
            remnant = None if mask is None else remnant_of(mask, masks, lesions)
            if mask is not None:
                taken[resection.name] = mask
            margin = resection.margin_mm if resection.tracks else None
            planned.append(
                PlannedResection(
                    date, resection.name, margin, remnant, standard_ml, of_visit, remark
                )
            )
        _write_visit(folder.visit(date), plan, next(iter(taken.values()), None))
        if date == shown:
            drawn = (plan, taken)
        progress.step(date)
    result = PlanResult(out, planning_table(sites), remnant_table(planned), tuple(remarks))
    write_table(result.sites, folder.table("planning"))
    _name_segments(sites, folder)
    write_table(result.remnants, folder.table("remnant"))
    write_table(vessels_table(trees), folder.table("vessels"))
    assert drawn is not None
    plan, taken = drawn
    for stale in folder.plan_drawings():
        stale.unlink()
    meshes = part_meshes(plan, taken, tracks.get(shown, {}))
    write_meshes(meshes, folder.visit(shown))
    views = plan_views(plan, meshes, tracks.get(shown, {}))
    pictures = make_folder(folder.visit(shown).views)
    for view in views:
        write_view(view, pictures / f"{view.key}.png")
    tables = (result.sites, result.remnants)
    write_planning_pdf(plan, shown, views, tables, folder.planning_pdf)
    return result


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


def _tracks(folder: RunFolder) -> dict[str, dict[int, int]]:
    """For each visit, the track of each lesion."""
    path = folder.table("lesions")
    try:
        table = pd.read_csv(path, usecols=["date", "lesion", "track"], dtype={"date": str})
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read ({error})", path=path) from error
    tracks: dict[str, dict[int, int]] = {}
    for date, lesion, track in table.dropna().itertuples(index=False):
        tracks.setdefault(str(date), {})[int(lesion)] = int(track)
    return tracks


def _name_segments(sites: Sequence[SiteRow], folder: RunFolder) -> None:
    """Write the segments into lesions.csv, whose other cells stay as they are."""
    path = folder.table("lesions")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    names = {(row.date, str(row.site.label)): segment_names(row.site.segments) for row in sites}
    keys = zip(table["date"], table["lesion"], strict=True)
    table["segments"] = [names.get(key, "") for key in keys]
    write_table(table, path)


def _check_tracks(resections: Sequence[Resection], tracks: dict[str, dict[int, int]]) -> None:
    known = sorted({track for of_visit in tracks.values() for track in of_visit.values()})
    for resection in resections:
        for track in resection.tracks:
            if track not in known:
                names = ", ".join(f"T{number}" for number in known) or "none"
                raise UsageError(f"there is no tumour T{track}", remedy=f"There are {names}")


def _check_masks(resections: Sequence[Resection], visit: VisitFolder) -> None:
    """Refuse a mask of another grid before anything is planned."""
    for resection in resections:
        if resection.mask is not None and visit.mask("liver").exists():
            read_mask(resection.mask, read_geometry(visit.mask("liver")))


def _taken(
    resection: Resection, plan: VisitPlan, tracks: dict[int, int], is_shown: bool
) -> tuple[BoolArray | None, str]:
    """What a plan takes at a visit, or why it cannot be done there; and a remark."""
    geometry = plan.masks.geometry
    taken = np.zeros(geometry.shape, dtype=bool)
    remarks = []
    if plan.trees is None:
        return None, "no liver"
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


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    plain = table.astype(object).where(table.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]
