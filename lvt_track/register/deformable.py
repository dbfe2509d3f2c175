"""Elastic alignment of two livers that an affine map has brought near.

Compared are the self-similarity of the image inside the liver, which contrast medium changes
little, and the signed distance to its surface together, for the surface alone misleads the inside.
Tumours of either visit weigh nothing, so that growth is not registered away.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import Box, FloatArray, Geometry
from lvt_track.core.volume import BoolArray
from lvt_track.register.affine import Affine
from lvt_track.register.displacement import Displacement
from lvt_track.register.flow import Level, flow
from lvt_track.register.liver_image import LiverImage, distance_to_liver
from lvt_track.register.self_similarity import CHANNELS, self_similarity

__all__ = ["COARSE", "FINE", "deform"]

COARSE: tuple[Level, ...] = ((4, 30), (2, 30))
FINE: tuple[Level, ...] = (*COARSE, (1, 12))

MARGIN_MM = 24.0
"""The field fades to nothing this far outside the liver."""

_BAND_MM = 12.0
"""Distance to the surface is compared up to this far from it."""

_BESIDE_MM = 6.0
"""The inside is compared up to this far outside the liver."""

_WINDOW_HU = (-50.0, 250.0)


def deform(
    fixed: LiverImage,
    moving: LiverImage,
    affine: Affine,
    levels: Sequence[Level] = FINE,
    device: torch.device | str = "cpu",
) -> Displacement:
    """Displacements of the fixed visit's places that, before `affine`, lead into the moving one.

    Args:
        fixed, moving: the two visits.
        affine: the alignment so far, from fixed to moving.
        levels: resolutions and steps, coarse to fine.
        device: where the flow is computed.
    """
    spacing_mm = fixed.geometry.spacing_mm[0]
    distance, known = distance_to_liver(fixed, _BAND_MM)
    box = _around(distance < MARGIN_MM)
    grid = fixed.geometry.crop(box)
    distance = distance[box]
    warp = _Resampler(moving.geometry, affine, grid)

    other, other_known = distance_to_liver(moving, _BAND_MM)
    other_distance = warp(other)
    tumors = fixed.tumors[box] | (warp(moving.tumors) > 0.1)
    comparable = fixed.inside[box] & warp.holds(moving.inside)
    shown = comparable & (distance < _BESIDE_MM) & ~ndimage.binary_dilation(tumors)
    near = known[box] & warp.holds(other_known) & (np.abs(distance) < _BAND_MM)
    first, second = (
        torch.cat([_scaled(mm, device), self_similarity(_windowed(hu, device))])
        for mm, hu in ((distance, fixed.hu[box]), (other_distance, warp(moving.hu)))
    )
    weight = torch.from_numpy(np.stack([near, *[shown] * CHANNELS]).astype(np.float32))
    field = flow(first, second, weight.to(device), levels).cpu().numpy()[::-1]
    fade = np.clip((MARGIN_MM - distance) / (MARGIN_MM / 2), 0, 1)
    return Displacement((field * fade * spacing_mm).astype(np.float32), grid)


class _Resampler:
    """Brings arrays of the moving visit onto a grid of the fixed one."""

    def __init__(self, source: Geometry, affine: Affine, grid: Geometry) -> None:
        index = np.indices(grid.shape).reshape(3, -1).T
        self._index: FloatArray = source.to_index(affine(grid.to_world(index))).T
        self._shape = grid.shape

    def __call__(self, array: NDArray[np.generic]) -> NDArray[np.float32]:
        """Values on the grid; those at the edges are repeated outside."""
        values = ndimage.map_coordinates(
            array.astype(np.float32), self._index, order=1, mode="nearest"
        )
        shaped: NDArray[np.float32] = values.reshape(self._shape)
        return shaped

    def holds(self, flags: BoolArray) -> BoolArray:
        """Where the flags hold on the grid; nowhere outside."""
        values = ndimage.map_coordinates(flags.astype(np.float32), self._index, order=1)
        held: BoolArray = values.reshape(self._shape) > 0.99
        return held


def _scaled(distance_mm: NDArray[np.float32], device: torch.device | str) -> torch.Tensor:
    """The distance to the surface as a channel (1, z, y, x), flat where it is not compared."""
    return torch.from_numpy((distance_mm / _BAND_MM).clip(-1, 1)[None]).to(device)


def _windowed(hu: NDArray[np.generic], device: torch.device | str) -> torch.Tensor:
    """HU (z, y, x) in the window of soft tissue: bone and air would drown all else."""
    return torch.from_numpy(np.clip(hu.astype(np.float32), *_WINDOW_HU)).to(device)


def _around(mask: BoolArray) -> Box:
    z, y, x = ndimage.find_objects(mask.astype(np.uint8))[0]
    return z, y, x
