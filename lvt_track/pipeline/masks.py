"""Masks of one scan: the ones given beside it, the model's for the rest."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.course import GIVEN
from lvt_track.core.geometry import Geometry
from lvt_track.core.series import MaskSource, Series
from lvt_track.core.volume import CLASSES, BoolArray, Masks, Volume
from lvt_track.errors import InputError
from lvt_track.io.layouts.given_masks import read_given_labels
from lvt_track.lesions.given_labels import TumorLabels, tumor_labels
from lvt_track.pipeline.run.model_choice import ModelChoice
from lvt_track.pipeline.run.progress import Progress
from lvt_track.segment.postprocess.given import (
    FILLS_LIVER,
    combine_with_given,
    liver_share,
    liver_warnings,
    tumor_warnings,
)
from lvt_track.segment.postprocess.holes import tumors_in_holes

__all__ = ["NOT_DRAWN", "SegmentedScan", "given_tumors", "masks_of"]

NOT_DRAWN = "not drawn"
"""Source of a mask that is empty because the model does not know its class."""


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
        InputError: when a given mask cannot be read, lies on another grid, or holds liver and
            tumours where it should hold tumours.
    """
    given: dict[str, BoolArray] = {}
    labels = TumorLabels()
    remarks: list[str] = []
    for name in CLASSES:
        if name == "tumors" and name in series.masks:
            given[name], labels = given_tumors(series.masks[name], volume.geometry)
            remarks += labels.remarks
        elif name in series.masks:
            given[name], several = _given_mask(name, series.masks[name], volume.geometry)
            remarks += several
    scan = _combined(volume, given, choice, progress, keep_probabilities)
    if len(labels.values) > 1 and liver_share(scan.masks) >= FILLS_LIVER:
        raise InputError(
            f"holds labels {', '.join(map(str, labels.values))}, which fill the liver together: "
            "a map of liver and tumours, not of tumours alone",
            path=series.masks["tumors"].path,
            remedy="Save the tumours alone under this name, or name the map as its program does",
        )
    masks = replace(scan.masks, tumor_labels=labels.apart)
    if "liver" in given:
        remarks += liver_warnings(given["liver"], masks, volume)
    return replace(scan, masks=masks, warnings=(*scan.warnings, *remarks))


def given_tumors(mask: MaskSource, geometry: Geometry) -> tuple[BoolArray, TumorLabels]:
    """A given mask of tumours (z, y, x), and what its labels say.

    Raises:
        InputError: when it cannot be read, or lies on another grid.
    """
    values = read_given_labels(mask, geometry)
    return values != 0, tumor_labels(values, geometry.spacing_mm)


def _given_mask(
    name: str, mask: MaskSource, geometry: Geometry
) -> tuple[BoolArray, tuple[str, ...]]:
    """A given mask of another class (z, y, x), and what is to be said of its labels."""
    values = read_given_labels(mask, geometry)
    inside = values != 0
    is_told_apart = mask.labels or mask.others
    return inside, () if is_told_apart else _several_labels(name, values[inside])


def _several_labels(name: str, values: NDArray[np.int32]) -> tuple[str, ...]:
    """What is to be said where a mask of one class has several labels; `values` of its voxels."""
    if np.all(values == values[:1]):
        return ()
    labels = np.unique(values).tolist()
    return (f"labels {', '.join(map(str, labels))} of the {name} mask all count as {name}",)


def _combined(
    volume: Volume,
    given: Mapping[str, BoolArray],
    choice: ModelChoice,
    progress: Progress,
    keep_probabilities: Collection[str],
) -> SegmentedScan:
    """Given masks with the model's for the classes that they lack."""
    if len(given) == len(CLASSES):
        masks = Masks.of(given, volume.geometry)
        masks = combine_with_given(masks, given, (0.0, 0.0, 0.0))
        return SegmentedScan(masks, dict.fromkeys(CLASSES, GIVEN), tumor_warnings(masks))

    drawn = choice.segment(volume, keep_probabilities)
    for text in drawn.notes:
        progress.note(text)
    by = choice.model.sources
    sources = {name: GIVEN if name in given else by.get(name, NOT_DRAWN) for name in CLASSES}
    masks = combine_with_given(drawn.masks, given, choice.model.minimum_ml)
    # What a reader gave is not what the model had to say of its own.
    replaced = {text for name in given for text in drawn.class_warnings.get(name, ())}
    kept = (text for text in drawn.warnings if text not in replaced)
    warnings = (*kept, *tumor_warnings(masks))
    cysts = None if "tumors" in given else drawn.cysts
    if cysts is not None and given:
        # Those in holes of a given liver too: another visit may show them as tumours.
        holes = tumors_in_holes(cysts, masks.liver, volume.geometry.voxel_volume_mm3)
        cysts = cysts & (masks.liver | holes)
    return SegmentedScan(
        masks, sources, warnings, drawn.probabilities, drawn.seconds, cysts, drawn.device
    )
