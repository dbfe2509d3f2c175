"""Studies as archives hand them over: energies, identities, windows, formats that nobody reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset

from lvt_track.core.volume import Volume
from lvt_track.errors import InputError
from lvt_track.io.discover import Discovery, discover
from lvt_track.io.hounsfield import cut_by_window
from tests.io.wild_scans import JUNE, image, slices, stored, trunk

CT, OTHER = trunk(1), trunk(2)


def tracked(found: Discovery) -> tuple[str, str]:
    """Description and warnings of what is followed at the first visit."""
    series = found.visits[0].tracked_series
    return series.description, "\n".join(series.warnings)


@pytest.mark.parametrize("words", ["Portal Mono 40 keV", "portal MonoE 50keV", "Portal 140_keV"])
def test_images_at_an_unusual_energy_step_back(tmp_path: Path, words: str) -> None:
    slices(tmp_path / "a", CT, number=2, SeriesDescription="Portal 5.0")
    slices(tmp_path / "b", OTHER, number=3, SeriesDescription=words)
    found = discover(tmp_path)
    assert tracked(found) == ("Portal 5.0", "")
    (left,) = found.left_out
    assert "keV, whose HU are not those of the usual image" in left.reason and not left.is_failure


@pytest.mark.parametrize(("words", "is_told"), [("Mono 40 keV", True), ("Mono 70 keV", False)])
def test_alone_they_are_used_and_told(tmp_path: Path, words: str, is_told: bool) -> None:
    slices(tmp_path / "a", CT, SeriesDescription=f"Portal {words}")
    assert ("virtual image at 40 keV" in tracked(discover(tmp_path))[1]) is is_told


def test_a_phase_that_no_usual_image_has_is_kept(tmp_path: Path) -> None:
    slices(tmp_path / "a", CT, number=2, SeriesDescription="nativ")
    slices(tmp_path / "b", OTHER, number=3, SeriesDescription="portal 40 keV")
    description, warnings = tracked(discover(tmp_path))
    assert description == "portal 40 keV" and "virtual image at 40 keV" in warnings


def test_a_visit_without_patient_id_is_of_the_patient_of_its_name(tmp_path: Path) -> None:
    slices(tmp_path / "a", CT, PatientID="", PatientName="DOE^JO")
    slices(tmp_path / "b", OTHER, date=JUNE)
    found = discover(tmp_path)
    assert len(found.visits) == 2
    assert any("state no PatientID" in text for text in found.warnings)


@pytest.mark.parametrize(
    "header",
    [
        {"PatientName": "Roe^Jo"},
        {"PatientName": "Doe^Jo", "PatientBirthDate": "19500101"},
        {"PatientName": ""},
    ],
)
def test_another_name_or_birth_date_is_another_patient(
    tmp_path: Path, header: dict[str, str]
) -> None:
    slices(tmp_path / "a", CT, PatientID="", **header)
    slices(tmp_path / "b", OTHER, date=JUNE, PatientBirthDate="19600101")
    if header["PatientName"]:
        with pytest.raises(InputError, match=r"2 patients|2 birth dates"):
            discover(tmp_path)
    else:  # it names nobody, as before
        assert len(discover(tmp_path).visits) == 2


@pytest.mark.parametrize("name", ["ANONYMOUS", "Anonymized^1", "Patient"])
def test_a_name_that_is_anybodys_joins_nobody(tmp_path: Path, name: str) -> None:
    slices(tmp_path / "a", CT, PatientID="", PatientName=name)
    slices(tmp_path / "b", OTHER, date=JUNE, PatientName=name)
    with pytest.raises(InputError, match="2 patients"):
        discover(tmp_path)


def test_values_that_a_window_cut_off_are_told(tmp_path: Path) -> None:
    clipped = np.clip(CT.hu, -80, 140).astype(np.int16)
    image(tmp_path / "2024-03-01" / "ct.nii.gz", Volume(clipped, CT.geometry))
    assert "values end at -80 and 140" in tracked(discover(tmp_path))[1]


def test_of_dicom_too(tmp_path: Path) -> None:
    def cut(dataset: Dataset, k: int) -> None:
        intercept = int(float(dataset.RescaleIntercept))
        hu = np.clip(stored(dataset) + intercept, -100, 140)
        dataset.PixelData = (hu - intercept).astype("<i2").tobytes()

    slices(tmp_path / "a", CT, cut)
    assert "values end at -100 and 140" in tracked(discover(tmp_path))[1]


@pytest.mark.parametrize("ends", [(-1000, 140), (-1024, 3071)])
def test_scanners_own_limits_are_no_window(ends: tuple[int, int]) -> None:
    hu = np.clip(CT.hu.astype(np.int32), *ends)
    assert not cut_by_window(hu)


def test_a_day_of_freesurfer_alone_is_a_failure(tmp_path: Path) -> None:
    image(tmp_path / "2024-06-07" / "ct.nii.gz", CT)
    (tmp_path / "2024-03-01").mkdir()
    (tmp_path / "2024-03-01" / "ct.mgz").write_bytes(bytes(100))
    (left,) = discover(tmp_path).left_out
    assert left.is_failure and ".mgz" in left.reason
