"""Livers that are none, or not whole, and plans that take all: a word, and the rest is done."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import BoolArray, Masks
from lvt_track.planning.resection.remnant import remnant_of, segments_taken, wedge_around
from lvt_track.planning.visit_plan import VisitPlan, plan_visit

SHAPE = (24, 30, 34)
GEOMETRY = Geometry.axial(SHAPE, (6.0, 6.0, 6.0), (-100.0, -90.0, -70.0))
X, Y, Z = np.moveaxis(GEOMETRY.to_world(np.moveaxis(np.indices(SHAPE), 0, -1)), -1, 0)
NOTHING = np.zeros(SHAPE, dtype=bool)
BODY: BoolArray = (X / 85) ** 2 + (Y / 70) ** 2 + (Z / 55) ** 2 < 1


def ball(x: float, y: float, z: float, radius_mm: float) -> BoolArray:
    inside: BoolArray = (X - x) ** 2 + (Y - y) ** 2 + (Z - z) ** 2 < radius_mm**2
    return inside


def planned(liver: BoolArray, tumor: BoolArray | None = None) -> VisitPlan:
    tumors = ball(-30, 0, 0, 14) if tumor is None else tumor
    nothing = np.zeros(SHAPE, dtype=bool)
    return plan_visit(Masks(liver, nothing, tumors, GEOMETRY), tumors.astype(np.int32))


@pytest.mark.parametrize(
    ("liver", "words"),
    [
        (BODY & (np.abs(X) > 16), "in several pieces"),
        (BODY & (X < -20), "as after a resection"),
        (np.roll(BODY, 8, axis=0) & (Z > -60), "reaches the end of the scan"),
        (BODY, "no vessels"),
    ],
)
def test_a_liver_that_is_not_whole_is_said_to_be_so(liver: BoolArray, words: str) -> None:
    plan = planned(liver)
    assert any(words in remark for remark in plan.remarks), plan.remarks
    (site,) = plan.sites
    assert "surface" in site.gaps and site.segments == () and site.contact_with == ""
    assert not plan.segments.any()


def test_a_tumour_outside_the_liver_is_known_by_its_share() -> None:
    (site,) = planned(BODY, ball(85, 0, 0, 12)).sites
    assert 0.3 < site.outside_share < 0.9
    (site,) = planned(BODY & (X < 40), ball(75, 0, 0, 10)).sites
    assert site.outside_share == 1.0 and site.segments == ()


def test_what_a_plan_rests_on_is_said() -> None:
    outside = plan_visit(
        Masks(BODY & (X < 40), ball(75, 0, 0, 20), ball(88, 0, 0, 9), GEOMETRY),
        ball(88, 0, 0, 9).astype(np.int32),
    )
    assert any(
        "outside the liver" in remark and remark.endswith(": 1") for remark in outside.remarks
    )
    assert not outside.segments.any()
    line = BODY & (np.hypot(Y, Z) < 7) & (X > -60) & (X < 60)
    one = plan_visit(Masks(BODY, line, NOTHING, GEOMETRY), NOTHING.astype(np.int32))
    assert any("hepatic veins are told" in remark for remark in one.remarks), one.remarks
    assert not one.segments.any() and "too few vessels" in one.remarks[-1]


def test_a_liver_of_one_slice_is_said_to_be_one() -> None:
    slice_ = Geometry.axial((1, 30, 34), (6.0, 6.0, 6.0))
    liver = BODY[12:13]
    plan = plan_visit(Masks(liver, NOTHING[:1], NOTHING[:1], slice_), liver.astype(np.int32) * 0)
    assert plan.remarks == ("a liver of one slice: nothing can be planned",)


def test_a_plan_that_takes_all_leaves_nothing() -> None:
    tumors = ball(-30, 0, 0, 14)
    masks = Masks(BODY, np.zeros(SHAPE, dtype=bool), tumors, GEOMETRY)
    labels = tumors.astype(np.int32)
    segments = BODY.astype(np.uint8) * 4
    segments[X < 0] = 5
    everything = remnant_of(segments_taken(segments, range(1, 9)), masks, labels)
    assert everything.remarks == ("nothing of the liver remains",)
    assert everything.remnant_percent == 0.0 and everything.least_margin_mm is None
    eaten = remnant_of(wedge_around(tumors, 400.0, GEOMETRY), masks, labels)
    assert eaten.remarks == ("nothing of the liver remains",) and eaten.tumors_left == 0
    none = remnant_of(np.zeros(SHAPE, dtype=bool), masks, labels)
    assert none.remarks == ("nothing of the liver is taken",) and none.tumors_left == 1
    two = remnant_of(np.abs(X) < 20, masks, labels)
    assert "in 2 pieces" in two.remarks[0]


def test_without_a_liver_no_share_is_told() -> None:
    nothing = np.zeros(SHAPE, dtype=bool)
    masks = Masks(nothing, nothing, nothing, GEOMETRY)
    remnant = remnant_of(BODY, masks, np.zeros(SHAPE, dtype=np.int32))
    assert remnant.remnant_percent is None and remnant.margins == ()
