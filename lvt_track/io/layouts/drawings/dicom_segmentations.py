"""DICOM segmentations beside the series they were drawn on: given masks, where that is certain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from lvt_track.errors import InputError
from lvt_track.io.candidates import FoundSeries, LeftOut
from lvt_track.io.dicom.segmentation.header import SegmentationHeader, read_segmentation_header
from lvt_track.io.dicom.segmentation.voxels import why_off_grid
from lvt_track.io.layouts.drawings.drawing_choice import chosen_masks
from lvt_track.io.layouts.drawings.drawn_segmentations import (
    Drawn,
    checked,
    open_segmentation,
    remarks,
)
from lvt_track.io.layouts.drawings.segment_classes import classes_of_segments

__all__ = ["with_segmentations"]


def with_segmentations(
    candidates: Sequence[FoundSeries], paths: Iterable[Path], others: Collection[str]
) -> tuple[list[FoundSeries], list[LeftOut]]:
    """CT series with the segmentations that were drawn on them, and what of these is not used.

    A segmentation belongs to the series whose images it names; where it names none, to the only
    one on whose voxels its frames lie. What lvt's own model drew is no given mask. Of two masks
    of one class a file beside the scan counts, else a segmentation that clearly replaces the other,
    else both where each draws lesions of its own; else neither does.

    Args:
        candidates: CT series that may be used, with the masks given beside them.
        paths: files of segmentations.
        others: UIDs of the DICOM series that are here and are not among the candidates.
    """
    headers, left_out = _headers(paths)
    given: dict[int, list[Drawn]] = defaultdict(list)
    notes: dict[int, list[str]] = defaultdict(list)
    for header in headers:
        try:
            drawn = open_segmentation(header)
            if isinstance(drawn, LeftOut):
                left_out.append(drawn)
                for k in _unclear_on(header, candidates):
                    notes[k].append(f"{header.path.name}: {drawn.reason}")
                continue
            place = _place(drawn, candidates, others)
            if isinstance(place, LeftOut):
                left_out.append(place)
                continue
            drawn, faults = checked(drawn, candidates[place].geometry)
        except InputError as error:
            left_out.append(LeftOut(header.path, error.what, is_failure=True))
            continue
        given[place].append(drawn)
        left_out += faults
        notes[place] += [f"{item.path.name} is not used: {item.reason}" for item in faults]
        notes[place] += remarks(drawn, candidates[place])
    series = list(candidates)
    for place in {*given, *notes}:
        masks, lost, texts = chosen_masks(candidates[place], given[place])
        left_out += lost
        before = candidates[place].series
        warnings = (*before.warnings, *notes[place], *texts)
        series[place] = replace(
            candidates[place], series=replace(before, masks=masks, warnings=warnings)
        )
    return series, left_out


def _headers(paths: Iterable[Path]) -> tuple[list[SegmentationHeader], list[LeftOut]]:
    """Headers of segmentations, each once; and what cannot be read."""
    headers: dict[str, SegmentationHeader] = {}
    left_out: list[LeftOut] = []
    for path in sorted(paths):
        try:
            header = read_segmentation_header(path)
        except InputError as error:
            left_out.append(LeftOut(path, error.what, is_failure=True))
            continue
        first = headers.setdefault(header.sop_uid or str(path), header)
        if first is not header:
            left_out.append(LeftOut(path, f"a copy of {first.path}"))
    return list(headers.values()), left_out


def _unclear_on(header: SegmentationHeader, candidates: Sequence[FoundSeries]) -> list[int]:
    """The series that a segmentation was drawn on of which nobody knows whether it is of a liver.

    A reader's tumours may be in it, and the model's stand in their place.
    """
    classes = classes_of_segments(header)
    if classes.by_class or not classes.doubtful:
        return []
    return [k for k, one in enumerate(candidates) if one.image_uids & header.image_uids]


def _place(
    drawn: Drawn, candidates: Sequence[FoundSeries], others: Collection[str]
) -> int | LeftOut:
    """Which series a segmentation was drawn on; else why that is not known."""
    header = drawn.header
    by_image = [k for k, one in enumerate(candidates) if one.image_uids & header.image_uids]
    uids = header.source_series_uids
    by_series = [k for k, one in enumerate(candidates) if one.series.uid in uids]
    near = by_image or by_series
    if not near and (uids or header.image_uids):
        if set(uids) & set(others):
            return LeftOut(header.path, "a segmentation of a series that is left out")
        reason = "a segmentation of a series that is not here"
        days = {one.date for one in candidates}
        if header.date is None or not days or header.date in days:
            return LeftOut(header.path, reason)
        reason = f"{reason}: the scan of {header.date} is missing"
        return LeftOut(header.path, reason, is_failure=True)
    if not near:
        near = [k for k, one in enumerate(candidates) if _may_be_of(header, one)]
    elif len(near) == 1:
        return near[0]
    numbers = {number for its in drawn.classes.by_class.values() for number in its}
    fits = [k for k in near if not why_off_grid(drawn.frames, candidates[k].geometry, numbers)]
    if len(fits) == 1:
        return fits[0]
    of = "that names no series" if not uids and not header.image_uids else "of several volumes"
    reason = (
        f"a segmentation {of}, and fits {len(fits)} of the {len(near)} here: draw it on one of "
        "them anew, or export masks beside the scan, such as tumors.nii.gz"
    )
    return LeftOut(header.path, reason, is_failure=True)


def _may_be_of(header: SegmentationHeader, item: FoundSeries) -> bool:
    """Whether patient and study of a segmentation that names no series are those of a series."""
    is_of_patient = not header.patient_id or item.patient_id in ("", header.patient_id)
    is_of_study = not header.study_uid or item.study == header.study_uid
    return item.series.is_dicom and is_of_patient and is_of_study
