"""Where to cut the probabilities of the embedded model, on phantoms that are kept for this alone.

    python benchmarks/thresholds.py [--bodies 6] [--model NAME] [--work DIR]

Scans are drawn as those of `default_model.py`, of other bodies. Writes docs/results/thresholds.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lvt_track.core.series import Phase
from lvt_track.core.volume import Masks
from lvt_track.evaluate.centrelines import centreline_dice
from lvt_track.evaluate.detection import SIZES_MM, Detection, dice, lesion_detection
from lvt_track.segment.infer import segment
from lvt_track.segment.models import load_model
from lvt_track.segment.postprocess.hierarchy import without_specks
from pages.markdown import markdown_table, write_page
from scans.phantoms import SLICES, phantom_labels, phantom_scan

FIRST_SEED = 80_000
THRESHOLDS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 0.7)
PHASES = (Phase.PORTAL, Phase.DELAYED)
LEAST_MM = 10.0

Row = tuple[str, float]


def cut(probability: NDArray[np.float16], threshold: float, found: Masks, least_ml: float):
    """The mask of a class at a threshold, as `lvt segment` cleans it but for fluid."""
    inside = (probability > threshold) & found.liver
    return without_specks(inside, least_ml / found.geometry.voxel_volume_ml)[0]


def main() -> None:
    """Segment each scan once, cut at every threshold."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bodies", type=int, default=6)
    parser.add_argument("--model", default="default")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "thresholds")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    model = load_model(chosen.model)
    vessels: dict[Row, list[tuple[float, float, float]]] = defaultdict(list)
    tumors: dict[Row, list[tuple[float, Detection]]] = defaultdict(list)
    for number in range(chosen.bodies):
        seed = FIRST_SEED + number
        labels = phantom_labels(seed, chosen.work)
        for phase in PHASES:
            volume, truth = phantom_scan(labels, seed, phase, SLICES[number % len(SLICES)])
            found = segment(volume, model, "cpu", keep_probabilities=("vessels", "tumors"))
            voxel_mm3 = 1000.0 * volume.geometry.voxel_volume_ml
            for threshold in THRESHOLDS:
                row = phase.value, threshold
                likely = found.probabilities["vessels"]
                mask = cut(likely, threshold, found.masks, model.minimum_ml[1])
                lines = centreline_dice(mask, truth.vessels)
                share = np.count_nonzero(mask) / np.count_nonzero(truth.vessels)
                vessels[row].append((dice(mask, truth.vessels) or 0.0, lines or 0.0, share))
                likely = found.probabilities["tumors"]
                mask = cut(likely, threshold, found.masks, model.minimum_ml[2])
                overlap = dice(mask, truth.tumors) if truth.tumors.any() else None
                hits = lesion_detection(mask, truth.tumors, voxel_mm3)
                tumors[row].append((np.nan if overlap is None else overlap, hits))
            print(seed, phase.value, flush=True)
    large = slice(SIZES_MM.index(LEAST_MM), None)
    vessel_rows, tumor_rows = [], []
    for row, scores in vessels.items():
        vessel_rows.append([*row, *(f"{value:.3f}" for value in np.mean(scores, axis=0))])
    for row, pairs in tumors.items():
        overlap = np.nanmean([value for value, _ in pairs])
        hits = pairs[0][1]
        for _, more in pairs[1:]:
            hits += more
        seen = f"{sum(hits.detected[large])} of {sum(hits.true[large])}"
        small = f"{sum(hits.detected[: large.start])} of {sum(hits.true[: large.start])}"
        false = f"{sum(hits.false) / len(pairs):.2f}"
        tumor_rows.append([*row, f"{overlap:.3f}", seen, small, false])
    page = write_page(
        "thresholds",
        "Where to cut the embedded model's probabilities",
        f"python benchmarks/thresholds.py --bodies {chosen.bodies}",
        f"Version {model.parts[0].card.version}, weights {model.sha256[:12]}; {chosen.bodies} "
        f"bodies, seeds from {FIRST_SEED}, which no other benchmark of scores uses, slices of 1.5, "
        "3 and 4.5 mm in turn. Means over scans; nothing is left out as fluid, vein or doubtful.",
        "Vessels; volume is the mask's over the true one's:",
        markdown_table(["phase", "threshold", "Dice", "clDice", "volume"], vessel_rows),
        "Tumours:",
        markdown_table(
            ["phase", "threshold", "Dice", "found, 10 mm and more", "below", "false per scan"],
            tumor_rows,
        ),
    )
    print(page)


if __name__ == "__main__":
    main()
