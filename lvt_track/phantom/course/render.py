"""From the script of a visit to its scan and everything true of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.components import label_components
from lvt_track.core.geometry import Box, Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import BoolArray, LabelArray, Masks, Volume
from lvt_track.phantom.body.tissues import LIVER_TISSUES, TUMOR_TISSUES, VESSEL_TISSUES, Tissue
from lvt_track.phantom.course.motion import anatomy_points
from lvt_track.phantom.course.sampling import sample_labels
from lvt_track.phantom.course.scans import Scan
from lvt_track.phantom.course.script import PhantomPatient
from lvt_track.phantom.course.truth import TrueLesion, true_lesions
from lvt_track.phantom.course.tumors import Tumor, level_mm, tissue_at
from lvt_track.phantom.image.scan import ScanSeeds, scan_hu

__all__ = ["PhantomVisit", "render_visit"]

# Slices further apart are drawn from several planes each.
_PLANES_MM = 2.0
_SLAB = 24
# Pieces of a tumour of fewer voxels are no lesion a reader or a network could be asked for.
_FEWEST_VOXELS = 5


@dataclass(frozen=True, eq=False)
class PhantomVisit:
    """One scan of a phantom, and the truth about it.

    Attributes:
        visit: index of the visit.
        date: of the study.
        phase: contrast phase.
        volume: int16 HU.
        masks: liver (with its vessels and tumours), vessels within the liver, tumours.
        lesion_labels: which lesion each voxel belongs to, 0 outside.
        identities: which tumour each voxel belongs to, 0 outside.
        lesions: the lesions, by label.
    """

    visit: int
    date: dt.date
    phase: Phase
    volume: Volume
    masks: Masks
    lesion_labels: LabelArray
    identities: NDArray[np.int16]
    lesions: tuple[TrueLesion, ...]


def render_visit(patient: PhantomPatient, visit: int, phase: Phase | None = None) -> PhantomVisit:
    """Render one scan.

    Args:
        patient: the script.
        visit: index of the visit.
        phase: which of the visit's series; the one to be followed when None.

    Raises:
        ValueError: when the visit has no series of that phase.
    """
    script = patient.visits[visit]
    scans = [scan for scan in script.scans if phase is None or scan.phase is phase]
    if not scans:
        raise ValueError(f"visit {visit} has no {phase} series")
    scan = scans[0]
    tissues, identities, planes = _draw_tissues(patient, visit, scan)
    volume = _scan(patient, scan, tissues, planes)
    seen = slice(planes // 2, None, planes)
    tissues, identities = tissues[seen], identities[seen]
    masks = Masks(
        _is_any(tissues, LIVER_TISSUES),
        _is_any(tissues, VESSEL_TISSUES),
        _is_any(tissues, TUMOR_TISSUES),
        scan.geometry,
    )
    labels, lesions = true_lesions(visit, identities, scan.geometry)
    return PhantomVisit(visit, script.date, scan.phase, volume, masks, labels, identities, lesions)


def _draw_tissues(
    patient: PhantomPatient, visit: int, scan: Scan
) -> tuple[NDArray[np.uint8], NDArray[np.int16], int]:
    """Tissues and tumour identities on the scan's grid, with an odd number of planes per slice."""
    planes = 2 * int(scan.geometry.spacing_mm[0] / (2 * _PLANES_MM)) + 1
    grid = _with_planes(scan.geometry, planes)
    lesions = [(0, double) for double in patient.doubles]
    lesions += patient.tumors_at(visit).items()
    tissues = np.empty(grid.shape, dtype=np.uint8)
    identities = np.zeros(grid.shape, dtype=np.int16)
    for first in range(0, grid.shape[0], _SLAB):
        slab = slice(first, min(first + _SLAB, grid.shape[0]))
        points = anatomy_points(scan.motion, grid, slab)
        tissues[slab] = sample_labels(patient.anatomy.labels, patient.anatomy.geometry, points)
        for identity, tumor in lesions:
            _put(tumor, identity, points, tissues[slab], identities[slab])
    _drop_specks(tissues, identities, planes)
    return tissues, identities, planes


def _with_planes(geometry: Geometry, planes: int) -> Geometry:
    """The grid whose every `planes`-th slice, from the middle of the first, is the geometry's."""
    z, y, x = geometry.shape
    step = geometry.spacing_mm[0] / planes
    start = geometry.to_world([-(planes // 2) / planes, 0, 0])
    return Geometry(
        (z * planes, y, x),
        (step, *geometry.spacing_mm[1:]),
        (float(start[0]), float(start[1]), float(start[2])),
        geometry.direction,
    )


def _put(
    tumor: Tumor,
    identity: int,
    points_mm: NDArray[np.float32],
    tissues: NDArray[np.uint8],
    identities: NDArray[np.int16],
) -> None:
    """Draw a tumour into the liver, in place; voxels of tumours drawn before are left to them."""
    box = _box_around(tumor, points_mm)
    if box is None:
        return
    near = points_mm[box]
    level = level_mm(tumor, near)
    inside = (level < 0) & _is_any(tissues[box], LIVER_TISSUES) & (identities[box] == 0)
    tissues[box][inside] = tissue_at(tumor, near[inside], level[inside])
    identities[box][inside] = identity


def _box_around(tumor: Tumor, points_mm: NDArray[np.float32]) -> Box | None:
    """A box of the grid that holds the tumour; None when it lies elsewhere."""
    stride = (2, 4, 4)
    coarse = points_mm[:: stride[0], :: stride[1], :: stride[2]]
    spacing = float(np.abs(np.diff(coarse, axis=2)).max(initial=0.0)) if coarse.shape[2] > 1 else 0
    reach = tumor.reach_mm + spacing
    offset = coarse - np.array(tumor.centre_mm, dtype=np.float32)
    index = np.argwhere((np.abs(offset) < reach).all(axis=-1))
    if len(index) == 0:
        return None
    low = np.maximum((index.min(axis=0) - 1) * stride, 0)
    high = (index.max(axis=0) + 2) * stride
    z, y, x = (slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    return z, y, x


def _drop_specks(tissues: NDArray[np.uint8], identities: NDArray[np.int16], planes: int) -> None:
    """Turn pieces of tumours that show in too few voxels back into parenchyma, in place."""
    if not identities.any():
        return
    components, count = label_components(identities > 0)
    shown = np.bincount(components[planes // 2 :: planes].ravel(), minlength=count + 1)
    speck = (shown < _FEWEST_VOXELS)[components] & (components > 0)
    tissues[speck] = Tissue.LIVER
    identities[speck] = 0


def _scan(patient: PhantomPatient, scan: Scan, tissues: NDArray[np.uint8], planes: int) -> Volume:
    z, y, x = scan.geometry.spacing_mm
    hu = scan_hu(
        tissues,
        (z / planes, y, x),
        scan.phase,
        scan.scanner,
        ScanSeeds(patient.seed, scan.seed),
    )
    return Volume(np.ascontiguousarray(hu[planes // 2 :: planes]), scan.geometry)


def _is_any(tissues: NDArray[np.uint8], wanted: Iterable[Tissue]) -> BoolArray:
    chosen = np.zeros(256, dtype=bool)
    chosen[[int(tissue) for tissue in wanted]] = True
    is_any: BoolArray = chosen[tissues]
    return is_any
