"""One visit: read the scan, get its masks, find and measure its lesions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.components import count_components
from lvt_track.core.course import EDITED, GIVEN, VisitFindings
from lvt_track.core.field_of_view import liver_is_cut
from lvt_track.core.geometry import Box, bounding_box
from lvt_track.core.lesion.lesion import Lesion
from lvt_track.core.series import Phase, Series, Visit
from lvt_track.core.volume import BoolArray, LabelArray, Masks, Volume
from lvt_track.errors import InputError
from lvt_track.lesions.components import ShapeTable, find_lesions, lesion_shapes
from lvt_track.lesions.lookalikes import lookalikes
from lvt_track.lesions.lookback.scan import LiverScan, liver_scan
from lvt_track.lesions.spots import drawn_spots
from lvt_track.lesions.tumor_probability import (
    FITTED_TO,
    improbable,
    lesion_evidence,
    tumor_probability,
)
from lvt_track.measure.field_of_view import blank_warning
from lvt_track.measure.phases import SliceCounts
from lvt_track.pipeline.masks import SegmentedScan
from lvt_track.pipeline.patient.visit.read_ahead import ScansAhead, series_in_order
from lvt_track.pipeline.patient.visit.series_masks import (
    SeriesAt,
    SeriesMasks,
    SeriesScan,
    cut_liver,
    series_masks,
)
from lvt_track.pipeline.patient.visit.viability import PhaseScan, phase_scan, with_viability
from lvt_track.pipeline.run.context import Run
from lvt_track.register.liver_image import LiverImage, liver_image
from lvt_track.segment.postprocess.fluid import fluid_warning

Scalar = TypeVar("Scalar", bound=np.generic)

__all__ = ["VisitScan", "copied_tumors", "read_visit", "with_tumors"]

# Key images show up to this much around a lesion at the liver's border.
_MARGIN_MM = 45.0
_AIR_HU = -1000


@dataclass(frozen=True, eq=False)
class VisitScan:
    """A visit in memory: the liver's surroundings only, so that ten visits fit.

    Attributes:
        findings: what was found.
        volume: HU around the liver.
        labels: lesion labels on the grid of `volume`.
        shapes: sample points of each lesion, for matching.
        image: coarse picture for registration, of the tumours as they were drawn.
        liver: the liver in cells, for looking back; None without a liver.
        digest: of the voxels of the whole scan, to know the same one again.
        box: where the grid of `volume` lies in that of the scan.
        cysts: what the model left out of the tumours as fluid, on the grid of `volume`; nothing
            where a reader gave or edited the tumours.
        returned: of the cysts, those that are tumours by the agreement of an earlier run.
        phases: all series of the visit and what their slices hold, the tracked one first; empty
            where there is only one.
    """

    findings: VisitFindings
    volume: Volume
    labels: LabelArray
    shapes: ShapeTable
    image: LiverImage
    liver: LiverScan | None
    digest: str
    box: Box
    cysts: BoolArray
    returned: BoolArray
    phases: tuple[tuple[Series, SliceCounts], ...] = ()

    @property
    def tracked(self) -> SeriesAt:
        """The series that is followed."""
        return SeriesAt(self.findings.visit, self.findings.visit.tracked)

    def on_scan(self, part: NDArray[Scalar], around: float = 0) -> NDArray[Scalar]:
        """An array on the grid of `volume`, on the grid of the whole scan.

        Args:
            part: the array (z, y, x).
            around: the value elsewhere.
        """
        whole = np.full(self.findings.geometry.shape, around, dtype=part.dtype)
        whole[self.box] = part
        return whole


def read_visit(
    before: Sequence[VisitScan], visit: Visit, run: Run, ahead: ScansAhead, is_current: bool
) -> VisitScan:
    """Read and segment a visit, and measure its lesions.

    Args:
        before: the visits of the course that were read before.
        visit: the visit.
        run: its masks are written below its folder, if it has one.
        ahead: reads the scans.
        is_current: whether masks of an earlier run hold, see `series_masks`.

    Raises:
        InputError: when a scan or a mask given for it cannot be used, or when the scan is that
            of a visit before under another date.
    """
    tracked, *others = series_in_order(visit, run.other_phases)
    with run.watch.stage("read"):
        source = ahead.read(tracked)
        _check_new(source.digest, visit, before)
    drawn = series_masks(source, run, is_current, ahead.beside)
    try:
        beside = _other_series(others, run, ahead, is_current)
        scan = _measured(len(before), source, drawn, beside, run)
        warnings = (*scan.findings.warnings, *copied_tumors(scan, before))
        return replace(scan, findings=replace(scan.findings, warnings=warnings))
    finally:
        drawn.settle(run)


def _measured(
    number: int, source: SeriesScan, drawn: SeriesMasks, others: _Others, run: Run
) -> VisitScan:
    """A visit that was segmented.

    Args:
        number: of the visit in the course.
        source: its tracked series.
        drawn: the masks of that.
        others: its other series.
        run: the run.
    """
    scan, masks, volume = drawn.scan, drawn.scan.masks, source.volume
    series = source.at.series
    with run.watch.stage("measure"):
        # What a reader drew is measured as drawn.
        at_edges = scan.sources["tumors"] not in (GIVEN, EDITED)
        labels, lesions = find_lesions(number, volume, masks, at_edges)
        if at_edges:
            lesions = _weighed(lesions, labels, volume, scan)
        shapes = lesion_shapes(labels, lesions, volume.geometry)
    with run.watch.stage("register"):
        image = liver_image(volume, masks)
    with run.watch.stage("look back"):
        liver = liver_scan(volume, masks, scan.probabilities.get("tumors"))
    with run.watch.stage("measure"):
        tracked = PhaseScan(series.phase, volume, masks)
        lesions = with_viability(lesions, labels, tracked, others.shown)
    # Models warn of what the ends of the grid cut off theirs.
    is_told = scan.sources["liver"] != GIVEN and liver_is_cut(masks.liver, None)
    cut = cut_liver(image.is_cut and not is_told)
    findings = VisitFindings(
        visit=source.at.visit,
        geometry=volume.geometry,
        liver_ml=masks.volume_ml("liver"),
        vessels_ml=masks.volume_ml("vessels"),
        tumors_ml=masks.volume_ml("tumors"),
        lesions=lesions,
        sources=scan.sources,
        warnings=(*series.warnings, *scan.warnings, *cut, *blank_warning(volume)),
    )
    around = bounding_box(masks.liver | masks.tumors)
    box = volume.geometry.widened(around, _MARGIN_MM) if around else volume.geometry.whole
    nothing = np.zeros_like(masks.tumors[box])
    return VisitScan(
        findings=findings,
        volume=Volume(volume.hu[box].copy(), volume.geometry.crop(box)),
        labels=labels[box].copy(),
        shapes=shapes,
        image=image,
        liver=liver,
        digest=source.digest,
        box=box,
        cysts=nothing if scan.cysts is None else scan.cysts[box].copy(),
        returned=nothing if drawn.returned is None else drawn.returned[box].copy(),
        phases=((series, SliceCounts.of(masks)), *others.phases) if others.phases else (),
    )


def _weighed(
    lesions: tuple[Lesion, ...], labels: LabelArray, volume: Volume, scan: SegmentedScan
) -> tuple[Lesion, ...]:
    """Lesions that a model drew, with what speaks against them and how likely they are tumours.

    How likely is known of the embedded model alone, which the coefficients were fitted to.
    """
    spots = drawn_spots(volume, scan.masks, labels)
    reasons = lookalikes(volume, scan.masks, spots)
    lesions = tuple(replace(one, doubt=reasons.get(one.label, "")) for one in lesions)
    probability = scan.probabilities.get("tumors")
    if probability is None or scan.sources["tumors"] != FITTED_TO:
        return lesions
    evidence = lesion_evidence(spots, probability, reasons)
    return tuple(
        replace(
            one,
            tumor_probability=tumor_probability(evidence[one.label]),
            doubt=one.doubt or improbable(evidence[one.label]),
        )
        if one.label in evidence
        else one
        for one in lesions
    )


@dataclass(frozen=True, eq=False)
class _Others:
    """The series of a visit beside the tracked one, where they are to be compared.

    Attributes:
        phases: each with what its slices hold.
        shown: what the arterial and the native ones show around the liver.
    """

    phases: list[tuple[Series, SliceCounts]]
    shown: list[PhaseScan]


def _other_series(
    others: Sequence[SeriesAt], run: Run, ahead: ScansAhead, is_current: bool
) -> _Others:
    phases, shown = [], []
    for at in others:
        with run.watch.stage("read"):
            source = ahead.read(at)
        drawn = series_masks(source, run, is_current, ahead.beside)
        scan = drawn.scan
        warned = replace(at.series, warnings=(*at.series.warnings, *scan.warnings))
        phases.append((warned, SliceCounts.of(scan.masks)))
        if at.series.phase in (Phase.ARTERIAL, Phase.NATIVE):
            shown.append(phase_scan(at.series.phase, source.volume, scan.masks))
        drawn.settle(run)
    return _Others(phases, [one for one in shown if one is not None])


def with_tumors(visit: int, scan: VisitScan, more: BoolArray) -> VisitScan:
    """A visit some of whose cysts are tumours.

    Args:
        visit: its index in the course.
        scan: the visit.
        more: the cysts that are tumours, on the grid of its `volume`.
    """
    findings = scan.findings
    tumors = scan.on_scan((scan.labels > 0) | more)
    masks = Masks(np.zeros_like(tumors), np.zeros_like(tumors), tumors, findings.geometry)
    hu: NDArray[Any] = scan.on_scan(scan.volume.hu, _AIR_HU)
    volume = Volume(hu, findings.geometry)
    labels, lesions = find_lesions(visit, volume, masks)
    # What did not change keeps its size, and whether the scan ends in it: beyond the liver's
    # surroundings nothing is left here that could tell.
    known = {lesion.voxels: lesion for lesion in findings.lesions}
    lesions = tuple(_as_known(one, known.get(one.voxels)) for one in lesions)
    left = scan.cysts & ~more
    fluid = fluid_warning(count_components(scan.cysts))
    warnings = [text for text in findings.warnings if text not in fluid]
    warnings.append(_returned_warning(count_components(more), count_components(left)))
    more_on_scan = scan.on_scan(more)
    phases = scan.phases
    if phases:
        (series, counts), *others = phases
        phases = ((series, counts.with_tumors(more_on_scan)), *others)
    return replace(
        scan,
        findings=replace(
            findings,
            tumors_ml=masks.volume_ml("tumors"),
            lesions=lesions,
            warnings=tuple(warnings),
        ),
        labels=labels[scan.box].copy(),
        shapes=lesion_shapes(labels, lesions, findings.geometry),
        liver=None if scan.liver is None else scan.liver.with_tumors(more_on_scan),
        cysts=left,
        phases=phases,
    )


def _as_known(lesion: Lesion, known: Lesion | None) -> Lesion:
    """A lesion of the same voxels as a known one, with its size."""
    if known is None:
        return lesion
    return replace(
        lesion,
        measurement=known.measurement,
        viability=known.viability,
        is_cut=known.is_cut,
        doubt=known.doubt,
        tumor_probability=known.tumor_probability,
    )


def _returned_warning(tumors: int, cysts: int) -> str:
    """What to say of spots as dark as fluid, some of which are tumours of other visits."""
    spots, are = ("1 spot", "is") if tumors == 1 else (f"{tumors} spots", "are")
    text = f"{spots} as dark as fluid {are} counted as tumour, as at another visit"
    if cysts == 0:
        return text
    more = "1 more is taken for a simple cyst"
    if cysts > 1:
        more = f"{cysts} more are taken for simple cysts"
    return f"{text}; {more}"


def copied_tumors(scan: VisitScan, before: Sequence[VisitScan]) -> tuple[str, ...]:
    """A warning where the given tumours of a visit are those of a visit before.

    Nobody draws the same voxels twice: a mask was copied, or lies beside the wrong scan.
    """
    places = _given_tumors(scan)
    for other in before if len(places) else ():
        if np.array_equal(places, _given_tumors(other)):
            date = other.findings.visit.name
            return (f"its tumour mask is that of {date}, voxel for voxel: is it of this visit?",)
    return ()


def _given_tumors(scan: VisitScan) -> NDArray[np.intp]:
    """Voxels (n, 3) of the whole scan that a reader calls tumour; none of a model's."""
    if scan.findings.sources["tumors"] not in (GIVEN, EDITED):
        return np.zeros((0, 3), np.intp)
    start = np.array([axis.start for axis in scan.box], dtype=np.intp)
    places: NDArray[np.intp] = np.argwhere(scan.labels > 0) + start
    return places


def _check_new(digest: str, visit: Visit, before: Sequence[VisitScan]) -> None:
    """A scan must be none of the scans before."""
    for other in before:
        if other.digest == digest:
            raise InputError(
                f"its images are those of {other.findings.visit.name}, voxel for voxel",
                path=visit.tracked_series.files[0].parent,
                remedy="Remove one of the two, or put the right scan in its place",
            )
