"""Lesions whose edge fades into the liver, as infiltrating ones do."""

from __future__ import annotations

import torch
from torch import Tensor

from lvt_track.phantom.image_smooth import smooth

__all__ = ["soften"]

# Share of a lesion that a voxel must still see through its edge to be changed by it.
_LEAST_SHARE = 0.02


def soften(
    hu: Tensor, liver: Tensor, soft: Tensor, sigma_zyx: tuple[float, float, float]
) -> Tensor:
    """The image with some lesions blurred into the liver around them.

    The edge stays where it was, at half of the contrast; what a voxel shares with something that is
    not liver stays as it is, so that the edge of the liver is as sharp as before.

    Args:
        hu: image without noise, float32 (z, y, x).
        liver: share of each voxel that is liver, lesions and vessels included, same shape.
        soft: share of each voxel that belongs to lesions with soft edges, same shape.
        sigma_zyx: width of their edges, standard deviation in voxels.
    """
    if not bool((soft > 0).any()):
        return hu
    near = smooth(soft, sigma_zyx) > _LEAST_SHARE
    faded = smooth(hu * liver, sigma_zyx) / smooth(liver, sigma_zyx).clamp_min(1e-3)
    return torch.where(near & (liver >= 1.0), faded, hu)
