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
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from table import markdown_table, write_page

from lvt_track.core.geometry import Geometry
from lvt_track.core.records import Phase
from lvt_track.core.volume import CLASSES
from lvt_track.phantom.image import Scanner, synthesise_image
from lvt_track.phantom.scatter import without_lesions
from lvt_track.phantom.subjects import draw_subjects
from lvt_track.phantom.tissues import LIVER_TISSUES, TUMOR_TISSUES, VESSEL_TISSUES
from lvt_track.phantom.tumors import TumorKind, draw_tumor, stamp
from lvt_track.segment.network import NetworkParameters, ResidualUNet, normalise
from lvt_track.training.augment import Augmentation
from lvt_track.training.datasets.prepared import BITS, IGNORE
from lvt_track.training.evaluate import SIZES_MM, lesion_detection
from lvt_track.training.evaluate_centrelines import centreline_dice
from lvt_track.training.judge import class_probabilities
from lvt_track.training.knowledge import COMPLETE, Annotation, Knowledge
from lvt_track.training.loop import LoopSettings, train
from lvt_track.training.patches import PatchBatches, PatchPlan
from lvt_track.training.rivals import METHODS

YES, NO = Annotation.EVERYWHERE, Annotation.NONE
DATASETS = {
    "liver and tumours": Knowledge(YES, NO, YES),
    "vessels and tumours": Knowledge(NO, YES, YES),
    "liver": Knowledge(YES, NO, NO),
}
TISSUES = dict(zip(CLASSES, (LIVER_TISSUES, VESSEL_TISSUES, TUMOR_TISSUES), strict=True))
METASTASES = (TumorKind.HYPODENSE, TumorKind.RIM_ENHANCING, TumorKind.NECROTIC)
CYSTS = (TumorKind.CYST,)
DIAMETERS_MM = (8.0, 50.0)
CONTRAST_HU = 12.0
CHANNELS, BLOCKS = (16, 32, 64), (1, 1)
PATCH = (24, 24, 24)
SAMPLES = 4
MARGIN_MM = 12.0
AUGMENTATION = Augmentation(affine=0.15, elastic=0.0, low_resolution=0.05)
NOISE_HU = 10.0
LEAST_MM = 10.0
# Bodies that no pilot saw: the method was changed after earlier ones.
FIRST_SEED = 5000
RESAMPLES = 2000


@dataclass(frozen=True, eq=False)
class Phantom:
    """A synthetic scan around the liver, with the labels its dataset shows."""

    dataset: str
    knowledge: Knowledge
    spacing_mm: tuple[float, float, float]
    hu: NDArray[np.int16]
    bits: NDArray[np.uint8]

    def image(self) -> NDArray[np.int16]:
        """HU (z, y, x)."""
        return self.hu

    def labels(self) -> NDArray[np.uint8]:
        """Labels that are not hidden; what is far from the liver is ignored."""
        shown = sum(BITS[name] for name in self.knowledge.annotated)
        return self.bits & np.uint8(shown | IGNORE)

    @property
    def near(self) -> NDArray[np.bool_]:
        """Voxels near the liver, which alone are learned and judged."""
        return (self.bits & IGNORE) == 0

    @cached_property
    def _places(self) -> dict[str, NDArray[np.int32]]:
        labels = self.labels()
        return {name: np.argwhere(labels & bit)[::5].astype(np.int32) for name, bit in BITS.items()}

    def foreground(self, name: str) -> NDArray[np.int32]:
        """Every fifth voxel of a class, if it is annotated."""
        return self._places[name]

    def truth(self, name: str) -> NDArray[np.bool_]:
        """The whole mask of a class."""
        return (self.bits & BITS[name]) != 0


def phantom(path: Path, spacing_mm: float, dataset: str, knowledge: Knowledge) -> Phantom:
    """The surroundings of a body's liver, scanned once in the portal venous phase."""
    body = np.load(path)
    liver = np.isin(body, [int(tissue) for tissue in LIVER_TISSUES])
    (box,) = ndimage.find_objects(liver.astype(np.int8))
    margin = round(MARGIN_MM / spacing_mm)
    labels = body[tuple(slice(max(0, cut.start - margin), cut.stop + margin) for cut in box)]
    seed = int(path.stem)
    labels, own_hu = with_metastases(labels, spacing_mm, np.random.default_rng([seed, 0x3E]))
    generator = torch.Generator().manual_seed(seed)
    scanner = Scanner(noise_hu=NOISE_HU)
    image = synthesise_image(
        torch.from_numpy(labels),
        spacing_mm,
        Phase.PORTAL,
        scanner,
        generator,
        contrast_hu=torch.from_numpy(own_hu).float(),
    )
    inside = np.isin(labels, [int(tissue) for tissue in LIVER_TISSUES])
    far = ndimage.distance_transform_edt(~inside, sampling=spacing_mm) > MARGIN_MM
    bits = far.astype(np.uint8) * np.uint8(IGNORE)
    for name, tissues in TISSUES.items():
        bits[np.isin(labels, [int(tissue) for tissue in tissues])] |= BITS[name]
    return Phantom(
        dataset, knowledge, (spacing_mm,) * 3, image.round().numpy().astype(np.int16), bits
    )


def with_metastases(
    labels: NDArray[np.uint8], spacing_mm: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The body with other lesions, of a size that these voxels show, and HU to add to each."""
    labels = without_lesions(labels)
    geometry = Geometry.axial(labels.shape, (spacing_mm,) * 3)
    liver = np.argwhere(np.isin(labels, [int(tissue) for tissue in LIVER_TISSUES]))
    lesions = []
    for kind in (*rng.choice(METASTASES, rng.integers(1, 6)), *CYSTS[: rng.integers(2)]):
        x, y, z = (float(v) for v in geometry.to_world(liver[rng.integers(len(liver))]))
        diameter_mm = float(np.exp(rng.uniform(*np.log(DIAMETERS_MM))))
        lesions.append(draw_tumor(rng, (x, y, z), diameter_mm, TumorKind(kind)))
    labels, identity = stamp(labels, geometry, lesions)
    own_hu = np.concatenate([[0.0], rng.normal(0.0, CONTRAST_HU, len(lesions))])
    return labels, own_hu[identity]


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
        network = train(network, batches, settings, Path(folder), device, method=chosen)
    seconds = time.perf_counter() - started
    scores = []
    for case in tests:
        image = normalise(torch.from_numpy(case.hu), plan.window_hu)
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
            counts[f"{size} {what} right"] = sum(detection.found[first:])
    return counts


Counts = dict[str, NDArray[np.float64]]
"""Counts by name, each (seeds, cases)."""

Pick = tuple[NDArray[np.float64], NDArray[np.intp]]
"""One draw of the bootstrap: seeds as shares of how many there are, and cases."""


def figures(counts: Counts) -> dict[str, float]:
    """What the page tells, by name, in percent."""
    told: dict[str, float] = {}
    with np.errstate(invalid="ignore"):
        for name in CLASSES:
            hit, found, true = (counts[f"{name} {what}"] for what in ("hit", "found", "true"))
            overlap = np.where(true > 0, 2.0 * hit / (found + true), np.nan)
            told[f"{name} Dice"] = float(np.nanmean(overlap))
            told[f"{name} precision"] = float(hit.sum() / found.sum())
            told[f"{name} recall"] = float(hit.sum() / true.sum())
        told["vessels clDice"] = float(np.nanmean(counts["vessels clDice"]))
        for size in ("all", "large"):
            for what in ("true", "drawn"):
                right, every = counts[f"{size} {what} right"], counts[f"{size} {what}"]
                told[f"{size} {what}"] = float(right.sum() / every.sum())
    return {name: 100.0 * value for name, value in told.items()}


def resampled(counts: Counts, picks: Sequence[Pick]) -> list[dict[str, float]]:
    """The figures of resampled seeds and cases."""
    runs = len(next(iter(counts.values())))
    return [
        figures(
            {
                name: values[np.ix_((seeds[:runs] * runs).astype(int), cases)]
                for name, values in counts.items()
            }
        )
        for seeds, cases in picks
    ]


def interval(values: Sequence[float]) -> str:
    """The middle 95 % of bootstrap values."""
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return f"{low:.1f} … {high:.1f}"


PAGE = """Phantoms make three datasets of {each} scans each, none complete: liver and tumours;
vessels and tumours, without the liver; liver alone. Every method sees the same scans, crops and
chance: {spacing:g} mm voxels, {samples} patches of {patch}³ per step, {steps} steps, a network of
{channels} channels. `full` sees all labels of all scans. {tests} other phantoms are the test, with
complete labels. As `lvt segment` draws near the liver that its locator found, voxels further than
{margin:g} mm from the liver are neither learned nor judged. Nothing is cleaned after the network.
Seeds that were run: {runs}.

Dice is the mean over scans that have the class; precision and recall pool all voxels. A lesion is
found when a tenth of its voxels is; a drawn lesion is right when a tenth of its voxels is tumour.
In brackets: 95 % intervals of a bootstrap over scans and seeds ({resamples} resamples). – stands
where nothing was drawn."""


def page(work: Path, methods: Sequence[str], seeds: int, command: str, facts: dict) -> None:
    """Write the results of the runs that are there."""
    counts: dict[str, Counts] = {}
    for method in methods:
        files = [run_file(work, method, seed) for seed in range(seeds)]
        runs = [json.loads(file.read_text()) for file in files if file.exists()]
        if not runs:
            continue
        names = runs[0]["scores"][0]
        counts[method] = {
            name: np.array([[case[name] for case in run["scores"]] for run in runs], dtype=float)
            for name in names
        }
    rng = np.random.default_rng(0)
    cases = next(iter(counts["ours"].values())).shape[1]
    picks = [(rng.random(seeds), rng.integers(cases, size=cases)) for _ in range(RESAMPLES)]
    told = {method: figures(values) for method, values in counts.items()}
    spread = {method: resampled(values, picks) for method, values in counts.items()}
    done = {method: len(values["all true"]) for method, values in counts.items()}

    def cell(method: str, name: str) -> str:
        if np.isnan(told[method][name]):
            return "–"
        values = [sample[name] for sample in spread[method]]
        return f"{told[method][name]:.1f} ({interval(values)})"

    def against(method: str, name: str) -> str:
        if np.isnan(told["ours"][name] - told[method][name]):
            return "–"
        pairs = zip(spread["ours"], spread[method], strict=True)
        apart = [ours[name] - theirs[name] for ours, theirs in pairs]
        return f"{told['ours'][name] - told[method][name]:+.1f} ({interval(apart)})"

    columns = {
        "Dice, %": [*(f"{name} Dice" for name in CLASSES), "vessels clDice"],
        "Precision, %": [f"{name} precision" for name in CLASSES],
        "Recall, %": [f"{name} recall" for name in CLASSES],
    }
    runs = ", ".join(f"{method} {count}" for method, count in done.items())
    parts = [PAGE.format(runs=runs, tests=cases, resamples=RESAMPLES, **facts)]
    for title, names in columns.items():
        rows = [[f"`{m}`", *(cell(m, name) for name in names)] for m in counts]
        parts += [f"## {title}", markdown_table(["method", *CLASSES, *names[3:]], rows)]
    sizes = {"all": "all", "large": f"{LEAST_MM:g} mm and more"}
    rows = [
        [f"`{m}`", *(cell(m, f"{size} {what}") for what in ("true", "drawn") for size in sizes)]
        for m in counts
    ]
    header = [f"{what}, {size}" for what in ("sensitivity", "precision") for size in sizes.values()]
    parts += ["## Lesions, %", markdown_table(["method", *header], rows)]
    chosen = ["tumors Dice", "vessels Dice", "liver Dice", "all true", "all drawn"]
    rows = [[f"`{m}`", *(against(m, name) for name in chosen)] for m in counts if m != "ours"]
    header = ["tumour Dice", "vessel Dice", "liver Dice", "lesion sensitivity", "lesion precision"]
    parts += [
        "## Ours minus the others, points",
        markdown_table(["method", *header], rows),
    ]
    write_page("partial-labels", "Learning from partial labels", command, *parts)


def run_file(work: Path, method: str, seed: int) -> Path:
    """Where the result of one run is kept."""
    return work / "runs" / f"{method}-{seed}.json"


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
        choices=list(METHODS),
        default=list(METHODS),
        help="run these alone, and write no page; two commands may share the methods",
    )
    parser.add_argument(
        "--page-only", action="store_true", help="write the page of the runs that are there"
    )
    chosen = parser.parse_args()
    if not chosen.page_only:
        run_missing(chosen)
    if set(chosen.methods) == set(METHODS):
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
        page(chosen.work, chosen.methods, chosen.seeds, command, facts)


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
            seen = [replace(case, knowledge=COMPLETE) for case in cases]
            result = train_and_test(
                method, seed, seen if method == "full" else cases, tests, chosen.steps
            )
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(result))
            partial.replace(path)
            print(f"{method} {seed}: {result['seconds']:.0f} s", flush=True)


if __name__ == "__main__":
    main()
