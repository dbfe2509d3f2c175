from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray

from lvt_track.core.course import GIVEN
from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import BoolArray, Volume
from lvt_track.errors import InputError
from lvt_track.io.dicom.segmentation.header import read_segmentation_header
from lvt_track.io.dicom.segmentation.voxels import read_segments
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series
from lvt_track.report.dicom.references import Author, SourceImages
from lvt_track.report.dicom.segmentation import Kind, Segment, write_segmentation

SHAPE = (6, 24, 31)
AUTHOR = Author("1.5", dt.datetime(2026, 11, 30, 4, 5, 6), "default")
COSINE, SINE = np.cos(0.1), np.sin(0.1)
OBLIQUE = np.array([[COSINE, -SINE, 0], [SINE, COSINE, 0], [0, 0, 1]])


def grid(direction: NDArray[np.float64] | None = None) -> Geometry:
    axes = np.eye(3) if direction is None else direction
    return Geometry(SHAPE, (3.0, 0.8, 0.9), (-101.5, -87.25, -640.0), axes)


def slices(folder: Path, geometry: Geometry) -> list[Path]:
    hu = np.random.default_rng(0).integers(-900, 180, SHAPE).astype(np.int16)
    return write_ct_series(
        Volume(hu, geometry),
        folder,
        SeriesHeader(
            patient_id="P1",
            patient_name="Doe^Jo",
            date=dt.date(2025, 3, 1),
            study_uid="1.2.3",
            series_uid="1.2.3.4",
            series_number=7,
            description="Abdomen",
        ),
    )


def segments() -> list[Segment]:
    """Two that overlap, with no two axes or directions alike, and one that is empty."""
    liver, tumor, vessels = (np.zeros(SHAPE, bool) for _ in range(3))
    liver[1:5, 5:15, 6:9] = liver[2, 5:7, 6:20] = True
    tumor[2:4, 6:8, 7:9] = True
    return [
        Segment("Liver", Kind.LIVER, liver, (1,), "default"),
        Segment("Liver vessels", Kind.VESSELS, vessels, (1,), "default"),
        Segment("Tumour 1", Kind.LESION, 3 * tumor.astype(np.int32), (3, 4), GIVEN, "1.2.3.4.5"),
    ]


def changed(files: list[Path], change: Callable[[pydicom.Dataset, int], None]) -> list[Path]:
    for number, path in enumerate(files):
        dataset = pydicom.dcmread(path)
        change(dataset, number)
        dataset.save_as(path)
    return files


def masks(path: Path, geometry: Geometry) -> dict[str, BoolArray]:
    return dict(read_segments(path, geometry))


@pytest.mark.parametrize("direction", [None, OBLIQUE])
def test_masks_come_back_where_they_were(
    tmp_path: Path, direction: NDArray[np.float64] | None
) -> None:
    geometry, path = grid(direction), tmp_path / "seg.dcm"
    source = SourceImages(tuple(slices(tmp_path / "ct", geometry)), geometry)
    write_segmentation(segments(), source, path, AUTHOR)
    read = masks(path, geometry)
    assert list(read) == ["Liver", "Tumour 1"]
    liver, _, tumor = segments()
    np.testing.assert_array_equal(read["Liver"], liver.mask())
    np.testing.assert_array_equal(read["Tumour 1"], tumor.mask())


def test_an_odd_number_of_bytes_ends_with_a_zero(tmp_path: Path) -> None:
    geometry, path = grid(), tmp_path / "seg.dcm"
    source = SourceImages(tuple(slices(tmp_path / "ct", geometry)), geometry)
    plane = np.zeros(SHAPE, bool)
    plane[2, 5:9, 6:8] = True
    write_segmentation([Segment("Liver", Kind.LIVER, plane, (1,), "x")], source, path, AUTHOR)
    segmentation = pydicom.dcmread(path)
    count = -(-segmentation.NumberOfFrames * segmentation.Rows * segmentation.Columns // 8)
    assert count % 2 == 1
    assert segmentation.PixelData[count:] == b"\0"
    np.testing.assert_array_equal(masks(path, geometry)["Liver"], plane)


def test_it_names_the_scan_what_it_shows_and_who_drew_it(tmp_path: Path) -> None:
    geometry, path = grid(), tmp_path / "seg.dcm"
    files = slices(tmp_path / "ct", geometry)
    write_segmentation(segments(), SourceImages(tuple(files), geometry), path, AUTHOR)
    header = read_segmentation_header(path)
    assert (header.patient_id, header.source_series_uids) == ("P1", ("1.2.3.4",))
    uids = [pydicom.dcmread(file).SOPInstanceUID for file in files]
    assert header.image_uids == set(uids[1:5])
    segmentation = highdicom.seg.segread(path)
    assert segmentation.StudyInstanceUID == "1.2.3"
    assert segmentation.SeriesNumber == 1007
    liver, tumor = (segmentation.get_segment_description(number) for number in (1, 2))
    assert liver.segmented_property_type.meaning == "Liver"
    assert liver.algorithm_identification.name == "lvt default"
    assert liver.algorithm_identification.version == "1.5"
    assert tumor.segmented_property_type.meaning == "Lesion"
    assert tumor.algorithm_type.value == "MANUAL"
    assert (tumor.tracking_id, tumor.tracking_uid) == ("Tumour 1", "1.2.3.4.5")


def test_a_header_that_lacks_the_patient_will_do(tmp_path: Path) -> None:
    def strip(dataset: pydicom.Dataset, number: int) -> None:
        for keyword in ("PatientID", "PatientName", "PatientSex", "AccessionNumber", "StudyID"):
            if keyword in dataset:
                del dataset[keyword]

    geometry, path = grid(), tmp_path / "seg.dcm"
    files = changed(slices(tmp_path / "ct", geometry), strip)
    write_segmentation(segments(), SourceImages(tuple(files), geometry), path, AUTHOR)
    assert pydicom.dcmread(path).PatientID == ""
    assert set(masks(path, geometry)) == {"Liver", "Tumour 1"}


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda d, n: setattr(d, "SOPInstanceUID", ""), "have no SOPInstanceUID"),
        (lambda d, n: setattr(d, "SOPInstanceUID", "1.2"), "the same SOPInstanceUID"),
        (lambda d, n: d.pop("FrameOfReferenceUID", None), "have no FrameOfReferenceUID"),
        (lambda d, n: d.pop("StudyInstanceUID", None), "have no StudyInstanceUID"),
    ],
)
def test_images_that_cannot_be_referred_to(
    tmp_path: Path, change: Callable[[pydicom.Dataset, int], None], what: str
) -> None:
    geometry, path = grid(), tmp_path / "seg.dcm"
    files = changed(slices(tmp_path / "ct", geometry), change)
    with pytest.raises(InputError, match=what):
        write_segmentation(segments(), SourceImages(tuple(files), geometry), path, AUTHOR)
    assert not path.exists()


def test_frames_of_several_files_are_refused(tmp_path: Path) -> None:
    geometry = grid()
    files = slices(tmp_path / "ct", geometry)
    source = SourceImages(tuple(files), geometry, tuple((path, 1) for path in files))
    with pytest.raises(InputError, match="frames lie in several files"):
        write_segmentation(segments(), source, tmp_path / "seg.dcm", AUTHOR)


def test_nothing_drawn_is_an_error(tmp_path: Path) -> None:
    geometry = grid()
    source = SourceImages(tuple(slices(tmp_path / "ct", geometry)), geometry)
    with pytest.raises(ValueError, match="a segment with a voxel"):
        write_segmentation(segments()[1:2], source, tmp_path / "seg.dcm", AUTHOR)


def test_the_same_masks_are_the_same_file_and_others_another_instance(tmp_path: Path) -> None:
    geometry, paths = grid(), [tmp_path / f"{name}.dcm" for name in "abc"]
    source = SourceImages(tuple(slices(tmp_path / "ct", geometry)), geometry)
    for path, drawn in zip(paths, (segments(), segments(), segments()[:1]), strict=True):
        write_segmentation(drawn, source, path, AUTHOR)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    first, other = pydicom.dcmread(paths[0]), pydicom.dcmread(paths[2])
    assert first.SOPInstanceUID != other.SOPInstanceUID
    assert first.SeriesInstanceUID == other.SeriesInstanceUID
