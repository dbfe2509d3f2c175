"""The statistics of one patient's comparison with a radiologist, or of several pooled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

from lvt_track.agreement.coefficients import trend_agreement
from lvt_track.agreement.limits import LEAST_PAIRS, agree, agree_on_categories
from lvt_track.agreement.records import (
    Agreements,
    ComparedPatient,
    PairedSize,
    Quantity,
)

__all__ = ["agreements_of"]

_UNCHANGED_MM = 1.0

# From best to worst; a patient without targets cannot be graded so, nor a visit not evaluable.
_GRADES = ("CR", "PR", "SD", "PD")


def agreements_of(
    patients: Mapping[str, ComparedPatient],
) -> Agreements:
    """The statistics of one patient's comparison, or of several pooled.

    What shares a patient is no independent evidence. Of a single patient, what shares a lesion
    is none; its sums and responses are one piece of evidence, and have no interval.

    Args:
        patients: what was compared, by patient.
    """
    is_one = len(patients) == 1
    by_quantity: dict[Quantity, list[tuple[str, PairedSize]]] = defaultdict(list)
    for patient, compared in patients.items():
        for size in compared.sizes:
            by_quantity[size.quantity].append((patient, size))
    by_quantity = {q: by_quantity[q] for q in Quantity if len(by_quantity[q]) >= LEAST_PAIRS}
    later = [
        (patient, visit)
        for patient, compared in patients.items()
        for visit in compared.visits
        if "Baseline" not in (visit.reader_category, visit.category)
    ]
    graded = [
        (patient, visit)
        for patient, visit in later
        if {visit.reader_category, visit.category} <= set(_GRADES)
    ]
    trends = [_trend(compared.sizes) for compared in patients.values()]
    return Agreements(
        patients=len(patients),
        of={
            quantity: agree(
                [size.value for _, size in pairs],
                [size.reader_value for _, size in pairs],
                [size.cluster if is_one else patient for patient, size in pairs],
            )
            for quantity, pairs in by_quantity.items()
        },
        lesions={
            quantity: len({(patient, size.cluster) for patient, size in pairs})
            for quantity, pairs in by_quantity.items()
            if quantity is not Quantity.SUM
        },
        trend=(sum(same for same, _ in trends), sum(changes for _, changes in trends)),
        categories=(sum(v.category == v.reader_category for _, v in later), len(later)),
        graded=len(graded),
        unpaired={
            quantity: sum(
                size.quantity is quantity and size.is_readers
                for compared in patients.values()
                for size in compared.unpaired
            )
            for quantity in Quantity
            if quantity is not Quantity.SUM
        },
        kappa=None
        if len(graded) < LEAST_PAIRS
        else agree_on_categories(
            [visit.reader_category for _, visit in graded],
            [visit.category for _, visit in graded],
            _GRADES,
            [patient for patient, _ in graded],
        ),
    )


def _trend(sizes: Sequence[PairedSize]) -> tuple[int, int]:
    """How many changes of a patient's long axes from visit to visit agree, and all of them."""
    theirs, ours = [], []
    long = [size for size in sizes if size.quantity is Quantity.LONG_AXIS]
    for before, after in pairwise(long):
        if before.cluster == after.cluster:
            theirs.append(after.reader_value - before.reader_value)
            ours.append(after.value - before.value)
    return trend_agreement(theirs, ours, _UNCHANGED_MM)
