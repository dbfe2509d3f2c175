from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)
from scipy.spatial.transform import Rotation

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from lvt_track.errors import InputError
from lvt_track.io.dicom.volumes import read_series
from lvt_track.io.discover import read_scan, series_at
from lvt_track.io.images.volumes import read_labels, read_mask, write_mask


def test_hu_and_grid_come_back(tmp_path: Path, ct: Volume, write_series: Any) -> None:
    read = read_series(write_series(tmp_path, ct))
    assert read.hu.dtype == np.int16
    np.testing.assert_array_equal(read.hu, ct.hu)
    assert read.geometry == ct.geometry


def test_slices_are_sorted_by_place_not_by_name(
    tmp_path: Path, ct: Volume, write_series: Any
) -> None:
    files = write_series(tmp_path, ct)
    names = list(range(len(files)))
    random.Random(0).shuffle(names)
    moved = [path.rename(tmp_path / f"image_{k}") for path, k in zip(files, names, strict=True)]
    read = read_series(sorted(moved))
    np.testing.assert_array_equal(read.hu, ct.hu)
    assert read.geometry == ct.geometry


@pytest.mark.parametrize(
    "angles", [(0, 0, 0), (12, -7, 20), (180, 0, 0), (0, 180, 0), (0, 0, 90), (3, 178, 5)]
)
def test_oblique_and_flipped_grids(
    tmp_path: Path, ct: Volume, write_series: Any, angles: tuple[int, int, int]
) -> None:
    turn = Rotation.from_euler("xyz", angles, True).as_matrix()
    geometry = Geometry(ct.geometry.shape, (2.5, 0.7031, 0.7519), (-93.1, 47.77, -1203.4), turn)
    read = read_series(write_series(tmp_path, Volume(ct.hu, geometry)))
    np.testing.assert_array_equal(read.hu, ct.hu)
    assert read.geometry.is_close(geometry, 1e-6)
    write_mask(read.hu > 0, read.geometry, tmp_path / "m.nii.gz")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.nii.gz", read.geometry), ct.hu > 0)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    spacing_mm=st.tuples(*[st.floats(0.4, 6.0)] * 3),
    origin_mm=st.tuples(*[st.floats(-1500, 1500)] * 3),
)
def test_any_grid_comes_back(
    tmp_path: Path,
    write_series: Any,
    angles: tuple[float, float, float],
    spacing_mm: tuple[float, float, float],
    origin_mm: tuple[float, float, float],
) -> None:
    hu = np.random.default_rng(0).integers(-120, 180, (5, 4, 6)).astype(np.int16)
    turn = Rotation.from_euler("xyz", angles, True).as_matrix()
    volume = Volume(hu, Geometry(hu.shape, spacing_mm, origin_mm, turn))
    read = read_series(write_series(tmp_path, volume)[::-1])
    np.testing.assert_array_equal(read.hu, hu)
    assert read.geometry.is_close(volume.geometry, 1e-4)


def test_the_grid_is_the_one_itk_sees(tmp_path: Path, ct: Volume, write_series: Any) -> None:
    turn = Rotation.from_euler("xyz", (4, 9, -3), True).as_matrix()
    geometry = Geometry(ct.geometry.shape, (3.0, 0.7, 0.9), (-93.1, 47.7, -1203.4), turn)
    files = write_series(tmp_path, Volume(ct.hu, geometry))
    image = sitk.ReadImage([str(path) for path in files])
    read = read_series(files)
    assert np.allclose(image.GetOrigin(), read.geometry.origin_mm, atol=1e-6)
    assert np.allclose(image.GetDirection(), read.geometry.direction.ravel(), atol=1e-6)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), read.hu)


def stored(dataset: Dataset) -> Any:
    return np.frombuffer(dataset.PixelData, "<i2").astype(np.int32)


def unsigned_with_intercept(dataset: Dataset, k: int) -> None:
    dataset.PixelRepresentation = 0


def unsigned_above_int16(dataset: Dataset, k: int) -> None:
    dataset.PixelData = (stored(dataset) + 40_000).astype("<u2").tobytes()
    dataset.PixelRepresentation = 0
    dataset.RescaleIntercept = -41_024


def signed_without_intercept(dataset: Dataset, k: int) -> None:
    dataset.PixelData = (stored(dataset) - 1024).astype("<i2").tobytes()
    dataset.RescaleIntercept = 0


def slope_per_slice(dataset: Dataset, k: int) -> None:
    slope = 1 + k % 3
    dataset.PixelData = np.rint((stored(dataset) - 1024) / slope).astype("<i2").tobytes()
    dataset.RescaleSlope = slope
    dataset.RescaleIntercept = 0


def fractional_slope(dataset: Dataset, k: int) -> None:
    dataset.PixelData = (stored(dataset) * 2).astype("<i2").tobytes()
    dataset.RescaleSlope = "0.5"


def twelve_bits(dataset: Dataset, k: int) -> None:
    dataset.PixelRepresentation = 0
    dataset.BitsStored, dataset.HighBit = 12, 11


def no_rescale(dataset: Dataset, k: int) -> None:
    signed_without_intercept(dataset, k)
    del dataset.RescaleSlope, dataset.RescaleIntercept


@pytest.mark.parametrize(
    ("spoil", "tolerance_hu"),
    [
        (unsigned_with_intercept, 0),
        (unsigned_above_int16, 0),
        (signed_without_intercept, 0),
        (slope_per_slice, 1.5),
        (fractional_slope, 0),
        (twelve_bits, 0),
        (no_rescale, 0),
    ],
)
def test_stored_values_to_hu(
    tmp_path: Path, ct: Volume, write_series: Any, spoil: Any, tolerance_hu: float
) -> None:
    read = read_series(write_series(tmp_path, ct, spoil))
    assert np.abs(read.hu.astype(float) - ct.hu).max() <= tolerance_hu


def test_a_lost_intercept_is_named(tmp_path: Path, write_series: Any) -> None:
    def spoil(dataset: Dataset, k: int) -> None:
        dataset.RescaleIntercept = 0

    with pytest.raises(InputError, match="intercept of -1024 is lost"):
        read_series(write_series(tmp_path, None, spoil))


def test_an_intercept_applied_twice_is_named(tmp_path: Path, write_series: Any) -> None:
    def spoil(dataset: Dataset, k: int) -> None:
        dataset.RescaleIntercept = -2048

    with pytest.raises(InputError, match="wrong rescale"):
        read_series(write_series(tmp_path, None, spoil))


def test_a_slope_of_zero_is_taken_as_one(tmp_path: Path, ct: Volume, write_series: Any) -> None:
    def spoil(dataset: Dataset, k: int) -> None:
        dataset.RescaleSlope = 0

    series = series_at(write_series(tmp_path, ct, spoil)[0])
    assert "a rescale slope of 0, which cannot be: taken as 1" in series.warnings
    np.testing.assert_array_equal(read_scan(series).hu, ct.hu)


def test_without_preamble_and_meta_header(tmp_path: Path, ct: Volume, write_series: Any) -> None:
    files = write_series(tmp_path, ct)
    for k, path in enumerate(files):
        dataset = pydicom.dcmread(path)
        implicit = k % 2 == 0
        del dataset.file_meta
        dataset.save_as(path, implicit_vr=implicit, little_endian=True)
    np.testing.assert_array_equal(read_series(files).hu, ct.hu)


def test_implicit_transfer_syntax(tmp_path: Path, ct: Volume, write_series: Any) -> None:
    files = write_series(tmp_path, ct)
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset.save_as(path, implicit_vr=True, little_endian=True)
    np.testing.assert_array_equal(read_series(files).hu, ct.hu)


def test_deflated_transfer_syntax(tmp_path: Path, ct: Volume, write_series: Any) -> None:
    files = write_series(tmp_path, ct)
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        dataset.save_as(path, implicit_vr=False, little_endian=True)
    np.testing.assert_array_equal(read_series(files).hu, ct.hu)


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_run_lengths_and_jpeg_ls_are_decoded(
    tmp_path: Path, ct: Volume, write_series: Any, syntax: str
) -> None:
    files = write_series(tmp_path, ct)
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.compress(syntax)
        dataset.save_as(path)
    np.testing.assert_array_equal(read_series(files).hu, ct.hu)


@pytest.fixture(params=["JPEG", "JPEG2000"])
def compressed(request: Any, tmp_path: Path, ct: Volume, write_series: Any) -> list[Path]:
    """Our series with pixels compressed without loss by GDCM."""
    files: list[Path] = write_series(tmp_path / "series", ct)
    writer = sitk.ImageFileWriter()
    writer.SetFileName(str(tmp_path / "one.dcm"))
    writer.UseCompressionOn()
    writer.SetCompressor(request.param)
    for k, path in enumerate(files):
        writer.Execute(sitk.GetImageFromArray((ct.hu[k : k + 1] + 1024).astype(np.int16)))
        packed, dataset = pydicom.dcmread(tmp_path / "one.dcm"), pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = packed.file_meta.TransferSyntaxUID
        dataset.PixelData = packed.PixelData
        dataset["PixelData"].is_undefined_length = True
        dataset.save_as(path)
    return files


def test_compressed_pixels_are_decoded_and_rescaled(compressed: list[Path], ct: Volume) -> None:
    np.testing.assert_array_equal(read_series(compressed).hu, ct.hu)


@pytest.mark.parametrize("lost", [9, 100, 400])
def test_truncated_compressed_files_are_named(compressed: list[Path], lost: int) -> None:
    compressed[7].write_bytes(compressed[7].read_bytes()[:-lost])
    with pytest.raises(InputError, match="cut short") as caught:
        read_series(compressed)
    assert caught.value.path == compressed[7]


def test_what_cannot_be_decoded_is_named(tmp_path: Path, write_series: Any) -> None:
    files = write_series(tmp_path)
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.file_meta.TransferSyntaxUID = JPEGLosslessSV1
        dataset.PixelData = pydicom.encaps.encapsulate([b"\xff\xd8 no jpeg at all! " * 10])
        dataset["PixelData"].is_undefined_length = True
        dataset.save_as(path)
    with pytest.raises(InputError, match=r"JPEG Lossless.*cannot be decoded.*gdcmconv"):
        read_series(files)


def drop_position(dataset: Dataset, k: int) -> None:
    del dataset.ImagePositionPatient


def zero_positions(dataset: Dataset, k: int) -> None:
    dataset.ImagePositionPatient = [0, 0, 0]


def drop_spacing(dataset: Dataset, k: int) -> None:
    del dataset.PixelSpacing


def mixed_spacing(dataset: Dataset, k: int) -> None:
    dataset.ImagePositionPatient[2] = -640 + (3 * k if k < 6 else 18 + 5 * (k - 6))


def tilted(dataset: Dataset, k: int) -> None:
    dataset.ImageOrientationPatient = [1, 0, 0, 0, np.cos(np.radians(15)), np.sin(np.radians(15))]


def shifted(dataset: Dataset, k: int) -> None:
    dataset.ImagePositionPatient[0] += 20 * (k > 5)


def turned(dataset: Dataset, k: int) -> None:
    if k == 3:
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]


def doubled(dataset: Dataset, k: int) -> None:
    if k == 4:
        dataset.ImagePositionPatient[2] -= 3


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (drop_position, "12 of 12 slices have no position"),
        (zero_positions, "positions of all 12 slices are zero"),
        (drop_spacing, "without pixel spacing"),
        (mixed_spacing, r"3.00 to 5.00 mm apart \(mixed spacing\)"),
        (tilted, r"gantry was tilted by 15\.0°"),
        (shifted, r"shifted against each other by up to 20\.0 mm"),
        (turned, "different orientations"),
        (doubled, r"1 places have more than one slice, such as IMG000\d.dcm and IMG000\d.dcm"),
    ],
)
def test_slices_that_form_no_volume_are_named(
    tmp_path: Path, write_series: Any, spoil: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read_series(write_series(tmp_path, None, spoil))


def test_missing_slices_are_counted_and_placed(tmp_path: Path, write_series: Any) -> None:
    files = write_series(tmp_path)
    with pytest.raises(InputError, match=r"about 3 slices are missing, after z = -634.0 mm, z = "):
        read_series(files[:3] + files[5:7] + files[8:])


def test_one_slice_is_not_a_volume(tmp_path: Path, write_series: Any) -> None:
    with pytest.raises(InputError, match="one slice only"):
        read_series(write_series(tmp_path)[:1])


def test_one_file_without_a_position_is_left_out(
    tmp_path: Path, ct: Volume, write_series: Any
) -> None:
    def spoil(dataset: Dataset, k: int) -> None:
        if k == 0:
            dataset.ImagePositionPatient = [0, 0, 0]

    read = read_series(write_series(tmp_path, ct, spoil))
    np.testing.assert_array_equal(read.hu, ct.hu[1:])


def test_small_jitter_of_positions_is_borne(tmp_path: Path, ct: Volume, write_series: Any) -> None:
    def spoil(dataset: Dataset, k: int) -> None:
        dataset.ImagePositionPatient[2] += (-1) ** k * 0.05

    read = read_series(write_series(tmp_path, ct, spoil))
    assert read.geometry.spacing_mm[0] == pytest.approx(3, abs=0.02)
    np.testing.assert_array_equal(read.hu, ct.hu)


@pytest.mark.parametrize("keep", [0.97, 0.5, 0.1, 0.0])
def test_truncated_files_are_named(tmp_path: Path, write_series: Any, keep: float) -> None:
    files = write_series(tmp_path)
    content = files[4].read_bytes()
    files[4].write_bytes(content[: int(keep * len(content))])
    with pytest.raises(InputError) as caught:
        read_series(files)
    assert caught.value.path == files[4]


def test_real_series_are_read_by_place(real: Path) -> None:
    first = read_series(list((real / "ircad19" / "dicom").glob("image_*")))
    assert first.geometry.shape == (124, 512, 512)
    assert first.geometry.spacing_mm == (4.0, 0.703125, 0.703125)
    flipped = read_series(list((real / "lits0" / "dicom").glob("*.dcm")))
    assert np.diag(flipped.geometry.direction).tolist() == [1, -1, -1]
    liver = read_mask(real / "lits0" / "liver.nii.gz", flipped.geometry)
    assert 100 < flipped.hu[liver].mean() < 140


def test_real_compressed_series_without_uids(real: Path) -> None:
    volume = read_series(list((real / "totalseg" / "dicom_20_slices").iterdir()))
    assert volume.geometry.spacing_mm == (2.0, 0.9765625, 0.9765625)
    labels, own = read_labels(real / "totalseg" / "dicom_20_slices_labels117.nii.gz")
    liver = read_mask(real / "totalseg" / "dicom_20_slices_labels117.nii.gz", volume.geometry)
    assert np.count_nonzero(liver) == np.count_nonzero(labels)
    assert own.shape == volume.geometry.shape
