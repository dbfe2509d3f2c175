"""One visit: read the scan, get its masks, find and measure its lesions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lvt_track.core.course import VisitFindings
from lvt_track.core.geometry import Box, Geometry
from lvt_track.core.records import Series, Visit
from lvt_track.core.volume import CLASSES, BoolArray, LabelArray, Masks, Volume
from lvt_track.io.discover import read_scan
from lvt_track.io.images import read_mask, write_labels
from lvt_track.lesions.components import find_lesions
from lvt_track.pipeline.progress import Progress, Stopwatch
from lvt_track.pipeline.segment import SegmentedScan, masks_of, write_masks
from lvt_track.register.liver_image import LiverImage, liver_image

__all__ = ["PhaseScan", "VisitScan", "read_visit", "visit_folder"]

# Key images show up to this much around a lesion at the liver's border.
_MARGIN_MM = 45.0


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
        image: coarse picture for registration.
        phases: masks of all phases, the tracked one first; empty where there is only one.
    """

    findings: VisitFindings
    volume: Volume
    labels: LabelArray
    image: LiverImage
    phases: tuple[PhaseScan, ...] = ()


def visit_folder(out: Path, visit: Visit) -> Path:
    """Where a visit's masks are written."""
    return out / "visits" / visit.name


def read_visit(
    number: int,
    visit: Visit,
    out: Path,
    model: str,
    device: str,
    other_phases: bool,
    keep_masks: bool,
    watch: Stopwatch,
    progress: Progress,
) -> VisitScan:
    """Read and segment a visit, measure its lesions, write its masks below `out`.

    Args:
        number: index of the visit in the course.
        keep_masks: use the masks that an earlier run wrote instead of making new ones.

    Raises:
        InputError: when the tracked scan or a mask given for it cannot be used.
    """
    folder = visit_folder(out, visit)
    series = visit.tracked_series
    with watch.stage("read"):
        volume = read_scan(series)
    with watch.stage("segment"):
        if keep_masks:
            scan = _masks_of_earlier_run(folder, volume.geometry, series, model)
        else:
            scan = masks_of(series, volume, model, device, progress)
    with watch.stage("measure"):
        labels, lesions = find_lesions(number, volume, scan.masks)
    with watch.stage("write"):
        if not keep_masks:
            write_masks(scan.masks, folder, series)
        like = None if series.is_dicom else series.files[0]
        write_labels(labels, volume.geometry, folder / "lesions.nii.gz", like=like)
    with watch.stage("register"):
        image = liver_image(volume, scan.masks)

    phases: tuple[PhaseScan, ...] = ()
    if other_phases and len(visit.series) > 1:
        with watch.stage("other phases"):
            phases = (
                PhaseScan(series, scan.masks),
                *_other_phases(visit, model, device, progress),
            )
    findings = VisitFindings(
        visit=visit,
        geometry=volume.geometry,
        liver_ml=scan.masks.volume_ml("liver"),
        vessels_ml=scan.masks.volume_ml("vessels"),
        tumors_ml=scan.masks.volume_ml("tumors"),
        lesions=lesions,
        sources=scan.sources,
        warnings=(*series.warnings, *scan.warnings),
    )
    box = _surroundings(scan.masks.liver | scan.masks.tumors, volume.geometry)
    return VisitScan(
        findings=findings,
        volume=Volume(volume.hu[box].copy(), volume.geometry.crop(box)),
        labels=labels[box].copy(),
        image=image,
        phases=phases,
    )


def _masks_of_earlier_run(
    folder: Path, geometry: Geometry, series: Series, model: str
) -> SegmentedScan:
    masks: Mapping[str, BoolArray] = {
        name: read_mask(folder / f"{name}.nii.gz", geometry) for name in CLASSES
    }
    sources = {name: "given" if name in series.masks else model for name in CLASSES}
    return SegmentedScan(
        Masks(masks["liver"], masks["vessels"], masks["tumors"], geometry), sources
    )


def _other_phases(
    visit: Visit, model: str, device: str, progress: Progress
) -> tuple[PhaseScan, ...]:
    scans = []
    for k, series in enumerate(visit.series):
        if k == visit.tracked:
            continue
        volume = read_scan(series)
        found = masks_of(series, volume, model, device, progress)
        scans.append(
            PhaseScan(replace(series, warnings=(*series.warnings, *found.warnings)), found.masks)
        )
    return tuple(scans)


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
