"""Writing prepared datasets: a case appears whole or not at all, the dataset's facts last."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.components import label_components
from lvt_track.core.volume import CLASSES, BoolArray
from lvt_track.errors import InputError, OutputError
from lvt_track.io.files import write_whole
from lvt_track.training.datasets.descriptor import Descriptor
from lvt_track.training.datasets.prepared import (
    BITS,
    DATASET_FILE,
    FORMAT,
    Fingerprint,
    HuStatistics,
    PreparedCase,
    PreparedDataset,
    Span,
    case_of,
    class_masks,
    read_prepared,
)

__all__ = [
    "CASE_FILE",
    "PARTIAL",
    "LabelledScan",
    "fingerprint",
    "read_case_facts",
    "write_case",
    "write_dataset",
]

CASE_FILE = "case.json"

PARTIAL = ".partial-"
"""How folders of cases that are being written begin."""

_SAMPLES = 4096
_INT16 = np.iinfo(np.int16)


@dataclass(frozen=True, eq=False)
class LabelledScan:
    """A scan with its labels, along the patient's axes.

    Attributes:
        hu: int16 (z, y, x).
        labels: uint8 (z, y, x) in `prepared.BITS` and `prepared.IGNORE`.
        spacing_mm: along z, y, x.
        first_voxel: where it begins in the whole scan, in the scan's own voxels along z, y, x.
        warnings: what is odd about it.
    """

    hu: NDArray[np.int16]
    labels: NDArray[np.uint8]
    spacing_mm: tuple[float, float, float]
    first_voxel: tuple[int, int, int] = (0, 0, 0)
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.hu.dtype != np.int16 or self.labels.dtype != np.uint8:
            raise ValueError(
                f"hu must be int16 and labels uint8, got {self.hu.dtype}, {self.labels.dtype}"
            )
        if self.hu.shape != self.labels.shape:
            raise ValueError(f"hu has shape {self.hu.shape}, labels {self.labels.shape}")


def write_case(scan: LabelledScan, facts: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Write a case into a folder that appears when all of it is there.

    Args:
        scan: what to write.
        facts: what else to say of it, such as its `name` and `patient`.
        folder: of the case; must not exist.

    Returns:
        All facts of the case, as in its `case.json`.

    Raises:
        OutputError: when it cannot be written; nothing is left behind.
    """
    everything = {
        **facts,
        "shape": list(scan.hu.shape),
        "spacing_mm": list(scan.spacing_mm),
        "first_voxel": list(scan.first_voxel),
        "voxels": {name: int(np.count_nonzero(scan.labels & bit)) for name, bit in BITS.items()},
        "warnings": list(scan.warnings),
    }
    arrays: dict[str, NDArray[Any]] = {
        "image": scan.hu,
        "labels": scan.labels,
        "foreground": _sample_foreground(scan.labels),
    }
    try:
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=PARTIAL))
    except OSError as error:
        raise OutputError(f"cannot be made ({error.strerror})", path=folder) from error
    try:
        for name, array in arrays.items():
            with write_whole(partial / f"{name}.npy") as temporary:
                _save_array(array, temporary)
        with write_whole(partial / CASE_FILE) as temporary:
            temporary.write_text(json.dumps(everything, indent=1), encoding="utf-8")
        partial.chmod(folder.parent.stat().st_mode)  # mkdtemp makes private folders
        partial.replace(folder)
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", path=folder) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return everything


def read_case_facts(folder: Path) -> dict[str, Any]:
    """What `write_case` said of a case.

    Raises:
        InputError: when it cannot be read.
    """
    path = folder / CASE_FILE
    try:
        facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"cannot be read ({error})", path=path, remedy="Prepare the dataset with --force"
        ) from error
    return facts


def fingerprint(cases: Sequence[PreparedCase]) -> Fingerprint:
    """Measure what cases are like; HU at the sampled foreground voxels.

    Raises:
        InputError: when a case cannot be read.
    """
    sampled: dict[str, list[NDArray[np.int16]]] = {name: [] for name in CLASSES}
    for case in cases:
        image = case.image()
        for name, values in sampled.items():
            values.append(image[tuple(case.foreground(name).T)])
    joined = {name: np.concatenate(values) for name, values in sampled.items()}
    return Fingerprint(
        spacing_mm=_span([case.spacing_mm for case in cases]),
        shape=_span([case.shape for case in cases]),
        foreground_hu={
            name: _hu_statistics(values) for name, values in joined.items() if len(values)
        },
    )


def write_dataset(
    descriptor: Descriptor, cases: Sequence[Mapping[str, Any]], folder: Path
) -> PreparedDataset:
    """Write `dataset.json` over cases that are all there, and read it back.

    Args:
        descriptor: what the dataset is.
        cases: facts of its cases, as `write_case` returned them.
        folder: of the dataset.

    Raises:
        InputError: when a case cannot be read.
        OutputError: when the file cannot be written.
    """
    prepared = [case_of(one, descriptor.name, descriptor.knowledge, folder) for one in cases]
    facts = {
        "format": FORMAT,
        "name": descriptor.name,
        "title": descriptor.title,
        "licence": descriptor.licence,
        "citation": descriptor.citation,
        "url": descriptor.url,
        "group": descriptor.group,
        "copy_of": descriptor.copy_of,
        "knowledge": asdict(descriptor.knowledge),
        "fingerprint": asdict(fingerprint(prepared)),
        "cases": list(cases),
    }
    with write_whole(folder / DATASET_FILE) as temporary:
        temporary.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    return read_prepared(folder)


def _save_array(array: NDArray[Any], path: Path) -> None:
    """Write an array as .npy; unlike np.save, a full disk is an OSError that says so."""
    header = np.lib.format.header_data_from_array_1_0(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(np.ascontiguousarray(array).data)


def _sample_foreground(labels: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Up to 4,096 voxels of each class (n, 4): class channel, z, y, x.

    Tumour voxels are drawn evenly by lesion, so that a small one is met as often as a large one.
    """
    rng = np.random.default_rng(0)
    rows = []
    for channel, (name, mask) in enumerate(class_masks(labels).items()):
        places = _by_lesion(mask, rng) if name == "tumors" else _by_voxel(mask, _SAMPLES, rng)
        index = np.column_stack(np.unravel_index(places, labels.shape))
        rows.append(np.column_stack([np.full(len(index), channel), index]))
    return np.concatenate(rows).astype(np.int32)


def _by_voxel(mask: BoolArray, count: int, rng: np.random.Generator) -> NDArray[np.intp]:
    places = np.flatnonzero(mask)
    return places if len(places) <= count else np.sort(rng.choice(places, count, replace=False))


def _by_lesion(mask: BoolArray, rng: np.random.Generator) -> NDArray[np.intp]:
    places = np.flatnonzero(mask)
    if not len(places):
        return places
    lesion = label_components(mask)[0].reshape(-1)[places]
    lesions = np.unique(lesion)
    share = max(1, _SAMPLES // len(lesions))
    return np.concatenate([rng.choice(places[lesion == one], share) for one in lesions])


def _span(values: Sequence[tuple[float, float, float]]) -> Span:
    table = np.array(values, dtype=np.float64)
    least, median, most = (
        (float(z), float(y), float(x))
        for z, y, x in (table.min(axis=0), np.median(table, axis=0), table.max(axis=0))
    )
    return Span(least, median, most)


def _hu_statistics(values: NDArray[np.int16]) -> HuStatistics:
    p00_5, p05, median, p95, p99_5 = (
        float(value) for value in np.percentile(values, (0.5, 5, 50, 95, 99.5))
    )
    return HuStatistics(p00_5, p05, median, p95, p99_5, float(values.mean()), float(values.std()))
