"""Masks of one scan: the ones given beside it, the model's for the rest."""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.course import GIVEN
from lvt_track.core.records import Series
from lvt_track.core.volume import CLASSES, BoolArray, Masks, Volume
from lvt_track.io.discover import read_scan, series_at
from lvt_track.io.images.volumes import read_mask, write_masks, write_probability
from lvt_track.pipeline.run.manifest import Manifest, record_input
from lvt_track.pipeline.run.output import Existing, claim_folder
from lvt_track.pipeline.run.progress import Progress, Stopwatch

if TYPE_CHECKING:
    from lvt_track.segment.infer import Segmentation
    from lvt_track.segment.models import Model
    from lvt_track.segment.totalsegmentator import TotalSegmentator

__all__ = [
    "CYSTS",
    "NOT_DRAWN",
    "ModelChoice",
    "SegmentResult",
    "SegmentedScan",
    "masks_of",
    "segment_scan",
    "stray_tumors",
]

NOT_DRAWN = "not drawn"
"""Source of a mask that is empty because the model does not know its class."""

CYSTS = "cysts.nii.gz"
"""File of what a model left out of the tumours as fluid, beside its masks."""

_STRAY_FRACTION = 0.05


@dataclass(frozen=True, eq=False)
class SegmentedScan:
    """Masks of one scan.

    Attributes:
        masks: on the scan's grid.
        sources: for each class `given`, or the name of the model.
        warnings: what a reader must know of them.
        probabilities: the model's, 0 to 1 (z, y, x) by class name; only where asked for.
        seconds: what the model took per stage.
        engine: where the networks ran, what ran them and in which precision; empty where the
            masks are given.
        cysts: what the model left out of the tumours as fluid (z, y, x); None where it leaves
            nothing out as such, or the tumours are given.
    """

    masks: Masks
    sources: dict[str, str]
    warnings: tuple[str, ...] = ()
    probabilities: dict[str, NDArray[np.float16]] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    cysts: BoolArray | None = None
    engine: str = ""


@dataclass(frozen=True)
class ModelChoice:
    """Which model makes masks, and where it runs; loaded when it is first needed.

    Attributes:
        name: of the model.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        exhaustive: whether every window of the scan is run, in float32.
        precision: `auto` (the fastest that is sound), `float32` or `bfloat16`.
    """

    name: str = "default"
    device: str = "auto"
    exhaustive: bool = False
    precision: str = "auto"

    def facts(self) -> dict[str, object]:
        """The choice as plain values, for the manifest."""
        facts: dict[str, object] = {
            "model": self.name,
            "device": self.device,
            "exhaustive": self.exhaustive,
        }
        return facts if self.precision == "auto" else facts | {"precision": self.precision}

    @functools.cached_property
    def model(self) -> Model | TotalSegmentator:
        """The model itself.

        Raises:
            InputError: when there is none of that name, or its weights are not what they claim.
            UsageError: when it needs what is not installed, or draws no liver.
        """
        from lvt_track.segment.models import load_model
        from lvt_track.segment.totalsegmentator import TOTALSEGMENTATOR, TotalSegmentator

        if self.name == TOTALSEGMENTATOR:
            return TotalSegmentator.installed()
        return load_model(self.name)

    def segment(self, volume: Volume, keep_probabilities: Collection[str] = ()) -> Segmentation:
        """What the model sees in a scan; a package that gives no probabilities keeps none."""
        from lvt_track.segment.infer import EXHAUSTIVE, FAST, segment
        from lvt_track.segment.models import Model

        if isinstance(self.model, Model):
            effort = EXHAUSTIVE if self.exhaustive else replace(FAST, precision=self.precision)
            return segment(
                volume,
                self.model,
                self.device,
                keep_probabilities=keep_probabilities,
                effort=effort,
            )
        return self.model.segment(volume, self.device)


def masks_of(
    series: Series,
    volume: Volume,
    choice: ModelChoice,
    progress: Progress,
    keep_probabilities: Collection[str] = (),
) -> SegmentedScan:
    """Masks of a scan that was read: given ones as they are, the model's for the other classes.

    Args:
        series: the scan, with the masks given beside it.
        volume: its voxels.
        choice: of the model; not loaded where all masks are given.
        progress: hears what the model has to say.
        keep_probabilities: classes whose probabilities by the model are returned too; there are
            none where all masks are given.

    Raises:
        InputError: when a given mask cannot be read or lies on another grid.
    """
    given = {
        name: read_mask(path, volume.geometry)
        for name, path in series.masks.items()
        if name in CLASSES
    }
    if len(given) == len(CLASSES):
        masks = Masks(given["liver"], given["vessels"], given["tumors"], volume.geometry)
        return SegmentedScan(masks, dict.fromkeys(CLASSES, GIVEN), stray_tumors(masks))

    found = choice.segment(volume, keep_probabilities)
    for text in found.notes:
        progress.note(text)
    drawn = choice.model.sources
    sources = {name: GIVEN if name in given else drawn.get(name, NOT_DRAWN) for name in CLASSES}
    masks = _combine(found.masks, given, choice.model.minimum_ml)
    # What a reader gave is not what the model had to say of its own.
    replaced = {text for name in given for text in found.class_warnings.get(name, ())}
    kept = (text for text in found.warnings if text not in replaced)
    warnings = (*kept, *stray_tumors(masks))
    cysts = None if "tumors" in given else found.cysts
    if cysts is not None and given:
        cysts = cysts & masks.liver
    return SegmentedScan(
        masks, sources, warnings, found.probabilities, found.seconds, cysts, found.device
    )


def _combine(found: Masks, given: dict[str, BoolArray], minimum_ml: tuple[float, ...]) -> Masks:
    """Given masks take the place of found ones; found ones stay inside a given liver."""
    from lvt_track.segment.postprocess.hierarchy import without_specks

    if not given:
        return found
    liver = given.get("liver", found.liver)
    if "liver" not in given:
        # What a reader drew as tumour or vessel is liver too (tumour ⊂ liver, vessel ⊂ liver).
        for mask in given.values():
            liver = liver | mask
    parts = {"vessels": found.vessels, "tumors": found.tumors} | given
    if "liver" in given:
        # It cuts through found ones and leaves scraps at its surface.
        for name, least_ml in zip(("vessels", "tumors"), minimum_ml[1:], strict=True):
            if name not in given:
                least = least_ml / found.geometry.voxel_volume_ml
                parts[name], _ = without_specks(parts[name] & liver, least)
    return Masks(liver, parts["vessels"], parts["tumors"], found.geometry)


def stray_tumors(masks: Masks) -> tuple[str, ...]:
    """A warning where much of the tumours lies outside the liver."""
    tumors = int(np.count_nonzero(masks.tumors))
    if tumors == 0:
        return ()
    outside = int(np.count_nonzero(masks.tumors & ~masks.liver)) / tumors
    if outside <= _STRAY_FRACTION:
        return ()
    return (f"{outside:.0%} of the tumour mask lies outside the liver mask",)


@dataclass(frozen=True)
class SegmentResult:
    """What `lvt segment` found.

    Attributes:
        folder: where the masks are.
        liver_ml, vessels_ml, tumors_ml: their volumes.
        model: what made them.
        warnings: what a reader must know.
        seconds: time per stage.
    """

    folder: Path
    liver_ml: float
    vessels_ml: float
    tumors_ml: float
    model: str
    warnings: tuple[str, ...]
    seconds: dict[str, float] = field(default_factory=dict)

    def facts(self) -> dict[str, object]:
        """The result as plain values."""
        return {
            "folder": str(self.folder),
            "liver_ml": round(self.liver_ml, 1),
            "vessels_ml": round(self.vessels_ml, 1),
            "tumors_ml": round(self.tumors_ml, 2),
            "model": self.model,
            "warnings": list(self.warnings),
            "seconds": {name: round(value, 2) for name, value in self.seconds.items()},
        }

    def summary(self) -> str:
        """The result in a few lines."""
        return (
            f"liver {self.liver_ml:.0f} mL, vessels {self.vessels_ml:.0f} mL, "
            f"tumors {self.tumors_ml:.1f} mL\nmasks in {self.folder}"
        )


def segment_scan(
    ct: Path,
    out: Path,
    choice: ModelChoice,
    existing: Existing,
    progress: Progress,
    save_probabilities: bool = False,
) -> SegmentResult:
    """Segment one scan; write its masks, the probabilities where asked for, and `run.json`.

    Raises:
        InputError: when the scan cannot be used.
        UsageError, OutputError: when the output folder cannot.
    """
    watch = Stopwatch()
    started = dt.datetime.now().isoformat(timespec="seconds")
    # torch takes seconds to come up, in which one core can unpack the scan.
    with ThreadPoolExecutor(1) as beside:
        loading = beside.submit(lambda: choice.model)
        with watch.stage("read"):
            series = series_at(ct)
            volume = read_scan(series)
        claim_folder(out, existing)
        for text in series.warnings:
            progress.warn(text)
        with watch.stage("load model"):
            loading.result()
        recording = beside.submit(record_input, "", "scan", series.files)
        scan = masks_of(
            replace(series, masks={}),
            volume,
            choice,
            progress,
            keep_probabilities=CLASSES if save_probabilities else (),
        )
    for text in scan.warnings:
        progress.warn(text)
    with watch.stage("write"):
        like = None if series.is_dicom else series.files[0]
        masks = {out / f"{name}.nii.gz": getattr(scan.masks, name) for name in CLASSES}
        if scan.cysts is not None:
            masks[out / CYSTS] = scan.cysts
        write_masks(masks, volume.geometry, like)
        for name, probability in scan.probabilities.items():
            path = out / f"{name}_probability.nii.gz"
            write_probability(probability, volume.geometry, path, like=like)
    seconds = watch.seconds | scan.seconds
    Manifest(
        patient=ct.name,
        source=str(ct.absolute()),
        started=started,
        settings=choice.facts(),
        models=choice.model.digests,
        inputs=[recording.result()],
        warnings=[*series.warnings, *scan.warnings],
        seconds=seconds,
        command="segment",
        masks=scan.sources,
        engine=scan.engine,
    ).write(out)
    return SegmentResult(
        folder=out,
        liver_ml=scan.masks.volume_ml("liver"),
        vessels_ml=scan.masks.volume_ml("vessels"),
        tumors_ml=scan.masks.volume_ml("tumors"),
        model=choice.model.name,
        warnings=(*series.warnings, *scan.warnings),
        seconds=seconds,
    )
