"""DICOM folders of kinds that public bug trackers tell of: read right, or named."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from lvt_track.core.volume import Volume
from lvt_track.errors import InputError
from lvt_track.io.discover import Discovery, discover, read_scan
from tests.io.wild_scans import JUNE, MARCH, moved, slices, stored, trunk

FIRST, SECOND = trunk(1), trunk(2, brightness=60)


def volumes(found: Discovery) -> list[Volume]:
    return [read_scan(series) for visit in found.visits for series in visit.series]


def holds(found: Discovery, *wanted: Volume) -> bool:
    """Whether just these volumes are found, voxel for voxel and in place."""
    read = volumes(found)
    return len(read) == len(wanted) and all(
        any(
            np.array_equal(one.hu, other.hu) and one.geometry.is_close(other.geometry, 1e-2)
            for one in read
        )
        for other in wanted
    )


def failed(found: Discovery) -> str:
    return "\n".join(f"{i.path.name}: {i.reason}" for i in found.left_out if i.is_failure)


@pytest.fixture(autouse=True)
def every_file_is_accounted_for(tmp_path: Path) -> Any:
    yield
    try:
        found = discover(tmp_path)
    except InputError:
        return
    files = sorted(p for p in tmp_path.rglob("*") if p.is_file() and not p.name.startswith("."))
    assert sorted(item.path for item in found.files) == files
    assert all(item.fate == "used" or item.reason for item in found.files)


@pytest.mark.parametrize("step_mm", [0.0, 2.5, 1.7, 80.0, 115.0, 152.0])
@pytest.mark.parametrize(
    "tells",
    [
        {"AcquisitionNumber": 2, "AcquisitionTime": "101610"},
        {"AcquisitionNumber": 1, "AcquisitionTime": "101610"},
        {"TemporalPositionIdentifier": 2, "AcquisitionTime": "101610"},
    ],
    ids=["acquisition", "time", "temporal position"],
)
def test_two_passes_in_one_series(tmp_path: Path, step_mm: float, tells: Any) -> None:
    """At the same places, between, end to end, or apart."""
    slices(tmp_path, FIRST, AcquisitionNumber=1, AcquisitionTime="101500")
    second = moved(SECOND, step_mm)
    slices(tmp_path, second, first=17, **tells)
    assert holds(found := discover(tmp_path), FIRST, second)
    assert not failed(found)


@pytest.mark.parametrize(
    "tells", [{"ConvolutionKernel": "B20f"}, {"KVP": "80"}, {"SliceThickness": "3"}, {}]
)
def test_two_reconstructions_in_one_series(tmp_path: Path, tells: Any) -> None:
    """Told apart by kernel, tube, thickness, or the order of their numbers alone."""
    slices(tmp_path, FIRST, ConvolutionKernel="B30f", KVP="120")
    slices(tmp_path, SECOND, first=17, **{"ConvolutionKernel": "B30f", "KVP": "120", **tells})
    assert holds(discover(tmp_path), FIRST, SECOND)


def test_rotations_of_one_acquisition_stay_together(tmp_path: Path) -> None:
    def rotation(dataset: Dataset, k: int) -> None:
        dataset.AcquisitionNumber = 1 + k // 4
        dataset.AcquisitionTime = f"10150{k // 4}"

    slices(tmp_path, FIRST, rotation)
    assert holds(discover(tmp_path), FIRST)


def test_a_missing_slice_is_no_gap_between_passes(tmp_path: Path) -> None:
    slices(tmp_path / "a", date=JUNE)
    slices(tmp_path / "b", FIRST, lambda dataset, k: k != 8)
    assert "1 slices are missing" in failed(discover(tmp_path))


@pytest.mark.parametrize("uid", ["2.25.1", ""])
def test_one_sop_uid_for_all_visits(tmp_path: Path, uid: str) -> None:
    slices(tmp_path / "a", FIRST, SOPInstanceUID=uid)
    slices(tmp_path / "b", SECOND, SOPInstanceUID=uid, date=JUNE)
    assert holds(discover(tmp_path), FIRST, SECOND)


@pytest.mark.parametrize("step_mm", [0.0, 2.5, 80.0])
@pytest.mark.parametrize("days", [1, 98])
def test_one_study_and_series_uid_for_all_visits(tmp_path: Path, step_mm: float, days: int) -> None:
    uids = {"StudyInstanceUID": "1.2.9", "SeriesInstanceUID": "1.2.9.1"}
    second = moved(SECOND, step_mm)
    slices(tmp_path / "a", FIRST, **uids)
    slices(tmp_path / "b", second, date=MARCH + dt.timedelta(days), **uids)
    found = discover(tmp_path)
    assert len(found.visits) == 2
    assert holds(found, FIRST, second)


def test_a_scan_over_midnight_is_one(tmp_path: Path) -> None:
    def midnight(dataset: Dataset, k: int) -> None:
        day = "20240301" if k < 9 else "20240302"
        dataset.StudyDate = ""
        dataset.SeriesDate = dataset.AcquisitionDate = dataset.ContentDate = day

    slices(tmp_path, FIRST, midnight)
    assert holds(discover(tmp_path), FIRST)


def jittered_spacing(dataset: Dataset, k: int) -> None:
    dataset.PixelSpacing = ["6.0000001", "6.0000001"] if k % 3 == 1 else ["6", "6"]


def jittered_axes(dataset: Dataset, k: int) -> None:
    dataset.ImageOrientationPatient = [1, 0, (-1) ** k * 1e-5, 0, 1, 0]


def jittered_positions(dataset: Dataset, k: int) -> None:
    dataset.ImagePositionPatient[2] += (-1) ** k * 0.004


@pytest.mark.parametrize("jitter", [jittered_spacing, jittered_axes, jittered_positions])
def test_rounding_noise_splits_nothing(tmp_path: Path, jitter: Any) -> None:
    slices(tmp_path, FIRST, jitter)
    assert holds(discover(tmp_path), FIRST)


@pytest.mark.parametrize("exact", ["SliceLocation", "SpacingBetweenSlices"])
def test_positions_rounded_to_whole_millimetres(tmp_path: Path, exact: str) -> None:
    def rounded(dataset: Dataset, k: int) -> None:
        dataset.ImagePositionPatient = [-72, -72, int(1.25 * k + 0.5)]
        setattr(dataset, exact, str(1.25 * k if exact == "SliceLocation" else 1.25))
        dataset.SliceThickness = "1.25"

    slices(tmp_path, trunk(1, slices=32), rounded)
    (series,) = discover(tmp_path).visits[0].series
    assert series.spacing_mm[0] == 1.25
    assert "rounded to whole millimetres" in series.warnings[0]


def test_a_slice_made_again_is_told(tmp_path: Path) -> None:
    slices(tmp_path, FIRST)
    again = moved(Volume(FIRST.hu + 3, FIRST.geometry), 35.0)
    slices(tmp_path / "again", again, lambda dataset, k: k == 0, first=17)
    found = discover(tmp_path)
    assert holds(found, FIRST)
    assert "1 slices were made again" in found.visits[0].tracked_series.warnings[0]
    assert [item.path.name for item in found.left_out] == ["IM0017"]


def test_a_series_uid_for_every_slice(tmp_path: Path) -> None:
    def own(dataset: Dataset, k: int) -> None:
        dataset.SeriesInstanceUID = f"1.2.3.4.{k}"

    slices(tmp_path, FIRST, own)
    assert holds(discover(tmp_path), FIRST)


def test_a_colour_shot_and_an_iodine_map_in_the_series(tmp_path: Path) -> None:
    slices(tmp_path, FIRST)
    slices(tmp_path / "map", SECOND, first=17, RescaleType="MGML")
    slices(tmp_path / "shot", SECOND, lambda d, k: k == 0, first=40, SamplesPerPixel=3)
    found = discover(tmp_path)
    assert holds(found, FIRST)
    assert not failed(found)


@pytest.mark.parametrize("kind", ["HU_MOD", "Z_EFF", "ED", "PCT"])
def test_spectral_maps_are_never_followed(tmp_path: Path, kind: str) -> None:
    slices(tmp_path / "a", FIRST)
    slices(tmp_path / "b", trunk(3, slices=30), number=9, RescaleType=kind)
    assert holds(discover(tmp_path), FIRST)


@pytest.mark.parametrize("content", [b"", bytes(3000), b"\xff" * 77], ids=["0", "zeros", "ones"])
def test_a_copy_that_broke_off(tmp_path: Path, content: bytes) -> None:
    files = slices(tmp_path, FIRST)
    for path in files[-3:]:
        path.write_bytes(content)
    found = discover(tmp_path)
    assert volumes(found)[0].hu.shape[0] == 13
    for path in files[-3:]:
        assert path.name in failed(found)
    (warning,) = found.visits[0].tracked_series.warnings
    assert warning.startswith("3 files beside its slices are damaged")


def test_truncated_slices_at_the_end_are_named_and_the_rest_used(tmp_path: Path) -> None:
    last = slices(tmp_path, FIRST)[-1]
    last.write_bytes(last.read_bytes()[:-100])
    found = discover(tmp_path)
    np.testing.assert_array_equal(volumes(found)[0].hu, FIRST.hu[:-1])
    assert failed(found) == f"{last.name}: the file is cut short"
    assert "1 files of the series are damaged" in found.visits[0].tracked_series.warnings[0]


@pytest.mark.parametrize(
    ("name", "written"),
    [("RescaleIntercept", b"-1024,0 "), ("RescaleSlope", b"1,0 "), ("PixelSpacing", b"6,0\\6,0 ")],
)
def test_decimal_commas(tmp_path: Path, name: str, written: bytes) -> None:
    for path in slices(tmp_path, FIRST):
        rewritten(path, name, written)
    assert holds(discover(tmp_path), FIRST)


def test_a_number_that_is_none_is_quoted(tmp_path: Path) -> None:
    slices(tmp_path / "a", date=JUNE)
    for path in slices(tmp_path / "b", FIRST):
        rewritten(path, "PixelSpacing", b"6.0.0\\6 ")
    assert "its PixelSpacing cannot be read (“6.0.0" in failed(discover(tmp_path))


def rewritten(path: Path, name: str, written: bytes) -> None:
    """The bytes of a text element replaced."""
    element = pydicom.datadict.tag_for_keyword(name) or 0
    content = path.read_bytes()
    group, number = element >> 16, element & 0xFFFF
    at = content.index(group.to_bytes(2, "little") + number.to_bytes(2, "little") + b"DS")
    length = int.from_bytes(content[at + 6 : at + 8], "little")
    head = content[: at + 6] + len(written).to_bytes(2, "little")
    path.write_bytes(head + written + content[at + 8 + length :])


@pytest.mark.parametrize("padding", [63536, -2000, 0, 4095])
def test_padding_becomes_air(tmp_path: Path, padding: int) -> None:
    """Beyond any tissue, as low as air, or a value that tissue may have."""
    corner = np.zeros((24, 24), bool)
    corner[:2], corner[:, :2] = True, True

    def padded(dataset: Dataset, k: int) -> None:
        pixels = stored(dataset)
        pixels[corner] = padding
        dataset.PixelData = (pixels & 0xFFFF).astype("<u2").tobytes()
        dataset.PixelRepresentation = int(padding < 0)
        dataset.add_new("PixelPaddingValue", "SS" if padding < 0 else "US", padding)

    slices(tmp_path, FIRST, padded)
    (read,) = volumes(discover(tmp_path))
    assert (read.hu[:, corner] == -1024).all()
    np.testing.assert_array_equal(read.hu[:, ~corner], FIRST.hu[:, ~corner])


def test_anonymised_to_one_day(tmp_path: Path) -> None:
    """Acquisition dates or folders tell the visits apart; where nothing does, it is refused."""
    same = {"StudyDate": "20000101", "SeriesDate": "20000101", "ContentDate": "20000101"}
    slices(tmp_path / "a", FIRST, **same)
    slices(tmp_path / "b", SECOND, date=JUNE, **same)
    found = discover(tmp_path)
    assert [visit.date for visit in found.visits] == [MARCH, JUNE]
    assert "acquisition dates were taken" in found.warnings[0]
    shutil.rmtree(tmp_path / "a")
    shutil.rmtree(tmp_path / "b")
    slices(tmp_path / "a", FIRST, AcquisitionDate="20000101", **same)
    slices(tmp_path / "b", SECOND, date=JUNE, AcquisitionDate="20000101", **same)
    with pytest.raises(InputError, match="cannot be told apart"):
        discover(tmp_path)


@pytest.mark.parametrize("date", ["19000101", "22000101", "00010101"])
def test_impossible_dates_are_named(tmp_path: Path, date: str) -> None:
    names = ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate")
    slices(tmp_path / "a", FIRST, **dict.fromkeys(names, date))
    slices(tmp_path / "b", date=JUNE)
    assert "on which no CT can have been made" in failed(discover(tmp_path))


def test_the_only_portal_series_is_used_though_derived(tmp_path: Path) -> None:
    slices(tmp_path / "a", FIRST, SeriesDescription="nativ")
    derived = ["DERIVED", "SECONDARY", "AXIAL"]
    slices(tmp_path / "b", SECOND, number=5, SeriesDescription="portal", ImageType=derived)
    (visit,) = discover(tmp_path).visits
    assert visit.tracked_series.description == "portal"
    assert "derived images" in visit.tracked_series.warnings[0]


def test_lossy_compression_is_told(tmp_path: Path) -> None:
    lossy = {"LossyImageCompression": "01", "LossyImageCompressionRatio": "30"}
    slices(tmp_path, FIRST, **lossy)
    assert "loss (ratio 30)" in discover(tmp_path).visits[0].tracked_series.warnings[0]


def test_raw_data_and_a_renamed_directory_are_passed_over(tmp_path: Path) -> None:
    files = slices(tmp_path, FIRST)
    raw = pydicom.dcmread(files[0], stop_before_pixels=True)
    for name, sop_class in (("RAW", "66"), ("DICOMDIR;1", "")):
        uid = f"1.2.840.10008.5.1.4.1.1.{sop_class}" if sop_class else "1.2.840.10008.1.3.10"
        raw.SOPClassUID = raw.file_meta.MediaStorageSOPClassUID = uid
        for keyword in ("Rows", "Columns"):
            if keyword in raw:
                delattr(raw, keyword)
        raw.save_as(tmp_path / name, enforce_file_format=True)
    found = discover(tmp_path)
    assert holds(found, FIRST)
    assert not failed(found)


def test_private_pixels_and_a_wrong_syntax_are_called_so(tmp_path: Path) -> None:
    def private(dataset: Dataset, k: int) -> None:
        block = dataset.private_block(0x07A1, "ELSCINT1", create=True)
        block.add_new(0x0A, "OB", bytes(4000))
        del dataset.PixelData

    def jpeg(dataset: Dataset, k: int) -> None:
        dataset.PixelData = b"\xff\xd8\xff\xee" + bytes(200)

    slices(tmp_path / "a", date=JUNE)
    slices(tmp_path / "b", FIRST, private)
    slices(tmp_path / "c", FIRST, jpeg, number=4)
    said = failed(discover(tmp_path))
    assert "private element (07A1,100A) of ELSCINT1: convert with" in said
    assert "its pixels are JPEG, but its header says" in said


def test_big_endian_without_a_meta_header(tmp_path: Path) -> None:
    for path in slices(tmp_path, FIRST):
        dataset = pydicom.dcmread(path)
        dataset.PixelData = stored(dataset).astype(">i2").tobytes()
        bare = Dataset()
        bare.update(dataset)
        pydicom.dcmwrite(
            path, bare, little_endian=False, implicit_vr=False, enforce_file_format=False
        )
    assert holds(discover(tmp_path), FIRST)


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    slices(tmp_path / "visit", FIRST)
    (tmp_path / "visit").rename(tmp_path / b"M\xfcller".decode("utf-8", "surrogateescape"))
    assert holds(discover(tmp_path), FIRST)


def test_a_visit_of_empty_files_is_lost_by_name(tmp_path: Path) -> None:
    for path in slices(tmp_path / "b", FIRST):
        path.write_bytes(b"")
    slices(tmp_path / "a", date=JUNE)
    assert "16 files" in failed(discover(tmp_path))


def test_a_text_under_a_slices_name_is_named(tmp_path: Path) -> None:
    files = slices(tmp_path, FIRST)
    files[-1].write_text("<html>502 Bad Gateway</html>")
    (tmp_path / "README").write_text("the scans of March")
    assert failed(discover(tmp_path)).startswith("IM0016: not DICOM")


def test_a_slice_without_a_place_does_not_take_the_others(tmp_path: Path) -> None:
    def unplaced(dataset: Dataset, k: int) -> None:
        if k == 15:
            del dataset.ImagePositionPatient

    slices(tmp_path, FIRST, unplaced)
    assert volumes(found := discover(tmp_path))[0].hu.shape[0] == 15
    assert failed(found) == "IM0016: it has no position or orientation"
    assert "1 files of the series are damaged" in found.visits[0].tracked_series.warnings[0]


def test_a_range_of_padding_becomes_air(tmp_path: Path) -> None:
    def padded(dataset: Dataset, k: int) -> None:
        pixels = stored(dataset)
        pixels[:2] = 40000 + np.arange(24)
        dataset.PixelData, dataset.PixelRepresentation = pixels.astype("<u2").tobytes(), 0
        dataset.add_new("PixelPaddingValue", "US", 40000)
        dataset.add_new("PixelPaddingRangeLimit", "US", 40100)

    slices(tmp_path, FIRST, padded)
    (read,) = volumes(discover(tmp_path))
    assert (read.hu[:, :2] == -1024).all()
    np.testing.assert_array_equal(read.hu[:, 2:], FIRST.hu[:, 2:])


def test_pixels_taken_out_are_called_so(tmp_path: Path) -> None:
    slices(tmp_path / "a", date=JUNE)
    slices(tmp_path / "b", FIRST, lambda d, k: d.pop("PixelData") and None)
    assert "has no pixel data" in failed(discover(tmp_path))


def test_a_day_that_no_calendar_has_is_quoted(tmp_path: Path) -> None:
    slices(tmp_path / "a", date=JUNE)
    for path in slices(tmp_path / "b", FIRST):
        path.write_bytes(path.read_bytes().replace(b"20240301", b"20240230"))
    assert "date is 2024-02-30, on which no CT" in failed(discover(tmp_path))
