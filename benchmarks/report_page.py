"""What the interactive page costs at clinical size: to make, to hold, to open, to move in.

    python benchmarks/report_page.py [--scan FOLDER] [--visits 5] [--kept FOLDER]

A real scan, segmented once by the embedded model, becomes a course: at every visit moved by some
millimetres and with other noise, its masks given. Its report is made twice by `lvt report`, with
the page's scans and without them; what both do alike (registration, matching, tables) is left out.
Then the page is opened in Chromium with software rendering. Times are processor seconds, of all
threads and of all of Chromium's processes, for machines are busy. Writes
docs/results/report-page.md.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import mkdtemp
from textwrap import fill
from typing import Any

import numpy as np

import lvt_track as lvt
from lvt_track.core.geometry import Geometry
from lvt_track.core.memory import peak_bytes
from lvt_track.core.volume import CLASSES, Volume
from lvt_track.io.discover import read_scan, series_at
from lvt_track.io.images.volumes import write_mask, write_volume
from lvt_track.pipeline.patient.documents import write as documents
from lvt_track.pipeline.patient.report import remake_report
from lvt_track.pipeline.patient.track import TrackSettings, track_patient
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent
from pages.markdown import markdown_table, write_page
from radiologist.page import browser, opened
from scans.real import REAL

_SCAN = REAL / "ircad19" / "dicom"
_NOISE_HU = 8.0
_SHIFT_MM = 6.0
_FRAMES = 40
_BARS = ("10 s", "1.5 GB", "15 MB", "2 s", "50 ms")


def main() -> None:
    """Measure one course; the page is written at the end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scan", type=Path, default=_SCAN)
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--kept", type=Path, help="folder for the course, to be used again")
    parser.add_argument("--made", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.made is not None:
        print(json.dumps(made(chosen.made)))
        return
    folder = (chosen.kept or Path(mkdtemp())) / f"clinical-{chosen.visits}"
    if not (folder / "out" / "report.html").exists():
        patient = folder / "patient"
        if not patient.exists():
            write_course(chosen.scan, chosen.visits, patient)
        track_patient(patient, folder / "out", TrackSettings(), Existing.FORCE, Silent())
    again = [sys.executable, __file__, "--made", str(folder / "out")]
    run = subprocess.run(again, check=True, capture_output=True, text=True)
    cost = json.loads(run.stdout.splitlines()[-1])
    report = folder / "out" / "report.html"
    cost["page_mb"] = report.stat().st_size / 1e6
    cost |= looked_at(report)
    print(cost)
    write(cost, f"python benchmarks/report_page.py --visits {chosen.visits}")


def write_course(scan: Path, visits: int, folder: Path) -> None:
    """Write a patient whose visits are one scan, moved and with other noise, with its masks."""
    volume = read_scan(series_at(scan))
    masks = lvt.segment(volume)
    grid = volume.geometry
    for k in range(visits):
        rng = np.random.default_rng([29, k])
        x, y, z = (float(v) for v in np.array(grid.origin_mm) + rng.uniform(-1, 1, 3) * _SHIFT_MM)
        moved = Geometry(grid.shape, grid.spacing_mm, (x, y, z), grid.direction)
        noise = rng.normal(0, _NOISE_HU, grid.shape).astype(np.float32)
        hu = np.clip(volume.hu + noise, -1024, 3000).astype(np.int16)
        place = folder / (dt.date(2024, 1, 8) + dt.timedelta(days=70 * k)).isoformat()
        place.mkdir(parents=True, exist_ok=True)
        write_volume(Volume(hu, moved), place / "portal.nii.gz")
        for name in CLASSES:
            write_mask(getattr(masks, name), moved, place / f"{name}.nii.gz")


def made(out: Path) -> dict[str, Any]:
    """Processor seconds of writing PDF and HTML with the page's scans, and without them."""
    seconds: dict[str, Any] = {}
    whole, scene = documents.write_documents, documents.take_scene

    def timed(*args: Any) -> None:
        start = time.process_time()
        whole(*args)
        seconds["with_s"] = time.process_time() - start
        # Not `ru_maxrss`, which also holds what the process that started this one had held.
        seconds["peak_gb"] = (peak_bytes() or 0) / 1e9
        html = args[1].html.read_bytes()
        documents.take_scene = lambda *_: None  # type: ignore[assignment,return-value]
        start = time.process_time()
        whole(*args)
        seconds["without_s"] = time.process_time() - start
        documents.take_scene = scene
        args[1].html.write_bytes(html)

    documents.write_documents = timed
    start = time.process_time()
    course = remake_report(out, ReaderTables(), out.parent / "patient", Silent()).course
    seconds["report_s"] = time.process_time() - start - seconds["without_s"]
    seconds["grid"] = " × ".join(map(str, course.visits[0].geometry.shape[::-1]))
    seconds["visits"] = len(course.visits)
    seconds["lesions"] = sum(len(findings.lesions) for findings in course.visits)
    return seconds


def looked_at(report: Path) -> dict[str, float]:
    """Opening the page, and frames of all visits at once while slices are scrolled."""
    facts = {"load": os.getloadavg()[0]}
    with browser() as chromium:
        with opened(chromium, report):  # what the browser itself takes to begin
            pass
        before = _children_s()
        with opened(chromium, report) as page:
            facts["first_s"] = _children_s() - before
            facts["first_wall_s"] = page.eval("lvt.firstMs") / 1000
            for name, script in (
                ("slices", "lvt.scroll(k % 2 ? 1 : -1)"),
                ("common", "lvt.state.warped = true; lvt.scroll(k % 2 ? 1 : -1)"),
                ("turning", "lvt.space.view.azimuth += 0.02; lvt.space.draw()"),
            ):
                page.page.locator(".space").scroll_into_view_if_needed()
                page.page.wait_for_timeout(2000)
                frames = f"""async () => {{
                  for (let k = 0; k < {_FRAMES}; k++) {{
                    {script};
                    await new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
                  }}
                }}"""
                start, begun = _children_s(), time.monotonic()
                page.eval(frames)
                facts[f"{name}_ms"] = 1000 * (_children_s() - start) / _FRAMES
                facts[f"{name}_fps"] = _FRAMES / (time.monotonic() - begun)
    return facts


def _children_s() -> float:
    """Processor seconds of all processes below this one that are alive."""
    ticks = os.sysconf("SC_CLK_TCK")
    stats = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        stats[int(path.parent.name)] = int(words[1]), (int(words[11]) + int(words[12])) / ticks
    below, seconds = {os.getpid()}, 0.0
    while more := {pid for pid, (parent, _) in stats.items() if parent in below} - below:
        below |= more
        seconds += sum(stats[pid][1] for pid in more)
    return seconds


def write(cost: dict[str, Any], command: str) -> None:
    """The page."""
    setting = (
        f"{cost['visits']} visits of {cost['grid']} voxels (3D-IRCADb 1.19, moved and with other "
        f"noise; {cost['lesions']} lesions in all, masks given). Processor seconds: of `lvt "
        "report`'s last step, PDF and HTML, with the page's scans against without them; "
        "of all of Chromium's processes for opening the page and for each frame of all visits, "
        "without a graphics card (SwiftShader). On two free cores they pass sooner than they add "
        "up."
    )
    values = [
        ("making the page, beyond the report without it", cost["with_s"] - cost["without_s"], "s"),
        ("memory of `lvt report` at its peak", cost["peak_gb"], "GB"),
        ("the page", cost["page_mb"], "MB"),
        ("opening it, until all slices are drawn", cost["first_s"], "s"),
        ("a frame, as scanned", cost["slices_ms"], "ms"),
        ("a frame, in the common frame", cost["common_ms"], "ms"),
        ("a frame in 3D", cost["turning_ms"], "ms"),
    ]
    bars = (*_BARS, _BARS[-1], _BARS[-1])
    rows = [
        (what, f"{value:.1f} {unit}", bar)
        for (what, value, unit), bar in zip(values, bars, strict=True)
    ]
    rest = (
        f"The report without the page's scans takes {cost['without_s']:.1f} s for this step; `lvt "
        f"report` in all {cost['report_s']:.0f} s, registrations taken up as the run keeps them. "
        f"The first slices stood "
        f"{cost['first_wall_s']:.1f} s after the page began to load, by the clock, while "
        f"{cost['load']:.0f} processes wanted the cores. Then, too, it drew "
        f"{cost['slices_fps']:.0f} frames a second as scanned, {cost['common_fps']:.0f} in the "
        f"common frame, {cost['turning_fps']:.0f} in 3D (bar 20; the screen takes 60)."
    )
    write_page(
        "report-page",
        "The interactive page at clinical size",
        command,
        fill(setting, 120),
        markdown_table(["", "measured", "bar"], rows),
        fill(rest, 120),
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
