"""How often the 95 % intervals of sizes hold the true one: readers' masks, and the model's."""

from __future__ import annotations

import csv
import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.lesion.caliper import Caliper
from lvt_track.core.lesion.lesion import Measurement
from lvt_track.core.lesion.size_error import DRAWN, READ, LesionIntervals, intervals_of
from lvt_track.measure.axes import measure_lesion
from lvt_track.phantom.course.radiologist import read_course
from lvt_track.phantom.course.truth import TrueLesion

__all__ = ["DRAWN_HEADER", "READ_HEADER", "drawn_rows", "read_mask_rows", "simulated_reader_rows"]

READ_HEADER = ("lesions", "size", "how many", "long axis", "short axis", "volume")
DRAWN_HEADER = READ_HEADER
LIMITS_MM = ((5.0, 10.0), (10.0, 20.0), (20.0, np.inf))
SLICES_MM = (1.0, 2.5, 5.0)
PIXEL_MM = 0.8
TABLE = Path(__file__).with_name("drawn_lesions.csv")
# The outline of a reader: larger or smaller all around, and here and there.
_ALL_AROUND_SD, _HERE_AND_THERE_SD = 0.075, 0.08
_KNOTS = 5
Hits = dict[tuple[str, str], list[tuple[bool, bool, bool]]]


def read_mask_rows(count: int, first_seed: int = 0) -> list[tuple[object, ...]]:
    """Coverage on masks as a reader might draw them in ellipsoids, measured by lvt."""
    hits: Hits = defaultdict(list)
    for seed in range(first_seed, first_seed + count):
        rng = np.random.default_rng([seed, 21])
        slices_mm = float(rng.choice(SLICES_MM))
        size_mm = float(np.exp(rng.uniform(np.log(5.0), np.log(50.0))))
        ratios = np.array([rng.uniform(0.7, 1.0), 1.0, rng.uniform(0.7, 1.0)])
        radii = size_mm / 2 * ratios
        mask, geometry = reader_mask(radii, slices_mm, rng)
        found = intervals_of(measure_lesion(mask, geometry), slices_mm, READ)
        truth = (size_mm, size_mm * ratios[2], 4 / 3 * np.pi * float(np.prod(radii)) / 1000)
        for group in (f"slices of {slices_mm:g} mm", "all"):
            hits[group, _size(size_mm)].append(_within(found, truth))
    return _rows("readers' masks, ", hits)


def reader_mask(
    radii_mm: FloatArray, slices_mm: float, rng: np.random.Generator
) -> tuple[np.ndarray, Geometry]:
    """An ellipsoid (z, y, x) as a reader might draw it, slice by slice."""
    spacing = np.array([slices_mm, PIXEL_MM, PIXEL_MM])
    half = np.ceil(1.5 * radii_mm.max() / spacing).astype(int) + 1
    offset = rng.uniform(-0.5, 0.5, 3)
    axes = (np.arange(-n, n + 1) for n in half)
    places = (np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1) + offset) * spacing
    z, y, x = np.moveaxis(places, -1, 0)
    angle = rng.uniform(0, np.pi)
    u, v = y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)
    radius = np.sqrt((z / radii_mm[0]) ** 2 + (u / radii_mm[1]) ** 2 + (v / radii_mm[2]) ** 2)
    around = np.arctan2(v / radii_mm[2], u / radii_mm[1])
    waves = rng.normal(0.0, 1.0, (2, _KNOTS)) / np.arange(1, _KNOTS + 1)
    waves /= np.sqrt((1.0 / np.arange(1, _KNOTS + 1) ** 2).sum())
    local = sum(
        a * np.cos((k + 1) * around) + b * np.sin((k + 1) * around)
        for k, (a, b) in enumerate(waves.T)
    )
    log_error = rng.normal(0.0, _ALL_AROUND_SD) + _HERE_AND_THERE_SD * local
    mask = radius < np.exp(log_error)
    if not mask.any():
        mask[tuple(half)] = True
    geometry = Geometry.axial(mask.shape, (slices_mm, PIXEL_MM, PIXEL_MM))
    return mask, geometry


def simulated_reader_rows(count: int, first_seed: int = 0) -> list[tuple[object, ...]]:
    """Coverage on the tables of `phantom.course.radiologist`, in whole millimetres."""
    hits: Hits = defaultdict(list)
    for seed in range(first_seed, first_seed + count):
        rng = np.random.default_rng([seed, 22])
        long_mm = float(np.exp(rng.uniform(np.log(6.0), np.log(50.0))))
        short_mm = long_mm * float(rng.uniform(0.7, 1.0))
        lesion = TrueLesion(0, 1, (1,), (0.0, 0.0, 0.0), 1.0, long_mm, short_mm)
        for one in read_course([dt.date(2024, 1, 1)], [[lesion]], [], seed):
            if one.long_axis_mm is not None and one.short_axis_mm is not None:
                size = _measurement(one.long_axis_mm, one.short_axis_mm, 1.0)
                found = intervals_of(size, 2.5, READ)
                hit = _within(found, (long_mm, short_mm, 1.0))
                hits["tables", _size(long_mm)].append(hit)
    rows = _rows("readers' ", hits)
    return [(*row[:-1], "–") for row in rows]


def drawn_rows(held_out: Callable[[int], bool]) -> Iterator[tuple[object, ...]]:
    """Coverage on the model's masks of the patients of `drawn_lesions.csv` that are held out."""
    hits: Hits = defaultdict(list)
    with TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["kind"] != "pair":
                continue
            group = "held out" if held_out(int(row["seed"])) else "fitted to"
            size = _measurement(
                *(float(row[f"drawn_{name}"]) for name in ("long_mm", "short_mm", "ml"))
            )
            found = intervals_of(size, float(row["slices_mm"]), DRAWN)
            truth = [float(row[f"true_{name}"]) for name in ("long_mm", "short_mm", "ml")]
            for name in (_size(truth[0]), "all sizes"):
                hits[group, name].append(_within(found, truth))
    yield from _rows("a model's masks, ", hits)


def _measurement(long_mm: float, short_mm: float, volume_ml: float) -> Measurement:
    nowhere = (0.0, 0.0, 0.0)
    axes = (Caliper(nowhere, nowhere, length) for length in (long_mm, short_mm))
    return Measurement(volume_ml, *axes, 0)


def _size(size_mm: float) -> str:
    for low, high in LIMITS_MM:
        if size_mm < high:
            return f"over {low:g} mm" if high == np.inf else f"{low:g} to {high:g} mm"
    raise AssertionError


def _within(found: LesionIntervals, truth: Sequence[float]) -> tuple[bool, bool, bool]:
    sides = (found.long_axis, found.short_axis, found.volume)
    a, b, c = (one.low <= size <= one.high for one, size in zip(sides, truth, strict=True))
    return a, b, c


def _rows(prefix: str, hits: Hits) -> list[tuple[object, ...]]:
    names = [_size(low) for low, _ in LIMITS_MM] + ["all sizes"]
    order = sorted(hits, key=lambda key: (key[0], names.index(key[1])))
    return [
        (
            *(prefix + group, size, len(hits[group, size])),
            *(f"{100 * share:.1f} %" for share in np.mean(hits[group, size], axis=0)),
        )
        for group, size in order
    ]
