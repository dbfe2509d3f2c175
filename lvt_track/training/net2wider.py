"""A network with more features that computes what a smaller one does, to go on from it."""

from __future__ import annotations

import torch
from torch import Tensor

from lvt_track.segment.network.parameters import NetworkParameters
from lvt_track.segment.network.unet import ResidualUNet

__all__ = ["widened"]

_SEED = 0


def widened(network: ResidualUNet, parameters: NetworkParameters) -> ResidualUNet:
    """A network of a larger size that gives the same logits, ready to run.

    Old features stay as they are. New ones start from chance, and no old one, nor the head, reads
    them yet; with the first step they learn to (as the function-preserving nets of Chen et al.,
    ICLR 2016, but new features are not copies, which would take time to part). Instance norm treats
    each feature by itself, so it does not see the others.

    Args:
        network: the narrower one; left as it is.
        parameters: the larger size, with as many levels and blocks; its first highlights are those
            of the network.

    Raises:
        ValueError: when that size is not one that the network can be widened to.
    """
    old = network.parameters_of_size
    kept = parameters.highlights[: len(old.highlights)]
    others = {"channels": (), "highlights": kept}
    is_alike = {**vars(old), "channels": ()} == {**vars(parameters), **others}
    if not is_alike or any(
        was > becomes for was, becomes in zip(old.channels, parameters.channels, strict=True)
    ):
        raise ValueError(f"{old} cannot be widened to {parameters}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        wide = ResidualUNet(parameters)
    state = wide.state_dict()
    for name, weights in network.state_dict().items():
        _fill_corner(state[name], weights)
    wide.load_state_dict(state)
    return wide.eval()


def _fill_corner(wide: Tensor, narrow: Tensor) -> None:
    """Old outputs read old inputs as before, and nothing of new ones."""
    if narrow.dim() > 1:
        outputs, inputs = narrow.shape[:2]
        wide[:outputs, inputs:] = 0.0
    wide[tuple(slice(size) for size in narrow.shape)] = narrow
