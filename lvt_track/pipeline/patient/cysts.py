"""Cysts over a whole course: what is a tumour at one visit is no cyst at another.

One scan has only brightness to tell a simple cyst by, and a metastasis that dies under treatment,
or was dark from the start, comes near to it: at one visit it would be a tumour, at the next a cyst,
and so be gone. Its other visits tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lvt_track.core.records import Lesion
from lvt_track.core.volume import LabelArray, Masks
from lvt_track.lesions.components import LesionShape, find_lesions, lesion_shapes
from lvt_track.lesions.match import match_course
from lvt_track.pipeline.patient.visits import VisitScan, with_tumors
from lvt_track.pipeline.run.progress import Progress, Stopwatch
from lvt_track.pipeline.segment import ModelChoice
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


def agree_on_cysts(
    scans: Sequence[VisitScan],
    frame: CommonFrame,
    out: Path,
    model: ModelChoice,
    watch: Stopwatch,
    progress: Progress,
) -> list[VisitScan]:
    """The visits, with cysts that are followed to a tumour of another visit among the tumours.

    A tumour that is missed is worse than a cyst that is followed, so one visit is enough. The
    masks of visits that change are written anew below `out`.

    Args:
        scans: the visits by date.
        frame: their registration.
        out: the folder of the run.
        model: that drew the masks.
    """
    with watch.stage("match"):
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
    agreed: list[VisitScan] = []
    for visit, (scan, one) in enumerate(zip(scans, spots, strict=True)):
        changed = [label for at, label in sorted(tumors & one.cysts) if at == visit]
        if changed:
            more = np.isin(one.labels, changed)
            scan = with_tumors(agreed, scan, more, out, model, watch, progress)
        agreed.append(scan)
    return agreed
