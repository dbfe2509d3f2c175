"""Bodies with their lesions as files: drawn once, by several processes, and kept."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lvt_track.phantom.body.anatomy import Field, draw_anatomy
from lvt_track.phantom.course.tumors import draw_tumors, stamp

__all__ = ["draw_subject", "draw_subjects", "subject_files"]


def draw_subject(seed: int, spacing_mm: float, body: Field) -> NDArray[np.uint8]:
    """A body with its lesions as a label map (z, y, x) of `Tissue`."""
    anatomy = draw_anatomy(seed, spacing_mm, body)
    tumors = draw_tumors(anatomy, np.random.default_rng([seed, 0x70]))
    labels, _ = stamp(anatomy.labels, anatomy.geometry, tumors)
    return labels


def draw_subjects(
    folder: Path,
    seeds: Iterable[int],
    spacing_mm: float,
    body: Field,
    processes: int = 1,
) -> None:
    """Draw bodies into a folder, one file per seed; those already there are kept.

    Args:
        folder: made if missing.
        seeds: one body each.
        spacing_mm: edge of a voxel.
        body: how much of the body.
        processes: how many to draw at a time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = {seed: folder / f"{seed:06d}.npy" for seed in seeds}
    missing = {seed: path for seed, path in paths.items() if not path.exists()}
    if processes == 1 or len(missing) < 2:
        for seed, path in missing.items():
            _draw_subject_file(path, seed, spacing_mm, body)
        return
    # Forked processes would inherit the locks of other threads.
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        for job in [
            pool.submit(_draw_subject_file, path, seed, spacing_mm, body)
            for seed, path in missing.items()
        ]:
            job.result()


def _draw_subject_file(path: Path, seed: int, spacing_mm: float, body: Field) -> None:
    """Write beside its place and move it there whole."""
    partial = path.with_suffix(".partial")
    with partial.open("wb") as file:
        np.save(file, draw_subject(seed, spacing_mm, body))
    partial.replace(path)


def subject_files(folder: Path) -> tuple[Path, ...]:
    """The bodies in a folder, sorted."""
    return tuple(sorted(folder.glob("*.npy")))
