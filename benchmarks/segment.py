"""What segmenting costs, and what the shortcuts cost in accuracy.

    python benchmarks/segment.py time                      the command, beside nnU-Net's windows
    python benchmarks/segment.py together                  six commands at once, and six in a row
    python benchmarks/segment.py shortcuts [--data DIR]    step, precision, skipping: Dice lost
    python benchmarks/segment.py grids                     orientations, oblique scans, spacings
    python benchmarks/segment.py nnunet --nnunet-python P  agreement with nnUNetv2_predict

Each part can be run alone and writes its own section of docs/results/segment.md. Wall seconds of
`time` and `together` need a quiet machine, seconds of cores do not. P is the python of an
environment with `nnunetv2`; its training takes minutes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch

from lvt_track.core.geometry import Geometry
from lvt_track.core.threads import allowed_cores
from lvt_track.core.volume import Volume
from lvt_track.segment.device import pick_device
from lvt_track.segment.engine.choice import pick_engine
from lvt_track.segment.grid import shape_at
from lvt_track.segment.nnunet.segmenter import build_network
from lvt_track.segment.windows import window_boxes
from pages.markdown import RESULTS, machine, markdown_table
from pages.sections import write_section
from peers.nnunet_agreement import agreement
from scans.clinical import SHAPE, SPACING_MM, body, clinical_scan, written
from scans.real import REAL
from segmentation.command import Outcome, run_command
from segmentation.grids import compare_grids
from segmentation.shortcuts import compare_shortcuts

PAGE = RESULTS / "segment.md"
TITLE = "What segmenting a scan costs"
RUNS = 3
SIX = 6

# nnU-Net's plan for LiTS: spacing, window, and a full-size network of six levels.
NNUNET_SPACING_MM, NNUNET_PATCH = (1.0, 0.767, 0.767), (128, 128, 128)
NNUNET_NETWORK = {
    "n_stages": 6,
    "features_per_stage": [32, 64, 128, 256, 320, 320],
    "conv_op": "torch.nn.modules.conv.Conv3d",
    "kernel_sizes": [[3, 3, 3]] * 6,
    "strides": [[1, 1, 1]] + [[2, 2, 2]] * 5,
    "n_conv_per_stage": [2] * 6,
    "n_conv_per_stage_decoder": [2] * 5,
    "conv_bias": True,
    "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
    "norm_op_kwargs": {"eps": 1e-5, "affine": True},
    "nonlin": "torch.nn.LeakyReLU",
    "nonlin_kwargs": {"inplace": True},
}


def time_command() -> str:
    """The whole command for a short and a long scan, and nnU-Net's windows for the short one."""
    rows: list[list[str]] = []
    names: list[str] = []
    cores = []
    with tempfile.TemporaryDirectory() as folder:
        for slices in (SHAPE[0], 1000, 20):
            scan = written(clinical_scan(slices), Path(folder) / f"{slices}.nii.gz")
            runs = [run_command(scan, Path(folder) / "out") for _ in range(RUNS)]
            middle = sorted(runs, key=lambda run: run.core_seconds)[RUNS // 2]
            stages = middle.facts["seconds"]
            assert isinstance(stages, dict)
            rest = middle.seconds - sum(stages.values())
            names = names or list(stages)
            cores.append(middle.core_seconds)
            rows.append(
                [
                    f"512 × 512 × {slices}",
                    f"{middle.seconds:.1f} s",
                    f"{middle.core_seconds:.1f} s",
                    f"{max(run.peak_gb for run in runs):.1f} GB",
                    f"{rest:.1f} s",
                    *(f"{stages.get(name, 0.0):.1f} s" for name in names),
                ]
            )
    engine = str(pick_engine(pick_device("cpu")))
    window, count = nnunet_windows()
    table = markdown_table(
        ["scan", "whole command", "seconds of cores", "peak memory", "start-up", *names], rows
    )
    return "\n\n".join(
        [
            table,
            f"Medians of {RUNS} runs of `lvt segment`, {torch.get_num_threads()} threads, "
            f"{engine}, while {os.getloadavg()[2]:.0f} threads were busy on the machine. Seconds "
            "of cores (user and system) hardly depend on those, wall seconds do. The long scan "
            f"takes {cores[1] / cores[0]:.2f} times the seconds of cores of the short one.",
            f"nnU-Net at full resolution needs {count} windows of 128³ for the short scan, each "
            f"{window:.1f} s of cores here (median of {RUNS}, a full-size network with random "
            f"weights, float32, no mirroring): {count * window:.0f} s, without reading and export, "
            f"{count * window / cores[0]:.0f} times the whole command above.",
        ]
    )


def run_together() -> str:
    """Six commands at once on the cores that this process may use, and the same six in a row."""
    with tempfile.TemporaryDirectory() as folder:
        scan = written(clinical_scan(), Path(folder) / "scan.nii.gz")

        def run(k: int) -> Outcome:
            return run_command(scan, Path(folder) / f"out{k}")

        run(0)  # files and weights are then in the memory of the system
        rows, walls = [], []
        for name, at_once in (("in a row", 1), ("at once", SIX)):
            start = time.perf_counter()
            with ThreadPoolExecutor(at_once) as pool:
                runs = list(pool.map(run, range(SIX)))
            walls.append(time.perf_counter() - start)
            cores = sum(one.core_seconds for one in runs)
            rows.append([name, f"{walls[-1]:.1f} s", f"{cores:.1f} s", f"{runs[0].peak_gb:.1f} GB"])
    table = markdown_table(
        [f"{SIX} × `lvt segment`", "together", "seconds of cores", "peak memory of one"], rows
    )
    return (
        f"{table}\n\nThe scan of 512 × 512 × {SHAPE[0]}, {allowed_cores()} cores, each command "
        f"with as many threads. At once they take {walls[1] / walls[0]:.2f} times as long as in a "
        "row."
    )


def nnunet_windows() -> tuple[float, int]:
    """Seconds of cores of one window of a full-size nnU-Net, and how many the short scan needs."""
    network = build_network("PlainConvUNet", NNUNET_NETWORK, 3).eval()
    image = torch.randn(1, 1, *NNUNET_PATCH)
    seconds = []
    with torch.inference_mode():
        for _ in range(RUNS):
            start = time.process_time()
            network(image)
            seconds.append(time.process_time() - start)
    grid = shape_at(SHAPE, SPACING_MM, NNUNET_SPACING_MM)
    return float(np.median(seconds)), len(window_boxes(grid, NNUNET_PATCH, 0.5))


def grids() -> str:
    """A phantom on other grids."""
    hu = body(9, 1.5)
    return compare_grids({"A phantom at 1.5 mm": Volume(hu, Geometry.axial(hu.shape, (1.5,) * 3))})


def main() -> None:
    """Run one part and write its section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["time", "together", "shortcuts", "grids", "nnunet"])
    parser.add_argument("--data", type=Path, default=REAL)
    parser.add_argument("--nnunet-python", type=Path)
    parser.add_argument("--work", type=Path, help="where nnU-Net trains; kept and used again")
    args = parser.parse_args()
    if args.part == "nnunet" and args.nnunet_python is None:
        parser.error("nnunet needs --nnunet-python")
    work = args.work or Path(tempfile.gettempdir()) / f"lvt-nnunet-{os.getuid()}"
    parts: dict[str, tuple[str, Callable[[], str]]] = {
        "time": ("The whole command", time_command),
        "together": ("Six commands at once", run_together),
        "shortcuts": ("What the shortcuts cost", lambda: compare_shortcuts(args.data)),
        "grids": ("Other grids", grids),
        "nnunet": ("An imported nnU-Net", lambda: agreement(args.nnunet_python, work)),
    }
    title, measure = parts[args.part]
    date, command = dt.date.today().isoformat(), f"python benchmarks/segment.py {args.part}"
    facts = f"{date} · {machine()} · torch {torch.__version__} · `{command}`"
    write_section(PAGE, title, f"{facts}\n\n{measure()}", heading=TITLE)


if __name__ == "__main__":
    main()
