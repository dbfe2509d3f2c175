"""`lvt plan`: plan resections from a run of `lvt track`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lvt_track.errors import InputError, UsageError
from lvt_track.io.images.volumes import read_geometry, read_mask
from lvt_track.pipeline.planning.record import PlanRecord
from lvt_track.pipeline.planning.settings import PlanSettings
from lvt_track.pipeline.planning.visits import Tracks, VisitPlans, plan_visits
from lvt_track.pipeline.run.folder import RunFolder, VisitFolder
from lvt_track.pipeline.run.lock import locked
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.pipeline.run.progress import Progress
from lvt_track.planning.resection.spec import Resection
from lvt_track.report.tables import write_table

__all__ = ["PlanResult", "plan_run"]


@dataclass(frozen=True, eq=False)
class PlanResult:
    """What was planned.

    Attributes:
        folder: of the run.
        plans: tables and remarks.
    """

    folder: Path
    plans: VisitPlans

    def facts(self) -> dict[str, object]:
        """The result as plain values."""
        return {
            "folder": str(self.folder),
            "planning": _plain(self.plans.sites),
            "remnant": _plain(self.plans.remnants),
            "remarks": list(self.plans.remarks),
        }

    def summary(self) -> str:
        """The result in a few lines."""
        lines = []
        for row in _plain(self.plans.sites):
            near = ", ".join(
                f"{name} {row[f'{name}_mm']:.1f} mm"
                for name in ("surface", "portal", "hepatic", "cava")
                if row[f"{name}_mm"] is not None
            )
            where = f"segments {row['segments']}" if row["segments"] else "segment not told"
            track = "-" if row["track"] is None else f"T{row['track']}"
            lines.append(f"{row['date']}  {track:4} {where:16} {near}")
        for row in _plain(self.plans.remnants):
            if row["remnant_percent"] is None:
                lines.append(f"{row['date']}  {row['resection']}: {row['remark']}")
                continue
            count = row["tumors_left"]
            left = f"{count} tumour{'' if count == 1 else 's'} left"
            remark = f"; {row['remark']}" if row["remark"] else ""
            lines.append(
                f"{row['date']}  {row['resection']}: {row['remnant_functional_ml']:.0f} mL remain, "
                f"{row['remnant_percent']:.0f} % of the functional liver, {left}{remark}"
            )
        lines.append(f"planning: {RunFolder(self.folder).planning_pdf}")
        return "\n".join(lines)


def plan_run(out: Path, settings: PlanSettings, progress: Progress) -> PlanResult:
    """Plan the visits of a run, and write tables, masks, meshes and pages beside its results.

    Raises:
        InputError: when `out` is no run or its masks are gone.
        UsageError: when a visit or tumour is not there, or another run writes here.
        OutputError: when a file cannot be written.
    """
    manifest, folder = Manifest.read(out), RunFolder(out)
    dates = sorted(manifest.visits)
    shown = settings.visit or dates[-1]
    if shown not in dates:
        raise UsageError(f"there is no visit {shown}", remedy=f"Say one of {', '.join(dates)}")
    tracks = _tracks(folder, dates)
    _check_tracks(settings.resections, tracks)
    _check_masks(settings.resections, folder.visit(shown))
    with locked(out):
        plans = plan_visits(tracks, folder, settings, progress)
        _name_segments(plans.sites, folder)
        PlanRecord.of(tracks, folder, settings, plans.remarks).write(folder)
    return PlanResult(out, plans)


def _tracks(folder: RunFolder, dates: Sequence[str]) -> Tracks:
    """For each visit, the track of each lesion, as the table of lesions has it."""
    path = folder.table("lesions")
    try:
        table = pd.read_csv(path, usecols=["date", "lesion", "track"], dtype={"date": str})
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read ({error})", path=path) from error
    tracks: dict[str, dict[int, int]] = {date: {} for date in dates}
    for date, lesion, track in table.dropna().itertuples(index=False):
        tracks.setdefault(str(date), {})[int(lesion)] = int(track)
    return tracks


def _name_segments(sites: pd.DataFrame, folder: RunFolder) -> None:
    """Write the segments into lesions.csv, whose other cells stay as they are."""
    path = folder.table("lesions")
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    lesions = zip(sites["date"], sites["lesion"].astype(str), strict=True)
    names = dict(zip(lesions, sites["segments"], strict=True))
    keys = zip(table["date"], table["lesion"], strict=True)
    table["segments"] = [names.get(key, "") for key in keys]
    write_table(table, path)


def _check_tracks(resections: Sequence[Resection], tracks: Tracks) -> None:
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


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    plain = table.astype(object).where(table.notna(), None)
    return [{str(key): value for key, value in row.items()} for row in plain.to_dict("records")]
