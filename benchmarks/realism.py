"""Phantoms beside real livers: trees, brightness and noise.

Usage: python benchmarks/realism.py [--bodies 12] [--crops 60] [--shared DIR] [--work DIR]

Trees are compared with label maps of real ones, images with real scans on the cells that the
segmenter sees. Writes docs/results/realism.md.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.series import Phase
from lvt_track.evaluate.centrelines import centreline
from lvt_track.io.discover import read_scan, series_at
from lvt_track.io.images.volumes import read_labels
from lvt_track.phantom.body.tissues import LIVER_TISSUES, VESSEL_TISSUES
from lvt_track.segment.infer import segment
from lvt_track.segment.models import load_model
from lvt_track.segment.scan import Scan
from lvt_track.segment.world_grid import Lattice
from lvt_track.training.synthetic.bodies import SyntheticBatches
from lvt_track.training.synthetic.default_model import SEGMENTER
from lvt_track.training.synthetic.subjects import draw_subjects, subject_files
from pages.markdown import markdown_table, write_page
from scans.real import DATA, KNOWN_LIVERS

FIRST_SEED = 70_000
STEP_MM = 1.5
RADII_MM = (0.0, 2.0, 3.0, 4.0, np.inf)
DEEP = 3
FINE_BODIES = 4
SMOOTH = 3.0
LOW_HU, HIGH_HU = SEGMENTER.recipe.window_hu

Mask = NDArray[np.bool_]


def tree_facts(vessels: Mask, liver: Mask, spacing_mm: tuple[float, ...]) -> list[float]:
    """Liver in mL, vessels in % of it, and m of branches per litre of liver by radius in mm."""
    zoom = [step / STEP_MM for step in spacing_mm]
    vessels, liver = (
        ndimage.zoom(mask.astype(np.float32), zoom, order=1) > 0.5
        for mask in (vessels & liver, liver)
    )
    litres = np.count_nonzero(liver) * STEP_MM**3 / 1e6
    line = centreline(vessels)
    radius = ndimage.distance_transform_edt(np.pad(vessels, 1), sampling=STEP_MM)[1:-1, 1:-1, 1:-1]
    # A voxel of a line in any direction stands for about 1.2 steps of it.
    counts, _ = np.histogram(radius[line], RADII_MM)
    lengths = counts * 1.2 * STEP_MM / 1000.0 / litres
    share = 100.0 * np.count_nonzero(vessels) / np.count_nonzero(liver)
    return [1000.0 * litres, share, *lengths.tolist()]


def real_trees(shapes: Path) -> list[list[float]]:
    """Of the maps at hand: hepatic veins with the vena cava are 1 there, portal veins 2."""
    rows = []
    for path in sorted(shapes.glob("*_liver.nii.gz")):
        liver, grid = read_labels(path)
        veins, _ = read_labels(path.with_name(path.name.replace("_liver", "_vessels1_tumors2")))
        rows.append(tree_facts(veins > 0, liver > 0, grid.spacing_mm))
    return rows


def drawn_trees(count: int, work: Path) -> list[list[float]]:
    """Of phantoms."""
    draw_subjects(work, range(FIRST_SEED, FIRST_SEED + count), STEP_MM, "upper")
    rows = []
    for file in subject_files(work)[:count]:
        labels = np.load(file)
        vessels, liver = (
            np.isin(labels, list(tissues)) for tissues in (VESSEL_TISSUES, LIVER_TISSUES)
        )
        rows.append(tree_facts(vessels, liver, (STEP_MM,) * 3))
    return rows


def parenchyma_facts(hu: NDArray[np.float32], parenchyma: Mask) -> list[float] | None:
    """HU, noise, and its correlation from cell to cell in plane and along z; None if too few."""
    inside = ndimage.binary_erosion(parenchyma, iterations=DEEP)
    if np.count_nonzero(inside) < 500:
        return None
    weight = ndimage.gaussian_filter(inside.astype(np.float32), SMOOTH)
    mean = ndimage.gaussian_filter(np.where(inside, hu, 0.0).astype(np.float32), SMOOTH)
    rest = hu - mean / np.maximum(weight, 1e-3)
    spread = float(rest[inside].var())
    alike = []
    for axis in range(3):
        both = inside & np.roll(inside, -1, axis)
        alike.append(float((rest * np.roll(rest, -1, axis))[both].mean()) / spread)
    return [float(np.median(hu[inside])), spread**0.5, (alike[1] + alike[2]) / 2.0, alike[0]]


def real_parenchyma(data: Path) -> dict[str, list[float]]:
    """Of the scans at hand, where the embedded model draws liver and neither of the others."""
    model, rows = load_model(), {}
    for name, (path, _, _) in KNOWN_LIVERS.items():
        volume = read_scan(series_at(data / path))
        masks = segment(volume, model, "cpu").masks
        scan = Scan.of(volume)
        cells = Lattice.within(scan.reach, (SEGMENTER.recipe.spacing_mm,) * 3)
        plain = masks.liver & ~masks.vessels & ~masks.tumors
        share = Scan.of(replace(volume, hu=(1000 * plain).astype(np.int16))).on(cells)
        facts = parenchyma_facts(scan.on(cells), share > 900.0)
        if facts is not None:
            rows[name] = facts
    return rows


def drawn_parenchyma(count: int, work: Path) -> list[list[float]]:
    """Of training crops in the portal phase."""
    recipe = replace(SEGMENTER.recipe, phases={Phase.PORTAL: 1.0}, cut_probability=0.0)
    seeds = range(FIRST_SEED, FIRST_SEED + FINE_BODIES)
    draw_subjects(work, seeds, recipe.spacing_mm / recipe.finer, SEGMENTER.body)
    batches = SyntheticBatches(subject_files(work), recipe, FIRST_SEED)
    rows = []
    for batch in map(batches, range(count)):
        hu = (batch.image[0, 0].numpy() + 1.0) / 2.0 * (HIGH_HU - LOW_HU) + LOW_HU
        liver, vessels, tumors = batch.target[0].numpy()
        facts = parenchyma_facts(hu, liver & ~vessels & ~tumors)
        if facts is not None:
            rows.append(facts)
    return rows


def spread_rows(name: str, rows: list[list[float]]) -> list[list[str]]:
    """Median, and the 5th to 95th percentile."""
    low, middle, high = np.percentile(rows, [5.0, 50.0, 95.0], axis=0)
    return [
        [f"{name}, median", *(f"{value:.2f}" for value in middle)],
        [
            "5 to 95 %",
            *(f"{a:.2f} to {b:.2f}" for a, b in zip(low, high, strict=True)),
        ],
    ]


def main() -> None:
    """Measure both, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bodies", type=int, default=12)
    parser.add_argument("--crops", type=int, default=60)
    parser.add_argument("--shared", type=Path, default=DATA, help="folder of real/ and shapes/")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "realism")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    trees = [
        [f"real {number}", *(f"{value:.2f}" for value in row)]
        for number, row in enumerate(real_trees(chosen.shared / "shapes"), start=1)
    ]
    trees += spread_rows(
        f"{chosen.bodies} phantoms", drawn_trees(chosen.bodies, chosen.work / "trees")
    )
    images = [
        [name, *(f"{value:.2f}" for value in row)]
        for name, row in real_parenchyma(chosen.shared / "real").items()
    ]
    crops = drawn_parenchyma(chosen.crops, chosen.work / "crops")
    images += spread_rows(f"{len(crops)} training crops", crops)
    page = write_page(
        "realism",
        "Phantoms beside real livers",
        f"python benchmarks/realism.py --bodies {chosen.bodies} --crops {chosen.crops}",
        "Vessels inside the liver, on voxels of 1.5 mm: of three label maps made from Medical "
        "Segmentation Decathlon scans (5 mm slices; made by a reader with a tool, and cut at the "
        "liver's edge here), and of phantoms. A radius is the distance of the centreline from the "
        "nearest voxel outside, which adds about half a voxel. A reader draws hardly any branch "
        "below 2 mm; the phantom knows of all that it has.",
        markdown_table(
            ["", "liver, mL", "vessels, %", "m/L below 2 mm", "2 to 3 mm", "3 to 4 mm", "more"],
            trees,
        ),
        "Parenchyma, deep inside the liver, on the segmenter's cells of 2 mm, in the portal phase "
        "but for the native scan: brightness, what remains of it after smoothing (noise and "
        "texture), and how alike that is from one cell to the next.",
        markdown_table(
            ["", "HU", "noise, HU", "correlation in plane", "correlation along z"], images
        ),
    )
    print(page)


if __name__ == "__main__":
    main()
