"""A real Orthanc on this machine, empty, on ports of its own."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

import lvt_track.io.archive.dicomweb as dicomweb
import lvt_track.pipeline.archive.pull as pull_job

_PLUGINS = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
USER, PASSWORD = "reader", "s3cret-of-reader"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@dataclass
class Orthanc:
    """A server that can be killed and started again with what it holds.

    It sends to LVT at the port `move` by C-MOVE; `settings` go above those of `start`.
    """

    folder: Path
    http: int = field(default_factory=free_port)
    dicom: int = field(default_factory=free_port)
    move: int = field(default_factory=free_port)
    settings: dict[str, Any] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.http}/dicom-web"

    @property
    def dimse(self) -> str:
        return f"dicom://ORTHANC@127.0.0.1:{self.dicom}"

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = {
            "Name": "test",
            "StorageDirectory": str(self.folder / "storage"),
            "IndexDirectory": str(self.folder / "storage"),
            "Plugins": [str(_PLUGINS)],
            "HttpPort": self.http,
            "DicomPort": self.dicom,
            "DicomAet": "ORTHANC",
            "DicomAlwaysAllowGet": True,
            "DicomAlwaysAllowFind": True,
            "DicomAlwaysAllowStore": True,
            "DicomCheckCalledAet": True,
            "DicomModalities": {"lvt": ["LVT", "127.0.0.1", self.move]},
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": True,
            "RegisteredUsers": {USER: PASSWORD},
            "DicomThreadsCount": 2,
            "HttpThreadsCount": 4,
            **self.settings,
        }
        file = self.folder / "orthanc.json"
        file.write_text(json.dumps(settings))
        self.process = subprocess.Popen(
            ["Orthanc", str(file)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(300):
            try:
                if self.get("system").ok:
                    return
            except requests.ConnectionError:
                time.sleep(0.1)
        raise TimeoutError("Orthanc does not start")

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def get(self, path: str) -> requests.Response:
        url = f"http://127.0.0.1:{self.http}/{path}"
        return requests.get(url, auth=(USER, PASSWORD), timeout=30, proxies={"http": ""})

    def put(self, content: bytes) -> None:
        url = f"http://127.0.0.1:{self.http}/instances"
        answer = requests.post(
            url, content, auth=(USER, PASSWORD), timeout=30, proxies={"http": ""}
        )
        answer.raise_for_status()

    def put_folder(self, folder: Path) -> None:
        for path in sorted(folder.rglob("*.dcm")):
            self.put(path.read_bytes())

    def address(self, transport: str) -> str:
        return self.web if transport == "web" else self.dimse

    def move_port(self, transport: str) -> int | None:
        return self.move if transport == "move" else None


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between tries."""
    monkeypatch.setattr(pull_job, "_PAUSE_S", 0.01)
    monkeypatch.setattr(dicomweb, "_FIRST_PAUSE_MS", 1)


@pytest.fixture
def orthanc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Orthanc]:
    if shutil.which("Orthanc") is None or not _PLUGINS.exists():
        pytest.skip("Orthanc and its DICOMweb plugin are not installed")
    monkeypatch.setenv("LVT_ARCHIVE_USER", USER)
    monkeypatch.setenv("LVT_ARCHIVE_PASSWORD", PASSWORD)
    server = Orthanc(tmp_path / "orthanc")
    server.start()
    yield server
    server.kill()
