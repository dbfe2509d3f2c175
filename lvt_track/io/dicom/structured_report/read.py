"""Measurements in DICOM structured reports: the groups of TID 1500 (TID 1410, 1411 and 1501).

The content tree is read as it stands instead of by template, because reading software of ten
years has written these groups with SRT as well as SCT codes, with and without template
identifiers, and with coordinates in or beside the numbers they belong to.
"""

from __future__ import annotations

import datetime as dt
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pydicom
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

from lvt_track.core.response.sites import default_site_words
from lvt_track.errors import InputError
from lvt_track.io.dicom.structured_report.content import (
    ContentItem,
    ReportedPlace,
    has_code,
    named,
    places_below,
)
from lvt_track.io.dicom.structured_report.sizes import ReportedSize, sizes_in
from lvt_track.io.dicom.structured_report.terms import (
    ABSENT,
    CURRENT_RESPONSE,
    DERIVED_FROM,
    LESION_STATUS,
    PRESENCE,
    ROLE_CODES,
    TRACKING_ID,
    TRACKING_UID,
)

__all__ = ["MeasurementGroup", "read_report"]

_GROUP = ("125007", "DCM")
_FINDING_SITE = (("363698007", "SCT"), ("G-C0E3", "SRT"))
# OHIF and other programs built on Cornerstone put the reader's own label here, while the
# tracking identifier names the tool.
_FREE_TEXT = "CORNERSTONEFREETEXT"
# What has no place; a region then says where it was looked for.
_NOT_SEEN = ("absent", "not done")
_ROLES = {"targetlesion": "target", "nontargetlesion": "non-target", "newlesion": "new"}
_UNDEFINED_LENGTH = 0xFFFFFFFF
_COPY_AGAIN = "Copy or export the report again"


@dataclass(frozen=True)
class MeasurementGroup:
    """What a report says of one lesion.

    Attributes:
        path: the report.
        patient: PatientID; empty where there is none.
        date: of the study, else of the report; None where neither is known.
        lesion: the reader's label, else the tracking identifier; empty where there is neither.
        tracking_uid: equal for one lesion at all visits, if the software keeps it.
        role: `target`, `non-target` or `new`; empty where it is not said.
        site: the organ in words; empty where it is not said.
        long_axis_mm, short_axis_mm, volume_ml: None where not measured.
        places: where it was measured: the long axis, else all of its regions.
        remarks: what was odd.
        status: `absent`, `too small`, `not done` and the like; empty where it is not said.
        derived_from: the lesions it came from, by name.
    """

    path: Path
    patient: str
    date: dt.date | None
    lesion: str
    tracking_uid: str
    role: str
    site: str
    long_axis_mm: float | None
    short_axis_mm: float | None
    volume_ml: float | None
    places: tuple[ReportedPlace, ...]
    remarks: tuple[str, ...]
    status: str = ""
    derived_from: tuple[str, ...] = ()


def read_report(path: Path) -> tuple[MeasurementGroup, ...]:
    """The measurement groups of one structured report, in the order of its content.

    Reports of another kind, such as those of dose, have none.

    Raises:
        InputError: when it cannot be read, is no structured report, or gives a size in a unit
            that is no length or volume.
    """
    with warnings.catch_warnings():
        # Codes and names longer than DICOM allows are common, and harmless here.
        warnings.simplefilter("ignore")
        report = _open(path)
        try:
            groups = [
                item
                for item in ContentItem(report).descendants()
                if (has_code(item, _GROUP) and not _is_response(item)) or _is_of_lesion(item)
            ]
            return tuple(_group(path, report, item) for item in groups)
        except InputError:
            raise
        except Exception as error:
            # pydicom raises whatever a damaged length or value provokes.
            raise InputError(
                f"damaged structured report ({error})", path=path, remedy=_COPY_AGAIN
            ) from error


def _open(path: Path) -> Dataset:
    try:
        report = pydicom.dcmread(path, force=True)
        is_cut_short = any(_is_cut_short(report.get_item(tag)) for tag in list(report.keys()))
        modality = str(report.get("Modality", ""))
        has_content = "ContentSequence" in report
    except FileNotFoundError:
        raise InputError("there is no such file", path=path) from None
    except EOFError as error:
        raise InputError("the file is cut short", path=path, remedy=_COPY_AGAIN) from error
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", path=path) from error
    except Exception as error:
        raise InputError(f"damaged DICOM file ({error})", path=path, remedy=_COPY_AGAIN) from error
    if modality not in ("SR", ""):
        raise InputError(
            f"not a structured report but a DICOM file of modality {modality}",
            path=path,
            remedy="Give the structured report with the measurements",
        )
    if is_cut_short or not has_content:
        raise InputError("the file is cut short", path=path, remedy=_COPY_AGAIN)
    return report


def _is_cut_short(element: object) -> bool:
    """Whether an element, not parsed yet, has fewer bytes than it says.

    pydicom would read what is there and lose the lesions after it without a word.
    """
    if not isinstance(element, RawDataElement) or element.length == _UNDEFINED_LENGTH:
        return False
    return len(element.value or b"") < element.length


def _group(path: Path, report: Dataset, group: ContentItem) -> MeasurementGroup:
    label = next(_labels(group), "")
    lesion = label or _text(group, TRACKING_ID)
    try:
        sizes, remarks = sizes_in(group)
    except ValueError as error:
        raise InputError(
            f"lesion {lesion or '(without a name)'}: {error}",
            path=path,
            remedy="Export the measurements in mm and mL",
        ) from error
    long_axis = sizes.get("long_axis_mm")
    places = () if long_axis is None else places_below(long_axis.item)
    status = _status(group)
    if status not in _NOT_SEEN:
        places = places or places_below(group)
    return MeasurementGroup(
        path=path,
        patient=str(report.get("PatientID", "") or "").strip(),
        date=_date(report),
        lesion=lesion,
        tracking_uid=_text(group, TRACKING_UID),
        role=_role(group),
        site=_site(group),
        long_axis_mm=_value(long_axis),
        short_axis_mm=_value(sizes.get("short_axis_mm")),
        volume_ml=_value(sizes.get("volume_ml")),
        places=places,
        remarks=tuple(f"lesion {lesion}: {remark}" for remark in remarks),
        status=status,
        derived_from=tuple(filter(None, _text(group, DERIVED_FROM).split(";"))),
    )


def _is_response(group: ContentItem) -> bool:
    """Whether a group tells the response of a visit, not a lesion."""
    return any(named(group.children(), CURRENT_RESPONSE))


def _is_of_lesion(evaluation: ContentItem) -> bool:
    """Whether an evaluation, in no group, names the lesion of which it is."""
    is_of_presence = has_code(evaluation, PRESENCE, LESION_STATUS)
    return is_of_presence and any(named(evaluation.children(), TRACKING_ID))


def _status(group: ContentItem) -> str:
    answers = (group, *group.children())
    if any(item.coded_value == ABSENT for item in named(answers, PRESENCE)):
        return "absent"
    return next((item.coded_meaning for item in named(answers, LESION_STATUS)), "")


def _value(size: ReportedSize | None) -> float | None:
    return None if size is None else size.value


def _text(group: ContentItem, code: tuple[str, str]) -> str:
    return next((item.text for item in named(group.children(), code)), "")


def _labels(group: ContentItem) -> Iterator[str]:
    """Words that the reader typed."""
    for item in group.children():
        if item.coded_value[0] == _FREE_TEXT and item.coded_meaning:
            yield item.coded_meaning


def _site(group: ContentItem) -> str:
    """The organ, as RECIST counts organs; words that are not known as they are written."""
    items = list(group.children())
    items += [below for item in items if item.kind == "NUM" for below in item.children()]
    sites = (item for item in named(items, *_FINDING_SITE) if item.coded_value[0] != _FREE_TEXT)
    meaning = next((item.coded_meaning for item in sites), "")
    return default_site_words().organ(meaning) or meaning


def _role(group: ContentItem) -> str:
    codes = [item.coded_value for item in group.children()]
    coded = next((role for role, code in ROLE_CODES.items() if code in codes), "")
    if coded:
        return coded
    meanings = (re.sub(r"[\W_]", "", item.coded_meaning.lower()) for item in group.children())
    return next((_ROLES[word] for word in meanings if word in _ROLES), "")


def _date(report: Dataset) -> dt.date | None:
    for name in ("StudyDate", "ContentDate"):
        digits = str(report.get(name, "") or "").replace(".", "").replace("-", "")[:8]
        try:
            return dt.datetime.strptime(digits, "%Y%m%d").date()
        except ValueError:
            continue
    return None
