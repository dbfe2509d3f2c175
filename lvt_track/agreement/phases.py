"""How far volumes deviate between contrast phases over many patients, with 95 % intervals.

Several phases and studies of one patient are no independent evidence, so all intervals come from
leaving out one patient after the other (the jackknife), with Student's t for patients less one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lvt_track.agreement.coefficients import Estimate, jackknife_half_width
from lvt_track.agreement.limits import LEAST_FOR_INTERVAL
from lvt_track.core.geometry import FloatArray

__all__ = ["ALL_PHASES", "PhaseDeviation", "PhaseStatistic", "summarise_phases"]

ALL_PHASES = "all"
"""Stands where phases are taken together."""

_NAN = float("nan")


@dataclass(frozen=True)
class PhaseDeviation:
    """By how much a volume in one phase of one study deviates from what it is compared with.

    Attributes:
        patient: whose study it is.
        study: tells the studies of a patient apart.
        phase: contrast phase.
        percent: the deviation.
        slice_thickness_mm: of the phase, or of the reference where that is thicker.
    """

    patient: str
    study: str
    phase: str
    percent: float
    slice_thickness_mm: float


@dataclass(frozen=True)
class PhaseStatistic:
    """One statistic over the phases of many studies.

    Attributes:
        phase: contrast phase, or ALL_PHASES.
        name: of the statistic.
        estimate: its value, with the interval over patients; without one below
            `LEAST_FOR_INTERVAL` patients.
        phases, studies, patients: how many there are.
    """

    phase: str
    name: str
    estimate: Estimate
    phases: int
    studies: int
    patients: int


def summarise_phases(deviations: Sequence[PhaseDeviation]) -> tuple[PhaseStatistic, ...]:
    """Mean absolute and mean deviation, over all phases and by phase, and what slices add.

    `slope_percent_per_mm` is how much the absolute deviation grows with each mm of slice
    thickness: least squares of |deviation| on thickness over all phases.

    Args:
        deviations: one per phase that is compared.
    """
    by_phase = {ALL_PHASES: list(deviations)} if deviations else {}
    for phase in dict.fromkeys(item.phase for item in deviations):
        by_phase[phase] = [item for item in deviations if item.phase == phase]
    summary: list[PhaseStatistic] = []
    for phase, of_phase in by_phase.items():
        percent = np.array([item.percent for item in of_phase])
        level = np.ones((len(of_phase), 1))
        statistics = {
            "mean_absolute_deviation_percent": _regressed(level, np.abs(percent), of_phase)[0],
            "mean_deviation_percent": _regressed(level, percent, of_phase)[0],
        }
        if phase == ALL_PHASES:
            thickness = np.array([item.slice_thickness_mm for item in of_phase])
            design = np.column_stack([level, thickness])
            statistics["slope_percent_per_mm"] = _regressed(design, np.abs(percent), of_phase)[1]
        counts = (
            len(of_phase),
            len({(item.patient, item.study) for item in of_phase}),
            len({item.patient for item in of_phase}),
        )
        summary += [
            PhaseStatistic(phase, name, value, *counts) for name, value in statistics.items()
        ]
    return tuple(summary)


def _regressed(
    design: FloatArray, values: FloatArray, items: Sequence[PhaseDeviation]
) -> list[Estimate]:
    """Coefficients of least squares (n, k) -> (n,), with intervals over patients."""
    names, patient = np.unique([item.patient for item in items], return_inverse=True)
    count, width = len(names), design.shape[1]
    # The normal equations of each patient add up, so leaving one out is a subtraction.
    grams, moments = np.zeros((count, width, width)), np.zeros((count, width))
    np.add.at(grams, patient, design[:, :, None] * design[:, None, :])
    np.add.at(moments, patient, design * values[:, None])
    whole = _solved(grams.sum(axis=0), moments.sum(axis=0))
    if count < LEAST_FOR_INTERVAL:
        return [Estimate(float(value), _NAN, _NAN) for value in whole]
    without = _solved(grams.sum(axis=0) - grams, moments.sum(axis=0) - moments)
    half = jackknife_half_width(without)
    return [
        Estimate(float(v), float(v - h), float(v + h)) for v, h in zip(whole, half, strict=True)
    ]


def _solved(gram: FloatArray, moment: FloatArray) -> FloatArray:
    """Solutions (..., k) of normal equations; nan where they are not determined.

    They are not where all slices have one thickness.
    """
    determined = np.linalg.matrix_rank(gram) == gram.shape[-1]
    safe = np.where(determined[..., None, None], gram, np.eye(gram.shape[-1]))
    solved = np.linalg.solve(safe, moment[..., None])[..., 0]
    return np.asarray(np.where(determined[..., None], solved, _NAN), dtype=np.float64)
