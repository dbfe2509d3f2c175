"""Sliding windows: a network over a volume larger than its patch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, product

import torch
from torch import Tensor
from torch.nn import functional

from lvt_track.core.geometry import Box
from lvt_track.errors import LvtError
from lvt_track.segment.grid import Extent, extent_of

__all__ = [
    "Blend",
    "Forward",
    "aligned_boxes",
    "aligned_starts",
    "blended",
    "extend",
    "predict",
    "window_boxes",
    "window_starts",
    "windows_at_once",
]

_SIGMA = 1.0 / 8.0
_LEAST_WEIGHT = 6e-9
# More windows at a time do not run faster, and fewer features of a voxel than this are rare.
_MOST_AT_ONCE = 8
_BYTES_PER_VOXEL = 2500
_SHARE_OF_FREE_MEMORY = 0.7

Forward = Callable[[Tensor], Tensor]
"""Maps windows (batch, 1, z, y, x) to values (batch, outputs, z, y, x)."""


@dataclass(frozen=True, eq=False)
class Blend:
    """What the windows say together.

    Attributes:
        values: float32 (outputs, z, y, x); zero where no window was.
        seen: bool (z, y, x), where a window was.
    """

    values: Tensor
    seen: Tensor

    def crop(self, box: Box) -> Blend:
        """The part inside the box."""
        return Blend(self.values[(slice(None), *box)], self.seen[box])


def window_starts(size: int, patch: int, overlap: float) -> list[int]:
    """First voxels of evenly spread windows that cover an axis.

    Args:
        size: voxels along the axis.
        patch: voxels of a window.
        overlap: least share of a window that its neighbour covers too, 0 to below 1.
    """
    if size <= patch:
        return [0]
    count = -int(-(size - patch) // max(1.0, patch * (1.0 - overlap))) + 1
    return [round(i * (size - patch) / (count - 1)) for i in range(count)]


def aligned_starts(first: int, size: int, patch: int, overlap: float, offset: float) -> list[int]:
    """First cells of windows that cover an axis of a lattice, counted from its origin.

    Where an axis begins and ends matters only to the windows there: the others lie where those of
    any longer axis would. So a scan that was cropped, or read in part, is seen as the whole one.

    Args:
        first: number of the axis's first cell.
        size: cells along it.
        patch: cells of a window.
        overlap: share of a window that its neighbour covers too, 0 to below 1.
        offset: of all windows, as a share of the step between them.

    Returns:
        Numbers from the origin; neighbours are a step apart, at an end up to an eighth more.
    """
    last = first + size - patch
    if last <= first:
        return [first]
    step = max(1.0, patch * (1.0 - overlap))
    numbers = range(math.ceil(first / step - offset), math.floor(last / step - offset) + 1)
    starts = [first, *(round((k + offset) * step) for k in numbers), last]
    kept = [first]
    for start, following in pairwise(sorted(set(starts))[1:]):
        if following - kept[-1] > 1.125 * step:
            kept.append(start)
    return [*kept, last]


def aligned_boxes(
    first: Extent, shape: Extent, patch: Extent, overlap: float, offset: float = 0.0
) -> list[Box]:
    """Windows over a block of a lattice, from its first cell; see `aligned_starts`.

    Args:
        first: number of the block's first cell along each axis.
        shape: cells of the block; where a window is larger, it reaches beyond, see `extend`.
        patch, overlap, offset: of the windows.
    """
    z, y, x = (
        [start - low for start in aligned_starts(low, size, window, overlap, offset)]
        for low, size, window in zip(first, shape, patch, strict=True)
    )
    return _boxes(z, y, x, patch)


def window_boxes(shape: Sequence[int], patch: Extent, overlap: float) -> list[Box]:
    """Boxes of all windows that cover a volume at least as large as a window; see `extend`."""
    z, y, x = (window_starts(n, p, overlap) for n, p in zip(shape, patch, strict=True))
    return _boxes(z, y, x, patch)


def extend(image: Tensor, patch: Extent, fill: float | None = None) -> tuple[Tensor, Box]:
    """The volume (z, y, x) made at least as large as a window, and where it lies in that.

    Args:
        image: the volume.
        patch: size of a window.
        fill: what is put around it; its own edge where None.
    """
    missing = [max(0, p - n) for p, n in zip(patch, image.shape, strict=True)]
    padding = [n for m in reversed(missing) for n in (m // 2, m - m // 2)]
    z, y, x = (slice(m // 2, m // 2 + n) for m, n in zip(missing, image.shape, strict=True))
    if fill is None:
        wide = functional.pad(image[None, None].float(), padding, mode="replicate")[0, 0]
    else:
        wide = functional.pad(image, padding, value=fill)
    return wide, (z, y, x)


def predict(
    network: Forward,
    image: Tensor,
    boxes: Sequence[Box],
    outputs: int,
    *,
    at_once: int = 1,
    half_precision: bool = False,
    progress: Callable[[float], None] | None = None,
    notify: Callable[[str], None] | None = None,
) -> Blend:
    """Run a network in windows and blend what it says by a Gaussian.

    Args:
        network: on the image's device.
        image: what it sees (z, y, x).
        boxes: the windows, all of one size.
        outputs: channels of the network.
        at_once: windows per batch; halved when the device runs out of memory.
        half_precision: run convolutions in bfloat16.
        progress: called with the share that is done, 0 to 1.
        notify: called with words when the batch had to be halved.

    Raises:
        LvtError: when there is not enough memory for a single window.
    """
    half = torch.autocast(image.device.type, dtype=torch.bfloat16, enabled=half_precision)

    def forward(windows: Tensor) -> Tensor:
        with torch.inference_mode(), half:
            return network(windows).float()

    values = _in_batches(forward, image, boxes, at_once, notify)
    return blended(values, boxes, (outputs, *extent_of(image)), image.device, progress)


def blended(
    values: Iterable[Tensor],
    boxes: Sequence[Box],
    shape: tuple[int, int, int, int],
    device: torch.device,
    progress: Callable[[float], None] | None = None,
) -> Blend:
    """What windows say, blended by a Gaussian.

    Args:
        values: of each window (outputs, z, y, x), in the order of the boxes.
        boxes: where they lie, all of one size.
        shape: outputs, z, y, x of the whole.
        device: where the values are.
        progress: called with the share that is done, 0 to 1.
    """
    total = torch.zeros(shape, device=device)
    weights = torch.zeros(shape[1:], device=device)
    weight = _gaussian([cut.stop - cut.start for cut in boxes[0]]).to(device) if boxes else weights
    for done, (box, value) in enumerate(zip(boxes, values, strict=True), start=1):
        total[(slice(None), *box)] += value * weight
        weights[box] += weight
        if progress is not None:
            progress(done / len(boxes))
    seen = weights > 0
    total /= weights.clamp(min=torch.finfo(torch.float32).tiny)
    return Blend(total, seen)


def _in_batches(
    network: Forward,
    image: Tensor,
    boxes: Sequence[Box],
    at_once: int,
    notify: Callable[[str], None] | None,
) -> Iterator[Tensor]:
    """What a network says of each window."""
    done = 0
    while done < len(boxes):
        batch = boxes[done : done + at_once]
        try:
            values = network(torch.stack([image[box] for box in batch])[:, None])
        except torch.OutOfMemoryError as error:
            at_once = _halved(len(batch), error)
            if notify is not None:
                notify(f"out of GPU memory: windows go on {at_once} at a time")
            continue
        yield from values
        done += len(batch)


def windows_at_once(device: torch.device, patch: Extent) -> int:
    """How many windows to run at a time: one on the CPU, as many as fit on a GPU."""
    if device.type != "cuda":
        return 1
    free, _ = torch.cuda.mem_get_info(device)
    voxels = patch[0] * patch[1] * patch[2]
    fitting = int(free * _SHARE_OF_FREE_MEMORY) // (voxels * _BYTES_PER_VOXEL)
    return max(1, min(fitting, _MOST_AT_ONCE))


def _boxes(z: list[int], y: list[int], x: list[int], patch: Extent) -> list[Box]:
    return [
        (slice(i, i + patch[0]), slice(j, j + patch[1]), slice(k, k + patch[2]))
        for i, j, k in product(z, y, x)
    ]


def _halved(at_once: int, error: torch.OutOfMemoryError) -> int:
    """Half as many windows, after what the failed ones held was given back."""
    if at_once == 1:
        raise LvtError(
            "the GPU has not enough memory for one window of this model",
            remedy="Close other programs that use the GPU, or give --device cpu",
        ) from error
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return at_once // 2


def _gaussian(patch: Sequence[int]) -> Tensor:
    """Weight of each voxel of a window, as nnU-Net's: high in its middle, never zero."""
    weight = torch.ones(())
    for size in patch:
        offset = (torch.arange(size) - size // 2) / (size * _SIGMA)
        weight = weight[..., None] * torch.exp(-0.5 * offset**2)
    return weight.clamp(min=_LEAST_WEIGHT)
