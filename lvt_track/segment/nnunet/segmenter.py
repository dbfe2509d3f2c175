"""The segmenter of imported models: nnU-Net's way from a scan to labels, near the liver only.

nnU-Net lays one grid and one set of windows over the scan. Here both are the same, but only windows
near the liver are run, and only what they need is resampled: a voxel of the liver gets the same
values, as every window that covers it is run. Logits are blended, the folds' mean taken, resampled
linearly to the scan's voxels, and decided there (nnunetv2/inference).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from itertools import chain, combinations
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load
from scipy.special import expit, softmax
from torch import Tensor, nn

from lvt_track.core.geometry import Box
from lvt_track.core.volume import BoolArray
from lvt_track.errors import UsageError
from lvt_track.segment.cards import ImportedCard
from lvt_track.segment.grid import Image, Orientation, counted_from
from lvt_track.segment.network.batches import Forward
from lvt_track.segment.nnunet.grid import Area, NnunetGrid, nonzero_box
from lvt_track.segment.scan import Scan
from lvt_track.segment.segmenter import Coarse, Drawing, Run
from lvt_track.segment.windows import Blend

__all__ = [
    "ARCHITECTURES",
    "SHARED_WEIGHTS",
    "ForeignSegmenter",
    "build_network",
    "fill_network",
    "loaded_network",
]

ARCHITECTURES = ("PlainConvUNet", "ResidualEncoderUNet")
"""Classes of `dynamic_network_architectures` that are built."""

_TYPES = {
    "torch.nn.modules.conv.Conv3d": nn.Conv3d,
    "torch.nn.modules.instancenorm.InstanceNorm3d": nn.InstanceNorm3d,
    "torch.nn.modules.batchnorm.BatchNorm3d": nn.BatchNorm3d,
    "torch.nn.LeakyReLU": nn.LeakyReLU,
    "torch.nn.modules.activation.LeakyReLU": nn.LeakyReLU,
    "torch.nn.ReLU": nn.ReLU,
    "torch.nn.modules.activation.ReLU": nn.ReLU,
}
"""What a plan may name as a part of a network; nothing else is looked up."""

SHARED_WEIGHTS = "decoder.encoder."
"""Weights of a decoder under this name are those of its encoder."""

_TYPED = ("conv_op", "norm_op", "dropout_op", "nonlin")
_OVERLAP = 0.5
_NEAR_LIVER_MM = 20.0
# Where no window was run there is background, as surely as any network says it.
_SURE_LOGIT = 20.0

_AS_IS = Orientation((0, 1, 2), (False, False, False))
_LPS_TO_RAS = Orientation((0, 1, 2), (False, True, True))


def build_network(architecture: str, arguments: Mapping[str, Any], outputs: int) -> nn.Module:
    """The network that a plan describes, its weights not set.

    Args:
        architecture: one of `ARCHITECTURES`.
        arguments: what it is built with; parts of networks by name.
        outputs: channels of its head.

    Raises:
        UsageError: when nnU-Net's networks are not installed.
        ValueError: when the plan names what is not known here.
    """
    try:
        from dynamic_network_architectures.architectures import unet
    except ImportError as error:
        raise UsageError(
            "imported models need nnU-Net's networks, which are not installed",
            remedy="Run: pip install 'lvt-track[nnunet]'",
        ) from error
    if architecture not in ARCHITECTURES:
        raise ValueError(f"the network {architecture!r} is not one of {', '.join(ARCHITECTURES)}")
    known = dict(arguments)
    for name in _TYPED:
        if known.get(name) is not None:
            if known[name] not in _TYPES:
                raise ValueError(f"{name} {known[name]!r} is not known")
            known[name] = _TYPES[known[name]]
    build = getattr(unet, architecture)
    try:
        network: nn.Module = build(1, num_classes=outputs, deep_supervision=False, **known)
    except (TypeError, AssertionError) as error:
        raise ValueError(f"{architecture} cannot be built from this plan ({error})") from error
    return network


def fill_network(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Set the weights of a network; those that its decoder shares with its encoder come once.

    Raises:
        RuntimeError: when a weight is missing, unexpected, or of another size.
    """
    missing, unexpected = network.load_state_dict(weights, strict=False)
    missing = [key for key in missing if not key.startswith(SHARED_WEIGHTS)]
    if missing or unexpected:
        raise RuntimeError(f"weights missing: {missing}; unexpected: {unexpected}")


def loaded_network(card: ImportedCard, content: bytes) -> nn.Module:
    """The network of one fold, ready to run.

    Args:
        card: of its model.
        content: of its safetensors file.

    Raises:
        UsageError: when nnU-Net's networks are not installed.
        RuntimeError, SafetensorError: when the weights are those of another network, or none.
    """
    network = build_network(card.architecture, card.arguments, card.outputs)
    fill_network(network, {key: value.float() for key, value in load(content).items()})
    return network.eval().requires_grad_(False)


@dataclass(frozen=True, eq=False)
class ForeignSegmenter:
    """Networks of nnU-Net, one per fold.

    Attributes:
        card: of the model.
        networks: built as the card says.
    """

    card: ImportedCard
    networks: tuple[nn.Module, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes it draws."""
        return self.card.classes

    def draw(self, scan: Scan, coarse: Coarse, box: Box, run: Run) -> Drawing:
        """See `segmenter.Segmenter`."""
        turn = self._turn(scan)
        with run.stage("resample"):
            grid = self._grid(scan, coarse, turn, box)
            windows = grid.windows(run.effort.overlap_or(_OVERLAP))
            if run.effort.skips:
                near = turn.apply(coarse.near_liver(_NEAR_LIVER_MM, scan))
                windows = [window for window in windows if grid.touches(window, near)]
            area = grid.area(windows)
        with run.stage("network") as report:
            blend = run.predict(
                self._ensemble(run.device),
                area.image,
                area.windows,
                self.card.outputs,
                report,
                may_halve=self._bottleneck > 1,
            )
        with run.stage("restore"):
            whole = turn.box(box, scan.shape)
            drawing = self._decided(grid, area, blend, whole, run.keep_probabilities)
            back = turn.inverse
            return Drawing(
                {name: back.apply(mask) for name, mask in drawing.masks.items()},
                {name: back.apply(values) for name, values in drawing.probabilities.items()},
            )

    def _turn(self, scan: Scan) -> Orientation:
        """From the patient's axes to those that the networks know."""
        first = {"stored": scan.upright.inverse, "RAS": _LPS_TO_RAS, "LPS": _AS_IS}
        return first[self.card.orientation].then(
            Orientation(self.card.transpose, (False, False, False))
        )

    def _grid(self, scan: Scan, coarse: Coarse, turn: Orientation, box: Box) -> NnunetGrid:
        hu = turn.apply(scan.hu)
        if self.card.crop_mm is None:
            region = nonzero_box(hu)
        else:
            liver = scan.box_of(coarse.reach_around(self.card.crop_mm))
            region = turn.box(liver, scan.shape)
        z, y, x = (
            slice(max(cut.start, part.start), max(cut.start, part.start, min(cut.stop, part.stop)))
            for cut, part in zip(turn.box(box, scan.shape), region, strict=True)
        )
        return NnunetGrid(hu, turn.spacing(scan.spacing_mm), region, (z, y, x), self.card)

    @property
    def _bottleneck(self) -> int:
        """Voxels along the shortest axis of the deepest level."""
        strides = np.prod(np.array(self.card.arguments["strides"]), axis=0)
        return int((np.array(self.card.patch) // strides).min())

    def _ensemble(self, device: str) -> Forward:
        """The mean of all networks and mirrored windows."""
        networks = [network.to(device) for network in self.networks]
        axes = [axis + 2 for axis in self.card.mirror_axes]
        mirrors = list(
            chain.from_iterable(combinations(axes, count) for count in range(len(axes) + 1))
        )

        def forward(x: Tensor) -> Tensor:
            total = torch.zeros(())
            for network in networks:
                for mirror in mirrors:
                    total = total.to(device) + network(x.flip(mirror)).float().flip(mirror)
            return total / (len(networks) * len(mirrors))

        return forward

    def _decided(
        self, grid: NnunetGrid, area: Area, blend: Blend, box: Box, keep: Collection[str]
    ) -> Drawing:
        """Masks in a box along the model's axes, decided as nnU-Net does."""
        shape = tuple(cut.stop - cut.start for cut in box)
        drawing = Drawing({name: np.zeros(shape, dtype=bool) for name in self.classes})
        for name in set(self.classes).intersection(keep):
            drawing.probabilities[name] = np.zeros(shape, dtype=np.float16)
        if self.card.regions:
            blend.values[:, ~blend.seen] = -_SURE_LOGIT
        else:
            blend.values[0, ~blend.seen] = _SURE_LOGIT
        z, y, x = counted_from(grid.wanted, [cut.start for cut in box])
        for rows, logits in grid.logits(blend, area):
            place = (slice(z.start + rows.start, z.start + rows.stop), y, x)
            for name in self.classes:
                channels = list(self.card.channels[name])
                drawing.masks[name][place] = self._inside(logits, channels)
                if name in drawing.probabilities:
                    values = self._probability(logits, channels)
                    drawing.probabilities[name][place] = values.astype(np.float16)
        return drawing

    def _inside(self, logits: NDArray[np.float32], channels: list[int]) -> BoolArray:
        """Where a class is: any of its regions is likelier than not, or its labels win."""
        if self.card.regions:
            return np.asarray((logits[channels] > 0).any(axis=0))
        return np.isin(logits.argmax(axis=0), channels)

    def _probability(self, logits: NDArray[np.float32], channels: list[int]) -> Image:
        if self.card.regions:
            most: Image = expit(logits[channels]).max(axis=0)
            return most
        total: Image = softmax(logits, axis=0)[channels].sum(axis=0)
        return total
