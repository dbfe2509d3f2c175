"""Mask files as readers name and part them: a file a lesion, other languages, two of one class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lvt_track.io.discover import Discovery, discover, read_scan
from lvt_track.io.images.nifti import new_header, write_nifti
from lvt_track.io.images.volumes import write_mask
from lvt_track.io.layouts.given_masks import read_given_labels
from tests.io.drawn import write_contours
from tests.io.wild_scans import image, slices, trunk

CT = trunk(1)


def box(*at: slice) -> Any:
    mask = np.zeros(CT.hu.shape, np.bool_)
    mask[at] = True
    return mask


ORGAN = box(slice(2, 14), slice(4, 20), slice(4, 20))
SPOTS = [
    box(slice(3, 6), slice(5, 8), slice(5, 9)),
    box(slice(8, 11), slice(10, 14), slice(9, 14)),
]
LARGER = box(slice(3, 6), slice(5, 9), slice(5, 9))


@pytest.fixture(params=["file", "dicom"])
def visit(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The folder of a scan, in which masks may lie."""
    folder = tmp_path / "2024-03-01"
    if request.param == "dicom":
        slices(folder, CT)
    else:
        image(folder / "ct.nii.gz", CT)
    return folder


def write(folder: Path, **masks: Any) -> None:
    for name, mask in masks.items():
        write_mask(mask, CT.geometry, folder / f"{name.replace('__', ' ')}.nii.gz")


def given(folder: Path) -> dict[str, Any]:
    ((series,),) = [visit.series for visit in discover(folder.parent).visits]
    grid = read_scan(series).geometry
    return {name: read_given_labels(mask, grid) for name, mask in series.masks.items()}


def failures(found: Discovery) -> dict[str, str]:
    return {item.path.name: item.reason for item in found.left_out if item.is_failure}


@pytest.mark.parametrize(
    "names",
    [
        ("tumor_1", "tumor_2"),
        ("livertumor01", "livertumor02"),
        ("lesion-1", "lesion-3"),
        ("Liver__tumor__1", "Liver__tumor__2"),
        ("Metastase_1", "Metastase_2"),
    ],
)
def test_numbered_files_are_lesions_of_one_mask(visit: Path, names: tuple[str, str]) -> None:
    write(visit, **dict(zip(names, SPOTS, strict=True)))
    (labels,) = given(visit).values()
    assert [set(np.unique(labels[spot])) for spot in SPOTS] == [{1}, {2}]
    np.testing.assert_array_equal(labels != 0, SPOTS[0] | SPOTS[1])
    found = discover(visit.parent)
    used = {item.path.name for item in found.files if item.fate == "used"}
    assert used >= {f"{name.replace('__', ' ')}.nii.gz" for name in names}


def test_lesions_that_touch_keep_their_labels(visit: Path) -> None:
    above = box(slice(6, 8), slice(5, 8), slice(5, 9))
    write(visit, tumor_1=SPOTS[0], tumor_2=above)
    labels = given(visit)["tumors"]
    assert set(np.unique(labels[SPOTS[0]])) == {1}
    assert set(np.unique(labels[above])) == {2}


def test_a_numbered_file_without_a_voxel_is_a_lesion_that_is_gone(visit: Path) -> None:
    write(visit, tumor_1=SPOTS[0], tumor_2=np.zeros_like(ORGAN))
    np.testing.assert_array_equal(given(visit)["tumors"] != 0, SPOTS[0])
    assert not failures(discover(visit.parent))


def test_numbered_files_of_one_lesion_are_a_failure(visit: Path) -> None:
    write(visit, tumor_1=SPOTS[0], tumor_2=LARGER)
    found = discover(visit.parent)
    assert set(failures(found)) == {"tumor_1.nii.gz", "tumor_2.nii.gz"}
    assert "some show the same tumors" in failures(found)["tumor_1.nii.gz"]
    ((series,),) = [one.series for one in found.visits]
    assert not series.masks
    assert any("tumor_2.nii.gz is not used" in text for text in series.warnings)


@pytest.mark.parametrize("is_whole", [True, False])
def test_a_mask_of_all_goes_before_numbered_ones(visit: Path, is_whole: bool) -> None:
    write(visit, tumors=SPOTS[0] | SPOTS[1] if is_whole else SPOTS[0], tumor_2=SPOTS[1])
    found = discover(visit.parent)
    assert ("tumor_2.nii.gz" in failures(found)) is not is_whole
    (mask,) = [mask for one in found.visits for mask in one.tracked_series.masks.values()]
    assert str(mask) == "tumors.nii.gz"


def test_two_masks_of_a_class_are_a_failure(visit: Path) -> None:
    write(visit, tumors=SPOTS[0], tumor=SPOTS[1])
    found = discover(visit.parent)
    assert len(failures(found)) == 1
    (reason,) = failures(found).values()
    assert "is the mask of the class tumors instead" in reason


@pytest.mark.parametrize(
    ("liver", "tumors"),
    [
        ("Leber", "Tumoren"),
        ("foie", "tumeurs"),
        ("hígado", "lesiones"),
        ("liver", "liver_lesions"),
        ("LEVER", "HCC"),
    ],
)
def test_masks_in_the_words_of_readers(visit: Path, liver: str, tumors: str) -> None:
    write(visit, **{liver: ORGAN, tumors: SPOTS[0]})
    masks = given(visit)
    np.testing.assert_array_equal(masks["liver"] != 0, ORGAN)
    np.testing.assert_array_equal(masks["tumors"] != 0, SPOTS[0])


@pytest.mark.parametrize("name", ["kidney_tumor_1", "portal_vein", "T1", "cyst_1", "Liver_2"])
def test_what_may_be_none_of_these_is_not_used(visit: Path, name: str) -> None:
    write(visit, **{name: SPOTS[0]})
    assert given(visit) == {}


@pytest.mark.parametrize("name", ["segmentation", "tumors_reader1", "T1"])
def test_an_unclear_map_on_the_grid_of_a_scan_is_a_warning_of_its_visit(
    visit: Path, name: str
) -> None:
    write(visit, **{name: SPOTS[0]})
    (one,) = discover(visit.parent).visits
    text = f"{name}.nii.gz is not used: a mask or label map by its values"
    assert any(warning.startswith(text) for warning in one.tracked_series.warnings)
    write(visit, tumors=SPOTS[0])
    (one,) = discover(visit.parent).visits
    assert not one.tracked_series.warnings


def test_a_mask_with_soft_edges_is_none(visit: Path) -> None:
    soft = np.zeros(CT.hu.shape, np.uint8)
    soft[3:9, 5:15, 5:15] = np.random.default_rng(0).integers(1, 255, (6, 10, 10))
    write_nifti(soft, visit / "tumors.nii.gz", new_header(CT.geometry))
    text = "a mask by its name, but it holds grey values: threshold it first"
    assert failures(discover(visit.parent)) == {"tumors.nii.gz": text}


@pytest.mark.parametrize(
    ("rois", "told"),
    [
        (["Liver tumor 1"], "“Liver tumor 1”"),
        (["Kidney_L", "GTV_1", "Spinal cord"], "“GTV_1”"),
        (["Kidney_L", "GTV lung"], ""),
    ],
)
def test_contours_that_are_not_read_are_a_warning_of_their_visit(
    tmp_path: Path, rois: list[str], told: str
) -> None:
    files = slices(tmp_path / "ct", CT)
    write_contours(tmp_path / "plan.dcm", files, [(name, SPOTS[0]) for name in rois], CT.geometry)
    found = discover(tmp_path)
    texts = "".join(found.visits[0].tracked_series.warnings)
    assert (f"the contours {told} of plan.dcm (RTSTRUCT) are not read" in texts) is bool(told)
    assert told or not texts
    write_mask(SPOTS[0], CT.geometry, tmp_path / "ct" / "tumors.nii.gz")
    assert not discover(tmp_path).visits[0].tracked_series.warnings
