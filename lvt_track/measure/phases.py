"""Volumes between the contrast phases of one study, over the same part of the body.

Phases of one study differ in their field of view: an arterial scan may stop above the liver's
tip. Compared as they are, the volumes would differ by what was scanned, not by what was measured.
All phases are therefore cut to the range along the patient's long axis that every one of them
covers, before volumes are compared. Breathing between phases moves the liver through that range;
it can be told from a liver that touches the cut, which is flagged.

Tumours are compared by volume alone. Their diameters are not: what looks like the tumour differs
with its contrast, and the slice in which it is widest may be another one.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.series import Phase, PhaseVolume, Series
from lvt_track.core.volume import BoolArray, Masks

__all__ = ["SliceCounts", "compare_phases"]

_REFERENCE_ORDER = (Phase.PORTAL, Phase.DELAYED, Phase.ARTERIAL, Phase.NATIVE, Phase.UNKNOWN)

# Slices of different thickness cannot be compared to better than this (docs/use/numbers.md).
_THICKNESS_RATIO = 2.0
_THICK_SLICES_MM = 5.0


@dataclass(frozen=True, eq=False)
class SliceCounts:
    """How much of liver and tumours each slice of a series holds.

    Attributes:
        liver, tumors: voxels in each slice (z,).
        geometry: grid of the series.
    """

    liver: NDArray[np.intp]
    tumors: NDArray[np.intp]
    geometry: Geometry

    @classmethod
    def of(cls, masks: Masks) -> SliceCounts:
        """The counts of a series' masks."""
        return cls(_count_slices(masks.liver), _count_slices(masks.tumors), masks.geometry)

    def with_tumors(self, more: BoolArray) -> SliceCounts:
        """The same with more tumours (z, y, x), which were none of them."""
        return replace(self, tumors=self.tumors + _count_slices(more))


def _count_slices(mask: BoolArray) -> NDArray[np.intp]:
    """Voxels of a mask in each of its slices (z,)."""
    counts: NDArray[np.intp] = np.count_nonzero(mask, axis=(1, 2))
    return counts


def compare_phases(
    date: dt.date, phases: Sequence[tuple[Series, SliceCounts]]
) -> tuple[PhaseVolume, ...]:
    """Compare the volumes of a study's phases after the same cut of field of view.

    The reference is the portal venous phase, else the delayed, arterial, native or unknown one;
    of several the one with the thinnest slices. Slices that the cut divides count in part.

    Args:
        date: of the study.
        phases: each series with the slices of its masks; at least one.

    Returns:
        One row per phase in the order given. Deviations are None where the reference (or every
        phase) shows no liver, or no tumour, or the phases share no range.
    """
    reference = min(
        range(len(phases)),
        key=lambda k: (
            _REFERENCE_ORDER.index(phases[k][0].phase),
            phases[k][0].slice_thickness_mm,
            k,
        ),
    )
    ranges = np.array([_covered_mm(counts.geometry) for _, counts in phases])
    low, high = float(ranges[:, 0].max()), float(ranges[:, 1].min())
    weights = [_slice_weights(counts.geometry, low, high) for _, counts in phases]
    livers = [_volume_ml(m.liver, w, m.geometry) for (_, m), w in zip(phases, weights, strict=True)]
    tumors = [
        _volume_ml(m.tumors, w, m.geometry) for (_, m), w in zip(phases, weights, strict=True)
    ]
    mean_liver, mean_tumors = float(np.mean(livers)), float(np.mean(tumors))
    thickness = phases[reference][0].slice_thickness_mm
    return tuple(
        PhaseVolume(
            date=date,
            phase=series.phase,
            series=series.description,
            liver_ml=livers[k],
            tumors_ml=tumors[k],
            deviation_percent=_deviation_percent(livers[k], livers[reference]),
            deviation_from_mean_percent=_deviation_percent(livers[k], mean_liver),
            slice_thickness_mm=series.slice_thickness_mm,
            is_reference=k == reference,
            warnings=_warnings(counts, weights[k], series.slice_thickness_mm, thickness),
            tumors_deviation_percent=_deviation_percent(tumors[k], tumors[reference]),
            tumors_deviation_from_mean_percent=_deviation_percent(tumors[k], mean_tumors),
        )
        for k, (series, counts) in enumerate(phases)
    )


def _slice_span_mm(geometry: Geometry) -> FloatArray:
    """Where each slice begins and ends along the patient's long axis, (slices, 2).

    For oblique slices this is the height of the slice's centre, give or take half of what one
    slice advances.
    """
    depth, rows, columns = geometry.shape
    centres = [[k, (rows - 1) / 2, (columns - 1) / 2] for k in range(depth)]
    height = geometry.to_world(centres)[:, 2]
    half = abs(geometry.direction[2, 2]) * geometry.spacing_mm[0] / 2
    return np.stack([height - half, height + half], axis=1)


def _covered_mm(geometry: Geometry) -> tuple[float, float]:
    span = _slice_span_mm(geometry)
    return float(span.min()), float(span.max())


def _slice_weights(geometry: Geometry, low_mm: float, high_mm: float) -> FloatArray:
    """Which share of each slice lies in the range: 1 for most, less where the cut divides one."""
    span = _slice_span_mm(geometry)
    thick = span[:, 1] - span[:, 0]
    inside = np.minimum(span[:, 1], high_mm) - np.maximum(span[:, 0], low_mm)
    weights: FloatArray = np.clip(inside / np.maximum(thick, 1e-9), 0.0, 1.0)
    return weights


def _volume_ml(counts: NDArray[np.intp], weights: FloatArray, geometry: Geometry) -> float:
    return float(counts @ weights) * geometry.voxel_volume_ml


def _deviation_percent(value: float, reference: float) -> float | None:
    return 100.0 * (value - reference) / reference if reference > 0 else None


def _warnings(
    counts: SliceCounts, weights: FloatArray, thickness_mm: float, reference_mm: float
) -> tuple[str, ...]:
    warnings = []
    used = np.flatnonzero(weights > 0)
    if not used.size:
        return ("shares no range along the body with the other phases",)
    if not counts.liver[used].any():
        return ("no liver in the range that all phases cover",)
    if counts.liver[used[[0, -1]]].any():
        warnings.append("the liver reaches the end of the range that all phases cover")
    if max(thickness_mm, reference_mm) >= _THICKNESS_RATIO * min(thickness_mm, reference_mm):
        warnings.append(
            f"slices of {thickness_mm:g} mm against {reference_mm:g} mm of the reference"
        )
    elif thickness_mm >= _THICK_SLICES_MM:
        warnings.append(f"slices of {thickness_mm:g} mm make volumes uncertain by some percent")
    return tuple(warnings)
