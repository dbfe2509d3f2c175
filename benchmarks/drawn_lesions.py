"""Lesions as the embedded model draws them in phantoms, beside the true ones, as a table.

    python benchmarks/drawn_lesions.py OUT.csv [--first 9000] [--patients 12]

`benchmarks/doubt.py` simulates a model's errors by what this table shows, without a network; the
spread of sizes in `lvt_track/core/lesion/size_error.py` is fitted to it.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from lvt_track.core.geometry import FloatArray
from lvt_track.core.lesion.lesion import Lesion
from lvt_track.lesions.components import find_lesions
from lvt_track.phantom.course.render import PhantomVisit, render_visit
from lvt_track.phantom.course.scans import Protocol
from lvt_track.phantom.course.script import draw_course
from lvt_track.pipeline.run.model_choice import ModelChoice

PROTOCOL = Protocol((1.0, 1.4), (1.0, 1.5, 2.0, 2.5, 3.0, 5.0), None, 15.0, 1.5)
VISITS = 2
_NEAR_MM = 8.0


def main() -> None:
    """Draw, segment, compare, write; patient by patient."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--first", type=int, default=9000)
    parser.add_argument("--patients", type=int, default=12)
    chosen = parser.parse_args()
    model = ModelChoice("default", "cpu")
    with chosen.out.open("w", newline="", encoding="utf-8") as file:
        writer: csv.DictWriter[str] | None = None
        for seed in range(chosen.first, chosen.first + chosen.patients):
            patient = draw_course(seed, VISITS, PROTOCOL)
            for visit in range(VISITS):
                for row in compared(render_visit(patient, visit), model):
                    row = {"seed": seed, "visit": visit, **row}
                    writer = writer or csv.DictWriter(file, list(row))
                    if file.tell() == 0:
                        writer.writeheader()
                    writer.writerow(row)
            file.flush()
            print(seed, flush=True)


def compared(truth: PhantomVisit, model: ModelChoice) -> Iterator[dict[str, Any]]:
    """A row for each pair of a drawn and a true lesion that overlap most, each missed or false."""
    drawn = model.segment(truth.volume, ("tumors",))
    chance = np.asarray(drawn.probabilities["tumors"], dtype=np.float32)
    labels, lesions = find_lesions(0, truth.volume, drawn.masks, at_edges=True)
    plain = truth.masks.liver & ~truth.masks.vessels & ~truth.masks.tumors
    count = len(truth.lesions) + 1
    shared = np.bincount(
        (labels * count + truth.lesion_labels).ravel(), minlength=(len(lesions) + 1) * count
    ).reshape(len(lesions) + 1, count)
    common = {
        "phase": truth.phase.value,
        "slices_mm": truth.volume.geometry.spacing_mm[0],
        "pixel_mm": round(truth.volume.geometry.spacing_mm[1], 3),
    }
    for true in truth.lesions:
        best = int(shared[1:, true.label].argmax()) + 1 if lesions else 0
        is_found = best > 0 and shared[best, true.label] > 0
        is_alone = is_found and np.count_nonzero(shared[best, 1:]) == 1
        yield {
            **common,
            "kind": ("missed", "joined", "pair")[int(is_found) + int(is_alone)],
            "true_long_mm": true.long_axis_mm,
            "true_short_mm": true.short_axis_mm,
            "true_ml": true.volume_ml,
            **_drawn(lesions[best - 1] if is_found else None, labels, chance),
            **_contrast(truth.lesion_labels == true.label, plain, truth),
        }
    for lesion in lesions:
        if not shared[lesion.label, 1:].any():
            mask = labels == lesion.label
            row = {
                **common,
                "kind": "false",
                "true_long_mm": "",
                "true_short_mm": "",
                "true_ml": "",
            }
            yield {**row, **_drawn(lesion, labels, chance), **_contrast(mask, plain, truth)}


def _drawn(lesion: Lesion | None, labels: FloatArray, chance: FloatArray) -> dict[str, Any]:
    names = (
        "drawn_long_mm",
        "mask_long_mm",
        "drawn_short_mm",
        "drawn_ml",
        "peak",
        "mean",
        "wide_ml",
        "narrow_ml",
    )
    if lesion is None:
        return dict.fromkeys(names, "")
    size, inside = lesion.measurement, labels == lesion.label
    box = ndimage.find_objects(inside.astype(np.int8))[0]
    near = tuple(slice(max(0, s.start - 4), s.stop + 4) for s in box)
    voxel_ml = size.volume_ml / max(1, np.count_nonzero(inside[near]))
    grown = ndimage.binary_dilation(inside[near], iterations=3) & (
        (labels[near] == 0) | (labels[near] == lesion.label)
    )
    values = (
        size.long_axis.length_mm,
        size.drawn_long_axis_mm or size.long_axis.length_mm,
        size.short_axis.length_mm,
        size.volume_ml,
        float(chance[inside].max()),
        float(chance[inside].mean()),
        float(np.count_nonzero(grown & (chance[near] > 0.25)) * voxel_ml),
        float(np.count_nonzero(grown & (chance[near] > 0.75)) * voxel_ml),
    )
    return {name: round(value, 4) for name, value in zip(names, values, strict=True)}


def _contrast(mask: np.ndarray, plain: np.ndarray, truth: PhantomVisit) -> dict[str, float]:
    box = ndimage.find_objects(mask.astype(np.int8))[0]
    z, y, x = truth.volume.geometry.widened(box, _NEAR_MM)
    hu, around = truth.volume.hu[z, y, x], plain[z, y, x]
    level = (
        float(np.median(hu[around])) if around.any() else float(np.median(truth.volume.hu[plain]))
    )
    noise = float(hu[around].std()) if around.any() else 0.0
    return {
        "contrast_hu": round(float(hu[mask[z, y, x]].mean()) - level, 1),
        "noise_hu": round(noise, 1),
    }


if __name__ == "__main__":
    main()
