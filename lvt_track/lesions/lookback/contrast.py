"""How much each place of a liver differs from the liver around it, at several sizes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from lvt_track.core.geometry import FloatArray
from lvt_track.lesions.lookback.scan import LiverScan

__all__ = ["LEAST_RING", "PROBE_RADII_MM", "contrast_maps", "ring_edges_mm", "ring_hu"]

PROBE_RADII_MM = (2.0, 2.5, 3.2, 4.0, 5.0, 6.3, 8.0, 10.0, 12.6, 16.0)
"""Each ball has about twice the volume of the one before."""

LEAST_BALL = 0.5
LEAST_RING = 0.25
"""Shares of the ball and of the ring that must be plain liver for a contrast to be told."""

_GAP_MM = 1.5
_GAP_SHARE = 0.3
_RING_MM = 5.0
_SUBCELLS = 4


def contrast_maps(scan: LiverScan, radii_mm: Sequence[float]) -> NDArray[np.float32]:
    """Mean HU in a ball about each cell minus that in a ring around the ball, both of plain liver.

    Between ball and ring there is a gap, for borders are blurred and lesions not round.

    Args:
        scan: the visit.
        radii_mm: of the balls.

    Returns:
        Array (radii, z, y, x) in HU; NaN where too little of the ball or ring is plain liver.
    """
    spacing_mm = scan.geometry.spacing_mm
    kernels = [(_ball(r, spacing_mm), _ring(r, spacing_mm)) for r in radii_mm]
    reach = np.max([k.shape for pair in kernels for k in pair], axis=0) // 2
    shape = [
        fft.next_fast_len(int(n + r), real=True) for n, r in zip(scan.hu.shape, reach, strict=True)
    ]
    tissue = scan.tissue.astype(np.float32)
    # Near zero on average, so that sums of many cells lose no digits.
    level = float(np.median(scan.hu[scan.tissue])) if scan.tissue.any() else 0.0
    weight = fft.rfftn(tissue, shape)
    values = fft.rfftn((scan.hu - level) * tissue, shape)
    maps = np.full((len(radii_mm), *scan.hu.shape), np.nan, dtype=np.float32)
    for k, pair in enumerate(kernels):
        means, enough = [], np.ones(scan.hu.shape, dtype=np.bool_)
        for kernel, least in zip(pair, (LEAST_BALL, LEAST_RING), strict=True):
            response = fft.rfftn(_centred(kernel, shape))
            share = fft.irfftn(weight * response, shape)[tuple(map(slice, scan.hu.shape))]
            total = fft.irfftn(values * response, shape)[tuple(map(slice, scan.hu.shape))]
            enough &= share >= least * kernel.sum()
            means.append(total / np.maximum(share, 1e-3))
        maps[k][enough] = (means[0] - means[1])[enough]
    return maps


def ring_hu(scan: LiverScan, centre_mm: FloatArray, radius_mm: float) -> float:
    """Mean HU of the plain liver around a ball, or of the whole liver where there is none."""
    inner, outer = ring_edges_mm(radius_mm)
    middle = np.rint(scan.geometry.to_index(centre_mm)).astype(int)
    reach = np.ceil(outer / np.array(scan.geometry.spacing_mm)).astype(int) + 1
    low = np.clip(middle - reach, 0, scan.hu.shape)
    box = tuple(slice(a, b) for a, b in zip(low, np.maximum(middle + reach + 1, 0), strict=True))
    cells = np.argwhere(scan.tissue[box]) + low
    distance = np.linalg.norm(scan.geometry.to_world(cells) - centre_mm, axis=1)
    around = cells[(distance > inner) & (distance <= outer)]
    chosen = around if len(around) else scan.tissue_cells
    return float(scan.hu[tuple(chosen.T)].mean()) if len(chosen) else float(scan.hu.mean())


def ring_edges_mm(radius_mm: float) -> tuple[float, float]:
    """Radii between which the liver around a ball is looked at."""
    inner = radius_mm * (1 + _GAP_SHARE) + _GAP_MM
    return inner, inner + _RING_MM


def _ball(radius_mm: float, spacing_mm: tuple[float, float, float]) -> NDArray[np.float32]:
    return _shell(0.0, radius_mm, spacing_mm)


def _ring(radius_mm: float, spacing_mm: tuple[float, float, float]) -> NDArray[np.float32]:
    return _shell(*ring_edges_mm(radius_mm), spacing_mm)


def _shell(
    inner_mm: float, outer_mm: float, spacing_mm: tuple[float, float, float]
) -> NDArray[np.float32]:
    """Share of each cell (z, y, x) that lies between two spheres about the middle cell's centre."""
    sub = (np.arange(_SUBCELLS) + 0.5) / _SUBCELLS - 0.5
    axes = []
    for step in spacing_mm:
        reach = int(np.ceil(outer_mm / step))
        axes.append(((np.arange(-reach, reach + 1)[:, None] + sub).ravel() * step) ** 2)
    z, y, x = axes
    square = z[:, None, None] + y[None, :, None] + x[None, None, :]
    inside = (square >= inner_mm**2) & (square < outer_mm**2)
    nz, ny, nx = (n // _SUBCELLS for n in inside.shape)
    parts = inside.reshape(nz, _SUBCELLS, ny, _SUBCELLS, nx, _SUBCELLS)
    shares: NDArray[np.float32] = parts.mean(axis=(1, 3, 5), dtype=np.float32)
    return shares


def _centred(kernel: NDArray[np.float32], shape: Sequence[int]) -> NDArray[np.float32]:
    """The kernel in an array of `shape`, its middle at index zero."""
    padded = np.zeros(shape, dtype=np.float32)
    padded[tuple(map(slice, kernel.shape))] = kernel
    return np.roll(padded, [-(n // 2) for n in kernel.shape], axis=(0, 1, 2))
