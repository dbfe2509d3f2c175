from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lvt_track.core.course import RegistrationQuality
from lvt_track.core.field_of_view import HiddenPart
from lvt_track.core.geometry import Geometry
from lvt_track.register.affine import Affine
from lvt_track.register.align import Alignment
from lvt_track.register.frame import CommonFrame

SCAN = Geometry.axial((10, 10, 10), (10.0, 10.0, 10.0))


def shifted(*shift_mm, is_reliable=True):
    quality = RegistrationQuality(1, "rigid", 0.9, 1.0, 0.0, 0.0, is_reliable)
    affine = Affine(np.eye(3), np.array(shift_mm, dtype=float), np.zeros(3))
    return Alignment(affine, None, None, SCAN, quality)


@pytest.fixture
def frame():
    return CommonFrame.of(1, [shifted(5, 0, 0), None, shifted(0, 0, -60, is_reliable=False)], SCAN)


def test_any_visit_leads_to_any_other_by_way_of_the_reference(frame):
    place = np.array([[10.0, 20.0, 30.0]])
    assert frame.map_points(place, 1, 0) == pytest.approx(np.array([[15, 20, 30]]))
    assert frame.map_points(place, 0, 2) == pytest.approx(np.array([[5, 20, -30]]))
    assert frame.map_points(place, 2, 2) is not None
    there = frame.map_points(place, 0, 2)
    assert frame.map_points(there, 2, 0) == pytest.approx(place)


def test_what_is_covered_is_what_the_other_scan_shows(frame):
    places = np.array([[50.0, 50, 50], [50, 50, 80]])
    assert frame.covered(places, 1, 2).tolist() == [False, True]
    assert frame.covered(places, 1, 0).tolist() == [True, True]


def test_what_holds_no_data_is_not_covered(frame):
    mask = np.zeros((2, 1, 1), bool)
    mask[1] = True
    hidden = HiddenPart(mask, Geometry.axial((2, 1, 1), (20.0, 20.0, 20.0)))
    partly = replace(frame, hidden=(hidden, None, None))
    places = np.array([[50.0, 50, 5], [50, 50, 40]])
    assert frame.covered(places, 1, 0).tolist() == [True, True]
    assert partly.covered(places, 1, 0).tolist() == [True, False]
    with pytest.raises(ValueError, match="hidden parts"):
        replace(frame, hidden=(hidden,))


def test_the_reference_itself_is_certain_and_reliable(frame):
    places = np.zeros((2, 3))
    assert frame.uncertainty_mm(places, 1).tolist() == [0, 0]
    assert (frame.uncertainty_mm(places, 0) > 0).all()
    assert [frame.is_reliable(k) for k in range(3)] == [True, True, False]
    assert (frame.uncertainty_mm(places, 2) > frame.uncertainty_mm(places, 0)).all()


def test_only_the_reference_has_no_alignment():
    with pytest.raises(ValueError, match="need an alignment"):
        CommonFrame.of(0, [None, None], SCAN)
    with pytest.raises(ValueError, match="need an alignment"):
        CommonFrame.of(0, [shifted(0, 0, 0), shifted(1, 0, 0)], SCAN)
