"""What every place looks like compared with its neighbours: alike in every contrast phase.

The modality independent neighbourhood descriptor of Heinrich et al. (2012), with six neighbours. It
does not ask how bright a place is, but where around it something changes. A vessel is found by it
whether it is brighter than the parenchyma, as in the portal venous phase, or darker, as without
contrast medium.
"""

from __future__ import annotations

import torch
from torch import Tensor

from lvt_track.register.flow import smoothed

__all__ = ["CHANNELS", "self_similarity"]

CHANNELS = 6
_DENOISING = 0.5
_PATCH = 0.5
"""Spread of the Gaussian that quiets the image, and of the patches compared, in voxels."""

_BESIDE = 2
"""Distance of the patches compared, in voxels: about the width of a vessel."""

_VARIANCE_RANGE = (0.1, 10.0)
"""Local variance is kept within these multiples of its median, so that flat places stay flat."""


def self_similarity(hu: Tensor) -> Tensor:
    """Likeness of the patch around each voxel to the six patches beside it.

    Args:
        hu: image (z, y, x), float32.

    Returns:
        Likenesses (6, z, y, x): 1 for the most alike neighbour, towards 0 for the others.
    """
    quiet = smoothed(hu[None], _DENOISING)[0]
    sides = [(step, axis) for axis in (2, 1, 0) for step in (_BESIDE, -_BESIDE)]
    changes = torch.stack([(quiet - torch.roll(quiet, step, axis)) ** 2 for step, axis in sides])
    distance = smoothed(changes, _PATCH)
    distance = distance - distance.amin(0, keepdim=True)
    variance = distance.mean(0, keepdim=True)
    middle = variance.median()
    low, high = (middle * factor for factor in _VARIANCE_RANGE)
    return torch.exp(-distance / variance.clamp(low, high).clamp(min=1e-6))
