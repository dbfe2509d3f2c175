"""Image files of kinds that public bug trackers tell of: read right, or named."""

from __future__ import annotations

import bz2
import gzip
import os
import shutil
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lvt_track.core.volume import Volume
from lvt_track.errors import InputError
from lvt_track.io.discover import Discovery, discover, read_scan
from lvt_track.io.images.nifti import new_header, write_nifti
from lvt_track.io.images.volumes import read_volume, write_mask
from tests.io.wild_scans import MARCH, float_bytes, image, mask, patched, slices, trunk

CT = trunk(1)


def failed(found: Discovery) -> str:
    return "\n".join(f"{i.path.name}: {i.reason}" for i in found.left_out if i.is_failure)


def first(folder: Path) -> Volume:
    """The scan of March, beside which one of June is always whole."""
    image(folder / "2024-06-07" / "ct.nii.gz", trunk(2))
    found = discover(folder)
    (visit,) = (visit for visit in found.visits if visit.date == MARCH)
    return read_scan(visit.tracked_series)


def lost(folder: Path) -> str:
    """Why the scan of March is lost."""
    image(folder / "2024-06-07" / "ct.nii.gz", trunk(2))
    found = discover(folder)
    assert [visit.name for visit in found.visits] == ["2024-06-07"]
    return failed(found)


@pytest.fixture
def march(tmp_path: Path) -> Path:
    return image(tmp_path / "2024-03-01" / "ct.nii", CT)


# --- NIfTI --------------------------------------------------------------------------------------


def test_the_sform_counts_and_a_disagreement_is_told(march: Path, tmp_path: Path) -> None:
    header = new_header(CT.geometry)
    header["pixdim"][3] = 2.5
    write_nifti(CT.hu, march, header)
    write_mask(CT.hu > 60, CT.geometry, march.with_name("liver.nii.gz"))
    found = discover(tmp_path)
    series = found.visits[0].tracked_series
    assert series.spacing_mm[0] == 5.0
    assert "6×6×5 mm by the sform, which was taken, 6×6×2.5 mm by the qform" in series.warnings[-1]
    assert list(series.masks) == ["liver"]


@pytest.mark.parametrize("offset", [0.0, 352.0])
def test_voxels_begin_behind_the_header(march: Path, tmp_path: Path, offset: float) -> None:
    patched(march, 108, float_bytes(offset))
    np.testing.assert_array_equal(first(tmp_path).hu, CT.hu)


@pytest.mark.parametrize(
    ("at", "values", "message"),
    [
        (108, (np.nan,), "begin at nan"),
        (108, (np.inf,), "begin at inf"),
        (108, (200.0,), "within the header"),
        (112, (np.inf, 0.0), "slope and intercept are no numbers"),
        (112, (1.0, np.nan), "slope and intercept are no numbers"),
        (280, (np.nan,), "sform holds values that are no numbers"),
        (280, (0.0, 0.0, 0.0), "states no voxel size"),
    ],
)
def test_numbers_that_are_none_are_named(
    march: Path, tmp_path: Path, at: int, values: Any, message: str
) -> None:
    patched(march, at, float_bytes(*values))
    assert message in lost(tmp_path)


def test_without_codes_the_frame_is_a_guess_and_told(march: Path, tmp_path: Path) -> None:
    header = new_header(CT.geometry)
    header["qform_code"] = header["sform_code"] = 0
    write_nifti(CT.hu, march, header)
    series = discover(tmp_path).visits[0].tracked_series
    assert "which side is left is a guess" in series.warnings[0]


@pytest.mark.parametrize("factor", [0.1, 0.001, 40.0])
def test_sizes_of_no_body_are_told(march: Path, tmp_path: Path, factor: float) -> None:
    header = new_header(CT.geometry)
    header["pixdim"][1:4] *= factor
    for row in ("srow_x", "srow_y", "srow_z"):
        header[row] *= factor
    write_nifti(CT.hu, march, header)
    image(tmp_path / "2024-06-07" / "ct.nii.gz", trunk(2))
    found = discover(tmp_path)
    warnings = [w for visit in found.visits for w in visit.tracked_series.warnings]
    assert any("the size of no body" in text for text in warnings) or "too short" in failed(found)


def test_a_header_beside_its_voxels(march: Path, tmp_path: Path) -> None:
    content = bytearray(march.read_bytes())
    content[108:112], content[344:348] = float_bytes(0.0), b"ni1\0"
    march.with_suffix(".hdr").write_bytes(bytes(content[:348]))
    march.with_suffix(".img").write_bytes(bytes(content[352:]))
    march.unlink()
    np.testing.assert_array_equal(first(tmp_path).hu, CT.hu)
    march.with_suffix(".hdr").write_bytes(bytes(content[:344]) + bytes(4))
    assert "ANALYZE 7.5" in lost(tmp_path)


@pytest.mark.parametrize("kept", [0.3, 0.9, 0.999])
def test_packed_files_cut_short_are_failures_already_when_discovered(
    tmp_path: Path, kept: float
) -> None:
    path = image(tmp_path / "2024-03-01" / "ct.nii.gz", CT)
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content))])
    assert "damaged gzip" in lost(tmp_path)


def test_a_bomb_takes_no_memory(march: Path, tmp_path: Path) -> None:
    """The header claims 4 GB, or more than any CT has; the file has a few kB."""
    patched(march, 40, np.array([3, 2000, 2000, 2000], "<i2").tobytes())
    assert "15 GiB of voxels, more than the 4 GiB" in lost(tmp_path)
    patched(march, 40, np.array([3, 1000, 1000, 2000], "<i2").tobytes())
    assert "cut short" in lost(tmp_path)
    march.rename(march.with_suffix(".raw.nii"))
    packed = march.with_suffix(".nii.gz")
    packed.write_bytes(gzip.compress(march.with_suffix(".raw.nii").read_bytes()))
    march.with_suffix(".raw.nii").unlink()
    assert "cut short" in lost(tmp_path)


# --- NRRD and MHA -------------------------------------------------------------------------------


def nrrd(path: Path, fields: str, packing: str = "gzip", data: str = "") -> None:
    pack = {"gzip": gzip.compress, "bzip2": bz2.compress, "raw": bytes}[packing]
    head = f"NRRD0004\ntype: short\ndimension: 3\nsizes: 24 24 16\nendian: little\n{fields}"
    head += f"encoding: {packing}\n" + (f"data file: {data}\n" if data else "\n")
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = pack(CT.hu.tobytes())
    path.write_bytes(head.encode() + (b"" if data else voxels))
    if data:
        (path.parent / data).write_bytes(voxels)


SPACE = (
    "space: left-posterior-superior\nspace directions: (6,0,0) (0,6,0) (0,0,5)\n"
    "space origin: (-72,-72,100)\n"
)


@pytest.mark.parametrize("packing", ["raw", "gzip", "bzip2"])
@pytest.mark.parametrize("data", ["", "ct.raw"])
def test_nrrd_of_every_packing(tmp_path: Path, packing: str, data: str) -> None:
    nrrd(tmp_path / "2024-03-01" / ("ct.nhdr" if data else "ct.nrrd"), SPACE, packing, data)
    read = first(tmp_path)
    np.testing.assert_array_equal(read.hu, CT.hu)
    assert read.geometry.is_close(CT.geometry)


@pytest.mark.parametrize("fields", ["", "spacings: nan nan nan\n", "space: LPS\n"])
def test_nrrd_without_a_voxel_size_is_refused(tmp_path: Path, fields: str) -> None:
    nrrd(tmp_path / "2024-03-01" / "ct.nrrd", fields)
    assert "states no voxel size" in lost(tmp_path)


def test_nrrd_without_a_space_is_told(tmp_path: Path) -> None:
    nrrd(tmp_path / "2024-03-01" / "ct.nrrd", "spacings: 6 6 5\n")
    series = discover(tmp_path).visits[0].tracked_series
    assert "states no space" in series.warnings[0]


def test_mha_without_a_voxel_size_is_refused(tmp_path: Path) -> None:
    path = image(tmp_path / "2024-03-01" / "ct.mha", CT)
    path.write_bytes(path.read_bytes().replace(b"ElementSpacing", b"ElementColours"))
    assert "states no voxel size" in lost(tmp_path)


# --- names, masks, containers -------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".nii.gz", ".nrrd", ".mha"])
def test_names_that_are_not_utf8(tmp_path: Path, suffix: str) -> None:
    path = image(tmp_path / "2024-03-01" / f"ct{suffix}", CT)
    path.parent.rename(tmp_path / b"2024-03-01_M\xfcller".decode("utf-8", "surrogateescape"))
    np.testing.assert_array_equal(first(tmp_path).hu, CT.hu)


@pytest.mark.parametrize(
    ("names", "used"),
    [
        (("segmentations/liver", "segmentations/spleen", "segmentations/aorta"), ["liver"]),
        (
            ("segmentations/liver_tumor", "segmentations/liver", "segmentations/colon"),
            ["liver", "tumors"],
        ),
        (("segmentation-0",), ["liver", "tumors"]),
        (("labelsTr/hepaticvessel_001",), ["tumors", "vessels"]),
        (("segmentations/liver_vessels", "segmentations/liver_tumor"), ["tumors", "vessels"]),
        (("liver", "segmentation-0"), ["liver", "tumors"]),
        (("segmentation", "instances/tumor_instance-1_annotation-1"), []),
        (("labelsTr/case",), []),
        (("lesions", "cysts", "tracks", "hepatic", "segments"), []),
        (("liver", "liver-label"), ["liver"]),
        (("whatever",), []),
    ],
)
def test_masks_of_other_programs_are_no_scans(march: Path, names: Any, used: list[str]) -> None:
    for name in names:
        mask(march.parent / f"{name}.nii.gz", CT)
    found = discover(march.parents[1])
    (visit,) = found.visits
    (series,) = visit.series
    assert sorted(series.masks) == used
    assert not failed(found)
    files = {mask.path for mask in series.masks.values()}
    assert len(found.left_out) == len(names) - len(files)


def test_nrrd_in_centimetres(tmp_path: Path) -> None:
    space = SPACE.replace("(6,0,0) (0,6,0) (0,0,5)", "(.6,0,0) (0,.6,0) (0,0,.5)")
    space = space.replace("(-72,-72,100)", "(-7.2,-7.2,10)") + 'space units: "cm" "cm" "cm"\n'
    nrrd(tmp_path / "2024-03-01" / "ct.nrrd", space)
    assert first(tmp_path).geometry.is_close(CT.geometry)


def test_a_scan_may_bear_the_name_of_a_mask(tmp_path: Path) -> None:
    image(tmp_path / "2024-03-01" / "CT_Liver.nii.gz", CT)
    np.testing.assert_array_equal(first(tmp_path).hu, CT.hu)


def test_a_mask_that_fits_two_series_is_lost_by_name(tmp_path: Path) -> None:
    slices(tmp_path, CT, AcquisitionNumber=1)
    slices(tmp_path, trunk(2), first=17, AcquisitionNumber=2)
    mask(tmp_path / "liver.nii.gz", CT)
    assert "liver.nii.gz: a mask that fits 2 series" in failed(discover(tmp_path))


def test_results_of_lvt_are_never_scans(march: Path, tmp_path: Path) -> None:
    out = tmp_path / "results"
    image(out / "visits" / "2024-03-01" / "portal.nii.gz", trunk(3))
    (out / "run.json").write_text('{"settings": {}, "inputs": [], "visits": {}}')
    probability = np.full(CT.hu.shape, 0.4, np.float32)
    image(march.with_name("liver_probability.nii.gz"), Volume(probability, CT.geometry))
    found = discover(tmp_path)
    assert [len(visit.series) for visit in found.visits] == [1]
    assert {item.path.name for item in found.left_out} == {"results", "liver_probability.nii.gz"}


@pytest.mark.parametrize(
    "name", ["in_Abdomen_20240301101500_3", "20240301101500", "CT_20240301_3", "2024-03-01_10-15"]
)
def test_dates_in_names_of_dcm2niix(tmp_path: Path, name: str) -> None:
    image(tmp_path / f"{name}.nii.gz", CT)
    assert [visit.date for visit in discover(tmp_path).visits] == [MARCH]


@pytest.mark.parametrize("twin", ["ct_Eq_1", "ct_Eq", "ct_Tilt_1"])
def test_what_dcm2niix_corrected_goes_before_its_source(march: Path, twin: str) -> None:
    image(march.with_name(f"{twin}.nii.gz"), CT)
    (series,) = discover(march.parents[1]).visits[0].series
    assert series.description == twin


def test_archives_are_named(march: Path, tmp_path: Path) -> None:
    slice_file = slices(tmp_path / "dicom", CT)[0]
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.write(slice_file, "DICOM/IM0001")
    with zipfile.ZipFile(tmp_path / "letters.zip", "w") as archive:
        archive.writestr("letter.pdf", "none")
    (tmp_path / "IM0001.dcm.gz").write_bytes(gzip.compress(slice_file.read_bytes()))
    (tmp_path / "IM0002.gz").write_bytes(gzip.compress(slice_file.read_bytes()))
    (tmp_path / "old.tar").write_bytes(bytes(512))
    shutil.rmtree(tmp_path / "dicom")
    named = {item.path.name for item in discover(tmp_path).left_out if item.is_failure}
    assert named == {"export.zip", "IM0001.dcm.gz", "IM0002.gz", "old.tar"}


def test_pipes_devices_and_links_are_passed_over(march: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.nii")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "gone.nii").symlink_to("/nowhere/ct.nii")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "up").symlink_to(tmp_path)
    found = discover(tmp_path)
    assert len(found.visits) == 1
    assert {i.path.name: i.is_failure for i in found.left_out} == {
        "pipe.nii": False,
        "zero": False,
        "gone.nii": True,
        "loop": True,
    }


def test_two_paddings_are_no_wrong_slope(tmp_path: Path) -> None:
    hu = CT.hu.copy()
    hu[:, :2], hu[:, -2:] = -3024, -2048
    image(tmp_path / "2024-03-01" / "ct.nii.gz", Volume(hu, CT.geometry))
    assert first(tmp_path).hu.min() == -1024


def test_not_hu_is_a_failure_already_when_discovered(tmp_path: Path) -> None:
    hu = np.where(CT.hu < -500, 0, CT.hu + 1024).astype(np.int16)
    path = image(tmp_path / "2024-03-01" / "ct.nii.gz", Volume(hu, CT.geometry))
    assert "intercept of -1024 is lost" in lost(tmp_path)
    with pytest.raises(InputError, match=r"intercept of -1024 is lost"):
        read_volume(path)
