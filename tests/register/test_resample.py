"""A scan on the grid of another: values between voxels, and where it ends."""

from __future__ import annotations

import numpy as np

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from lvt_track.register.resample import resample


def test_a_slope_keeps_its_values_wherever_it_is_read() -> None:
    scan = Geometry.axial((12, 10, 11), (2.5, 1.0, 1.5), (-7.0, 3.0, 40.0))
    grid = Geometry.axial((4, 5, 3), (3.0, 1.3, 0.8), (-2.0, 4.0, 47.0))
    shift = np.array([1.0, 0.5, -2.0])

    def hu(places: np.ndarray) -> np.ndarray:
        return places @ [10.0, -8.0, 4.0] + 20.0

    def places(of: Geometry) -> np.ndarray:
        return of.to_world(np.indices(of.shape).transpose(1, 2, 3, 0))

    volume = Volume(hu(places(scan)).astype(np.float32), scan)
    drawn = resample(volume, grid, lambda at: at + shift, -1000)
    np.testing.assert_allclose(drawn, hu(places(grid) + shift), atol=0.51)
    away = resample(volume, grid, lambda at: at + 500.0, -1000)
    assert (away == -1000).all()
