"""The angle of contact of a tumour with a vessel, against cylinders cut by planes."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.planning.lattice import signed_distance_mm
from lvt_track.planning.proximity.contact import Contact, branch_contact
from lvt_track.planning.vessels.graph import Branch

SIDE, STEP, OFF_MM = 64, 0.75, 0.2
GEOMETRY = Geometry.axial((SIDE,) * 3, (STEP,) * 3)


def upright(radius_mm: float) -> tuple[Branch, np.ndarray, np.ndarray]:
    """A vessel along z, its mask, and x of every voxel from its axis."""
    middle = (SIDE - 1) * STEP / 2 + OFF_MM  # no border along a row of voxels
    _, y, x = np.indices((SIDE,) * 3) * STEP
    vessel = np.hypot(x - middle, y - middle) <= radius_mm
    heights = np.linspace(3, SIDE * STEP - 3, 40)
    points = np.column_stack([np.full(40, middle), np.full(40, middle), heights])
    return Branch((0, 1), points, np.full(40, radius_mm)), vessel, x - middle


def measured(branch: Branch, vessel: np.ndarray, tumor: np.ndarray) -> Contact | None:
    levels = (signed_distance_mm(mask, GEOMETRY.spacing_mm) for mask in (vessel, tumor))
    return branch_contact(branch, *levels, GEOMETRY)


@pytest.mark.parametrize("radius_mm", [3.0, 4.0, 7.0])
@pytest.mark.parametrize("half_angle", [45.0, 90.0, 135.0])
def test_angle_of_contact_of_a_wedge(radius_mm: float, half_angle: float) -> None:
    branch, vessel, x = upright(radius_mm)
    y = np.indices((SIDE,) * 3)[1] * STEP - (SIDE - 1) * STEP / 2
    away = (np.degrees(np.arctan2(y - OFF_MM, x)) - 17.0 + 180.0) % 360.0 - 180.0
    tumor = (np.abs(away) <= half_angle) & ~vessel
    contact = measured(branch, vessel, tumor)
    assert contact is not None
    assert contact.degrees == pytest.approx(2 * half_angle, abs=5.0)


def test_length_is_that_of_the_wall_touched_and_apart_is_none() -> None:
    branch, vessel, x = upright(4.0)
    z = np.indices((SIDE,) * 3)[0] * STEP
    tumor = (x > 0) & (z > 12) & (z < 30) & ~vessel
    contact = measured(branch, vessel, tumor)
    assert contact is not None
    assert contact.length_mm == pytest.approx(18.0, abs=2.0)
    assert measured(branch, vessel, x > 8.0) is None
