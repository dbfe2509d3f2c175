"""Make a dataset ready to learn from: find its cases, read, check and write each, then sum up."""

from __future__ import annotations

import hashlib
import shutil
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lvt_track.core.threads import allowed_cores
from lvt_track.core.volume import CLASSES
from lvt_track.errors import InputError, UsageError
from lvt_track.pipeline.run.manifest import Failure
from lvt_track.pipeline.run.output import Existing, claim_folder, drop_if_empty, make_folder
from lvt_track.pipeline.run.progress import Progress
from lvt_track.training.datasets.conform import labelled_scan
from lvt_track.training.datasets.descriptor import Descriptor, find_descriptor
from lvt_track.training.datasets.prepared import CASES, DATASET_FILE, PreparedDataset
from lvt_track.training.datasets.reading import read_case
from lvt_track.training.datasets.sources import CaseSource, find_cases
from lvt_track.training.datasets.writing import (
    PARTIAL,
    read_case_facts,
    write_case,
    write_dataset,
)

__all__ = ["PrepareResult", "PrepareSettings", "prepare_dataset"]

_MOST_JOBS = 4
_NAMED = 3

Facts = Mapping[str, Any]


@dataclass(frozen=True)
class PrepareSettings:
    """Choices of a run.

    Attributes:
        spacing_mm: to resample to, along the patient's z, y, x; None keeps each scan's own.
        jobs: cases at a time; each needs memory for a scan. 0 for as many as there are cores, at
            most 4.

    Raises:
        UsageError: when one is not positive.
    """

    spacing_mm: tuple[float, float, float] | None = None
    jobs: int = 0

    def __post_init__(self) -> None:
        if self.spacing_mm is not None and min(self.spacing_mm) <= 0:
            raise UsageError(f"a spacing is above 0 mm, not {self.spacing_mm}")
        if self.jobs < 0:
            raise UsageError(f"jobs are 1 or more, not {self.jobs}")

    @property
    def threads(self) -> int:
        """Cases at a time."""
        return self.jobs or min(_MOST_JOBS, allowed_cores())


@dataclass(frozen=True)
class PrepareResult:
    """What was prepared.

    Attributes:
        folder: where it is.
        dataset: the dataset.
        failures: cases that could not be used.
        warnings: what is odd, and in which cases.
    """

    folder: Path
    dataset: PreparedDataset
    failures: tuple[Failure, ...] = ()
    warnings: tuple[str, ...] = ()

    def facts(self) -> dict[str, object]:
        """The result as plain values."""
        return {
            "folder": str(self.folder),
            "name": self.dataset.name,
            "licence": self.dataset.licence,
            "citation": self.dataset.citation,
            "cases": len(self.dataset.cases),
            "patients": len({case.patient for case in self.dataset.cases}),
            "left_out": [{"case": one.where, "reason": one.why} for one in self.failures],
            "warnings": list(self.warnings),
        }

    def summary(self) -> str:
        """The result in a few lines."""
        dataset = self.dataset
        labels = ", ".join(f"{name} {dataset.knowledge[name]}" for name in CLASSES)
        spacing = " × ".join(f"{value:.2f}" for value in dataset.fingerprint.spacing_mm.median)
        lines = [
            f"{dataset.name}: {len(dataset.cases)} cases in {self.folder}",
            f"labels:   {labels}",
            f"spacing:  {spacing} mm (z, y, x; median)",
            f"licence:  {dataset.licence}",
            f"cite:     {dataset.citation}",
        ]
        lines += [f"left out: {one.where}: {one.why}" for one in self.failures]
        return "\n".join(lines)


def prepare_dataset(
    name: str,
    source: Path,
    parent: Path,
    settings: PrepareSettings,
    existing: Existing,
    progress: Progress,
) -> PrepareResult:
    """Prepare a dataset into a folder of its name.

    A case that cannot be used is named and left out; the others go on. A case is there whole or
    not at all, so that a run that was killed goes on where it stopped.

    Args:
        name: of a known dataset, or the path of a descriptor.
        source: folder that the dataset was unpacked into.
        parent: where the folder is made.
        settings: choices.
        existing: what to do with cases that are already there.
        progress: told how far it is.

    Raises:
        UsageError: for an unknown name, or cases prepared with other settings.
        InputError: when no case can be used, or a class said to be annotated never occurs.
        OutputError: when something cannot be written.
    """
    descriptor = find_descriptor(name)
    cases = find_cases(descriptor, source)
    progress.note(f"{descriptor.title}\nlicence: {descriptor.licence}\n{descriptor.citation}")
    folder = parent / descriptor.name
    claim_folder(folder, existing)
    _clear(folder, existing)
    make_folder(folder / CASES)
    common = {"descriptor": _digest(descriptor), "resampled_to_mm": settings.spacing_mm}

    def prepare(case: CaseSource) -> Facts:
        place = folder / CASES / case.name
        if place.is_dir():
            return _kept(place, common)
        volume, labels = read_case(descriptor, case)
        scan = labelled_scan(volume, labels, descriptor, settings.spacing_mm)
        patient = descriptor.patient_of(case.name, case.patient)
        return write_case(scan, {"name": case.name, "patient": patient, **common}, place)

    try:
        done, failures = _all_cases(prepare, cases, settings.threads, progress)
        _refuse_useless(descriptor, done, failures, source)
    finally:
        drop_if_empty(folder / CASES)
        drop_if_empty(folder)
    warnings = _warnings(done)
    for text in warnings:
        progress.warn(text)
    return PrepareResult(folder, write_dataset(descriptor, done, folder), failures, warnings)


def _all_cases(
    prepare: Callable[[CaseSource], Facts],
    cases: Sequence[CaseSource],
    threads: int,
    progress: Progress,
) -> tuple[list[Facts], tuple[Failure, ...]]:
    """Facts of the cases that could be used, and the others with the reason, both in order."""
    done: dict[str, Facts] = {}
    failed: dict[str, Failure] = {}
    progress.stage("prepare", len(cases))
    # Readers silence warnings, which is not safe among threads unless they are silent around.
    with warnings.catch_warnings(), ThreadPoolExecutor(threads) as pool:
        warnings.simplefilter("ignore")
        running = {pool.submit(prepare, case): case.name for case in cases}
        try:
            for future in as_completed(running):
                name = running[future]
                try:
                    done[name] = future.result()
                except InputError as error:
                    failed[name] = Failure(name, str(error).rstrip("."))
                    progress.warn(f"{name} is left out: {error}")
                progress.step(name)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    names = [case.name for case in cases]
    return (
        [done[name] for name in names if name in done],
        tuple(failed[name] for name in names if name in failed),
    )


def _clear(folder: Path, existing: Existing) -> None:
    """Take away what is to be made again; half-written cases always."""
    if existing is Existing.FORCE:
        (folder / DATASET_FILE).unlink(missing_ok=True)
        shutil.rmtree(folder / CASES, ignore_errors=True)
    for partial in (folder / CASES).glob(f"{PARTIAL}*"):
        shutil.rmtree(partial, ignore_errors=True)


def _kept(place: Path, common: Facts) -> Facts:
    """Facts of a case that is there already.

    Raises:
        UsageError: when it was made with other settings.
    """
    facts = read_case_facts(place)
    resampled_to = facts.get("resampled_to_mm")
    same_spacing = common["resampled_to_mm"] == (resampled_to and tuple(resampled_to))
    if not same_spacing or common["descriptor"] != facts.get("descriptor"):
        raise UsageError(
            "was prepared with other settings",
            path=place,
            remedy="Choose another -o, or give --force to prepare all cases again",
        )
    return facts


def _digest(descriptor: Descriptor) -> str:
    return hashlib.sha256(repr(descriptor).encode()).hexdigest()[:16]


def _refuse_useless(
    descriptor: Descriptor, done: Sequence[Facts], failures: Sequence[Failure], source: Path
) -> None:
    """Refuse a dataset without a usable case, or without one of the classes it should have."""
    if not done:
        first = failures[0]
        raise InputError(
            f"none of {len(failures)} cases can be used; {first.where}: {first.why}", path=source
        )
    for name in descriptor.knowledge.annotated:
        if not any(case["voxels"][name] for case in done):
            raise InputError(
                f"{name} is said to be annotated, but none of {len(done)} cases has a voxel of it",
                path=source,
                remedy="Correct [structures] or [knowledge] in the descriptor",
            )


def _warnings(cases: Sequence[Facts]) -> tuple[str, ...]:
    """Each warning once, with the cases it is about."""
    about: dict[str, list[str]] = defaultdict(list)
    for case in cases:
        for text in case["warnings"]:
            about[text].append(case["name"])
    return tuple(
        f"{text} ({len(names)} of {len(cases)} cases: {_some(names)})"
        for text, names in about.items()
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (", …" if len(names) > _NAMED else "")
