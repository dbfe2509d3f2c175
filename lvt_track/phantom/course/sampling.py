"""Tissue labels at arbitrary points of the anatomy."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry
from lvt_track.phantom.body.tissues import Tissue

__all__ = ["sample_labels"]


def sample_labels(
    labels: NDArray[np.uint8], geometry: Geometry, points_mm: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """The tissue at each point: that with the largest trilinear weight around it.

    Borders so drawn run smoothly between voxel centres, where the nearest voxel would give steps.

    Args:
        labels: tissue codes (z, y, x).
        geometry: their grid.
        points_mm: LPS positions (..., 3). Beside the grid there is air; above and below it, its
            first and last slice continue.

    Returns:
        Tissue codes (...).
    """
    to_index = np.linalg.inv(geometry.affine[:3, :3]).astype(np.float32)
    offset = points_mm.reshape(-1, 3) - np.array(geometry.origin_mm, dtype=np.float32)
    position = (offset @ to_index.T)[:, ::-1]
    last = np.array(labels.shape, dtype=np.float32) - 1
    beside = ((position[:, 1:] < -0.5) | (position[:, 1:] > last[1:] + 0.5)).any(axis=1)
    position = np.clip(position, 0, last - np.float32(1e-3))
    base = position.astype(np.int32)
    share = position - base
    strides = np.array([labels.shape[1] * labels.shape[2], labels.shape[2], 1])
    flat = labels.ravel()
    first = base @ strides
    steps = [
        dz * strides[0] + dy * strides[1] + dx for dz in (0, 1) for dy in (0, 1) for dx in (0, 1)
    ]
    corners = np.stack([flat[first + step] for step in steps])
    chosen = corners[0].copy()
    mixed = np.flatnonzero((corners[1:] != corners[0]).any(axis=0))
    corners, share = corners[:, mixed], share[mixed]
    along = [np.stack([1 - share[:, axis], share[:, axis]]) for axis in range(3)]
    weights = np.stack(
        [
            along[0][dz] * along[1][dy] * along[2][dx]
            for dz in (0, 1)
            for dy in (0, 1)
            for dx in (0, 1)
        ]
    )
    votes = np.stack([(weights * (corners == corner)).sum(axis=0) for corner in corners])
    chosen[mixed] = np.take_along_axis(corners, votes.argmax(axis=0)[None], axis=0)[0]
    chosen[beside] = Tissue.AIR
    tissues: NDArray[np.uint8] = chosen.reshape(points_mm.shape[:-1])
    return tissues
