"""Contours of radiotherapy planning (RTSTRUCT) beside a CT: not read, and told where missed."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset

from lvt_track.core.volume import CLASSES
from lvt_track.io.candidates import FoundSeries
from lvt_track.io.dicom.values import text
from lvt_track.io.layouts.structure_names import is_elsewhere, structure_of_name

__all__ = ["CONTOURS", "with_contours_told"]

CONTOURS = "1.2.840.10008.5.1.4.1.1.481.3"
"""SOP class of sets of contours."""

_TAGS = ["StructureSetROISequence", "ReferencedFrameOfReferenceSequence", "StudyInstanceUID"]


def with_contours_told(
    candidates: Sequence[FoundSeries], paths: Iterable[Path]
) -> list[FoundSeries]:
    """Series without given tumours that say which contours of liver or tumours are not read.

    A set of contours is of the series that it names, else of its study.
    """
    series = list(candidates)
    for path in sorted(paths):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                plan = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=_TAGS)
                names = [text(roi, "ROIName") for roi in plan.get("StructureSetROISequence") or []]
                uids = set(_series_uids(plan))
        except Exception:  # what is damaged is passed over, as what is whole is
            continue
        drawn = [name for name in names if _may_be_given(name)]
        if not drawn:
            continue
        study = text(plan, "StudyInstanceUID")
        named = [k for k, item in enumerate(series) if item.series.uid in uids]
        near = named or [k for k, item in enumerate(series) if item.study == study and not uids]
        listed = ", ".join(f"“{name}”" for name in drawn)
        told = (
            f"the contours {listed} of {path.name} (RTSTRUCT) are not read: export them as a "
            "DICOM segmentation, or as masks beside the scan, such as tumors.nii.gz"
        )
        for k in near:
            one = series[k].series
            if "tumors" not in one.masks:
                warned = replace(one, warnings=(*one.warnings, told))
                series[k] = replace(series[k], series=warned)
    return series


def _may_be_given(name: str) -> bool:
    """Whether contours may be of the liver or its tumours; GTV is what planners call a tumour."""
    structure = structure_of_name(name)
    is_tumor = name.upper().startswith(("GTV", "ITV")) and not is_elsewhere(name)
    return is_tumor or (structure is not None and structure.kind in CLASSES)


def _series_uids(plan: Dataset) -> Iterable[str]:
    for frame in plan.get("ReferencedFrameOfReferenceSequence") or []:
        for study in frame.get("RTReferencedStudySequence") or []:
            for series in study.get("RTReferencedSeriesSequence") or []:
                yield text(series, "SeriesInstanceUID")
