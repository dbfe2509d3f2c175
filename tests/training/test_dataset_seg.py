"""Datasets of DICOM with DICOM SEG, as TCIA has them: liver metastases, and HCC before TACE."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from lvt_track.training.datasets.prepared import BITS, IGNORE
from tests.training.replicas import BODY, draw, prepare, write_segmentation, write_series

LIVER, VESSELS, TUMORS = BITS["liver"], BITS["vessels"], BITS["tumors"]


def write_crlm_patient(folder: Path, seed: int) -> None:
    """Colorectal-Liver-Metastases: a study with a folder for the CT and one for the SEG."""
    patient, name = draw(seed), f"CRLM-CT-1{seed:03d}"
    study = folder / name / "09-06-1992-NA-CT ANGIO LIV-52957"
    files = write_series(study / "100.000000-NA-0", patient, patient_id=name, seed=seed)
    upper = patient.tumors.copy()
    upper[:8] = False
    masks = {
        "Liver": patient.liver,
        "Liver Remnant": patient.liver & (np.arange(48) < 20),
        "Hepatic": patient.vessels & (np.arange(48) == 14),
        "Portal": patient.vessels & (np.arange(48) == 15),
        "Tumor_1": patient.tumors & ~upper,
        "Tumor_2": upper,
    }
    seg = study / "1000.000000-Segmentation-1" / "1-1.dcm"
    write_segmentation(seg, files, masks)


def test_colorectal_liver_metastases(tmp_path: Path) -> None:
    source = tmp_path / "manifest-1669817128730" / "Colorectal-Liver-Metastases"
    for seed in (1, 2):
        write_crlm_patient(source, seed)
    for folder in (source, *source.glob("*/*/*")):
        (folder / "0-LICENSE").write_text("text that is no DICOM")
    result = prepare("colorectal-liver-metastases", source, tmp_path)
    assert (result.failures, result.warnings) == ((), ())
    case = result.dataset.cases[1]
    assert (case.name, case.patient) == (
        "CRLM-CT-1002",
        "colorectal-liver-metastases/CRLM-CT-1002",
    )
    patient = draw(2)
    expected = np.zeros(patient.hu.shape, np.uint8)
    expected[patient.liver] |= LIVER
    expected[patient.tumors] |= TUMORS
    expected[patient.vessels & patient.liver] |= VESSELS
    assert np.array_equal(case.image(), patient.hu[BODY])
    assert np.array_equal(case.labels(), expected[BODY])


def test_a_segmentation_whose_ct_is_not_there_is_left_out(tmp_path: Path) -> None:
    for seed in (1, 2):
        write_crlm_patient(tmp_path / "src", seed)
    study = next((tmp_path / "src" / "CRLM-CT-1002").iterdir())
    shutil.rmtree(study / "100.000000-NA-0")
    result = prepare("colorectal-liver-metastases", tmp_path / "src", tmp_path)
    assert [failure.where for failure in result.failures] == ["CRLM-CT-1002"]
    assert "CT series that it was drawn on is not there" in result.failures[0].why


def test_hcc_tace_takes_the_phase_that_was_drawn_on(tmp_path: Path) -> None:
    """One series holds three phases at the same places; only the second was drawn on."""
    patient = draw()
    study = tmp_path / "src" / "HCC_009" / "02-15-1998-NA-PP CAPLIVER PROTO.-10975"
    series = study / "103.000000-LIVER 3 PHASE CAP-83135"
    for acquisition in (1, 2, 3):
        phase = draw()
        phase.hu[phase.liver] += np.int16(20 * (acquisition - 2))
        place = study / f"{acquisition}"
        files = write_series(place, phase, patient_id="HCC_009", acquisition=acquisition)
        if acquisition == 2:
            masks = {
                "Liver": patient.liver & ~patient.tumors,
                "Mass": patient.tumors,
                "Portal vein": patient.vessels,
                "Abdominal aorta": np.roll(patient.vessels, 20, axis=2),
            }
            seg = study / "300.000000-Segmentation-91221" / "1-1.dcm"
            write_segmentation(seg, files, masks)
        series.mkdir(exist_ok=True)
        for path in files:
            path.rename(series / f"{acquisition}-{path.name}")
        place.rmdir()
    (case,) = prepare("hcc-tace-seg", tmp_path / "src", tmp_path).dataset.cases
    assert (case.name, case.knowledge.vessels) == ("HCC_009", "none")
    expected = np.zeros(patient.hu.shape, np.uint8)
    expected[patient.liver] |= LIVER
    expected[patient.tumors] |= TUMORS
    expected[patient.vessels] |= IGNORE
    assert np.array_equal(case.image(), patient.hu[BODY])
    assert np.array_equal(case.labels(), expected[BODY])
