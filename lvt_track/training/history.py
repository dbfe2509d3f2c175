"""The course of a training as a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from lvt_track.core.volume import CLASSES

__all__ = ["draw_history"]

_COLOURS = dict(zip(CLASSES, ("#8a6d3b", "#2b6cb0", "#c53030"), strict=True))
_SMOOTH_SHARE = 0.03


def draw_history(metrics: Path, curve: Path, picture: Path) -> None:
    """Draw loss, learning rate and Dice over the steps, as PNG.

    Args:
        metrics: a `metrics.csv`, of the batches.
        curve: a `validation_curve.csv`; drawn over it as dots, if it is there.
        picture: to write.
    """
    table = pd.read_csv(metrics)
    figure = Figure(figsize=(10, 4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2, gridspec_kw={"wspace": 0.08})
    _curve(left, table, "loss", "#333333", "loss")
    left.set(xlabel="step", ylabel="loss of the batches", ylim=(0, None))
    rate = left.twinx()
    rate.plot(table["step"], table["learning_rate"], color="#999999", lw=0.8, ls="--")
    rate.set(ylabel="learning rate (dashed)", ylim=(0, None))
    for name in CLASSES:
        if f"dice_{name}" in table and table[f"dice_{name}"].notna().any():
            _curve(right, table, f"dice_{name}", _COLOURS[name], name)
    if curve.exists():
        _dots(right, pd.read_csv(curve))
    right.set(xlabel="step", ylabel="Dice where known", ylim=(0, 1))
    if right.lines:
        right.legend(loc="lower right", frameon=False)
    figure.savefig(picture, dpi=120)


def _dots(axes: Axes, curve: pd.DataFrame) -> None:
    """Dice of validation scans, joined dots."""
    for name in CLASSES:
        values = curve[f"dice_{name}"]
        if values.notna().any():
            label = f"{name}, validation"
            axes.plot(curve["step"], values, color=_COLOURS[name], marker="o", ls=":", label=label)


def _curve(axes: Axes, table: pd.DataFrame, column: str, colour: str, label: str) -> None:
    """Values as a faint line, and their running mean."""
    axes.plot(table["step"], table[column], color=colour, alpha=0.25, lw=0.8)
    span = max(1, int(np.ceil(_SMOOTH_SHARE * len(table))))
    smooth = table[column].ewm(span=span, ignore_na=True).mean()
    axes.plot(table["step"], smooth, color=colour, lw=1.6, label=label)
