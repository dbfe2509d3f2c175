"""How good a network is on scans that were held back, class by class where they are annotated."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from lvt_track.core.volume import CLASSES
from lvt_track.evaluate.detection import dice
from lvt_track.segment.grid import Image, extent_of, resample, shape_at
from lvt_track.segment.network.batches import predict, windows_at_once
from lvt_track.segment.network.intensity import normalise
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.segment.windows import extend, window_boxes
from lvt_track.training.batches.patches import PatchPlan, TrainingScan
from lvt_track.training.datasets.prepared import BITS, IGNORE
from lvt_track.training.objective.methods import Method

__all__ = ["class_probabilities", "judge"]

_OVERLAP = 0.25
_MARGIN_MM = 30.0


def class_probabilities(
    network: ResidualUNet, image: Image, patch: tuple[int, int, int], device: torch.device
) -> Tensor:
    """Probabilities of liver, vessels and tumours over a scan.

    Args:
        network: on the device.
        image: normalised CT (z, y, x) at the spacing of training.
        patch: size of the windows.
        device: to run on.

    Returns:
        float32 (3, z, y, x) on the CPU.
    """
    wide, inner = extend(image, patch)
    boxes = window_boxes(wide.shape, patch, _OVERLAP)
    blend = predict(
        lambda x: network(x).float().sigmoid(),
        wide,
        boxes,
        network.parameters_of_size.outputs,
        device=device,
        at_once=windows_at_once(device, patch),
    )
    return torch.from_numpy(blend.crop(inner).values)


def judge(
    network: ResidualUNet,
    method: Method,
    plan: PatchPlan,
    scan: TrainingScan,
    device: torch.device,
) -> Mapping[str, float | None]:
    """Dice of each annotated class at the spacing of training, near what is labelled.

    Args:
        network: on the device.
        method: makes masks of its probabilities.
        plan: patch, spacing and window of training.
        scan: to be judged by.
        device: to run on.

    Returns:
        By class name; None where neither mask has a voxel. Classes that are not annotated are not
        there.
    """
    labels = scan.labels()
    box = tuple(
        slice(max(0, int(hit.min() - _MARGIN_MM / step)), int(hit.max() + _MARGIN_MM / step) + 1)
        if len(hit := np.flatnonzero((labels & sum(BITS.values())).any(axis=others)))
        else slice(None)
        for others, step in zip(((1, 2), (0, 2), (0, 1)), scan.spacing_mm, strict=True)
    )
    hu, bits = scan.image()[box], labels[box]
    shape = shape_at(extent_of(hu), scan.spacing_mm, plan.spacing_mm)
    image = normalise(resample(hu, shape), plan.window_hu)
    predicted = method.masks(class_probabilities(network, image, plan.patch, device)).numpy()
    seen = resample(((bits & IGNORE) == 0).astype(np.float32), shape) > 0.5
    scores: dict[str, float | None] = {}
    for channel, name in enumerate(CLASSES):
        if name in scan.knowledge.annotated:
            truth = resample(((bits & BITS[name]) != 0).astype(np.float32), shape) > 0.5
            scores[name] = dice(predicted[channel] & seen, truth & seen)
    return scores
