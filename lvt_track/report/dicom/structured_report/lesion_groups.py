"""A lesion as a measurement group of TID 1500, on the image that shows it or its place.

With sizes a group has both axes with their ends on the slice they were measured on (TID 1411 where
there is a segment, else 1501). Without sizes, absent or cut by the end of the scan, it has the
place as a point (TID 1410): a group without coordinates is legal and ends OHIF's viewer of reports.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes

from lvt_track.core.lesion.caliper import Caliper, Point
from lvt_track.core.lesion.lesion import Measurement
from lvt_track.report.dicom.references import Author, SourceImages
from lvt_track.report.dicom.structured_report import codes as terms
from lvt_track.report.dicom.structured_report.content import ReportedLesion
from lvt_track.report.dicom.structured_report.evaluations import findings_of_lesion
from lvt_track.report.dicom.structured_report.items import add_below, significant, text_item

__all__ = ["lesion_group", "shown_slice"]


def shown_slice(lesion: ReportedLesion, source: SourceImages) -> int | None:
    """Index of the slice that shows the lesion's axes or its place; None where none does."""
    if lesion.measurement is not None:
        return lesion.measurement.slice_index
    place = lesion.assessment.position_mm
    if place is None or not source.geometry.contains(place):
        return None
    return _nearest_slice(place, source)


def lesion_group(
    lesion: ReportedLesion, source: SourceImages, segments: Dataset | None, author: Author
) -> Sequence[Dataset]:
    """The measurement group of a lesion that a slice shows, as a content sequence of one.

    Args:
        lesion: the lesion.
        source: the scan that was measured.
        segments: the DICOM segmentation of the visit, where there is one.
        author: what made the report.

    Raises:
        ValueError: for a lesion that no slice shows.
    """
    row, size = lesion.assessment, lesion.measurement
    facts = {
        "tracking_identifier": sr.TrackingIdentifier(uid=lesion.track_uid, identifier=row.lesion),
        "finding_type": codes.SCT.Lesion,
        "finding_sites": [
            sr.FindingSite(codes.SCT.Liver),
            *(sr.FindingSite(terms.COUINAUD[number - 1]) for number in lesion.couinaud),
        ],
        "algorithm_id": sr.AlgorithmIdentification(
            name=f"lvt {author.model}".strip(),
            version=author.version,
            family=codes.DCM.ArtificialIntelligence if author.model else None,
        ),
        "measurements": list(_sizes(lesion)) or None,
        "qualitative_evaluations": [
            sr.QualitativeEvaluation(name=name, value=value)
            for name, value in findings_of_lesion(lesion)
        ]
        or None,
    }
    group = _group(lesion, source, segments, facts)
    if row.derived_from:
        add_below(group[0], text_item(terms.IS_DERIVED_FROM, ";".join(row.derived_from)))
    add_below(group[0], *(text_item(terms.LINK, link) for link in lesion.links))
    if size is not None:
        _draw_calipers(group[0], size, source)
    return group


def _group(
    lesion: ReportedLesion, source: SourceImages, segments: Dataset | None, facts: dict[str, Any]
) -> Sequence[Dataset]:
    place = lesion.assessment.position_mm
    group: Sequence[Dataset]
    if lesion.measurement is None:
        if place is None:
            raise ValueError(f"{lesion.assessment.lesion} has neither sizes nor a place")
        region = _point(place, source)
        group = sr.PlanarROIMeasurementsAndQualitativeEvaluations(referenced_region=region, **facts)
        return group
    if lesion.segment is None or segments is None:
        group = sr.MeasurementsAndQualitativeEvaluations(**facts)
        return group
    reference = sr.ReferencedSegment(
        sop_class_uid=segments.SOPClassUID,
        sop_instance_uid=segments.SOPInstanceUID,
        segment_number=lesion.segment,
        source_series=sr.SourceSeriesForSegmentation(source.series_uid),
    )
    group = sr.VolumetricROIMeasurementsAndQualitativeEvaluations(
        referenced_segment=reference, **facts
    )
    return group


def _draw_calipers(group: Dataset, size: Measurement, source: SourceImages) -> None:
    """The ends of both axes below their numbers.

    The library allows these in groups without a segment only; TID 300, which both kinds of group
    take their numbers from, has them in either.
    """
    calipers = {terms.LONG_AXIS.value: size.long_axis, terms.SHORT_AXIS.value: size.short_axis}
    for item in group.ContentSequence:
        if item.ValueType == "NUM" and item.name.value in calipers:
            add_below(item, _line(calipers[item.name.value], size.slice_index, source))


def _sizes(lesion: ReportedLesion) -> Iterator[sr.Measurement]:
    row, size = lesion.assessment, lesion.measurement
    for name, value, unit in (
        (terms.LONG_AXIS, row.long_axis_mm, codes.UCUM.Millimeter),
        (terms.SHORT_AXIS, row.short_axis_mm, codes.UCUM.Millimeter),
        (terms.VOLUME, row.volume_ml, terms.MILLILITER),
    ):
        if value is not None:
            yield sr.Measurement(name=name, value=significant(value), unit=unit)
    if size is not None and size.mean_hu is not None:
        yield sr.Measurement(
            name=codes.DCM.AttenuationCoefficient,
            value=round(size.mean_hu, 2),
            unit=codes.UCUM.HounsfieldUnit,
            derivation=codes.SCT.Mean,
        )


def _nearest_slice(place: Point, source: SourceImages) -> int:
    last = source.geometry.shape[0] - 1
    return int(np.clip(np.rint(source.geometry.to_index(place)[0]), 0, last))


def _pixels(places_mm: Any, source: SourceImages) -> Any:
    """Columns and rows (n, 2) of LPS places (n, 3), (0, 0) the corner of the first pixel."""
    return source.geometry.to_index(np.asarray(places_mm))[:, [2, 1]] + 0.5


def _line(caliper: Caliper, slice_index: int, source: SourceImages) -> sr.CoordinatesForMeasurement:
    """The ends of a caliper on its slice."""
    return sr.CoordinatesForMeasurement(
        graphic_type=sr.GraphicTypeValues.POLYLINE,
        graphic_data=_pixels([caliper.start_mm, caliper.end_mm], source),
        source_image=_image(slice_index, source),
    )


def _point(place: Point, source: SourceImages) -> sr.ImageRegion:
    """A place on the slice nearest to it."""
    return sr.ImageRegion(
        graphic_type=sr.GraphicTypeValues.POINT,
        graphic_data=_pixels([place], source),
        source_image=_image(_nearest_slice(place, source), source),
    )


def _image(slice_index: int, source: SourceImages) -> sr.SourceImageForRegion:
    image, frame = source.images([slice_index])[0], source.frame_of(slice_index)
    return sr.SourceImageForRegion(
        referenced_sop_class_uid=image.SOPClassUID,
        referenced_sop_instance_uid=image.SOPInstanceUID,
        referenced_frame_numbers=None if frame is None else [frame],
    )
