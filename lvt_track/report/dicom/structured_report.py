"""The measurements of a visit as a DICOM structured report (TID 1500), for the archive.

One measurement group per lesion: tracking identifier and UID, its segment in the segmentation, both
axes with their ends as coordinates of the slice they were measured on, volume and mean HU, role and
presence; one group per criterion: sum, changes and response. Written as UNVERIFIED by a device;
where a reader signed corrections, by that reader too.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from lvt_track.core.lesion.caliper import Caliper
from lvt_track.core.lesion.lesion import Measurement
from lvt_track.core.response.assessment import Assessment, Role, Status
from lvt_track.core.response.response import Response
from lvt_track.io.dicom.structured_report.terms import (
    ABSENT,
    CURRENT_RESPONSE,
    DERIVED_FROM,
    LESION_STATUS,
    LVT_SCHEME,
    PRESENCE,
    ROLE_CODES,
)
from lvt_track.io.files import write_whole
from lvt_track.report.dicom.references import Author, SourceImages, derived_uid, set_dates

__all__ = ["ReportedLesion", "VisitReport", "write_structured_report"]

_LONG_AXIS, _SHORT_AXIS = codes.SCT.LongAxis, codes.SCT.ShortAxis
_VOLUME = Code("118565006", "SCT", "Volume")
_MILLILITER = Code("ml", "UCUM", "milliliter")
_PRESENCE, _ABSENT = Code(*PRESENCE, "Presence"), Code(*ABSENT, "Absent")
_STATUS = Code(*LESION_STATUS, "Lesion status")
_DERIVED_FROM = Code(*DERIVED_FROM, "Derived from lesions")
_ROLE = Code("recist-role", LVT_SCHEME, "Role by RECIST")
_STATE = Code("lesion-state", LVT_SCHEME, "State over the course")
_LINK = Code("earlier-lesion", LVT_SCHEME, "Lesion of an earlier visit")
_CHANGE_FROM_BASELINE = Code("change-from-baseline", LVT_SCHEME, "Change from baseline")
_CHANGE_FROM_NADIR = Code("change-from-nadir", LVT_SCHEME, "Change from nadir")
_REASON = Code("121106", "DCM", "Comment")
_ROLES = {
    Role.TARGET: Code(*ROLE_CODES["target"], "Target Lesion at Baseline"),
    Role.NON_TARGET: Code(*ROLE_CODES["non-target"], "Non-Target Lesion at Baseline"),
    Role.NEW: Code(*ROLE_CODES["new"], "New Lesion"),
}
# CDISC's terms for response, in the NCI Thesaurus.
_CATEGORIES = {
    "CR": Code("C4870", "NCIt", "Complete Remission"),
    "PR": Code("C18058", "NCIt", "Partial Remission"),
    "SD": Code("C18213", "NCIt", "Stable Disease"),
    "PD": Code("C35571", "NCIt", "Progressive Disease"),
    "NE": Code("C62222", "NCIt", "Unevaluable"),
}
_CRITERIA = {"RECIST 1.1": codes.DCM.RECIST1Point1}
_SEGMENTS = (
    codes.SCT.CouinaudHepaticSegmentI,
    codes.SCT.CouinaudHepaticSegmentII,
    codes.SCT.CouinaudHepaticSegmentIII,
    codes.SCT.CouinaudHepaticSegmentIV,
    codes.SCT.CouinaudHepaticSegmentV,
    codes.SCT.CouinaudHepaticSegmentVI,
    codes.SCT.CouinaudHepaticSegmentVII,
    codes.SCT.CouinaudHepaticSegmentVIII,
)
_SERIES_NUMBERS_FROM = 2000


@dataclass(frozen=True)
class ReportedLesion:
    """One lesion at the visit, or one that is known and was not found there.

    Attributes:
        assessment: its name, role, status and sizes.
        track_uid: equal for one tumour at all visits.
        measurement: where its axes lie; None where it is absent.
        segment: its number in the segmentation; None where it has none.
        couinaud: segments of the liver that it lies in, 1 to 8; empty where not told.
        state: what became of its tumour over the course, in a word.
        links: in words, each lesion of an earlier visit that it was.
    """

    assessment: Assessment
    track_uid: str
    measurement: Measurement | None = None
    segment: int | None = None
    couinaud: tuple[int, ...] = ()
    state: str = ""
    links: tuple[str, ...] = ()


@dataclass(frozen=True)
class VisitReport:
    """What is reported of a visit: its lesions, and its response by each criterion."""

    lesions: tuple[ReportedLesion, ...]
    responses: tuple[Response, ...]


def write_structured_report(
    content: VisitReport,
    source: SourceImages,
    segmentation: Path | None,
    path: Path,
    author: Author,
) -> None:
    """Write the report of one visit.

    Args:
        content: what is reported.
        source: the scan that was measured.
        segmentation: the DICOM segmentation of the visit, where there is one.
        path: file to write.
        author: what made it.

    Raises:
        InputError: when the scan's images cannot be referred to, having no UIDs of their own.
        OutputError: when the file cannot be written.
    """
    segments = None if segmentation is None else _header(segmentation)
    groups = [
        *(_lesion_group(lesion, source, segments, author) for lesion in content.lesions),
        *(_response_group(response) for response in content.responses),
    ]
    measured = {lesion.measurement.slice_index for lesion in content.lesions if lesion.measurement}
    images = source.images(sorted(measured) or [0])
    evidence = images if segments is None else [*images, segments]
    with warnings.catch_warnings():
        # Of values in the scan's own header that break the standard.
        warnings.simplefilter("ignore")
        report = sr.MeasurementReport(
            observation_context=_observers(author),
            procedure_reported=Code("77477000", "SCT", "Computed tomography"),
            imaging_measurements=groups,
            title=codes.DCM.ImagingMeasurementReport,
            # The library describes images that are one slice each.
            referenced_images=None if source.is_multiframe else images,
        )
        identity = (source.series_uid, author.version, repr(content))
        document = sr.ComprehensiveSR(
            evidence=evidence,
            content=report[0],
            series_instance_uid=derived_uid("sr series", source.series_uid),
            series_number=_SERIES_NUMBERS_FROM + source.series_number,
            sop_instance_uid=derived_uid("sr", *identity),
            instance_number=1,
            manufacturer="lvt",
            is_complete=True,
            is_final=False,
            is_verified=False,
        )
        document.ManufacturerModelName = "lvt-track"
        document.SoftwareVersions = author.version
        document.DeviceSerialNumber = "0"
        document.SeriesDescription = "lvt: measurements"
        set_dates(document, author.made)
        with write_whole(path) as temporary:
            document.save_as(temporary)


def _header(path: Path) -> Dataset:
    return pydicom.dcmread(path, stop_before_pixels=True)


def _observers(author: Author) -> sr.ObservationContext:
    device = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=derived_uid("device", "lvt-track", author.version),
            name="lvt",
            manufacturer_name="lvt",
            model_name="lvt-track",
        ),
    )
    person = None
    if author.reader:
        person = sr.ObserverContext(
            observer_type=codes.DCM.Person,
            observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(
                name=author.reader if "^" in author.reader else f"{author.reader}^"
            ),
        )
    return sr.ObservationContext(observer_person_context=person, observer_device_context=device)


def _lesion_group(
    lesion: ReportedLesion, source: SourceImages, segments: Dataset | None, author: Author
) -> (
    sr.VolumetricROIMeasurementsAndQualitativeEvaluations | sr.MeasurementsAndQualitativeEvaluations
):
    row = lesion.assessment
    facts = {
        "tracking_identifier": sr.TrackingIdentifier(uid=lesion.track_uid, identifier=row.lesion),
        "finding_type": codes.SCT.Lesion,
        "finding_sites": [
            sr.FindingSite(codes.SCT.Liver),
            *(sr.FindingSite(_SEGMENTS[number - 1]) for number in lesion.couinaud),
        ],
        "algorithm_id": sr.AlgorithmIdentification(
            name=f"lvt {author.model}".strip(),
            version=author.version,
            family=codes.DCM.ArtificialIntelligence if author.model else None,
        ),
        "measurements": list(_sizes(lesion)) or None,
        "qualitative_evaluations": list(_evaluations(lesion)) or None,
    }
    group: (
        sr.MeasurementsAndQualitativeEvaluations
        | sr.VolumetricROIMeasurementsAndQualitativeEvaluations
    )
    if lesion.segment is None or segments is None:
        group = sr.MeasurementsAndQualitativeEvaluations(**facts)
    else:
        reference = sr.ReferencedSegment(
            sop_class_uid=segments.SOPClassUID,
            sop_instance_uid=segments.SOPInstanceUID,
            segment_number=lesion.segment,
            source_series=sr.SourceSeriesForSegmentation(source.series_uid),
        )
        group = sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
            referenced_segment=reference, **facts
        )
    if row.derived_from:
        group[0].ContentSequence.append(_text(_DERIVED_FROM, ";".join(row.derived_from)))
    for link in lesion.links:
        group[0].ContentSequence.append(_text(_LINK, link))
    if lesion.measurement is not None:
        _draw_calipers(group[0], lesion.measurement, source)
    return group


def _draw_calipers(group: Dataset, size: Measurement, source: SourceImages) -> None:
    """The ends of both axes below their numbers.

    The library allows these in groups without a segment only; TID 300, which both kinds of group
    take their numbers from, has them in either.
    """
    calipers = {_LONG_AXIS.value: size.long_axis, _SHORT_AXIS.value: size.short_axis}
    for item in group.ContentSequence:
        if item.ValueType == "NUM" and item.name.value in calipers:
            line = _line(calipers[item.name.value], size.slice_index, source)
            item.ContentSequence = [*item.get("ContentSequence", ()), line]


def _sizes(lesion: ReportedLesion) -> Iterator[sr.Measurement]:
    row, size = lesion.assessment, lesion.measurement
    for name, value, unit in (
        (_LONG_AXIS, row.long_axis_mm, codes.UCUM.Millimeter),
        (_SHORT_AXIS, row.short_axis_mm, codes.UCUM.Millimeter),
        (_VOLUME, row.volume_ml, _MILLILITER),
    ):
        if value is not None:
            yield sr.Measurement(name=name, value=_significant(value), unit=unit)
    if size is not None and size.mean_hu is not None:
        yield sr.Measurement(
            name=codes.DCM.AttenuationCoefficient,
            value=round(size.mean_hu, 2),
            unit=codes.UCUM.HounsfieldUnit,
            derivation=codes.SCT.Mean,
        )


def _significant(value: float) -> float:
    """Six digits that count: what a decimal string of DICOM surely holds."""
    return float(f"{value:.6g}")


def _line(caliper: Caliper, slice_index: int, source: SourceImages) -> sr.CoordinatesForMeasurement:
    """The ends of a caliper as columns and rows of its slice, (0, 0) the first pixel's corner."""
    ends = np.array([caliper.start_mm, caliper.end_mm])
    pixels = source.geometry.to_index(ends)[:, [2, 1]] + 0.5
    image = source.images([slice_index])[0]
    frame = source.frame_of(slice_index)
    return sr.CoordinatesForMeasurement(
        graphic_type=sr.GraphicTypeValues.POLYLINE,
        graphic_data=pixels,
        source_image=sr.SourceImageForRegion(
            referenced_sop_class_uid=image.SOPClassUID,
            referenced_sop_instance_uid=image.SOPInstanceUID,
            referenced_frame_numbers=None if frame is None else [frame],
        ),
    )


def _evaluations(lesion: ReportedLesion) -> Iterator[sr.QualitativeEvaluation]:
    row = lesion.assessment
    if lesion.state:
        value = Code(lesion.state, LVT_SCHEME, lesion.state)
        yield sr.QualitativeEvaluation(name=_STATE, value=value)
    if row.role is not None:
        yield sr.QualitativeEvaluation(name=_ROLE, value=_ROLES[row.role])
    if row.status is Status.ABSENT:
        yield sr.QualitativeEvaluation(name=_PRESENCE, value=_ABSENT)
    elif row.status is not Status.MEASURED:
        value = Code(row.status.replace(" ", "-"), LVT_SCHEME, row.status.value)
        yield sr.QualitativeEvaluation(name=_STATUS, value=value)


def _response_group(response: Response) -> sr.MeasurementsAndQualitativeEvaluations:
    """Sum, changes and category by one criterion, with the reason in words."""
    method = _CRITERIA.get(response.criterion, Code("criterion", LVT_SCHEME, response.criterion))
    category = _CATEGORIES.get(
        response.category, Code(response.category[:16], LVT_SCHEME, response.category)
    )
    percent = codes.UCUM.Percent
    numbers = (
        (codes.DCM.MeasurementOfResponse, response.sum_mm, codes.UCUM.Millimeter),
        (codes.DCM.MeasurementOfResponse, response.sum_ml, _MILLILITER),
        (_CHANGE_FROM_BASELINE, response.change_from_baseline_percent, percent),
        (_CHANGE_FROM_NADIR, response.change_from_nadir_percent, percent),
    )
    group = sr.MeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(
            uid=derived_uid("criterion", response.criterion), identifier=response.criterion
        ),
        finding_type=codes.DCM.ResponseEvaluation,
        method=method,
        measurements=[
            sr.Measurement(name=name, value=_significant(value), unit=unit)
            for name, value, unit in numbers
            if value is not None
        ]
        or None,
        qualitative_evaluations=[
            sr.QualitativeEvaluation(
                name=Code(*CURRENT_RESPONSE, "Current Response"), value=category
            )
        ],
    )
    group[0].ContentSequence.append(_text(_REASON, response.reason))
    return group


def _text(name: Code, value: str) -> sr.TextContentItem:
    return sr.TextContentItem(
        name=name, value=value, relationship_type=sr.RelationshipTypeValues.CONTAINS
    )
