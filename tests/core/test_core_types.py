"""Volumes, masks and records are valid once built."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from lvt_track.core.course import Course, KeyImage, VisitFindings
from lvt_track.core.geometry import Geometry
from lvt_track.core.lesion.caliper import Caliper
from lvt_track.core.lesion.lesion import Edge, Event, Lesion, Measurement, Track, TrackState
from lvt_track.core.series import Phase, Series, Visit
from lvt_track.core.volume import Masks, Volume

GRID = Geometry.axial((2, 3, 4), (5.0, 1.0, 1.0))


def series() -> Series:
    return Series(
        (Path("ct.nii.gz"),), "1.2", "portal", Phase.PORTAL, (2, 3, 4), (5, 1, 1), 5, False
    )


def findings(date: dt.date, *lesions: Lesion) -> VisitFindings:
    return VisitFindings(Visit(date, "1", (series(),)), GRID, 1000.0, 20.0, 10.0, lesions)


def lesion(visit: int, label: int) -> Lesion:
    line = Caliper((0, 0, 0), (1, 0, 0), 1.0)
    return Lesion(visit, label, (0.0, 0.0, 0.0), Measurement(1.0, line, line, 0))


def test_volume_refuses_another_shape_and_type() -> None:
    with pytest.raises(ValueError, match="shape"):
        Volume(np.zeros((2, 3, 5), np.int16), GRID)
    with pytest.raises(ValueError, match="int16 or float32"):
        Volume(np.zeros((2, 3, 4)), GRID)  # type: ignore[arg-type]


def test_masks_count_millilitres_and_crop_together() -> None:
    liver = np.ones((2, 3, 4), bool)
    tumors = np.zeros((2, 3, 4), bool)
    tumors[1, 2, 3] = True
    masks = Masks(liver, tumors, tumors, GRID)
    assert masks.volume_ml("liver") == pytest.approx(24 * 5 / 1000)
    part = masks.crop((slice(1, 2), slice(2, 3), slice(2, 4)))
    assert part.tumors.tolist() == [[[False, True]]]
    np.testing.assert_allclose(part.geometry.origin_mm, (2.0, 2.0, 5.0))
    with pytest.raises(ValueError, match="one of"):
        masks.volume_ml("spleen")


def test_masks_refuse_labels() -> None:
    good = np.zeros((2, 3, 4), bool)
    with pytest.raises(ValueError, match="vessels must be bool"):
        Masks(good, good.astype(np.uint8), good, GRID)  # type: ignore[arg-type]


def test_series_and_visits_are_never_empty() -> None:
    with pytest.raises(ValueError, match="at least one file"):
        Series((), "1", "", Phase.UNKNOWN, (1, 1, 1), (1, 1, 1), 1, False)
    with pytest.raises(ValueError, match="tracked"):
        Visit(dt.date(2024, 1, 1), "1", (series(),), tracked=1)


def test_edges_go_forward_in_time() -> None:
    with pytest.raises(ValueError, match="forward"):
        Edge((1, 1), (1, 2), Event.SAME, 0.0)


def test_course_is_in_order_of_date_and_finds_its_lesions() -> None:
    early, late = dt.date(2024, 1, 1), dt.date(2024, 2, 1)
    with pytest.raises(ValueError, match="order of date"):
        Course("p", (findings(late), findings(early)))
    track = Track(1, ((0, 1), (1, 1)), TrackState.PERSISTENT)
    course = Course(
        "p", (findings(early, lesion(0, 1)), findings(late, lesion(1, 1))), tracks=(track,)
    )
    assert course.lesion((1, 1)).visit == 1
    assert course.track_of((0, 1)) is track
    with pytest.raises(KeyError):
        course.lesion((0, 2))
    with pytest.raises(KeyError):
        course.track_of((0, 2))


def test_burden_needs_a_liver() -> None:
    found = findings(dt.date(2024, 1, 1))
    assert found.burden_percent == pytest.approx(1.0)
    none = VisitFindings(found.visit, GRID, 0.0, 0.0, 0.0, ())
    assert none.burden_percent is None


def test_key_image_needs_outlines_of_its_own_size() -> None:
    with pytest.raises(ValueError, match="outline"):
        KeyImage(
            1,
            0,
            np.zeros((4, 4), np.float32),
            (1.0, 1.0),
            np.zeros((4, 5), bool),
            np.zeros((4, 4), bool),
            None,
            None,
            "",
        )
