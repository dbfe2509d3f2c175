"""What `partial_labels.py` tells of its runs: figures, their intervals, and the page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.volume import CLASSES
from pages.markdown import markdown_table, write_page

LEAST_MM = 10.0
"""Size from which a lesion counts as large."""

RESAMPLES = 2000


def run_file(work: Path, method: str, seed: int) -> Path:
    """Where the result of one run is kept."""
    return work / "runs" / f"{method}-{seed}.json"


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
{channels} channels. `full` sees all labels of all scans, `full-tumor-scans`
all labels of the two datasets that show tumours. {tests} other phantoms are the test, with
complete labels. As `lvt segment` draws near the liver that its locator found, voxels further than
{margin:g} mm from the liver are neither learned nor judged. Nothing is cleaned after the network.
Seeds that were run: {runs}.

Dice is the mean over scans that have the class; precision and recall pool all voxels. A lesion is
found when a tenth of its voxels is; a drawn lesion is right when a tenth of its voxels is tumour.
In brackets: 95 % intervals of a bootstrap over scans and seeds ({resamples} resamples). – stands
where nothing was drawn."""


def write(work: Path, methods: Sequence[str], seeds: int, command: str, facts: dict) -> None:
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
