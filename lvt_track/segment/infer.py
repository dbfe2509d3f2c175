"""Segment a scan, coarse to fine: find the liver at low resolution, then draw inside its box."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lvt_track.core.geometry import Box
from lvt_track.core.volume import CLASSES, BoolArray, Masks, Volume
from lvt_track.errors import InputError
from lvt_track.segment.device import bfloat16_is_sound, pick_device
from lvt_track.segment.grid import Orientation, resample, shape_at
from lvt_track.segment.hierarchy import clean, largest_component
from lvt_track.segment.models import Model, Part
from lvt_track.segment.network import ResidualUNet, normalise
from lvt_track.segment.windows import predict

__all__ = ["NO_LIVER", "Segmentation", "check_hounsfield", "segment"]

NO_LIVER = "no liver was found in this scan; all masks are empty"

_MARGIN_MM = 16.0
_LOCATOR_OVERLAP = 0.25
_SEGMENTER_OVERLAP = 0.5
_LEAST_LIVER_ML = 20.0
# The locator sees more of the body around, the segmenter more detail: the liver is their mean.
_LOCATOR_SHARE = 0.5
_WORTH_A_WINDOW = 0.05
# Air, lung or gas shows in every CT of a torso; without it these are not Hounsfield units.
_AIRLIKE_HU = -200.0

Report = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done."""

Extent = tuple[int, int, int]
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What a model sees in a scan.

    Attributes:
        masks: liver, vessels and tumours on the scan's own grid.
        device: where the networks ran, for example `cpu (bfloat16)`.
        seconds: time per stage.
        dropped: components dropped as specks, by class name.
        warnings: what a reader must know of the masks.
        notes: what was done, in words, for who wants to know.
        probabilities: float16 (z, y, x) on the scan's grid by class name, where asked for.
    """

    masks: Masks
    device: str
    seconds: dict[str, float]
    dropped: dict[str, int]
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    probabilities: dict[str, NDArray[np.float16]] = field(default_factory=dict)


def segment(
    volume: Volume,
    model: Model,
    device: str = "auto",
    progress: Report | None = None,
    keep_probabilities: Collection[str] = (),
) -> Segmentation:
    """Liver, vessels and tumours of a CT scan.

    Args:
        volume: the scan; any orientation and spacing, whole body or a part.
        model: its networks; left as they are.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        progress: called as the job goes on.
        keep_probabilities: classes whose probabilities are returned too.

    Raises:
        InputError: when the values cannot be Hounsfield units.
        UsageError: when there is no such device.
    """
    check_hounsfield(volume)
    place = pick_device(device)
    half = bfloat16_is_sound(place)
    seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(name: str) -> Iterator[Callable[[float], None]]:
        start = time.perf_counter()
        yield lambda share: progress(name, share) if progress else None
        seconds[name] = time.perf_counter() - start

    orientation = Orientation.of(volume.geometry.direction)
    hu = orientation.apply(volume.hu)
    spacing_mm = orientation.spacing(volume.geometry.spacing_mm)
    run = _Run(model, place, half)
    where = f"{place} (bfloat16)" if half else f"{place} (float32)"

    with stage("locate") as report:
        coarse = run.locate(hu, spacing_mm, report)
    if coarse is None:
        return _nothing(volume, where, seconds, keep_probabilities)
    with stage("resample"):
        box = _box_around(coarse.liver, hu.shape, spacing_mm)
        fine = shape_at(_extent(hu[box]), spacing_mm, model.card.segmenter.spacing_mm)
        image = resample(hu[box], fine)
        likely = coarse.seen_in(box, hu.shape, fine)
    with stage("network") as report:
        found = run.draw(image, likely > _WORTH_A_WINDOW, report)
        found[0] = (1.0 - _LOCATOR_SHARE) * found[0] + _LOCATOR_SHARE * likely
    with stage("restore"):
        shape = hu[box].shape
        threshold = dict(zip(CLASSES, model.card.thresholds, strict=True))
        rough: dict[str, BoolArray] = {}
        kept: dict[str, NDArray[np.float16]] = {}
        for channel, name in enumerate(CLASSES):
            probability = resample(found[channel], shape).numpy()
            rough[name] = probability > threshold[name]
            if name in keep_probabilities:
                kept[name] = _place(probability.astype(np.float16), box, volume, orientation)
        cleaned = clean(
            rough["liver"],
            rough["vessels"],
            rough["tumors"],
            volume.geometry.voxel_volume_ml,
            model.card.minimum_ml,
        )
        masks = Masks(
            **{name: _place(cleaned.masks[name], box, volume, orientation) for name in CLASSES},
            geometry=volume.geometry,
        )
    return Segmentation(
        masks=masks,
        device=where,
        seconds=seconds,
        dropped=cleaned.dropped,
        warnings=_warnings(masks, orientation),
        notes=_notes(where, cleaned.dropped),
        probabilities=kept,
    )


def check_hounsfield(volume: Volume) -> None:
    """Refuse values that cannot be the Hounsfield units of a torso.

    Raises:
        InputError: when nothing is as dark as lung, gas or air: the values were rescaled to a
            picture's range, or their intercept was lost.
    """
    least, most = float(volume.hu.min()), float(volume.hu.max())
    if least > _AIRLIKE_HU:
        raise InputError(
            f"the values reach from {least:.0f} to {most:.0f}, which are not Hounsfield units",
            remedy="Export the scan again with rescale slope and intercept kept",
        )


@dataclass(frozen=True, eq=False)
class _Coarse:
    """What the locator saw in the whole scan: the liver's probability, and its largest piece."""

    probability: Tensor
    liver: BoolArray

    def seen_in(self, box: Box, whole: tuple[int, ...], fine: Extent) -> Tensor:
        """The probability on a fine grid over a box of the scan, whose shape is `whole`."""
        z, y, x = (
            (cut.start * cells / size, cut.stop * cells / size)
            for cut, size, cells in zip(box, whole, self.liver.shape, strict=True)
        )
        return resample(self.probability, fine, (z, y, x))


@dataclass(frozen=True, eq=False)
class _Run:
    """The model's networks on one device."""

    model: Model
    device: torch.device
    half: bool

    def locate(
        self,
        hu: NDArray[np.generic],
        spacing_mm: tuple[float, float, float],
        report: Callable[[float], None],
    ) -> _Coarse | None:
        """The liver at low resolution over the whole scan; None without one."""
        part = self.model.card.locator
        shape = shape_at(_extent(hu), spacing_mm, part.spacing_mm)
        image = resample(hu, shape)
        found = self._predict(self.model.locator, part, image, None, _LOCATOR_OVERLAP, report)[0]
        liver, _ = largest_component((found > self.model.card.thresholds[0]).numpy())
        voxel_ml = float(np.prod(np.array(hu.shape) * spacing_mm / np.array(shape))) / 1000.0
        if np.count_nonzero(liver) * voxel_ml < _LEAST_LIVER_ML:
            return None
        return _Coarse(found, liver)

    def draw(self, image: Tensor, wanted: Tensor, report: Callable[[float], None]) -> Tensor:
        """Probabilities (classes, z, y, x) on the fine grid."""
        part = self.model.card.segmenter
        return self._predict(self.model.segmenter, part, image, wanted, _SEGMENTER_OVERLAP, report)

    def _predict(
        self,
        network: ResidualUNet,
        part: Part,
        image: Tensor,
        wanted: Tensor | None,
        overlap: float,
        report: Callable[[float], None],
    ) -> Tensor:
        return predict(
            network.to(self.device),
            normalise(image, part.window_hu).to(self.device),
            part.patch,
            part.network.outputs,
            wanted=None if wanted is None else wanted.to(self.device),
            overlap=overlap,
            half_precision=self.half,
            progress=report,
        ).cpu()


def _extent(array: NDArray[np.generic]) -> Extent:
    z, y, x = array.shape
    return z, y, x


def _box_around(
    coarse: BoolArray, shape: tuple[int, ...], spacing_mm: tuple[float, float, float]
) -> Box:
    """Voxels of the scan around the coarse liver, with a margin."""
    cuts = []
    for axis, (size, step) in enumerate(zip(shape, spacing_mm, strict=True)):
        others = tuple(a for a in range(3) if a != axis)
        hit = np.flatnonzero(coarse.any(axis=others))
        scale = size / coarse.shape[axis]
        margin = _MARGIN_MM / step
        first = int(np.floor(hit[0] * scale - margin))
        last = int(np.ceil((hit[-1] + 1) * scale + margin))
        cuts.append(slice(max(0, first), min(size, last)))
    return cuts[0], cuts[1], cuts[2]


def _place(
    part: NDArray[Scalar], box: Box, volume: Volume, orientation: Orientation
) -> NDArray[Scalar]:
    """An array of the box, along the patient's axes, in the scan's own grid; zero around it."""
    whole = np.zeros(volume.geometry.shape, dtype=part.dtype)
    orientation.apply(whole)[box] = part
    return whole


def _nothing(
    volume: Volume, where: str, seconds: dict[str, float], keep_probabilities: Collection[str]
) -> Segmentation:
    shape = volume.geometry.shape
    empty = {name: np.zeros(shape, dtype=bool) for name in CLASSES}
    kept = {name: np.zeros(shape, dtype=np.float16) for name in keep_probabilities}
    return Segmentation(
        masks=Masks(**empty, geometry=volume.geometry),
        device=where,
        seconds=seconds,
        dropped=dict.fromkeys(CLASSES, 0),
        warnings=(NO_LIVER,),
        notes=_notes(where, {}),
        probabilities=kept,
    )


def _warnings(masks: Masks, orientation: Orientation) -> tuple[str, ...]:
    if not masks.liver.any():
        return (NO_LIVER,)
    liver = orientation.apply(masks.liver)
    ends = [name for name, index in (("lower", 0), ("upper", -1)) if liver[index].any()]
    if ends:
        return (f"the liver is cut off at the {' and '.join(ends)} end of the scan",)
    return ()


def _notes(where: str, dropped: dict[str, int]) -> tuple[str, ...]:
    specks = [f"{count} of {name}" for name, count in dropped.items() if count]
    ran = f"networks ran on {where}"
    return (ran, f"specks dropped: {', '.join(specks)}") if specks else (ran,)
