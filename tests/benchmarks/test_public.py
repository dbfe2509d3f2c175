"""The benchmark on public datasets, over a tiny replica of a layout and a segmenter that errs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

import public
from lvt_track.core.volume import Masks, Volume
from lvt_track.training.datasets.descriptor import find_descriptor
from tests.training.replicas import draw, write_ircadb_patient, write_pairs


def by_brightness(volume: Volume) -> Masks:
    """Draws the replica by its HU; the tumour of two voxels is missed."""
    hu = volume.hu
    tumors = ndimage.binary_opening((hu > 50) & (hu < 70), np.ones((1, 2, 2)))
    vessels = hu > 150
    return Masks(hu > 95, vessels, tumors, volume.geometry)


def test_a_dataset_is_scored_by_case_size_and_contrast(tmp_path: Path) -> None:
    for number in (1, 2):
        patient = draw(number)
        masks = {
            "liver": patient.liver,
            "portalvein": patient.vessels,
            "livertumor1": patient.tumors,
        }
        write_ircadb_patient(tmp_path / f"data/3Dircadb1.{number}", patient, masks)
    descriptor = find_descriptor("3d-ircadb-01")
    cases = public.score_dataset(descriptor, tmp_path / "data", tmp_path / "work", by_brightness)
    assert [case.name for case in cases] == ["1", "2"]
    for case in cases:
        assert not case.failure
        # The segmenter draws them beyond the liver, where this dataset's are cut off.
        assert case.scores["vessels"].dice == pytest.approx(0.8)
        assert case.scores["liver"].dice > 0.9
        small, large = sorted(case.lesions, key=lambda lesion: lesion.diameter_mm)
        assert (small.found, large.found) == (False, True)
        assert large.contrast_hu == pytest.approx(60 - 110, abs=3)
    page = "\n".join(public.page_parts(descriptor, cases))
    assert "1 of 2" in page and "2 cases scored, 0 could not be used" in page

    def never(volume: Volume) -> Masks:
        raise AssertionError("a finished case is not segmented again")

    again = public.score_dataset(descriptor, tmp_path / "data", tmp_path / "work", never)
    assert again == cases


def test_a_half_downloaded_case_is_named(tmp_path: Path) -> None:
    patient = draw(1)
    masks = {"liver": patient.liver, "portalvein": patient.vessels}
    write_ircadb_patient(tmp_path / "3Dircadb1.1", replace(patient), masks)
    for path in (tmp_path / "3Dircadb1.1" / "MASKS_DICOM" / "liver").iterdir():
        path.unlink()
    (tmp_path / "3Dircadb1.1" / "MASKS_DICOM" / "liver").rmdir()
    descriptor = find_descriptor("3d-ircadb-01")
    (case,) = public.score_dataset(descriptor, tmp_path, tmp_path / "work", by_brightness)
    assert "liver" in case.failure
    assert "## Not used" in "\n".join(public.page_parts(descriptor, [case]))


def test_labels_without_a_liver_are_no_zero(tmp_path: Path) -> None:
    write_pairs(tmp_path, "volume-{}.nii", "segmentation-{}.nii", {}, (0,))
    descriptor = find_descriptor("lits")
    (case,) = public.score_dataset(descriptor, tmp_path, tmp_path / "work", by_brightness)
    assert case.failure == "its labels hold no liver to score by"
