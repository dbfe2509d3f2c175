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
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from lesions.balls import ball
from lesions.inserted import blur
from lesions_in_real_livers import COVERED, SCANS
from lvt_track.core.geometry import Box, bounding_box
from lvt_track.core.series import Phase
from lvt_track.core.volume import BoolArray, Masks, Volume
from lvt_track.io.discover import read_scan, series_at
from lvt_track.segment.infer import segment
from lvt_track.segment.models import load_model
from pages.markdown import markdown_table, write_page
from scans.phantoms import SLICES, phantom_labels, phantom_scan
from scans.real import REAL
from thresholds import FIRST_SEED

DIAMETERS_MM = (5.0, 6.0, 7.0, 8.0, 10.0, 12.0)
CONTRASTS_HU = (20.0, 30.0, 50.0)
BODIES = 3
# From what else is in the liver, and between spheres.
CLEAR_MM, APART_MM = 3.0, 20.0
# Voxels around a sphere that its blur reaches, and around a liver.
MARGIN = 8


@dataclass(frozen=True, eq=False)
class Spot:
    """One sphere.

    Attributes:
        diameter_mm: of it.
        contrast_hu: how much darker than its liver.
        box: of the scan, around it.
        voxels: of the box, that it fills by more than half of the fullest.
    """

    diameter_mm: float
    contrast_hu: float
    box: Box
    voxels: BoolArray


def with_spots(volume: Volume, masks: Masks, rng: np.random.Generator) -> tuple[Volume, list[Spot]]:
    """The scan with one dark sphere of each size and contrast, where there is room.

    Args:
        volume: the scan.
        masks: its liver, vessels and tumours.
        rng: of the places.

    Raises:
        ValueError: when there is no liver.
    """
    liver = bounding_box(masks.liver)
    if liver is None:
        raise ValueError("the scan shows no liver to draw spheres into")
    z, y, x = (slice(max(cut.start - MARGIN, 0), cut.stop + MARGIN) for cut in liver)
    near = masks.crop((z, y, x))
    spacing, first = volume.geometry.spacing_mm, (z.start, y.start, x.start)
    free = near.liver & ~near.vessels & ~near.tumors
    clear_mm = ndimage.distance_transform_edt(free, sampling=spacing)
    hu, spots = volume.hu.astype(np.float32), []
    for diameter_mm, contrast_hu in product(reversed(DIAMETERS_MM), CONTRASTS_HU):
        room = np.argwhere(clear_mm > diameter_mm / 2.0 + CLEAR_MM)
        if len(room):
            middle = first + room[rng.integers(len(room))] + rng.uniform(-0.5, 0.5, 3)
            box, filled = ball(hu.shape, spacing, middle, diameter_mm / 2.0, MARGIN)
            share = ndimage.gaussian_filter(filled.astype(np.float32), blur(spacing))
            hu[box] -= contrast_hu * share
            spots.append(Spot(diameter_mm, contrast_hu, box, share > 0.5 * share.max()))
            outside = np.ones(hu.shape, dtype=bool)
            outside[box] = ~spots[-1].voxels
            away_mm = ndimage.distance_transform_edt(outside[z, y, x], sampling=spacing)
            clear_mm = np.minimum(clear_mm, away_mm - APART_MM)
    return replace(volume, hu=np.rint(hu).astype(np.int16)), spots


def judged_scans(data: Path, work: Path) -> Iterator[tuple[str, Volume, Masks | None]]:
    """Portal venous scans and what is known of them: phantoms first, then real ones."""
    for number in range(BODIES):
        labels = phantom_labels(FIRST_SEED + number, work)
        volume, truth = phantom_scan(labels, FIRST_SEED + number, Phase.PORTAL, SLICES[number])
        yield "phantoms", volume, truth
    for name in SCANS:
        yield "real CT", read_scan(series_at(data / name)), None


def main() -> None:
    """Draw, segment, count, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=2, help="for each scan")
    parser.add_argument("--model", nargs="+", default=["default"], help="names or folders")
    parser.add_argument("--data", type=Path, default=REAL)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "thresholds")
    chosen = parser.parse_args()
    models = [load_model(name) for name in chosen.model]
    hits: dict[tuple[int, str, float, float], list[bool]] = defaultdict(list)
    for place, (kind, volume, truth) in enumerate(judged_scans(chosen.data, chosen.work)):
        # Of a real scan the last model tells where its vessels and tumours are.
        known = truth or segment(volume, models[-1], "cpu").masks
        for draw in range(chosen.draws):
            seen, spots = with_spots(volume, known, np.random.default_rng([place, draw]))
            for k, model in enumerate(models):
                found = segment(seen, model, "cpu").masks.tumors
                for spot in spots:
                    is_found = bool(found[spot.box][spot.voxels].mean() >= COVERED)
                    hits[k, kind, spot.contrast_hu, spot.diameter_mm].append(is_found)
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
