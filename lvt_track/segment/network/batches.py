"""Windows through torch, several at a time, blended where they were computed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lvt_track.core.geometry import Box
from lvt_track.errors import LvtError
from lvt_track.segment.grid import Extent
from lvt_track.segment.windows import Blend, gaussian_weight

__all__ = ["Forward", "predict", "windows_at_once"]

# More windows at a time do not run faster, and fewer features of a voxel than this are rare.
_MOST_AT_ONCE = 8
_BYTES_PER_VOXEL = 2500
_SHARE_OF_FREE_MEMORY = 0.7

Forward = Callable[[Tensor], Tensor]
"""Maps windows (batch, 1, z, y, x) to values (batch, outputs, z, y, x)."""


def predict(
    network: Forward,
    image: NDArray[np.float32],
    boxes: Sequence[Box],
    outputs: int,
    *,
    device: str | torch.device = "cpu",
    at_once: int = 1,
    half_precision: bool = False,
    progress: Callable[[float], None] | None = None,
    notify: Callable[[str], None] | None = None,
) -> Blend:
    """Run a network in windows and blend what it says by a Gaussian.

    Args:
        network: on the device.
        image: what it sees (z, y, x).
        boxes: the windows, all of one size.
        outputs: channels of the network.
        device: where it runs.
        at_once: windows per batch; halved when the device runs out of memory.
        half_precision: run convolutions in bfloat16.
        progress: called with the share that is done, 0 to 1.
        notify: called with words when the batch had to be halved.

    Raises:
        LvtError: when there is not enough memory for a single window.
    """
    place = torch.device(device)
    half = torch.autocast(place.type, dtype=torch.bfloat16, enabled=half_precision)

    def forward(windows: Tensor) -> Tensor:
        with torch.inference_mode(), half:
            return network(windows).float()

    total = torch.zeros((outputs, *image.shape), device=place)
    weights = torch.zeros(image.shape, device=place)
    weight = torch.from_numpy(gaussian_weight(boxes[0])).to(place) if boxes else weights
    moved = torch.from_numpy(np.ascontiguousarray(image)).to(place)
    values = _in_batches(forward, moved, boxes, at_once, notify)
    for done, (box, value) in enumerate(zip(boxes, values, strict=True), start=1):
        total[(slice(None), *box)] += value * weight
        weights[box] += weight
        if progress is not None:
            progress(done / len(boxes))
    seen = weights > 0
    total /= weights.clamp(min=torch.finfo(torch.float32).tiny)
    return Blend(total.cpu().numpy(), seen.cpu().numpy())


def windows_at_once(device: str | torch.device, patch: Extent) -> int:
    """How many windows to run at a time: one on the CPU, as many as fit on a GPU."""
    place = torch.device(device)
    if place.type != "cuda":
        return 1
    free, _ = torch.cuda.mem_get_info(place)
    voxels = patch[0] * patch[1] * patch[2]
    fitting = int(free * _SHARE_OF_FREE_MEMORY) // (voxels * _BYTES_PER_VOXEL)
    return max(1, min(fitting, _MOST_AT_ONCE))


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
