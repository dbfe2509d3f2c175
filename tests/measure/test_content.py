"""Surface, HU and sub-voxel volume of shapes whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import Volume
from lvt_track.measure.content import hu_content, soft_volume_ml, surface_mm2

GEOMETRY = Geometry.axial((40, 60, 60), (1.5, 1.0, 1.0))


def radius_mm() -> FloatArray:
    z, y, x = np.indices(GEOMETRY.shape)
    return np.sqrt(((z - 19.6) * 1.5) ** 2 + (y - 29.7) ** 2 + (x - 30.2) ** 2)


def test_surface_of_a_ball() -> None:
    assert surface_mm2(radius_mm() <= 20, GEOMETRY) == pytest.approx(4 * np.pi * 20**2, rel=0.03)
    assert surface_mm2(np.zeros(GEOMETRY.shape, bool), GEOMETRY) == 0


def test_surface_does_not_depend_on_the_box() -> None:
    mask = radius_mm() <= 12
    box = (slice(11, 28), slice(17, 43), slice(18, 43))
    assert mask[box].sum() == mask.sum()
    assert surface_mm2(mask[box], GEOMETRY.crop(box)) == pytest.approx(surface_mm2(mask, GEOMETRY))


def test_hu_and_necrotic_core() -> None:
    radius = radius_mm()
    hu = np.where(radius <= 10, 15, np.where(radius <= 20, 80, 110)).astype(np.float32)
    hu += np.random.default_rng(0).normal(0, 8, hu.shape).astype(np.float32)
    found = hu_content(radius <= 20, Volume(hu, GEOMETRY))
    assert found.necrotic_share == pytest.approx(1 / 8, abs=0.035)
    assert found.mean_hu == pytest.approx(80 * 7 / 8 + 15 / 8, abs=1)
    assert list(found.percentiles_hu) == sorted(found.percentiles_hu)
    assert found.percentiles_hu[2] == pytest.approx(79, abs=2)
    solid = hu_content((radius > 12) & (radius <= 20), Volume(hu, GEOMETRY))
    assert solid.necrotic_share == 0


def test_what_lies_around_does_not_leak_in() -> None:
    hu = np.where(radius_mm() <= 8, 60, -1000).astype(np.int16)
    assert hu_content(radius_mm() <= 8, Volume(hu, GEOMETRY)).necrotic_share == 0


def test_soft_volume_counts_parts_of_voxels() -> None:
    edge = np.clip(20 - radius_mm() + 0.5, 0, 1)
    assert soft_volume_ml(edge, GEOMETRY) == pytest.approx(4 / 3 * np.pi * 20**3 / 1000, rel=0.003)
    with pytest.raises(ValueError, match="between 0 and 1"):
        soft_volume_ml(edge * 2, GEOMETRY)
    with pytest.raises(ValueError, match="empty"):
        hu_content(edge > 2, Volume(np.zeros(GEOMETRY.shape, np.int16), GEOMETRY))
