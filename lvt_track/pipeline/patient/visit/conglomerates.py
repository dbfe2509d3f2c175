"""Lesions that labels keep apart and another visit draws as one are measured alike at both."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
from scipy import ndimage

from lvt_track.core.components import label_by_size, label_contacts
from lvt_track.core.geometry import shifted
from lvt_track.core.lesion.lesion import Lesion
from lvt_track.core.lesion.viability import Viability
from lvt_track.core.volume import LabelArray
from lvt_track.lesions.components import lesion_shapes, measured_lesion
from lvt_track.lesions.conglomerates import Conglomerate, conglomerates
from lvt_track.lesions.corrections.table import Action, Correction
from lvt_track.lesions.matching.match import match_course
from lvt_track.pipeline.patient.visit.read import VisitScan
from lvt_track.register.frame import CommonFrame

__all__ = ["agree_on_labels"]

_OF_ONE = {Action.NONE, Action.SIZE, Action.NEW, Action.REMOVE, Action.SPLIT}


def agree_on_labels(
    scans: Sequence[VisitScan], frame: CommonFrame, corrections: Sequence[Correction] = ()
) -> list[VisitScan]:
    """The visits, with lesions taken together that touch and are one at another visit.

    Labels of a mask keep lesions apart that touch. Where a reader labelled them at one visit alone,
    sums of diameters would change by that; masks and their files stay as they were drawn.

    Args:
        scans: the visits by date.
        frame: their registration.
        corrections: what a reader says; what would be wrong of the whole keeps a lesion apart.
    """
    agreed = list(scans)
    rows = (row for row in corrections if row.action in _OF_ONE)
    judged = {name.voxels for row in rows for name in row.names}
    touching = [_touching(scan, judged) for scan in agreed]
    while len(agreed) > 1 and any(touching):
        dates = [scan.findings.visit.date for scan in agreed]
        shapes = {key: shape for scan in agreed for key, shape in scan.shapes.items()}
        lesions = [scan.findings.lesions for scan in agreed]
        groups = conglomerates(match_course(lesions, frame, dates, shapes).edges, touching)
        if not groups:
            break
        # One at a time: what another visit has as one is told by the lesions as they are then.
        visit = groups[0].visit
        agreed[visit] = _together(agreed[visit], groups[0], dates[groups[0].drawn_at])
        touching[visit] = _touching(agreed[visit], judged)
    return agreed


def _touching(scan: VisitScan, judged: Collection[str]) -> frozenset[tuple[int, int]]:
    """Pairs of labels that touch, without lesions that a reader judged, by their voxels."""
    apart = {lesion.label for lesion in scan.findings.lesions if lesion.voxels in judged}
    return frozenset(pair for pair in label_contacts(scan.labels) if apart.isdisjoint(pair))


def _together(scan: VisitScan, group: Conglomerate, drawn_on: dt.date) -> VisitScan:
    """A visit with some lesions as one, numbered by size again."""
    merged = np.where(np.isin(scan.labels, group.labels), group.labels[0], scan.labels)
    labels = label_by_size(merged > 0, merged)
    known = {lesion.label: lesion for lesion in scan.findings.lesions}
    lesions: list[Lesion] = []
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        before = int(merged[box][labels[box] == label][0])
        if before == group.labels[0]:
            parts = [known[one] for one in group.labels]
            lesions.append(_measured(scan, labels, (group.visit, label), parts))
        else:
            lesions.append(replace(known[before], label=label))
    number = int(labels[merged == group.labels[0]][0])
    text = (
        f"lesion {number} is {len(group.labels)} that labels keep apart, taken together as "
        f"{drawn_on} draws them as one: label them there too to follow each"
    )
    findings = replace(
        scan.findings, lesions=tuple(lesions), warnings=(*scan.findings.warnings, text)
    )
    shapes = lesion_shapes(labels, lesions, scan.volume.geometry)
    return replace(scan, findings=findings, labels=labels, shapes=shapes)


def _measured(
    scan: VisitScan, labels: LabelArray, key: tuple[int, int], parts: Sequence[Lesion]
) -> Lesion:
    """The one lesion that others are together."""
    z, y, x = ndimage.find_objects(labels)[key[1] - 1]
    box = (z, y, x)
    mask, inside = labels[box] == key[1], scan.volume.crop(box)
    whole = measured_lesion(key, mask, shifted(box, scan.box), scan.findings.geometry, inside)
    viability = None
    if any(part.viability is not None for part in parts):
        viability = Viability(reason="several that touch were taken together")
    return replace(whole, is_cut=any(part.is_cut for part in parts), viability=viability)
