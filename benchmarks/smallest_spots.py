"""How small and how faint a spot may be and still be found: dark spheres in phantoms and real CT.

    python benchmarks/smallest_spots.py [--draws 2] [--model NAME ...] [--data DIR] [--work DIR]

Spheres of known size and contrast are taken from the HU of livers, clear of vessels, tumours and
the surface, so that the scan's own noise and slices decide. Writes docs/results/smallest-spots.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from default_model import SLICES, body, scan
from lesions_in_real_livers import SCANS
from numpy.typing import NDArray
from scipy import ndimage
from table import markdown_table, write_page
from thresholds import FIRST_SEED

from lvt_track.core.records import Phase
from lvt_track.core.volume import BoolArray, Masks, Volume
from lvt_track.io.discover import read_scan, series_at
from lvt_track.segment.infer import segment
from lvt_track.segment.models import load_model

DIAMETERS_MM = (5.0, 6.0, 7.0, 8.0, 10.0, 12.0)
CONTRASTS_HU = (20.0, 30.0, 50.0)
BODIES = 3
# From what else is in the liver, and between spheres; and what a scanner blurs in plane.
CLEAR_MM, APART_MM, BLUR_MM = 3.0, 20.0, 0.7
SUBVOXELS = 4
COVERED = 0.1

Spot = tuple[float, float, BoolArray]
"""Diameter in mm, contrast in HU, and the voxels that it fills most, by half of that at least."""


def with_spots(volume: Volume, masks: Masks, rng: np.random.Generator) -> tuple[Volume, list[Spot]]:
    """The scan with one dark sphere of each size and contrast, where there is room.

    Args:
        volume: the scan.
        masks: its liver, vessels and tumours.
        rng: of the places.
    """
    geometry = volume.geometry
    free = masks.liver & ~masks.vessels & ~masks.tumors
    clear_mm = ndimage.distance_transform_edt(free, sampling=geometry.spacing_mm)
    hu, spots = volume.hu.astype(np.float32), []
    for diameter_mm, contrast_hu in product(reversed(DIAMETERS_MM), CONTRASTS_HU):
        room = np.argwhere(clear_mm > diameter_mm / 2.0 + CLEAR_MM)
        if len(room):
            centre = room[rng.integers(len(room))] + rng.uniform(-0.5, 0.5, 3)
            share = sphere(geometry.shape, geometry.spacing_mm, centre, diameter_mm / 2.0)
            hu -= contrast_hu * share
            spots.append((diameter_mm, contrast_hu, share > 0.5 * share.max()))
            away = ndimage.distance_transform_edt(
                share < 0.5 * share.max(), sampling=geometry.spacing_mm
            )
            clear_mm = np.minimum(clear_mm, away - APART_MM)
    return replace(volume, hu=np.rint(hu).astype(np.int16)), spots


def sphere(
    shape: tuple[int, int, int],
    spacing_mm: tuple[float, float, float],
    centre: NDArray[np.float64],
    radius_mm: float,
) -> NDArray[np.float32]:
    """How much of each voxel a sphere fills, blurred in plane.

    Args:
        shape, spacing_mm: of the grid.
        centre: in voxels.
        radius_mm: of the sphere.
    """
    spacing = np.array(spacing_mm)
    reach = radius_mm / spacing + 4.0
    low = np.maximum(np.floor(centre - reach), 0).astype(int)
    high = np.minimum(np.ceil(centre + reach) + 1, shape).astype(int)
    size = high - low
    axes = [
        ((np.arange(n * SUBVOXELS) + 0.5) / SUBVOXELS - 0.5 + first - middle) * step
        for n, first, middle, step in zip(size, low, centre, spacing, strict=True)
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij", sparse=True)
    inside = (z**2 + y**2 + x**2 < radius_mm**2).astype(np.float32)
    blocks = inside.reshape(size[0], SUBVOXELS, size[1], SUBVOXELS, size[2], SUBVOXELS)
    blur = (0.0, BLUR_MM / spacing[1], BLUR_MM / spacing[2])
    share = np.zeros(shape, dtype=np.float32)
    box = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    share[box] = ndimage.gaussian_filter(blocks.mean(axis=(1, 3, 5)), blur)
    return share


def scans(data: Path, work: Path) -> Iterator[tuple[str, Volume, Masks | None]]:
    """Portal venous scans and what is known of them: phantoms first, then real ones."""
    for number in range(BODIES):
        labels = body(FIRST_SEED + number, work)
        volume, truth = scan(labels, FIRST_SEED + number, Phase.PORTAL, SLICES[number])
        yield "phantoms", volume, truth
    for name in SCANS:
        yield "real CT", read_scan(series_at(data / name)), None


def main() -> None:
    """Draw, segment, count, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=2, help="for each scan")
    parser.add_argument("--model", nargs="+", default=["default"], help="names or folders")
    data = Path(__file__).parents[2] / "shared" / "data" / "real"
    parser.add_argument("--data", type=Path, default=data)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "thresholds")
    chosen = parser.parse_args()
    models = [load_model(name) for name in chosen.model]
    hits: dict[tuple[int, str, float, float], list[bool]] = defaultdict(list)
    for place, (kind, volume, truth) in enumerate(scans(chosen.data, chosen.work)):
        # Of a real scan the last model tells where its vessels and tumours are.
        known = truth or segment(volume, models[-1], "cpu").masks
        for draw in range(chosen.draws):
            seen, spots = with_spots(volume, known, np.random.default_rng([place, draw]))
            for k, model in enumerate(models):
                found = segment(seen, model, "cpu").masks.tumors
                for diameter_mm, contrast_hu, voxels in spots:
                    is_found = bool(found[voxels].mean() >= COVERED)
                    hits[k, kind, contrast_hu, diameter_mm].append(is_found)
            print(place, draw, flush=True)
    rows = []
    for (k, model), kind, contrast in product(
        enumerate(models), ("phantoms", "real CT"), CONTRASTS_HU
    ):
        cells = [hits[k, kind, contrast, diameter] for diameter in DIAMETERS_MM]
        counts = [f"{sum(some)} of {len(some)}" for some in cells]
        rows.append([model.parts[0].card.version, kind, f"{contrast:g} HU darker", *counts])
    page = write_page(
        "smallest-spots",
        "The smallest spots that are found",
        f"python benchmarks/smallest_spots.py --draws {chosen.draws} --model "
        + " ".join(chosen.model),
        f"Dark spheres, one of each size and contrast, drawn {chosen.draws} times into the livers "
        f"of {BODIES} phantoms (portal phase, slices of 1.5, 3 and 4.5 mm, seeds from "
        f"{FIRST_SEED}) and of {len(SCANS)} real portal venous scans (slices of 2 to 5 mm), clear "
        f"of vessels, tumours and the surface by {CLEAR_MM:g} mm. A sphere is found when a tenth "
        "of it is covered. Spheres are even and have sharp edges, so this is easier than life; "
        "what limits is the noise, which is the scans' own.",
        markdown_table(
            ["version", "in", "contrast", *(f"{diameter:g} mm" for diameter in DIAMETERS_MM)],
            rows,
        ),
    )
    print(page)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
