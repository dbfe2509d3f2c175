"""What a DICOM segmentation says of itself: segments, author, the images it was drawn on."""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset
from pydicom.uid import UID

from lvt_track.errors import InputError
from lvt_track.io.dates import date_of_text
from lvt_track.io.dicom.header import SliceHeader
from lvt_track.io.dicom.pixel_data.missing import missing_pixels
from lvt_track.io.dicom.values import integer, text

__all__ = [
    "SEGMENTATIONS",
    "Concept",
    "SegmentHeader",
    "SegmentationHeader",
    "is_background",
    "naming_damage",
    "read_segmentation_header",
    "slices_drawn_on",
]

SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")
"""SOP classes of segmentations: of segments that may overlap, and of label maps."""

_AGAIN = "Download or export the file again"


@dataclass(frozen=True)
class Concept:
    """A coded concept: the code, the scheme that it is of, and what it means in words."""

    value: str
    scheme: str
    meaning: str


@dataclass(frozen=True)
class SegmentHeader:
    """What a segmentation says of one segment.

    Attributes:
        number: by which frames, or the pixels of a label map, refer to it.
        label: as viewers show it.
        category: what kind of thing it is; None where that is not said.
        structure: the thing itself; None where that is not said.
        regions: where in the body it is.
        description: in free words.
        algorithm: AUTOMATIC, SEMIAUTOMATIC, MANUAL, or empty.
    """

    number: int
    label: str
    category: Concept | None = None
    structure: Concept | None = None
    regions: tuple[Concept, ...] = ()
    description: str = ""
    algorithm: str = ""


@dataclass(frozen=True)
class SegmentationHeader:
    """What a segmentation says of itself.

    Attributes:
        path: the file.
        sop_uid: its SOPInstanceUID.
        series_uid: of its own series.
        study_uid: of its study.
        patient_id: of the patient.
        date: day of the study; None where it is not told.
        source_series_uids: of the series it was drawn on; none where it does not say.
        image_uids: SOPInstanceUIDs of the images it names; perhaps not all of the series.
        segments: in their order, the background of a label map left out.
        has_overlap: whether segments share voxels, as far as it says so; None where it does not.
        author: manufacturer, model, creator of the content, and description of the series.
        made: what orders it among others: day and time of its content, numbers of its series and
            of itself.
        words: what else describes the whole.
    """

    path: Path
    sop_uid: str
    series_uid: str
    study_uid: str
    patient_id: str
    date: dt.date | None
    source_series_uids: tuple[str, ...]
    image_uids: frozenset[str]
    segments: tuple[SegmentHeader, ...]
    has_overlap: bool | None
    author: tuple[str, str, str, str]
    made: tuple[str, str, int, int]
    words: str


def read_segmentation_header(path: Path) -> SegmentationHeader:
    """Read what a segmentation says of itself, voxels left aside.

    Raises:
        InputError: when it is not DICOM, cut short, or damaged.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with path.open("rb") as file:
                dataset = pydicom.dcmread(file, stop_before_pixels=True)
                syntax = UID(str(dataset.file_meta.get("TransferSyntaxUID", "")))
                fault = missing_pixels(path, file, dataset, syntax) if "Rows" in dataset else ""
        except Exception as error:
            raise InputError(f"cannot be read as DICOM ({error})", path=path) from error
        if fault:
            raise InputError(fault, path=path, remedy=_AGAIN)
        with naming_damage(path):
            return _header(path, dataset)


@contextmanager
def naming_damage(path: Path) -> Iterator[None]:
    """Name a segmentation in whatever pydicom raises at its damaged or missing elements.

    Raises:
        InputError: with the file, and what to do.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"not a DICOM segmentation that can be read ({error})", path=path, remedy=_AGAIN
        ) from error


def is_background(number: int, dataset: Dataset) -> bool:
    """Whether a segment of a label map is what lies around the others."""
    is_map = text(dataset, "SegmentationType") == "LABELMAP"
    return is_map and number == integer(dataset, "PixelPaddingValue")


def slices_drawn_on(
    segmentation: SegmentationHeader, headers: Sequence[SliceHeader]
) -> list[SliceHeader]:
    """The slices of a series that belong to the volume a segmentation was drawn on.

    A series may hold several acquisitions (contrast phases) at the same places; the right one has
    the images that the segmentation names. Slices it does not name for want of anything to draw
    there are kept.
    """
    of_series = [one for one in headers if one.series_uid in segmentation.source_series_uids]
    acquisitions = {one.acquisition for one in of_series if one.sop_uid in segmentation.image_uids}
    return (
        [one for one in of_series if one.acquisition in acquisitions] if acquisitions else of_series
    )


def _header(path: Path, dataset: Dataset) -> SegmentationHeader:
    series = dataset.get("ReferencedSeriesSequence") or []
    uids = (text(one, "SeriesInstanceUID") for one in series)
    overlap = text(dataset, "SegmentsOverlap")
    if text(dataset, "SegmentationType") == "LABELMAP":
        overlap = "NO"
    author = ("Manufacturer", "ManufacturerModelName", "ContentCreatorName", "SeriesDescription")
    manufacturer, model, creator, description = (text(dataset, keyword) for keyword in author)
    words = ("SeriesDescription", "ContentDescription", "ContentLabel")
    return SegmentationHeader(
        path=path,
        sop_uid=text(dataset, "SOPInstanceUID"),
        series_uid=text(dataset, "SeriesInstanceUID"),
        study_uid=text(dataset, "StudyInstanceUID"),
        patient_id=text(dataset, "PatientID"),
        date=date_of_text(text(dataset, "StudyDate"))[0],
        source_series_uids=tuple(dict.fromkeys(uid for uid in uids if uid)),
        image_uids=frozenset(_image_uids(dataset, series)),
        segments=tuple(
            _segment(item)
            for item in dataset.get("SegmentSequence") or []
            if not is_background(int(item.SegmentNumber), dataset)
        ),
        has_overlap={"YES": True, "NO": False}.get(overlap),
        author=(manufacturer, model, creator, description),
        made=(
            text(dataset, "ContentDate"),
            text(dataset, "ContentTime"),
            integer(dataset, "SeriesNumber"),
            integer(dataset, "InstanceNumber"),
        ),
        words=" ".join(text(dataset, keyword) for keyword in words),
    )


def _segment(item: Dataset) -> SegmentHeader:
    category = _concepts(item, "SegmentedPropertyCategoryCodeSequence")
    structure = _concepts(item, "SegmentedPropertyTypeCodeSequence")
    return SegmentHeader(
        number=int(item.SegmentNumber),
        label=text(item, "SegmentLabel"),
        category=next(iter(category), None),
        structure=next(iter(structure), None),
        regions=_concepts(item, "AnatomicRegionSequence"),
        description=text(item, "SegmentDescription"),
        algorithm=text(item, "SegmentAlgorithmType").upper(),
    )


def _concepts(item: Dataset, keyword: str) -> tuple[Concept, ...]:
    return tuple(
        Concept(
            text(one, "CodeValue") or text(one, "LongCodeValue"),
            text(one, "CodingSchemeDesignator"),
            text(one, "CodeMeaning"),
        )
        for one in item.get(keyword) or []
    )


def _image_uids(dataset: Dataset, series: Iterable[Dataset]) -> Iterator[str]:
    """The images that the whole names; where it names none, those that its frames do."""
    places = [*series, dataset]
    keywords = ("ReferencedInstanceSequence", "ReferencedImageSequence", "SourceImageSequence")
    images = [one for item in places for word in keywords for one in item.get(word) or []]
    if not images:
        groups = [
            *(dataset.get("SharedFunctionalGroupsSequence") or []),
            *(dataset.get("PerFrameFunctionalGroupsSequence") or []),
        ]
        derived = [one for group in groups for one in group.get("DerivationImageSequence") or []]
        images = [image for one in derived for image in one.get("SourceImageSequence") or []]
    for image in images:
        uid = text(image, "ReferencedSOPInstanceUID")
        if uid:
            yield uid
