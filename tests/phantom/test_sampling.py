"""Tissues between voxels: exact at centres, smooth in between, air beside the body."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.phantom.course.sampling import sample_labels

GEOMETRY = Geometry.axial((12, 14, 16), (2.0, 1.5, 1.5), (-10.0, 5.0, 30.0))


def at(labels: np.ndarray, index: np.ndarray) -> np.ndarray:
    return sample_labels(labels, GEOMETRY, GEOMETRY.to_world(index).astype(np.float32))


def test_voxel_centres_keep_their_tissue() -> None:
    labels = np.random.default_rng(0).integers(0, 70, GEOMETRY.shape).astype(np.uint8)
    index = np.stack(np.indices(GEOMETRY.shape), axis=-1)
    assert np.array_equal(at(labels, index), labels)


def test_the_heaviest_tissue_wins() -> None:
    labels = np.full(GEOMETRY.shape, 3, dtype=np.uint8)
    labels[:, :, 8:] = 60
    index = np.array([[5.3, 6.2, x] for x in (7.1, 7.49, 7.51, 7.9)])
    assert at(labels, index).tolist() == [3, 3, 60, 60]
    corner = np.full(GEOMETRY.shape, 3, dtype=np.uint8)
    corner[5, 6, 7] = 60
    assert at(corner, np.array([[5.1, 6.1, 7.1]])).tolist() == [60]
    assert at(corner, np.array([[5.3, 6.3, 7.3]])).tolist() == [3]


def test_a_ball_sampled_finely_keeps_its_volume() -> None:
    geometry = Geometry.axial((30, 30, 30), (1.5, 1.5, 1.5))
    inside = np.linalg.norm(np.indices(geometry.shape) - 14.5, axis=0) * 1.5 < 15.0
    labels = np.where(inside, 60, 3).astype(np.uint8)
    fine = np.stack(np.meshgrid(*[np.arange(0, 44, 0.7)] * 3, indexing="ij"), axis=-1)
    found = sample_labels(labels, geometry, fine.astype(np.float32)) == 60
    assert found.sum() * 0.7**3 == pytest.approx(4 / 3 * np.pi * 15**3, rel=0.02)


def test_beside_the_grid_is_air_and_above_it_the_last_slice() -> None:
    labels = np.full(GEOMETRY.shape, 60, dtype=np.uint8)
    labels[-1] = 5
    assert at(labels, np.array([[6.0, -2.0, 5.0], [6.0, 5.0, 17.0]])).tolist() == [0, 0]
    assert at(labels, np.array([[40.0, 5.0, 5.0], [-40.0, 5.0, 5.0]])).tolist() == [5, 60]
