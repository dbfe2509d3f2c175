from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from lvt_track.errors import InputError
from lvt_track.training.datasets.conform import labelled_scan
from lvt_track.training.datasets.descriptor import find_descriptor
from lvt_track.training.datasets.prepared import BITS, IGNORE

SHAPE = (60, 80, 100)
SPACING_MM = (5.0, 4.0, 4.0)


def trunk() -> tuple[NDArray[np.int16], NDArray[np.uint8]]:
    """Lungs above, spine behind, liver on the right, along the patient's axes; air around."""
    hu = np.full(SHAPE, -1000, np.int16)
    hu[:, 10:70, 10:90] = 40
    hu[40:55, 20:55, 20:45] = hu[40:55, 20:55, 55:80] = -850
    hu[:, 55:65, 45:55] = 500
    labels = np.zeros(SHAPE, np.uint8)
    labels[15:38, 20:50, 15:50] = BITS["liver"]
    return hu, labels


def turned(axis: int | None) -> tuple[Volume, NDArray[np.uint8]]:
    """The trunk, flipped along an axis without a word of it in its geometry."""
    hu, labels = trunk()
    if axis is not None:
        hu, labels = np.flip(hu, axis).copy(), np.flip(labels, axis).copy()
    return Volume(hu, Geometry.axial(SHAPE, SPACING_MM)), labels


@pytest.mark.parametrize(
    ("axis", "complaint"),
    [(0, "above the lungs"), (1, "behind the bones"), (2, "on the patient's left")],
)
def test_a_scan_whose_header_is_wrong_about_an_axis_is_reported(axis: int, complaint: str) -> None:
    (warning,) = labelled_scan(*turned(axis), find_descriptor("chaos-ct")).warnings
    assert complaint in warning


def test_a_scan_that_lies_right_is_not_reported() -> None:
    assert labelled_scan(*turned(None), find_descriptor("chaos-ct")).warnings == ()


def test_labels_on_lung_are_refused() -> None:
    volume, labels = turned(None)
    with pytest.raises(InputError, match=r"only \d+% of the labelled voxels.*flipped or shifted"):
        labelled_scan(volume, np.roll(labels, 22, axis=0), find_descriptor("chaos-ct"))


def test_the_air_around_is_cut_off_but_nothing_labelled() -> None:
    volume, labels = turned(None)
    labels[15:20, 5:12, 30:40] |= IGNORE
    scan = labelled_scan(volume, labels, find_descriptor("chaos-ct"))
    assert scan.first_voxel == (0, 5, 10)
    assert scan.hu.shape == (60, 65, 80)
    assert np.array_equal(scan.labels, labels[:, 5:70, 10:90])


def test_hu_are_rounded_to_whole_numbers() -> None:
    volume, labels = turned(None)
    half = Volume((volume.hu + np.float32(0.4)).astype(np.float32), volume.geometry)
    scan = labelled_scan(half, labels, find_descriptor("chaos-ct"))
    assert np.array_equal(scan.hu, volume.hu[:, 10:70, 10:90])


@pytest.mark.parametrize("spacing_mm", [(5.0, 8.0, 8.0), (2.5, 4.0, 2.0)])
def test_resampling_keeps_extent_volume_and_every_ignored_place(
    spacing_mm: tuple[float, float, float],
) -> None:
    volume, labels = turned(None)
    labels[30, 33, 21] |= IGNORE
    scan = labelled_scan(volume, labels, find_descriptor("chaos-ct"), spacing_mm)
    extent = np.array(scan.hu.shape) * scan.spacing_mm
    assert extent == pytest.approx(np.array((60, 60, 80)) * SPACING_MM)
    liver_mm3 = np.count_nonzero(scan.labels & BITS["liver"]) * np.prod(scan.spacing_mm)
    assert liver_mm3 == pytest.approx(23 * 30 * 35 * np.prod(SPACING_MM), rel=0.03)
    assert (scan.labels & IGNORE).any()
