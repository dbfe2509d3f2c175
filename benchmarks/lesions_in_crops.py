"""Lesions found in training-like crops of bodies never trained on: hundreds of small ones.

    python benchmarks/lesions_in_crops.py [--crops 200] [--model NAME ...] [--work DIR]

Whole phantoms hold few lesions of 5 to 10 mm; crops are cheap, and all models see the same ones.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import cc3d
import numpy as np
import torch

from lvt_track.core.series import Phase
from lvt_track.core.volume import CLASSES, BoolArray
from lvt_track.segment.default_segmenter import DefaultSegmenter
from lvt_track.segment.models import load_model
from lvt_track.training.batches.batch import Batch
from lvt_track.training.synthetic.bodies import SyntheticBatches
from lvt_track.training.synthetic.default_model import SEGMENTER
from lvt_track.training.synthetic.subjects import draw_subjects, subject_files
from pages.markdown import markdown_table, write_page

FIRST_SEED, BODIES = 70_000, 4
RECIPE = replace(
    SEGMENTER.recipe,
    phases={Phase.PORTAL: 1.0},
    wild_probability=0.0,
    cut_probability=0.0,
    new_lesions=1.0,
    fine_share=0.0,
)
EDGES_MM = (5.0, 7.5, 10.0, 14.0, 20.0, np.inf)
LIVER, TUMORS = CLASSES.index("liver"), CLASSES.index("tumors")
COVERED, LEAST_VOXELS = 0.1, 4


def diameters_mm(number: np.ndarray) -> np.ndarray:
    """Of balls as large as the components, by number; 0 for specks and for the background."""
    voxels = np.bincount(number.ravel())
    voxels[0] = 0
    volume_mm3 = np.where(voxels >= LEAST_VOXELS, voxels, 0) * RECIPE.spacing_mm**3
    diameters: np.ndarray = np.cbrt(6.0 * volume_mm3 / np.pi)
    return diameters


def found_mask(network: torch.nn.Module, batch: Batch) -> BoolArray:
    """Tumours that the network draws in its liver, cut at one half."""
    with torch.inference_mode():
        liver, *_, tumors = network.per_class(network(batch.image))[0]
    found: BoolArray = ((liver > 0) & (tumors > 0)).numpy()
    return found


def score(found: BoolArray, batch: Batch) -> tuple[np.ndarray, np.ndarray, int]:
    """Told lesions and how many of them are found, by size; false ones."""
    truth, known = batch.target[0, TUMORS].numpy(), batch.known[0, TUMORS].numpy()
    number = cc3d.connected_components(truth, connectivity=26)
    sizes_mm = diameters_mm(number)
    is_told = np.bincount(number.ravel(), (~known).ravel()) == 0
    covered = np.bincount(number.ravel(), found.ravel()) / np.bincount(number.ravel())
    told = sizes_mm[is_told]
    hit = sizes_mm[is_told & (covered >= COVERED)]
    drawn = cc3d.connected_components(found & batch.known[0, LIVER].numpy(), connectivity=26)
    touches = np.bincount(drawn.ravel(), (truth | ~known).ravel()) > 0
    false = np.count_nonzero((diameters_mm(drawn) > 0) & ~touches)
    return np.histogram(told, EDGES_MM)[0], np.histogram(hit, EDGES_MM)[0], false


def main() -> None:
    """Draw, look, count, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crops", type=int, default=200)
    parser.add_argument("--model", nargs="+", default=["default"], help="names or folders")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "lesion-crops")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    draw_subjects(
        chosen.work,
        range(FIRST_SEED, FIRST_SEED + BODIES),
        RECIPE.spacing_mm / RECIPE.finer,
        SEGMENTER.body,
    )
    batches = SyntheticBatches(subject_files(chosen.work), RECIPE, FIRST_SEED)
    segmenters = [load_model(name).parts[0].segmenter for name in chosen.model]
    own = [segmenter for segmenter in segmenters if isinstance(segmenter, DefaultSegmenter)]
    totals = [(np.zeros(5, int), np.zeros(5, int), 0) for _ in own]
    for index in range(chosen.crops):
        batch = batches(index)
        for k, segmenter in enumerate(own):
            scores = score(found_mask(segmenter.network.module, batch), batch)
            told, hit, false = (a + b for a, b in zip(totals[k], scores, strict=True))
            totals[k] = told, hit, false
    rows = [
        [
            f"{segmenter.card.version}, {segmenter.card.segmenter.sha256[:12]}",
            *(f"{h} of {t}" for t, h in zip(told, hit, strict=True)),
            f"{false / chosen.crops:.2f}",
        ]
        for segmenter, (told, hit, false) in zip(own, totals, strict=True)
    ]
    header = ["segmenter", "5–7.5 mm", "7.5–10 mm", "10–14 mm", "14–20 mm", "over 20 mm"]
    page = write_page(
        "lesions-in-crops",
        "Lesions that the embedded model finds in crops of phantoms",
        f"python benchmarks/lesions_in_crops.py --crops {chosen.crops} --model "
        + " ".join(chosen.model),
        f"{chosen.crops} crops of {BODIES} bodies never trained on, portal phase, lesions "
        "scattered as for training, half the crops with small ones alone. Counted are those that "
        "the image shows by at least three times the noise of their size; found is what is covered "
        "by a tenth. Diameters are those of balls as large.",
        markdown_table([*header, "false a crop"], rows),
    )
    print(page)


if __name__ == "__main__":
    main()
