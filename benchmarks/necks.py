"""How often touching lesions are told by their neck, and single ones taken for several.

    python benchmarks/necks.py [--each 60]

Pairs of balls that share a tenth to almost half of the smaller one's radius, and single phantom
tumours, on grids of 1 to 5 mm slices, at the threshold that ships. Writes docs/results/necks.md.
"""

from __future__ import annotations

import argparse

import numpy as np

from lvt_track.core.geometry import Geometry, bounding_box
from lvt_track.core.volume import BoolArray
from lvt_track.lesions.necks import NECK_SHARE, lumps
from lvt_track.phantom.course.tumors import TumorKind, draw_tumor, level_mm
from pages.markdown import markdown_table, write_page

SPACINGS_MM = ((1.0, 0.8, 0.8), (2.5, 0.8, 0.8), (5.0, 0.7, 0.7))


def main() -> None:
    """Draw, count, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=60, help="pairs, and single tumours")
    each = parser.parse_args().each
    rows = []
    for k, spacing_mm in enumerate(SPACINGS_MM):
        seeds = range(k, each, len(SPACINGS_MM))
        told = [count(touching(seed, spacing_mm), spacing_mm) for seed in seeds]
        single = [count(alone(seed, spacing_mm), spacing_mm) for seed in seeds]
        rows.append(
            [
                f"{spacing_mm[0]:g}",
                f"{sum(n > 1 for n in told)} of {len(told)}",
                f"{sum(n == 1 for n in single)} of {len(single)}",
            ]
        )
    write_page(
        "necks",
        "Lesions that touch, told by their necks",
        f"python benchmarks/necks.py --each {each}",
        f"Threshold {NECK_SHARE}, as it ships. Pairs: balls of 12 to 30 mm in any direction from "
        "each other, which share 10 to 45 % of the smaller one's radius. Single: phantom tumours "
        "of 10 to 40 mm with lobed borders.",
        markdown_table(["slices, mm", "pairs told", "single ones left whole"], rows),
    )


def count(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> int:
    """Number of lumps of a mask."""
    return int(lumps(mask[bounding_box(mask)], spacing_mm).max())


def touching(seed: int, spacing_mm: tuple[float, float, float]) -> BoolArray:
    """Two balls that share some of the smaller one's radius."""
    rng = np.random.default_rng([seed, 1])
    small_mm, large_mm = sorted(rng.uniform(6, 15, 2))
    along = rng.normal(size=3)
    apart_mm = large_mm + small_mm - rng.uniform(0.1, 0.45) * small_mm
    other_mm = along / np.linalg.norm(along) * apart_mm + rng.uniform(0, 1, 3) * spacing_mm
    axes = [np.arange(-48, 48, step) for step in spacing_mm]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    first = np.linalg.norm(points, axis=-1) <= large_mm
    second: BoolArray = np.linalg.norm(points - other_mm, axis=-1) <= small_mm
    return first | second


def alone(seed: int, spacing_mm: tuple[float, float, float]) -> BoolArray:
    """One phantom tumour."""
    rng = np.random.default_rng([seed, 2])
    tumor = draw_tumor(rng, (0, 0, 0), rng.uniform(10, 40), TumorKind.HYPODENSE)
    shape = tuple(int(2 * (tumor.reach_mm + 3) / step) for step in spacing_mm)
    corner = [-n * step / 2 for n, step in zip(shape[::-1], spacing_mm[::-1], strict=True)]
    geometry = Geometry.axial(shape, spacing_mm, tuple(corner))
    points_mm = geometry.to_world(np.indices(shape).transpose(1, 2, 3, 0))
    inside: BoolArray = level_mm(tumor, points_mm) < 0
    return inside


if __name__ == "__main__":
    main()
