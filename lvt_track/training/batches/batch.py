"""What one training step learns from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Batch"]


@dataclass(frozen=True, eq=False)
class Batch:
    """Images, and what is known of their labels.

    Attributes:
        image: normalised CT, float32 (samples, 1, z, y, x).
        target: multi-hot labels, bool (samples, classes, z, y, x).
        known: where they are known, bool, same shape.
        annotation: which classes each sample's dataset annotates (or knows to be absent), bool
            (samples, classes); None for all. Beyond it, a class may be known in places by the
            hierarchy alone.
    """

    image: Tensor
    target: Tensor
    known: Tensor
    annotation: Tensor | None = None

    @property
    def annotated(self) -> Tensor:
        """Which classes are annotated, bool (samples, classes)."""
        if self.annotation is not None:
            return self.annotation
        return torch.ones(self.target.shape[:2], dtype=torch.bool, device=self.target.device)

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        return Batch(
            self.image.to(device),
            self.target.to(device),
            self.known.to(device),
            self.annotated.to(device),
        )

    def every(self, step: int) -> Batch:
        """Every `step`-th voxel, for a network's coarser outputs."""
        if step == 1:
            return self
        picked = (..., *(slice(step // 2, None, step),) * 3)
        return Batch(self.image[picked], self.target[picked], self.known[picked], self.annotated)
