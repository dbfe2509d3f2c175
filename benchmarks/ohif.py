"""`seg.dcm` and `sr.dcm` in a real OHIF: what it draws and says of a followed patient.

    python benchmarks/ohif.py DIST [--seg-type split] [--pictures DIR]

DIST is `dist` of npm's package @ohif/app; needs Orthanc with its DICOMweb plugin, Chromium and the
package playwright. The tests' patient of three visits goes into the archive with its results; the
last visit, where a lesion is new and another has disappeared, is opened in the viewer, its report
and segmentations one after the other. Prints the words over the pictures; exit code 1 where OHIF
reports an error, or shows less than each measured lesion with its axes.
"""

from __future__ import annotations

import argparse
import base64
import csv
import http.server
import json
import mimetypes
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from dicom_objects import follow_phantom
from lvt_track.report.dicom.seg_type import SegType

sys.path.append(str(Path(__file__).parents[1]))

from tests.archive.conftest import PASSWORD, USER, Orthanc

_SECONDS = 12
_FLAGS = ("--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader")
_SERIES = "[data-cy='study-browser-thumbnail-no-image']"
_NEXT_MEASUREMENT = (1434, 67)


def main() -> None:
    """Open everything, print what is seen."""
    parser = argparse.ArgumentParser()
    parser.add_argument("dist", type=Path)
    parser.add_argument("--seg-type", type=SegType, default=SegType.SPLIT)
    parser.add_argument("--pictures", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        out, patient = follow_phantom(work, asked.seg_type)
        archive = Orthanc(work / "orthanc")
        archive.start()
        try:
            for folder in (patient, out):
                archive.put_folder(folder)
            texts, errors = _look(archive, asked.dist, asked.pictures or work)
        finally:
            archive.kill()
        with (out / "lesions.csv").open() as file:
            rows = list(csv.DictReader(file))
    last = max(row["date"] for row in rows)
    sizes = [float(row["long_axis_mm"]) for row in rows if row["date"] == last]
    unseen = [size for size in sizes if not any(f"{size:.2f} mm" in text for text in texts)]
    print(*texts, *errors, sep="\n")
    print(f"{len(sizes) - len(unseen)} of {len(sizes)} long axes shown, {len(errors)} errors")
    sys.exit(bool(unseen or errors))


def _look(archive: Orthanc, dist: Path, pictures: Path) -> tuple[list[str], list[str]]:
    """The words over each picture, and what the browser calls errors."""
    studies = archive.get("dicom-web/studies").json()
    study = max(one["0020000D"]["Value"][0] for one in studies)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler(archive, dist))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    errors: list[str] = []
    texts = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_FLAGS)
        page = browser.new_page(viewport={"width": 1500, "height": 950})
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(f"http://127.0.0.1:{server.server_port}/viewer?StudyInstanceUIDs={study}")
        page.wait_for_selector(_SERIES, timeout=120_000)
        page.wait_for_timeout(_SECONDS * 1000)
        # The tour of a first visit lies over everything.
        page.evaluate("document.querySelectorAll('[class*=shepherd]').forEach(e => e.remove())")
        for number in range(page.locator(_SERIES).count()):
            series = page.locator(_SERIES).nth(number)
            title = " ".join(series.inner_text().split())
            series.dblclick()
            texts.append(f"{title}: {_seen(page, pictures / f'{number}.png')}")
            for step in range(2 if title.startswith("SR") else 0):
                page.mouse.click(*_NEXT_MEASUREMENT)
                texts.append(f"{title}: {_seen(page, pictures / f'{number}-{step}.png')}")
        browser.close()
    server.shutdown()
    return texts, errors


def _seen(page: Page, picture: Path) -> str:
    """The words drawn in the viewport, once it has had time to draw."""
    page.wait_for_timeout(_SECONDS * 1000)
    page.screenshot(path=picture)
    return " · ".join(page.locator("svg text").all_text_contents())


def _handler(archive: Orthanc, dist: Path) -> type[http.server.BaseHTTPRequestHandler]:
    """The viewer's files, and the archive behind the same address."""
    key = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            path, status = self.path.partition("?")[0], 200
            if path.startswith("/dicom-web"):
                status, kind, body = self._ask()
            elif path == "/app-config.js":
                kind, body = "text/javascript", f"window.config={json.dumps(_CONFIG)}".encode()
            else:
                file = dist / path.lstrip("/")
                file = file if file.is_file() else dist / "index.html"
                kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
                body = file.read_bytes()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _ask(self) -> tuple[int, str, bytes]:
            headers = {"Authorization": key, "Host": self.headers["Host"]}
            headers["Accept"] = self.headers.get("Accept", "*/*")
            url = f"http://127.0.0.1:{archive.http}{self.path}"
            try:
                with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
                    return 200, answer.headers.get("Content-Type", ""), answer.read()
            except urllib.error.HTTPError as error:
                return error.code, "text/plain", error.read()

    return Handler


_SOURCE = {
    "namespace": "@ohif/extension-default.dataSourcesModule.dicomweb",
    "sourceName": "dicomweb",
    "configuration": {
        "friendlyName": "archive",
        "name": "archive",
        **dict.fromkeys(("wadoUriRoot", "qidoRoot", "wadoRoot"), "/dicom-web"),
        **dict.fromkeys(("imageRendering", "thumbnailRendering"), "wadors"),
        "enableStudyLazyLoad": True,
        "omitQuotationForMultipartRequest": True,
    },
}
_CONFIG = {
    "extensions": [],
    "modes": [],
    "showStudyList": True,
    "maxNumberOfWebWorkers": 2,
    "investigationalUseDialog": {"option": "never"},
    "defaultDataSourceName": "dicomweb",
    "dataSources": [_SOURCE],
}

if __name__ == "__main__":
    main()
