from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from lvt_track.errors import InputError, OutputError
from lvt_track.io.images.headers import kind_of_image, read_image_header
from lvt_track.io.images.nifti import ORIENTATION_FIELDS, new_header, read_header, write_nifti
from lvt_track.io.images.volumes import (
    read_geometry,
    read_labels,
    read_mask,
    read_volume,
    stem_of,
    write_labels,
    write_mask,
    write_volume,
)

FLIPS = [(a, b, c) for a in (1, -1) for b in (1, -1) for c in (1, -1)]
SUFFIXES = [".nii.gz", ".nii", ".nrrd", ".mha"]


def random_mask(shape: tuple[int, int, int]) -> NDArray[np.bool_]:
    return np.random.default_rng(1).random(shape) > 0.5


def write_itk(volume: Volume, path: Path, dtype: Any = None) -> None:
    """Written by ITK, not by us, as a scan from elsewhere would be."""
    image = sitk.GetImageFromArray(volume.hu if dtype is None else volume.hu.astype(dtype))
    image.SetSpacing(volume.geometry.spacing_mm[::-1])
    image.SetOrigin(volume.geometry.origin_mm)
    image.SetDirection(volume.geometry.direction.ravel())
    sitk.WriteImage(image, str(path))


def orientation_bytes(path: Path) -> dict[str, bytes]:
    header = read_header(path)
    return {name: header[name].tobytes() for name in ORIENTATION_FIELDS}


@st.composite
def geometries(draw: st.DrawFn) -> Geometry:
    rotation = Rotation.from_euler("zyx", [draw(st.floats(-180, 180)) for _ in range(3)], True)
    flip = np.diag([draw(st.sampled_from([1.0, -1.0])) for _ in range(3)])
    spacing = tuple(draw(st.floats(0.3, 8.0)) for _ in range(3))
    origin = tuple(draw(st.floats(-900, 900)) for _ in range(3))
    return Geometry((4, 5, 6), spacing, origin, rotation.as_matrix() @ flip)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(geometry=geometries(), suffix=st.sampled_from(SUFFIXES))
def test_a_mask_comes_back_on_its_grid(tmp_path: Path, geometry: Geometry, suffix: str) -> None:
    mask = random_mask(geometry.shape)
    path = tmp_path / f"mask{suffix}"
    write_mask(mask, geometry, path)
    assert read_geometry(path).is_close(geometry, 2e-3)
    np.testing.assert_array_equal(read_mask(path, geometry), mask)


@pytest.mark.parametrize("field", ["qform_code", "sform_code"])
@pytest.mark.parametrize("flip", FLIPS)
def test_qform_and_sform_say_the_same(tmp_path: Path, flip: Any, field: str) -> None:
    """Programs differ in which of the two they trust."""
    from lvt_track.io.images.nifti import write_nifti

    turn = Rotation.from_euler("xyz", [11, -7, 23], True).as_matrix()
    geometry = Geometry((3, 4, 5), (2.5, 0.7, 0.8), (-120.0, 44.5, 310.0), turn @ np.diag(flip))
    write_mask(random_mask(geometry.shape), geometry, tmp_path / "both.nii")
    header = read_header(tmp_path / "both.nii").copy()
    header[field] = 0
    write_nifti(np.zeros(geometry.shape, np.uint8), tmp_path / "one.nii", header)
    assert read_geometry(tmp_path / "one.nii").is_close(geometry, 1e-3)


@pytest.mark.parametrize("oblique", [False, True], ids=["axial", "oblique"])
@pytest.mark.parametrize("flip", FLIPS)
def test_masks_take_over_the_affine_byte_for_byte(
    tmp_path: Path, ct: Volume, flip: tuple[int, int, int], oblique: bool
) -> None:
    turn = Rotation.from_euler("xyz", [5, 12, -9], True).as_matrix() if oblique else np.eye(3)
    geometry = Geometry(
        ct.geometry.shape, (3.0, 0.81, 0.93), (-7.3, 9.1, 3.3), turn @ np.diag(flip)
    )
    write_itk(Volume(ct.hu, geometry), tmp_path / "scan.nii.gz")
    scan = read_volume(tmp_path / "scan.nii.gz")
    mask = random_mask(scan.geometry.shape)
    write_mask(mask, scan.geometry, tmp_path / "liver.nii.gz", like=tmp_path / "scan.nii.gz")
    assert orientation_bytes(tmp_path / "liver.nii.gz") == orientation_bytes(
        tmp_path / "scan.nii.gz"
    )
    assert read_geometry(tmp_path / "liver.nii.gz") == scan.geometry
    np.testing.assert_array_equal(read_mask(tmp_path / "liver.nii.gz", scan.geometry), mask)


@pytest.mark.parametrize("codes", [(0, 1), (1, 0), (2, 4), (0, 0)])
def test_odd_codes_and_byte_order_are_kept(
    tmp_path: Path, ct: Volume, codes: tuple[int, int]
) -> None:
    """Big-endian files, other codes, and pixdim values that nobody uses."""
    from lvt_track.io.images.nifti import new_header, write_nifti

    little = new_header(ct.geometry)
    big = little.astype(little.dtype.newbyteorder(">"))
    big["qform_code"], big["sform_code"] = codes
    big["pixdim"][4:] = [1.5, 2.5, 0, 0]
    write_nifti(ct.hu, tmp_path / "scan.nii.gz", big)
    scan = read_volume(tmp_path / "scan.nii.gz")
    np.testing.assert_array_equal(scan.hu, ct.hu)
    write_labels(
        np.ones(ct.hu.shape, np.int32),
        scan.geometry,
        tmp_path / "m.nii.gz",
        tmp_path / "scan.nii.gz",
    )
    assert orientation_bytes(tmp_path / "m.nii.gz") == orientation_bytes(tmp_path / "scan.nii.gz")
    assert read_labels(tmp_path / "m.nii.gz")[1] == scan.geometry


def test_nifti2_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "ct.nii").write_bytes((540).to_bytes(4, "little") + b"n+2\0\r\n\x1a\n" + bytes(900))
    with pytest.raises(InputError, match="NIfTI-2"):
        read_volume(tmp_path / "ct.nii")


def test_equal_masks_give_equal_files(tmp_path: Path, ct: Volume) -> None:
    write_mask(ct.hu > 0, ct.geometry, tmp_path / "a.nii.gz")
    write_mask(ct.hu > 0, ct.geometry, tmp_path / "b.nii.gz")
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_hu_of_every_type_and_format(tmp_path: Path, ct: Volume, suffix: str, dtype: Any) -> None:
    write_itk(ct, tmp_path / f"ct{suffix}", dtype)
    volume = read_volume(tmp_path / f"ct{suffix}")
    assert volume.hu.dtype == (np.int16 if np.issubdtype(dtype, np.integer) else np.float32)
    np.testing.assert_array_equal(volume.hu, ct.hu)
    assert volume.geometry.is_close(ct.geometry, 1e-3)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_volumes_come_back(tmp_path: Path, ct: Volume, suffix: str) -> None:
    write_volume(ct, tmp_path / f"ct{suffix}")
    np.testing.assert_array_equal(read_volume(tmp_path / f"ct{suffix}").hu, ct.hu)


def test_nifti_scaling_is_applied(tmp_path: Path, ct: Volume) -> None:
    write_volume(ct, tmp_path / "ct.nii")
    content = bytearray((tmp_path / "ct.nii").read_bytes())
    content[112:120] = np.array([0.5, -24.0], "<f4").tobytes()
    (tmp_path / "ct.nii").write_bytes(content)
    np.testing.assert_allclose(read_volume(tmp_path / "ct.nii").hu, ct.hu * 0.5 - 24)


def test_padding_and_nan_become_air(tmp_path: Path, ct: Volume) -> None:
    hu = ct.hu.astype(np.float32)
    hu[0, 0, :4] = [np.nan, np.inf, -np.inf, -3024]
    write_volume(Volume(hu, ct.geometry), tmp_path / "ct.nii.gz")
    read = read_volume(tmp_path / "ct.nii.gz").hu
    assert read[0, 0, :4].tolist() == [-1024] * 4
    np.testing.assert_array_equal(read[1:], ct.hu[1:])


def test_damaged_files_are_named(tmp_path: Path, ct: Volume) -> None:
    write_volume(ct, tmp_path / "ct.nii.gz")
    packed = (tmp_path / "ct.nii.gz").read_bytes()
    plain = gzip.decompress(packed)
    flipped = bytearray(packed)
    flipped[len(packed) // 2] ^= 0xFF
    for name, content, message in [
        ("short.nii.gz", packed[: len(packed) // 2], "damaged gzip"),
        ("flipped.nii.gz", bytes(flipped), "damaged gzip"),
        ("not.nii.gz", plain, "damaged gzip"),
        ("short.nii", plain[:1000], "cut short: only"),
        ("header.nii", plain[:300], "not a NIfTI file"),
        ("text.nii", b"hello " * 100, "not a NIfTI file"),
        ("empty.nii.gz", b"", "not a NIfTI file"),
        ("text.nrrd", b"hello " * 100, "cannot be read as an image"),
        ("text.mha", b"", "cannot be read as an image"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message) as caught:
            read_volume(tmp_path / name)
        assert caught.value.path == tmp_path / name


@pytest.mark.parametrize("suffix", [".nrrd", ".mha"])
def test_short_nrrd_and_mha_are_refused(tmp_path: Path, ct: Volume, suffix: str) -> None:
    path = tmp_path / f"ct{suffix}"
    write_volume(ct, path)
    path.write_bytes(path.read_bytes()[:-600])
    with pytest.raises(InputError, match=r"cannot be read|damaged gzip"):
        read_volume(path)


def test_what_is_not_one_volume_is_refused(tmp_path: Path, ct: Volume) -> None:
    def save(array: NDArray[Any], name: str, is_vector: bool = False) -> Path:
        sitk.WriteImage(sitk.GetImageFromArray(array, is_vector), str(tmp_path / name))
        return tmp_path / name

    with pytest.raises(InputError, match="4 dimensions"):
        read_volume(save(np.stack([ct.hu, ct.hu]), "series.nii.gz"))
    with pytest.raises(InputError, match="2 dimensions"):
        read_volume(save(ct.hu[0], "slice.nii.gz"))
    with pytest.raises(InputError, match="one slice only"):
        read_volume(save(ct.hu[:1], "thin.nii.gz"))
    with pytest.raises(InputError, match="colour"):
        read_volume(save(np.zeros((4, 5, 6, 3), np.uint8), "colour.nrrd", True))
    with pytest.raises(InputError, match="no such file"):
        read_volume(tmp_path / "none.nii.gz")
    with pytest.raises(InputError, match="not an image file"):
        read_volume(tmp_path / "none.png")
    assert read_volume(save(ct.hu[None], "one.nii.gz")).hu.shape == ct.hu.shape


def test_a_sheared_affine_is_refused(tmp_path: Path, ct: Volume) -> None:
    from lvt_track.io.images.nifti import new_header, write_nifti

    header = new_header(ct.geometry)
    header["qform_code"] = 0
    header["srow_x"][2] = 1.2
    write_nifti(ct.hu, tmp_path / "ct.nii.gz", header)
    with pytest.raises(InputError, match="not at right angles"):
        read_volume(tmp_path / "ct.nii.gz")


def test_masks_of_other_grids_are_refused(tmp_path: Path, ct: Volume) -> None:
    grid = ct.geometry
    path = tmp_path / "liver.nii.gz"
    shifted = Geometry(grid.shape, grid.spacing_mm, (0.0, -87.25, -640.0), grid.direction)
    write_mask(ct.hu > 0, shifted, path)
    with pytest.raises(InputError, match=r"origin \(-?0, -87.25, -640\) mm instead of \(-101.5"):
        read_mask(path, grid)
    coarse = Geometry(grid.shape, (5.0, 0.8, 0.9), grid.origin_mm, grid.direction)
    write_mask(ct.hu > 0, coarse, path)
    with pytest.raises(InputError, match=r"spacing \(0.9, 0.8, 5\) mm instead of \(0.9, 0.8, 3\)"):
        read_mask(path, grid)
    write_mask(ct.hu[1:] > 0, ct.crop((slice(1, 12), slice(0, 20), slice(0, 24))).geometry, path)
    with pytest.raises(InputError, match="24 × 20 × 11 voxels instead of 24 × 20 × 12"):
        read_mask(path, grid)


@pytest.mark.parametrize("order", ["LPS", "RAS", "RPI", "SAL", "PIR"])
def test_masks_stored_in_another_order_are_turned(tmp_path: Path, ct: Volume, order: str) -> None:
    """dcm2niix flips rows and Slicer may permute axes; the voxels are the same."""
    mask = random_mask(ct.hu.shape)
    image = sitk.GetImageFromArray(mask.astype(np.uint8))
    image.SetSpacing(ct.geometry.spacing_mm[::-1])
    image.SetOrigin(ct.geometry.origin_mm)
    sitk.WriteImage(sitk.DICOMOrient(image, order), str(tmp_path / "liver.nii.gz"))
    np.testing.assert_array_equal(read_mask(tmp_path / "liver.nii.gz", ct.geometry), mask)


def test_labels_keep_their_numbers(tmp_path: Path, ct: Volume) -> None:
    for highest in (3, 300, 70_000):
        labels = np.random.default_rng(0).integers(0, highest + 1, ct.hu.shape).astype(np.int32)
        write_labels(labels, ct.geometry, tmp_path / "lesions.nii.gz")
        read, geometry = read_labels(tmp_path / "lesions.nii.gz")
        np.testing.assert_array_equal(read, labels)
        assert geometry.is_close(ct.geometry, 1e-3)


def test_labels_saved_as_floats_are_whole_numbers(tmp_path: Path, ct: Volume) -> None:
    inside = np.zeros(ct.hu.shape, np.float32)
    inside[0, 0, 0] = 1.0000001
    inside[1, 1, 1] = 0.99999994
    path = tmp_path / "liver.nii.gz"
    write_nifti(inside, path, new_header(ct.geometry))
    assert kind_of_image(read_image_header(path)) == "labels"
    assert read_labels(path)[0].sum() == 2


def test_probabilities_are_no_mask(tmp_path: Path, ct: Volume) -> None:
    write_volume(Volume(np.full(ct.hu.shape, 0.4, np.float32), ct.geometry), tmp_path / "p.nii.gz")
    with pytest.raises(InputError, match="not whole numbers"):
        read_mask(tmp_path / "p.nii.gz", ct.geometry)


def test_a_header_of_another_grid_is_not_taken_over(tmp_path: Path, ct: Volume) -> None:
    other = Geometry(ct.geometry.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3))
    write_volume(Volume(ct.hu, other), tmp_path / "ct.nii.gz")
    with pytest.raises(ValueError, match="not on the grid"):
        write_mask(ct.hu > 0, ct.geometry, tmp_path / "m.nii.gz", like=tmp_path / "ct.nii.gz")


def test_mhd_is_read_but_not_written(tmp_path: Path, ct: Volume) -> None:
    write_itk(ct, tmp_path / "ct.mhd")
    np.testing.assert_array_equal(read_volume(tmp_path / "ct.mhd").hu, ct.hu)
    with pytest.raises(OutputError, match="Choose"):
        write_mask(ct.hu > 0, ct.geometry, tmp_path / "m.mhd")


def test_nothing_is_left_where_writing_fails(tmp_path: Path, ct: Volume) -> None:
    for suffix in SUFFIXES:
        with pytest.raises(OutputError):
            write_mask(ct.hu > 0, ct.geometry, tmp_path / "none" / f"m{suffix}")
    assert list(tmp_path.iterdir()) == []


def test_stems() -> None:
    assert stem_of(Path("a/Portal.NII.GZ")) == "Portal"
    assert stem_of(Path("x.y.nrrd")) == "x.y"
    assert stem_of(Path("a.dcm")) is None


@pytest.mark.parametrize("name", ["ct_3mm", "ct_3mm_slab"])
def test_real_ct_is_accepted(real: Path, tmp_path: Path, name: str) -> None:
    path = real / "totalseg" / f"{name}.nii.gz"
    volume = read_volume(path)
    assert np.diag(volume.geometry.direction).tolist() == [-1, -1, 1]
    liver, geometry = read_labels(real / "totalseg" / f"{name}_labels117.nii.gz")
    assert geometry.is_close(volume.geometry)
    assert 20 < volume.hu[liver == 5].mean() < 130
    write_mask(liver == 5, geometry, tmp_path / "liver.nii.gz", like=path)
    assert orientation_bytes(tmp_path / "liver.nii.gz") == orientation_bytes(path)


def test_real_mr_is_refused(real: Path) -> None:
    with pytest.raises(InputError, match=r"neither air nor fat .* as in MR"):
        read_volume(real / "totalseg" / "mr_not_ct.nii.gz")
