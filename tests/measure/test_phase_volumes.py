"""Liver volume between phases: the same cut for all, and what limits the comparison."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import Phase, PhaseVolume, Series
from lvt_track.core.volume import BoolArray, Masks
from lvt_track.measure import phases

DATE = dt.date(2024, 1, 15)


def ball(geometry: Geometry, radius_mm: float = 60.0) -> BoolArray:
    index = np.stack(np.indices(geometry.shape), axis=-1)
    inside: BoolArray = np.linalg.norm(geometry.to_world(index), axis=-1) <= radius_mm
    return inside


def scan(
    phase: Phase, slices: int, thickness_mm: float, first_mm: float, radius_mm: float = 60.0
) -> tuple[Series, Masks]:
    """A scan of a ball at the origin, from `first_mm` upwards."""
    geometry = Geometry.axial((slices, 70, 70), (thickness_mm, 2, 2), (-69, -69, first_mm))
    liver = ball(geometry, radius_mm)
    tumors = ball(geometry, 15.0)
    series = Series(
        files=(Path("ct.nii.gz"),),
        uid=phase.value,
        description=f"{phase.value} {thickness_mm:g}",
        phase=phase,
        shape=geometry.shape,
        spacing_mm=geometry.spacing_mm,
        slice_thickness_mm=thickness_mm,
        is_dicom=False,
    )
    return series, Masks(liver, np.zeros_like(liver), tumors, geometry)


def compare_phases(date: dt.date, scans: Sequence[tuple[Series, Masks]]) -> tuple[PhaseVolume, ...]:
    counted = [(series, phases.SliceCounts.of(masks)) for series, masks in scans]
    return phases.compare_phases(date, counted)


def test_whole_livers_agree() -> None:
    rows = compare_phases(DATE, [scan(Phase.ARTERIAL, 65, 2, -64), scan(Phase.PORTAL, 66, 2, -65)])
    arterial, portal = rows
    assert portal.is_reference
    assert not arterial.is_reference
    assert portal.liver_ml == pytest.approx(4 / 3 * np.pi * 60**3 / 1000, rel=0.01)
    assert portal.deviation_percent == 0
    assert arterial.deviation_percent == pytest.approx(0, abs=0.5)
    assert sum(row.deviation_from_mean_percent or 0 for row in rows) == pytest.approx(0, abs=1e-9)
    assert not arterial.warnings


def test_all_phases_are_cut_to_what_every_one_covers() -> None:
    short, whole = compare_phases(
        DATE, [scan(Phase.ARTERIAL, 40, 2, -64), scan(Phase.PORTAL, 66, 2, -65)]
    )
    assert short.deviation_percent == pytest.approx(0, abs=0.7)
    assert whole.liver_ml < 4 / 3 * np.pi * 60**3 / 1000 * 0.8
    assert any("reaches the end of the range" in text for text in short.warnings)
    assert any("reaches the end of the range" in text for text in whole.warnings)


def test_slices_that_the_cut_divides_count_in_part() -> None:
    """The cut falls into the middle of 8 mm slices: without parts the volume jumps by percents."""
    for last in range(30, 40):
        fine, coarse = compare_phases(
            DATE, [scan(Phase.ARTERIAL, last, 2, -64), scan(Phase.PORTAL, 18, 8, -64)]
        )
        assert fine.liver_ml == pytest.approx(coarse.liver_ml, rel=0.025)


def test_real_differences_remain() -> None:
    rows = compare_phases(
        DATE,
        [scan(Phase.PORTAL, 65, 2, -64), scan(Phase.ARTERIAL, 65, 2, -64, radius_mm=60 * 0.95)],
    )
    assert rows[1].deviation_percent == pytest.approx(100 * (0.95**3 - 1), abs=0.5)
    assert rows[0].tumors_ml == pytest.approx(rows[1].tumors_ml)
    assert rows[1].tumors_deviation_percent == pytest.approx(0)


def test_tumours_deviate_by_volume() -> None:
    small, large = scan(Phase.ARTERIAL, 65, 2, -64), scan(Phase.PORTAL, 65, 2, -64)
    masks = small[1]
    shrunken = Masks(masks.liver, masks.vessels, ball(masks.geometry, 15 * 0.9), masks.geometry)
    arterial, portal = compare_phases(DATE, [(small[0], shrunken), large])
    assert arterial.deviation_percent == pytest.approx(0)
    assert arterial.tumors_deviation_percent == pytest.approx(100 * (0.9**3 - 1), abs=3)
    assert portal.tumors_deviation_percent == 0
    from_mean = (row.tumors_deviation_from_mean_percent or 0 for row in (arterial, portal))
    assert sum(from_mean) == pytest.approx(0, abs=1e-9)


def test_without_a_tumour_in_the_reference_there_is_no_deviation() -> None:
    series, masks = scan(Phase.PORTAL, 65, 2, -64)
    bare = Masks(masks.liver, masks.vessels, np.zeros_like(masks.tumors), masks.geometry)
    arterial, _ = compare_phases(DATE, [scan(Phase.ARTERIAL, 65, 2, -64), (series, bare)])
    assert arterial.tumors_ml > 0
    assert arterial.tumors_deviation_percent is None
    assert arterial.tumors_deviation_from_mean_percent == pytest.approx(100)


@pytest.mark.parametrize(
    ("order", "reference"),
    [
        ((Phase.NATIVE, Phase.ARTERIAL, Phase.DELAYED), Phase.DELAYED),
        ((Phase.UNKNOWN, Phase.NATIVE), Phase.NATIVE),
        ((Phase.ARTERIAL, Phase.PORTAL, Phase.DELAYED), Phase.PORTAL),
    ],
)
def test_reference_phase(order: tuple[Phase, ...], reference: Phase) -> None:
    rows = compare_phases(DATE, [scan(phase, 65, 2, -64) for phase in order])
    assert [row.phase for row in rows if row.is_reference] == [reference]


def test_of_two_portal_series_the_thinner_is_the_reference() -> None:
    thick, thin = compare_phases(
        DATE, [scan(Phase.PORTAL, 27, 5, -65), scan(Phase.PORTAL, 65, 2, -64)]
    )
    assert thin.is_reference
    assert any("slices of 5 mm against 2 mm" in text for text in thick.warnings)


def test_phases_that_share_nothing_are_not_compared() -> None:
    below, above = compare_phases(
        DATE, [scan(Phase.ARTERIAL, 20, 2, -64), scan(Phase.PORTAL, 20, 2, 10)]
    )
    assert below.liver_ml == above.liver_ml == 0
    assert below.deviation_percent is None
    assert above.deviation_from_mean_percent is None
    assert "shares no range" in below.warnings[0]


def test_flipped_slices_are_cut_alike() -> None:
    series, masks = scan(Phase.ARTERIAL, 65, 2, -64)
    x, y, _ = masks.geometry.origin_mm
    flipped = Geometry(masks.geometry.shape, (2, 2, 2), (x, y, 64.0), np.diag([1.0, 1.0, -1.0]))
    upside = Masks(masks.liver[::-1], masks.vessels, masks.tumors[::-1], flipped)
    rows = compare_phases(DATE, [(series, upside), scan(Phase.PORTAL, 40, 2, -64)])
    assert rows[0].deviation_percent == pytest.approx(0, abs=0.7)
