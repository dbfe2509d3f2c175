"""A scan drawn on the grid of another one, by their registration."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import Volume

__all__ = ["resample"]


def resample(
    volume: Volume, grid: Geometry, to_volume: Callable[[FloatArray], FloatArray], outside_hu: int
) -> NDArray[np.int16]:
    """HU (z, y, x) of a volume at the voxels of a grid, trilinear between its own.

    Args:
        volume: what is drawn.
        grid: where it is drawn.
        to_volume: carries LPS positions (n, 3) in mm of the grid's frame into that of the volume.
        outside_hu: what stands where the volume ends.
    """
    drawn = np.empty(grid.shape, dtype=np.int16)
    _, rows, columns = grid.shape
    plane = np.indices((1, rows, columns)).reshape(3, -1).T
    for k in range(grid.shape[0]):
        places = to_volume(grid.to_world(plane + np.array([k, 0, 0])))
        index = volume.geometry.to_index(places).T
        hu = map_coordinates(
            volume.hu, index, output=np.float32, order=1, mode="constant", cval=float(outside_hu)
        )
        drawn[k] = np.rint(hu).reshape(rows, columns)
    return drawn
