"""What a GPU makes of segmenting, registering and training: seconds and memory per stage.

    python benchmarks/gpu.py            under five minutes; writes docs/results/gpu.md

Masks are held against those of the CPU on the same scan. Without a GPU it says so and ends with 2.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.volume import CLASSES
from lvt_track.register.align import align
from lvt_track.register.liver_image import LiverImage, liver_image
from lvt_track.segment.device import describe_gpus
from lvt_track.segment.infer import FAST, Segmentation, segment
from lvt_track.segment.models import load_model
from lvt_track.segment.network.unet import ResidualUNet
from pages.markdown import markdown_table, write_page
from scans.clinical import clinical_scan
from segmentation.overlap import dice

RUNS = 5
PATCH, BATCH, STEPS = (96, 96, 96), 2, 20
BREATH_MM, BENT_MM, NOISE_HU = 9.0, 12.0, 10.0


def timed(job: Callable[[], object]) -> tuple[float, float]:
    """Seconds of a job, its end awaited, and the most memory in GB that it held on the GPU."""
    torch.cuda.reset_peak_memory_stats()
    start = time.perf_counter()
    job()
    torch.cuda.synchronize()
    return time.perf_counter() - start, torch.cuda.max_memory_allocated() / 1e9


def median_of(job: Callable[[], object]) -> tuple[float, float]:
    """Median seconds of warm runs, and their peak memory."""
    job()
    runs = [timed(job) for _ in range(RUNS)]
    return statistics.median(seconds for seconds, _ in runs), max(peak for _, peak in runs)


def segmenting() -> tuple[str, LiverImage]:
    """Seconds per stage of a scan of 512 x 512 x 129, against the CPU; its liver."""
    scan, rows, found = clinical_scan(), [], {}
    for place, precision in (("cpu", "auto"), ("cuda", "float32"), ("cuda", "auto")):
        model, runs = load_model(), []
        effort = replace(FAST, precision=precision)
        for _ in range(1 if place == "cpu" else 1 + RUNS):
            torch.cuda.reset_peak_memory_stats()
            start = time.perf_counter()
            runs.append(segment(scan, model, place, effort=effort))
            seconds = time.perf_counter() - start
        last = runs[-1]
        found[place, precision] = last
        rows.append(
            [
                last.device,
                f"{seconds:.2f}",
                *(f"{value:.2f}" for value in last.seconds.values()),
                f"{torch.cuda.max_memory_allocated() / 1e9:.1f}",
                *same_as(last, found["cpu", "auto"]),
            ]
        )
        names = list(last.seconds)
    heads = ["ran on", "s", *(f"{name}, s" for name in names), "GPU GB", *CLASSES]
    note = "The last of the warm runs; Dice with the CPU's masks in the last three columns."
    image = liver_image(scan, found["cpu", "auto"].masks)
    return f"{markdown_table(heads, rows)}\n\n{note}", image


def same_as(one: Segmentation, other: Segmentation) -> list[str]:
    """Dice of each class."""
    return [f"{dice(getattr(one.masks, n), getattr(other.masks, n)):.4f}" for n in CLASSES]


def moved(image: LiverImage) -> LiverImage:
    """Another visit of a liver: breathed 9 mm down, bent by up to about 12 mm, with new noise."""
    rng = np.random.default_rng(0)
    step_mm = image.geometry.spacing_mm[0]
    bend = np.stack(
        [ndimage.gaussian_filter(rng.standard_normal(image.hu.shape), 8.0) for _ in range(3)]
    )
    bend *= BENT_MM / step_mm / np.abs(bend).max()
    bend[0] += BREATH_MM / step_mm
    places = np.indices(image.hu.shape) + bend

    def there(values: NDArray[np.generic], order: int) -> NDArray[np.float32]:
        read = ndimage.map_coordinates(
            values.astype(np.float32), places, order=order, mode="nearest"
        )
        return read.astype(np.float32)

    hu = there(image.hu, 1) + rng.normal(0.0, NOISE_HU, image.hu.shape)
    masks = {name: there(getattr(image, name), 0) > 0.5 for name in ("liver", "tumors", "inside")}
    return replace(image, hu=hu.round().astype(np.int16), **masks)


def registering(fixed: LiverImage) -> str:
    """Seconds of a pair of visits, how well they then lie, and how far the GPU is from the CPU."""
    moving, points_mm, rows = moved(fixed), fixed.liver_points_mm()[::50], []
    by_cpu = align(fixed, moving, 0, "cpu")
    for place in ("cpu", "cuda"):
        seconds, peak = median_of(lambda place=place: align(fixed, moving, 0, place))
        alignment = align(fixed, moving, 0, place)
        apart = alignment.to_moving(points_mm) - by_cpu.to_moving(points_mm)
        off_mm = np.linalg.norm(apart, axis=1)
        quality = alignment.quality
        fit = [quality.method, f"{quality.liver_dice:.3f}", f"{quality.surface_distance_mm:.2f}"]
        rows.append([place, f"{seconds:.2f}", f"{peak:.1f}", *fit, f"{off_mm.max():.3f}"])
    heads = ["elastic step on", "s a pair", "GPU GB", "method", "liver Dice"]
    heads += ["surfaces apart, mm", "most from the CPU's map, mm"]
    note = (
        f"The second visit is the first, {BREATH_MM:g} mm lower, bent by up to {BENT_MM:g} mm, "
        f"with noise of {NOISE_HU:g} HU."
    )
    return f"{markdown_table(heads, rows)}\n\n{note}"


def training() -> str:
    """Seconds of a step of the default segmenter, plainly and with what may speed it up."""
    size = load_model().parts[0].card.segmenter.network
    rows = []
    for name, layout, compiles in (
        ("as it is", torch.contiguous_format, False),
        ("channels last", torch.channels_last_3d, False),
        ("channels last, compiled", torch.channels_last_3d, True),
    ):
        network = ResidualUNet(size).cuda().to(memory_format=layout)
        forward = torch.compile(network) if compiles else network
        optimizer = torch.optim.AdamW(network.parameters())
        windows = torch.randn(BATCH, 1, *PATCH, device="cuda").to(memory_format=layout)

        def steps(
            forward: Callable[[torch.Tensor], torch.Tensor] = forward,
            optimizer: torch.optim.Optimizer = optimizer,
            windows: torch.Tensor = windows,
        ) -> None:
            for _ in range(STEPS):
                optimizer.zero_grad(set_to_none=True)
                with torch.autocast("cuda", dtype=torch.bfloat16):
                    loss = forward(windows).float().square().mean()
                loss.backward()
                optimizer.step()

        seconds, peak = median_of(steps)
        rows.append([name, f"{seconds / STEPS * 1000:.0f}", f"{peak:.1f}"])
    return markdown_table([f"{BATCH} crops of 96³, bfloat16", "ms a step", "GPU GB"], rows)


def main() -> None:
    """Measure and write the page."""
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    if not torch.cuda.is_available():
        print("there is no GPU here; docs/results/gpu.md waits for one", file=sys.stderr)
        raise SystemExit(2)
    segments, image = segmenting()
    parts = [f"On {', '.join(describe_gpus())}.", "## Segmenting", segments]
    parts += ["## Registering", registering(image), "## Training", training()]
    page = write_page("gpu", "What a GPU makes of it", "python benchmarks/gpu.py", *parts)
    page.write_text(page.read_text(encoding="utf-8").replace(", no GPU used", ""), encoding="utf-8")
    print(page)


if __name__ == "__main__":
    main()
