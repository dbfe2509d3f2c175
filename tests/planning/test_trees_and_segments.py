"""Portal and hepatic trees told apart, and segments between them, on a liver of known shapes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lvt_track.core.volume import Masks
from lvt_track.planning.territories.couinaud import find_territories
from lvt_track.planning.vessels.trees import HEPATIC, PORTAL, UNKNOWN, VesselTrees, separate_trees
from lvt_track.planning.visit_plan import VisitPlan, plan_visit
from tests.planning.model_liver import GEOMETRY, SHAPE, model_liver


def share(mask: np.ndarray, of: np.ndarray) -> float:
    return float(mask[of].mean())


@pytest.fixture(scope="module")
def plan() -> VisitPlan:
    return plan_visit(model_liver()[0], np.zeros(SHAPE, dtype=np.int32))


@pytest.fixture(scope="module")
def trees(plan: VisitPlan) -> VesselTrees:
    assert plan.trees is not None
    return plan.trees


def test_trees_are_told_apart_where_the_cava_is_in_the_mask(trees: VesselTrees) -> None:
    masks, _, hepatic, portal = model_liver()
    assert trees.cava.is_seen
    kinds = trees.on_scan(masks.vessels)
    near = GEOMETRY.to_world(np.argwhere(portal))[:, 2] > -45  # the trunk leaves the liver below
    inside = np.zeros(SHAPE, dtype=bool)
    inside[tuple(np.argwhere(portal)[near].T)] = True
    assert share(kinds[PORTAL], inside) > 0.95
    assert share(kinds[HEPATIC], hepatic) > 0.95


def test_trees_are_told_apart_without_the_cava() -> None:
    masks, cava, hepatic, portal = model_liver()
    inside = masks.vessels & masks.liver & ~cava
    trees = separate_trees(Masks(masks.liver, inside, masks.tumors, masks.geometry))
    assert trees is not None and not trees.cava.is_seen
    kinds = trees.on_scan(inside)
    assert share(kinds[PORTAL], portal & inside) > 0.9
    assert share(kinds[HEPATIC], hepatic & inside) > 0.9
    assert trees.confidence.min() >= 0 and trees.confidence.max() <= 1
    axis = trees.cava.axis_at(np.array([40.0]))[0]
    assert np.linalg.norm(axis - (0, 10)) < 15  # where the cava stood


def test_a_single_vessel_is_of_no_tree_that_must_be_believed() -> None:
    masks, *_ = model_liver()
    speck = np.zeros(SHAPE, dtype=bool)
    speck[30:33, 40:42, 30:32] = True
    trees = separate_trees(Masks(masks.liver, speck, masks.tumors, GEOMETRY))
    assert trees is not None
    assert (trees.kinds == UNKNOWN).all() or trees.confidence.max() < 0.9
    assert find_territories(trees).reason


def test_segments_lie_where_surgeons_put_them(plan: VisitPlan) -> None:
    assert plan.territories is not None and not plan.territories.reason
    labels = plan.segments
    places = {
        8: (-55, -45, 30),
        5: (-55, -45, -38),
        7: (-70, 22, 22),
        6: (-58, 16, -28),
        4: (0, -75, 0),
        3: (40, -65, -15),
        2: (48, -25, 14),
        1: (10, -5, 0),
    }
    for segment, place in places.items():
        at = tuple(np.rint(GEOMETRY.to_index(place)).astype(int))
        assert labels[at] == segment, f"segment {segment}"


def test_hepatic_veins_alone_are_not_told_to_be_portal(plan: VisitPlan) -> None:
    masks, cava, hepatic, _ = model_liver()
    veins = Masks(masks.liver, cava | hepatic, masks.tumors, GEOMETRY)
    alone = plan_visit(veins, np.zeros(SHAPE, dtype=np.int32))
    assert not alone.portal.any()
    assert share(alone.hepatic, hepatic) > 0.95
    assert any("division of the portal vein" in text for text in alone.remarks)
    sides = [np.isin(labels, (5, 6, 7, 8)) for labels in (alone.segments, plan.segments)]
    assert (sides[0] == sides[1])[masks.liver].mean() > 0.97


@pytest.mark.parametrize(
    ("kept", "word"),
    [
        (lambda x: x < -12, "a part of one"),
        (lambda x: (x < -30) | (x > 0), "apart"),
    ],
)
def test_no_segments_are_told_of_livers_that_are_not_whole(
    kept: Callable[[np.ndarray], np.ndarray], word: str
) -> None:
    masks, *_ = model_liver()
    inside = kept(GEOMETRY.to_world(np.moveaxis(np.indices(SHAPE), 0, -1))[..., 0])
    part = Masks(masks.liver & inside, masks.vessels, masks.tumors, GEOMETRY)
    plan = plan_visit(part, np.zeros(SHAPE, dtype=np.int32))
    assert not plan.segments.any() and plan.portal.any()
    assert any("segments are not told" in text and word in text for text in plan.remarks)


def test_nothing_is_told_of_what_is_not_there() -> None:
    masks, *_ = model_liver()
    nothing = np.zeros(SHAPE, dtype=bool)
    lesions = np.zeros(SHAPE, dtype=np.int32)
    lesions[30:34, 40:44, 40:44] = 1
    without_liver = plan_visit(Masks(nothing, nothing, lesions > 0, GEOMETRY), lesions)
    assert "no liver" in without_liver.remarks[0]
    without_vessels = plan_visit(Masks(masks.liver, nothing, lesions > 0, GEOMETRY), lesions)
    assert any("no vessels" in text for text in without_vessels.remarks)
    (site,) = without_vessels.sites
    assert set(site.gaps) == {"surface"}
    assert site.segments == ()


def test_the_way_a_scan_is_stored_does_not_matter(plan: VisitPlan) -> None:
    masks, straight = plan.masks, plan
    axis = 2
    flipped = _flipped(masks, axis)
    turned = plan_visit(flipped, np.zeros(flipped.geometry.shape, dtype=np.int32))
    back = np.flip(turned.segments, axis)
    assert (back == straight.segments)[masks.liver].mean() > 0.97


def _flipped(masks: Masks, axis: int) -> Masks:
    """The same patient, stored the other way round along an axis of the array."""
    from lvt_track.core.geometry import Geometry

    geometry = masks.geometry
    start = [0, 0, 0]
    start[axis] = geometry.shape[axis] - 1
    x, y, z = (float(v) for v in geometry.to_world(start))
    direction = geometry.direction.copy()
    direction[:, 2 - axis] *= -1
    turned = Geometry(geometry.shape, geometry.spacing_mm, (x, y, z), direction)
    liver, vessels, tumors = (
        np.flip(mask, axis) for mask in (masks.liver, masks.vessels, masks.tumors)
    )
    return Masks(liver, vessels, tumors, turned)
