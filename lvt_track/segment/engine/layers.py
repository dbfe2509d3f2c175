"""The network's layers in their order, whatever computes them: `graph` and `reference` do.

The same as `network.unet.ResidualUNet`, which a test holds both against.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

from lvt_track.segment.network.parameters import NetworkParameters

__all__ = ["Operations", "can_lay", "probabilities_of"]

Features = TypeVar("Features")


class Operations(Protocol[Features]):
    """What the layers are made of; weights are known by their names in the network."""

    def marked(self, image: Features, highlights: tuple[tuple[float, float], ...]) -> Features:
        """The image, and beside it the brightnesses that the network sees marked."""

    def convolved(
        self, features: Features, name: str, stride: int = 1, has_signs: bool = False
    ) -> Features:
        """A convolution without bias; `has_signs` where features below zero matter."""

    def normed(self, features: Features, name: str) -> Features:
        """Instance norm."""

    def activated(self, features: Features) -> Features:
        """Leaky ReLU."""

    def enlarged(self, features: Features) -> Features:
        """Twice as many voxels along each axis, trilinear, the ends repeated."""

    def added(self, one: Features, other: Features) -> Features:
        """The sum."""

    def classified(self, features: Features, name: str) -> Features:
        """Probabilities: the logits of a convolution, its bias added, through a sigmoid."""


def can_lay(size: NetworkParameters) -> bool:
    """Whether the network is of the kind that is laid here: its classes each told for itself."""
    return not (size.exclusive or size.nested)


def probabilities_of(
    image: Features, size: NetworkParameters, ops: Operations[Features]
) -> Features:
    """Probabilities of an image by a network of this size."""
    skips = [_conv_norm_act(ops.marked(image, size.highlights), "stem", ops)]
    for level, blocks in enumerate(size.blocks):
        features = _conv_norm_act(skips[-1], f"down.{level}.0", ops, stride=2)
        for block in range(1, blocks + 1):
            features = _residual(features, f"down.{level}.{block}", ops)
        skips.append(features)
    features = skips.pop()
    for level in range(len(size.blocks)):
        name = f"up.{level}"
        larger = ops.enlarged(ops.convolved(features, f"{name}.reduce"))
        features = _conv_norm_act(
            ops.added(larger, skips.pop()), f"{name}.merge", ops, has_signs=True
        )
    return ops.classified(features, "head")


def _residual(features: Features, name: str, ops: Operations[Features]) -> Features:
    inner = ops.convolved(_conv_norm_act(features, f"{name}.first", ops), f"{name}.second")
    return ops.activated(ops.added(ops.normed(inner, f"{name}.norm"), features))


def _conv_norm_act(
    features: Features,
    name: str,
    ops: Operations[Features],
    stride: int = 1,
    has_signs: bool = False,
) -> Features:
    inner = ops.convolved(features, f"{name}.0", stride, has_signs)
    return ops.activated(ops.normed(inner, f"{name}.1"))
