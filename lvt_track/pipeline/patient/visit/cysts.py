"""Cysts over a whole course: what is a tumour at one visit is no cyst at another.

One scan has only brightness to tell a simple cyst by, and a metastasis that dies under treatment,
or was dark from the start, comes near to it: at one visit it would be a tumour, at the next a cyst,
and so be gone. Its other visits tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lvt_track.core.lesion.lesion import Lesion
from lvt_track.core.volume import BoolArray, LabelArray, Masks
from lvt_track.io.images.volumes import write_mask
from lvt_track.lesions.components import LesionShape, find_lesions, lesion_shapes
from lvt_track.lesions.matching.match import match_course
from lvt_track.pipeline.patient.visit.read import VisitScan, with_tumors
from lvt_track.pipeline.run.context import Run
from lvt_track.pipeline.run.manifest import mask_digest
from lvt_track.register.frame import CommonFrame

__all__ = ["agree_on_cysts"]


@dataclass(frozen=True, eq=False)
class _Spots:
    """Tumours and cysts of a visit, which do not touch each other, numbered together."""

    labels: LabelArray
    lesions: tuple[Lesion, ...]
    shapes: dict[tuple[int, int], LesionShape]
    cysts: frozenset[tuple[int, int]]

    @classmethod
    def of(cls, visit: int, scan: VisitScan) -> _Spots:
        spots = (scan.labels > 0) | scan.cysts
        geometry = scan.volume.geometry
        masks = Masks(spots, np.zeros_like(spots), spots, geometry)
        labels, lesions = find_lesions(visit, None, masks)
        cysts = set(np.unique(labels[scan.cysts]).tolist()) - set(
            np.unique(labels[scan.labels > 0]).tolist()
        )
        keys = frozenset(lesion.key for lesion in lesions if lesion.label in cysts)
        return cls(labels, lesions, lesion_shapes(labels, lesions, geometry), keys)


def agree_on_cysts(scans: Sequence[VisitScan], frame: CommonFrame, run: Run) -> list[VisitScan]:
    """The visits, with cysts that are followed to a tumour of another visit among the tumours.

    A tumour that is missed is worse than a cyst that is followed, so one visit is enough. Where
    masks are taken as they are, what was agreed when they were made stands.

    Args:
        scans: the visits by date, as they were drawn.
        frame: their registration.
        run: the run.
    """
    if run.keeps_masks:
        more = [scan.returned for scan in scans]
    elif len(scans) > 1 and any(scan.cysts.any() for scan in scans):
        with run.watch.stage("match"):
            more = _returned(scans, frame)
    else:
        more = [np.zeros_like(scan.cysts) for scan in scans]
    agreed = [
        with_tumors(visit, scan, spots) if spots.any() else scan
        for visit, (scan, spots) in enumerate(zip(scans, more, strict=True))
    ]
    if run.folder is not None and not run.keeps_masks:
        with run.watch.stage("write"):
            for before, after in zip(scans, agreed, strict=True):
                _write(before, after, run)
    return agreed


def _returned(scans: Sequence[VisitScan], frame: CommonFrame) -> list[BoolArray]:
    """Of each visit, the cysts that other visits show as tumours, on the grid of its `volume`."""
    spots = [_Spots.of(visit, scan) for visit, scan in enumerate(scans)]
    cysts = frozenset().union(*(one.cysts for one in spots))
    tracks = match_course(
        [one.lesions for one in spots],
        frame,
        [scan.findings.visit.date for scan in scans],
        {key: shape for one in spots for key, shape in one.shapes.items()},
    ).tracks
    tumors = {
        key for track in tracks if not cysts.issuperset(track.lesions) for key in track.lesions
    }
    return [
        np.isin(one.labels, [label for at, label in tumors & one.cysts if at == visit])
        for visit, one in enumerate(spots)
    ]


def _write(before: VisitScan, after: VisitScan, run: Run) -> None:
    """Write a visit's tumours and cysts as agreed, where the files are not so already.

    A run may be ended between any two of these lines: the manifest knows of the tumours before
    they are there, and every spot is in one of the two files at any time.
    """
    assert run.folder is not None
    is_more = after.cysts & ~(before.cysts & ~before.returned)
    at, geometry = before.tracked, before.findings.geometry
    returned = before.cysts & ~after.cysts
    if np.array_equal(returned, before.returned):
        return
    folder = run.folder.visit(at.visit.name)
    tumors = after.on_scan(after.labels > 0)
    record, digest = run.manifest.drawn[at.key], mask_digest(tumors)
    record.note("tumors", digest)
    labels = np.unique(after.labels[returned])
    record.returned[digest] = labels.tolist()
    run.save_manifest()
    if is_more.any():
        write_mask(before.on_scan(before.cysts), geometry, folder.cysts, at.like)
    write_mask(tumors, geometry, folder.mask("tumors"), at.like)
    write_mask(after.on_scan(after.cysts), geometry, folder.cysts, at.like)
    record.settle()
