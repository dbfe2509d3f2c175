"""Phases that no header says, told from pixels before a series is chosen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import Volume
from lvt_track.errors import InputError
from lvt_track.io.discover import discover
from lvt_track.io.images.volumes import write_volume
from lvt_track.measure.phase_from_hu import PhaseReading
from lvt_track.pipeline.patient.visit import phases_from_pixels
from lvt_track.pipeline.patient.visit.phases_from_pixels import with_phases_from_pixels


@pytest.fixture
def patient(tmp_path: Path) -> Path:
    """A visit of two scans without a word of their phase, and one that says native."""
    day = tmp_path / "2024-01-15"
    day.mkdir()
    for k, name in enumerate(("scan1", "scan2", "native")):
        hu = np.full((12, 16, 16), 40 + k, np.int16)
        hu[:, :4] = -1000
        geometry = Geometry.axial(hu.shape, (3.0, 3.0, 3.0), (0.0, 0.0, 0.0))
        write_volume(Volume(hu, geometry), day / f"{name}.nii.gz")
    return tmp_path


def reading(volume: Volume) -> PhaseReading:
    """Portal for the second scan, arterial for others."""
    is_second = int(volume.hu.max()) == 41
    return PhaseReading(Phase.PORTAL if is_second else Phase.ARTERIAL, 0.93)


def test_the_series_to_follow_is_chosen_by_what_pixels_tell(
    patient: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(phases_from_pixels, "phase_from_hu", reading)
    found = discover(patient)
    visit = with_phases_from_pixels(found).visits[0]
    told = {series.description: series for series in visit.series}
    assert visit.tracked_series.files[0].name == "scan2.nii.gz"
    assert {series.phase_source for series in told.values()} == {"pixels", "header"}
    assert visit.tracked_series.stated_phase == "portal (by pixels, 93 %)"
    native = next(series for series in visit.series if series.phase_source == "header")
    assert native.phase is Phase.NATIVE and native.phase_confidence is None


def test_what_cannot_be_told_or_read_stays_unknown(
    patient: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = discover(patient)
    assert with_phases_from_pixels(found) is found

    def fail(_: object) -> Volume:
        raise InputError("damaged")

    monkeypatch.setattr(phases_from_pixels, "read_scan", fail)
    assert with_phases_from_pixels(found) is found


def test_a_visit_of_one_series_is_not_read_where_nothing_is_to_be_chosen(
    patient: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("scan2", "native"):
        (patient / "2024-01-15" / f"{name}.nii.gz").unlink()
    monkeypatch.setattr(phases_from_pixels, "phase_from_hu", reading)
    found = discover(patient)
    assert with_phases_from_pixels(found, of_choices_only=True) is found
    assert with_phases_from_pixels(found).visits[0].tracked_series.phase is Phase.ARTERIAL
