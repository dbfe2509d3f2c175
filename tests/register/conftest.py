"""Visits of an analytic body: a liver of two ellipsoids with vessels and tumours inside."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import Masks, Volume
from lvt_track.register.liver_image import LiverImage, liver_image

PointMapping = Callable[[FloatArray], FloatArray]


def _unmoved(points_mm: FloatArray) -> FloatArray:
    return points_mm


def body(
    moved: PointMapping = _unmoved,
    *,
    shape: tuple[int, int, int] = (44, 64, 76),
    lowest_z_mm: float = -66.0,
    tumors: tuple[tuple[float, float, float, float], ...] = (),
) -> tuple[Volume, Masks]:
    """A scan of the body; `moved` leads from places of the scan to places of the body."""
    grid = Geometry.axial(shape, (3.0, 3.0, 3.0), (-114.0, -96.0, lowest_z_mm))
    p = moved(grid.to_world(np.indices(shape).reshape(3, -1).T))
    x, y, z = p.T
    trunk = (x / 140) ** 2 + (y / 105) ** 2 < 1
    right = ((x + 30) / 60) ** 2 + (y / 52) ** 2 + (z / 50) ** 2 < 1
    left = ((x - 30) / 52) ** 2 + ((y + 18) / 30) ** 2 + ((z - 14) / 26) ** 2 < 1
    liver = right | left
    hu = np.where(trunk, 20.0, -1000.0)
    hu[trunk & (z > 62 - 0.3 * np.abs(x)) & ~liver] = -800
    hu[trunk & ~liver & ((x - 5) ** 2 + (y - 70) ** 2 < 18**2)] = 300
    # Vessels: smooth bright waves that make every place in the liver recognisable.
    texture = np.sin(x / 5) * np.sin(y / 6 + 1) * np.sin(z / 5.5 + 2)
    texture += np.sin((x + y) / 8) * np.sin((y - z) / 9)
    hu[liver] = 100 + 35 * texture[liver]
    sick = np.zeros(len(p), dtype=bool)
    for cx, cy, cz, radius in tumors:
        sick |= ((p - [cx, cy, cz]) ** 2).sum(axis=1) < radius**2
    sick &= liver
    hu[sick] = 55
    noise = np.random.default_rng(0).normal(0, 6, len(p))
    volume = Volume((hu + noise).astype(np.float32).reshape(shape), grid)
    empty = np.zeros(shape, dtype=bool)
    return volume, Masks(liver.reshape(shape), empty, sick.reshape(shape), grid)


@pytest.fixture(scope="session")
def make_body():
    """Scans of the analytic body."""
    return body


@pytest.fixture(scope="session")
def make_image():
    """The same as the registration sees them."""

    def make(*args, **options) -> LiverImage:
        return liver_image(*body(*args, **options))

    return make


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    """Tests share the machine."""
    torch.set_num_threads(1)
