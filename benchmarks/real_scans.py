"""`lvt segment` on every real CT at hand: time, memory, volumes, and Dice where a liver is known.

Usage: python benchmarks/real_scans.py [--data ../shared/data/real] [--work DIR]

Each scan is segmented by the command line in a process of its own, start-up, reading and writing
included. The livers that serve as truth are themselves of limited worth: see the data's README.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pages.markdown import markdown_table, write_page

# Scan, file with the true liver, its label there.
SCANS = {
    "lits0": ("lits0/dicom", "lits0/liver.nii.gz", 1),
    "ircad19": ("ircad19/dicom", None, 0),
    "totalseg, native": ("totalseg/ct_3mm.nii.gz", "totalseg/ct_3mm_labels117.nii.gz", 5),
    "totalseg, 20 slices": (
        "totalseg/dicom_20_slices",
        "totalseg/dicom_20_slices_labels117.nii.gz",
        5,
    ),
}


def segment(scan: Path, out: Path) -> tuple[dict[str, object], float, float]:
    """Result, seconds and peak memory in GB of `lvt segment`."""
    start = time.perf_counter()
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "lvt_track.cli",
            "segment",
            scan,
            "-o",
            out,
            "--json",
            "--quiet",
            "--force",
        ],
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise SystemExit(f"lvt segment {scan} failed with status {status}")
    return json.loads(output), time.perf_counter() - start, usage.ru_maxrss / 1e6


def liver_dice(found: Path, truth: Path, label: int) -> float:
    """Dice of the found liver and the true one, on the grid of the found."""
    mask = sitk.ReadImage(str(found))
    other = sitk.Resample(
        sitk.ReadImage(str(truth)), mask, sitk.Transform(), sitk.sitkNearestNeighbor, 0
    )
    a = sitk.GetArrayViewFromImage(mask) > 0
    b = sitk.GetArrayViewFromImage(other) == label
    return float(2 * np.count_nonzero(a & b) / (np.count_nonzero(a) + np.count_nonzero(b)))


def main() -> None:
    """Segment, measure, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data" / "real"
    )
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "real-scans")
    chosen = parser.parse_args()
    rows = []
    for name, (scan, truth, label) in SCANS.items():
        out = chosen.work / name.replace(", ", "-").replace(" ", "-")
        for old in out.glob("*.nii.gz"):
            old.unlink()
        facts, seconds, gigabytes = segment(chosen.data / scan, out)
        dice = "–"
        if truth is not None:
            dice = f"{liver_dice(out / 'liver.nii.gz', chosen.data / truth, label):.3f}"
        volumes = [f"{facts[f'{part}_ml']:.0f}" for part in ("liver", "vessels", "tumors")]
        rows.append([name, dice, *volumes, f"{seconds:.1f}", f"{gigabytes:.1f}"])
        print(rows[-1])
    header = ["scan", "liver Dice", "liver mL", "vessels mL", "tumours mL", "s", "peak GB"]
    page = write_page(
        "real-scans",
        "The embedded model on real scans",
        "python benchmarks/real_scans.py",
        "The model has never seen a real image. Vessels and tumours have no truth here; "
        "look at the masks before you use them.",
        markdown_table(header, rows),
    )
    print(page)


if __name__ == "__main__":
    main()
