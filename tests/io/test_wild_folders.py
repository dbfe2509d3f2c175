"""What lies in a patient's folder beside scans, and the days of scans: used, or named."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import shutil
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from pydicom.uid import DeflatedExplicitVRLittleEndian
from typer.testing import CliRunner

from lvt_track.cli.app import app
from lvt_track.core.volume import Volume
from lvt_track.errors import InputError, UsageError
from lvt_track.io.dates import date_of_text
from lvt_track.io.discover import Discovery, discover, read_scan, series_at
from lvt_track.io.images.volumes import read_mask, write_labels
from lvt_track.io.transforms import read_transform, write_transform
from lvt_track.pipeline.run.output import check_apart
from tests.io.wild_scans import JUNE, image, mask, moved, slices, trunk

CT, OTHER = trunk(1), trunk(2, brightness=60)


def failed(found: Discovery) -> str:
    return "\n".join(f"{i.path.name}: {i.reason}" for i in found.left_out if i.is_failure)


@pytest.fixture
def march(tmp_path: Path) -> Path:
    return image(tmp_path / "2024-03-01" / "ct.nii.gz", CT)


# --- masks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", [trunk(1, slices=12), moved(CT, 5.0)], ids=["cropped", "moved"])
@pytest.mark.parametrize("is_dicom", [False, True])
def test_a_mask_is_given_only_where_it_can_be_read(
    tmp_path: Path, other: Volume, is_dicom: bool
) -> None:
    """What `discover` shows is what reading takes; what it does not take is lost by name."""
    folder = tmp_path / "2024-03-01"
    slices(folder, CT) if is_dicom else image(folder / "ct.nii.gz", CT)
    mask(folder / "liver.nii.gz", other)
    mask(folder / "tumors.nii.gz", CT)
    found = discover(tmp_path)
    series = found.visits[0].tracked_series
    assert list(series.masks) == ["tumors"]
    assert "liver.nii.gz: a mask not on the grid of its scan" in failed(found)
    assert "liver.nii.gz is not used: a mask not on the grid" in series.warnings[-1]
    with pytest.raises(InputError, match="the mask is not on the grid"):
        read_mask(folder / "liver.nii.gz", CT.geometry)


def test_a_mask_goes_to_the_scan_whose_grid_it_has(tmp_path: Path) -> None:
    """Also where a better phase lies beside it."""
    image(tmp_path / "2024-03-01" / "portal.nii.gz", CT)
    late = image(tmp_path / "2024-03-01" / "delayed.nii.gz", moved(OTHER, 7.0))
    mask(late.with_name("liver.nii.gz"), moved(OTHER, 7.0))
    (visit,) = discover(tmp_path).visits
    assert {s.description: list(s.masks) for s in visit.series} == {
        "delayed": ["liver"],
        "portal": [],
    }


def test_a_mask_on_the_grid_of_no_series_is_lost_by_name(tmp_path: Path) -> None:
    slices(tmp_path / "a", CT)
    slices(tmp_path / "b", OTHER, number=5)
    mask(tmp_path / "liver.nii.gz", trunk(1, slices=12))
    assert "liver.nii.gz: a mask on the grid of none of 2 series" in failed(discover(tmp_path))


# --- dates --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "date"),
    [
        ("20240301", "2024-03-01"),
        ("20240301101500.12", "2024-03-01"),
        ("2024.3.1", "2024-03-01"),
        ("2024.1.11", "2024-01-11"),
        ("2024/03/01", "2024-03-01"),
        ("2024 03 01", "2024-03-01"),
        ("2024-03-01T10:15", "2024-03-01"),
        ("2024111", None),
        ("01.03.2024", None),
        ("unknown", None),
        ("00000000", None),
        ("19710930", None),
        ("19711001", "1971-10-01"),
    ],
)
def test_dates_as_headers_write_them(written: str, date: str | None) -> None:
    found, _ = date_of_text(written)
    assert found == (None if date is None else dt.date.fromisoformat(date))


def test_days_to_come_and_days_before_birth_are_told(tmp_path: Path) -> None:
    slices(tmp_path / "a", CT, PatientBirthDate="20240310")
    slices(tmp_path / "b", OTHER, date=dt.date(2093, 6, 7), PatientBirthDate="20240310")
    future, span, birth = discover(tmp_path).warnings
    assert future.startswith("2093-06-07 lies in the future: dates that were moved, or a wrong")
    assert span.startswith("the visits lie 69 years apart")
    assert birth.startswith("2024-03-01: before the patient's birth (2024-03-10)")


@pytest.mark.parametrize("day", ["1970-01-01", "1899-12-30", "2101-01-01"])
def test_days_of_no_ct_in_names_are_named(march: Path, tmp_path: Path, day: str) -> None:
    image(tmp_path / day / "ct.nii.gz", OTHER)
    assert f"the date in its path is {day}, on which no CT" in failed(discover(tmp_path))


@pytest.mark.parametrize("table", ["sub-7_sessions.tsv", "ses-a/sub-7_ses-a_scans.tsv"])
@pytest.mark.parametrize("prefix", ["ses-", ""])
def test_dates_that_bids_moved_are_taken_and_told(tmp_path: Path, table: str, prefix: str) -> None:
    image(tmp_path / "sub-7" / "ses-a" / "ct" / "sub-7_ses-a_ct.nii.gz", CT)
    (tmp_path / "sub-7" / table).write_text(
        f"session_id\tfilename\tacq_time\n{prefix}a\tct/x.nii.gz\t1911-03-01T10:00:00\n"
    )
    found = discover(tmp_path)
    assert [visit.name for visit in found.visits] == ["1911-03-01"]
    assert "before there was CT" in found.warnings[0]


# --- archives and bombs -------------------------------------------------------------------------


def test_archives_say_how_to_unpack_them(march: Path, tmp_path: Path) -> None:
    files = slices(tmp_path / "d", OTHER, date=JUNE)
    with zipfile.ZipFile(tmp_path / "june.zip", "w") as archive:
        for path in files:
            archive.write(path, f"june/{path.name}")
    with tarfile.open(tmp_path / "june.tar.gz", "w:gz") as tar:
        tar.add(files[0], "IM1")
    (tmp_path / "p").mkdir()
    for path in files:
        (tmp_path / "p" / f"{path.name}.dcm.gz").write_bytes(gzip.compress(path.read_bytes()))
    (tmp_path / "IM1").write_bytes(gzip.compress(files[0].read_bytes()))
    shutil.copy(tmp_path / "june.zip", tmp_path / "export")
    shutil.rmtree(tmp_path / "d")
    said = failed(discover(tmp_path))
    for command in (
        'unzip "june.zip" -d "june"',
        'mkdir "june" && tar -xzf "june.tar.gz" -C "june"',
        'gunzip "p"/*.gz',
        'gunzip < "IM1" > "IM1.dcm"',
        'unzip "export" -d "export_unpacked"',
    ):
        assert command in said


def test_what_lies_unpacked_beside_is_no_loss(tmp_path: Path) -> None:
    files = slices(tmp_path / "june", OTHER, date=JUNE)
    with zipfile.ZipFile(tmp_path / "june.zip", "w") as archive:
        for path in files:
            archive.write(path, path.name)
    (tmp_path / "june.tar").write_bytes(b"x")
    shutil.copy(files[0], tmp_path / "june" / "copy.dcm")
    packed = gzip.compress(files[0].read_bytes())
    (tmp_path / "june" / "copy.dcm.gz").write_bytes(packed)
    assert not failed(discover(tmp_path))


def test_a_deflated_bomb_is_not_unpacked(march: Path, tmp_path: Path) -> None:
    path = slices(tmp_path / "d", OTHER, date=JUNE)[0]
    dataset = pydicom.dcmread(path)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.PixelData = bytes(70 << 20)
    dataset.save_as(path, enforce_file_format=True)
    assert "unpacks to more than 64 MiB" in failed(discover(tmp_path))


# --- results of lvt -----------------------------------------------------------------------------

MANIFEST = json.dumps({"settings": {}, "inputs": [], "visits": {}})


@pytest.mark.parametrize("left", ["run.json", "tables", "visits"])
def test_results_are_known_also_in_part(march: Path, tmp_path: Path, left: str) -> None:
    out = tmp_path / "out"
    visit = out / "visits" / "2024-03-01"
    visit.mkdir(parents=True)
    write_labels((CT.hu > 60).astype(np.int32), CT.geometry, visit / "lesions.nii.gz")
    image(visit / "portal.nii.gz", CT)
    if left == "run.json":
        (out / left).write_text(MANIFEST)
    if left == "tables":
        for name in ("visits", "lesions", "tracks"):
            (out / f"{name}.csv").write_text("date\n")
    found = discover(tmp_path)
    (series,) = found.visits[0].series
    assert series.files == (march,)
    assert [item.reason for item in found.left_out] == ["results of an earlier run of lvt"]


def test_scans_among_results_are_not_lost_in_silence(march: Path, tmp_path: Path) -> None:
    slices(tmp_path / "june", OTHER, date=JUNE)
    (tmp_path / "june" / "run.json").write_text(MANIFEST)
    assert "june: results of lvt with scans among them (IM0001)" in failed(discover(tmp_path))
    with pytest.raises(UsageError, match="folder of the scans"):
        check_apart(tmp_path / "june", tmp_path / "june")


# --- names that are not UTF-8 ---------------------------------------------------------------------


def test_what_is_found_can_be_written_whatever_its_name(tmp_path: Path) -> None:
    """Tables, pages and terminals take no lone surrogates; ITK ends the process on them."""
    folder = tmp_path / b"M\xfcller".decode(errors="surrogateescape")
    slices(folder / "2024-06-07", OTHER, date=JUNE, StudyInstanceUID="", SeriesInstanceUID="")
    image(folder / "2024-03-01" / folder.name / "ct.mha", CT)
    found = discover(folder)
    for visit in found.visits:
        series = visit.tracked_series
        "".join((found.patient, visit.study, series.uid, series.description)).encode()
        assert read_scan(series).hu.shape == CT.hu.shape
    write_transform(sitk.AffineTransform(3), folder / "a.h5")
    assert read_transform(folder / "a.h5").GetDimension() == 3
    answer = CliRunner().invoke(app, ["discover", str(folder)])
    assert answer.exit_code == 0 and "2 visits" in answer.stdout


# --- one scan -----------------------------------------------------------------------------------


def test_a_slice_stands_for_its_own_series(tmp_path: Path) -> None:
    slices(tmp_path, CT, SeriesDescription="portal")
    late = slices(tmp_path, OTHER, number=5, first=40, SeriesDescription="delayed")
    np.testing.assert_array_equal(read_scan(series_at(late[3])).hu, OTHER.hu)
    odd = slices(tmp_path, CT, number=6, first=90, Modality="MR")
    with pytest.raises(InputError, match="an MR image, not CT"):
        series_at(odd[0])
