"""How good a network is while it still learns: a few scans that were kept back, now and then."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from lvt_track.core.volume import CLASSES
from lvt_track.io.spreadsheets.writing import append_row
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.training.batches.patches import TrainingScan

__all__ = ["CURVE", "Judge", "ValidationCurve", "mean_scores", "watched"]

CURVE = "validation_curve.csv"
"""Name of the file of what was measured while it learned."""

Judge = Callable[[ResidualUNet, TrainingScan], Mapping[str, float | None]]
"""Dice by class name; see `judge.judge`."""

_COLUMNS = ("step", "seconds", *(f"dice_{name}" for name in CLASSES))
_MOST_SCANS = 4
_SHARE_OF_TIME = 0.1


class ValidationCurve:
    """Judges the network after checkpoints, for a tenth of the time at most; a row each time.

    Args:
        judge: scores one scan.
        scans: to judge by.
        path: of the file; rows are added to what is there.
        on_row: called after each row.
    """

    def __init__(
        self,
        judge: Judge,
        scans: Sequence[TrainingScan],
        path: Path,
        on_row: Callable[[], None] | None = None,
    ) -> None:
        self._judge, self._scans = judge, tuple(scans)
        self._path, self._on_row = path, on_row
        self._rest_until = 0.0

    def __call__(self, network: ResidualUNet, step: int, seconds: float) -> None:
        """Judge and write a row, unless the last time is too near."""
        began = time.perf_counter()
        if not self._scans or began < self._rest_until:
            return
        means = mean_scores([self._judge(network, scan) for scan in self._scans])
        cells = ["" if value is None else f"{value:.4f}" for value in means.values()]
        append_row(self._path, _COLUMNS, [step, f"{seconds:.1f}", *cells])
        if self._on_row is not None:
            self._on_row()
        ended = time.perf_counter()
        self._rest_until = ended + (ended - began) * (1.0 / _SHARE_OF_TIME - 1.0)


def mean_scores(scores: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    """Mean of each class over the scans that were scored in it; None where there is none."""
    means: dict[str, float | None] = {}
    for name in CLASSES:
        values = [value for one in scores if (value := one.get(name)) is not None]
        means[name] = round(float(np.mean(values)), 4) if values else None
    return means


def watched(scans: Sequence[TrainingScan]) -> tuple[TrainingScan, ...]:
    """The few scans that are judged while learning: the first of each dataset, then the second."""
    seen: dict[str, int] = defaultdict(int)
    turns = []
    for scan in scans:
        turns.append(seen[scan.dataset])
        seen[scan.dataset] += 1
    order = sorted(range(len(scans)), key=lambda index: turns[index])
    return tuple(scans[index] for index in order[:_MOST_SCANS])
