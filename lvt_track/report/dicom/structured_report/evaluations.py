"""What is said of a visit without a place in its images: "Qualitative Evaluations" of TID 1500.

A response is one answer, with the sums and changes that it is inferred from below it; a lesion
whose place the scan does not show is another, with its tracking identifiers below it. Both would be
measurement groups without coordinates (TID 1501), which OHIF's viewer of reports does not survive.
The sum as a "Derived Imaging Measurement" (TID 1420) would have to point at the groups it is
derived from by reference, which readers built on highdicom refuse.
"""

from __future__ import annotations

from collections.abc import Iterator

from highdicom import sr
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from lvt_track.core.response.assessment import Assessment, Status
from lvt_track.core.response.response import Response
from lvt_track.io.dicom.structured_report.terms import LVT_SCHEME
from lvt_track.report.dicom.structured_report import codes as terms
from lvt_track.report.dicom.structured_report.content import ReportedLesion
from lvt_track.report.dicom.structured_report.items import (
    add_below,
    code_item,
    number_item,
    text_item,
    uid_item,
)

__all__ = ["evaluation_of_lesion", "evaluation_of_response", "findings_of_lesion"]


def evaluation_of_response(response: Response) -> sr.CodeContentItem:
    """The category by one criterion, from sum and changes, with the reason in words."""
    method = terms.CRITERIA.get(response.criterion) or _lvt_code(response.criterion)
    category = terms.CATEGORIES.get(response.category) or _lvt_code(response.category)
    percent, sums = codes.UCUM.Percent, codes.DCM.MeasurementOfResponse
    numbers = (
        (sums, response.sum_mm, codes.UCUM.Millimeter),
        (sums, response.sum_ml, terms.MILLILITER),
        (terms.CHANGE_FROM_BASELINE, response.change_from_baseline_percent, percent),
        (terms.CHANGE_FROM_NADIR, response.change_from_nadir_percent, percent),
    )
    answer = code_item(terms.RESPONSE, category)
    add_below(
        answer,
        code_item(codes.SCT.MeasurementMethod, method, "HAS CONCEPT MOD"),
        *(
            number_item(name, value, unit, "INFERRED FROM")
            for name, value, unit in numbers
            if value is not None
        ),
        text_item(terms.REASON, response.reason, "INFERRED FROM"),
    )
    return answer


def evaluation_of_lesion(lesion: ReportedLesion) -> sr.CodeContentItem:
    """That a lesion is absent, or why nothing is said of it, where no image shows its place."""
    row = lesion.assessment
    name, value = _presence(row) or (terms.WHETHER_PRESENT, terms.IS_PRESENT)
    answer = code_item(name, value)
    add_below(
        answer,
        text_item(terms.TRACKING_IDENTIFIER, row.lesion, "HAS OBS CONTEXT"),
        uid_item(terms.TRACKING_UNIQUE_IDENTIFIER, lesion.track_uid, "HAS OBS CONTEXT"),
        code_item(codes.SCT.FindingSite, codes.SCT.Liver, "HAS CONCEPT MOD"),
        *(
            code_item(name, value, "HAS PROPERTIES")
            for name, value in findings_of_lesion(lesion)
            if name not in (terms.WHETHER_PRESENT, terms.STATUS)
        ),
    )
    if row.derived_from:
        origins = ";".join(row.derived_from)
        add_below(answer, text_item(terms.IS_DERIVED_FROM, origins, "HAS PROPERTIES"))
    return answer


def findings_of_lesion(lesion: ReportedLesion) -> Iterator[tuple[Code, Code]]:
    """Questions and answers: its state over the course, its role, and whether it is there."""
    row = lesion.assessment
    if lesion.state:
        yield terms.STATE, Code(lesion.state, LVT_SCHEME, lesion.state)
    if row.role is not None:
        yield terms.ROLE, terms.ROLES[row.role]
    presence = _presence(row)
    if presence is not None:
        yield presence


def _lvt_code(word: str) -> Code:
    """A code of our own, within the 16 characters of a code value."""
    return Code(word[:16], LVT_SCHEME, word)


def _presence(row: Assessment) -> tuple[Code, Code] | None:
    """What is to be said of it being there; None where it is, and nothing is odd."""
    if row.status is Status.ABSENT:
        return terms.WHETHER_PRESENT, terms.IS_ABSENT
    if row.status is Status.MEASURED:
        return None
    return terms.STATUS, Code(row.status.replace(" ", "-"), LVT_SCHEME, row.status.value)
