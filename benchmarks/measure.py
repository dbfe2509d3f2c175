"""Bias, spread and speed of the axes, against analytic ellipses, ellipsoids and brute force.

    python benchmarks/measure.py [--pyradiomics PYTHON]

writes docs/results/measure.md. PYTHON is the interpreter of an environment with pyradiomics, which
is then measured beside. Times are processor times of one core, so that other work on the machine
does not count.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.distance import cdist

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import BoolArray
from lvt_track.measure.axes import measure_lesion
from lvt_track.measure.calipers import crosses
from lvt_track.measure.diameter import longest_diameter_3d_mm
from lvt_track.measure.outline import OUTSET_PIXELS, SliceOutline

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "measure.md"
ELLIPSES = 3000
ELLIPSOIDS = 250
PEERS = 500
BANDS_MM = ((5, 10), (10, 20), (20, 40), (40, 60), (5, 60))
THICKNESSES_MM = (1.0, 2.5, 5.0)


@dataclass(frozen=True)
class Ellipse:
    """A random ellipse, and its errors in pixels (long, short)."""

    mask: BoolArray
    spacing_mm: tuple[float, float, float]
    long_mm: float
    short_mm: float
    error: FloatArray

    @property
    def pixel_mm(self) -> float:
        """Geometric mean of both sides of a pixel."""
        return float(np.sqrt(self.spacing_mm[1] * self.spacing_mm[2]))

    @property
    def is_square(self) -> bool:
        """Whether its pixels are square."""
        return self.spacing_mm[1] == self.spacing_mm[2]


def draw(rng: np.random.Generator) -> Ellipse:
    """Draw an ellipse at a random place between the pixels, measure it."""
    long_mm = rng.uniform(5, 60)
    short_mm = long_mm * rng.uniform(0.4, 1)
    dx = rng.uniform(0.5, 1)
    dy = dx if rng.random() < 0.5 else rng.uniform(0.5, 1)
    angle = rng.uniform(0, np.pi)
    half = int(long_mm / 2 / min(dx, dy)) + 3
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    x, y = (x - rng.uniform()) * dx, (y - rng.uniform()) * dy
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    mask = ((2 * u / long_mm) ** 2 + (2 * v / short_mm) ** 2 <= 1)[None]
    spacing_mm = (1.0, float(dy), float(dx))
    size = measure_lesion(mask, Geometry.axial(mask.shape, spacing_mm))
    found = np.array([size.long_axis.length_mm, size.short_axis.length_mm])
    error = (found - [long_mm, short_mm]) / np.sqrt(dx * dy)
    return Ellipse(mask, spacing_mm, long_mm, short_mm, error)


def ball(
    radius_mm: float, spacing_mm: tuple[float, float, float], shift: FloatArray
) -> tuple[BoolArray, Geometry]:
    """A ball whose centre lies `shift` voxels (z, y, x) from a voxel's centre."""
    half = [int(radius_mm / s) + 2 for s in spacing_mm]
    z, y, x = np.mgrid[tuple(slice(-n, n + 1) for n in half)]
    dz, dy, dx = spacing_mm
    a, b, c = shift
    mask = ((z - a) * dz) ** 2 + ((y - b) * dy) ** 2 + ((x - c) * dx) ** 2 <= radius_mm**2
    return mask, Geometry.axial(mask.shape, spacing_mm)


def seconds(job: Callable[[], object], repeats: int = 5) -> float:
    """Best processor time of a job."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        job()
        times.append(time.process_time() - start)
    return min(times)


def ellipse_table(drawn: list[Ellipse]) -> list[str]:
    """Bias and spread by size and shape of the pixels."""
    lines = [
        "| long axis | pixels | n | bias long | bias short | sd long | sd short "
        "| 95 % within, long | 95 % within, short |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for low, high in BANDS_MM:
        for square in (True, False):
            errors = np.array(
                [e.error for e in drawn if low <= e.long_mm < high and e.is_square == square]
            )
            bias, sd = errors.mean(axis=0), errors.std(axis=0)
            within = np.percentile(np.abs(errors), 95, axis=0)
            lines.append(
                f"| {low} to {high} mm | {'square' if square else 'oblong'} | {len(errors)} "
                f"| {bias[0]:+.3f} | {bias[1]:+.3f} | {sd[0]:.3f} | {sd[1]:.3f} "
                f"| {within[0]:.2f} | {within[1]:.2f} |"
            )
    errors = np.array([e.error for e in drawn])
    bias, within = errors.mean(axis=0), np.percentile(np.abs(errors), 95, axis=0)
    lines.append(
        f"| **all** | **both** | {ELLIPSES} | **{bias[0]:+.3f}** | **{bias[1]:+.3f}** "
        f"| {errors[:, 0].std():.3f} | {errors[:, 1].std():.3f} "
        f"| **{within[0]:.2f}** | **{within[1]:.2f}** |"
    )
    return lines


def pyradiomics_table(drawn: list[Ellipse], python: Path) -> list[str]:
    """The same ellipses by pyradiomics: maximum 2D diameter, and the minor axis of its moments."""
    chosen = drawn[:PEERS]
    arrays: dict[str, object] = {}
    for k, ellipse in enumerate(chosen):
        arrays |= {f"mask_{k}": ellipse.mask, f"spacing_{k}": ellipse.spacing_mm}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "masks.npz"
        np.savez(path, **arrays)
        script = Path(__file__).parent / "peers" / "pyradiomics_lengths.py"
        told = subprocess.run(
            [python, script, path], check=True, capture_output=True, text=True
        ).stdout
    found = json.loads(told)
    truth = np.array([[e.long_mm, e.short_mm] for e in chosen])
    pixels = np.array([[e.pixel_mm] for e in chosen])
    theirs = (np.array(found["lengths_mm"]) - truth) / pixels
    ours = np.array([e.error for e in chosen])
    lines = [
        "| | bias long | bias short | 95 % within, long | 95 % within, short |",
        "|---|---|---|---|---|",
    ]
    for name, errors in (("lvt", ours), ("pyradiomics", theirs)):
        bias, within = errors.mean(axis=0), np.percentile(np.abs(errors), 95, axis=0)
        lines.append(
            f"| {name} | {bias[0]:+.3f} | {bias[1]:+.3f} | {within[0]:.2f} | {within[1]:.2f} |"
        )
    return [
        f"{PEERS} of the ellipses above. pyradiomics 3.0.1 has no short axis; its "
        "MinorAxisLength, from the moments of the mask, stands in. Its longest diameter runs "
        "between the edges of the pixels, and over bays; ours ends at the outline.",
        "",
        *lines,
        "",
    ]


def thickness_table(rng: np.random.Generator) -> list[str]:
    """Balls in slices of several thicknesses."""
    lines = [
        "| diameter | slices | long axis, bias | long axis, 95 % within | volume, bias |",
        "|---|---|---|---|---|",
    ]
    for diameter in (8.0, 15.0, 30.0, 60.0):
        for thickness in THICKNESSES_MM:
            lengths, volumes = [], []
            for _ in range(ELLIPSOIDS):
                mask, geometry = ball(
                    diameter / 2, (thickness, 0.75, 0.75), rng.uniform(-0.5, 0.5, 3)
                )
                size = measure_lesion(mask, geometry)
                lengths.append(size.long_axis.length_mm - diameter)
                volumes.append(size.volume_ml / (np.pi / 6 * diameter**3 / 1000) - 1)
            lines.append(
                f"| {diameter:g} mm | {thickness:g} mm | {np.mean(lengths):+.2f} mm "
                f"| {np.percentile(np.abs(lengths), 95):.2f} mm | {100 * np.mean(volumes):+.1f} % |"
            )
    return lines


def brute_slice(outline: SliceOutline) -> float:
    """Longest clear line between any two corners of the outline, every pair tried."""
    corners, barrier = outline.edges_mm[:, 0], outline.barrier_mm
    best = 0.0
    for p in corners:
        clear = ~crosses(np.broadcast_to(p, corners.shape), corners, barrier)
        best = max(best, float(np.linalg.norm(corners[clear] - p, axis=1).max()))
    return best


def brute_distances(points_mm: FloatArray, rows: int) -> float:
    """Longest distance from the first `rows` points to all points."""
    blocks = range(0, rows, 256)
    return max(float(cdist(points_mm[k : k + 256], points_mm).max()) for k in blocks)


def speed_table() -> list[str]:
    """One large ball, against brute force."""
    spacing = (1.0, 0.7, 0.7)
    mask, geometry = ball(50.0, spacing, np.array([0.1, 0.3, -0.2]))
    outlines = [SliceOutline.of(m, spacing[1:]) for m in mask if m.any()]
    ours = seconds(lambda: measure_lesion(mask, geometry))
    in_space = seconds(lambda: longest_diameter_3d_mm(mask, spacing))
    plane_only = ours - in_space

    all_corners = [outline.edges_mm[:, 0] for outline in outlines]
    distances = seconds(lambda: [brute_distances(c, len(c)) for c in all_corners], 2)
    middle = outlines[len(outlines) // 2]
    one_checked = seconds(lambda: brute_slice(middle), 1)
    pairs = np.array([len(c) for c in all_corners], dtype=float) ** 2
    checked = one_checked * pairs.sum() / pairs[len(pairs) // 2]

    surface = surface_points(mask) * np.array(spacing)
    rows = 2560
    space = seconds(lambda: brute_distances(surface, rows), 1) * len(surface) / rows
    return [
        "| job | points | brute force | lvt | times faster |",
        "|---|---|---|---|---|",
        "| long and short axis in the plane, inside the outline "
        f"| {len(all_corners[50])} per slice, {len(outlines)} slices "
        f"| {checked:.1f} s (every pair checked; one slice timed, scaled) "
        f"| {plane_only:.3f} s | {checked / plane_only:,.0f} |",
        f"| the same, brute force without the check | as above | {distances:.2f} s "
        f"| {plane_only:.3f} s | {distances / plane_only:,.1f} |",
        f"| longest diameter in space | {len(surface)} | {space:.1f} s ({rows} rows timed, scaled) "
        f"| {in_space:.3f} s | {space / in_space:,.0f} |",
        f"| all of `measure_lesion` | | {checked + space:.1f} s | {ours:.3f} s "
        f"| {(checked + space) / ours:,.0f} |",
    ]


def surface_points(mask: BoolArray) -> FloatArray:
    """Points between the voxels of the mask and their neighbours outside, as (n, 3) indices."""
    points = []
    for axis in range(3):
        for step in (-1, 1):
            outside = ~np.roll(np.pad(mask, 1), -step, axis)[1:-1, 1:-1, 1:-1]
            move = np.zeros(3)
            move[axis] = step * OUTSET_PIXELS
            points.append(np.argwhere(mask & outside) + move)
    return np.concatenate(points)


def main() -> None:
    """Measure everything and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pyradiomics", type=Path, help="Python of an environment that has it")
    python = parser.parse_args().pyradiomics
    rng = np.random.default_rng(20240115)
    drawn = [draw(rng) for _ in range(ELLIPSES)]
    peer = (
        [] if python is None else ["## Beside pyradiomics", "", *pyradiomics_table(drawn, python)]
    )
    lines = [
        "# Axes: bias, spread and speed",
        "",
        f"{dt.date.today().isoformat()}, {platform.machine()}, Python {platform.python_version()}, "
        "one core. `python benchmarks/measure.py --pyradiomics PYTHON`",
        "",
        "## Against analytic ellipses",
        "",
        "Ellipses of 5 to 60 mm, elongation 1 to 2.5, at random angles and places between the "
        "pixels, drawn by pixel centre; pixels of 0.5 to 1 mm. Errors in pixels (geometric mean of "
        "both sides). Asked for: mean bias within 0.1 pixel, 95 % within 0.6 pixel.",
        "",
        *ellipse_table(drawn),
        "",
        *peer,
        "## What the slice thickness does",
        "",
        "Balls at random places, pixels of 0.75 mm. The slice nearest to the middle misses it by "
        "up to half its thickness, so that small lesions in thick slices come out short: a bias of "
        "the scan, which no way of measuring takes away.",
        "",
        *thickness_table(rng),
        "",
        "## Speed",
        "",
        "A ball of 100 mm in voxels of 1 × 0.7 × 0.7 mm. Tests hold on smaller shapes "
        "that both ways give the same lengths. Processor time.",
        "",
        *speed_table(),
        "",
    ]
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
