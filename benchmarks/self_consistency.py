"""Every number that a run tells, worked out again from its masks and tables alone.

    python benchmarks/self_consistency.py OUT [OUT ...]

`OUT` are folders that `lvt track` filled. Nothing of lvt is imported: volumes, places, lesions and
tracks are recomputed with numpy and scipy from `visits/*/*.nii.gz`, tables are held against one
another, and what PDF and HTML print against the tables. Prints what differs, and exits with 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk
from scipy import ndimage
from scipy.spatial.distance import pdist

from consistency.documents import documents
from consistency.imaging import attenuation, distances, growth, registration

# Half a unit of the last digit that a table prints, and a little for the float.
HALF_MM, HALF_ML, HALF_PERCENT = 0.0501, 0.000501, 0.0501


class Run:
    """A folder of results."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        names = ("visits", "lesions", "edges", "tracks", "response", "phases", "lookback")
        self.tables = {name: pd.read_csv(folder / f"{name}.csv") for name in names}

    def mask(self, date: str, name: str) -> tuple[np.ndarray, np.ndarray]:
        """A mask (x, y, z) of a visit and its affine (LPS mm)."""
        image = sitk.ReadImage(str(self.folder / "visits" / date / f"{name}.nii.gz"))
        affine = np.eye(4)
        affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
        affine[:3, 3] = image.GetOrigin()
        return sitk.GetArrayFromImage(image).transpose(2, 1, 0), affine


def differ(where: str, told: float, true: float, tolerance: float) -> Iterator[str]:
    """A complaint where two numbers differ; both unknown is the same."""
    if np.isnan(told) and np.isnan(true):
        return
    if not abs(told - true) <= tolerance:
        yield f"{where}: told {told:g}, worked out {true:g}"


def visits(run: Run) -> Iterator[str]:
    """Volumes, burden and the count of lesions of each visit."""
    for row in run.tables["visits"].itertuples():
        lesions, affine = run.mask(row.date, "lesions")
        voxel_ml = abs(np.linalg.det(affine[:3, :3])) / 1000
        yield from differ(f"{row.date} lesions", row.lesions, len(np.unique(lesions)) - 1, 0)
        for name, told in (("liver", row.liver_ml), ("vessels", row.vessels_ml)):
            volume_ml = np.count_nonzero(run.mask(row.date, name)[0]) * voxel_ml
            yield from differ(f"{row.date} {name}_ml", told, volume_ml, HALF_ML)
        tumors_ml = np.count_nonzero(lesions) * voxel_ml
        yield from differ(f"{row.date} tumors_ml", row.tumors_ml, tumors_ml, HALF_ML)
        if row.liver_ml > 0:
            burden = 100 * row.tumors_ml / row.liver_ml
            yield from differ(f"{row.date} burden_percent", row.burden_percent, burden, 0.06)


def lesions(run: Run) -> Iterator[str]:
    """Place, volume and lengths of each lesion; each is one component of the mask."""
    table = run.tables["lesions"]
    for date, rows in table.groupby("date"):
        labels, affine = run.mask(str(date), "lesions")
        voxel_ml = abs(np.linalg.det(affine[:3, :3])) / 1000
        boxes = ndimage.find_objects(labels.astype(int))
        for row in rows.itertuples():
            where = f"{date} lesion {row.lesion}"
            box = boxes[row.lesion - 1]
            index = np.argwhere(labels[box] == row.lesion) + [side.start for side in box]
            if ndimage.label(labels[box] == row.lesion, np.ones((3, 3, 3)))[1] != 1:
                yield f"{where}: not one component"
            yield from differ(f"{where} volume_ml", row.volume_ml, len(index) * voxel_ml, HALF_ML)
            world = index @ affine[:3, :3].T + affine[:3, 3]
            for axis, told in enumerate((row.x_mm, row.y_mm, row.z_mm)):
                true = world[:, axis].mean()
                yield from differ(f"{where} {'xyz'[axis]}_mm", told, true, HALF_MM)
            yield from lengths(where, row, world, affine)


def lengths(where: str, row: object, world: np.ndarray, affine: np.ndarray) -> Iterator[str]:
    """Caliper ends lie as far apart as is told, and the long axis spans the mask's widest slice."""
    told = row._asdict()  # type: ignore[attr-defined]
    for name in ("long", "short"):
        ends = [
            np.array([told[f"{name}_axis_{end}_{c}_mm"] for c in "xyz"]) for end in ("start", "end")
        ]
        apart = float(np.linalg.norm(ends[1] - ends[0]))
        yield from differ(f"{where} {name} caliper", told[f"{name}_axis_mm"], apart, 0.2)
    if told["short_axis_mm"] > told["long_axis_mm"]:
        yield f"{where}: the short axis is longer than the long one"
    drawn = told.get("drawn_long_axis_mm")
    long_mm = told["long_axis_mm"] if drawn is None or np.isnan(drawn) else drawn
    pixel_mm = float(np.linalg.norm(affine[:3, 0]))
    heights = np.round(world @ [0, 0, 1], 2)
    widest = max(
        (pdist(rim(world[heights == z])).max(initial=0.0) for z in np.unique(heights)), default=0.0
    )
    # Between the outermost centres and the outermost edges of pixels.
    if not widest - 2 * pixel_mm <= long_mm <= widest + 1.5 * pixel_mm:
        yield f"{where} long_axis_mm: told {long_mm:g}, centres are {widest:g} apart"


def rim(points: np.ndarray) -> np.ndarray:
    """Of many points of a slice the extreme ones along 32 directions."""
    if len(points) < 200:
        return points
    angles = np.arange(64) * np.pi / 32
    along = points[:, :2] @ np.stack([np.cos(angles), np.sin(angles)])
    return points[np.unique(along.argmax(axis=0))]


def tracks(run: Run) -> Iterator[str]:
    """Tracks hold each lesion once; volumes and diameters are sums; edges stay inside one track."""
    table, found = run.tables["tracks"], run.tables["lesions"]
    if set(found["track"]) != set(table["track"]):
        yield f"tracks: {sorted(set(found['track']) ^ set(table['track']))} stand in one table"
    track_of = found.set_index(["date", "lesion"])["track"].to_dict()
    for edge in run.tables["edges"].itertuples():
        ends = {track_of[edge.date_a, edge.lesion_a], track_of[edge.date_b, edge.lesion_b]}
        if ends != {edge.track}:
            yield f"edge {edge.date_a} {edge.lesion_a}: of tracks {ends}, told {edge.track}"
    for row in table.itertuples():
        here = found[found["track"] == row.track]
        sums = here.groupby("date")[["volume_ml", "long_axis_mm"]].sum().sort_index()
        where, parts = f"track {row.track}", len(here)
        if (row.first_seen, row.last_seen) != (sums.index[0], sums.index[-1]):
            yield f"{where}: seen {sums.index[0]} to {sums.index[-1]}, told otherwise"
        yield from differ(f"{where} visits_seen", row.visits_seen, len(sums), 0)
        for end, values in (("first", sums.iloc[0]), ("last", sums.iloc[-1])):
            volume_ml, long_mm = values["volume_ml"], values["long_axis_mm"]
            told_ml, told_mm = (getattr(row, f"{end}_{x}") for x in ("volume_ml", "diameter_mm"))
            yield from differ(f"{where} {end}_volume_ml", told_ml, volume_ml, parts * HALF_ML)
            yield from differ(f"{where} {end}_diameter_mm", told_mm, long_mm, parts * HALF_MM)
        ends = here[here["date"].isin([row.first_seen, row.last_seen])]
        if len(sums) > 1 and not ends["cut"].any():
            first, last = sums["volume_ml"].iloc[[0, -1]]
            change = 100 * (last - first) / first
            slack = HALF_PERCENT + 100 * parts * HALF_ML * (1 + last / first) / first
            yield from differ(f"{where} volume_change", row.volume_change_percent, change, slack)
            first, last = sums["long_axis_mm"].iloc[[0, -1]]
            change = 100 * (last - first) / first
            told = row.diameter_change_percent
            yield from differ(f"{where} diameter_change", told, change, HALF_PERCENT)


def responses(run: Run) -> Iterator[str]:
    """Changes follow from the sums, nadirs are the least before, and visits.csv says the same."""
    for criterion, rows in run.tables["response"].groupby("criterion"):
        sums = rows["sum_ml"].fillna(rows["sum_mm"])
        nadirs = (
            rows["nadir_ml"].fillna(rows["nadir_mm"]) if "nadir_ml" in rows else rows["nadir_mm"]
        )
        known: list[float] = []
        for row, total, nadir in zip(rows.itertuples(), sums, nadirs, strict=True):
            where = f"{row.date} {criterion}"
            if known and not np.isnan(total):
                change = 100 * (total - known[0]) / known[0] if known[0] else np.nan
                told = row.change_from_baseline_percent
                yield from differ(f"{where} from baseline", told, change, 0.5)
            if known and not np.isnan(nadir):
                yield from differ(f"{where} nadir", nadir, min(known), HALF_MM)
            if not np.isnan(total):
                known.append(total)
    leading = run.tables["response"].query("criterion == 'RECIST 1.1'").set_index("date")
    for row in run.tables["visits"].itertuples():
        if row.date in leading.index:
            told = leading.loc[row.date]
            if told["category"] != row.response:
                yield f"{row.date}: response {row.response}, in response.csv {told['category']}"
            yield from differ(
                f"{row.date} sum", row.sum_of_diameters_mm, float(told["sum_mm"]), 1e-6
            )


def phases(run: Run) -> Iterator[str]:
    """Differences between contrast phases follow from their volumes, those from the masks."""
    liver = run.tables["visits"].set_index("date")["liver_ml"]
    for date, rows in run.tables["phases"].groupby("date"):
        reference = rows[rows["is_reference"]]
        if len(reference) != 1:
            yield f"{date} phases: {len(reference)} of {len(rows)} are the reference"
            continue
        for name, prefix in (("liver_ml", ""), ("tumors_ml", "tumors_")):
            against = (
                ("deviation_percent", float(reference[name].iloc[0])),
                ("deviation_from_mean_percent", float(rows[name].mean())),
            )
            for row in rows.itertuples():
                for column, base in against:
                    told = getattr(row, prefix + column)
                    true = 100 * (getattr(row, name) - base) / base if base else np.nan
                    slack = 0.0051 + 100 * 2 * HALF_ML / max(base, 1e-6)
                    yield from differ(f"{date} {row.phase} {prefix}{column}", told, true, slack)
        # Compared over the range that all phases cover: no more than the whole.
        if float(reference["liver_ml"].iloc[0]) > liver[date] + HALF_ML:
            yield f"{date} phases: more liver in the common range than in the visit"


def lookbacks(run: Run) -> Iterator[str]:
    """Looks back are at tumours that begin later, as many days earlier as is told."""
    first_seen = run.tables["tracks"].set_index("track")["first_seen"]
    for row in run.tables["lookback"].itertuples():
        where = f"lookback T{row.track} {row.date}"
        if row.date_found != first_seen[row.track] or row.date >= row.date_found:
            yield f"{where}: found {row.date_found}, in tracks.csv {first_seen[row.track]}"
        days = (pd.Timestamp(row.date_found) - pd.Timestamp(row.date)).days
        yield from differ(f"{where} days_earlier", row.days_earlier, days, 0)


def complaints(folder: Path, *, with_paper: bool = True) -> Iterator[str]:
    """Everything that does not agree in a folder; reading the PDF needs `pdftotext`."""
    run = Run(folder)
    for check in (visits, lesions, tracks, responses, phases, lookbacks):
        yield from check(run)
    yield from attenuation(folder, run.tables, run.mask)
    yield from growth(run.tables)
    yield from registration(run.tables)
    yield from distances(folder, run.mask)
    yield from documents(folder, run.tables, with_paper)
    dates = run.tables["visits"]["date"].tolist()
    if any(a >= b for a, b in pairwise(dates)):
        yield f"visits are not in order: {dates}"


def main() -> None:
    """Check every folder; exit code 1 where a number differs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", metavar="OUT", type=Path, nargs="+")
    differing = 0
    for folder in parser.parse_args().folders:
        differences = list(complaints(folder))
        differing += len(differences)
        print(f"{folder}: {len(differences) or 'nothing'} differs", *differences, sep="\n  ")
    sys.exit(min(differing, 1))


if __name__ == "__main__":
    main()
