"""`lvt segment` on every real CT at hand: time, memory, volumes, and Dice where a liver is known.

Usage: python benchmarks/real_scans.py [--data ../shared/data/real] [--work DIR]

Each scan is segmented by the command line in a process of its own, start-up, reading and writing
included. The livers that serve as truth are themselves of limited worth: see the data's README.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from pages.markdown import markdown_table, write_page
from scans.real import KNOWN_LIVERS, REAL
from segmentation.command import run_command


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
    parser.add_argument("--data", type=Path, default=REAL)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "real-scans")
    chosen = parser.parse_args()
    rows = []
    for name, (scan, truth, label) in KNOWN_LIVERS.items():
        out = chosen.work / name.replace(", ", "-").replace(" ", "-")
        for old in out.glob("*.nii.gz"):
            old.unlink()
        outcome = run_command(chosen.data / scan, out)
        dice = "–"
        if truth is not None:
            dice = f"{liver_dice(out / 'liver.nii.gz', chosen.data / truth, label):.3f}"
        volumes = [f"{outcome.facts[f'{part}_ml']:.0f}" for part in ("liver", "vessels", "tumors")]
        rows.append([name, dice, *volumes, f"{outcome.seconds:.1f}", f"{outcome.peak_gb:.1f}"])
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
