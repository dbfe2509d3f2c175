"""The shift between two livers of one study."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import BoolArray
from lvt_track.register.breath import liver_shift_mm

ONE = Geometry.axial((40, 60, 60), (3.0, 2.0, 2.0), (0.0, 0.0, 0.0))
OTHER = Geometry.axial((20, 70, 70), (5.0, 1.8, 1.8), (-5.0, 3.0, 10.0))


def liver(grid: Geometry, shift_mm: tuple[float, float, float]) -> BoolArray:
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    offset = grid.to_world(index.reshape(-1, 3)) - (60.0, 60.0, 58.0) - np.array(shift_mm)
    inside: BoolArray = ((offset / (42.0, 32.0, 30.0)) ** 2).sum(axis=1) < 1
    return inside.reshape(grid.shape)


@pytest.mark.parametrize("shift_mm", [(0.0, 0.0, 0.0), (3.0, -4.0, 11.0), (0.0, 2.0, -14.0)])
def test_a_breath_is_found(shift_mm: tuple[float, float, float]) -> None:
    found = liver_shift_mm((liver(ONE, (0, 0, 0)), ONE), (liver(OTHER, shift_mm), OTHER))
    assert found == pytest.approx(shift_mm, abs=1.2)


def test_a_liver_that_the_scan_cuts() -> None:
    """A centroid would be 10 mm off."""
    cut = liver(OTHER, (0.0, 0.0, 0.0)).copy()
    cut[:7] = False
    assert liver_shift_mm((liver(ONE, (0, 0, 0)), ONE), (cut, OTHER)) == pytest.approx(
        (0.0, 0.0, 0.0), abs=2.0
    )


def test_nothing_to_go_by() -> None:
    nothing = np.zeros(ONE.shape, dtype=bool)
    assert liver_shift_mm((nothing, ONE), (liver(ONE, (0, 0, 0)), ONE)).tolist() == [0, 0, 0]
