"""What a change of the code must not change: masks bit for bit, tables cell for cell.

    python benchmarks/unchanged.py run FOLDER            # with the code before, and with that after
    python benchmarks/unchanged.py compare BEFORE AFTER  # exit code 1 where anything differs

`run` follows phantoms 1 to 4 as NIfTI and as DICOM with the model, phantoms 5 and 6 with given
masks, and segments the real scans at hand. `compare` names every voxel and every cell that is not
the same; columns that only AFTER has are listed and do not count.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import SimpleITK as sitk

from scans.real import REAL

SCANS = {
    "3d-ircadb-1.19": "ircad19/dicom",
    "lits-0": "lits0/dicom",
    "slab": "totalseg/dicom_20_slices",
    "native-3mm": "totalseg/ct_3mm.nii.gz",
}


def lvt(*words: object) -> None:
    """Run a command of lvt in a process of its own; its exit code is told."""
    arguments = [str(word) for word in words]
    done = subprocess.run([sys.executable, "-m", "lvt_track.cli", *arguments, "--quiet"])
    print(f"{done.returncode}  lvt {' '.join(arguments)}", flush=True)


def run(folder: Path) -> None:
    """Make everything that is compared, below `folder`."""
    for seed in (1, 2, 3, 4):
        for kind in ("nifti", "dicom"):
            patient = folder / "patients" / f"{kind}-{seed}"
            lvt("phantom", "-o", patient, "--seed", seed, "--visits", 3, "--format", kind)
            lvt("track", patient, "-o", folder / f"phantom-{kind}-{seed}")
    for seed in (5, 6):
        patient = folder / "patients" / f"given-{seed}"
        lvt("phantom", "-o", patient, "--seed", seed, "--visits", 4, "--masks")
        lvt("track", patient, "-o", folder / f"given-{seed}")
    for name, scan in SCANS.items():
        if (REAL / scan).exists():
            lvt("segment", REAL / scan, "-o", folder / f"real-{name}")
            if name.startswith("3d"):
                lvt("track", REAL / scan, "-o", folder / f"track-{name}")


def compare(before: Path, after: Path) -> int:
    """Print what differs, and how many things were the same.

    Returns:
        The number of differences.
    """
    different, same = 0, 0
    for path in sorted(before.rglob("*")):
        other = after / path.relative_to(before)
        if not path.is_file() or path.suffix in (".json", ".html", ".pdf"):
            continue
        texts = list(_differences(path, other)) if other.exists() else ["is gone"]
        for text in texts:
            print(f"{path.relative_to(before)}: {text}")
        different += len(texts)
        same += not texts
    print(f"{same} files the same, {different} differences")
    return different


def _differences(path: Path, other: Path) -> Iterator[str]:
    if path.suffix == ".csv":
        yield from _table_differences(path, other)
    elif path.suffix == ".dcm":
        yield from _dicom_differences(path, other)
    elif path.suffix == ".h5":
        one, two = (sitk.ReadTransform(str(item)) for item in (path, other))
        if one.GetParameters() != two.GetParameters():
            yield "another transform"
    elif path.name.endswith(".nii.gz"):
        one, two = (sitk.ReadImage(str(item)) for item in (path, other))
        if not np.array_equal(sitk.GetArrayViewFromImage(one), sitk.GetArrayViewFromImage(two)):
            yield "other voxels"
        for name in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
            if getattr(one, name)() != getattr(two, name)():
                yield f"another {name.removeprefix('Get').lower()}"
    elif path.read_bytes() != other.read_bytes():
        yield "other bytes"


def _table_differences(path: Path, other: Path) -> Iterator[str]:
    one, two = (pd.read_csv(item, dtype=str, keep_default_na=False) for item in (path, other))
    more = [name for name in two.columns if name not in one.columns]
    if more:
        print(f"{path.name}: new columns {', '.join(more)}")
    if len(one) != len(two):
        yield f"{len(two)} rows for {len(one)}"
        return
    for name in one.columns:
        if name not in two.columns:
            yield f"column {name} is gone"
            continue
        for row in np.flatnonzero(one[name] != two[name]):
            yield f"{name} of row {row + 1}: {one[name][row]!r} became {two[name][row]!r}"


def _dicom_differences(path: Path, other: Path) -> Iterator[str]:
    one, two = (pydicom.dcmread(item) for item in (path, other))
    if one.SOPClassUID != two.SOPClassUID:
        yield "another kind of object"
    elif "PixelData" in one and one.PixelData != two.PixelData:
        yield "other pixels"


def main() -> int:
    """Read the command line and do what it asks."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", choices=("run", "compare"))
    parser.add_argument("folders", type=Path, nargs="+")
    arguments = parser.parse_args()
    if arguments.what == "run":
        run(arguments.folders[0])
        return 0
    return int(compare(*arguments.folders) > 0)


if __name__ == "__main__":
    sys.exit(main())
