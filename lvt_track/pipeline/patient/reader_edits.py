"""What a reader says of the lesions of a run, brought into its visits before they are followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from scipy import ndimage

from lvt_track.core.geometry import shifted
from lvt_track.core.lesion.lesion import Lesion
from lvt_track.errors import InputError
from lvt_track.lesions.components import lesion_shapes, measured_lesion
from lvt_track.lesions.corrections.decisions import Decisions, decide
from lvt_track.lesions.corrections.edits import (
    edit_labels,
    edit_lesions,
    split_labels,
)
from lvt_track.lesions.corrections.table import Action, Correction
from lvt_track.pipeline.patient.visit.read import VisitScan

__all__ = ["obey_reader"]


def obey_reader(
    scans: Sequence[VisitScan], corrections: Sequence[Correction]
) -> tuple[list[VisitScan], Decisions]:
    """The visits as a reader's corrections leave them, and what is left to decide in matching.

    Lesions that are none leave the tables and `lesions.nii.gz`, and what is split is so there; the
    tumour masks stay as they were drawn, so that a correction can be taken back.

    Args:
        scans: the visits by date, as their masks show them.
        corrections: what the reader says.

    Raises:
        InputError: for rows of a table that name unknown lesions or contradict each other.
    """
    dates = [scan.findings.visit.date for scan in scans]
    splits = [one for one in corrections if one.action is Action.SPLIT]
    first = decide(splits, [scan.findings.lesions for scan in scans], dates)
    lesions = [lesion for scan in scans for lesion in scan.findings.lesions]
    cut = {lesion.voxels for lesion in lesions if lesion.key in first.parts}
    scans = [_split(k, scan, first) for k, scan in enumerate(scans)]
    others = [one for one in corrections if one.action is not Action.SPLIT]
    decisions = decide(others, [scan.findings.lesions for scan in scans], dates, cut)
    scans = [_obeyed(k, scan, decisions) for k, scan in enumerate(scans)]
    decisions = replace(
        decisions,
        parts=first.parts,
        corrections=(*first.corrections, *decisions.corrections),
        remarks=(*first.remarks, *decisions.remarks),
    )
    return scans, decisions


def _split(visit: int, scan: VisitScan, decisions: Decisions) -> VisitScan:
    """A visit with some lesions cut apart."""
    parts = {label: count for (at, label), count in decisions.parts.items() if at == visit}
    if not parts:
        return scan
    geometry = scan.findings.geometry
    try:
        labels = split_labels(scan.labels, parts, geometry.spacing_mm)
    except ValueError as error:
        raise InputError(f"a lesion of {scan.findings.visit.name}: {error}") from None
    lesions = [one for one in scan.findings.lesions if one.label not in parts]
    boxes = ndimage.find_objects(labels)
    cut = {one.label for one in scan.findings.lesions if one.is_cut}
    for label in sorted({*parts, *range(int(scan.labels.max()) + 1, int(labels.max()) + 1)}):
        inner = boxes[label - 1]
        mask, inside = labels[inner] == label, scan.volume.crop(inner)
        box = shifted(inner, scan.box)
        part = measured_lesion((visit, label), mask, box, geometry, inside)
        whole = scan.labels[inner][mask][0]
        lesions.append(replace(part, is_cut=int(whole) in cut))
    lesions.sort(key=lambda lesion: lesion.label)
    cuts = ", ".join(f"{label} into {count}" for label, count in sorted(parts.items()))
    warnings = (*scan.findings.warnings, f"lesions split by a reader: {cuts}")
    return replace(
        scan,
        findings=replace(scan.findings, lesions=tuple(lesions), warnings=warnings),
        labels=labels,
        shapes=lesion_shapes(labels, lesions, scan.volume.geometry),
    )


def _obeyed(visit: int, scan: VisitScan, decisions: Decisions) -> VisitScan:
    """A visit without lesions that are none, and with a reader's sizes."""
    before = scan.findings.lesions
    lesions = edit_lesions(before, decisions)
    if lesions == before:
        return scan
    kept = {lesion.label for lesion in lesions}
    left_out = [lesion for lesion in before if lesion.label not in kept]
    labels = edit_labels(scan.labels, visit, decisions) if left_out else scan.labels
    lost_ml = sum(lesion.measurement.volume_ml for lesion in left_out)
    findings = replace(
        scan.findings,
        lesions=lesions,
        tumors_ml=max(scan.findings.tumors_ml - lost_ml, 0.0),  # not -0, by rounding
        warnings=(*scan.findings.warnings, *_remarks(left_out, lesions)),
    )
    shapes = {key: shape for key, shape in scan.shapes.items() if key[1] in kept}
    return replace(scan, findings=findings, labels=labels, shapes=shapes)


def _remarks(left_out: Sequence[Lesion], lesions: Sequence[Lesion]) -> list[str]:
    """What the reader's word changed of a visit."""
    texts = []
    if left_out:
        names = ", ".join(str(lesion.label) for lesion in left_out)
        lost_ml = sum(lesion.measurement.volume_ml for lesion in left_out)
        noun = "lesion" if len(left_out) == 1 else "lesions"
        texts.append(f"{noun} {names} ({lost_ml:.2f} mL) left out: none, as a reader says")
    texts += [
        f"lesion {lesion.label} is {lesion.measurement.long_axis.length_mm:.1f} mm long as a "
        f"reader measured it; the mask says {lesion.measurement.drawn_long_axis_mm:.1f} mm"
        for lesion in lesions
        if lesion.measurement.drawn_long_axis_mm is not None
    ]
    return texts
