"""Tumours that are as dark as fluid all through: simple cysts, which nobody follows."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.components import label_components
from lvt_track.core.volume import BoolArray

__all__ = ["fluid_warning", "without_fluid"]

# Nearer to its outline a voxel may hold liver too.
_DEEP_MM, _DEEP_SHARE = 4.0, 0.6
# A wall of living tissue shows here, where there is a middle to tell it from.
_WALL_MM, _MIDDLE_MM = 2.5, 5.0
# Cysts drawn into real CT show up to 5 HU of this where they are small, and one of six 11, for
# slices reach over their edge; from 20 mm on 2 HU. Dead tumours of phantoms that are as dark show
# 5 to 7 HU from 20 mm on.
_WALL_STANDS_OUT_HU, _LARGE_WALL_STANDS_OUT_HU, _LARGE_DEPTH_MM = 10.0, 5.0, 10.0


def without_fluid(
    tumors: BoolArray,
    hu: NDArray[np.generic],
    spacing_mm: tuple[float, float, float],
    below_hu: float,
) -> tuple[BoolArray, int]:
    """The tumours without those that are fluid, or fat, all through, and how many those were.

    A simple cyst has the attenuation of water and no wall; RECIST 1.1 (Eisenhauer et al., Eur J
    Cancer 2009;45:228-247) counts it neither as measurable nor as non-measurable disease. Taken
    for one is a component whose middle (4 mm and more inside its outline, or the deepest two fifths
    where it is thin) has a mean below a limit and, where it is thick enough to have a wall, whose
    wall is not 10 HU brighter, or 5 HU where it is 20 mm thick. In lesions of a few millimetres
    every voxel holds liver too, so they stay.

    Args:
        tumors: mask (z, y, x).
        hu: the scan there.
        spacing_mm: edges of a voxel (z, y, x).
        below_hu: the limit.
    """
    from scipy.ndimage import distance_transform_edt, find_objects

    number, _ = label_components(tumors)
    kept, left_out = tumors.copy(), 0
    for k, box in enumerate(find_objects(number), start=1):
        lesion = number[box] == k
        padded = np.pad(lesion, 1)
        depth_mm = distance_transform_edt(padded, sampling=spacing_mm)[1:-1, 1:-1, 1:-1]
        deep = depth_mm >= min(_DEEP_MM, _DEEP_SHARE * float(depth_mm.max()))
        values = hu[box].astype(np.float32)
        middle_hu = float(values[deep].mean())
        wall = (depth_mm >= _WALL_MM) & (depth_mm < _DEEP_MM)
        is_large = depth_mm.max() >= _LARGE_DEPTH_MM
        stands_out_hu = _LARGE_WALL_STANDS_OUT_HU if is_large else _WALL_STANDS_OUT_HU
        has_wall = (
            depth_mm.max() >= _MIDDLE_MM
            and wall.any()
            and float(values[wall].mean()) >= middle_hu + stands_out_hu
        )
        if middle_hu < below_hu and not has_wall:
            kept[box] &= ~lesion
            left_out += 1
    return kept, left_out


def fluid_warning(count: int) -> tuple[str, ...]:
    """What to say of so many spots that were left out as fluid."""
    if count == 0:
        return ()
    spots, cysts = "1 spot is", "a simple cyst"
    if count > 1:
        spots, cysts = f"{count} spots are", "simple cysts"
    return (f"{spots} as dark as fluid: taken for {cysts}, not for tumour",)
