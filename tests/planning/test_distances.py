"""Distances are exact on any grid, and their two points are where they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.transform import Rotation

from lvt_track.core.geometry import Geometry
from lvt_track.planning.proximity.distances import Shape, gap_between, outside_of


def blobs(rng: np.random.Generator, shape: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Two random shapes that do not overlap."""
    field = ndimage.gaussian_filter(rng.normal(size=shape), 1.5)
    high, low = np.quantile(field, [0.97, 0.03])
    return field > high, field < low


def shape(mask: np.ndarray, geometry: Geometry) -> Shape:
    """A shape that is there."""
    made = Shape.of(mask, geometry)
    assert made is not None
    return made


def nearest_boxes_mm(mask: np.ndarray, other: np.ndarray, spacing: tuple[float, ...]) -> float:
    """Every voxel against every other, as boxes."""
    apart = np.abs(np.argwhere(mask)[:, None] - np.argwhere(other)[None]) - 1
    return float(np.linalg.norm(np.maximum(apart, 0) * np.array(spacing), axis=2).min())


@pytest.mark.parametrize("seed", range(12))
def test_gaps_are_those_of_brute_force_on_turned_anisotropic_grids(seed: int) -> None:
    rng = np.random.default_rng(seed)
    spacing = tuple(float(s) for s in rng.uniform(0.6, 5.0, 3))
    turn = Rotation.from_rotvec(rng.normal(size=3)).as_matrix()
    mask, other = blobs(rng, (9, 12, 14))
    geometry = Geometry(mask.shape, spacing, (10.0, -20.0, 30.0), turn)

    gap = gap_between(shape(mask, geometry), shape(other, geometry))

    brute = nearest_boxes_mm(mask, other, spacing)
    assert brute - 1e-6 <= gap.distance_mm <= brute + 0.5 * max(spacing)
    start, end = (np.rint(geometry.to_index(p)).astype(int) for p in (gap.start_mm, gap.end_mm))
    assert mask[tuple(start)]
    assert other[tuple(end)]


def test_neighbours_touch_and_overlaps_are_no_distance_apart() -> None:
    geometry = Geometry.axial((5, 5, 5), (3.0, 1.0, 1.0))
    one, other = np.zeros((2, 5, 5, 5), dtype=bool)
    one[2, 2, 2], other[3, 2, 2] = True, True
    assert gap_between(shape(one, geometry), shape(other, geometry)).distance_mm == 0
    assert gap_between(shape(one, geometry), shape(one, geometry)).distance_mm == 0
    assert Shape.of(np.zeros_like(one), geometry) is None


def test_the_surface_is_where_the_liver_ends_not_where_the_scan_does() -> None:
    liver = np.zeros((6, 20, 20), dtype=bool)
    liver[:, 4:16, 2:18] = True  # it fills all slices
    tumor = np.zeros_like(liver)
    tumor[2:4, 8:10, 8:10] = True
    geometry = Geometry.axial(liver.shape, (5.0, 2.0, 2.0))
    surface = outside_of(liver, geometry)
    assert surface is not None
    gap = gap_between(shape(tumor, geometry), surface)
    assert gap.distance_mm == pytest.approx(8.0)
