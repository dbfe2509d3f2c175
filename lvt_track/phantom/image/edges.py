"""Lesions whose edge fades into the liver, as infiltrating ones do."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from lvt_track.phantom.image.smooth import smooth

__all__ = ["SoftEdges", "soften"]

# Share of a lesion that a voxel must still see through its edge to be changed by it.
_LEAST_SHARE = 0.02


class SoftEdges(NamedTuple):
    """Which lesions fade, into what, and how far.

    Attributes:
        lesions: share of each voxel that belongs to lesions with soft edges, float32 (z, y, x).
        liver: share of each voxel that is liver, lesions and vessels included, same shape.
        width_mm: of their edges, standard deviation.
    """

    lesions: Tensor
    liver: Tensor
    width_mm: float


def soften(hu: Tensor, edges: SoftEdges, spacing_mm: tuple[float, float, float]) -> Tensor:
    """The image with some lesions blurred into the liver around them.

    The edge stays where it was, at half of the contrast; what a voxel shares with something that is
    not liver stays as it is, so that the edge of the liver is as sharp as before.

    Args:
        hu: image without noise, float32 (z, y, x).
        edges: on the grid of the image.
        spacing_mm: of the image, z, y, x.
    """
    z, y, x = (edges.width_mm / step for step in spacing_mm)
    near = smooth(edges.lesions, (z, y, x)) > _LEAST_SHARE
    around = smooth(edges.liver, (z, y, x)).clamp_min(1e-3)
    faded = smooth(hu * edges.liver, (z, y, x)) / around
    return torch.where(near & (edges.liver >= 1.0), faded, hu)
