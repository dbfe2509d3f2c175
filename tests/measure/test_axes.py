"""Axes against analytic shapes, against brute force, and under what must not change them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.lesion.caliper import Caliper
from lvt_track.core.volume import BoolArray, Volume
from lvt_track.measure.axes import measure_lesion
from lvt_track.measure.calipers import (
    convex_hull,
    crosses,
    farthest_pair,
    widest_at_most,
)
from lvt_track.measure.diameter import longest_diameter_3d_mm
from lvt_track.measure.outline import OUTSET_PIXELS, SliceOutline


def ellipse(
    rng: np.random.Generator,
) -> tuple[BoolArray, tuple[float, float], float, float]:
    """A random ellipse as a mask (1, y, x), its pixels (y, x), long and short axis in mm."""
    long_mm = rng.uniform(5, 60)
    short_mm = long_mm * rng.uniform(0.4, 1)
    dx = rng.uniform(0.5, 1)
    dy = dx if rng.random() < 0.5 else rng.uniform(0.5, 1)
    angle = rng.uniform(0, np.pi)
    half = int(long_mm / 2 / min(dx, dy)) + 3
    y, x = np.mgrid[-half : half + 1, -half : half + 1]
    x, y = (x - rng.uniform()) * dx, (y - rng.uniform()) * dy
    u, v = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    mask = (2 * u / long_mm) ** 2 + (2 * v / short_mm) ** 2 <= 1
    return mask[None], (dy, dx), long_mm, short_mm


def ball(radius_mm: float, spacing_mm: tuple[float, float, float]) -> tuple[BoolArray, Geometry]:
    half = [int(radius_mm / s) + 2 for s in spacing_mm]
    z, y, x = np.mgrid[tuple(slice(-n, n + 1) for n in half)]
    dz, dy, dx = spacing_mm
    mask = (z * dz) ** 2 + (y * dy) ** 2 + (x * dx) ** 2 <= radius_mm**2
    return mask, Geometry.axial(mask.shape, spacing_mm)


def ends(caliper: Caliper) -> FloatArray:
    return np.array([caliper.start_mm, caliper.end_mm])


def flat(rows: list[str]) -> tuple[BoolArray, Geometry]:
    mask = np.array([[[c == "#" for c in row] for row in rows]])
    return mask, Geometry.axial(mask.shape, (1, 1, 1))


def test_ellipses_are_measured_without_bias() -> None:
    """The bar: mean bias within 0.1 pixel, 95 % within 0.6 pixel, for both axes."""
    rng = np.random.default_rng(7)
    errors = []
    for _ in range(800):
        mask, (dy, dx), long_mm, short_mm = ellipse(rng)
        size = measure_lesion(mask, Geometry.axial(mask.shape, (1.0, dy, dx)))
        error = (size.long_axis.length_mm - long_mm, size.short_axis.length_mm - short_mm)
        assert size.short_axis.length_mm <= size.long_axis.length_mm
        errors.append(np.array(error) / np.sqrt(dx * dy))
    assert np.abs(np.mean(errors, axis=0)).max() <= 0.1
    assert np.percentile(np.abs(errors), 95, axis=0).max() <= 0.6


@pytest.mark.parametrize("seed", range(12))
def test_long_axis_is_exact_against_brute_force(seed: int) -> None:
    """Blobs with bays and islands: every pair of outline corners is tried and checked."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(18, 18))
    smooth = sum(np.roll(noise, (a, b), (0, 1)) for a in (-1, 0, 1) for b in (-1, 0, 1))
    mask = np.pad(smooth > 0.4, 2)[None]
    pixel_mm = (0.7, 0.9)
    outline = SliceOutline.of(mask[0], pixel_mm)
    corners, barrier = outline.edges_mm[:, 0], outline.barrier_mm
    best = 0.0
    for p in corners:
        clear = ~crosses(np.broadcast_to(p, corners.shape), corners, barrier)
        best = max(best, float(np.linalg.norm(corners[clear] - p, axis=1).max()))
    size = measure_lesion(mask, Geometry.axial(mask.shape, (3.0, *pixel_mm)))
    assert size.long_axis.length_mm == pytest.approx(best, abs=1e-9)


@given(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=40))
@settings(deadline=None)
def test_rotating_calipers_are_exact(points: list[tuple[int, int]]) -> None:
    array = np.array(points, dtype=np.float64)
    first, second, length = farthest_pair(array)
    gaps = np.linalg.norm(array[:, None] - array[None], axis=-1)
    assert length == pytest.approx(gaps.max())
    assert gaps[first, second] == pytest.approx(length)
    assert length <= widest_at_most(array) + 1e-9 <= 1.005 * length + 2e-9


def test_short_axis_is_exact_against_scanning() -> None:
    """The perpendicular of a blob, against lines laid every hundredth of a pixel."""
    rng = np.random.default_rng(3)
    mask, (dy, dx), *_ = ellipse(rng)
    size = measure_lesion(mask, Geometry.axial(mask.shape, (1.0, dy, dx)))
    start, end = ends(size.long_axis)[:, :2]
    corners = SliceOutline.of(mask[0], (dy, dx)).edges_mm[:, 0]
    hull = corners[convex_hull(corners)]
    edges = np.stack([hull, np.roll(hull, -1, axis=0)], axis=1)
    along = (end - start) / np.linalg.norm(end - start)
    across = np.array([-along[1], along[0]])
    u, v = (edges - start) @ along, (edges - start) @ across
    best = 0.0
    for place in np.arange(u.min(), u.max(), dx / 100):
        hit = (u[:, 0] <= place) != (u[:, 1] <= place)
        (a, b), (c, d) = u[hit].T, v[hit].T
        at = c + (place - a) / (b - a) * (d - c)
        best = max(best, float(np.ptp(at))) if at.size else best
    assert size.short_axis.length_mm == pytest.approx(best, abs=dx / 50)


def test_axes_lie_at_right_angles_in_one_slice_within_the_outline() -> None:
    rng = np.random.default_rng(11)
    for _ in range(20):
        mask, (dy, dx), *_ = ellipse(rng)
        size = measure_lesion(mask, Geometry.axial(mask.shape, (2.0, dy, dx)))
        long, short = ends(size.long_axis), ends(size.short_axis)
        assert long[:, 2] == pytest.approx([0, 0])
        assert short[:, 2] == pytest.approx([0, 0])
        assert abs(np.dot(long[1] - long[0], short[1] - short[0])) < 1e-6 * size.volume_ml + 1e-9
        assert np.linalg.norm(long[1] - long[0]) == pytest.approx(size.long_axis.length_mm)
        assert np.linalg.norm(short[1] - short[0]) == pytest.approx(size.short_axis.length_mm)


def test_a_line_does_not_leave_a_horseshoe() -> None:
    mask, geometry = flat(
        [
            "##.......##",
            "##.......##",
            "##.......##",
            "##.......##",
            "###########",
        ]
    )
    size = measure_lesion(mask, geometry)
    hull = farthest_pair(SliceOutline.of(mask[0], (1, 1)).edges_mm[:, 0])[2]
    assert size.long_axis.length_mm < 10.9 < hull
    assert size.long_axis.length_mm > 10.4  # along the bottom
    row = ends(size.long_axis)[:, 1]
    assert row.min() >= 3


def test_a_hole_does_not_stop_a_line() -> None:
    mask, geometry = ball(15.0, (1.0, 1.0, 1.0))
    solid = measure_lesion(mask, geometry)
    z, y, x = np.indices(mask.shape) - np.array(mask.shape)[:, None, None, None] // 2
    hollow = measure_lesion(mask & (z**2 + y**2 + x**2 > 100), geometry)
    assert hollow.long_axis == solid.long_axis
    assert hollow.short_axis == solid.short_axis
    assert hollow.volume_ml < solid.volume_ml


def test_islands_of_one_slice_are_not_bridged() -> None:
    mask, geometry = flat(["#####.###", "#####.###", "#####.###"])
    size = measure_lesion(mask, geometry)
    assert ends(size.long_axis)[:, 0].max() < 5
    assert ends(size.short_axis)[:, 0].max() < 5


def test_pixels_that_touch_by_a_corner_belong_together() -> None:
    mask, geometry = flat(["#....", ".#...", "..#..", "...#.", "....#"])
    assert measure_lesion(mask, geometry).long_axis.length_mm > 4 * np.sqrt(2)


def test_single_voxel() -> None:
    mask, geometry = flat(["#"])
    size = measure_lesion(mask, geometry)
    assert size.long_axis.length_mm == pytest.approx(0.56)
    assert size.short_axis.length_mm == pytest.approx(0.56)
    assert size.volume_ml == pytest.approx(0.001)


def test_the_slice_with_the_longest_line_is_found_and_counted_in_the_scan() -> None:
    mask = np.zeros((6, 12, 12), dtype=bool)
    mask[1, 5, 2:6] = True
    mask[4, 3, 1:10] = True
    geometry = Geometry.axial(mask.shape, (2.5, 1, 1), (0, 0, 100))
    size = measure_lesion(mask, geometry, first_slice=30)
    assert size.slice_index == 34
    assert ends(size.long_axis)[:, 2] == pytest.approx([110, 110])
    assert ends(size.long_axis)[:, 1] == pytest.approx([3, 3])


def test_three_dimensional_axis_and_volume_of_a_ball() -> None:
    mask, geometry = ball(20.3, (1.0, 0.7, 0.7))
    size = measure_lesion(mask, geometry)
    assert size.long_axis_3d_mm == pytest.approx(40.6, abs=0.7)
    assert size.volume_ml == pytest.approx(4 / 3 * np.pi * 20.3**3 / 1000, rel=0.01)


@given(st.integers(0, 500))
@settings(deadline=None, max_examples=30)
def test_three_dimensional_axis_is_exact_against_brute_force(seed: int) -> None:
    """Against all pairs of voxel centres, each moved along each axis."""
    rng = np.random.default_rng(seed)
    mask = rng.random(rng.integers(1, 6, 3)) < 0.5
    mask[tuple(n // 2 for n in mask.shape)] = True
    spacing = (2.5, 0.8, 0.6)
    moves = OUTSET_PIXELS * np.concatenate([np.eye(3), -np.eye(3)])
    points = (np.argwhere(mask)[:, None] + moves).reshape(-1, 3) * spacing
    brute = np.linalg.norm(points[:, None] - points[None], axis=-1).max()
    assert longest_diameter_3d_mm(mask, spacing) == pytest.approx(brute)


def test_a_box_gives_the_same_as_the_whole_scan() -> None:
    mask, _ = ball(8.0, (2.0, 0.8, 0.8))
    direction = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, 1]])
    whole = np.pad(mask, ((3, 1), (5, 2), (1, 7)))
    geometry = Geometry(whole.shape, (2.0, 0.8, 0.8), (-30, 10, 5), direction)
    box = (slice(3, 3 + mask.shape[0]), slice(5, 5 + mask.shape[1]), slice(1, 1 + mask.shape[2]))
    cut = measure_lesion(whole[box], geometry.crop(box), first_slice=3)
    full = measure_lesion(whole, geometry)
    assert cut.slice_index == full.slice_index
    assert cut.long_axis.length_mm == pytest.approx(full.long_axis.length_mm)
    assert ends(cut.long_axis) == pytest.approx(ends(full.long_axis))
    assert ends(cut.short_axis) == pytest.approx(ends(full.short_axis))


@given(st.integers(0, 500), st.sampled_from([(1,), (2,), (1, 2)]))
@settings(deadline=None, max_examples=30)
def test_mirroring_changes_no_length(seed: int, axes: tuple[int, ...]) -> None:
    mask, (dy, dx), *_ = ellipse(np.random.default_rng(seed))
    geometry = Geometry.axial(mask.shape, (1.0, dy, dx))
    plain, mirrored = (measure_lesion(m, geometry) for m in (mask, np.flip(mask, axes)))
    assert mirrored.long_axis.length_mm == pytest.approx(plain.long_axis.length_mm)
    assert mirrored.volume_ml == pytest.approx(plain.volume_ml)


def test_lengths_follow_the_spacing() -> None:
    mask, (dy, dx), *_ = ellipse(np.random.default_rng(5))
    small = measure_lesion(mask, Geometry.axial(mask.shape, (1.0, dy, dx)))
    large = measure_lesion(mask, Geometry.axial(mask.shape, (2.0, 2 * dy, 2 * dx)))
    assert large.long_axis.length_mm == pytest.approx(2 * small.long_axis.length_mm)
    assert large.short_axis.length_mm == pytest.approx(2 * small.short_axis.length_mm)
    assert large.volume_ml == pytest.approx(8 * small.volume_ml)


def test_mean_hu() -> None:
    mask, geometry = flat(["##", ".."])
    hu = np.array([[[40, 61], [-1000, -1000]]], dtype=np.int16)
    size = measure_lesion(mask, geometry, Volume(hu, geometry))
    assert size.mean_hu == pytest.approx(50.5)
    assert measure_lesion(mask, geometry).mean_hu is None


def test_impossible_requests_are_refused() -> None:
    mask, geometry = flat(["##", "##"])
    with pytest.raises(ValueError, match="empty mask"):
        measure_lesion(np.zeros_like(mask), geometry)
    with pytest.raises(ValueError, match="its geometry"):
        measure_lesion(mask[:, :1], geometry)
