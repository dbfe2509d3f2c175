"""Places named by series and slice, as a reader's list has them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pytest

from lvt_track.agreement.pairing import pair_lesions
from lvt_track.core.geometry import Geometry
from lvt_track.core.response.assessment import Assessment
from lvt_track.core.series import Phase
from lvt_track.core.volume import Volume
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series
from lvt_track.io.discover import discover
from lvt_track.io.images.volumes import write_volume
from lvt_track.pipeline.radiologist.readings import read_readings
from lvt_track.response.tables.readings import Readings

DATE = dt.date(2024, 3, 1)
PORTAL = Geometry.axial((10, 30, 36), (3.0, 0.8, 0.9), (-10.0, -20.0, 100.0))
ARTERIAL = Geometry.axial((14, 30, 36), (2.0, 0.8, 0.9), (-10.0, -20.0, 101.0))


def ct(geometry: Geometry) -> Volume:
    hu = np.full(geometry.shape, -1000, np.int16)
    hu[:, 3:-3, 3:-3] = np.random.default_rng(0).integers(-120, 180, hu[:, 3:-3, 3:-3].shape)
    return Volume(hu, geometry)


@pytest.fixture(scope="module")
def dicom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One study: series 3 arterial, series 4 portal."""
    folder = tmp_path_factory.mktemp("dicom")
    for number, phase, geometry in ((3, Phase.ARTERIAL, ARTERIAL), (4, Phase.PORTAL, PORTAL)):
        write_ct_series(
            ct(geometry),
            folder / f"{number}",
            SeriesHeader(
                patient_id="P1",
                patient_name="Doe^Jo",
                date=DATE,
                study_uid="1.2.3",
                series_uid=f"1.2.3.{number}",
                series_number=number,
                description="Abdomen",
                phase=phase,
            ),
        )
    return folder


@pytest.fixture(scope="module")
def nifti(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nifti")
    (folder / f"{DATE}").mkdir()
    write_volume(ct(PORTAL), folder / f"{DATE}" / "portal.nii.gz")
    return folder


def read(folder: Path, patient: Path, header: str, *rows: str) -> Readings:
    table = folder / "reader.csv"
    lines = [f"date,lesion,long_axis_mm,{header}", *(f"{DATE},{row}" for row in rows)]
    table.write_text("\n".join(lines))
    return read_readings(table, visits=discover(patient).visits)


def test_series_number_image_number_and_pixel(tmp_path: Path, dicom: Path) -> None:
    readings = read(tmp_path, dicom, "series,slice,x_pixel,y_pixel", "a,20,4,6,10,20", "b,9,3,1,,")
    a, b = readings.rows
    # Image numbers count from 1, pixels from 0 at the centre of the first.
    assert a.position_mm == pytest.approx(PORTAL.to_world((5, 20, 10)), abs=1e-3)
    assert b.position_mm is None
    assert b.height_mm == pytest.approx(101.0)
    assert readings.remarks == ()


def test_by_uid_or_phase_and_the_followed_series_by_default(tmp_path: Path, dicom: Path) -> None:
    rows = ("a,20,1.2.3.3,4", "b,20,Arterial,4", "c,20,,4")
    heights = [row.height_mm for row in read(tmp_path, dicom, "series,slice", *rows).rows]
    assert heights == pytest.approx([107.0, 107.0, 109.0]), "portal is followed"
    (portal,) = read(tmp_path, dicom, "slice", "c,20,4").rows
    assert portal.height_mm == pytest.approx(109.0)


def test_slices_of_an_image_file_count_from_zero(tmp_path: Path, nifti: Path) -> None:
    (row,) = read(tmp_path, nifti, "slice,x_pixel,y_pixel", "a,20,6,10,20").rows
    assert row.position_mm == pytest.approx(PORTAL.to_world((6, 20, 10)), abs=1e-3)


def test_what_the_scans_do_not_have_is_told_by_line(tmp_path: Path, dicom: Path) -> None:
    rows = ("a,20,9,2", "b,20,Abdomen,2", "c,20,4,99", "d,20,4,two")
    readings = read(tmp_path, dicom, "series,slice", *rows)
    assert all(row.position_mm is row.height_mm is None for row in readings.rows)
    assert [remark.split(": ", 2)[0] for remark in readings.remarks] == [
        f"line {k}" for k in (2, 3, 4, 5)
    ]
    assert "no series called '9'" in readings.remarks[0]
    assert "2 series called 'Abdomen'" in readings.remarks[1]
    assert "no slices with the number 99" in readings.remarks[2]


def test_a_place_in_mm_is_kept(tmp_path: Path, dicom: Path) -> None:
    (row,) = read(tmp_path, dicom, "slice,x_mm,y_mm,z_mm", "a,20,6,1,2,3").rows
    assert row.position_mm == (1, 2, 3)


def lesion(name: str, size_mm: float, **place: object) -> Assessment:
    return Assessment(DATE, name, long_axis_mm=size_mm, **place)  # type: ignore[arg-type]


def test_a_slice_narrows_and_the_size_decides() -> None:
    own = [
        lesion("1", 30.0, position_mm=(0.0, 0.0, 100.0)),
        lesion("2", 16.0, position_mm=(60.0, 0.0, 102.0)),
        lesion("3", 29.0, position_mm=(0.0, 0.0, 190.0)),
    ]
    reader = [
        lesion("a", 29.0, height_mm=103.0),
        lesion("b", 15.0, height_mm=103.0),
        lesion("c", 40.0, height_mm=10.0),
    ]
    pairing = pair_lesions(reader, own)
    assert [(pair.reader, pair.computed, pair.by) for pair in pairing.pairs] == [
        ("a", "1", "slice and size"),
        ("b", "2", "slice and size"),
    ]
    assert pairing.only_reader == ("c",)
    assert pairing.only_computed == ("3",)
