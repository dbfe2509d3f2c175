"""What segmenting one scan costs: seconds per stage and peak memory, for a short and a long scan.

    python benchmarks/segment.py

Times the networks of the default model on a synthetic CT of 512 x 512 x 129 voxels at
0.57 x 0.57 x 1.6 mm, and on the same patient with slices added below to 1,000. Reading and writing
files are not counted. Each scan runs in a process of its own, so that memory is its own.
"""

from __future__ import annotations

import datetime as dt
import multiprocessing
import platform
import resource
from pathlib import Path

import numpy as np
import torch

from lvt_track.core.geometry import Geometry
from lvt_track.core.records import Phase
from lvt_track.core.volume import Volume
from lvt_track.phantom.image import Scanner, synthesise_image
from lvt_track.phantom.subjects import draw_subject
from lvt_track.segment.grid import resample
from lvt_track.segment.infer import segment
from lvt_track.segment.models import load_model

TABLE = Path(__file__).parents[1] / "docs" / "results" / "segment.md"
SPACING_MM = (1.6, 0.57, 0.57)
SHAPE = (129, 512, 512)
LONG = 1000
RUNS = 3


def scan(slices: int) -> Volume:
    """A synthetic patient, the liver in view, of so many slices."""
    labels = torch.from_numpy(draw_subject(5, 3.0, "upper"))
    hu = synthesise_image(labels, 3.0, Phase.PORTAL, Scanner(), torch.Generator().manual_seed(0))
    spans = []
    for size, step, have in zip(SHAPE, SPACING_MM, hu.shape, strict=True):
        half = size * step / 3.0 / 2.0
        spans.append((have / 2.0 - half, have / 2.0 + half))
    part = resample(hu, SHAPE, (spans[0], spans[1], spans[2])).numpy().astype(np.int16)
    padded = np.pad(part, ((slices - SHAPE[0], 0), (0, 0), (0, 0)), mode="edge")
    return Volume(padded, Geometry.axial(padded.shape, SPACING_MM))


def measure(slices: int) -> tuple[dict[str, float], float, str, float]:
    """Median seconds per stage, peak memory in GB, device, and mL of liver."""
    volume, model = scan(slices), load_model()
    runs = [segment(volume, model) for _ in range(RUNS)]
    seconds = {
        name: float(np.median([run.seconds[name] for run in runs])) for name in runs[0].seconds
    }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return seconds, peak, runs[0].device, runs[0].masks.volume_ml("liver")


def main() -> None:
    """Measure both scans and write the table."""
    lines = [
        "# What segmenting a scan costs",
        "",
        f"{dt.date.today().isoformat()}, {platform.machine()}, {torch.get_num_threads()} threads, "
        f"torch {torch.__version__}. `python benchmarks/segment.py`; medians of {RUNS} runs, files "
        "not counted.",
        "",
        "| scan | device | locate | resample | network | restore | total | peak memory | liver |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for slices in (SHAPE[0], LONG):
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            seconds, peak, device, liver_ml = pool.apply(measure, (slices,))
        cells = [f"{seconds[name]:.1f} s" for name in ("locate", "resample", "network", "restore")]
        lines.append(
            f"| 512 × 512 × {slices} | {device} | {' | '.join(cells)} | "
            f"{sum(seconds.values()):.1f} s | {peak:.1f} GB | {liver_ml:.0f} mL |"
        )
    TABLE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
