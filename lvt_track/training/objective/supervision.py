"""Deep supervision: heads on coarser levels of the decoder, for training alone."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.training.batches.batch import Batch
from lvt_track.training.objective.losses import combine
from lvt_track.training.objective.methods import Method

__all__ = ["SupervisedNetwork", "supervised_loss"]


class SupervisedNetwork(nn.Module):
    """A network whose decoder is also told at coarser resolutions (Lee et al., AISTATS 2015).

    Args:
        network: shares its weights; its own head serves full resolution.
        scales: resolutions with a head, full resolution included.

    Raises:
        ValueError: when the decoder has fewer.
    """

    def __init__(self, network: ResidualUNet, scales: int) -> None:
        super().__init__()
        channels = network.parameters_of_size.channels
        if not 1 <= scales < len(channels):
            raise ValueError(f"scales must lie in 1 to {len(channels) - 1}, got {scales}")
        self.network = network
        self.heads = nn.ModuleList(
            nn.Conv3d(here, network.head.out_channels, 1) for here in channels[1:scales]
        )

    def forward(self, x: Tensor) -> list[Tensor]:
        """Logits of the heads (batch, channels, z, y, x), full resolution first, then halves."""
        seen = self.network.features(x)
        heads = (self.network.head, *self.heads)
        return [head(features) for head, features in zip(heads, reversed(seen), strict=False)]


def supervised_loss(
    logits: list[Tensor],
    batch: Batch,
    method: Method,
    over_processes: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """The method's loss at every resolution; each weighs half of the one before it, one in all.

    Args:
        logits: as `SupervisedNetwork` gives them.
        batch: labels at full resolution.
        method: whose loss.
        over_processes: as for `losses.combine`.
    """
    weights = [0.5**level for level in range(len(logits))]
    total = logits[0].new_zeros((), dtype=batch.image.dtype)
    for level, (weight, coarse) in enumerate(zip(weights, logits, strict=True)):
        terms = method.terms(coarse.float(), batch.every(2**level))
        total = total + weight / sum(weights) * combine(terms, over_processes)
    return total
