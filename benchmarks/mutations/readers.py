"""What `fuzz.py` changes and reads: a small whole file of each kind, and the reader it goes to."""

from __future__ import annotations

import hashlib
import json
import shutil
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pydicom
from pydicom.sr.codedict import codes

from lvt_track.errors import LvtError
from lvt_track.io.discover import discover, read_scan
from lvt_track.pipeline.cohort.record import CohortRecord
from lvt_track.pipeline.radiologist.readings import read_readings
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.segment.models import EMBEDDED, load_model
from tests.io.wild_scans import image, slices, trunk
from tests.pipeline.test_structured_reports import T1_UID, lesion, line, number, write_report

__all__ = ["READERS", "Seed", "make_seeds", "read"]

_TABLE = "patient,date,lesion,role,site,long_axis_mm,short_axis_mm\n" + "".join(
    f"P{k},2024-0{m}-1{k},T{t},target,liver,{20 + k + m + t},{11 + t}\n"
    for k in range(3)
    for m in (1, 4)
    for t in (1, 2)
)
# Nothing that is installed writes SAS transport files; there is one among the shared cases.
_XPT = "shared/cases/response/xpt_v8/tr.xpt"


@dataclass(frozen=True)
class Seed:
    """A whole file, and where it lies for its reader.

    Attributes:
        kind: of file.
        path: of the file.
        content: as it is whole.
        root: what the reader is given.
        whole: what it gives for the whole file, where that can be compared.
    """

    kind: str
    path: Path
    content: bytes
    root: Path
    whole: str = ""


def _scan(seed: Seed) -> str:
    """Discover and read; a digest of all voxels, or nothing where the file was told as left out."""
    found = discover(seed.root)
    digest = hashlib.sha256()
    for visit in found.visits:
        for series in visit.series:
            digest.update(np.ascontiguousarray(read_scan(series).hu).tobytes())
    is_used = any(item.path == seed.path and item.fate == "used" for item in found.files)
    return digest.hexdigest() if is_used else ""


def _table(seed: Seed) -> str:
    read_readings(seed.path)
    return ""


def _manifest(seed: Seed) -> str:
    Manifest.read(seed.root)
    return ""


def _record(seed: Seed) -> str:
    CohortRecord.read(seed.root).runs(seed.root)
    return ""


def _model(seed: Seed) -> str:
    load_model(str(seed.root))
    return ""


READERS: dict[str, Callable[[Seed], str]] = {
    **dict.fromkeys(("dicom", "nifti", "nifti-gz", "nrrd", "metaimage"), _scan),
    **dict.fromkeys(("csv", "xlsx", "xpt", "report"), _table),
    "run.json": _manifest,
    "cohort.json": _record,
    "card": _model,
    "weights": _model,
}
"""By kind: reads the changed file, and says what it read where that can be compared."""


def make_seeds(folder: Path) -> dict[str, Seed]:
    """A whole file of each kind, written below a folder; kinds whose seed is not here are left."""
    volume = trunk(1, slices=6)
    seeds = []
    for kind, suffix in (
        ("nifti", ".nii"),
        ("nifti-gz", ".nii.gz"),
        ("nrrd", ".nrrd"),
        ("metaimage", ".mha"),
    ):
        path = image(folder / kind / "2024-03-01" / f"ct{suffix}", volume)
        seeds.append(Seed(kind, path, path.read_bytes(), folder / kind))
    path = slices(folder / "dicom", volume)[2]
    seeds.append(Seed("dicom", path, path.read_bytes(), folder / "dicom"))
    seeds += [_text(folder, "csv", "t.csv", _TABLE), _workbook(folder), _report(folder)]
    whole = next((p / _XPT for p in Path(__file__).parents if (p / _XPT).is_file()), None)
    if whole is not None:
        path = folder / "xpt" / "tr.xpt"
        path.parent.mkdir()
        shutil.copyfile(whole, path)
        seeds.append(Seed("xpt", path, path.read_bytes(), path.parent))
    manifest = Manifest(
        "P1", "/scans", "2024-03-01T10:00:00", {"model": "default"}, visits={"2024-03-01": "ab"}
    )
    (folder / "run.json").mkdir()
    manifest.write(folder / "run.json")
    record = CohortRecord("/scans", "1/2", {"model": "default"})
    (folder / "cohort.json").mkdir()
    record.write(folder / "cohort.json")
    for kind in ("run.json", "cohort.json"):
        path = folder / kind / kind
        seeds.append(Seed(kind, path, path.read_bytes(), path.parent))
    seeds += _models(folder)
    return {seed.kind: _compared(seed) for seed in seeds}


def read(seed: Seed, content: bytes) -> tuple[str, str]:
    """How the reader takes the changed file: `read`, `refused`, or what must not be, and why."""
    seed.path.write_bytes(content)
    try:
        said = READERS[seed.kind](seed)
    except LvtError as error:
        return ("refused", "") if error.what else ("traceback", "an error that says nothing")
    except MemoryError:
        return "memory", _place()
    except Exception as error:
        return "traceback", f"{type(error).__name__} {_place()}"
    finally:
        seed.path.write_bytes(seed.content)
    is_cut = len(content) < len(seed.content) and seed.content.startswith(content)
    if seed.whole and is_cut and said and said != seed.whole:
        return "silent", "cut short, and read as if whole"
    return "read", ""


def _place() -> str:
    """The last line of ours in the traceback that is handled."""
    import sys

    frames = traceback.extract_tb(sys.exc_info()[2])
    ours = [f for f in frames if "lvt_track" in f.filename] or list(frames)
    return f"at {Path(ours[-1].filename).name}:{ours[-1].lineno}"


def _compared(seed: Seed) -> Seed:
    return Seed(seed.kind, seed.path, seed.content, seed.root, READERS[seed.kind](seed))


def _text(folder: Path, kind: str, name: str, content: str) -> Seed:
    path = folder / kind / name
    path.parent.mkdir()
    path.write_text(content, encoding="utf-8")
    return Seed(kind, path, path.read_bytes(), path.parent)


def _workbook(folder: Path) -> Seed:
    book = openpyxl.Workbook()
    for row in _TABLE.splitlines():
        book.active.append(row.split(","))
    path = folder / "xlsx" / "t.xlsx"
    path.parent.mkdir()
    book.save(path)
    return Seed("xlsx", path, path.read_bytes(), path.parent)


def _report(folder: Path) -> Seed:
    scan: Any = pydicom.dcmread(slices(folder / "report-scan", trunk(1, slices=3))[1])
    axis = number(codes.SCT.Diameter, 20.0, referenced_coordinates=[line(scan, (1, 1), (9, 9))])
    path = write_report(folder / "report" / "sr.dcm", [scan], [lesion("T1", T1_UID, [axis])])
    return Seed("report", path, path.read_bytes(), path.parent)


def _models(folder: Path) -> list[Seed]:
    """The embedded model, with links to the weights that are not changed."""
    seeds = []
    for kind, name in (("card", "card.json"), ("weights", "locator.safetensors")):
        place = folder / kind / json.loads((EMBEDDED / "default/card.json").read_text())["name"]
        place.mkdir(parents=True)
        for source in (EMBEDDED / "default").iterdir():
            if source.name == name:
                shutil.copy(source, place / name)
            else:
                (place / source.name).symlink_to(source)
        seeds.append(Seed(kind, place / name, (place / name).read_bytes(), place))
    return seeds
