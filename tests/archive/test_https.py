"""DICOMweb over HTTPS: an archive whose certificate a hospital signed itself."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lvt_track.cli.app import app
from lvt_track.io.archive.archive import Level
from lvt_track.io.archive.connect import open_archive
from lvt_track.io.archive.credentials import Credentials, read_credentials
from lvt_track.io.archive.errors import ArchiveError

x509 = pytest.importorskip("cryptography.x509")
STUDY = {"0020000D": {"vr": "UI", "Value": ["1.2.3"]}, "00100020": {"vr": "LO", "Value": ["P1"]}}


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of 127.0.0.1 that its own key has signed, and the key."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "archive")])
    now = dt.datetime.now(dt.UTC)
    place = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(place, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    plain = (serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    paths = folder / "archive.pem", folder / "archive.key"
    paths[0].write_bytes(made.public_bytes(pem))
    paths[1].write_bytes(key.private_bytes(pem, *plain))
    return paths


@dataclass
class Archive:
    """A server of one study."""

    url: str
    ca: Path
    heard: list[str] = field(default_factory=list)


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[Archive]:
    cert, key = certificate(tmp_path)
    heard: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.headers.get("Authorization", ""))
            content = json.dumps([STUDY]).encode()
            self.send_response(200 if heard[-1] else 401)
            self.send_header("Content-Type", "application/dicom+json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *words: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    yield Archive(f"https://127.0.0.1:{server.server_port}/dicom-web", cert, heard)
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_is_trusted_by_the_file_that_names_its_certificate(
    archive: Archive, tmp_path: Path
) -> None:
    file = tmp_path / "auth.toml"
    file.write_text(f'user = "reader"\npassword = "pass"\nca = "{archive.ca.name}"\n')
    file.chmod(0o600)
    there = open_archive(archive.url, read_credentials(file, {}), 5.0)
    (study,) = there.find(Level.STUDY, {"PatientID": "P1"})
    there.close()
    assert study.StudyInstanceUID == "1.2.3"
    assert base64.b64decode(archive.heard[0].removeprefix("Basic ")) == b"reader:pass"


def test_without_it_nothing_is_said_to_it(archive: Archive) -> None:
    there = open_archive(archive.url, Credentials(token="a token"), 5.0)
    with pytest.raises(ArchiveError, match=r"certificates of .* do not fit") as told:
        there.find(Level.STUDY, {"PatientID": "P1"})
    there.close()
    assert "a token" not in str(told.value)
    assert not archive.heard


def test_lvt_pull_says_what_is_wrong(
    archive: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LVT_ARCHIVE_CA", str(archive.ca))
    words = ["pull", archive.url, "-o", str(tmp_path / "out"), "--patient-id", "P1"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 3
    assert "does not accept the credentials" in result.output
