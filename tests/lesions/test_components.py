from __future__ import annotations

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Masks, Volume
from lvt_track.lesions.components import find_lesions, lesion_shapes


def masks_of(tumors, spacing=(2.0, 1.0, 1.0)):
    empty = np.zeros_like(tumors)
    direction = np.diag([-1.0, -1.0, 1.0])
    return Masks(empty, empty, tumors, Geometry(tumors.shape, spacing, (10, 20, 30), direction))


def test_no_tumour_no_lesion():
    labels, lesions = find_lesions(0, None, masks_of(np.zeros((4, 5, 6), bool)))
    assert lesions == () and not labels.any() and labels.dtype == np.int32


def test_lesions_are_numbered_by_size_and_measured_exactly():
    tumors = np.zeros((20, 30, 40), bool)
    tumors[2:4, 2:5, 2:5] = True
    tumors[8:14, 8:18, 20:32] = True
    masks = masks_of(tumors)
    hu = np.where(tumors, 40, 100).astype(np.int16)
    labels, lesions = find_lesions(3, Volume(hu, masks.geometry), masks)
    assert [lesion.key for lesion in lesions] == [(3, 1), (3, 2)]
    assert np.array_equal(labels > 0, tumors)
    voxels = [int((labels == lesion.label).sum()) for lesion in lesions]
    assert voxels == [6 * 10 * 12, 18]
    for lesion, count in zip(lesions, voxels, strict=True):
        assert lesion.measurement.volume_ml == pytest.approx(count * 2.0 / 1000)
        assert lesion.measurement.mean_hu == pytest.approx(40)
        where = np.argwhere(labels == lesion.label).mean(axis=0)
        assert lesion.centroid_mm == pytest.approx(tuple(masks.geometry.to_world(where)))
    assert 8 <= lesions[0].measurement.slice_index < 14


def test_corners_connect():
    tumors = np.zeros((4, 4, 4), bool)
    tumors[1, 1, 1] = tumors[2, 2, 2] = True
    _, lesions = find_lesions(0, None, masks_of(tumors))
    assert len(lesions) == 1 and lesions[0].measurement.mean_hu is None


def test_a_lesion_inside_the_box_of_another_stays_apart():
    tumors = np.zeros((5, 20, 20), bool)
    tumors[2, 2:18, 2:18] = True
    tumors[2, 4:16, 4:16] = False
    tumors[2, 9:11, 9:11] = True
    labels, lesions = find_lesions(0, None, masks_of(tumors))
    assert len(lesions) == 2
    assert (labels == 2).sum() == 4


def test_shapes_sample_the_lesion_evenly():
    grid = np.indices((20, 40, 40)) - np.array([10, 20, 20])[:, None, None, None]
    tumors = (grid * np.array([2.0, 1, 1])[:, None, None, None]) ** 2
    tumors = tumors.sum(axis=0) < 15**2
    masks = masks_of(tumors)
    labels, lesions = find_lesions(0, None, masks)
    (shape,) = lesion_shapes(labels, lesions, masks.geometry).values()
    assert 200 < len(shape.points_mm) < 600
    assert shape.points_mm.mean(axis=0) == pytest.approx(lesions[0].centroid_mm, abs=0.5)
    volume = len(shape.points_mm) * shape.grain_mm**3 / 1000
    assert volume == pytest.approx(lesions[0].measurement.volume_ml, rel=1e-6)


def test_a_lesion_at_an_end_of_what_the_scan_shows_is_cut():
    tumors = np.zeros((8, 12, 12), bool)
    tumors[0:2, 2:6, 2:6] = True  # reaches the first slice
    tumors[3:5, 2:5, 8:11] = True  # free on all sides
    tumors[3:5, 8:10, 10:12] = True  # reaches the side of the image
    tumors[5:6, 9:11, 2:4] = True  # reaches the last slice that is not blank
    hu = np.random.default_rng(1).normal(50, 9, tumors.shape).astype(np.float32)
    hu[6:] = -1024
    masks = masks_of(tumors)
    _, alone = find_lesions(0, None, masks)
    assert [lesion.is_cut for lesion in alone] == [True, False, True, False]
    _, with_scan = find_lesions(0, Volume(hu, masks.geometry), masks)
    assert [lesion.is_cut for lesion in with_scan] == [True, False, True, True]
