"""Lesions that touch: told by their neck, cut through it; single lesions stay whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry, bounding_box
from lvt_track.core.volume import Masks
from lvt_track.lesions.components import find_lesions
from lvt_track.lesions.corrections.edits import neck_warnings
from lvt_track.lesions.necks import cut_into, lumps
from lvt_track.measure.axes import measure_lesion
from lvt_track.phantom.course.tumors import TumorKind, draw_tumor, level_mm

SPACINGS_MM = ((1.0, 0.8, 0.8), (2.5, 0.8, 0.8), (5.0, 0.7, 0.7))


def balls(spacing_mm, *balls_mm):
    """A mask of balls (centre z, y, x and radius), 4 mm of background around them."""
    low = np.min([np.subtract(c, r) for c, r in balls_mm], axis=0) - 4
    high = np.max([np.add(c, r) for c, r in balls_mm], axis=0) + 4
    axes = [np.arange(a, b, step) for a, b, step in zip(low, high, spacing_mm, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    inside = np.zeros(z.shape, dtype=bool)
    for (cz, cy, cx), r in balls_mm:
        inside |= (z - cz) ** 2 + (y - cy) ** 2 + (x - cx) ** 2 <= r**2
    return inside


@pytest.mark.parametrize("spacing_mm", SPACINGS_MM)
def test_two_that_touch_are_two_lumps_of_their_own_sizes(spacing_mm):
    """26.2 and 12.4 mm, 36.0 mm together."""
    mask = balls(spacing_mm, ((0, 0, 0), 13.1), ((0, 0, 16.7), 6.2))
    geometry = Geometry.axial(mask.shape, spacing_mm, (0, 0, 0))
    numbers = lumps(mask, spacing_mm)
    np.testing.assert_array_equal(numbers > 0, mask)
    sizes = [measure_lesion(numbers == k, geometry).long_axis.length_mm for k in (1, 2)]
    assert sizes == pytest.approx([26.2, 12.4], abs=1.2)
    none = np.zeros_like(mask)
    _, (lesion,) = find_lesions(0, None, Masks(mask, none, mask, geometry))
    assert lesion.lumps_mm == pytest.approx(sizes)
    assert "is 2 lumps joined by necks" in neck_warnings([lesion], {lesion.key})[0]


def test_a_neck_that_moves_no_sum_is_told_quietly(ball):
    """36 mm of 26.2 and 12.4 mm warns as a target; what shortens by less, or is none, does not."""
    loud = replace(ball(0, 1, (0, 0, 0), 36), lumps_mm=(26.2, 12.4))
    quiet = [replace(ball(0, n, (0, 0, 0), 20), lumps_mm=(15.1, 6.0)) for n in (2, 3)]
    lesions = [loud, *quiet, ball(0, 4, (0, 0, 0), 20)]
    first, second = neck_warnings(lesions, {loud.key, quiet[0].key})
    assert "It is a target and counts 36.0 mm, its largest lump 26.2 mm" in first
    assert second.startswith("lesions 2, 3 have a neck; split there, no sum of target lesions")
    (only,) = neck_warnings(lesions, {quiet[0].key})
    assert only.startswith("lesions 1, 2, 3 have a neck")


def _lumps_of_one(seed, spacing_mm, diameter_mm):
    """How many lumps a lobed tumour by itself is told to have."""
    tumor = draw_tumor(np.random.default_rng(seed), (0, 0, 0), diameter_mm, TumorKind.HYPODENSE)
    shape = tuple(int(2 * (tumor.reach_mm + 3) / step) for step in spacing_mm)
    corner = [-n * step / 2 for n, step in zip(shape[::-1], spacing_mm[::-1], strict=True)]
    geometry = Geometry.axial(shape, spacing_mm, tuple(corner))
    mask = level_mm(tumor, geometry.to_world(np.indices(shape).transpose(1, 2, 3, 0))) < 0
    return lumps(mask[bounding_box(mask)], spacing_mm).max()


@pytest.mark.parametrize("spacing_mm", SPACINGS_MM)
def test_a_single_tumour_hardly_ever_has_a_neck(spacing_mm):
    """Of 1,650 such tumours 3 had one: lobes can be as deep as a neck."""
    draws = np.random.default_rng(7)
    counts = [
        _lumps_of_one(int(draws.integers(2**32)), spacing_mm, draws.uniform(10, 30))
        for _ in range(12)
    ]
    assert np.count_nonzero(np.array(counts) > 1) <= 1


@pytest.mark.parametrize("parts", [2, 3, 5])
def test_any_lesion_is_cut_into_as_many_as_a_reader_says(parts):
    mask = balls((2.5, 0.8, 0.8), ((0, 0, 0), 9.0))
    numbers = cut_into(parts, mask, (2.5, 0.8, 0.8))
    np.testing.assert_array_equal(numbers > 0, mask)
    counts = np.bincount(numbers[mask], minlength=parts + 1)[1:]
    assert len(counts) == parts and (counts > 0).all()
    assert (np.diff(counts) <= 0).all()


def test_the_cut_runs_through_the_neck():
    spacing_mm = (1.0, 0.8, 0.8)
    mask = balls(spacing_mm, ((0, 0, 0), 12.0), ((0, 0, 20.0), 10.0))
    numbers = cut_into(2, mask, spacing_mm)
    x = np.flatnonzero((numbers == 2).any(axis=(0, 1))) * 0.8 - 16.0
    assert x.min() == pytest.approx(11.1, abs=1.3)  # where the two spheres meet


def test_fewer_voxels_than_parts_are_refused():
    with pytest.raises(ValueError, match="1 voxels cannot be 2"):
        cut_into(2, np.ones((1, 1, 1), dtype=bool), (1, 1, 1))
