"""Motions go both ways, never fold, and move what they should."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvt_track.core.geometry import Geometry
from lvt_track.phantom.course.motion import (
    Breathing,
    Elastic,
    Motion,
    MotionLimits,
    Posture,
    Torso,
    anatomy_points,
    draw_motion,
    no_motion,
)

TORSO = Torso((4.0, -10.0), 165.0, 115.0, 60.0, -110.0)


def positions(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform((-200, -150, -250), (200, 150, 250), (count, 3))


def jacobian(motion: Motion, points: np.ndarray) -> np.ndarray:
    step = 0.01
    columns = [
        (motion.to_anatomy(points + step * axis) - motion.to_anatomy(points - step * axis))
        / (2 * step)
        for axis in np.eye(3)
    ]
    return np.linalg.det(np.stack(columns, axis=-1))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(5, 25), st.floats(0, 20))
def test_there_and_back_is_nowhere(seed: int, elastic_mm: float, breath_mm: float) -> None:
    limits = MotionLimits(breath_mm, elastic_mm)
    motion = draw_motion(np.random.default_rng(seed), TORSO, limits)
    points = positions(200)
    assert np.abs(motion.to_visit(motion.to_anatomy(points)) - points).max() < 1e-4
    assert np.abs(motion.to_anatomy(motion.to_visit(points)) - points).max() < 1e-4


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_nothing_folds(seed: int) -> None:
    motion = draw_motion(np.random.default_rng(seed), TORSO, MotionLimits(20.0, 25.0))
    assert jacobian(motion, positions(2000)).min() > 0.05


def test_the_same_seed_gives_the_same_motion() -> None:
    points = positions(50)
    moved = [draw_motion(np.random.default_rng(s), TORSO).to_anatomy(points) for s in (3, 3, 4)]
    assert np.array_equal(moved[0], moved[1])
    assert not np.allclose(moved[0], moved[2])


def test_no_motion_moves_nothing() -> None:
    points = positions(20)
    assert np.array_equal(no_motion().to_anatomy(points), points)
    assert np.array_equal(no_motion().to_visit(points), points)


def test_elastic_motion_reaches_the_size_asked_for() -> None:
    sizes = []
    for seed in range(10):
        elastic = draw_motion(
            np.random.default_rng(seed), TORSO, MotionLimits(elastic_mm=10.0)
        ).layers[2]
        points = positions(4000)
        sizes.append(np.linalg.norm(elastic.to_anatomy(points) - points, axis=1).max())
    assert 5.0 < np.median(sizes) <= 10.0
    assert max(sizes) <= 10.0 + 1e-9


def test_posture_is_rigid_and_turns_about_its_pivot() -> None:
    posture = Posture((0.1, -0.05, 0.2), (3.0, -4.0, 12.0), TORSO.pivot_mm)
    pivot = np.array([TORSO.pivot_mm])
    assert np.allclose(posture.to_anatomy(pivot) - pivot, [3.0, -4.0, 12.0])
    points = positions(30)
    moved = posture.to_anatomy(points)
    assert np.allclose(
        np.linalg.norm(points[1:] - points[:-1], axis=1),
        np.linalg.norm(moved[1:] - moved[:-1], axis=1),
    )


def test_a_deep_breath_lowers_the_dome_squeezes_the_liver_and_leaves_the_spine() -> None:
    breathing = Breathing(20.0, TORSO)
    x, y = TORSO.centre_mm
    dome, floor, apex, spine = breathing.to_visit(
        np.array(
            [
                [x - 60, y - 20, TORSO.dome_z_mm],
                [x - 60, y - 20, TORSO.floor_z_mm],
                [x - 60, y - 20, TORSO.dome_z_mm + 280],
                [x, y + 110, TORSO.dome_z_mm],
            ]
        )
    )
    assert dome[2] == pytest.approx(TORSO.dome_z_mm - 20, abs=1.0)
    assert floor[2] == pytest.approx(TORSO.floor_z_mm - 14, abs=2.0)
    assert apex[2] == pytest.approx(TORSO.dome_z_mm + 280)
    assert abs(spine[2] - TORSO.dome_z_mm) < 4.0


def test_motions_that_would_fold_are_refused() -> None:
    with pytest.raises(ValueError, match="fold"):
        Breathing(80.0, TORSO)
    control = np.zeros((3, 4, 4, 4))
    control[0, 2, 2, 2] = 40.0
    with pytest.raises(ValueError, match="steepness"):
        Elastic(control, (0.0, 0.0, 0.0), 40.0)


def test_points_of_a_grid_are_those_of_its_voxels() -> None:
    motion = draw_motion(np.random.default_rng(5), TORSO, MotionLimits(elastic_mm=25.0))
    turned = np.array([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, -1.0]])
    geometry = Geometry((40, 60, 70), (4.0, 2.5, 2.5), (-80.0, 90.0, 80.0), turned)
    points = anatomy_points(motion, geometry, slice(10, 30))
    assert points.shape == (20, 60, 70, 3)
    index = np.random.default_rng(0).integers((10, 0, 0), (30, 60, 70), (300, 3))
    exact = motion.to_anatomy(geometry.to_world(index))
    found = points[index[:, 0] - 10, index[:, 1], index[:, 2]]
    assert np.abs(found - exact).max() < 0.03
