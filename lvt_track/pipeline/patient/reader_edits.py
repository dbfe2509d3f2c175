"""What a reader says of the lesions of a run, brought into its visits before they are followed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lvt_track.core.records import Lesion
from lvt_track.errors import InputError
from lvt_track.lesions.corrections import Correction
from lvt_track.lesions.decisions import Decisions, decide
from lvt_track.lesions.reader_edits import edit_labels, edit_lesions
from lvt_track.pipeline.patient.visits import VisitScan

__all__ = ["obey_reader"]


def obey_reader(
    scans: Sequence[VisitScan], corrections: Sequence[Correction]
) -> tuple[list[VisitScan], Decisions]:
    """The visits as a reader's corrections leave them, and what is left to decide in matching.

    Lesions that are none leave the tables and `lesions.nii.gz`; the tumour masks stay as they
    were drawn, so that a correction can be taken back.

    Args:
        scans: the visits by date, as their masks show them.
        corrections: what the reader says.

    Raises:
        InputError: for rows of a table that name unknown lesions or contradict each other.
    """
    dates = [scan.findings.visit.date for scan in scans]
    decisions = decide(corrections, [scan.findings.lesions for scan in scans], dates)
    if decisions.parts:
        raise InputError("`split` is not obeyed yet", remedy="Cut the mask by painting")
    return [_obeyed(k, scan, decisions) for k, scan in enumerate(scans)], decisions


def _obeyed(visit: int, scan: VisitScan, decisions: Decisions) -> VisitScan:
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
        tumors_ml=scan.findings.tumors_ml - lost_ml,
        warnings=(*scan.findings.warnings, *_said(left_out, lesions)),
    )
    shapes = {key: shape for key, shape in scan.shapes.items() if key[1] in kept}
    return replace(scan, findings=findings, labels=labels, shapes=shapes)


def _said(left_out: Sequence[Lesion], lesions: Sequence[Lesion]) -> list[str]:
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
