"""What a dataset's labels say, and what they leave open: targets and validity per class and voxel.

This is the one place that states the rules. A voxel may belong to several classes, so a target is
multi-hot; a voxel of which a class is not known is masked for that class alone. In order:

1. A class annotated everywhere is its mask, and known at every voxel.
2. A class known to be absent (healthy donors have no tumours) is zero, and known at every voxel.
3. A class not annotated is not known anywhere, except by the hierarchy:
   a. a voxel labelled vessel or tumour is liver, whatever the liver's annotation says;
   b. a voxel known not to be liver is neither vessel nor tumour.
4. A voxel to be ignored is known for no class.

The idea is Østmo et al., NLDL 2026 (PMLR 307:415-427).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from lvt_track.core.volume import CLASSES
from lvt_track.training.objective.annotation import COMPLETE, Annotation, Knowledge

__all__ = ["COMPLETE", "Annotation", "Knowledge", "targets_and_validity"]


def targets_and_validity(
    masks: Mapping[str, Tensor], knowledge: Knowledge, ignore: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Multi-hot targets and where they are known.

    Args:
        masks: bool masks (z, y, x) by class name, for the classes annotated everywhere; others
            are not read.
        knowledge: what the dataset says of each class.
        ignore: bool (z, y, x), True where nothing is to be learned; None for nowhere.

    Returns:
        Two bool tensors (classes, z, y, x) in the order of `core.volume.CLASSES`: the target, and
        whether it is known. Targets are False wherever they are not known.

    Raises:
        ValueError: when no class is annotated, a mask is missing, not bool or of another shape.
    """
    given = knowledge.annotated
    if not given:
        raise ValueError("a dataset needs at least one class that is annotated everywhere")
    for name in given:
        if name not in masks or masks[name].dtype != torch.bool:
            raise ValueError(f"{name} is said to be annotated, but there is no bool mask of it")
    shape = masks[given[0]].shape
    if any(masks[name].shape != shape for name in given):
        raise ValueError(f"masks differ in shape: {[tuple(masks[n].shape) for n in given]}")
    device = masks[given[0]].device
    target = torch.zeros((len(CLASSES), *shape), dtype=torch.bool, device=device)
    known = torch.zeros_like(target)
    for channel, name in enumerate(CLASSES):
        if knowledge[name] is Annotation.EVERYWHERE:
            target[channel] = masks[name]
        known[channel] = knowledge[name] is not Annotation.NONE
    liver, parts = 0, slice(1, None)
    inside = target[parts].any(dim=0)
    target[liver] |= inside
    known[liver] |= inside
    known[parts] |= known[liver] & ~target[liver]
    if ignore is not None:
        known &= ~ignore
        target &= known
    return target, known
