"""Phantoms on disk: read back as what they are, by pydicom and by our own reader."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pydicom
import pytest

from lvt_track.core.series import Phase
from lvt_track.errors import OutputError
from lvt_track.io.discover import discover, read_scan
from lvt_track.io.images.volumes import read_mask
from lvt_track.phantom.course.lesion_trajectory import Fate
from lvt_track.phantom.course.render import PhantomVisit, render_visit
from lvt_track.phantom.course.scans import Protocol
from lvt_track.phantom.course.script import PhantomPatient, draw_course
from lvt_track.phantom.course.writer import FileFormat, write_patient

COARSE = Protocol((4.0, 4.0), (5.0,), None, 6.0, 4.0)


@cache
def patient() -> PhantomPatient:
    return draw_course(
        7,
        visits=2,
        protocol=COARSE,
        fates=(Fate.GROW, Fate.NEW, Fate.MERGE),
        extra_phases={1: (Phase.ARTERIAL,)},
    )


@cache
def rendered(visit: int, phase: Phase) -> PhantomVisit:
    return render_visit(patient(), visit, phase)


@pytest.fixture(scope="module")
def nifti(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("nifti")
    write_patient(patient(), folder, FileFormat.NIFTI, with_masks=True)
    return folder


@pytest.fixture(scope="module")
def dicom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dicom")
    write_patient(patient(), folder, FileFormat.DICOM)
    return folder


@pytest.mark.parametrize("kind", ["nifti", "dicom"])
def test_our_reader_finds_the_visits_and_every_voxel(
    kind: str, request: pytest.FixtureRequest
) -> None:
    found = discover(request.getfixturevalue(kind))
    assert [visit.date for visit in found.visits] == [visit.date for visit in patient().visits]
    assert found.left_out == ()
    for number, visit in enumerate(found.visits):
        assert visit.tracked_series.phase is Phase.PORTAL
        assert len(visit.series) == len(patient().visits[number].scans)
        for series in visit.series:
            expected = rendered(number, series.phase)
            scan = read_scan(series)
            assert np.array_equal(scan.hu, expected.volume.hu)
            assert scan.geometry.is_close(expected.volume.geometry)


def test_masks_lie_beside_their_scans(nifti: Path) -> None:
    for number, visit in enumerate(discover(nifti).visits):
        for series in visit.series:
            expected = rendered(number, series.phase)
            assert set(series.masks) == {"liver", "vessels", "tumors"}
            for name, source in series.masks.items():
                mask = read_mask(source.path, expected.volume.geometry)
                assert np.array_equal(mask, getattr(expected.masks, name))


def test_dicom_is_consistent(dicom: Path) -> None:
    images = [pydicom.dcmread(path) for path in sorted(dicom.rglob("*.dcm"))]
    assert {image.PatientID for image in images} == {patient().name}
    assert len({image.SOPInstanceUID for image in images}) == len(images)
    assert len({image.StudyInstanceUID for image in images}) == 2
    assert len({image.SeriesInstanceUID for image in images}) == 3
    for uid in {image.SeriesInstanceUID for image in images}:
        series = [image for image in images if image.SeriesInstanceUID == uid]
        heights = np.array([image.ImagePositionPatient[2] for image in series], dtype=float)
        assert np.diff(np.sort(heights)) == pytest.approx(5.0)
        assert {image.Modality for image in series} == {"CT"}
        assert {(image.RescaleSlope, image.RescaleType) for image in series} == {(1, "HU")}


def test_the_truth_is_told_in_tables(nifti: Path) -> None:
    tables = {path.stem: pd.read_csv(path) for path in (nifti / "truth").iterdir()}
    assert set(tables) == {"edges", "lesions", "radiologist", "tracks", "visits"}
    dates = [visit.date.isoformat() for visit in patient().visits]
    lesions = tables["lesions"]
    for number, date in enumerate(dates):
        expected = rendered(number, Phase.PORTAL).lesions
        rows = lesions[lesions.date == date]
        assert rows.lesion.tolist() == [lesion.label for lesion in expected]
        assert rows.volume_ml.to_numpy() == pytest.approx(
            [lesion.volume_ml for lesion in expected], abs=6e-4
        )
    assert set(tables["edges"].event) == {"same", "merge"}
    assert (tables["edges"].date_a < tables["edges"].date_b).all()
    assert set(tables["tracks"].state) == {"persistent", "new", "merged"}
    assert tables["visits"].is_followed.tolist() == [True, True, False]
    assert tables["visits"].phase.tolist() == ["portal", "portal", "arterial"]
    assert list(tables["radiologist"].columns) == [
        "date",
        "lesion",
        "role",
        "site",
        "long_axis_mm",
        "short_axis_mm",
        "status",
        "x_mm",
        "y_mm",
        "z_mm",
    ]


def test_writing_reports_each_visit(tmp_path: Path) -> None:
    seen = []
    written = write_patient(patient(), tmp_path / "new" / "folder", on_visit=seen.append)
    assert seen == [visit.date for visit in patient().visits]
    assert written.dates == tuple(date.isoformat() for date in seen)
    assert f"{len(written.lesions[0])} lesions" in written.summary()
    assert written.facts()["patient"] == "phantom-7"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        write_patient(patient(), tmp_path / "file")
