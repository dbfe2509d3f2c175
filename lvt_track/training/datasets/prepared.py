"""Prepared datasets: cases as plain arrays that are mapped into memory, never read whole.

    <folder>/dataset.json              what the dataset knows, its licence, fingerprint and cases
    <folder>/cases/<case>/image.npy    int16 HU
    <folder>/cases/<case>/labels.npy   uint8, a bit per class: see BITS and IGNORE
    <folder>/cases/<case>/foreground.npy   int32 (n, 4): class channel, z, y, x of sampled voxels

Arrays are indexed z, y, x along the patient's axes: z to the head, y to the back, x to the left.
`lvt prepare` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.volume import CLASSES, BoolArray
from lvt_track.errors import InputError
from lvt_track.training.objective.annotation import Annotation, Knowledge

__all__ = [
    "BITS",
    "CASES",
    "DATASET_FILE",
    "FORMAT",
    "IGNORE",
    "Fingerprint",
    "HuStatistics",
    "PreparedCase",
    "PreparedDataset",
    "Span",
    "case_of",
    "class_masks",
    "read_prepared",
]

FORMAT = 1
"""Version of the files."""

DATASET_FILE = "dataset.json"
CASES = "cases"

BITS = {name: 1 << channel for channel, name in enumerate(CLASSES)}
"""Bit of each class in `labels.npy`: liver 1, vessels 2, tumors 4."""

IGNORE = 128
"""Bit of voxels from which nothing is to be learned."""

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Span:
    """Smallest, middle and largest of a quantity over all cases, each along z, y, x."""

    least: Triple
    median: Triple
    most: Triple


@dataclass(frozen=True)
class HuStatistics:
    """HU over sampled voxels of one class in all cases."""

    p00_5_hu: float
    p05_hu: float
    median_hu: float
    p95_hu: float
    p99_5_hu: float
    mean_hu: float
    deviation_hu: float


@dataclass(frozen=True)
class Fingerprint:
    """What the cases of a dataset are like.

    Attributes:
        spacing_mm: distance of voxels.
        shape: number of voxels.
        foreground_hu: of each annotated class that occurs.
    """

    spacing_mm: Span
    shape: Span
    foreground_hu: Mapping[str, HuStatistics]


@dataclass(frozen=True, eq=False)
class PreparedCase:
    """One scan with its labels, on disk.

    Attributes:
        dataset: name of its dataset.
        name: of the case.
        patient: identity; equal in all datasets that are known to hold the same patient.
        knowledge: what its dataset says of each class.
        spacing_mm: along z, y, x.
        shape: voxels along z, y, x.
        voxels: number of voxels labelled as each class.
        folder: where its arrays are.
    """

    dataset: str
    name: str
    patient: str
    knowledge: Knowledge
    spacing_mm: tuple[float, float, float]
    shape: tuple[int, int, int]
    voxels: Mapping[str, int]
    folder: Path

    def image(self) -> NDArray[np.int16]:
        """HU (z, y, x), mapped from disk, read-only."""
        return self._map("image.npy", np.dtype(np.int16), self.shape)

    def labels(self) -> NDArray[np.uint8]:
        """Labels (z, y, x) in BITS and IGNORE, mapped from disk, read-only."""
        return self._map("labels.npy", np.dtype(np.uint8), self.shape)

    def foreground(self, name: str) -> NDArray[np.int32]:
        """Sampled voxels (n, 3) as z, y, x of a class; tumours evenly by lesion, others by voxel.

        Empty where the class is not annotated or does not occur.

        Raises:
            InputError: when the file is missing or damaged.
        """
        sampled = self._map("foreground.npy", np.dtype(np.int32), None)
        voxels: NDArray[np.int32] = sampled[sampled[:, 0] == CLASSES.index(name), 1:]
        return voxels

    def _map(
        self, name: str, dtype: np.dtype[Any], shape: tuple[int, int, int] | None
    ) -> NDArray[Any]:
        path = self.folder / name
        try:
            array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, EOFError, ValueError) as error:
            raise InputError(
                f"cannot be read ({error})", path=path, remedy="Prepare the dataset again"
            ) from error
        if array.dtype != dtype or (shape is not None and array.shape != shape):
            raise InputError(
                f"holds {array.dtype} {array.shape}, {DATASET_FILE} says {dtype} {shape}",
                path=path,
                remedy="Prepare the dataset again",
            )
        return array


@dataclass(frozen=True, eq=False)
class PreparedDataset:
    """A dataset that is ready to learn from.

    Attributes:
        name: short name, as in `lvt prepare --list`.
        title, licence, citation, url: of whom it is, and what one may do with it.
        group: datasets of one group may share patients that cannot be told; empty for none.
        copy_of: dataset whose scans and labels these are again; empty for none.
        knowledge: what it says of each class.
        fingerprint: what its cases are like.
        cases: by name.
    """

    name: str
    title: str
    licence: str
    citation: str
    url: str
    group: str
    copy_of: str
    knowledge: Knowledge
    fingerprint: Fingerprint
    cases: tuple[PreparedCase, ...]


def class_masks(labels: NDArray[np.uint8]) -> dict[str, BoolArray]:
    """Bool masks by class name of labels in BITS, or of any crop of them."""
    return {name: (labels & bit) != 0 for name, bit in BITS.items()}


def read_prepared(folder: Path) -> PreparedDataset:
    """Read a dataset that `lvt prepare` wrote.

    Args:
        folder: the one that holds `dataset.json`.

    Raises:
        InputError: when it is not there, damaged, of another version, or has no case.
    """
    path = Path(folder) / DATASET_FILE
    remedy = "Make the folder with `lvt prepare`"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError("not a prepared dataset", path=folder, remedy=remedy) from error
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read ({error})", path=path, remedy=remedy) from error
    try:
        if facts["format"] != FORMAT:
            raise InputError(
                f"of format {facts['format']}, this version reads {FORMAT}",
                path=path,
                remedy="Prepare the dataset again",
            )
        return _dataset(facts, Path(folder))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"damaged: {type(error).__name__} {error}", path=path, remedy=remedy
        ) from error


def case_of(
    facts: Mapping[str, Any], dataset: str, knowledge: Knowledge, folder: Path
) -> PreparedCase:
    """A case from its facts in `dataset.json` or `case.json`.

    Args:
        facts: of the case.
        dataset: name of its dataset.
        knowledge: of its dataset.
        folder: of its dataset.

    Raises:
        KeyError, TypeError, ValueError: when the facts are damaged.
    """
    return PreparedCase(
        dataset=dataset,
        name=facts["name"],
        patient=facts["patient"],
        knowledge=knowledge,
        spacing_mm=tuple(facts["spacing_mm"]),
        shape=tuple(facts["shape"]),
        voxels=facts["voxels"],
        folder=folder / CASES / facts["name"],
    )


def _dataset(facts: Mapping[str, Any], folder: Path) -> PreparedDataset:
    knowledge = Knowledge(**{name: Annotation(facts["knowledge"][name]) for name in CLASSES})
    cases = tuple(case_of(case, facts["name"], knowledge, folder) for case in facts["cases"])
    if not cases:
        raise ValueError("no cases")
    measured = facts["fingerprint"]
    return PreparedDataset(
        name=facts["name"],
        title=facts["title"],
        licence=facts["licence"],
        citation=facts["citation"],
        url=facts["url"],
        group=facts["group"],
        copy_of=facts["copy_of"],
        knowledge=knowledge,
        fingerprint=Fingerprint(
            spacing_mm=_span(measured["spacing_mm"]),
            shape=_span(measured["shape"]),
            foreground_hu={
                name: HuStatistics(**numbers) for name, numbers in measured["foreground_hu"].items()
            },
        ),
        cases=cases,
    )


def _span(facts: Mapping[str, list[float]]) -> Span:
    (a, b, c), (d, e, f), (g, h, i) = (facts[key] for key in ("least", "median", "most"))
    return Span((a, b, c), (d, e, f), (g, h, i))
