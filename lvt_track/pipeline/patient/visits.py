"""One visit: read the scan, get its masks, find and measure its lesions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cc3d
import numpy as np
from numpy.typing import NDArray

from lvt_track.core.course import GIVEN, VisitFindings
from lvt_track.core.geometry import Box, Geometry
from lvt_track.core.records import Series, Visit
from lvt_track.core.volume import CLASSES, BoolArray, LabelArray, Masks, Volume
from lvt_track.errors import InputError
from lvt_track.io.discover import read_scan
from lvt_track.io.images.volumes import (
    read_mask,
    read_probability,
    write_labels,
    write_masks,
    write_probability,
)
from lvt_track.lesions.components import ShapeTable, find_lesions, lesion_shapes
from lvt_track.lesions.lookback_scan import LiverScan, liver_scan
from lvt_track.pipeline.run.output import make_folder
from lvt_track.pipeline.run.progress import Progress, Stopwatch
from lvt_track.pipeline.segment import (
    CYSTS,
    ModelChoice,
    SegmentedScan,
    masks_of,
    stray_tumors,
)
from lvt_track.register.liver_image import LiverImage, liver_image
from lvt_track.segment.postprocess.fluid import fluid_warning

__all__ = ["PhaseScan", "VisitScan", "has_masks", "read_visit", "with_tumors"]

# Key images show up to this much around a lesion at the liver's border.
_MARGIN_MM = 45.0

_PROBABILITY = "tumors_probability.nii.gz"


@dataclass(frozen=True, eq=False)
class PhaseScan:
    """Masks of one contrast phase of a study with several."""

    series: Series
    masks: Masks


@dataclass(frozen=True, eq=False)
class VisitScan:
    """A visit in memory: the liver's surroundings only, so that ten visits fit.

    Attributes:
        findings: what was found.
        volume: HU around the liver.
        labels: lesion labels on the grid of `volume`.
        shapes: sample points of each lesion, for matching.
        image: coarse picture for registration.
        liver: the liver in cells, for looking back; None without a liver.
        digest: of the voxels of the whole scan, to know the same one again.
        box: where the grid of `volume` lies in that of the scan.
        cysts: what the model left out of the tumours as fluid, on the grid of `volume`.
        phases: masks of all phases, the tracked one first; empty where there is only one.
    """

    findings: VisitFindings
    volume: Volume
    labels: LabelArray
    shapes: ShapeTable
    image: LiverImage
    liver: LiverScan | None
    digest: bytes
    box: Box
    cysts: BoolArray
    phases: tuple[PhaseScan, ...] = ()


def has_masks(visit: Visit, other_phases: bool, out: Path) -> bool:
    """Whether an earlier run wrote all masks of a visit."""
    wanted = range(len(visit.series)) if other_phases else [visit.tracked]
    return all(_mask_path(out, visit, k, name).exists() for k in wanted for name in CLASSES)


def read_visit(
    before: Sequence[VisitScan],
    visit: Visit,
    out: Path,
    model: ModelChoice,
    other_phases: bool,
    keep_masks: bool,
    watch: Stopwatch,
    progress: Progress,
) -> VisitScan:
    """Read and segment a visit, measure its lesions, write its masks below `out`.

    Args:
        before: the visits of the course that were read before.
        other_phases: whether the other series of the visit are segmented too.
        keep_masks: use the masks that an earlier run wrote instead of making new ones.

    Raises:
        InputError: when a scan or a mask given for it cannot be used, or when the scan is that
            of a visit before under another date.
    """
    with watch.stage("read"):
        volume = read_scan(visit.tracked_series)
        digest = _digest(volume, visit, before)
    scan = _masks(volume, visit, visit.tracked, out, model, keep_masks, watch, progress)
    with watch.stage("measure"):
        labels, lesions = find_lesions(len(before), volume, scan.masks)
        shapes = lesion_shapes(labels, lesions, volume.geometry)
    with watch.stage("write"):
        path = _folder(out, visit) / "lesions.nii.gz"
        write_labels(labels, volume.geometry, path, like=_like(visit.tracked_series))
    with watch.stage("register"):
        image = liver_image(volume, scan.masks)
    with watch.stage("look back"):
        liver = liver_scan(volume, scan.masks, scan.probabilities.get("tumors"))

    phases = []
    if other_phases and len(visit.series) > 1:
        phases.append(PhaseScan(visit.tracked_series, scan.masks))
        for k, series in enumerate(visit.series):
            if k != visit.tracked:
                with watch.stage("read"):
                    whole = read_scan(series)
                other = _masks(whole, visit, k, out, model, keep_masks, watch, progress)
                warnings = (*series.warnings, *other.warnings)
                phases.append(PhaseScan(replace(series, warnings=warnings), other.masks))

    # Models warn of theirs.
    cut = _cut_liver(scan.masks.liver) if scan.sources["liver"] == GIVEN else ()
    findings = VisitFindings(
        visit=visit,
        geometry=volume.geometry,
        liver_ml=scan.masks.volume_ml("liver"),
        vessels_ml=scan.masks.volume_ml("vessels"),
        tumors_ml=scan.masks.volume_ml("tumors"),
        lesions=lesions,
        sources=scan.sources,
        warnings=(*visit.tracked_series.warnings, *scan.warnings, *cut),
    )
    box = _surroundings(scan.masks.liver | scan.masks.tumors, volume.geometry)
    cysts = np.zeros_like(scan.masks.tumors) if scan.cysts is None else scan.cysts
    return VisitScan(
        findings=findings,
        volume=Volume(volume.hu[box].copy(), volume.geometry.crop(box)),
        labels=labels[box].copy(),
        shapes=shapes,
        image=image,
        liver=liver,
        digest=digest,
        box=box,
        cysts=cysts[box].copy(),
        phases=tuple(phases),
    )


def with_tumors(
    before: Sequence[VisitScan],
    scan: VisitScan,
    more: BoolArray,
    out: Path,
    model: ModelChoice,
    watch: Stopwatch,
    progress: Progress,
) -> VisitScan:
    """A visit some of whose cysts are tumours; its files below `out` are written anew.

    Args:
        before: the visits of the course before this one.
        scan: the visit.
        more: the cysts that are tumours, on the grid of its `volume`.
        model: that drew its masks.
    """
    visit, geometry = scan.findings.visit, scan.findings.geometry
    with watch.stage("write"):
        path = _mask_path(out, visit, visit.tracked, "tumors")
        tumors, cysts = read_mask(path, geometry), np.zeros(geometry.shape, dtype=bool)
        tumors[scan.box] |= more
        cysts[scan.box] = scan.cysts & ~more
        files = {path: tumors, _folder(out, visit) / CYSTS: cysts}
        write_masks(files, geometry, _like(visit.tracked_series))
    again = read_visit(before, visit, out, model, False, True, watch, progress)
    told = fluid_warning(_count(scan.cysts))
    warnings = [text for text in scan.findings.warnings if text not in told]
    warnings.append(_returned_warning(_count(more), _count(again.cysts)))
    phases = scan.phases
    if phases:
        tracked = replace(phases[0], masks=replace(phases[0].masks, tumors=tumors))
        phases = (tracked, *phases[1:])
    sources = scan.findings.sources
    findings = replace(again.findings, warnings=tuple(warnings), sources=sources)
    return replace(again, findings=findings, phases=phases)


def _count(mask: BoolArray) -> int:
    return int(cc3d.connected_components(mask, connectivity=26, return_N=True)[1])


def _returned_warning(tumors: int, cysts: int) -> str:
    """What to say of spots as dark as fluid, some of which are tumours of other visits."""
    spots, are = ("1 spot", "is") if tumors == 1 else (f"{tumors} spots", "are")
    text = f"{spots} as dark as fluid {are} counted as tumour, as at another visit"
    if cysts == 0:
        return text
    more = "1 more is taken for a simple cyst"
    if cysts > 1:
        more = f"{cysts} more are taken for simple cysts"
    return f"{text}; {more}"


def _digest(volume: Volume, visit: Visit, before: Sequence[VisitScan]) -> bytes:
    """Digest of the voxels of a scan, which must be none of the scans before."""
    digest = hashlib.sha256(np.ascontiguousarray(volume.hu).data).digest()
    for other in before:
        if other.digest == digest:
            raise InputError(
                f"its images are those of {other.findings.visit.name}, voxel for voxel",
                path=visit.tracked_series.files[0].parent,
                remedy="Remove one of the two, or put the right scan in its place",
            )
    return digest


def _cut_liver(liver: BoolArray) -> tuple[str, ...]:
    """A warning where a liver reaches an end of the scan."""
    if not (liver[0].any() or liver[-1].any()):
        return ()
    return ("the liver reaches the end of the scan: a part of it may not be shown",)


def _masks(
    volume: Volume,
    visit: Visit,
    k: int,
    out: Path,
    model: ModelChoice,
    keep_masks: bool,
    watch: Stopwatch,
    progress: Progress,
) -> SegmentedScan:
    """The masks of series `k` of a visit, which are written unless they are kept."""
    series = visit.series[k]
    if keep_masks:
        with watch.stage("read"):
            liver, vessels, tumors = (
                read_mask(_mask_path(out, visit, k, name), volume.geometry) for name in CLASSES
            )
        masks = Masks(liver, vessels, tumors, volume.geometry)
        sources = {name: GIVEN if name in series.masks else model.name for name in CLASSES}
        cysts = _kept_cysts(visit, k, masks, out)
        told = () if cysts is None else fluid_warning(_count(cysts))
        probabilities = _kept(visit, k, volume, out)
        # What was said of the masks when they were made, as far as they themselves show it.
        shown = () if sources["liver"] == GIVEN else _cut_liver(liver)
        warnings = (*shown, *stray_tumors(masks), *told)
        return SegmentedScan(masks, sources, warnings, probabilities, cysts=cysts)
    with watch.stage("segment"):
        wanted = ("tumors",) if k == visit.tracked and "tumors" not in series.masks else ()
        scan = masks_of(series, volume, model, progress, keep_probabilities=wanted)
    with watch.stage("write"):
        make_folder(_folder(out, visit))
        files = {_mask_path(out, visit, k, name): getattr(scan.masks, name) for name in CLASSES}
        if k == visit.tracked:
            (_folder(out, visit) / CYSTS).unlink(missing_ok=True)  # another model's
            if scan.cysts is not None:
                files[_folder(out, visit) / CYSTS] = scan.cysts
        write_masks(files, volume.geometry, _like(series))
        if wanted and "tumors" in scan.probabilities:
            probability = scan.probabilities["tumors"]
            probability[~scan.masks.liver] = 0  # packs to little, and nothing else is looked at
            path = _folder(out, visit) / _PROBABILITY
            write_probability(probability, volume.geometry, path, like=_like(series))
    return scan


def _kept(visit: Visit, k: int, volume: Volume, out: Path) -> dict[str, NDArray[np.float16]]:
    """The tumour probability that an earlier run wrote of the tracked series, if it did."""
    path = _folder(out, visit) / _PROBABILITY
    if k != visit.tracked or "tumors" in visit.series[k].masks or not path.exists():
        return {}
    return {"tumors": read_probability(path, volume.geometry)}


def _kept_cysts(visit: Visit, k: int, masks: Masks, out: Path) -> BoolArray | None:
    """What an earlier run left out of the tumours of the tracked series, but for what a reader
    has made tumour since."""
    path = _folder(out, visit) / CYSTS
    if k != visit.tracked or "tumors" in visit.series[k].masks or not path.exists():
        return None
    return read_mask(path, masks.geometry) & ~masks.tumors


def _folder(out: Path, visit: Visit) -> Path:
    return out / "visits" / visit.name


def _mask_path(out: Path, visit: Visit, k: int, name: str) -> Path:
    """`liver.nii.gz` for the tracked series; `arterial_liver.nii.gz` for another phase."""
    if k == visit.tracked:
        return _folder(out, visit) / f"{name}.nii.gz"
    phase = visit.series[k].phase
    same = [
        n for n, series in enumerate(visit.series) if n != visit.tracked and series.phase == phase
    ]
    prefix = phase.value if len(same) == 1 else f"{phase}{same.index(k) + 1}"
    return _folder(out, visit) / f"{prefix}_{name}.nii.gz"


def _like(series: Series) -> Path | None:
    """The image whose header a mask takes over, so that both have the same affine."""
    return None if series.is_dicom else series.files[0]


def _surroundings(mask: BoolArray, geometry: Geometry) -> Box:
    """Box around a mask with a margin; the whole grid where the mask is empty."""
    if not mask.any():
        return slice(None), slice(None), slice(None)
    box = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        hit = np.flatnonzero(mask.any(axis=others))
        margin = int(np.ceil(_MARGIN_MM / geometry.spacing_mm[axis]))
        last = min(int(hit[-1]) + margin + 1, mask.shape[axis])
        box.append(slice(max(int(hit[0]) - margin, 0), last))
    return box[0], box[1], box[2]
