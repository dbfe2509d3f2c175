"""Segment a scan, coarse to fine: find the liver at low resolution, then draw inside its box."""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Box
from lvt_track.core.volume import CLASSES, BoolArray, Masks, Volume
from lvt_track.errors import InputError
from lvt_track.segment.device import device_errors_explained, pick_device
from lvt_track.segment.engine.choice import OPENVINO, Engine, network_on, pick_engine
from lvt_track.segment.engine.layers import can_lay
from lvt_track.segment.models import Model
from lvt_track.segment.postprocess.fluid import fluid_warning, without_fluid
from lvt_track.segment.postprocess.hierarchy import clean
from lvt_track.segment.postprocess.veins import without_veins
from lvt_track.segment.scan import Scan
from lvt_track.segment.segmenter import Drawing, Effort, Report, Run

__all__ = [
    "EXHAUSTIVE",
    "FAST",
    "NO_LIVER",
    "Segmentation",
    "check_hounsfield",
    "prepare",
    "segment",
]

NO_LIVER = "no liver was found in this scan; what the model draws is empty"

FAST = Effort()
"""Near the liver only, in bfloat16 where that is sound."""

EXHAUSTIVE = Effort(overlap=0.5, precision="float32", skips=False)
"""Every window of the scan in float32, neighbours overlapping by half."""

_MARGIN_MM = 16.0
# Air, lung or gas shows in every CT of a torso; without it these are not Hounsfield units.
_AIRLIKE_HU = -200.0

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What a model sees in a scan.

    Attributes:
        masks: liver, vessels and tumours on the scan's own grid.
        device: where the networks ran and what ran them, for example
            `cpu (OpenVINO 2026.4.1, bfloat16)`.
        seconds: time per stage.
        dropped: components dropped as specks, by class name.
        warnings: what a reader must know of the masks.
        class_warnings: those of them that tell of one class alone, by its name.
        notes: what was done, in words, for who wants to know.
        probabilities: float16 (z, y, x) on the scan's grid by class name, where asked for.
        cysts: what was drawn as tumour and left out as fluid (z, y, x) on the scan's grid; None
            by a model that leaves nothing out as such.
    """

    masks: Masks
    device: str
    seconds: dict[str, float]
    dropped: dict[str, int]
    warnings: tuple[str, ...] = ()
    class_warnings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    probabilities: dict[str, NDArray[np.float16]] = field(default_factory=dict)
    cysts: BoolArray | None = None


def segment(
    volume: Volume,
    model: Model,
    device: str = "auto",
    progress: Report | None = None,
    keep_probabilities: Collection[str] = (),
    effort: Effort = FAST,
) -> Segmentation:
    """Liver, vessels and tumours of a CT scan.

    Args:
        volume: the scan; any orientation and spacing, whole body or a part.
        model: its networks; left as they are.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        progress: called as the job goes on.
        keep_probabilities: classes whose probabilities are returned too.
        effort: FAST, EXHAUSTIVE, or anything between.

    Raises:
        InputError: when the values cannot be Hounsfield units.
        UsageError: when there is no such device.
        LvtError: when memory does not suffice, or a GPU is lost on the way.
    """
    check_hounsfield(volume)
    place = pick_device(device)
    engine = _engine_for(model, place, effort.precision)
    run = Run(place, engine, effort, keep_probabilities, progress)
    if engine.remark:
        run.notes.append(engine.remark)
    with device_errors_explained(place):
        return _segmented(volume, model, run)


def _segmented(volume: Volume, model: Model, run: Run) -> Segmentation:
    """See `segment`."""
    scan, effort = Scan.of(volume), run.effort
    with run.stage("locate") as report:
        coarse = model.locator.locate(scan, run, report)
    if effort.skips and not coarse.liver.any():
        return _nothing(volume, model, run)
    box = scan.box_of(coarse.reach_around(_MARGIN_MM)) if effort.skips else scan.whole
    drawing = Drawing()
    warnings: list[str] = []
    for part in model.parts:
        drawn = part.segmenter.draw(scan, coarse, box, run)
        warnings += drawn.warnings
        for name in part.draws:
            drawing.masks[name] = drawn.masks[name]
            if name in run.keep_probabilities:
                drawing.probabilities[name] = drawn.probabilities[name]
    return _finished(volume, model, scan, box, replace(drawing, warnings=tuple(warnings)), run)


def prepare(model: Model, device: str = "auto", effort: Effort = FAST) -> None:
    """Check the engine and compile the networks for it, as `segment` does where that was not done.

    Args:
        model, device, effort: as `segment` takes them.

    Raises:
        UsageError: when there is no such device.
    """
    engine = _engine_for(model, pick_device(device), effort.precision)
    if engine.name != OPENVINO:
        return
    for part, network in model.own_networks:
        if can_lay(network.size):
            # Where it fails, the run says so and goes on with torch.
            with contextlib.suppress(RuntimeError, MemoryError):
                network_on(engine, network, part.patch)


def _engine_for(model: Model, device: str, precision: str) -> Engine:
    """The engine for a device, with eight bits where the model was measured for them alone."""
    engine = pick_engine(device, precision)
    if engine.precision != "int8" or model.knows_peaks:
        return engine
    instead = f"the model {model.name} was not measured for int8: {engine.rest} instead"
    return engine.without_int8(instead)


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


def _finished(
    volume: Volume, model: Model, scan: Scan, box: Box, drawing: Drawing, run: Run
) -> Segmentation:
    """Drawn masks made sound and put into the scan's own grid."""
    with run.stage("restore"):
        empty = np.zeros_like(drawing.masks["liver"])
        cleaned = clean(
            drawing.masks["liver"],
            drawing.masks.get("vessels", empty),
            drawing.masks.get("tumors", empty),
            volume.geometry.voxel_volume_ml,
            model.minimum_ml,
        )
        sound, count, cysts = dict(cleaned.masks), 0, None
        sound["tumors"], veins = without_veins(
            sound["tumors"], sound["vessels"], sound["liver"], scan.hu[box]
        )
        if model.fluid_hu is not None:
            drawn = sound["tumors"]
            sound["tumors"], count = without_fluid(
                drawn, scan.hu[box], scan.spacing_mm, model.fluid_hu
            )
            cysts = _place(drawn & ~sound["tumors"], box, scan)
        placed = {name: _place(sound[name], box, scan) for name in CLASSES}
        masks = Masks.of(placed, volume.geometry)
        probabilities = {
            name: _place(values, box, scan) for name, values in drawing.probabilities.items()
        }
    undrawn, fluid_warnings = _undrawn(model), fluid_warning(count)
    by_class: dict[str, tuple[str, ...]] = {name: (text,) for name, text in undrawn.items()}
    by_class["tumors"] = (*by_class.get("tumors", ()), *fluid_warnings)
    return Segmentation(
        masks=masks,
        device=_where(run),
        seconds=run.seconds,
        dropped=cleaned.dropped,
        warnings=(
            *undrawn.values(),
            *drawing.warnings,
            *_cut_off(cleaned.masks["liver"], box, scan),
            *fluid_warnings,
        ),
        class_warnings=by_class,
        notes=(*_notes(run, cleaned.dropped), *_veins(veins)),
        probabilities=probabilities,
        cysts=cysts,
    )


def _nothing(volume: Volume, model: Model, run: Run) -> Segmentation:
    """What is returned where the locator sees no liver."""
    shape = volume.geometry.shape
    empty = {name: np.zeros(shape, dtype=bool) for name in CLASSES}
    return Segmentation(
        masks=Masks.of(empty, volume.geometry),
        device=_where(run),
        seconds=run.seconds,
        dropped=dict.fromkeys(CLASSES, 0),
        warnings=(NO_LIVER,),
        notes=_notes(run, {}),
        probabilities={name: np.zeros(shape, dtype=np.float16) for name in run.keep_probabilities},
        cysts=None if model.fluid_hu is None else empty["tumors"].copy(),
    )


def _place(part: NDArray[Scalar], box: Box, scan: Scan) -> NDArray[Scalar]:
    """An array of the box, along the patient's axes, in the scan's own grid; zero around it."""
    whole = np.zeros(scan.upright.inverse.apply(scan.hu).shape, dtype=part.dtype)
    scan.upright.apply(whole)[box] = part
    return whole


def _undrawn(model: Model) -> dict[str, str]:
    return {
        name: f"the model {model.name} does not draw {name}; the mask is empty"
        for name in CLASSES
        if name not in model.sources
    }


def _cut_off(liver: BoolArray, box: Box, scan: Scan) -> tuple[str, ...]:
    """What to say of a liver that the ends of the scan cut, or that there is none."""
    if not liver.any():
        return (NO_LIVER,)
    ends = []
    if box[0].start == 0 and liver[0].any():
        ends.append("lower")
    if box[0].stop == scan.shape[0] and liver[-1].any():
        ends.append("upper")
    return (f"the liver is cut off at the {' and '.join(ends)} end of the scan",) if ends else ()


def _veins(count: int) -> tuple[str, ...]:
    """What was done with tumours that are veins."""
    return (f"dark veins drawn as tumour, left out: {count}",) if count else ()


def _where(run: Run) -> str:
    return f"{run.device} ({' and '.join(run.engines)})"


def _notes(run: Run, dropped: dict[str, int]) -> tuple[str, ...]:
    specks = [f"{count} of {name}" for name, count in dropped.items() if count]
    notes = (f"networks ran on {_where(run)}", *run.notes)
    return (*notes, f"specks dropped: {', '.join(specks)}") if specks else notes
