"""The visits as the report's interactive page shows them: scans, masks and how they are linked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lvt_track.core.course import Course
from lvt_track.core.lesion.caliper import Point
from lvt_track.core.volume import BoolArray
from lvt_track.io.images.volumes import read_geometry, read_mask
from lvt_track.pipeline.patient.visit.read import VisitScan
from lvt_track.register.frame import CommonFrame
from lvt_track.report.viewer.scene import (
    PARTS,
    PlaceMap,
    Scene,
    place_map,
    view_grid,
    visit_view,
)

__all__ = ["take_scene"]

_MOST_VOXELS = 10_000_000
"""Of all visits together: about 10 MB in the page, for a voxel of a noisy scan packs to a byte."""

_MOST_VOXELS_A_VISIT = 2_600_000
_PLANNED = ("portal", "hepatic", "resection")


def take_scene(
    course: Course, scans: Sequence[VisitScan], frame: CommonFrame, visits: Path
) -> Scene:
    """The scene of a course.

    Args:
        course: with its lesions.
        scans: its visits.
        frame: their registration.
        visits: folder with the masks of every visit.
    """
    most = min(_MOST_VOXELS // len(scans), _MOST_VOXELS_A_VISIT)
    views = []
    for scan in scans:
        parts = _parts(scan, visits / scan.findings.visit.name)
        grid = view_grid(parts["liver"] | (scan.labels > 0), scan.volume.geometry, most)
        views.append(visit_view(scan.volume, scan.labels, parts, grid))
    region = views[frame.reference].geometry

    def linked(k: int) -> PlaceMap | None:
        if k == frame.reference or not frame.is_reliable(k):
            return None
        return place_map(lambda places: frame.map_points(places, frame.reference, k), region)

    return Scene(
        tuple(views),
        tuple(linked(k) for k in range(len(scans))),
        frame.reference,
        _common_places(course, frame),
    )


def _parts(scan: VisitScan, folder: Path) -> dict[str, BoolArray]:
    """The masks around the liver; those that a run did not write are left out."""
    files = {name: folder / f"{name}.nii.gz" for name in PARTS}
    return {
        # A copy, for a view would keep the mask of the whole scan.
        name: read_mask(path, scan.findings.geometry)[scan.box].copy()
        for name, path in files.items()
        if path.exists() and (name not in _PLANNED or _is_of(path, scan))
    }


def _is_of(path: Path, scan: VisitScan) -> bool:
    """Whether a mask is on the grid of the scan: a plan may be of another scan."""
    return read_geometry(path).is_close(scan.findings.geometry)


def _common_places(course: Course, frame: CommonFrame) -> dict[tuple[int, int], Point]:
    places: dict[tuple[int, int], Point] = {}
    for k, findings in enumerate(course.visits):
        if not findings.lesions:
            continue
        centres = np.array([lesion.centroid_mm for lesion in findings.lesions])
        if frame.is_reliable(k):
            centres = frame.map_points(centres, k, frame.reference)
        for lesion, (x, y, z) in zip(findings.lesions, centres, strict=True):
            places[lesion.key] = float(x), float(y), float(z)
    return places
