"""The embedded model on phantoms it was not trained on: by lesion size, phase and slice thickness.

Usage: python benchmarks/default_model.py [--bodies 12] [--model NAME] [--work DIR] [--processes 1]

Bodies have seeds that training never uses. Each is scanned in four phases, with noise of its own
and slices of 1.5, 3 or 4.5 mm. Intervals are bootstrapped over bodies.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path

import cc3d
import numpy as np
import torch

from lvt_track.core.series import Phase
from lvt_track.core.volume import CLASSES
from lvt_track.evaluate.centrelines import centreline_dice
from lvt_track.evaluate.detection import (
    CaseScores,
    Detection,
    lesion_detection,
    score_case,
)
from lvt_track.phantom.body.tissues import Tissue
from lvt_track.phantom.image.visibility import SEEN, LesionMaps, conspicuity
from lvt_track.segment.infer import segment
from lvt_track.segment.models import Model, load_model
from pages.markdown import markdown_table, write_page
from scans.phantoms import SLICES, TUMORS, VOXEL_MM, phantom_labels, phantom_scan

FIRST_SEED = 90_000
PHASES = (Phase.PORTAL, Phase.NATIVE, Phase.ARTERIAL, Phase.DELAYED)
DRAWS = 2000
CONTRASTS_HU = (0.0, 10.0, 25.0, 50.0, np.inf)
SIZES = ("< 5 mm", "5–10 mm", "10–20 mm", "> 20 mm")
DOUBLES = (Tissue.CYST, Tissue.FOCAL_FAT, Tissue.PERFUSION_CHANGE)
LEAST_DOUBLE_MM = 5.0


@dataclass(frozen=True)
class Case:
    """One scan's circumstances and scores.

    `seen` counts the lesions that its image shows; `by_contrast` those of each range of contrast;
    `doubles` those of each kind that is no tumour, found where it is called one.
    """

    seed: int
    phase: Phase
    slice_mm: float
    scores: CaseScores
    seen: Detection
    by_contrast: tuple[Detection, ...]
    vessel_cldice: float
    liver_ml: float
    doubles: tuple[Detection, ...]


def run(seed: int, phase: Phase, step: int, labels: np.ndarray, model: Model) -> Case:
    """Segment one scan and score it."""
    volume, truth = phantom_scan(labels, seed, phase, step)
    found = segment(volume, model, "cpu").masks
    tissues = labels[::step]
    number = cc3d.connected_components(truth.tumors, connectivity=26)
    arrays = (number.astype(np.int32), tissues, tissues == Tissue.LIVER, truth.liver)
    stands_out = conspicuity(
        torch.from_numpy(volume.hu),
        LesionMaps(*map(torch.from_numpy, arrays)),
        volume.geometry.spacing_mm,
    )
    shown = truth.tumors & (stands_out.numpy() >= SEEN)[number]
    contrast_hu = contrasts_hu(volume.hu, number, tissues == Tissue.LIVER)
    bands = [
        truth.tumors & ((contrast_hu >= low) & (contrast_hu < high))[number]
        for low, high in pairwise(CONTRASTS_HU)
    ]
    voxel_ml = volume.geometry.voxel_volume_ml
    case = Case(
        seed,
        phase,
        step * VOXEL_MM,
        score_case(found, truth),
        lesion_detection(found.tumors, shown, 1000.0 * voxel_ml),
        tuple(lesion_detection(found.tumors, band, 1000.0 * voxel_ml) for band in bands),
        centreline_dice(found.vessels, truth.vessels) or 0.0,
        float(np.count_nonzero(found.liver) * voxel_ml),
        tuple(
            lesion_detection(found.tumors, tissues == double, 1000.0 * voxel_ml)
            for double in DOUBLES
        ),
    )
    overlap = {name: None if v is None else round(v, 3) for name, v in case.scores.dice.items()}
    print(seed, phase.value, case.slice_mm, overlap, case.scores.detection, flush=True)
    return case


def contrasts_hu(hu: np.ndarray, number: np.ndarray, parenchyma: np.ndarray) -> np.ndarray:
    """How far the mean of each numbered lesion lies from the liver's median; of 0 too."""
    sizes = np.maximum(np.bincount(number.ravel()), 1)
    means = np.bincount(number.ravel(), weights=hu.ravel()) / sizes
    return np.abs(means - np.median(hu[parenchyma]))


def mean_dice(cases: Sequence[Case], name: str) -> float:
    """Mean over the cases that have the class at all."""
    values = [case.scores.dice[name] for case in cases]
    return float(np.mean([value for value in values if value is not None]))


def mean_cldice(cases: Sequence[Case]) -> float:
    """Mean clDice of the vessels."""
    return float(np.mean([case.vessel_cldice for case in cases]))


def pooled(cases: Sequence[Case], of: Callable[[Case], Detection]) -> Detection:
    """Lesions of all cases."""
    total = of(cases[0])
    for case in cases[1:]:
        total += of(case)
    return total


def all_lesions(case: Case) -> Detection:
    """Whether its image shows them or not."""
    return case.scores.detection


def shown_lesions(case: Case) -> Detection:
    """Those that its image shows."""
    return case.seen


def found_share(cases: Sequence[Case], size: int, of: Callable[[Case], Detection]) -> float:
    """Share of the true lesions of one class of size that were found."""
    total = pooled(cases, of)
    return total.detected[size] / total.true[size] if total.true[size] else float("nan")


def false_per_scan(cases: Sequence[Case]) -> float:
    """Found lesions that are not true."""
    return sum(pooled(cases, all_lesions).false) / len(cases)


def phase_deviations(cases: Sequence[Case], phase: Phase) -> np.ndarray:
    """Liver volume of a phase against that of the portal scan of the same body, %."""
    portal = {case.seed: case.liver_ml for case in cases if case.phase is Phase.PORTAL}
    return np.array(
        [100.0 * (c.liver_ml / portal[c.seed] - 1.0) for c in cases if c.phase is phase]
    )


def interval(cases: Sequence[Case], statistic: Callable[[Sequence[Case]], float]) -> str:
    """A statistic with its 95 % interval, bootstrapped over bodies."""
    rng = np.random.default_rng(0)
    groups = [[c for c in cases if c.seed == seed] for seed in sorted({c.seed for c in cases})]
    draws = []
    for _ in range(DRAWS):
        chosen = rng.integers(len(groups), size=len(groups))
        draws.append(statistic([case for i in chosen for case in groups[i]]))
    low, high = np.nanpercentile(draws, [2.5, 97.5])
    return f"{statistic(cases):.2f} ({low:.2f} to {high:.2f})"


def row(name: str, cases: Sequence[Case]) -> list[object]:
    """One line of the table."""
    total = pooled(cases, all_lesions)
    return [
        name,
        len(cases),
        *(interval(cases, partial(mean_dice, name=part)) for part in CLASSES),
        interval(cases, mean_cldice),
        *(f"{total.detected[k]} of {total.true[k]}" for k in range(len(SIZES))),
        interval(cases, false_per_scan),
    ]


def share_row(label: str, size: int, cases: Sequence[Case]) -> list[object]:
    """Lesions of one size: all of them, and those that the image shows."""
    seen = pooled(cases, shown_lesions)
    return [
        label,
        interval(cases, partial(found_share, size=size, of=all_lesions)),
        f"{seen.detected[size]} of {seen.true[size]}",
        interval(cases, partial(found_share, size=size, of=shown_lesions)),
    ]


def contrast_row(band: int, cases: Sequence[Case]) -> list[object]:
    """Lesions of one range of contrast, by size."""
    low, high = CONTRASTS_HU[band : band + 2]
    total = pooled(cases, lambda case: case.by_contrast[band])
    label = f"{low:g} to {high:g} HU" if np.isfinite(high) else f"over {low:g} HU"
    return [label, *(f"{total.detected[k]} of {total.true[k]}" for k in range(len(SIZES)))]


def double_row(phase: Phase, cases: Sequence[Case]) -> list[object]:
    """Doubles called tumours in a phase, by kind."""
    some = [case for case in cases if case.phase is phase]
    cells: list[object] = [phase.value]
    for kind in zip(*(case.doubles for case in some), strict=True):
        called, there, _ = sum(kind[1:], kind[0]).between(LEAST_DOUBLE_MM, np.inf)
        cells.append(f"{called} of {there}")
    return cells


def phase_row(phase: Phase, cases: Sequence[Case]) -> list[object]:
    """Liver volume of a phase against the portal one."""
    deviations = phase_deviations(cases, phase)
    return [
        phase.value,
        f"{deviations.mean():+.1f}",
        f"{np.abs(deviations).mean():.1f}",
        f"{np.abs(deviations).max():.1f}",
    ]


def body_cases(model: str, work: Path, number: int) -> list[Case]:
    """One body in every phase, by one thread."""
    torch.set_num_threads(1)
    seed, loaded = FIRST_SEED + number, load_model(model)
    labels = phantom_labels(seed, work)
    return [run(seed, phase, SLICES[number % 3], labels, loaded) for phase in PHASES]


def main() -> None:
    """Scan, segment, score, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bodies", type=int, default=12)
    parser.add_argument("--model", default="default", help="name or folder of the model")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "held-out")
    parser.add_argument("--page", default="default-model-held-out", help="in docs/results")
    parser.add_argument("--processes", type=int, default=1)
    chosen = parser.parse_args()
    model = load_model(chosen.model)
    cases_of = partial(body_cases, chosen.model, chosen.work)
    with ProcessPoolExecutor(chosen.processes, get_context("spawn")) as pool:
        cases = [case for some in pool.map(cases_of, range(chosen.bodies)) for case in some]
    groups = {p.value: [c for c in cases if c.phase is p] for p in PHASES}
    for step in SLICES:
        thick = [c for c in cases if c.phase is Phase.PORTAL and c.slice_mm == step * VOXEL_MM]
        groups[f"portal, slices of {step * VOXEL_MM:g} mm"] = thick
    header = ["scans", "n", *(f"{name} Dice" for name in CLASSES), "vessels clDice"]
    header += [f"found {SIZES[0]}", *SIZES[1:], "false per scan"]
    shown = [share_row(label, k, groups["portal"]) for k, label in enumerate(SIZES)]
    page = write_page(
        chosen.page,
        "The embedded model on phantoms it was not trained on",
        f"python benchmarks/default_model.py --bodies {chosen.bodies}",
        f"Version {model.parts[0].card.version}, weights {model.sha256[:12]}. {chosen.bodies} "
        f"bodies with {TUMORS} tumours of 3 to 120 mm "
        "each where they fit, and cysts and the like, seeds from "
        f"{FIRST_SEED}; noise of 8 to 20 HU at {VOXEL_MM} mm. In brackets 95 % intervals, "
        "bootstrapped over bodies. A lesion is found when a tenth of it is covered.",
        markdown_table(header, [row(name, some) for name, some in groups.items() if some]),
        "Tumours found in the portal phase. An image *shows* a lesion when its rim, core or whole "
        f"stands out of the liver around it by {SEEN:g} times the noise that its size leaves "
        "(`lvt_track.phantom.image.visibility`); many drawn here are as bright as their liver.",
        markdown_table(["diameter", "share of all", "of those shown", "share of those"], shown),
        "Found in all phases, by how far a tumour's mean lies from its liver:",
        markdown_table(
            ["contrast", *SIZES],
            [contrast_row(band, cases) for band in range(len(CONTRASTS_HU) - 1)],
        ),
        f"What is no tumour and called one, of {LEAST_DOUBLE_MM:g} mm and more:",
        markdown_table(
            ["phase", *(double.name.lower().replace("_", " ") for double in DOUBLES)],
            [double_row(phase, cases) for phase in PHASES],
        ),
        "Liver volume of a phase against the portal scan of the same body, %:",
        markdown_table(
            ["phase", "mean", "mean size", "largest"],
            [phase_row(phase, cases) for phase in PHASES[1:]],
        ),
    )
    print(page)


if __name__ == "__main__":
    main()
