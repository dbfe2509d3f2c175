"""Archives that answer wrongly, by DICOMweb and by DIMSE: told, and the rest is brought."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pynetdicom.association
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ComprehensiveSRStorage, CTImageStorage, ExplicitVRLittleEndian
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
)
from typer.testing import CliRunner

import lvt_track.io.archive.dicomweb as dicomweb
from lvt_track.cli.app import app
from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from lvt_track.io.archive.archive import FIELDS, Level
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series

SLICES = 8
STUDY, SERIES = "1.2.3", "1.2.3.4"
JSON, HTML = "application/dicom+json", "text/html"
# The libraries leave sockets of connections that were cut short to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
Answer = tuple[int, str, bytes]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Files of a series by SOPInstanceUID, in the order in which they are asked for."""
    hu = np.zeros((SLICES, 8, 8), np.int16)
    paths = write_ct_series(
        Volume(hu, Geometry.axial(hu.shape, (4.0, 1.0, 1.0))),
        tmp_path_factory.mktemp("sent"),
        SeriesHeader(
            patient_id="P1",
            patient_name="Doe^Jo",
            date=dt.date(2024, 1, 15),
            study_uid=STUDY,
            series_uid=SERIES,
            series_number=1,
            description="Abdomen portal",
        ),
    )
    return dict(sorted((pydicom.dcmread(p).SOPInstanceUID, p.read_bytes()) for p in paths))


def answers(images: dict[str, bytes], level: Level) -> list[Dataset]:
    """What an archive of the images finds at a level."""
    datasets = [pydicom.dcmread(BytesIO(content)) for content in images.values()]
    found = []
    for dataset in datasets if level is Level.IMAGE else datasets[:1]:
        answer = Dataset()
        for name in FIELDS[level]:
            if name in dataset:
                answer[name] = dataset[name]
        found.append(answer)
    return found


def multipart(contents: list[bytes]) -> Answer:
    parts = [b"--cut\r\nContent-Type: application/dicom\r\n\r\n" + c + b"\r\n" for c in contents]
    kind = 'multipart/related; type="application/dicom"; boundary=cut'
    return 200, kind, b"".join(parts) + b"--cut--"


@dataclass
class WebServer:
    """A DICOMweb server of one series; `mangle` makes of its answers what a test wants."""

    images: dict[str, bytes]
    mangle: Callable[[str, Answer], Answer] = lambda path, answer: answer
    heard: list[str] = field(default_factory=list)
    url: str = ""

    def answer(self, path: str) -> Answer:
        *_, last = path.strip("/").split("/")
        if last in self.images:
            return multipart([self.images[last]])
        if last == SERIES:
            return multipart(list(self.images.values()))
        level = {"studies": Level.STUDY, "series": Level.SERIES, "instances": Level.IMAGE}[last]
        found = [one.to_json_dict() for one in answers(self.images, level)]
        return 200, JSON, json.dumps(found).encode()


@pytest.fixture
def web(images: dict[str, bytes]) -> Iterator[WebServer]:
    archive = WebServer(dict(images))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0]
            archive.heard.append(f"{self.command} {path}")
            status, kind, content = archive.mangle(path, archive.answer(path))
            self.send_response(status)
            self.send_header("Location" if status == 307 else "Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    archive.url = f"http://127.0.0.1:{server.server_port}/dicom-web"
    yield archive
    server.shutdown()
    server.server_close()
    thread.join()


def lvt(*words: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(word) for word in words])
    assert "Doe" not in result.output
    return result.exit_code, result.output


def pull(address: str, patient: Path) -> tuple[int, str]:
    return lvt("pull", address, "-o", patient, "--patient-id", "P1", "--timeout", 3)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((200, HTML, b"<html>Log in, Doe</html>"), "what is no DICOM"),
        ((200, JSON, b'{"error": "Doe"}'), "what is no DICOM"),
        ((200, JSON, b'[{"00100020": {"vr": "LO", "Value": ['), "what is no DICOM"),
        ((403, JSON, b""), "refuses this to this user"),
        ((503, JSON, b""), "answers too slowly"),
        ((307, "http://127.0.0.1:9/dicom-web/studies", b""), "leads to http://127.0.0.1:9"),
    ],
)
def test_answers_that_are_none(
    web: WebServer, tmp_path: Path, answer: Answer, message: str
) -> None:
    web.mangle = lambda path, _: answer
    code, text = pull(web.url, tmp_path / "p")
    assert (code, message in text) == (3, True), text
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("answer", "why"),
    [(multipart([b"no DICOM"]), "no DICOM"), ((404, HTML, b""), "has not what was asked for")],
)
def test_one_broken_image_does_not_keep_the_others(
    web: WebServer, tmp_path: Path, answer: Answer, why: str
) -> None:
    first = next(iter(web.images))
    web.mangle = lambda path, right: answer if path.endswith((SERIES, first)) else right
    code, text = pull(web.url, tmp_path / "p")
    assert code == 4
    assert f"1 of {SLICES} images did not come" in text
    assert why in text
    assert f"{SLICES - 1} of {SLICES} images there, {SLICES - 1} new" in text
    assert {path.stem for path in (tmp_path / "p").rglob("*.dcm")} == set(web.images) - {first}


def test_a_series_that_is_cut_short_is_gone_on_with(web: WebServer, tmp_path: Path) -> None:
    def cut(path: str, right: Answer) -> Answer:
        status, kind, content = right
        return status, kind, content[: len(content) // 2] if path.endswith(SERIES) else content

    web.mangle = cut
    code, text = pull(web.url, tmp_path / "p")
    assert code == 0, text
    assert 0 < len([path for path in web.heard if "/instances/" in path]) < SLICES
    assert len(list((tmp_path / "p").rglob("*.dcm"))) == SLICES


def test_an_archive_that_gives_every_page_at_once(
    web: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dicomweb, "_PAGE", 3)
    code, text = pull(web.url, tmp_path / "p")
    assert code == 0, text
    assert f"{SLICES} images there, {SLICES} new" in text


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A run with one structured report."""
    report = Dataset()
    report.SOPClassUID, report.SOPInstanceUID = ComprehensiveSRStorage, "1.2.3.5.6"
    report.StudyInstanceUID, report.SeriesInstanceUID = STUDY, "1.2.3.5"
    report.PatientID, report.PatientName, report.Modality = "P1", "Doe^Jo", "SR"
    report.file_meta = pydicom.dataset.FileMetaDataset()
    report.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    folder = tmp_path / "out" / "visits" / "2024-01-15"
    folder.mkdir(parents=True)
    (tmp_path / "out" / "run.json").write_text("{}")
    report.save_as(folder / "sr.dcm", enforce_file_format=True)
    return tmp_path / "out"


FAILED = {"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [0xA700]}}]}}


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((202, JSON, json.dumps(FAILED).encode()), "refuses sr.dcm (reason A700)"),
        ((409, JSON, json.dumps(FAILED).encode()), "answers with status 409"),
        ((307, "http://127.0.0.1:9/", b""), "leads to http://127.0.0.1:9"),
    ],
)
def test_results_that_are_refused(
    web: WebServer, results: Path, answer: Answer, message: str
) -> None:
    web.mangle = lambda path, _: (200, JSON, b"[]") if "instances" in path else answer
    code, text = lvt("push", results, web.url)
    assert (code, message in text) == (4, True), text


@dataclass
class Entity:
    """An application entity of one series; it stores nothing, and knows one user."""

    images: dict[str, bytes]
    port: int = 0

    def find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        level = Level(event.identifier.QueryRetrieveLevel)
        known = self.images if event.identifier.get("SeriesInstanceUID") != "1.2.3.5" else {}
        for answer in answers(known, level):
            answer.QueryRetrieveLevel = level.value
            yield 0xFF00, answer

    def send(self, event: evt.Event) -> Iterator[object]:
        wanted = event.identifier.get("SOPInstanceUID") or list(self.images)
        wanted = [wanted] if isinstance(wanted, str) else list(wanted)
        yield len(wanted)
        for uid in wanted:
            yield 0xFF00, pydicom.dcmread(BytesIO(self.images[uid]))


@pytest.fixture
def entity(images: dict[str, bytes]) -> Iterator[Entity]:
    there = Entity(images)
    ae = AE(ae_title="PACS")
    for model in (
        StudyRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelGet,
    ):
        ae.add_supported_context(model)
    ae.add_supported_context(ComprehensiveSRStorage)
    ae.add_supported_context(CTImageStorage, scp_role=True, scu_role=True)
    handlers = [
        (evt.EVT_C_FIND, there.find),
        (evt.EVT_C_GET, there.send),
        (evt.EVT_C_STORE, lambda event: 0xA700),
        (evt.EVT_USER_ID, lambda event: (event.primary_field == b"reader", None)),
    ]
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=handlers)
    assert server is not None
    there.port = server.socket.getsockname()[1]
    yield there
    ae.shutdown()


def test_an_entity_that_refuses(
    entity: Entity, results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"dicom://PACS@127.0.0.1:{entity.port}"
    first = next(iter(entity.images))

    def encode(dataset: Dataset, *syntax: bool) -> bytes | None:
        """A length that ends before the number that it holds, in one image."""
        is_broken = dataset.get("SOPInstanceUID") == first and "PixelData" in dataset
        return b"\x28\x00\x10\x00US\x01\x00\x08" if is_broken else write(dataset, *syntax)

    write = pynetdicom.association.encode
    monkeypatch.setattr(pynetdicom.association, "encode", encode)
    code, text = pull(address, tmp_path / "p")
    assert code == 4
    assert f"1 of {SLICES} images did not come" in text
    assert len(list((tmp_path / "p").rglob("*.dcm"))) == SLICES - 1
    code, text = lvt("push", results, address)
    assert code == 4
    assert "refuses sr.dcm (status A700)" in text
    monkeypatch.setenv("LVT_ARCHIVE_USER", "somebody")
    monkeypatch.setenv("LVT_ARCHIVE_PASSWORD", "s3cret")
    code, text = pull(address, tmp_path / "p2")
    # A library's server may end the connection before its refusal is read.
    refusal = "does not accept LVT" in text or "no archive answers" in text
    assert (code, refusal, "s3cret" in text) == (3, True, False), text
