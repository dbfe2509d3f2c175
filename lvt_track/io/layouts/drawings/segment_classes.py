"""Which segments of a DICOM segmentation are the liver, its vessels and its tumours.

Codes count first, then labels. A tumour without a word of where it is counts only where the
whole speaks of the liver and of no other organ, as in label maps.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pydicom.sr.coding import Code

from lvt_track.io.dicom.segmentation.header import Concept, SegmentationHeader, SegmentHeader
from lvt_track.io.layouts.structure_names import (
    Kind,
    Structure,
    is_elsewhere,
    is_unnamed,
    structure_of_name,
)

__all__ = ["SegmentClasses", "classes_of_segments"]

# SNOMED CT; pydicom takes the older SNOMED RT codes (T-62000) for the same.
_CODES = {
    Kind.LIVER: ("10200004",),
    Kind.VESSELS: ("59820001", "32764006", "8993003"),
    Kind.TUMORS: (
        *("108369006", "4147007", "52988006", "86049000", "14799000", "367651003"),
        *("363346000", "128462008", "25370001", "109841003", "93870000", "94381002"),
    ),
}
_OF_LIVER = {"10200004", "25370001", "109841003", "93870000", "94381002"}
_VEINS_OF_LIVER = ("32764006", "8993003")
# What programs write where the user has chosen nothing.
_ANYTHING = re.compile(r"tissue|organ|(anatomical|morpholog\w*( \w+)?) structure|unknown|")
_SNOMED_RT = {"SNM3": "SRT", "99SDM": "SRT", "SNOMED-RT": "SRT", "SNOMED": "SCT"}
_SAYS_LIVER = re.compile(
    r"\bliver|(?<!extra)(?<!peri)hepat|leber|foie|h[ií]gado|fegato|\blever\b", re.IGNORECASE
)
_WHOLE_BODY = re.compile(r"abdom|trunk|body|torso", re.IGNORECASE)
_PART = re.compile(r"segment|lobe|lobus|lappen|left|right|remnant|rest|flr|resect", re.IGNORECASE)


@dataclass(frozen=True)
class SegmentClasses:
    """What the segments of a segmentation are.

    Attributes:
        by_class: the numbers of each class, `liver`, `vessels`, `tumors`, in order.
        inside_liver: those that are inside the liver, whether or not a class has them.
        doubtful: those that may be one of the classes and are not used, each with the reason.
    """

    by_class: dict[str, tuple[int, ...]]
    inside_liver: tuple[int, ...] = ()
    doubtful: tuple[tuple[SegmentHeader, str], ...] = ()


def classes_of_segments(header: SegmentationHeader) -> SegmentClasses:
    """The segments of each class; what its code and its label contradict each other in is none."""
    sure: dict[Kind, list[int]] = {}
    bare: list[tuple[Kind, SegmentHeader]] = []
    doubtful: list[tuple[SegmentHeader, str]] = []
    unknown: list[SegmentHeader] = []
    is_other = has_organs = False
    for segment in header.segments:
        coded, named = _of_code(segment), structure_of_name(segment.label)
        if coded and named and coded.kind is not named.kind and named.kind is not Kind.PART:
            why = f"its code says {coded.kind}, its label {named.kind}"
            doubtful.append((segment, why))
            continue
        structure = _structure(segment, coded, named)
        if structure is not None and structure.is_hepatic:
            sure.setdefault(structure.kind, []).append(segment.number)
        elif structure is not None and structure.kind is not Kind.BACKGROUND:
            bare.append((structure.kind, segment))
        elif structure is None and not coded and is_unnamed(segment.label) and _is_any(segment):
            doubtful.append((segment, "nothing says what it is"))
        elif structure is None and (coded or is_elsewhere(segment.label) or not _is_any(segment)):
            is_other = has_organs = True
        elif structure is None:
            is_other = True
            unknown.append(segment)
    is_of_liver = bool(sure) or _SAYS_LIVER.search(header.words) is not None
    is_of_liver = is_of_liver or any(_is_any_of(one, _VEINS_OF_LIVER) for one in header.segments)
    for kind, segment in bare:
        if is_of_liver and not is_other:
            sure.setdefault(kind, []).append(segment.number)
        elif kind is not Kind.PART:
            doubtful.append((segment, f"nothing says that these {kind} are of the liver"))
    if not has_organs:
        doubtful += [(segment, "its label says nothing that is known") for segment in unknown]
    by_class = {kind.value: tuple(sorted(sure[kind])) for kind in sure if kind is not Kind.PART}
    inside = sorted(number for kind in sure if kind is not Kind.LIVER for number in sure[kind])
    return SegmentClasses(by_class, tuple(inside), tuple(doubtful))


def _structure(
    segment: SegmentHeader, coded: Structure | None, named: Structure | None
) -> Structure | None:
    """What a segment is by its code and its label, which do not contradict each other."""
    structure = named if named and named.kind is Kind.PART else coded or named
    if structure is None:
        return None
    words = f"{segment.label} {segment.description}"
    if coded and not named:
        if is_elsewhere(segment.label):
            return None
        if coded.kind is Kind.LIVER and _PART.search(segment.label):
            structure = Structure(Kind.PART, is_hepatic=True)
    regions = [one.meaning for one in segment.regions if not _WHOLE_BODY.search(one.meaning)]
    is_in_liver = any(_is(one, "10200004") for one in segment.regions) or any(
        _SAYS_LIVER.search(meaning) for meaning in regions
    )
    if regions and not is_in_liver and structure.kind is not Kind.LIVER:
        return None  # a tumour of another organ
    is_hepatic = structure.is_hepatic or (named is not None and named.is_hepatic)
    is_hepatic = is_hepatic or is_in_liver or _SAYS_LIVER.search(words) is not None
    return Structure(structure.kind, is_hepatic)


def _of_code(segment: SegmentHeader) -> Structure | None:
    """What the code of a segment, or the words beside the code, say that it is."""
    for kind, values in _CODES.items():
        for value in values:
            if _is_any_of(segment, (value,)):
                return Structure(kind, value in _OF_LIVER)
    return None if segment.structure is None else structure_of_name(segment.structure.meaning)


def _is_any_of(segment: SegmentHeader, values: Iterable[str]) -> bool:
    """Whether a segment has one of the codes."""
    concept = segment.structure
    return concept is not None and any(_is(concept, value) for value in values)


def _is_any(segment: SegmentHeader) -> bool:
    """Whether its code says no more than that it is something."""
    concept = segment.structure
    return concept is None or _ANYTHING.fullmatch(concept.meaning.lower()) is not None


def _is(concept: Concept, value: str) -> bool:
    """Whether a concept is that of SNOMED CT, in the older codes too."""
    scheme = _SNOMED_RT.get(concept.scheme, concept.scheme)
    return bool(Code(concept.value, scheme, "") == Code(value, "SCT", ""))
