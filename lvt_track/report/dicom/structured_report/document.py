"""The measurements of a visit as a DICOM structured report (TID 1500), for the archive.

One measurement group per lesion: tracking identifier and UID, its segment in the segmentation,
both axes with their ends as coordinates of the slice they were measured on, volume and mean HU,
role and presence; one evaluation per criterion: response, sum and changes. Written as UNVERIFIED by
a device; where a reader signed corrections, by that reader too.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Sequence
from pathlib import Path

import pydicom
from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from lvt_track.core.methods import METHODS
from lvt_track.io.files import write_whole
from lvt_track.report.dicom.references import Author, SourceImages, derived_uid, set_dates
from lvt_track.report.dicom.structured_report import codes as terms
from lvt_track.report.dicom.structured_report.content import VisitReport
from lvt_track.report.dicom.structured_report.evaluations import (
    evaluation_of_lesion,
    evaluation_of_response,
)
from lvt_track.report.dicom.structured_report.items import add_below, code_item
from lvt_track.report.dicom.structured_report.lesion_groups import lesion_group, shown_slice

__all__ = ["write_structured_report"]

_SERIES_NUMBERS_FROM = 2000
_ENGLISH = Code("en-US", "RFC5646", "English (United States)")
_CT = Code("77477000", "SCT", "Computed tomography")


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
    slices = [shown_slice(lesion, source) for lesion in content.lesions]
    images = source.images(sorted({k for k in slices if k is not None}) or [0])
    with warnings.catch_warnings():
        # Of values in the scan's own header that break the standard.
        warnings.simplefilter("ignore")
        groups: list[Dataset] = []
        evaluations: list[Dataset] = []
        for lesion, slice_index in zip(content.lesions, slices, strict=True):
            if slice_index is None:
                evaluations.append(evaluation_of_lesion(lesion))
            else:
                groups += lesion_group(lesion, source, segments, author)
        evaluations += [evaluation_of_response(response) for response in content.responses]
        # The library describes images that are one slice each.
        root = _root(author, None if source.is_multiframe else images)
        _add_container(root, codes.DCM.ImagingMeasurements, groups)
        _add_container(root, terms.QUALITATIVE_EVALUATIONS, evaluations)
        method = str(METHODS["report"])
        identity = (source.series_uid, author.version, method, *author.readers, repr(content))
        document = sr.ComprehensiveSR(
            evidence=images if segments is None else [*images, segments],
            content=root,
            series_instance_uid=derived_uid("sr series", source.series_uid),
            series_number=_SERIES_NUMBERS_FROM + source.series_number,
            sop_instance_uid=derived_uid("sr", *identity),
            instance_number=author.instance_number,
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


def _root(author: Author, images: Sequence[Dataset] | None) -> sr.ContainerContentItem:
    """The report with its context; the library has none without a measurement group."""
    root = sr.ContainerContentItem(name=codes.DCM.ImagingMeasurementReport, template_id="1500")
    procedure = code_item(codes.DCM.ProcedureReported, _CT, "HAS CONCEPT MOD")
    language = sr.LanguageOfContentItemAndDescendants(_ENGLISH)
    library = sr.ImageLibrary(images) if images else ()
    add_below(root, *language, *_observers(author), procedure, *library)
    return root


def _add_container(
    root: sr.ContainerContentItem, name: Code, items: Sequence[sr.ContentItem]
) -> None:
    if items:
        container = sr.ContainerContentItem(name=name, relationship_type="CONTAINS")
        add_below(container, *items)
        add_below(root, container)


def _observers(author: Author) -> list[Dataset]:
    device = sr.ObserverContext(
        observer_type=codes.DCM.Device,
        observer_identifying_attributes=sr.DeviceObserverIdentifyingAttributes(
            uid=derived_uid("device", "lvt-track", author.version),
            name="lvt",
            manufacturer_name="lvt",
            model_name="lvt-track",
        ),
    )
    persons = (
        sr.ObserverContext(
            observer_type=codes.DCM.Person,
            observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(
                name=_person_name(reader)
            ),
        )
        for reader in author.readers
    )
    return [*(item for person in persons for item in person), *device]


def _person_name(words: str) -> str:
    """Words as a name that DICOM takes: no separators of values or writings, 64 characters."""
    plain = " ".join(re.sub(r"[\\=\x00-\x1f]", " ", words).split())[:63]
    return plain if "^" in plain else f"{plain}^"
