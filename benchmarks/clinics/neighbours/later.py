"""Neighbours thought of later, when the first ones were right: what was still lost in silence."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset

from clinics.neighbours.drawing import FIRST, LATER, SECOND, nifti, of
from lvt_track.io.images.nifti import new_header, write_nifti
from tests.io.test_enhanced_ct import write_enhanced
from tests.io.wild_scans import JUNE, image, mask, slices, stored

INSIDE = (FIRST.hu > 60).astype(np.uint8)
SERIES = "series of one study"


@of(SERIES)
def the_same_series_under_other_uids(folder: Path) -> None:
    slices(folder / "a", FIRST)
    slices(folder / "b", FIRST, number=9, first=101)


@of(SERIES)
def the_same_series_in_another_study(folder: Path) -> None:
    slices(folder / "a", FIRST)
    slices(folder / "b", FIRST, number=9, first=101, StudyInstanceUID="1.7.7")


@of(SERIES)
def an_iodine_map_by_its_type_alone(folder: Path) -> None:
    slices(folder / "a", FIRST)
    kind = ["DERIVED", "SECONDARY", "AXIAL", "MAT_SPECIFIC"]
    slices(folder / "b", SECOND, number=9, ImageType=kind)


@of(SERIES)
def three_slices_of_a_localiser(folder: Path) -> None:
    slices(folder / "a", FIRST)
    slices(folder / "b", SECOND, lambda d, k: k < 3, number=1, SeriesDescription="3-plane")


@of(SERIES)
def one_field_of_view_and_then_another(folder: Path) -> None:
    def wider(dataset: Dataset, k: int) -> None:
        if k >= 8:
            dataset.PixelSpacing = ["7", "7"]

    slices(folder / "a", FIRST, wider)


@of(SERIES)
def another_matrix_from_a_slice_on(folder: Path) -> None:
    def coarser(dataset: Dataset, k: int) -> None:
        if k >= 8:
            dataset.PixelData = stored(dataset)[::2, ::2].astype("<i2").tobytes()
            dataset.Rows = dataset.Columns = 12
            dataset.PixelSpacing = ["12", "12"]

    slices(folder / "a", FIRST, coarser)


@of(SERIES)
def a_day_in_the_acquisition_time_alone(folder: Path) -> None:
    def undated(dataset: Dataset, k: int) -> None:
        for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate"):
            dataset.pop(keyword, None)
        dataset.AcquisitionDateTime = "20240301101500.000000+0100"

    slices(folder / "a", FIRST, undated)


@of(SERIES)
def two_frames_of_reference(folder: Path) -> None:
    def moved(dataset: Dataset, k: int) -> None:
        dataset.FrameOfReferenceUID = f"1.2.{k >= 8}".replace("True", "1").replace("False", "2")

    slices(folder / "a", FIRST, moved)


@of(SERIES)
def slices_lost_and_counted_anew(folder: Path) -> None:
    def lost(dataset: Dataset, k: int) -> bool:
        dataset.InstanceNumber = k + 1 if k < 7 else k - 1
        return k not in (7, 8)

    slices(folder / "a", FIRST, lost)


@of(SERIES)
def frames_lost_from_an_enhanced_file(folder: Path) -> None:
    def lost(file: Any) -> None:
        kept = [k for k in range(16) if k not in (7, 8)]
        size, groups = 24 * 24 * 2, file.PerFrameFunctionalGroupsSequence
        file.PixelData = b"".join(file.PixelData[k * size : (k + 1) * size] for k in kept)
        file.PerFrameFunctionalGroupsSequence = [groups[k] for k in kept]
        file.NumberOfFrames = 14

    write_enhanced(folder / "a", FIRST, spoil=lost)


@of(SERIES)
def a_slope_of_its_own_in_every_second_slice(folder: Path) -> None:
    def doubled(dataset: Dataset, k: int) -> None:
        if k % 2:
            dataset.PixelData = (2 * stored(dataset)).astype("<i2").tobytes()
            dataset.RescaleSlope = "0.5"

    slices(folder / "a", FIRST, doubled)


@of(SERIES)
def a_slice_without_its_rescale(folder: Path) -> None:
    def lost(dataset: Dataset, k: int) -> None:
        if k == 15:
            del dataset.RescaleSlope, dataset.RescaleIntercept

    slices(folder / "a", FIRST, lost)


@of(SERIES)
def a_byte_short_in_every_file(folder: Path) -> None:
    for path in slices(folder / "a", FIRST):
        path.write_bytes(path.read_bytes()[:-1])


@of(SERIES)
def a_private_class_alone(folder: Path) -> None:
    def private(dataset: Dataset, k: int) -> None:
        dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = "1.3.12.2.1107.5.9.1"

    slices(folder / "a", FIRST, private)


@of(SERIES)
def called_other_by_a_viewer(folder: Path) -> None:
    slices(folder / "a", FIRST, Modality="OT")


@of(SERIES, alone=True)
def two_names_under_one_identity(folder: Path) -> None:
    slices(folder / "a", FIRST)
    slices(folder / "b", LATER, date=JUNE, PatientName="Roe^Al")


@of(SERIES)
def a_folder_named_by_the_day_of_birth(folder: Path) -> None:
    names = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
    blank = dict.fromkeys(names, "")
    slices(folder / "Doe_19750312", FIRST, PatientBirthDate="19750312", **blank)


FILES = "files of one day"


@of(FILES)
def a_normalised_scan_alone(folder: Path) -> None:
    path = folder / "2024-03-01" / "ct.nii.gz"
    path.parent.mkdir()
    write_nifti(((FIRST.hu + 1000) / 1200).astype(np.float32), path, new_header(FIRST.geometry))


@of(FILES)
def a_mask_and_no_scan(folder: Path) -> None:
    mask(folder / "2024-03-01" / "liver.nii.gz", FIRST)


@of(FILES)
def a_liver_without_a_voxel(folder: Path) -> None:
    path = nifti(folder)
    write_nifti(0 * INSIDE, path.with_name("liver.nii.gz"), new_header(FIRST.geometry))


@of(FILES)
def masks_of_floats_beside_whole_numbers(folder: Path) -> None:
    path = nifti(folder)
    header = new_header(FIRST.geometry)
    write_nifti(INSIDE * np.float32(1.0000001), path.with_name("liver.nii.gz"), header)
    write_nifti(INSIDE * np.float32(0.99999994), path.with_name("tumors.nii.gz"), header)


@of(FILES)
def shares_under_the_name_of_a_mask(folder: Path) -> None:
    path = nifti(folder).with_name("liver.nii.gz")
    write_nifti((INSIDE * 0.7).astype(np.float32), path, new_header(FIRST.geometry))


@of(FILES)
def tumor_and_vessel_in_the_singular(folder: Path) -> None:
    path = nifti(folder)
    for name in ("tumor", "vessel"):
        mask(path.with_name(f"{name}.nii.gz"), FIRST)


@of(FILES)
def two_masks_of_the_liver(folder: Path) -> None:
    path = nifti(folder)
    mask(path.with_name("liver.nii.gz"), FIRST)
    mask(path.with_name("liver.nrrd"), FIRST)


@of(FILES)
def the_same_scan_twice(folder: Path) -> None:
    path = nifti(folder)
    shutil.copy(path, path.with_name("copy.nii.gz"))


@of(FILES)
def two_days_in_one_path(folder: Path) -> None:
    nifti(folder, "ct_20250101.nii.gz")


@of(FILES)
def a_day_beside_the_scan(folder: Path) -> None:
    image(folder / "scan.nii.gz", FIRST)
    told = {"AcquisitionDateTime": "2024-03-01T10:15:00"}
    (folder / "scan.json").write_text(json.dumps(told))


@of(FILES)
def a_day_in_clinics_order(folder: Path) -> None:
    image(folder / "01.03.2024" / "ct.nii.gz", FIRST)


@of(FILES)
def a_placeholder_of_git(folder: Path) -> None:
    nifti(folder).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n")


@of(FILES)
def a_scan_of_zeros(folder: Path) -> None:
    path = nifti(folder)
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[352:] = bytes(len(content) - 352)
    path.write_bytes(gzip.compress(bytes(content)))


@of(FILES)
def derivatives_of_bids(folder: Path) -> None:
    place, stem = Path("sub-7", "ses-20240301", "ct"), "sub-7_ses-20240301"
    image(folder / place / f"{stem}_ct.nii.gz", FIRST)
    image(folder / "derivatives" / "x" / place / f"{stem}_desc-preproc_ct.nii.gz", SECOND)
    mask(folder / "derivatives" / "x" / place / f"{stem}_label-liver_mask.nii.gz", FIRST)


@of(FILES)
def results_that_lost_their_run_json(folder: Path) -> None:
    nifti(folder)
    mask(folder / "out" / "visits" / "2024-03-01" / "lesions.nii.gz", FIRST)
    image(folder / "out" / "visits" / "2024-03-01" / "portal.nii.gz", SECOND)


@of(FILES)
def a_scan_among_results(folder: Path) -> None:
    path = nifti(folder)
    path.with_name("run.json").write_text('{"settings": {}, "inputs": [], "visits": {}}')
