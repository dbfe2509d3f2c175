"""What a run tells that needs its scans, or time: attenuation, growth, distances, registration.

Parts of `self_consistency.py`: numpy, scipy and SimpleITK alone, nothing of lvt.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk
from scipy.spatial import cKDTree

__all__ = ["attenuation", "distances", "growth", "registration"]

Tables = Mapping[str, pd.DataFrame]
Array = np.ndarray
Masked = Callable[[str, str], tuple[Array, Array]]
"""A mask (x, y, z) of a visit by date and name, and its affine in LPS mm."""

HALF_HU, HALF_PERCENT, HALF_DAYS = 0.0501, 0.0501, 0.0501
DAYS_PER_MONTH = 365.25 / 12
LEAST_GROWTH = 1.2


def attenuation(folder: Path, tables: Tables, mask: Masked) -> Iterator[str]:
    """Mean HU of each lesion from its scan, where that is one file or one series and still there.

    A scan on another grid than the masks was rearranged when it was read, and is left out; so is
    every scan of a run without `--identify`, whose manifest does not say where it lies.
    """
    inputs = json.loads((folder / "run.json").read_text(encoding="utf-8"))["inputs"]
    for item in inputs:
        path = Path(item["path"])
        if item["role"] != "scan" or not path.exists():
            continue
        labels, affine = mask(item["visit"], "lesions")
        scan = _read(path)
        if scan.GetSize() != labels.shape or not np.allclose(scan.GetOrigin(), affine[:3, 3]):
            continue
        hu = sitk.GetArrayFromImage(scan).transpose(2, 1, 0)
        rows = tables["lesions"]
        for row in rows[rows["date"] == item["visit"]].itertuples():
            true = float(hu[labels == row.lesion].mean(dtype=np.float64))
            if not abs(row.mean_hu - true) <= HALF_HU:
                yield f"{row.date} lesion {row.lesion} mean_hu: told {row.mean_hu}, is {true:.2f}"


def _read(path: Path) -> sitk.Image:
    if path.is_file():
        return sitk.ReadImage(str(path))
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(path)))
    return reader.Execute()


def growth(tables: Tables) -> Iterator[str]:
    """Doubling times and growth per month follow from volumes and dates; none where a scan cuts."""
    lesions = tables["lesions"]
    cut = set(lesions.loc[lesions["cut"], ["date", "track"]].itertuples(index=False, name=None))
    for row in tables["tracks"].itertuples():
        ends = {(row.first_seen, row.track), (row.last_seen, row.track)}
        days = (pd.Timestamp(row.last_seen) - pd.Timestamp(row.first_seen)).days
        told = (row.doubling_time_days, row.monthly_growth_percent, row.volume_change_percent)
        if days == 0 or ends & cut:
            if any(not pd.isna(value) for value in told):
                yield f"track {row.track}: {told} though there is nothing to compare"
            continue
        ratio = row.last_volume_ml / row.first_volume_ml
        # What half a unit of the last digit of both volumes can do.
        slack = 0.0006 * (1 / row.first_volume_ml + 1 / row.last_volume_ml)
        rate = math.log(ratio) / days
        monthly = 100 * math.expm1(rate * DAYS_PER_MONTH)
        reach = HALF_PERCENT + 100 * math.expm1(slack * DAYS_PER_MONTH / days) * (1 + monthly / 100)
        if not abs(row.monthly_growth_percent - monthly) <= reach:
            told_percent = row.monthly_growth_percent
            yield f"track {row.track} monthly growth: told {told_percent}, is {monthly:.2f}"
        if ratio < LEAST_GROWTH * (1 - slack):
            if not pd.isna(row.doubling_time_days):
                yield f"track {row.track}: doubles in {row.doubling_time_days}, grew {ratio:.2f}"
        elif ratio > LEAST_GROWTH * (1 + slack):
            doubling = math.log(2) / rate
            reach = HALF_DAYS + doubling * slack / math.log(ratio)
            if not abs(row.doubling_time_days - doubling) <= reach:
                told_days = row.doubling_time_days
                yield f"track {row.track} doubling time: told {told_days}, is {doubling:.1f}"


def registration(tables: Tables) -> Iterator[str]:
    """Qualities of a registration can be what they are called, and no links cross a failed one."""
    visits = tables["visits"].set_index("date")
    for date, row in visits.iterrows():
        if not (pd.isna(row["liver_dice"]) or 0 <= row["liver_dice"] <= 1):
            yield f"{date}: liver_dice {row['liver_dice']}"
        for name in ("surface_distance_mm", "inverse_error_mm"):
            if row[name] < 0:
                yield f"{date}: {name} {row[name]}"
    failed = set(visits.index[visits["registration_is_reliable"].eq(False)])
    for edge in tables["edges"].itertuples():
        if edge.source == "auto" and {edge.date_a, edge.date_b} & failed:
            yield f"edge {edge.date_a} to {edge.date_b}: one of them could not be aligned"


def distances(folder: Path, mask: Masked) -> Iterator[str]:
    """Distances of planning.csv: to the vessels' voxels, and between the two points that it names.

    Between borders of boxes, which lie at most a voxel's diagonal nearer than their centres.
    """
    path = folder / "planning.csv"
    if not path.exists():
        return
    for row in pd.read_csv(path).to_dict("records"):
        labels, affine = mask(row["date"], "lesions")
        diagonal = float(np.linalg.norm(affine[:3, :3], axis=0) @ np.ones(3))
        own = _places(labels == row["lesion"], affine)
        for name in ("surface", "vessel", "portal", "hepatic", "cava"):
            told = row.get(f"{name}_mm", np.nan)
            if pd.isna(told):
                continue
            where = f"planning.csv {row['date']} lesion {row['lesion']} {name}_mm"
            ends = [[row[f"{p}_{c}_mm"] for c in "xyz"] for p in (f"{name}_tumor", name)]
            between = math.dist(*ends)
            if not between - diagonal <= told <= between + 0.02:
                yield f"{where}: told {told}, its points are {between:.2f} apart"
            if name != "vessel":
                continue
            vessels = _places(mask(row["date"], "vessels")[0] > 0, affine)
            nearest = float(cKDTree(vessels).query(own)[0].min())
            if not nearest - diagonal <= told <= nearest + 0.02:
                yield f"{where}: told {told}, centres of voxels are {nearest:.2f} apart"


def _places(inside: Array, affine: Array) -> Array:
    """Centres (n, 3) of voxels, LPS mm."""
    places: Array = np.argwhere(inside) @ affine[:3, :3].T + affine[:3, 3]
    return places
