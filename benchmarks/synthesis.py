"""What each part of the synthesis brings on real livers: left out, one at a time.

Usage: python benchmarks/synthesis.py [--work DIR] [--steps 600] [--seeds 2]

Small networks at 4 mm learn the liver from images that lack one thing, all for the same number of
steps, and draw it in the real scans at hand and in phantoms that were not trained on. Runs that are
finished are not taken again. Writes docs/results/synthesis.md.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from lvt_track.core.series import Phase
from lvt_track.segment.cards import Part
from lvt_track.segment.engine.choice import pick_engine
from lvt_track.segment.infer import EXHAUSTIVE
from lvt_track.segment.locate import Locator
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.segment.network.weights import Network
from lvt_track.segment.scan import Scan
from lvt_track.segment.segmenter import Run
from lvt_track.training.loop import LoopSettings, TrainingRun, train
from lvt_track.training.synthetic.bodies import SyntheticBatches
from lvt_track.training.synthetic.default_model import LOCATOR
from lvt_track.training.synthetic.recipe import Recipe
from lvt_track.training.synthetic.subjects import draw_subjects, subject_files
from pages.markdown import markdown_table, write_page
from segmentation.scans import dice
from segmentation.shortcuts import judged_scans

BODIES, FEW = 120, 12
FULL = replace(LOCATOR.recipe, patch=(48, 64, 64))
WHOLE = "everything"
RECIPES = {
    WHOLE: FULL,
    "portal phase alone": replace(FULL, phases={Phase.PORTAL: 1.0}),
    "no random contrast": replace(FULL, wild_probability=0.0),
    "no shadow of arms, no drift": replace(FULL, shadow_probability=0.0, shading_hu=(0.0, 0.0)),
    "no ends of scans": replace(FULL, cut_probability=0.0),
    "little noise, thin slices": replace(FULL, noise_hu=(2.5, 2.6), thickness_mm=(1.0, 1.1)),
    f"{FEW} bodies instead of {BODIES}": FULL,
    "bodies stretched too": replace(FULL, stretch=0.08),
}
CPU = torch.device("cpu")


def learned(name: str, recipe: Recipe, seed: int, steps: int, work: Path) -> Locator:
    """The network of one recipe, trained as far as it is not yet."""
    bodies = work / "bodies"
    draw_subjects(bodies, range(BODIES), recipe.spacing_mm, LOCATOR.body)
    files = subject_files(bodies)[: FEW if name.startswith(str(FEW)) else BODIES]
    torch.manual_seed(seed)
    network = train(
        ResidualUNet(LOCATOR.network),
        SyntheticBatches(files, recipe, seed),
        LoopSettings(steps=steps),
        TrainingRun(work / f"{name}-{seed}".replace(" ", "-"), CPU),
    )
    part = Part("", "", (recipe.spacing_mm,) * 3, recipe.patch, recipe.window_hu, LOCATOR.network)
    return Locator(part, Network.of(network), 0.5)


def liver_dice(locator: Locator, scan: Scan, truth: np.ndarray) -> float:
    """Dice of the liver that the network alone finds, on the scan's own grid."""
    coarse = locator.locate(
        scan, Run("cpu", pick_engine("cpu", "float32"), EXHAUSTIVE), lambda share: None
    )
    found = scan.back(coarse.liver.astype(np.float32), coarse.lattice, scan.whole) > 0.5
    return dice(found, scan.upright.apply(truth)) or 0.0


def main() -> None:
    """Train, judge, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data" / "real"
    )
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "synthesis")
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seeds", type=int, default=2)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    scores: dict[str, list[list[float]]] = {name: [] for name in RECIPES}
    scans = {
        name: (Scan.of(volume), truth["liver"])
        for name, (volume, truth) in judged_scans(chosen.data).items()
        if "liver" in truth
    }
    for seed in range(chosen.seeds):
        for name, recipe in RECIPES.items():
            locator = learned(name, recipe, seed, chosen.steps, chosen.work)
            scores[name].append([liver_dice(locator, *case) for case in scans.values()])
            print(seed, name, np.round(scores[name][-1], 3), flush=True)
    is_real = np.array([not name.startswith("phantom") for name in scans])
    means = {name: np.mean(runs, axis=0) for name, runs in scores.items()}
    rows = []
    for name, mean in means.items():
        spread = np.ptp([np.mean(np.array(run)[is_real]) for run in scores[name]])
        cells = [f"{value:.3f}" for value in mean[is_real]]
        summary = f"{mean[is_real].mean():.3f} (± {spread / 2:.3f})"
        change = mean[is_real].mean() - means[WHOLE][is_real].mean()
        phantoms = f"{mean[~is_real].mean():.3f}"
        rows.append([name, *cells, summary, f"{change:+.3f}", phantoms])
    real = [name for name, flag in zip(scans, is_real, strict=True) if flag]
    page = write_page(
        "synthesis",
        "What the parts of the synthesis bring on real livers",
        f"python benchmarks/synthesis.py --steps {chosen.steps} --seeds {chosen.seeds}",
        f"Liver Dice of a network of the locator's size at 4 mm alone, {chosen.steps} steps of one "
        f"crop of {FULL.patch[0]} × {FULL.patch[1]} × {FULL.patch[2]} voxels, mean of "
        f"{chosen.seeds} seeds; in brackets half the distance of the seeds. *Change*: of the mean "
        "over the real scans against everything.",
        markdown_table(["images with", *real, "real, mean", "change", "phantoms, mean"], rows),
    )
    print(page)


if __name__ == "__main__":
    main()
