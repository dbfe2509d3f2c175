"""Out of a real archive and back, by DICOMweb and by DIMSE."""

from __future__ import annotations

import csv
import datetime as dt
import json
import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from typer.testing import CliRunner

from lvt_track.cli.app import app
from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from lvt_track.io.archive.archive import Archive, SeriesKey
from lvt_track.io.archive.connect import open_archive
from lvt_track.io.archive.credentials import read_credentials
from lvt_track.io.archive.studies import Query
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series
from lvt_track.io.images.volumes import read_volume
from lvt_track.pipeline.archive.pull import pull_patient
from lvt_track.pipeline.run.progress import Silent

from .conftest import PASSWORD, Orthanc

MakeVisit = Callable[..., Path]
TRANSPORTS = ("web", "dimse")
SAID = {"patient_id": "P1", "patient_name": "Doe^Jo", "description": "Abdomen portal"}
# pynetdicom leaves the socket of a connection that was refused to the garbage collector.
leaves_sockets = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")


def lvt(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert PASSWORD not in result.output
    return result.exit_code, result.output


def as_dicom(scan: Path, folder: Path, series: int = 2, **facts: str) -> list[Path]:
    date = dt.date.fromisoformat(scan.parent.name)
    said = SAID | facts
    study = f"1.2.3.{date.toordinal()}.{said['patient_id'][1:]}"
    return write_ct_series(
        read_volume(scan),
        folder / date.isoformat() / str(series),
        SeriesHeader(
            date=date, study_uid=study, series_uid=f"{study}.{series}", series_number=series, **said
        ),
    )


def make_scout(files: list[Path]) -> None:
    for path in files:
        dataset = pydicom.dcmread(path)
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        dataset.save_as(path)


@pytest.fixture
def visits(tmp_path: Path, make_visit: MakeVisit) -> list[Path]:
    """Folders of three visits, each with its scan as NIfTI and masks."""
    return [make_visit(tmp_path / "given", visit) for visit in range(3)]


def test_a_course_out_and_back(orthanc: Orthanc, visits: list[Path], tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    for place in visits:
        as_dicom(place / "portal.nii.gz", sent)
    make_scout(as_dicom(visits[0] / "portal.nii.gz", sent, 1, description="Abdomen"))
    as_dicom(visits[0] / "portal.nii.gz", sent, 3, description="Abdomen portal lung")
    as_dicom(visits[1] / "portal.nii.gz", sent, 4, patient_id="P2")
    orthanc.put_folder(sent)

    patients = {name: tmp_path / name for name in TRANSPORTS}
    for name, patient in patients.items():
        code, text = lvt("pull", orthanc.address(name), "-o", patient, "--patient-id", "P1")
        assert code == 0, text
        assert text.count("40 images there, 40 new") == 3
        assert "a scout" in text
        assert "kernel for lung or bone" in text
    arrived = {
        name: {path.relative_to(folder): path for path in folder.rglob("*.dcm")}
        for name, folder in patients.items()
    }
    assert len(arrived["web"]) == 120
    assert arrived["web"].keys() == arrived["dimse"].keys()
    for path, one in arrived["web"].items():
        first, second = pydicom.dcmread(one), pydicom.dcmread(arrived["dimse"][path])
        assert first == second
        assert not any(word in str(path) for word in ("P1", "Doe", "Abdomen"))

    for place in visits:
        for mask in ("liver", "vessels", "tumors"):
            (patients["web"] / place.name / f"{mask}.nii.gz").write_bytes(
                (place / f"{mask}.nii.gz").read_bytes()
            )
    out = tmp_path / "out"
    code, text = lvt("track", patients["web"], "-o", out, "--quiet")
    assert code == 0, text

    code, text = lvt("push", out, orthanc.dimse, "--dry-run", "--quiet", "--json")
    assert code == 0, text
    assert text.count("would be stored") == 6
    assert len(orthanc.get("instances").json()) == 6 * 40
    for name, fate in (("dimse", "stored"), ("web", "already there"), ("dimse", "already there")):
        code, text = lvt("push", out, orthanc.address(name), "--quiet", "--json")
        assert code == 0, text
        assert [item["fate"] for item in json.loads(text)["objects"]] == [fate] * 6

    reports = tmp_path / "reports"
    code, text = lvt("pull", orthanc.web, "-o", reports, "--patient-id", "P1", "--modality", "SR")
    assert code == 0, text
    assert len(list(reports.rglob("*.dcm"))) == 3
    answers = tmp_path / "answers.csv"
    code, text = lvt("respond", reports, "-o", answers, "--quiet")
    assert code == 0, text
    with (out / "response.csv").open() as ours, answers.open() as theirs:
        said = [row for row in csv.DictReader(ours) if row["criterion"] == "RECIST 1.1"]
        read = [row for row in csv.DictReader(theirs) if row["criterion"] == "RECIST 1.1"]
    assert [row["category"] for row in read] == [row["category"] for row in said]
    assert [float(row["sum_mm"]) for row in read] == pytest.approx(
        [float(row["sum_mm"]) for row in said], abs=0.05
    )
    code, text = lvt("report", out, "--radiologist", reports, "--quiet")
    assert code == 0, text
    with (out / "reader_pairs.csv").open() as file:
        pairs = list(csv.DictReader(file))
    assert pairs


@leaves_sockets
@pytest.mark.parametrize("transport", (*TRANSPORTS, "move"))
def test_an_archive_killed_in_mid_transfer(
    orthanc: Orthanc, tmp_path: Path, transport: str
) -> None:
    # More than what lies in buffers between the two.
    hu = np.zeros((40, 512, 512), np.int16)
    write_ct_series(
        Volume(hu, Geometry.axial(hu.shape, (4.0, 1.0, 1.0))),
        tmp_path / "sent",
        SeriesHeader(
            date=dt.date(2024, 1, 15),
            study_uid="1.2.3",
            series_uid="1.2.3.4",
            series_number=2,
            **SAID,
        ),
    )
    orthanc.put_folder(tmp_path / "sent")
    address, port = orthanc.address(transport), orthanc.move_port(transport)
    archive = open_archive(address, read_credentials(None), 5.0, port)

    class Dying:
        """The archive, which dies when it has sent twelve images."""

        def __init__(self, archive: Archive) -> None:
            self.find, self.store, self.close = archive.find, archive.store, archive.close
            self.sent = 0

        def fetch(
            self,
            series: SeriesKey,
            instances: Sequence[str],
            receive: Callable[[Dataset], None],
        ) -> None:
            def count(dataset: Dataset) -> None:
                if self.sent == 12:
                    orthanc.kill()
                self.sent += 1
                receive(dataset)

            archive.fetch(series, instances, count)

    patient = tmp_path / "patient"
    with closing(Dying(archive)) as dying:
        result = pull_patient(dying, patient, Query("P1"), (True, False), Silent())
    (series,) = result.series
    came = list(patient.rglob("*.dcm"))
    assert "images did not come" in series.failure
    assert 12 <= len(came) < 40
    assert not [path for path in patient.rglob("*") if path.is_file() and path not in came]
    for path in came:
        assert len(pydicom.dcmread(path).PixelData) == 2 * 512 * 512

    orthanc.start()
    before = {path: path.stat().st_mtime_ns for path in came}
    more = () if port is None else ("--move-port", port)
    code, text = lvt("pull", address, "-o", patient, "--patient-id", "P1", *more)
    assert code == 0, text
    assert f"40 images there, {40 - len(came)} new" in text
    assert before == {path: path.stat().st_mtime_ns for path in came}
    assert len(list(patient.rglob("*.dcm"))) == 40


@leaves_sockets
def test_what_an_archive_refuses(
    orthanc: Orthanc, visits: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = tmp_path / "sent"
    as_dicom(visits[0] / "portal.nii.gz", sent)
    as_dicom(visits[1] / "portal.nii.gz", sent, patient_name="Roe^Jane")
    orthanc.put_folder(sent)
    out = tmp_path / "patient"
    ask = ("-o", out, "--patient-id")
    wrong_title = orthanc.dimse.replace("ORTHANC", "OTHER")
    elsewhere = orthanc.web.replace("dicom-web", "elsewhere")
    for transport in TRANSPORTS:
        for words, message in (
            (("pull", orthanc.address(transport), *ask, "p1"), "has no such study"),
            (("pull", orthanc.address(transport), *ask, "P1"), "have 2 names"),
        ):
            code, text = lvt(*words)
            assert (code, message in text) == (3, True), text
            assert "Doe" not in text
            assert "Roe" not in text
    for address, message in ((wrong_title, "does not accept LVT"), (elsewhere, "no DICOMweb")):
        code, text = lvt("pull", address, *ask, "P1")
        assert (code, message in text) == (3, True), text
    monkeypatch.setenv("LVT_ARCHIVE_PASSWORD", "a-wrong-one")
    code, text = lvt("pull", orthanc.web, *ask, "P1")
    assert (code, "does not accept the credentials" in text) == (3, True), text
    assert "a-wrong-one" not in text
    orthanc.kill()
    for transport in TRANSPORTS:
        code, text = lvt("pull", orthanc.address(transport), *ask, "P1")
        assert (code, "no archive answers" in text) == (3, True), text
    assert not out.exists()


@pytest.mark.parametrize("form", ["http://127.0.0.1:{}/dicom-web", "dicom://A@127.0.0.1:{}"])
def test_an_archive_that_is_silent(tmp_path: Path, form: str) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        address = form.format(silent.getsockname()[1])
        code, text = lvt(
            "pull", address, "-o", tmp_path / "p", "--patient-id", "P1", "--timeout", "1"
        )
    assert code == 3
    assert "too slowly" in text or "no archive answers" in text
