"""The paper's ablation on phantoms: what learning from partial labels costs, method by method.

    python benchmarks/partial_labels.py --work FOLDER

Draws bodies, keeps the surroundings of their livers, and hides labels, so that three datasets
remain, none of them complete: liver and tumours; vessels and tumours, without the liver; liver
alone. Every method learns from the same scans, crops and chance with the same network for the same
number of steps, and is tested on complete labels. `full` sees all labels. A run is kept as a file
of FOLDER, so that the command goes on where it stopped. Writes docs/results/partial-labels.md.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from ablation.page import LEAST_MM, run_file, write
from ablation.phantoms import MARGIN_MM, Phantom, phantom
from lvt_track.core.volume import CLASSES
from lvt_track.evaluate.centrelines import centreline_dice
from lvt_track.evaluate.detection import SIZES_MM, lesion_detection
from lvt_track.segment.network.intensity import normalise
from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.training.batches.augment import Augmentation
from lvt_track.training.batches.patches import PatchBatches, PatchPlan
from lvt_track.training.loop import LoopSettings, TrainingRun, train
from lvt_track.training.objective.annotation import COMPLETE, Annotation, Knowledge
from lvt_track.training.objective.methods import METHODS
from lvt_track.training.score import class_probabilities
from lvt_track.training.synthetic.subjects import draw_subjects

YES, NO = Annotation.EVERYWHERE, Annotation.NONE
DATASETS = {
    "liver and tumours": Knowledge(YES, NO, YES),
    "vessels and tumours": Knowledge(NO, YES, YES),
    "liver": Knowledge(YES, NO, NO),
}
# What is run: a method, and the datasets whose scans it sees. The last has all labels of those
# scans alone that show tumours: what partial labels cost apart from there being fewer of them.
RUNS: dict[str, tuple[str, tuple[str, ...]]] = {name: (name, tuple(DATASETS)) for name in METHODS}
RUNS["full-tumor-scans"] = "full", tuple(n for n, known in DATASETS.items() if known.tumors is YES)
CHANNELS, BLOCKS = (16, 32, 64), (1, 1)
PATCH = (24, 24, 24)
SAMPLES = 4
AUGMENTATION = Augmentation(affine=0.15, elastic=0.0, low_resolution=0.05)
# Bodies that no pilot saw: the method was changed after earlier ones.
FIRST_SEED = 5000


def train_and_test(
    method: str, seed: int, cases: Sequence[Phantom], tests: Sequence[Phantom], steps: int
) -> dict[str, object]:
    """Train one method and score it on every test case."""
    chosen = METHODS[method]
    device = torch.device("cpu")
    plan = PatchPlan(PATCH, cases[0].spacing_mm, samples=SAMPLES)
    torch.manual_seed(seed)
    network = ResidualUNet(chosen.headed(NetworkParameters(CHANNELS, BLOCKS)))
    settings = LoopSettings(
        steps=steps,
        learning_rate=1e-2,
        warmup_steps=20,
        decay_share=0.4,
        ema_decay=0.99,
        checkpoint_s=1e9,
    )
    batches = PatchBatches(cases, plan, AUGMENTATION, seed, device)
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        network = train(network, batches, settings, TrainingRun(Path(folder), device), chosen)
    seconds = time.perf_counter() - started
    scores = []
    for case in tests:
        image = normalise(case.hu.astype(np.float32), plan.window_hu)
        probabilities = class_probabilities(network, image, PATCH, device)
        masks = chosen.masks(probabilities).numpy()
        scores.append(score(dict(zip(CLASSES, masks, strict=True)), case))
    return {"method": method, "seed": seed, "steps": steps, "seconds": seconds, "scores": scores}


def score(found: dict[str, NDArray[np.bool_]], case: Phantom) -> dict[str, float]:
    """Counts from which every figure follows, by name."""
    counts: dict[str, float] = {}
    for name in CLASSES:
        mask, truth = found[name] & case.near, case.truth(name)
        counts[f"{name} hit"] = int(np.count_nonzero(mask & truth))
        counts[f"{name} found"] = int(np.count_nonzero(mask))
        counts[f"{name} true"] = int(np.count_nonzero(truth))
    voxel_mm3 = float(np.prod(case.spacing_mm))
    lines = centreline_dice(found["vessels"] & case.near, case.truth("vessels"))
    counts["vessels clDice"] = np.nan if lines is None else lines
    tumors = found["tumors"] & case.near
    true = lesion_detection(tumors, case.truth("tumors"), voxel_mm3)
    drawn = lesion_detection(case.truth("tumors"), tumors, voxel_mm3)
    for what, detection in (("true", true), ("drawn", drawn)):
        for size, first in (("all", 0), ("large", SIZES_MM.index(LEAST_MM))):
            counts[f"{size} {what}"] = sum(detection.true[first:])
            counts[f"{size} {what} right"] = sum(detection.detected[first:])
    return counts


def main() -> None:
    """Run what is missing, then write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--work", type=Path, required=True, help="folder for bodies and runs")
    parser.add_argument("--scans", type=int, default=20, help="training scans per dataset")
    parser.add_argument("--tests", type=int, default=20)
    parser.add_argument("--spacing-mm", type=float, default=3.0)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=list(RUNS),
        default=list(RUNS),
        help="run these alone, and write no page; two commands may share the methods",
    )
    parser.add_argument(
        "--page-only", action="store_true", help="write the page of the runs that are there"
    )
    chosen = parser.parse_args()
    if not chosen.page_only:
        run_missing(chosen)
    if set(chosen.methods) == set(RUNS):
        facts = {
            "each": chosen.scans,
            "spacing": chosen.spacing_mm,
            "patch": PATCH[0],
            "samples": SAMPLES,
            "margin": MARGIN_MM,
            "steps": chosen.steps,
            "channels": ", ".join(str(n) for n in CHANNELS),
        }
        command = (
            f"python benchmarks/partial_labels.py --work FOLDER --scans {chosen.scans} "
            f"--tests {chosen.tests} --steps {chosen.steps} --seeds {chosen.seeds}"
        )
        write(chosen.work, chosen.methods, chosen.seeds, command, facts)


def run_missing(chosen: argparse.Namespace) -> None:
    """Draw the bodies, then train and test every method and seed that has no result yet."""
    count = len(DATASETS) * chosen.scans
    bodies = chosen.work / "bodies"
    seeds = range(FIRST_SEED, FIRST_SEED + count + chosen.tests)
    draw_subjects(bodies, seeds, chosen.spacing_mm, "upper")
    files = [bodies / f"{seed:06d}.npy" for seed in seeds]
    shown = list(DATASETS.items())
    cases = [
        phantom(file, chosen.spacing_mm, *shown[i % len(shown)])
        for i, file in enumerate(files[:count])
    ]
    tests = [phantom(file, chosen.spacing_mm, "test", COMPLETE) for file in files[count:]]
    (chosen.work / "runs").mkdir(exist_ok=True)
    for seed in range(chosen.seeds):
        for method in chosen.methods:
            path = run_file(chosen.work, method, seed)
            if path.exists():
                continue
            learns_by, datasets = RUNS[method]
            seen = [case for case in cases if case.dataset in datasets]
            if learns_by == "full":
                seen = [replace(case, knowledge=COMPLETE) for case in seen]
            result = train_and_test(learns_by, seed, seen, tests, chosen.steps)
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(result))
            partial.replace(path)
            print(f"{method} {seed}: {result['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    main()
