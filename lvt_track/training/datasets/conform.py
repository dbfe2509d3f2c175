"""From a scan with its labels to what is learned from: checked, along the patient's axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import Box
from lvt_track.core.volume import BoolArray, Volume
from lvt_track.errors import InputError
from lvt_track.segment.grid import Orientation, resample, shape_at
from lvt_track.training.datasets.descriptor import Descriptor
from lvt_track.training.datasets.prepared import BITS, IGNORE, Triple
from lvt_track.training.datasets.writing import LabelledScan

__all__ = ["cut_to_liver", "labelled_scan"]

_INT16 = np.iinfo(np.int16)
# Liver, its vessels in any phase and its tumours, fat, lipiodol and necrosis included. Labels that
# are flipped or shifted lie on lung, fat and bone instead.
_LIVER_HU = (-60.0, 400.0)
_LEAST_SHARE = 0.75
_LEAST_KEPT = 0.5
_AIR_HU = -500
_BODY_HU, _LUNG_HU, _BONE_HU = -300, -600, 250
_MARGIN_MM = 10.0
_STEP = 4
_SAMPLE = 200_000


def labelled_scan(
    volume: Volume,
    labels: NDArray[np.uint8],
    descriptor: Descriptor,
    spacing_mm: Triple | None = None,
) -> LabelledScan:
    """Check a scan and its labels, turn them along the patient's axes, cut off the air around.

    Args:
        volume: the scan.
        labels: uint8 (z, y, x) in `prepared.BITS` and `prepared.IGNORE`.
        descriptor: of the dataset.
        spacing_mm: along the patient's z, y, x, to resample to; None keeps the scan's own. The
            result's is the closest that divides the scan evenly.

    Raises:
        InputError: when the labels plainly do not lie on a liver.
    """
    warnings = cut_to_liver(labels, descriptor)
    orientation = Orientation.of(volume.geometry.direction)
    hu = orientation.apply(volume.hu)
    labels = orientation.apply(labels)
    grid_mm = orientation.spacing(volume.geometry.spacing_mm)
    _check_place(hu, labels)
    warnings += [
        f"no voxel is labelled {name}"
        for name in descriptor.knowledge.annotated
        if name != "tumors" and not (labels & BITS[name]).any()
    ]
    warnings += _misplaced(hu, labels, grid_mm)
    box = _occupied(hu, labels)
    hu, labels = hu[box], labels[box]
    if spacing_mm is not None:
        hu, labels, grid_mm = _resampled(hu, labels, grid_mm, spacing_mm)
    z, y, x = (part.start for part in box)
    return LabelledScan(
        np.ascontiguousarray(_whole(hu)),
        np.ascontiguousarray(labels),
        grid_mm,
        (z, y, x),
        tuple(warnings),
    )


def cut_to_liver(labels: NDArray[np.uint8], descriptor: Descriptor) -> list[str]:
    """Take away, in place, what of some classes lies outside the liver.

    Args:
        labels: uint8 (z, y, x) in `prepared.BITS` and `prepared.IGNORE`.
        descriptor: of the dataset, which names the classes.

    Returns:
        A warning for each class of which less than half is left.
    """
    warnings = []
    for name in descriptor.cut_to_liver:
        bit = np.uint8(BITS[name])
        outside = (labels & (BITS["liver"] | bit)) == bit
        drawn = np.count_nonzero(labels & bit)
        labels[outside] &= ~bit
        if drawn and 1.0 - np.count_nonzero(outside) / drawn < _LEAST_KEPT:
            warnings.append(f"less than half of what is labelled {name} lies in the liver")
    return warnings


def _check_place(hu: NDArray[np.generic], labels: NDArray[np.uint8]) -> None:
    places = np.argwhere(labels & ~np.uint8(IGNORE))
    sample = places[:: len(places) // _SAMPLE + 1]
    if not len(sample):
        return
    values = np.asarray(hu)[tuple(sample.T)]
    low, high = _LIVER_HU
    share = float(np.mean((values >= low) & (values <= high)))
    if share < _LEAST_SHARE:
        raise InputError(
            f"only {share:.0%} of the labelled voxels have between {low:g} and {high:g} HU, so "
            "the labels are flipped or shifted, or belong to another scan",
        )


def _misplaced(hu: NDArray[np.generic], labels: NDArray[np.uint8], spacing_mm: Triple) -> list[str]:
    """What the liver's place in the body tells of a header that is wrong about the axes."""
    sparse = np.asarray(hu)[::_STEP, ::_STEP, ::_STEP]
    liver = (labels[::_STEP, ::_STEP, ::_STEP] & ~np.uint8(IGNORE)) != 0
    body = sparse > _BODY_HU
    trunk = np.stack([ndimage.binary_fill_holes(plane) for plane in body])
    step_mm = [_STEP * one for one in spacing_mm]
    voxel_ml = float(np.prod(step_mm)) / 1000.0
    # Less than this of air may be gas in the bowel.
    landmarks = (
        (trunk & (sparse < _LUNG_HU), 1000.0, "above the lungs: is the scan upside down?"),
        (sparse > _BONE_HU, 100.0, "behind the bones: is the scan back to front?"),
        (body, 100.0, "on the patient's left: is the scan mirrored?"),
    )
    return [
        f"the liver lies {where}"
        for axis, (landmark, least_ml, where) in enumerate(landmarks)
        if liver.any()
        and np.count_nonzero(landmark) * voxel_ml > least_ml
        and (_middle(liver, axis) - _middle(landmark, axis)) * step_mm[axis] > _MARGIN_MM
    ]


def _middle(mask: BoolArray, axis: int) -> float:
    return float(np.nonzero(mask)[axis].mean())


def _occupied(hu: NDArray[np.generic], labels: NDArray[np.uint8]) -> Box:
    """The box around all that is denser than air, or labelled."""
    solid = (np.asarray(hu) > _AIR_HU) | (labels != 0)
    box = []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        places = np.flatnonzero(solid.any(axis=others))
        box.append(slice(int(places[0]), int(places[-1]) + 1))
    return box[0], box[1], box[2]


def _whole(hu: NDArray[Any]) -> NDArray[np.int16]:
    """HU as whole numbers."""
    rounded = hu if hu.dtype == np.int16 else np.clip(np.rint(hu), _INT16.min, _INT16.max)
    return rounded.astype(np.int16, copy=False)


def _resampled(
    hu: NDArray[np.generic], labels: NDArray[np.uint8], grid_mm: Triple, wanted_mm: Triple
) -> tuple[NDArray[np.float32], NDArray[np.uint8], Triple]:
    """On a grid of about the wanted spacing over the same extent, as the networks see scans."""
    z, y, x = hu.shape
    shape = shape_at((z, y, x), grid_mm, wanted_mm)
    bits = np.zeros(shape, np.uint8)
    for bit in BITS.values():
        mask = (labels & bit) != 0
        if mask.any():
            bits[_over(mask, shape, 0.5)] |= np.uint8(bit)
    ignored = (labels & IGNORE) != 0
    if ignored.any():
        bits[_over(ignored, shape, 0.0)] |= np.uint8(IGNORE)
    spacing = [n * s / m for n, s, m in zip((z, y, x), grid_mm, shape, strict=True)]
    return resample(hu, shape), bits, (spacing[0], spacing[1], spacing[2])


def _over(mask: BoolArray, shape: tuple[int, int, int], threshold: float) -> BoolArray:
    share = resample(mask, shape)
    # Sums of weights are rounded: a voxel half of which is inside shall be inside.
    above: BoolArray = share > (threshold - 1e-5 if threshold else 1e-5)
    return above
