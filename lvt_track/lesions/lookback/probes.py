"""The most lesion-like spot near each of several places of a liver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray
from lvt_track.lesions.lookback.scan import LiverScan

__all__ = ["Spots", "best_spots", "highest_probability", "neighbourhoods", "noise_hu"]

_LEAST_NOISE_HU = 0.1
_TO_STANDARD_DEVIATION = 1.4826

Cells = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class Spots:
    """The best spot near each of n places.

    Attributes:
        score: contrast (n,) in units of noise, positive where it has the sign that is sought; NaN
            where no spot could be judged.
        contrast_hu: contrast (n,) there; NaN likewise.
        probe: index (n,) of the ball that fits best.
    """

    score: FloatArray
    contrast_hu: FloatArray
    probe: Cells


def neighbourhoods(cells: Cells, reach_mm: float, scan: LiverScan) -> tuple[Cells, BoolArray]:
    """The cells around each of n cells, no farther than a reach.

    Returns:
        Indices (n, k, 3), clipped to the grid, and whether each lies in it (n, k).
    """
    spacing_mm = np.array(scan.geometry.spacing_mm)
    most = np.floor(reach_mm / spacing_mm).astype(int)
    steps = np.stack(
        np.meshgrid(*(np.arange(-m, m + 1) for m in most), indexing="ij"), axis=-1
    ).reshape(-1, 3)
    steps = steps[np.linalg.norm(steps * spacing_mm, axis=1) <= reach_mm]
    around = cells[:, None, :] + steps
    last = np.array(scan.hu.shape) - 1
    inside = np.all((around >= 0) & (around <= last), axis=-1)
    return np.clip(around, 0, last), inside


def noise_hu(maps: NDArray[np.float32], cells: Cells) -> FloatArray:
    """Contrast (balls,) that control cells have by chance: a robust standard deviation about zero.

    Infinite for balls that fit nowhere.
    """
    values = np.abs(maps[(slice(None), *cells.T)])
    noise = np.full(len(maps), np.inf)
    for k, row in enumerate(values):
        known = row[~np.isnan(row)]
        if len(known):
            noise[k] = max(_TO_STANDARD_DEVIATION * float(np.median(known)), _LEAST_NOISE_HU)
    return noise


def best_spots(
    maps: NDArray[np.float32],
    noise: FloatArray,
    sign: float,
    around: Cells,
    inside: BoolArray,
) -> Spots:
    """The spot near each place, and the ball, whose contrast stands out most from the noise.

    Args:
        maps: contrast (balls, z, y, x) in HU.
        noise: of each ball.
        sign: 1 for bright spots, -1 for dark ones.
        around, inside: neighbourhoods (n, k) of the places.
    """
    contrast = maps[(slice(None), *np.moveaxis(around, -1, 0))]
    scores = np.where(np.isnan(contrast) | ~inside, -np.inf, sign * contrast / noise[:, None, None])
    flat = np.moveaxis(scores, 0, 1).reshape(len(around), -1)
    best = flat.argmax(axis=1)
    rows = np.arange(len(around))
    is_finite = np.isfinite(flat[rows, best])
    probe, spot = np.divmod(best, around.shape[1])
    return Spots(
        score=np.where(is_finite, flat[rows, best], np.nan),
        contrast_hu=np.where(is_finite, contrast[probe, rows, spot], np.nan),
        probe=probe,
    )


def highest_probability(scan: LiverScan, around: Cells, inside: BoolArray) -> FloatArray | None:
    """The model's highest tumour probability (n,) in plain liver near each place; None without."""
    if scan.probability is None:
        return None
    index = tuple(np.moveaxis(around, -1, 0))
    highest: FloatArray = np.where(inside & scan.tissue[index], scan.probability[index], 0.0).max(
        axis=1
    )
    return highest
