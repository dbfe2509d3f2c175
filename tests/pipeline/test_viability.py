"""What enhances of a lesion that one series shows and another one measures."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import Masks, Volume
from lvt_track.lesions.components import find_lesions
from lvt_track.pipeline.patient.visit.viability import PhaseScan, phase_scan, with_viability

SHAPE = (24, 64, 64)
BREATH_MM = np.array([0.0, 2.0, 9.0])
RADIUS_MM = 15.0
# The outermost pixels of the half ball lie this far apart.
FLAT_MM = 29.3
LEVELS = {
    Phase.PORTAL: (110.0, 100.0, 40.0),
    Phase.ARTERIAL: (70.0, 115.0, 24.0),
    Phase.NATIVE: (58.0, 45.0, 22.0),
}


def scan(phase: Phase, shift_mm: FloatArray, has_lesion: bool = True) -> PhaseScan:
    """A liver with a lesion whose lower half is dead."""
    rng = np.random.default_rng(3)
    grid = Geometry.axial(SHAPE, (3.0, 1.5, 1.5), (0.0, 0.0, 0.0))
    index = np.moveaxis(np.indices(SHAPE), 0, -1).reshape(-1, 3)
    offset = (grid.to_world(index) - (48.0, 48.0, 36.0) - shift_mm).reshape(*SHAPE, 3)
    liver = ((offset / (40.0, 36.0, 30.0)) ** 2).sum(axis=-1) < 1
    lesion = (offset**2).sum(axis=-1) < RADIUS_MM**2
    dead = lesion & (offset[..., 0] < 0)
    normal, alive, gone = LEVELS[phase]
    hu = np.where(liver, normal, 0.0)
    hu[lesion], hu[dead] = alive, gone
    hu = hu + rng.normal(0.0, 4.0, SHAPE)
    masks = Masks(liver, np.zeros_like(liver), lesion & has_lesion, grid)
    found = phase_scan(phase, Volume(hu.astype(np.float32), grid), masks)
    assert found is not None
    return found


@pytest.mark.parametrize("is_drawn_there", [True, False])
@pytest.mark.parametrize("has_native", [True, False])
def test_the_outline_follows_the_breath(is_drawn_there: bool, has_native: bool) -> None:
    tracked = scan(Phase.PORTAL, np.zeros(3))
    labels, lesions = find_lesions(0, tracked.volume, tracked.masks)
    others = [scan(Phase.ARTERIAL, BREATH_MM, is_drawn_there)]
    if has_native:
        others.append(scan(Phase.NATIVE, -BREATH_MM, False))
    (lesion,) = with_viability(lesions, labels, tracked, others)
    assert lesion.viability is not None
    assert lesion.viability.long_axis_mm == pytest.approx(FLAT_MM, abs=2.0)
    assert lesion.viability.short_axis_mm == pytest.approx(RADIUS_MM, abs=2.0)
    assert lesion.viability.necrosis_percent == pytest.approx(50.0, abs=6.0)


def test_without_an_arterial_series_nothing_is_said() -> None:
    tracked = scan(Phase.PORTAL, np.zeros(3))
    labels, lesions = find_lesions(0, tracked.volume, tracked.masks)
    assert with_viability(lesions, labels, tracked, [scan(Phase.NATIVE, BREATH_MM)]) == lesions


def test_the_arterial_series_may_be_the_one_that_is_followed() -> None:
    tracked = scan(Phase.ARTERIAL, np.zeros(3))
    labels, lesions = find_lesions(0, tracked.volume, tracked.masks)
    (lesion,) = with_viability(lesions, labels, tracked, [])
    assert lesion.viability is not None and lesion.viability.note == "no native scan"
    assert lesion.viability.long_axis_mm == pytest.approx(FLAT_MM, abs=2.0)


def test_a_place_that_the_arterial_scan_does_not_show() -> None:
    tracked = scan(Phase.PORTAL, np.zeros(3))
    labels, lesions = find_lesions(0, tracked.volume, tracked.masks)
    whole = scan(Phase.ARTERIAL, np.zeros(3), False)
    top = (slice(12, None), slice(None), slice(None))
    cut = PhaseScan(Phase.ARTERIAL, whole.volume.crop(top), whole.masks.crop(top))
    (lesion,) = with_viability(lesions, labels, tracked, [cut])
    assert lesion.viability is not None
    assert lesion.viability.reason == "the arterial scan shows only a part of it"
    assert lesion.viability.long_axis_mm is None
