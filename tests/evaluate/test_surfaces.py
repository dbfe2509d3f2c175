"""Surface distances against shapes whose distances are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from lvt_track.evaluate.surfaces import surface_distances

Spacing = tuple[float, float, float]


def box(shape: tuple[int, int, int], *ranges: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(a, b) for a, b in ranges)] = True
    return mask


def ball(radius_mm: float, spacing_mm: Spacing, half_mm: float = 30.0) -> np.ndarray:
    half = [int(half_mm / s) for s in spacing_mm]
    z, y, x = np.mgrid[tuple(slice(-n, n + 1) for n in half)]
    dz, dy, dx = spacing_mm
    return (z * dz) ** 2 + (y * dy) ** 2 + (x * dx) ** 2 <= radius_mm**2


def test_a_mask_lies_on_itself() -> None:
    mask = ball(12, (2.5, 0.8, 0.8))
    found = surface_distances(mask, mask, (2.5, 0.8, 0.8))
    assert found.surface_dice(0.0) == 1.0
    assert found.hausdorff_mm(100) == 0.0


def test_nested_boxes_on_an_anisotropic_grid() -> None:
    """Margins of 1, 2 and 4 voxels are 2 mm each, for every face of the inner box."""
    shape, spacing_mm = (14, 24, 48), (2.0, 1.0, 0.5)
    outer = box(shape, (1, 13), (2, 22), (4, 44))
    inner = box(shape, (2, 12), (4, 20), (8, 40))
    found = surface_distances(inner, outer, spacing_mm)
    assert found.to_truth_mm == pytest.approx(np.full(len(found.to_truth_mm), 2.0))
    assert found.to_predicted_mm.min() == pytest.approx(2.0)
    assert found.to_predicted_mm.max() == pytest.approx(2 * np.sqrt(3))  # at the corners
    assert found.surface_dice(1.99) == 0.0
    # Of the outer faces, what lies in front of the inner ones is 2 mm away, the rim is farther.
    inside_mm2 = 2 * (20 * 16 + 20 * 16 + 16 * 16)
    outside_mm2 = 2 * (24 * 20 + 24 * 20 + 20 * 20)
    assert found.predicted_area_mm2.sum() == pytest.approx(inside_mm2)
    assert found.true_area_mm2.sum() == pytest.approx(outside_mm2)
    expected = 2 * inside_mm2 / (inside_mm2 + outside_mm2)
    assert found.surface_dice(2.0) == pytest.approx(expected)


def test_two_voxels_far_apart() -> None:
    shape, spacing_mm = (3, 3, 20), (3.0, 1.0, 0.7)
    found = surface_distances(
        box(shape, (1, 2), (1, 2), (2, 3)), box(shape, (1, 2), (1, 2), (12, 13)), spacing_mm
    )
    # To the near face: from the near face, from the sides along y and z, from the far face.
    along_y, along_z = np.hypot(6.65, 0.5), np.hypot(6.65, 1.5)
    expected = [6.3, along_y, along_y, along_z, along_z, 7.0]
    assert np.sort(found.to_truth_mm) == pytest.approx(expected)
    assert found.hausdorff_mm() == pytest.approx(7.0)


@pytest.mark.parametrize("spacing_mm", [(1.0, 1.0, 1.0), (2.5, 0.8, 0.8)])
def test_concentric_balls(spacing_mm: Spacing) -> None:
    small, large = ball(16, spacing_mm), ball(21, spacing_mm)
    found = surface_distances(small, large, spacing_mm)
    voxel_mm = float(np.linalg.norm(spacing_mm))
    assert found.hausdorff_mm() == pytest.approx(5.0, abs=voxel_mm)
    assert np.average(found.to_truth_mm, weights=found.predicted_area_mm2) == pytest.approx(
        5, abs=0.5
    )
    assert found.surface_dice(5 + voxel_mm) == 1.0
    assert found.surface_dice(5 - voxel_mm) < 0.02


def test_one_speck_far_away_moves_the_maximum_only() -> None:
    truth = ball(20, (1, 1, 1))
    speck = truth.copy()
    speck[0, 0, 0] = True
    found = surface_distances(speck, truth, (1, 1, 1))
    assert found.hausdorff_mm() == 0.0
    assert found.hausdorff_mm(100) > 25
    assert found.surface_dice(2.0) > 0.995


def faces_mm(mask: np.ndarray, spacing_mm: Spacing) -> np.ndarray:
    """Centres of the faces at which the surface runs, found one by one."""
    padded = np.pad(mask, 1)
    points = []
    for voxel in np.argwhere(padded):
        for axis, side in np.ndindex(3, 2):
            step = np.eye(3, dtype=int)[axis] * (2 * side - 1)
            if not padded[tuple(voxel + step)]:
                points.append(voxel + step / 2)
    return np.array(points) * spacing_mm


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([(1.0, 1.0, 1.0), (5.0, 0.7, 0.9)]))
def test_distances_are_exact(seed: int, spacing_mm: Spacing) -> None:
    rng = np.random.default_rng(seed)
    masks = rng.random((2, 5, 6, 7)) < rng.uniform(0.05, 0.5)
    masks[:, 2, 3, 3] = True
    found, truth = masks
    result = surface_distances(found, truth, spacing_mm)
    every = cdist(faces_mm(found, spacing_mm), faces_mm(truth, spacing_mm))
    assert np.sort(result.to_truth_mm) == pytest.approx(np.sort(every.min(axis=1)))
    assert np.sort(result.to_predicted_mm) == pytest.approx(np.sort(every.min(axis=0)))
    turned = surface_distances(truth, found, spacing_mm)
    assert turned.hausdorff_mm() == result.hausdorff_mm()
    assert turned.surface_dice(2.0) == pytest.approx(result.surface_dice(2.0))


def test_what_has_no_surface_is_refused() -> None:
    empty, full = np.zeros((3, 3, 3), bool), np.ones((3, 3, 3), bool)
    with pytest.raises(ValueError, match="empty"):
        surface_distances(empty, full, (1, 1, 1))
    with pytest.raises(ValueError, match="shapes"):
        surface_distances(full, full[1:], (1, 1, 1))
