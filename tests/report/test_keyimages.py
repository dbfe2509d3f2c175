from __future__ import annotations

import itertools
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from lvt_track.core.geometry import Geometry
from lvt_track.core.lesion.caliper import Caliper
from lvt_track.core.lesion.lesion import Lesion, Measurement
from lvt_track.core.volume import Volume
from lvt_track.report.drawing.key_images import (
    LabelledVolume,
    Subject,
    key_image,
    visit_key_images,
    width_for,
)

CENTRE_MM = np.array([12.0, -20.0, 30.0])


def direction_of(flips: tuple[int, int, int], turn_degrees: float, swap: bool) -> np.ndarray:
    c, s = np.cos(np.radians(turn_degrees)), np.sin(np.radians(turn_degrees))
    turned = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]]) @ np.array(
        [[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]]
    )
    columns = turned * np.array(flips)
    return columns[:, [1, 0, 2]] if swap else columns


def geometry_of(direction: np.ndarray) -> Geometry:
    shape, spacing = (9, 70, 90), (4.0, 1.5, 1.2)
    at_origin = Geometry(shape, spacing, (0.0, 0.0, 0.0), direction)
    middle = at_origin.to_world((np.array(shape) - 1) / 2)
    return Geometry(shape, spacing, tuple(CENTRE_MM - middle), direction)


ORIENTATIONS = [
    direction_of(flips, turn, swap)
    for flips in itertools.product((1, -1), repeat=3)
    for turn in (0.0, 12.0)
    for swap in (False, True)
]


def scene(geometry: Geometry) -> tuple[Volume, np.ndarray, Lesion]:
    """A lesion at the centre; bright markers 20 mm to its left and dark ones 20 mm in front."""
    world = geometry.to_world(np.moveaxis(np.indices(geometry.shape), 0, -1))
    offset = world - CENTRE_MM
    labels = (np.linalg.norm(offset, axis=-1) <= 10.0).astype(np.int32)
    hu = np.zeros(geometry.shape, np.int16)
    hu[np.linalg.norm(offset - [20.0, 0.0, 0.0], axis=-1) <= 6.0] = 500
    hu[np.linalg.norm(offset - [0.0, -20.0, 0.0], axis=-1) <= 6.0] = -500
    # The caliper along the slice's own x axis, as it would have been measured.
    step = geometry.direction[:, 0] * 10.0
    ends = [tuple(float(v) for v in CENTRE_MM + sign * step) for sign in (-1, 1)]
    across = geometry.direction[:, 1] * 10.0
    short = [tuple(float(v) for v in CENTRE_MM + sign * across) for sign in (-1, 1)]
    size = Measurement(4.19, Caliper(*ends, 20.0), Caliper(*short, 20.0), 4)
    return Volume(hu, geometry), labels, Lesion(0, 1, tuple(CENTRE_MM), size)


@pytest.mark.parametrize("direction", ORIENTATIONS)
def test_patient_left_is_on_the_right_and_front_on_top(direction: np.ndarray) -> None:
    volume, labels, lesion = scene(geometry_of(direction))
    image = key_image(LabelledVolume(volume, labels), lesion, Subject(1, 0))
    middle = (np.array(image.hu.shape) - 1) / 2
    left = np.argwhere(image.hu > 400).mean(axis=0) - middle
    front = np.argwhere(image.hu < -400).mean(axis=0)
    inside = image.hu > -1000
    front = np.argwhere((image.hu < -400) & inside).mean(axis=0) - middle
    left_mm, front_mm = left * image.pixel_mm, front * image.pixel_mm
    assert left_mm[1] > 15.0 and abs(left_mm[0]) < 8.0
    assert front_mm[0] < -15.0 and abs(front_mm[1]) < 8.0


@pytest.mark.parametrize("direction", ORIENTATIONS[::3])
def test_caliper_ends_lie_on_the_outline(direction: np.ndarray) -> None:
    volume, labels, lesion = scene(geometry_of(direction))
    image = key_image(LabelledVolume(volume, labels), lesion, Subject(1, 0))
    assert image.long_axis is not None and image.short_axis is not None
    rim = binary_dilation(image.outline, iterations=2) & ~np.pad(image.outline, 0)
    for caliper, length_mm in ((image.long_axis, 20.0), (image.short_axis, 20.0)):
        ends = np.array(caliper)
        assert np.linalg.norm((ends[1] - ends[0]) * image.pixel_mm) == pytest.approx(length_mm)
        for row, column in np.rint(ends).astype(int):
            assert binary_dilation(rim, iterations=1)[row, column]


def test_area_of_the_outline_is_that_of_the_slice() -> None:
    volume, labels, lesion = scene(geometry_of(np.eye(3)))
    image = key_image(LabelledVolume(volume, labels), lesion, Subject(1, 0))
    assert image.outline.sum() == (labels[4] == 1).sum()


def test_crop_is_square_centred_and_large_enough() -> None:
    volume, labels, lesion = scene(geometry_of(np.eye(3)))
    image = key_image(LabelledVolume(volume, labels), lesion, Subject(1, 0))
    height, width = (n * mm for n, mm in zip(image.hu.shape, image.pixel_mm, strict=True))
    assert height == pytest.approx(width, abs=3.0)  # whole pixels of 1.5 and 1.2 mm
    assert 78.0 <= width <= 84.0
    axis = replace(lesion.measurement.long_axis, length_mm=90.0)
    large = replace(lesion, measurement=replace(lesion.measurement, long_axis=axis))
    wide = key_image(
        LabelledVolume(volume, labels), large, Subject(1, 0, width_mm=width_for([lesion, large]))
    )
    assert wide.hu.shape[1] * wide.pixel_mm[1] == pytest.approx(153.0, abs=2.0)


def test_one_track_is_as_wide_at_every_visit(samples: ModuleType) -> None:
    sample = samples.sample(4, 3, pixel_mm=3.2)
    widths: dict[int, set[int]] = {}
    for image in sample.key_images():
        widths.setdefault(image.track, set()).add(image.hu.shape[1])
    assert [len(found) for found in widths.values()] == [1, 1, 1]
    assert len({width for found in widths.values() for width in found}) > 1


def test_a_place_has_no_outline_and_no_caliper() -> None:
    volume, _, _ = scene(geometry_of(np.eye(3)))
    nothing = np.zeros(volume.geometry.shape, np.int32)
    image = key_image(LabelledVolume(volume, nothing), (12.0, -20.0, 30.0), Subject(2, 1))
    assert not image.outline.any() and image.long_axis is None
    assert image.caption == "not seen"


def test_a_place_outside_the_scan_is_air_and_says_so() -> None:
    volume, labels, _ = scene(geometry_of(np.eye(3)))
    image = key_image(LabelledVolume(volume, labels), (900.0, 900.0, 900.0), Subject(2, 1))
    assert (image.hu == -1024).all()
    assert image.caption == "outside this scan"


def test_other_tumours_are_kept_apart_and_members_are_not() -> None:
    volume, labels, lesion = scene(geometry_of(np.eye(3)))
    labels[4, 2:5, 2:5] = 2
    labels[4, 40:43, 60:63] = 7
    alone = key_image(LabelledVolume(volume, labels), lesion, Subject(1, 0))
    piece = replace(lesion, label=7)
    both = key_image(LabelledVolume(volume, labels), lesion, Subject(1, 0, members=[lesion, piece]))
    assert both.outline.sum() == alone.outline.sum() + 9
    assert not (both.outline & both.others).any()
    assert both.caption == "20.0 × 20.0 + 20.0 × 20.0 mm" and len(both.pieces) == 1
    assert both.pieces[0] == (both.long_axis, both.short_axis)
    assert alone.pieces == () and alone.slice_index == both.slice_index == 4


def test_a_piece_in_another_slice_has_a_size_and_no_caliper() -> None:
    volume, labels, lesion = scene(geometry_of(np.eye(3)))
    away = replace(lesion, label=7, measurement=replace(lesion.measurement, slice_index=2))
    image = key_image(LabelledVolume(volume, labels), lesion, Subject(1, 0, members=[lesion, away]))
    assert image.caption.count("×") == 2 and image.pieces == ()


def test_labels_of_another_grid_are_refused() -> None:
    volume, labels, lesion = scene(geometry_of(np.eye(3)))
    with pytest.raises(ValueError, match="labels have shape"):
        key_image(LabelledVolume(volume, labels[1:]), lesion, Subject(1, 0))


def test_a_visit_gives_one_image_per_track_seen_or_placed(samples: ModuleType) -> None:
    sample = samples.sample(4, 8)
    volume, labels = samples.scan(
        sample.blobs[0], sample.course.visits[0].geometry, np.random.default_rng(0)
    )
    without = visit_key_images(sample.course, 0, LabelledVolume(volume, labels), {})
    seen = [t.number for t in sample.course.tracks if any(v == 0 for v, _ in t.lesions)]
    assert [image.track for image in without] == seen
    every = visit_key_images(
        sample.course, 0, LabelledVolume(volume, labels), sample.places, tracks={1, 3}
    )
    assert [image.track for image in every] == [1, 3]
