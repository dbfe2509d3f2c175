"""Folders that lvt wrote: never read as scans, and told where scans lie in them."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

from lvt_track.io.candidates import LeftOut
from lvt_track.io.dicom.preamble import looks_like_dicom
from lvt_track.io.images.headers import stem_of

__all__ = ["DRAWN_FILE", "LVT_FILE", "results_folder"]

DRAWN_FILE = re.compile(
    r"((native|arterial|portal|delayed|unknown)\d*_)?(liver|vessels|tumors)\.nii\.gz"
    r"|(cysts|tumors_probability)\.nii\.gz"
)
"""Names of masks and probabilities that a run draws of a visit."""

LVT_FILE = re.compile(
    DRAWN_FILE.pattern
    + r"|(ct_on_baseline|lesions|tracks|portal|hepatic|segments|resection)\.nii\.gz"
    + r"|(seg|seg_tumors|sr)\.dcm|meshes\.glb"
)
"""Names of all files of a visit that lvt writes."""

_SEGMENTED = re.compile(r"(liver|vessels|tumors|cysts|\w+_probability)\.nii\.gz")
_TABLES = ("visits.csv", "lesions.csv", "tracks.csv", "edges.csv", "response.csv")
_LEAST_TABLES = 3
_RESULT_KEYS = {"visits", "inputs", "settings"}
_MOST_MANIFEST_BYTES = 1 << 26


def results_folder(folder: Path) -> LeftOut | None:
    """What is told of a folder that holds results of lvt; None for any other folder.

    It has the `run.json` of a run, or where that was lost most of its tables beside `visits`, or
    the label maps of lesions in `visits/<date>`. Scans among them are named, as they are not read.
    """
    if not _is_result(folder):
        return None
    scan = _scan_within(folder)
    if scan is None:
        return LeftOut(folder, "results of an earlier run of lvt")
    reason = (
        f"results of lvt with scans among them ({scan.relative_to(folder)}), which are not read: "
        "move the results into a folder of their own"
    )
    return LeftOut(folder, reason, is_failure=True)


def _is_result(folder: Path) -> bool:
    try:
        tables = sum((folder / name).is_file() for name in _TABLES)
        if tables >= _LEAST_TABLES and (folder / "visits").is_dir():
            return True
        manifest = folder / "run.json"
        if manifest.is_file() and manifest.stat().st_size <= _MOST_MANIFEST_BYTES:
            return set(json.loads(manifest.read_text(encoding="utf-8"))) >= _RESULT_KEYS
    except (OSError, ValueError, TypeError, RecursionError):
        return False
    is_visits = folder.name == "visits"
    return is_visits and any(folder.glob("*/lesions.nii.gz"))


def _scan_within(folder: Path) -> Path | None:
    """The first file that may be a scan and is none of lvt's own."""
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(parent, name)
            is_top = path.parent == folder and folder.name != "visits"
            if name.startswith(".") or (_SEGMENTED if is_top else LVT_FILE).fullmatch(name):
                continue
            if stem_of(path) is not None or (path.is_file() and looks_like_dicom(path)):
                return path
    return None
