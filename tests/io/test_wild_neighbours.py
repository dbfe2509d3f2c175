"""Neighbours of known kinds of odd folders: every file used, or told why it is not."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from lvt_track.core.volume import Volume
from lvt_track.io.discover import Discovery, discover, read_scan
from lvt_track.io.images.nifti import new_header, write_nifti
from lvt_track.io.images.volumes import write_mask
from tests.io.test_enhanced_ct import write_enhanced
from tests.io.wild_scans import JUNE, image, mask, moved, slices, stored, trunk

CT, OTHER, LATER = trunk(1), trunk(2, brightness=60), trunk(3)


def march(folder: Path) -> tuple[Discovery, list[Volume]]:
    """The volumes of March, beside which a visit of June is always whole."""
    slices(folder / "later", LATER, date=JUNE)
    found = discover(folder)
    series = [s for visit in found.visits if visit.name == "2024-03-01" for s in visit.series]
    return found, [read_scan(one) for one in series]


def failed(found: Discovery) -> str:
    return "\n".join(f"{i.path.name}: {i.reason}" for i in found.left_out if i.is_failure)


def passed(found: Discovery) -> str:
    return "\n".join(f"{i.path.name}: {i.reason}" for i in found.left_out if not i.is_failure)


def said(found: Discovery) -> str:
    series = (text for v in found.visits for s in v.series for text in s.warnings)
    return "\n".join((*found.warnings, *series))


# --- DICOM --------------------------------------------------------------------------------------


@pytest.mark.parametrize("study", ["1.2.3.20240301", "1.7.7"])
def test_a_series_under_other_uids_is_a_copy(tmp_path: Path, study: str) -> None:
    slices(tmp_path / "a", CT)
    slices(tmp_path / "b", CT, number=9, first=101, StudyInstanceUID=study)
    slices(tmp_path / "c", OTHER, number=10, first=201)
    found, volumes = march(tmp_path)
    assert len(volumes) == 2
    assert "b: the same images as" in passed(found)


def half(keyword: str, value: Any) -> Callable[[Dataset, int], None]:
    return lambda dataset, k: setattr(dataset, keyword, value) if k >= 8 else None


def test_halves_of_other_pixels_say_what_each_lacks(tmp_path: Path) -> None:
    slices(tmp_path / "a", CT, half("PixelSpacing", ["7", "7"]))
    found, volumes = march(tmp_path)
    assert [len(volume.hu) for volume in volumes] == [8, 8]
    assert said(found).count("one of 2 volumes that share a series") == 2
    change = "at {} mm its pixels change from 24 × 24 of {} to 24 × 24 of {}, another volume"
    six, seven = "6 × 6 mm", "7 × 7 mm"
    for text in (change.format("135.0", six, seven), change.format("140.0", seven, six)):
        assert text in said(found)
        assert f"no volume of the series is whole: one shows a part of the scan alone: {text}" in (
            failed(found)
        )


def test_a_day_may_stand_in_the_acquisition_time_alone(tmp_path: Path) -> None:
    def undated(dataset: Dataset, k: int) -> None:
        for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
            dataset.pop(keyword, None)
        dataset.AcquisitionDateTime = "20240301101500.000000+0100"

    slices(tmp_path / "a", CT, undated)
    assert np.array_equal(march(tmp_path)[1][0].hu, CT.hu)


def test_two_frames_of_reference_are_told(tmp_path: Path) -> None:
    slices(tmp_path / "a", CT, half("FrameOfReferenceUID", "1.2.9"))
    assert "slices of 2 frames of reference" in said(march(tmp_path)[0])


def test_slices_lost_and_counted_anew_are_missing(tmp_path: Path) -> None:
    def lost(dataset: Dataset, k: int) -> bool:
        dataset.InstanceNumber = k + 1 if k < 7 else k - 1
        return k not in (7, 8)

    slices(tmp_path / "a", CT, lost)
    assert "about 2 slices are missing" in failed(march(tmp_path)[0])


def test_frames_lost_from_an_enhanced_file_are_missing(tmp_path: Path) -> None:
    def lost(file: Any) -> None:
        kept = [k for k in range(16) if k not in (7, 8)]
        size, groups = 24 * 24 * 2, file.PerFrameFunctionalGroupsSequence
        file.PixelData = b"".join(file.PixelData[k * size : (k + 1) * size] for k in kept)
        file.PerFrameFunctionalGroupsSequence = [groups[k] for k in kept]
        file.NumberOfFrames = 14

    write_enhanced(tmp_path / "a", CT, spoil=lost)
    assert "about 2 slices are missing" in failed(march(tmp_path)[0])


def test_a_slice_that_lost_its_rescale_is_named(tmp_path: Path) -> None:
    def lost(dataset: Dataset, k: int) -> None:
        if k == 15:
            del dataset.RescaleSlope, dataset.RescaleIntercept

    slices(tmp_path / "a", CT, lost)
    found, (volume,) = march(tmp_path)
    np.testing.assert_array_equal(volume.hu, CT.hu[:15])
    assert failed(found).startswith("IM0016: it has no rescale slope and intercept, unlike")


def test_slopes_and_intercepts_of_each_slice(tmp_path: Path) -> None:
    def own(dataset: Dataset, k: int) -> None:
        pixels = 2 * stored(dataset) - 500 * k
        dataset.PixelData, dataset.PixelRepresentation = pixels.astype("<i2").tobytes(), 1
        dataset.RescaleSlope = "0.5"
        dataset.RescaleIntercept = str(float(dataset.RescaleIntercept) + 250 * k)

    slices(tmp_path / "a", CT, own)
    np.testing.assert_array_equal(march(tmp_path)[1][0].hu, CT.hu)


@pytest.mark.parametrize("lost", [1, 5, 12])
def test_a_few_bytes_short_is_cut_short(tmp_path: Path, lost: int) -> None:
    for path in slices(tmp_path / "a", CT):
        path.write_bytes(path.read_bytes()[:-lost])
    assert "the file is cut short" in failed(march(tmp_path)[0])


@pytest.mark.parametrize(
    "uid", ["1.2.840.10008.5.1.4.1.1.7", "1.3.12.2.1107.5.9.1"], ids=["capture", "private"]
)
def test_ct_of_another_class_is_missed_where_nothing_else_is(tmp_path: Path, uid: str) -> None:
    def other(dataset: Dataset, k: int) -> None:
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = uid

    slices(tmp_path / "a", CT, other)
    assert "not CT slices" in failed(march(tmp_path)[0])


def test_what_a_viewer_calls_other_is_ct_by_its_class(tmp_path: Path) -> None:
    slices(tmp_path / "a", CT, Modality="OT")
    np.testing.assert_array_equal(march(tmp_path)[1][0].hu, CT.hu)


def test_one_identity_of_two_names_is_told(tmp_path: Path) -> None:
    slices(tmp_path / "a", CT, PatientName="Roe^Al")
    text = said(march(tmp_path)[0])
    assert "2 names for one patient" in text and "Roe" not in text


def test_a_folder_named_by_the_birth_dates_no_scan(tmp_path: Path) -> None:
    names = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
    blank = dict.fromkeys(names, "")
    slices(tmp_path / "Doe_19750312", CT, PatientBirthDate="19750312", **blank)
    slices(tmp_path / "later", LATER, date=JUNE, PatientBirthDate="19750312")
    assert "Doe_19750312: no date" in failed(discover(tmp_path))


def test_a_directory_shows_what_was_not_copied(tmp_path: Path) -> None:
    files = slices(tmp_path / "DICOM", CT)
    listed = pydicom.dcmread(files[0], stop_before_pixels=True)
    listed.SOPClassUID = listed.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    listed.DirectoryRecordSequence = [Dataset() for _ in files]
    for record, path in zip(listed.DirectoryRecordSequence, files, strict=True):
        record.DirectoryRecordType, record.ReferencedFileID = "IMAGE", ["DICOM", path.name]
    listed.save_as(tmp_path / "DICOMDIR", enforce_file_format=True)
    files[0].rename(files[0].with_name("im0001"))  # as some copies do
    assert not failed(discover(tmp_path))
    for path in files[-4:]:
        path.unlink()
    assert "4 of whose 16 images are not here" in failed(discover(tmp_path))
    for path in (tmp_path / "DICOM").iterdir():
        path.unlink()
    assert not failed(march(tmp_path)[0])


@pytest.mark.parametrize("keyword", ["PatientID", "StudyInstanceUID"])
def test_an_identity_that_some_slices_lack(tmp_path: Path, keyword: str) -> None:
    slices(tmp_path / "a", CT, lambda d, k: setattr(d, keyword, "") if k % 2 else None)
    np.testing.assert_array_equal(march(tmp_path)[1][0].hu, CT.hu)


def test_slices_that_an_archive_spread_over_folders(tmp_path: Path) -> None:
    """At random, so that each folder alone looks like a pass with larger steps."""
    for path, number in zip(slices(tmp_path, CT), "0213102302130312", strict=True):
        (tmp_path / number).mkdir(exist_ok=True)
        path.rename(tmp_path / number / path.name)
    for path in slices(tmp_path, moved(CT, 80.0), first=17):
        number = str(int(path.name[2:]) * 7 % 5 % 4)
        path.rename(tmp_path / number / path.name)
    assert [len(volume.hu) for volume in march(tmp_path)[1]] == [32]


# --- image files --------------------------------------------------------------------------------


def nifti(folder: Path, name: str = "ct", hu: Any = None, day: str = "2024-03-01") -> Path:
    path = folder / day / f"{name}.nii.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_nifti(CT.hu if hu is None else hu, path, new_header(CT.geometry))
    return path


INSIDE = (CT.hu > 60).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "hu", "reason"),
    [
        ("ct", ((CT.hu + 1000) / 1200).astype(np.float32), "a normalised image, not CT in HU"),
        ("ct", np.zeros_like(CT.hu), "every voxel is 0"),
        ("liver", INSIDE, "the scan of 2024-03-01 is missing"),
    ],
)
def test_the_only_file_of_a_day_is_missed(tmp_path: Path, name: str, hu: Any, reason: str) -> None:
    nifti(tmp_path, name, hu)
    assert reason in failed(march(tmp_path)[0])


@pytest.mark.parametrize(
    ("names", "used", "reason"),
    [
        (("tumor", "vessel"), ["tumors", "vessels"], ""),
        (("liver_tumor", "ct_hepatic_vessels"), ["tumors", "vessels"], ""),
        (("kidney_tumor",), [], ""),
        (("liver", "ct_liver"), ["liver"], "is the mask of the class liver instead"),
        (("liver", "hepatic_liver"), ["liver"], "is the mask of the class liver instead"),
    ],
)
def test_masks_in_other_words(tmp_path: Path, names: Any, used: Any, reason: str) -> None:
    for name in ("ct", *names):
        nifti(tmp_path, name, None if name == "ct" else INSIDE)
    found, _ = march(tmp_path)
    assert sorted(found.visits[0].tracked_series.masks) == used
    assert reason in failed(found) and bool(reason) == bool(failed(found))


@pytest.mark.parametrize("name", ["liver", "tumors"])
def test_masks_without_a_voxel(tmp_path: Path, name: str) -> None:
    """There are scans without tumours, and none without a liver."""
    nifti(tmp_path)
    nifti(tmp_path, name, 0 * INSIDE)
    found, _ = march(tmp_path)
    assert list(found.visits[0].tracked_series.masks) == (["tumors"] if name == "tumors" else [])
    assert ("no mask of the liver" in failed(found)) == (name == "liver")


def test_shares_under_the_name_of_a_mask_are_lost_by_name(tmp_path: Path) -> None:
    nifti(tmp_path)
    nifti(tmp_path, "liver", (INSIDE * 0.7).astype(np.float32))
    nifti(tmp_path, "liver_probability", (INSIDE * 0.7).astype(np.float32))
    assert failed(march(tmp_path)[0]).startswith("liver.nii.gz: a mask by its name, but it holds")


def test_a_scan_written_twice_counts_once(tmp_path: Path) -> None:
    nifti(tmp_path)
    nifti(tmp_path, "portal")
    nifti(tmp_path, "arterial", OTHER.hu)
    found, volumes = march(tmp_path)
    assert len(volumes) == 2
    assert "the same images as" in passed(found)


@pytest.mark.parametrize("place", ["masks", "segmentations"])
def test_masks_in_a_folder_of_their_own(tmp_path: Path, place: str) -> None:
    nifti(tmp_path)
    mask(tmp_path / "2024-03-01" / place / "tumors.nii.gz", CT)
    assert list(march(tmp_path)[0].visits[0].tracked_series.masks) == ["tumors"]


@pytest.mark.parametrize("name", ["ct.npy", "001.png", "ct.mnc"])
def test_a_day_in_another_format_is_missed(tmp_path: Path, name: str) -> None:
    (tmp_path / "2024-03-01").mkdir()
    (tmp_path / "2024-03-01" / name).write_bytes(bytes(900))
    nifti(tmp_path, day="2024-04-01").with_name("picture.png").write_bytes(bytes(900))
    assert failed(march(tmp_path)[0]).startswith("2024-03-01: 1 files of a format that is not read")


@pytest.mark.parametrize("day", ["202403011015", "20240301101530", "2024-03-01a"])
def test_a_day_with_what_stands_behind_it(tmp_path: Path, day: str) -> None:
    nifti(tmp_path, day=day)
    assert len(march(tmp_path)[1]) == 1


def test_zeros_at_the_end_of_a_file_are_a_broken_copy(tmp_path: Path) -> None:
    hu = np.where(np.arange(16)[:, None, None] < 11, CT.hu, 0).astype(np.int16)
    path = tmp_path / "2024-03-01" / "ct.nii"
    path.parent.mkdir()
    write_nifti(hu, path, new_header(CT.geometry))
    assert "nothing but zeros: a copy that broke off" in failed(march(tmp_path)[0])


def test_two_days_in_one_path_are_told(tmp_path: Path) -> None:
    nifti(tmp_path, "ct_20250101")
    text = said(march(tmp_path)[0])
    assert "several days (2025-01-01, 2024-03-01): the nearest is used" in text


def test_a_day_in_clinics_order_says_how_to_write_it(tmp_path: Path) -> None:
    nifti(tmp_path, day="01.03.2024")
    assert "are written 2024-03-01, as 01-03-2024 may be two" in failed(march(tmp_path)[0])


def test_the_day_that_dcm2niix_writes_beside_a_scan(tmp_path: Path) -> None:
    path = nifti(tmp_path, day="baseline")
    beside = json.dumps({"AcquisitionDateTime": "2024-03-01T10:15:00.1"})
    path.with_name("ct.json").write_text(beside)
    assert len(march(tmp_path)[1]) == 1


@pytest.mark.parametrize("content", [b"version https://git-lfs.github.com/spec/v1\n", b""])
def test_placeholders_are_called_so(tmp_path: Path, content: bytes) -> None:
    nifti(tmp_path).write_bytes(content)
    assert ("placeholder of git LFS" if content else "not a NIfTI") in failed(march(tmp_path)[0])


def test_bids_derivatives_are_masks_and_no_scans(tmp_path: Path) -> None:
    place, stem = Path("sub-7", "ses-20240301", "ct"), "sub-7_ses-20240301"
    image(tmp_path / place / f"{stem}_ct.nii.gz", CT)
    derived = tmp_path / "derivatives" / "x" / place
    image(derived / f"{stem}_desc-preproc_ct.nii.gz", OTHER)
    mask(derived / f"{stem}_space-orig_label-liver_mask.nii.gz", CT)
    mask(derived / f"{stem}_label-lesion_dseg.nii.gz", CT)
    mask(derived / f"{stem}_label-spleen_mask.nii.gz", CT)
    found, (volume,) = march(tmp_path)
    np.testing.assert_array_equal(volume.hu, CT.hu)
    assert sorted(found.visits[0].tracked_series.masks) == ["liver", "tumors"]
    assert "preproc_ct.nii.gz: derived from raw scans" in passed(found)


def test_nrrd_of_one_moment_and_of_an_unknown_space(tmp_path: Path) -> None:
    path = tmp_path / "2024-03-01" / "ct.nrrd"
    path.parent.mkdir()
    path.write_bytes(
        b"NRRD0004\ntype: short\ndimension: 4\nsizes: 24 24 16 1\nencoding: raw\nendian: little\n"
        b"space: right-anterior-inferior\nspace origin: (-72,-72,100)\n"
        b"space directions: (6,0,0) (0,6,0) (0,0,5) none\n\n" + CT.hu.tobytes()
    )
    found, (volume,) = march(tmp_path)
    np.testing.assert_array_equal(volume.hu, CT.hu)
    assert "a space that is not known (right-anterior-inferior)" in said(found)


def test_a_mask_whose_forms_disagree_follows_the_scans_rule(tmp_path: Path) -> None:
    """The sform of the mask is off: it lies elsewhere, whatever its qform says."""
    nifti(tmp_path)
    path = nifti(tmp_path, "liver", INSIDE)
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[280:296] = np.array([-6, 0, 0, 30], "<f4").tobytes()
    path.write_bytes(gzip.compress(bytes(content)))
    assert "liver.nii.gz: a mask not on the grid of its scan" in failed(march(tmp_path)[0])


def test_reading_takes_what_is_shown_where_a_mask_fits_one_of_two(tmp_path: Path) -> None:
    slices(tmp_path / "a", CT)
    slices(tmp_path / "b", moved(OTHER, 3.0), number=5, first=51)
    write_mask(OTHER.hu > 60, moved(OTHER, 3.0).geometry, tmp_path / "liver.nii.gz")
    found, _ = march(tmp_path)
    series = {tuple(one.masks): one for one in found.visits[0].series}
    np.testing.assert_array_equal(read_scan(series[("liver",)]).hu, OTHER.hu)
    assert pydicom.dcmread(series[("liver",)].files[0]).SeriesNumber == 5
