"""Geometry: round trips and invariances for any oblique grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from lvt_track.core.geometry import Geometry

lengths = st.floats(0.2, 8.0)
places = st.floats(-2000.0, 2000.0)
angles = st.floats(-180.0, 180.0)


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    shape = draw(st.tuples(*[st.integers(1, 600)] * 3))
    spacing = draw(st.tuples(lengths, lengths, lengths))
    origin = draw(st.tuples(places, places, places))
    flips = draw(st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3))
    turn = Rotation.from_euler("xyz", draw(st.tuples(angles, angles, angles)), degrees=True)
    return Geometry(shape, spacing, origin, turn.as_matrix() * np.array(flips))


@given(geometries(), st.lists(st.tuples(*[st.floats(-50, 650)] * 3), min_size=1, max_size=5))
def test_world_and_index_go_there_and_back(
    geometry: Geometry, index: list[tuple[float, float, float]]
) -> None:
    back = geometry.to_index(geometry.to_world(index))
    np.testing.assert_allclose(back, index, atol=1e-6)


@given(geometries())
def test_distances_in_world_are_index_steps_times_spacing(geometry: Geometry) -> None:
    step = geometry.to_world(np.eye(3)) - geometry.to_world(np.zeros(3))
    np.testing.assert_allclose(np.linalg.norm(step, axis=1), geometry.spacing_mm, rtol=1e-6)


@given(geometries(), st.data())
def test_crop_keeps_places(geometry: Geometry, data: st.DataObject) -> None:
    starts = [data.draw(st.integers(0, n - 1)) for n in geometry.shape]
    box = tuple(slice(start, None) for start in starts)
    part = geometry.crop((box[0], box[1], box[2]))
    np.testing.assert_allclose(part.to_world([0, 0, 0]), geometry.to_world(starts), atol=1e-6)
    np.testing.assert_allclose(
        part.to_world(np.array(part.shape) - 1),
        geometry.to_world(np.array(geometry.shape) - 1),
        atol=1e-6,
    )


@given(geometries())
def test_affine_agrees_with_to_world(geometry: Geometry) -> None:
    x, y, z = 3.0, 5.0, 7.0
    expected = (geometry.affine @ [x, y, z, 1.0])[:3]
    np.testing.assert_allclose(geometry.to_world([z, y, x]), expected, atol=1e-6)


def test_columns_of_the_direction_are_the_axes_x_y_z() -> None:
    flipped = Geometry((4, 5, 6), (3.0, 2.0, 1.0), (10.0, 20.0, 30.0), np.diag([-1.0, -1.0, 1.0]))
    np.testing.assert_allclose(flipped.to_world([1, 1, 1]), [9.0, 18.0, 33.0])


def test_contains_reaches_to_the_voxels_outer_faces() -> None:
    grid = Geometry.axial((2, 2, 2), (1.0, 1.0, 1.0))
    assert grid.contains([-0.5, 1.5, 0.0])
    assert not grid.contains([-0.51, 0.0, 0.0])


def test_volume_of_a_voxel() -> None:
    assert Geometry.axial((1, 1, 1), (5.0, 2.0, 1.0)).voxel_volume_ml == pytest.approx(0.01)


def test_closeness_is_measured_at_the_corners() -> None:
    grid = Geometry.axial((11, 11, 11), (1.0, 1.0, 1.0))
    stretched = Geometry.axial((11, 11, 11), (1.0005, 1.0, 1.0))
    assert grid.is_close(stretched)
    assert not grid.is_close(Geometry.axial((11, 11, 11), (1.01, 1.0, 1.0)))
    assert not grid.is_close(Geometry.axial((11, 11, 12), (1.0, 1.0, 1.0)))


def test_equal_grids_are_equal_and_hash_alike() -> None:
    one = Geometry.axial((1, 2, 3), (1.0, 1.0, 1.0))
    other = Geometry.axial((1, 2, 3), (1.0, 1.0, 1.0))
    assert one == other
    assert hash(one) == hash(other)
    assert one != Geometry.axial((1, 2, 3), (1.0, 1.0, 2.0))


@pytest.mark.parametrize(
    ("shape", "spacing", "origin", "direction", "named"),
    [
        ((0, 1, 1), (1, 1, 1), (0, 0, 0), np.eye(3), "shape"),
        ((1, 1, 1), (1, 0, 1), (0, 0, 0), np.eye(3), "spacing_mm"),
        ((1, 1, 1), (1, np.nan, 1), (0, 0, 0), np.eye(3), "spacing_mm"),
        ((1, 1, 1), (1, 1, 1), (0, np.inf, 0), np.eye(3), "origin_mm"),
        ((1, 1, 1), (1, 1, 1), (0, 0, 0), np.eye(3) * 2, "direction"),
    ],
)
def test_what_is_no_grid_is_refused(
    shape: tuple[int, int, int],
    spacing: tuple[float, float, float],
    origin: tuple[float, float, float],
    direction: np.ndarray,
    named: str,
) -> None:
    with pytest.raises(ValueError, match=named):
        Geometry(shape, spacing, origin, direction)


def test_direction_cannot_be_changed_behind_its_back() -> None:
    grid = Geometry.axial((1, 1, 1), (1.0, 1.0, 1.0))
    with pytest.raises(ValueError, match="read-only"):
        grid.direction[0, 0] = 5
