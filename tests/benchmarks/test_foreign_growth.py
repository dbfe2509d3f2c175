"""Lesions of the foreign generator: where they may grow, what they change."""

from __future__ import annotations

import numpy as np

from lesions import foreign_growth
from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Masks, Volume


def scene() -> tuple[Volume, Masks]:
    """A noisy liver with one vessel through it."""
    shape, spacing = (24, 80, 80), (4.0, 1.5, 1.5)
    z, y, x = np.ogrid[:24, :80, :80]
    liver = ((z - 12) / 10) ** 2 + ((y - 40) / 34) ** 2 + ((x - 40) / 34) ** 2 < 1
    vessels = liver & (np.hypot(y - 40, x - 40) < 4)
    hu = np.where(liver, 110.0, -100.0) + 50.0 * vessels
    hu += np.random.default_rng(0).normal(0, 10, shape)
    geometry = Geometry.axial(shape, spacing, (0.0, 0.0, 0.0))
    return Volume(hu.astype(np.int16), geometry), Masks(
        liver, vessels, np.zeros_like(liver), geometry
    )


def test_lesions_keep_to_the_liver_and_go_around_vessels() -> None:
    volume, masks = scene()
    fissure_mm = volume.geometry.to_world([[12, 10, 40]])
    foreign = foreign_growth.draw_foreign(volume, masks, fissure_mm, np.random.default_rng(3))
    again = foreign_growth.draw_foreign(volume, masks, fissure_mm, np.random.default_rng(3))
    assert np.array_equal(foreign.volume.hu, again.volume.hu)
    lesions = foreign.number > 0
    assert len(foreign.diameter_mm) >= 3
    assert not (lesions & ~masks.liver).any()
    assert (lesions & masks.vessels).sum() < 0.2 * masks.vessels.sum()
    assert all(3.0 < size < 40.0 for size in foreign.diameter_mm)
    changed = foreign.volume.hu != volume.hu
    drawn = lesions.copy()
    for where in foreign.doubles.values():
        drawn |= where
        assert not (where & lesions).any()
    away = np.abs(foreign.volume.hu.astype(int) - volume.hu)[~drawn]
    assert changed[lesions].mean() > 0.9
    # Beyond what is drawn only the blur of its edges.
    assert np.mean(away > 20) < 0.01
