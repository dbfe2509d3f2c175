"""Lesions that touch: lumps of one mask that are joined by a neck, and the cut through it.

Inside a lump the distance to the surface rises to its middle; between two lumps it falls to the
radius of their neck. Where that is much less than the radius of the smaller lump, the two are
likely lesions of their own that touch.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.cluster.vq import kmeans2
from skimage.segmentation import watershed

from lvt_track.core.geometry import FloatArray, bounding_box
from lvt_track.core.volume import BoolArray
from lvt_track.lesions.size import ball_radius_mm

__all__ = ["LEAST_LUMP_MM", "NECK_SHARE", "cut_into", "lumps"]

NECK_SHARE = 0.86
"""A neck is narrower than this share of the smaller lump's radius, both as distances inside."""

LEAST_LUMP_MM = 3.0
"""Radius of the smallest lump that is told; below it a bulge is no more than noise of a border."""

_LEAST_STEP_MM, _MOST_STEPS = 0.9, 64

_MOST_DEEPER = 1.25

Labels = NDArray[np.int32]


def lumps(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> Labels:
    """The lumps of a lesion that are joined by necks, numbered from 1 by decreasing size.

    Args:
        mask: (z, y, x), True inside one lesion.
        spacing_mm: of the grid, z, y, x.

    Raises:
        ValueError: when the mask is empty.

    Returns:
        Labels (z, y, x): 0 outside, 1 all through where there is no neck.
    """
    box = bounding_box(mask)
    if box is None:
        raise ValueError("an empty mask has no lumps")
    labels = np.zeros(mask.shape, dtype=np.int32)
    labels[box] = _lumps(mask[box], spacing_mm)
    return labels


def _lumps(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> Labels:
    """The same of a mask that is no larger than the lesion."""
    basins, radius_mm, saddles_mm = _basins(mask, spacing_mm)
    while saddles_mm:
        (a, b), saddle_mm = max(
            saddles_mm.items(),
            key=lambda item: (item[1] / min(radius_mm[item[0][0]], radius_mm[item[0][1]]), item[0]),
        )
        small_mm = min(radius_mm[a], radius_mm[b])
        if saddle_mm >= NECK_SHARE * small_mm:
            _join(a, b, basins, radius_mm, saddles_mm)
            continue
        tiny = [pair for pair in saddles_mm if min(radius_mm[k] for k in pair) < LEAST_LUMP_MM]
        if not tiny:
            break
        _join(*max(tiny, key=lambda pair: (saddles_mm[pair], pair)), basins, radius_mm, saddles_mm)
    return _on_grid(basins, mask, spacing_mm)


def cut_into(parts: int, mask: BoolArray, spacing_mm: tuple[float, float, float]) -> Labels:
    """A lesion cut into so many parts, numbered from 1 by decreasing size.

    It is cut at its narrowest necks; where there are fewer lumps than parts, by planes between
    the middles of equally spread voxels.

    Args:
        parts: 2 or more; no more than there are voxels.
        mask: (z, y, x), True inside the lesion.
        spacing_mm: of the grid, z, y, x.

    Raises:
        ValueError: when the lesion has fewer voxels than parts.
    """
    index = np.argwhere(mask)
    if len(index) < parts:
        raise ValueError(f"{len(index)} voxels cannot be {parts} lesions")
    basins, radius_mm, saddles_mm = _basins(mask, spacing_mm)
    while len(radius_mm) > parts:
        # What is least a lump of its own goes first.
        pair = max(
            saddles_mm,
            key=lambda pair: (saddles_mm[pair] / min(radius_mm[k] for k in pair), pair),
        )
        _join(*pair, basins, radius_mm, saddles_mm)
    cut = _on_grid(basins, mask, spacing_mm)
    if cut.max() == parts:
        return cut
    points_mm = index * np.array(spacing_mm)
    _, nearest = kmeans2(points_mm, _spread(points_mm, parts), iter=50, minit="matrix")
    if len(np.unique(nearest)) < parts:
        nearest = np.arange(len(index)) * parts // len(index)
    cut = np.zeros(mask.shape, dtype=np.int32)
    cut[mask] = nearest + 1
    return _by_size(cut)


def _basins(
    mask: BoolArray, spacing_mm: tuple[float, float, float]
) -> tuple[Labels, dict[int, float], dict[tuple[int, int], float]]:
    """Watershed basins of the distance to the surface, on cells of one size.

    Returns:
        The basins (z, y, x) of cells, from 1; the largest distance inside each; and of each pair
        that touch the largest distance on their common border.
    """
    depth_mm = _depth_mm(mask, spacing_mm)
    inside = depth_mm > 0
    smooth = ndimage.gaussian_filter(depth_mm, 1.0)
    peaks = (smooth == ndimage.maximum_filter(smooth, size=3)) & inside
    if not peaks.any():
        peaks = depth_mm == depth_mm.max()
    markers, count = ndimage.label(peaks, np.ones((3, 3, 3)))
    basins: Labels = watershed(-smooth, markers, mask=inside)  # type: ignore[no-untyped-call]
    basins = basins.astype(np.int32)
    highest_mm = np.atleast_1d(ndimage.maximum(depth_mm, basins, np.arange(1, count + 1)))
    step_mm = _step_mm(mask.shape, spacing_mm)
    cells = np.bincount(basins.ravel(), minlength=count + 1)[1:]
    ball_mm = ball_radius_mm(cells * step_mm**3 / 1000)
    # Of few cells the deepest one lies less deep than the ball's middle.
    inner_mm = np.clip(ball_mm, highest_mm, _MOST_DEEPER * highest_mm)
    radius_mm = {k: float(value) for k, value in enumerate(inner_mm, start=1)}
    saddles_mm: dict[tuple[int, int], float] = {}
    for axis in range(3):
        one, other = (np.moveaxis(basins, axis, 0)[part] for part in (slice(-1), slice(1, None)))
        low, high = (np.moveaxis(depth_mm, axis, 0)[part] for part in (slice(-1), slice(1, None)))
        border = (one != other) & (one > 0) & (other > 0)
        between = np.minimum(low, high)[border]
        for a, b, value in zip(one[border], other[border], between, strict=True):
            pair = (int(min(a, b)), int(max(a, b)))
            saddles_mm[pair] = max(saddles_mm.get(pair, 0.0), float(value))
    return basins, radius_mm, saddles_mm


def _join(
    a: int,
    b: int,
    basins: Labels,
    radius_mm: dict[int, float],
    saddles_mm: dict[tuple[int, int], float],
) -> None:
    """Make basin b a part of a, in place."""
    basins[basins == b] = a
    radius_mm[a] = max(radius_mm[a], radius_mm.pop(b))
    for pair in [pair for pair in saddles_mm if b in pair]:
        value = saddles_mm.pop(pair)
        other = pair[0] if pair[1] == b else pair[1]
        if other != a:
            merged = (min(a, other), max(a, other))
            saddles_mm[merged] = max(saddles_mm.get(merged, 0.0), value)


def _depth_mm(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> FloatArray:
    """Distance to the surface inside a mask, on cubic cells; thick slices are interpolated.

    Between slices it is the signed distance within them that is interpolated, so that a lump of a
    few thick slices is a ball and no staircase.
    """
    signed = np.stack([_signed_mm(plane, spacing_mm[1:]) for plane in np.pad(mask, 1)])
    for end, beside in ((0, 1), (-1, -2)):
        signed[end] = -np.abs(signed[beside])  # so that the mask ends half a slice beyond its last
    step_mm = _step_mm(mask.shape, spacing_mm)
    cells = ndimage.zoom(
        signed,
        np.array(spacing_mm) / step_mm,
        order=1,
        mode="nearest",
        grid_mode=True,
    )
    depth_mm: FloatArray = ndimage.distance_transform_edt(cells > 0, sampling=step_mm)
    return depth_mm


def _step_mm(shape: tuple[int, ...], spacing_mm: tuple[float, float, float]) -> float:
    longest_mm = float(max(np.array(shape) * spacing_mm))
    return max(_LEAST_STEP_MM, min(spacing_mm), longest_mm / _MOST_STEPS)


def _signed_mm(plane: BoolArray, pixel_mm: tuple[float, float]) -> FloatArray:
    """Distance to the border within a slice, positive inside; far outside where there is none."""
    if not plane.any():
        return np.full(plane.shape, -max(pixel_mm) * 4)
    inside: FloatArray = ndimage.distance_transform_edt(plane, sampling=pixel_mm)
    outside: FloatArray = ndimage.distance_transform_edt(~plane, sampling=pixel_mm)
    half = min(pixel_mm) / 2
    return np.where(plane, inside - half, half - outside)


def _on_grid(basins: Labels, mask: BoolArray, spacing_mm: tuple[float, float, float]) -> Labels:
    """Labels of cells on the grid of the mask; a voxel without one takes that of the nearest."""
    if not basins.any():
        return mask.astype(np.int32)
    near = ndimage.distance_transform_edt(basins == 0, return_distances=False, return_indices=True)
    filled = basins[tuple(near)]
    step_mm = np.array(basins.shape)
    index = np.argwhere(mask) + 1
    padded = np.array(mask.shape) + 2
    cell = ((index + 0.5) * step_mm / padded).astype(int).clip(0, step_mm - 1)
    labels = np.zeros(mask.shape, dtype=np.int32)
    labels[mask] = filled[tuple(cell.T)]
    return _by_size(labels)


def _by_size(labels: Labels) -> Labels:
    """The same labels, numbered from 1 by decreasing size."""
    values, counts = np.unique(labels[labels > 0], return_counts=True)
    ranked = np.zeros(int(labels.max(initial=0)) + 1, dtype=np.int32)
    ranked[values[np.argsort(-counts, kind="stable")]] = np.arange(1, len(values) + 1)
    return ranked[labels]


def _spread(points_mm: FloatArray, count: int) -> FloatArray:
    """Points (count, 3) far from one another: the first farthest from the middle, and so on."""
    chosen = [points_mm[np.linalg.norm(points_mm - points_mm.mean(axis=0), axis=1).argmax()]]
    while len(chosen) < count:
        away = np.min([np.linalg.norm(points_mm - one, axis=1) for one in chosen], axis=0)
        chosen.append(points_mm[away.argmax()])
    return np.array(chosen)
