"""Out of a real archive by C-MOVE, which needs our title there and a port of this machine."""

from __future__ import annotations

import datetime as dt
import socket
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lvt_track.cli.app import app
from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series

from .conftest import Orthanc, free_port

SLICES = 8


@pytest.fixture
def archive(orthanc: Orthanc, tmp_path: Path) -> Orthanc:
    """An archive of two small series."""
    hu = np.zeros((SLICES, 8, 8), np.int16)
    volume = Volume(hu, Geometry.axial(hu.shape, (4.0, 1.0, 1.0)))
    for month in (1, 3):
        date, study = dt.date(2024, month, 15), f"1.2.3.{month}"
        said = SeriesHeader(
            patient_id="P1",
            patient_name="Doe^Jo",
            date=date,
            study_uid=study,
            series_uid=f"{study}.1",
            series_number=1,
            description="Abdomen portal",
        )
        write_ct_series(volume, tmp_path / "sent" / date.isoformat(), said)
    orthanc.put_folder(tmp_path / "sent")
    return orthanc


def pull(address: str, patient: Path, *more: object) -> tuple[int, str]:
    words = ("pull", address, "-o", patient, "--patient-id", "P1", "--timeout", 4, *more)
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, result.output


def test_an_archive_that_refuses_c_get_sends_by_c_move(archive: Orthanc, tmp_path: Path) -> None:
    # It calls a C-MOVE ended before it sends.
    entry = {"AET": "LVT", "Host": "127.0.0.1", "Port": archive.move, "AllowGet": False}
    archive.kill()
    archive.settings = {
        "DicomAlwaysAllowGet": False,
        "DicomModalities": {"us": entry},
        "SynchronousCMove": False,
    }
    archive.start()
    patient = tmp_path / "patient"
    code, text = pull(archive.dimse, patient)
    assert code == 4
    assert "Allow C-GET for LVT there" in text
    assert "--move-port" in text
    code, text = pull(archive.dimse, patient, "--move-port", archive.move)
    assert code == 0, text
    assert text.count(f"{SLICES} images there, {SLICES} new") == 2

    taken = sorted(patient.rglob("*.dcm"))[3]
    taken.unlink()
    code, text = pull(archive.dimse, patient, "--move-port", archive.move)
    assert code == 0, text
    assert text.count(f"{SLICES} images there, 1 new") == 1
    assert len(list(patient.rglob("*.dcm"))) == 2 * SLICES


def test_an_archive_that_does_not_know_us_or_cannot_reach_us(
    archive: Orthanc, tmp_path: Path
) -> None:
    patient, port = tmp_path / "patient", free_port()
    hint = "with this machine's address and the port of --move-port"
    code, text = pull(archive.dimse, patient, "--move-port", port)
    assert code == 4
    assert "cannot send to LVT" in text
    assert hint in text
    code, text = pull(archive.dimse + "/OTHER", patient, "--move-port", archive.move)
    assert code == 4
    assert "Enter OTHER there" in text
    assert hint in text
    with socket.socket() as other:
        other.bind(("127.0.0.1", port))
        other.listen()
        code, text = pull(archive.dimse, patient, "--move-port", port)
    assert code == 2
    assert f"port {port} of this machine cannot be listened on" in text
    code, text = pull(archive.web, patient, "--move-port", port)
    assert code == 2
    assert "--move-port is for C-MOVE" in text
    assert not patient.exists()
