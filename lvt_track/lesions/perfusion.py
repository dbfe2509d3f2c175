"""Whether what a model drew has no edge in the scan, as in a wedge of liver with other perfusion.

A change of perfusion lies under the capsule, wide there and pointed inwards, with straight sides,
and pushes nothing aside (Colagrande et al., AJR 2004;183:459-464). A model draws a round piece out
of the middle of it. Then the liver around that piece, and all of it out to the capsule, differs as
much from the rest as the piece does. Around a tumour it does not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray, Masks, Volume
from lvt_track.lesions.spots import Spot

__all__ = ["lies_in_wedge"]

_CONTRAST_HU, _WIDEST_MM, _DEEPEST_MM = (8.0, 30.0), 25.0, 25.0
# Where the liver is compared: around the lesion, and further away.
_SHELL_MM, _ELSEWHERE_MM = (1.5, 4.5), (12.0, 25.0)
# The liver's outermost voxels hold something of what lies outside.
_RIM_MM, _ASIDE_MM = 3.5, 2.0
# So much of its contrast have the liver around it and that before it; without any before it, more.
_SHELL_SHARE, _OUTER_SHARE, _SHELL_SHARE_ALONE = 0.35, 0.5, 0.5
_CELL_MM, _LEAST_CELLS = 1.0, 12


def lies_in_wedge(volume: Volume, masks: Masks, spot: Spot) -> bool:
    """Whether a lesion is a piece of something that reaches the capsule without an edge before it.

    Args:
        volume: the scan.
        masks: on its grid.
        spot: the lesion.
    """
    low, high = _CONTRAST_HU
    contrast_hu = abs(float(np.median(spot.hu)) - spot.liver_hu)
    # The liver beside it may be of the wedge too, so that less is seen of its contrast.
    if not low / 2 < contrast_hu < high or spot.diameter_mm > _WIDEST_MM:
        return False
    scene = _scene(volume, masks, spot)
    offsets_mm = (np.argwhere(~scene.liver) - scene.centre) * scene.spacing_mm
    depth_mm = np.linalg.norm(offsets_mm, axis=1)
    if not len(depth_mm) or depth_mm.min() > _DEEPEST_MM:
        return False
    shell, outer, elsewhere = _regions(scene, offsets_mm[depth_mm.argmin()], spot.diameter_mm / 2)
    if min(np.count_nonzero(part) for part in (scene.inside, shell, elsewhere)) < _LEAST_CELLS:
        return False
    level_hu = float(np.median(scene.hu[elsewhere]))
    contrast_hu = float(scene.hu[scene.inside].mean()) - level_hu
    if not low < abs(contrast_hu) < high:
        return False
    shell_share = (float(scene.hu[shell].mean()) - level_hu) / contrast_hu
    if np.count_nonzero(outer) < _LEAST_CELLS:
        return shell_share > _SHELL_SHARE_ALONE
    outer_share = (float(scene.hu[outer].mean()) - level_hu) / contrast_hu
    return shell_share > _SHELL_SHARE and outer_share > _OUTER_SHARE


@dataclass(frozen=True, eq=False)
class _Scene:
    """A lesion and the liver around it, in cells of a millimetre and more.

    Attributes:
        hu: of each cell (z, y, x).
        inside: the lesion, but for vessels.
        liver: all of it.
        plain: of it, what is clear of vessels and of other lesions.
        spacing_mm: of the cells.
        centre: of the lesion, in cells.
    """

    hu: NDArray[np.float32]
    inside: BoolArray
    liver: BoolArray
    plain: BoolArray
    spacing_mm: FloatArray
    centre: FloatArray


def _scene(volume: Volume, masks: Masks, spot: Spot) -> _Scene:
    grid = volume.geometry
    box = grid.widened(spot.box, _ELSEWHERE_MM[1])
    steps = [max(1, round(_CELL_MM / mm)) for mm in grid.spacing_mm]
    z, y, x = (slice(step // 2, None, step) for step in steps)
    near = masks.crop(box)
    here = np.zeros(near.liver.shape, dtype=bool)
    at = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(spot.box, box, strict=True))
    here[tuple(at)] = spot.inside
    hu = ndimage.uniform_filter(volume.hu[box].astype(np.float32), steps)
    other = ndimage.binary_dilation(near.vessels | (near.tumors & ~here))
    index = np.argwhere(here)
    return _Scene(
        hu=hu[z, y, x],
        inside=(here & ~near.vessels)[z, y, x],
        liver=near.liver[z, y, x],
        plain=(near.liver & ~here & ~other)[z, y, x],
        spacing_mm=np.array(grid.spacing_mm) * steps,
        centre=(index.mean(axis=0) - [step // 2 for step in steps]) / steps,
    )


def _regions(
    scene: _Scene, to_capsule_mm: FloatArray, radius_mm: float
) -> tuple[BoolArray, BoolArray, BoolArray]:
    """Plain liver around a lesion, from it to the capsule, and further away.

    Args:
        scene: the lesion's.
        to_capsule_mm: from its centre to the nearest place outside the liver (3,).
        radius_mm: of the ball of its volume.
    """
    depth_mm = ndimage.distance_transform_edt(scene.liver, sampling=scene.spacing_mm)
    away_mm = ndimage.distance_transform_edt(~scene.inside, sampling=scene.spacing_mm)
    plain = scene.plain & (depth_mm > _RIM_MM)
    shell = plain & (away_mm > _SHELL_MM[0]) & (away_mm < _SHELL_MM[1])
    elsewhere = plain & (away_mm > _ELSEWHERE_MM[0]) & (away_mm < _ELSEWHERE_MM[1])
    far_mm = float(np.linalg.norm(to_capsule_mm))
    axes = np.ogrid[tuple(slice(0, n) for n in plain.shape)]
    offsets = [
        (axis - centre) * mm
        for axis, centre, mm in zip(axes, scene.centre, scene.spacing_mm, strict=True)
    ]
    along_mm = sum(o * to / far_mm for o, to in zip(offsets, to_capsule_mm, strict=True))
    aside_mm = np.sqrt(np.maximum(sum(o * o for o in offsets) - along_mm**2, 0.0))
    outer = plain & (away_mm > _SHELL_MM[0]) & (aside_mm < radius_mm + _ASIDE_MM)
    outer &= (along_mm > radius_mm / 2) & (along_mm < far_mm - _RIM_MM)
    return shell, outer, elsewhere
