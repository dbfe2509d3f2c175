"""Scans read on cells of the world, and cells read back on the scan's grid."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial.transform import Rotation

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import Volume
from lvt_track.segment.scan import Scan
from lvt_track.segment.world_grid import Lattice, widened

SHAPE = (30, 36, 34)
SLOPES = np.array([2.0, -1.5, 1.0])  # HU per mm along x, y, z

angles = st.floats(-25.0, 25.0)
geometries = st.builds(
    lambda turn, spacing, origin, flips: Geometry(
        SHAPE, spacing, origin, Rotation.from_euler("xyz", turn, degrees=True).as_matrix() * flips
    ),
    st.tuples(angles, angles, angles),
    st.tuples(*[st.floats(0.7, 3.0)] * 3),
    st.tuples(*[st.floats(-200.0, 200.0)] * 3),
    st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
)
straight = Geometry.axial(SHAPE, (2.5, 0.8, 0.8))


def ramp(world: FloatArray) -> FloatArray:
    """A function of the place (..., 3) as x, y, z that linear interpolation keeps."""
    values: FloatArray = world @ SLOPES
    return values


def on_voxels(geometry: Geometry) -> FloatArray:
    index = np.stack(np.meshgrid(*map(np.arange, geometry.shape), indexing="ij"), axis=-1)
    return ramp(geometry.to_world(index))


def on_centres(cells: Lattice) -> FloatArray:
    axes = [
        corner + (np.arange(n) + 0.5) * step
        for corner, n, step in zip(cells.corner_mm, cells.shape, cells.step_mm, strict=True)
    ]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    return ramp(np.stack([x, y, z], axis=-1))


def middle_of(geometry: Geometry, step_mm: float, shift: float = 0.0) -> Lattice:
    """Cells around the middle of a grid, well inside it."""
    z, y, x = geometry.to_world((np.array(geometry.shape) - 1) / 2)[::-1]
    half = 0.2 * min(geometry.size_mm)
    reach = widened(((z, z), (y, y), (x, x)), half)
    return Lattice.within(reach, (step_mm,) * 3, shift)


@settings(max_examples=40, deadline=None)
@given(geometry=geometries, step_mm=st.floats(0.8, 4.0), shift=st.sampled_from([0.0, 0.5]))
def test_a_ramp_is_read_as_a_ramp(geometry: Geometry, step_mm: float, shift: float) -> None:
    scan = Scan.of(Volume(on_voxels(geometry).astype(np.float32), geometry))
    cells = middle_of(geometry, step_mm, shift)
    np.testing.assert_allclose(
        scan.on(cells), on_centres(cells), atol=1.0
    )  # half a millimetre of the steepest axis


@settings(max_examples=40, deadline=None)
@given(geometry=geometries, step_mm=st.floats(0.8, 4.0))
def test_a_ramp_comes_back(geometry: Geometry, step_mm: float) -> None:
    truth = on_voxels(geometry)
    scan = Scan.of(Volume(truth.astype(np.float32), geometry))
    cells = Lattice.within(widened(scan.reach, 3 * step_mm), (step_mm,) * 3)
    box = slice(3, 20), slice(0, 30), slice(4, 34)
    expected = scan.upright.apply(truth)[box]
    values = on_centres(cells).astype(np.float32)
    np.testing.assert_allclose(
        scan.back(values, cells, box), expected, atol=1.0
    )  # half a millimetre of the steepest axis


@settings(max_examples=40, deadline=None)
@given(geometry=geometries)
def test_reach_holds_every_voxel_and_its_box_is_whole(geometry: Geometry) -> None:
    scan = Scan.of(Volume(np.zeros(SHAPE, np.int16), geometry))
    index = np.stack(np.meshgrid(*map(np.arange, SHAPE), indexing="ij"), axis=-1)
    world = geometry.to_world(index)[..., ::-1]
    for axis, (start, stop) in enumerate(scan.reach):
        assert start < world[..., axis].min()
        assert world[..., axis].max() < stop
    assert scan.box_of(scan.reach) == scan.whole


def test_around_an_oblique_scan_is_air() -> None:
    turn = Rotation.from_euler("z", 30, degrees=True).as_matrix()
    geometry = Geometry((20, 20, 20), (2.0, 2.0, 2.0), (0.0, 0.0, 0.0), turn)
    scan = Scan.of(Volume(np.full((20, 20, 20), 50, np.int16), geometry))
    seen = scan.on(Lattice.within(scan.reach, (2.0, 2.0, 2.0)))
    assert seen[10, 0, 0] == pytest.approx(-1000.0)
    assert seen[tuple(n // 2 for n in seen.shape)] == pytest.approx(50.0, abs=1e-3)


@pytest.mark.parametrize("step_mm", [1.0, 2.0, 4.0])
def test_a_hair_off_straight_is_read_as_straight(step_mm: float) -> None:
    values = texture()
    turn = Rotation.from_euler("z", 0.05, degrees=True).as_matrix()
    geometry = Geometry(SHAPE, straight.spacing_mm, (0.0, 0.0, 0.0), turn)
    tilted, plain = Scan.of(Volume(values, geometry)), Scan.of(Volume(values, straight))
    assert tilted.axes is not None
    assert plain.axes is None
    cells = middle_of(straight, step_mm)
    spread = float(plain.on(cells).std())
    assert float((tilted.on(cells) - plain.on(cells)).std()) < 0.25 * spread


def texture() -> NDArray[np.float32]:
    white = np.random.default_rng(0).normal(0.0, 100.0, SHAPE)
    correlated = ndimage.gaussian_filter(white, 1.5 / np.array(straight.spacing_mm))
    return correlated.astype(np.float32)
