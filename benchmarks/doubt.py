"""Are the shares to be believed? Categories against the truth on courses without images.

Ellipsoids that grow, shrink and appear over four visits are drawn into voxels, spoilt as a model
or a reader might, measured, and judged by RECIST 1.1; the truth is judged by the same rules. Which
lesion is which is given. The spoilt masks are those of `simulated_visit.corrupted`, in crops:
borders off by a voxel, and, in the third setting, 15 % of the lesions missed and 15 % false ones.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy import ndimage
from table import markdown_table, write_page

from lvt_track.agreement.coefficients import weighted_kappa
from lvt_track.core.assessment import Assessment, Role, Status
from lvt_track.core.geometry import Geometry
from lvt_track.core.quantities import reported_mm
from lvt_track.measure.axes import measure_lesion
from lvt_track.response.criteria.recist import RECIST_1_1
from lvt_track.response.doubt.doubts import Doubts
from lvt_track.response.doubt.shares import with_doubt
from lvt_track.response.timepoints.walk import classify

VISITS = 4
DATES = [dt.date(2024, 1, 1) + dt.timedelta(days=60 * k) for k in range(VISITS)]
SLICES_MM = (1.5, 2.5, 5.0)
PIXEL_MM = 0.8
ORDER = ("CR", "PR", "SD", "PD")
READER, BORDER, MODEL = "a reader's sizes", "borders off by a voxel", "and 15 % missed, 15 % false"
# One of two readers: limits of -22 to +25 % between them (Yoon et al. 2016).
_READER_SD = 0.085
_MISSED = _FALSE = 0.15
Rows = list[Assessment]


@dataclass(frozen=True)
class Judged:
    """One visit: what was told, with which share, and what is true."""

    told: str
    share: float
    truth: str


def main() -> None:
    """Write `docs/results/doubt.md`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--courses", type=int, default=200)
    args = parser.parse_args()
    header = (
        *("errors", "courses", "visits", "right", "weighted κ", "expected calibration error"),
        *("visits with a share of .9 and more", "of those right", "seconds of CPU a course"),
    )
    results: list[tuple[object, ...]] = []
    reliability: list[tuple[object, ...]] = []
    for setting in (READER, BORDER, MODEL):
        started = time.process_time()
        found = [one for seed in range(args.courses) for one in judge(seed, setting)]
        seconds = (time.process_time() - started) / args.courses
        sure = [one for one in found if one.share >= 0.9]
        results.append(
            (
                *(setting, args.courses, len(found), _right(found)),
                *(f"{kappa(found):.2f}", f"{calibration_error(found):.3f}"),
                *(len(sure), _right(sure), f"{seconds:.1f}"),
            )
        )
        reliability += [(setting, *row) for row in bins(found)]
    write_page(
        "doubt",
        "How sure a category is, against the truth",
        f"python benchmarks/doubt.py --courses {args.courses}",
        __doc__.split("\n\n", 1)[1].strip(),
        markdown_table(header, results),
        "## By the share that is told",
        markdown_table(("errors", "share", "visits", "mean share", "right"), reliability),
        "κ with linear weights over CR, PR, SD and PD, visits with another category left out. The "
        "calibration error is the mean distance of share and rate, by the bins above. No network "
        "drew these masks, and no link was doubtful: those parts are not measured here.",
    )


def judge(seed: int, setting: str) -> list[Judged]:
    """The visits of one course after the baseline."""
    rng = np.random.default_rng([seed, 5])
    truth = draw_course(rng)
    rows = spoilt(truth, setting, np.random.default_rng([seed, 6]))
    doubts = Doubts(frozenset(DATES) if setting != READER else frozenset())
    told = with_doubt(classify(rows, RECIST_1_1, DATES), rows, RECIST_1_1, DATES, doubts)
    true = classify(truth, RECIST_1_1, DATES)
    return [
        Judged(one.category, one.doubt.share_of(one.category), other.category)
        for one, other in zip(told, true, strict=True)
        if one.doubt is not None
    ]


def draw_course(rng: np.random.Generator) -> Rows:
    """The true rows: one to five lesions that change alike; some vanish, and some are new."""
    thickness_mm = float(rng.choice(SLICES_MM))
    drift = rng.normal(0.0, 0.15)
    rows: Rows = []
    for k in range(rng.integers(1, 6)):
        size_mm = float(np.exp(rng.uniform(np.log(9.0), np.log(45.0))))
        gone = rng.integers(1, VISITS) if rng.random() < 0.1 else VISITS
        for visit, date in enumerate(DATES):
            row = Assessment(date, f"T{k}", slice_thickness_mm=thickness_mm)
            is_gone = visit >= gone or size_mm < 4.0
            if is_gone:
                rows.append(replace(row, status=Status.ABSENT))
            else:
                rows.append(replace(row, long_axis_mm=reported_mm(size_mm)))
            size_mm *= float(np.exp(drift + rng.normal(0.0, 0.06)))
    if rng.random() < 0.25:
        size_mm, first = rng.uniform(6.0, 18.0), rng.integers(1, VISITS)
        for date in DATES[first:]:
            row = Assessment(date, "N", role=Role.NEW, slice_thickness_mm=thickness_mm)
            rows.append(replace(row, long_axis_mm=reported_mm(size_mm)))
            size_mm *= 1.15
    return rows


def spoilt(truth: Rows, setting: str, rng: np.random.Generator) -> Rows:
    """The rows as a reader or a model has them."""
    rows: Rows = []
    for row in truth:
        size_mm = row.long_axis_mm
        if size_mm is None:
            rows.append(row)
        elif setting == READER:
            read_mm = max(reported_mm(size_mm * float(np.exp(rng.normal(0.0, _READER_SD)))), 0.1)
            rows.append(replace(row, long_axis_mm=read_mm))
        elif setting == MODEL and rng.random() < _MISSED:
            rows.append(replace(row, long_axis_mm=None, status=Status.ABSENT))
        else:
            rows.append(replace(row, long_axis_mm=drawn_mm(row, rng)))
    start = {row.lesion for row in rows if row.date == DATES[0] and row.long_axis_mm is not None}
    later = [row for row in rows if row.lesion not in start]
    # What a model missed at the baseline looks new later.
    rows = [row for row in rows if row.lesion in start]
    rows += [replace(row, role=Role.NEW) for row in later if row.date > DATES[0]]
    if setting == MODEL:
        for k, date in enumerate(DATES):
            for n in range(rng.binomial(3, _FALSE)):
                size_mm = reported_mm(rng.uniform(5.0, 12.0))
                name, role = f"F{k}{n}", Role.NEW if k else None
                thickness_mm = truth[0].slice_thickness_mm
                row = Assessment(date, name, role=role, slice_thickness_mm=thickness_mm)
                rows.append(replace(row, long_axis_mm=size_mm))
                rows += [replace(row, date=d, status=Status.ABSENT) for d in DATES[k + 1 :]]
    return _as_tracks(rows)


def _as_tracks(rows: Rows) -> Rows:
    """New lesions that a model calls so below 10 mm do not count yet, as in `lvt track`."""
    return [
        replace(row, status=Status.EQUIVOCAL)
        if row.role is Role.NEW and row.long_axis_mm is not None and row.long_axis_mm < 10.0
        else row
        for row in rows
    ]


def drawn_mm(row: Assessment, rng: np.random.Generator) -> float:
    """The long axis of an ellipsoid of the row's size, off by a voxel outwards or inwards."""
    assert row.long_axis_mm is not None and row.slice_thickness_mm is not None
    spacing = np.array([row.slice_thickness_mm, PIXEL_MM, PIXEL_MM])
    radii = row.long_axis_mm / 2 * np.array([rng.uniform(0.7, 1), 1.0, rng.uniform(0.7, 1)])
    half = np.ceil(row.long_axis_mm / 2 / spacing).astype(int) + 3
    offset = rng.uniform(-0.5, 0.5, 3)
    axes = (np.arange(-n, n + 1) for n in half)
    places = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1) + offset
    z, y, x = np.moveaxis(places * spacing, -1, 0)
    angle = rng.uniform(0, np.pi)
    u, v = y * np.cos(angle) + x * np.sin(angle), x * np.cos(angle) - y * np.sin(angle)
    mask = (z / radii[0]) ** 2 + (u / radii[1]) ** 2 + (v / radii[2]) ** 2 < 1
    if not mask.any():
        mask[tuple(half)] = True
    if rng.random() < 0.5:
        mask = ndimage.binary_dilation(mask)
    else:
        smaller = ndimage.binary_erosion(mask)
        mask = smaller if smaller.any() else mask
    geometry = Geometry(mask.shape, tuple(spacing), (0.0, 0.0, 0.0), tuple(np.eye(3).ravel()))
    return reported_mm(measure_lesion(mask, geometry).long_axis.length_mm)


def _right(found: Sequence[Judged]) -> str:
    right = sum(one.told == one.truth for one in found)
    return f"{100 * right / len(found):.1f} % ({right} of {len(found)})" if found else "–"


def kappa(found: Sequence[Judged]) -> float:
    """Cohen's κ with linear weights over CR, PR, SD and PD."""
    pairs = [(one.told, one.truth) for one in found if {one.told, one.truth} <= set(ORDER)]
    told, truth = zip(*pairs, strict=True)
    return weighted_kappa(told, truth, ORDER)


def _grouped(found: Sequence[Judged]) -> list[tuple[float, float, list[Judged]]]:
    limits = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0001)
    groups = [(a, b, [one for one in found if a <= one.share < b]) for a, b in pairwise(limits)]
    return [group for group in groups if group[2]]


def calibration_error(found: Sequence[Judged]) -> float:
    """Mean distance of the share that is told and the rate of what is right, over the bins."""
    gaps = [
        abs(sum(one.share - (one.told == one.truth) for one in own))
        for _, _, own in _grouped(found)
    ]
    return sum(gaps) / len(found)


def bins(found: Sequence[Judged]) -> list[tuple[object, ...]]:
    """Share told and rate right, by the share."""
    return [
        (
            f"{low:.2f} to {min(high, 1.0):.2f}",
            len(own),
            f"{np.mean([one.share for one in own]):.3f}",
            f"{np.mean([one.told == one.truth for one in own]):.3f}",
        )
        for low, high, own in _grouped(found)
    ]


if __name__ == "__main__":
    main()
