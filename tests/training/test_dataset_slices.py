"""Datasets of DICOM slices with slices of labels: 3D-IRCADb-01 and CHAOS."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from lvt_track.core.volume import BoolArray
from lvt_track.training.datasets.prepared import BITS
from tests.training.replicas import (
    BODY,
    SPACING_MM,
    Patient,
    draw,
    prepare,
    write_chaos_patient,
    write_ircadb_patient,
    zip_inner,
)

LIVER, VESSELS, TUMORS = BITS["liver"], BITS["vessels"], BITS["tumors"]


def ircadb_masks(patient: Patient) -> dict[str, BoolArray]:
    """Structures as 3D-IRCADb-01 names them, with some that must not be taken for tumours."""
    upper = patient.tumors.copy()
    upper[:8] = False
    body = patient.hu > -500
    return {
        "liver": patient.liver,
        "livertumor01": patient.tumors & ~upper,
        "livertumor02": upper,
        "livercyst": patient.liver & ~patient.tumors & (np.arange(48) > 23),
        "portalvein": patient.vessels & (np.arange(48) == 14),
        "venoussystem": patient.vessels & (np.arange(48) == 15),
        "leftsurretumor": body & ~patient.liver,
        "metastasectomie": patient.liver,
        "skin": body,
    }


def few_masks(patient: Patient) -> dict[str, BoolArray]:
    """The structures that a case cannot do without, and a tumour."""
    return {
        "liver": patient.liver,
        "livertumor": patient.tumors,
        "portalvein": patient.vessels,
    }


@pytest.mark.parametrize("is_zipped", [False, True])
def test_ircadb(tmp_path: Path, is_zipped: bool) -> None:
    patient = draw()
    folder = tmp_path / "src" / "3Dircadb1" / "3Dircadb1.7"
    write_ircadb_patient(folder, patient, ircadb_masks(patient))
    if is_zipped:
        zip_inner(folder)
    (case,) = prepare("3d-ircadb-01", tmp_path / "src", tmp_path).dataset.cases
    assert (case.name, case.patient, case.spacing_mm) == ("7", "3d-ircadb-01/7", SPACING_MM)
    expected = np.zeros(patient.hu.shape, np.uint8)
    expected[patient.liver] |= LIVER
    expected[patient.tumors] |= LIVER | TUMORS
    expected[patient.vessels & patient.liver] |= VESSELS  # drawn on beyond the liver
    assert np.array_equal(case.image(), patient.hu[BODY])
    assert np.array_equal(case.labels(), expected[BODY])


def test_ircadb_patient_without_a_tumour(tmp_path: Path) -> None:
    for number, patient in enumerate((draw(0), draw(1)), start=4):
        masks = few_masks(patient)
        if number == 5:
            del masks["livertumor"]
        write_ircadb_patient(tmp_path / "src" / f"3Dircadb1.{number}", patient, masks)
    result = prepare("3d-ircadb-01", tmp_path / "src", tmp_path)
    assert result.failures == ()
    assert [case.voxels["tumors"] > 0 for case in result.dataset.cases] == [True, False]


def test_ircadb_patient_without_vessels_is_left_out(tmp_path: Path) -> None:
    for number in (1, 2):
        masks = few_masks(draw())
        if number == 2:
            del masks["portalvein"]
        write_ircadb_patient(tmp_path / "src" / f"3Dircadb1.{number}", draw(), masks)
    result = prepare("3d-ircadb-01", tmp_path / "src", tmp_path)
    assert [failure.where for failure in result.failures] == ["2"]
    assert "of vessels" in result.failures[0].why


def test_vessels_that_lie_beside_the_liver_are_reported(tmp_path: Path) -> None:
    masks = few_masks(draw())
    masks["venoussystem"] = np.roll(draw().liver, 12, axis=1)
    write_ircadb_patient(tmp_path / "src" / "3Dircadb1.1", draw(), masks)
    result = prepare("3d-ircadb-01", tmp_path / "src", tmp_path)
    assert "less than half of what is labelled vessels" in result.warnings[0]


def test_chaos(tmp_path: Path) -> None:
    for number in (1, 10):
        place = tmp_path / "src" / "CHAOS_Train_Sets" / "Train_Sets" / "CT" / str(number)
        write_chaos_patient(place, draw(number))
    dataset = prepare("chaos-ct", tmp_path / "src", tmp_path).dataset
    assert dataset.knowledge.tumors == "absent"
    assert [case.name for case in dataset.cases] == ["1", "10"]
    for case in dataset.cases:
        patient = draw(int(case.name))
        assert np.array_equal(case.image(), patient.hu[BODY])
        assert np.array_equal(case.labels(), patient.liver[BODY].astype(np.uint8) * LIVER)


def test_chaos_slice_that_is_missing_or_of_another_size_names_its_case(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        write_chaos_patient(tmp_path / "src" / "CT" / str(number), draw(number))
    (tmp_path / "src" / "CT" / "2" / "Ground" / "liver_GT_004.png").unlink()
    small = sitk.GetImageFromArray(np.zeros((20, 24), np.uint8))
    sitk.WriteImage(small, str(tmp_path / "src" / "CT" / "3" / "Ground" / "liver_GT_004.png"))
    result = prepare("chaos-ct", tmp_path / "src", tmp_path)
    assert [failure.where for failure in result.failures] == ["2", "3"]
    assert "11 slices of labels for 12 slices of CT" in result.failures[0].why
    assert "liver_GT_004.png" in result.failures[1].why


def test_a_damaged_archive_names_its_case(tmp_path: Path) -> None:
    for number in (1, 2):
        folder = tmp_path / "src" / f"3Dircadb1.{number}"
        write_ircadb_patient(folder, draw(), few_masks(draw()))
    zip_inner(tmp_path / "src" / "3Dircadb1.2")
    (tmp_path / "src" / "3Dircadb1.2" / "MASKS_DICOM.zip").write_bytes(b"PK\x03\x04 cut short")
    result = prepare("3d-ircadb-01", tmp_path / "src", tmp_path)
    assert "damaged archive" in result.failures[0].why
    assert "MASKS_DICOM.zip" in result.failures[0].why
