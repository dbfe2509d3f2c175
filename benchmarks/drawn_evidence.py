"""What speaks for and against each lesion that the embedded model draws, beside the truth.

    python benchmarks/drawn_evidence.py OUT.csv [--phantoms 7100 ...] [--draws 8] [--work DIR]

Phantoms hold tumours and what is mistaken for them, some by the rules of the phantom, some by those
of `foreign_growth`; in real scans foreign lesions and doubles are drawn. What the model draws in a
real scan before anything is drawn there is left out, since nobody knows what it is.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from foreign_lesions import SCANS, drawn_foreign, scene
from lesions.foreign_growth import draw_foreign
from lesions.kept_drawings import Drawing, drawn_in
from lvt_track.core.components import label_by_size
from lvt_track.core.geometry import FloatArray, bounding_box
from lvt_track.core.volume import BoolArray, Masks, Volume
from lvt_track.io.images.volumes import rounded_probability
from lvt_track.lesions.lookalikes import lookalikes
from lvt_track.lesions.spots import drawn_spots
from lvt_track.lesions.tumor_probability import lesion_evidence
from lvt_track.phantom.course.render import render_visit
from lvt_track.phantom.course.scans import Protocol
from lvt_track.phantom.course.script import draw_course
from lvt_track.phantom.course.tumors import draw_tumors
from lvt_track.segment.models import load_model
from scans.real import REAL

PROTOCOL = Protocol((1.0, 1.4), (1.5, 2.0, 2.5, 3.0, 5.0), None, 15.0, 1.5)
TUMORS, DOUBLES, SIZES_MM = 8, 10, (3.0, 40.0)
MARGIN_MM = 30.0
SEEDS = (*range(7100, 7110), *range(7200, 7208), *range(7300, 7308))

ROOT = Path(__file__).parents[1]

Row = dict[str, Any]


def phantom(seed: int) -> tuple[Volume, BoolArray]:
    """A scan cut to its liver, with tumours and doubles of both kinds, and where tumours are."""
    rng = np.random.default_rng([seed, 41])
    patient = draw_course(seed, 1, PROTOCOL)
    foci = draw_tumors(patient.anatomy, rng, TUMORS, SIZES_MM, DOUBLES)
    visit = render_visit(replace(patient, tumors=(), doubles=foci), 0)
    around = bounding_box(visit.masks.liver)
    assert around is not None
    box = visit.volume.geometry.widened(around, MARGIN_MM)
    volume, masks = visit.volume.crop(box), visit.masks.crop(box)
    foreign = draw_foreign(volume, masks, front_of_liver_mm(masks), rng)
    return foreign.volume, masks.tumors | (foreign.number > 0)


def front_of_liver_mm(masks: Masks) -> FloatArray:
    """Points (n, 3) where a ligament would be: in front, left of the middle of the liver."""
    z, _, x = np.nonzero(masks.liver)
    first, last = np.quantile(x, (0.5, 0.7)).astype(int)
    points = []
    for column in range(first, last, 3):
        for row in range(z.min() + 2, z.max() - 1, 3):
            inside = np.flatnonzero(masks.liver[row, :, column])
            if len(inside):
                points.append((row, inside[0], column))
    return masks.geometry.to_world(np.array(points))


def rows_of(volume: Volume, drawn: Drawing, truth: BoolArray, unknown: BoolArray) -> Iterator[Row]:
    """A row for each drawn lesion that touches a true one, or nothing of which it is not known.

    Args:
        volume: the scan.
        drawn: the model's masks, and its probability of tumour.
        truth: where tumours are.
        unknown: where nobody knows.
    """
    masks, probability = drawn
    labels = label_by_size(masks.tumors)
    # As `lvt track` keeps it.
    kept = rounded_probability(np.where(masks.liver, probability, 0))
    spots = drawn_spots(volume, masks, labels)
    evidence = lesion_evidence(spots, kept, lookalikes(volume, masks, spots))
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels[box] == label
        is_tumor = bool(truth[box][inside].any())
        if is_tumor or not unknown[box][inside].any():
            values = {n: round(float(v), 4) for n, v in asdict(evidence[label]).items()}
            yield {"is_tumor": int(is_tumor), **values}


def main() -> None:
    """Draw, segment, compare, write; scan by scan."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--phantoms", type=int, nargs="*", default=SEEDS)
    parser.add_argument("--first", type=int, default=0, help="the first draw of each real scan")
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--data", type=Path, default=REAL)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "foreign-lesions")
    chosen = parser.parse_args()
    with chosen.out.open("w", newline="", encoding="utf-8") as file:
        writer: csv.DictWriter[str] | None = None
        for scan, number, row in _all_rows(chosen):
            row = {"scan": scan, "number": number, **row}
            if writer is None:
                writer = csv.DictWriter(file, list(row))
                writer.writeheader()
            writer.writerow(row)
            file.flush()


def _all_rows(chosen: argparse.Namespace) -> Iterator[tuple[str, int, Row]]:
    model = load_model("default")
    for seed in chosen.phantoms:
        volume, truth = phantom(seed)
        path = chosen.work / model.sha256[:12] / f"phantom-{seed}.npz"
        for row in rows_of(volume, drawn_in(volume, model, path), truth, np.zeros_like(truth)):
            yield "phantom", seed, row
    for place, name in enumerate(SCANS) if chosen.draws else ():
        volume, before, _ = scene(chosen.data / name, model, chosen.work)
        unknown = ndimage.binary_dilation(before.tumors, iterations=2)
        for draw in range(chosen.first, chosen.first + chosen.draws):
            number = (place, draw)
            foreign, drawing = drawn_foreign((volume, before), number, model, chosen.work)
            for row in rows_of(foreign.volume, drawing, foreign.number > 0, unknown):
                yield name.split("/")[0], draw, row


if __name__ == "__main__":
    main()
