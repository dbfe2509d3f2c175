"""One DICOM segmentation: which of its segments are given masks of a series, and why others not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import MaskSource
from lvt_track.io.candidates import FoundSeries, LeftOut
from lvt_track.io.dicom.segmentation.frames import SegmentFrames, read_frames
from lvt_track.io.dicom.segmentation.header import SegmentationHeader, SegmentHeader
from lvt_track.io.dicom.segmentation.voxels import why_off_grid
from lvt_track.io.layouts.drawings.segment_classes import SegmentClasses, classes_of_segments
from lvt_track.io.layouts.given_masks import read_given_labels

__all__ = ["Drawn", "checked", "open_segmentation", "remarks"]

_CALL_THEM = "name them Liver, Liver vessels, Liver tumor 1, …"
_NAMED = 6
# Tumours of which less lies in the liver's segment were cut out of it: one label a voxel.
_LEAST_INSIDE = 0.5


@dataclass(frozen=True, eq=False)
class Drawn:
    """A segmentation with segments that are given.

    Attributes:
        header: what it says of itself.
        classes: which of its segments are given.
        frames: where they lie.
    """

    header: SegmentationHeader
    classes: SegmentClasses
    frames: SegmentFrames

    @property
    def path(self) -> Path:
        """The file."""
        return self.header.path

    def mask(self, name: str) -> MaskSource:
        """Where the mask of a class is."""
        return MaskSource(self.path, self.classes.by_class[name], is_dicom=True)

    def labels(self, name: str) -> set[str]:
        """What the segments of a class are called."""
        return {self.frames.labels[number] for number in self.classes.by_class[name]}


def open_segmentation(header: SegmentationHeader) -> Drawn | LeftOut:
    """A segmentation with segments that are given; else why it has none."""
    if not header.segments:
        reason = "a segmentation that names no segments: download or export it again"
        return LeftOut(header.path, reason, is_failure=True)
    classes = classes_of_segments(header)
    by_model = _numbers_of_lvt_model(header)
    by_class = {
        name: kept
        for name, numbers in classes.by_class.items()
        if (kept := tuple(one for one in numbers if one not in by_model))
    }
    if by_class:
        return Drawn(header, replace(classes, by_class=by_class), read_frames(header.path))
    if classes.by_class:
        reason = (
            "a segmentation that lvt's own model drew; once it is corrected and saved by another "
            "program, it is taken as given"
        )
    elif classes.doubtful:
        reason = f"a segmentation that is not used: {_doubts(classes.doubtful)}"
    else:
        reason = "a segmentation of other structures than the liver, its vessels and tumours"
    return LeftOut(header.path, reason)


def _numbers_of_lvt_model(header: SegmentationHeader) -> set[int]:
    """The segments that lvt wrote from what its model drew; readers' and corrected ones aside."""
    if header.author[:2] != ("lvt", "lvt-track"):
        return set()
    return {one.number for one in header.segments if one.algorithm == "AUTOMATIC"}


def _doubts(doubtful: Sequence[tuple[SegmentHeader, str]]) -> str:
    by_reason: dict[str, list[SegmentHeader]] = defaultdict(list)
    for segment, why in doubtful:
        by_reason[why].append(segment)
    texts = []
    for why, segments in by_reason.items():
        named = ", ".join(f"{one.number} “{one.label}”" for one in segments[:_NAMED])
        more = ", …" if len(segments) > _NAMED else ""
        word = "segment" if len(segments) == 1 else "segments"
        texts.append(f"{word} {named}{more}: {why}")
    return f"{'; '.join(texts)}: {_CALL_THEM}"


def remarks(drawn: Drawn, item: FoundSeries) -> list[str]:
    """What a reader must know of a segmentation that is used."""
    doubtful = [
        (segment, why)
        for segment, why in drawn.classes.doubtful
        if any(drawn.frames.inside(int(k), segment.number).any() for k in _of(drawn, segment))
    ]
    texts = []
    if doubtful:
        texts.append(f"of {drawn.path.name} is not used: {_doubts(doubtful)}")
    by_program = {one.number for one in drawn.header.segments if one.algorithm == "AUTOMATIC"}
    named = [name for name, its in drawn.classes.by_class.items() if by_program & set(its)]
    if named:
        whose = " and ".join(sorted(named))
        texts.append(f"{whose} of {drawn.path.name} were drawn by a program (AUTOMATIC)")
    names = {drawn.header.patient_id, item.patient_id}
    if len(names - {""}) > 1:
        texts.append(f"{drawn.path.name} names another patient than the series it was drawn on")
    return texts


def _of(drawn: Drawn, segment: SegmentHeader) -> Iterable[int]:
    return (int(frame) for frame in drawn.frames.of(segment.number))


def checked(drawn: Drawn, geometry: Geometry) -> tuple[Drawn, list[LeftOut]]:
    """What of a segmentation can be read on the grid of its series; the liver as all of it."""
    kept: dict[str, tuple[int, ...]] = {}
    faults: list[LeftOut] = []
    for name, numbers in drawn.classes.by_class.items():
        fault = why_off_grid(drawn.frames, geometry, numbers)
        if fault:
            faults.append(LeftOut(drawn.path, f"the {name}: {fault}", is_failure=True))
        elif name == "liver" and not _has_voxel(drawn.frames, numbers):
            reason = "every voxel of its liver is 0, so it is no mask of the liver"
            faults.append(LeftOut(drawn.path, reason, is_failure=True))
        else:
            kept[name] = numbers
    inside = drawn.classes.inside_liver
    if "liver" in kept and inside and _is_cut_out(drawn, kept["liver"], geometry):
        kept["liver"] = tuple(sorted({*kept["liver"], *inside}))
    return replace(drawn, classes=replace(drawn.classes, by_class=kept)), faults


def _has_voxel(frames: SegmentFrames, numbers: Iterable[int]) -> bool:
    return any(frames.inside(int(k), n).any() for n in numbers for k in frames.of(n))


def _is_cut_out(drawn: Drawn, liver: Collection[int], geometry: Geometry) -> bool:
    """Whether tumours and vessels were left out of the liver's segment, each voxel one thing."""
    if drawn.header.has_overlap is False:
        return True
    inside_liver = tuple(drawn.classes.inside_liver)
    parts = read_given_labels(MaskSource(drawn.path, inside_liver, is_dicom=True), geometry)
    whole = read_given_labels(MaskSource(drawn.path, tuple(liver), is_dicom=True), geometry)
    inside = np.count_nonzero((parts != 0) & (whole != 0))
    return bool(inside < _LEAST_INSIDE * np.count_nonzero(parts))
