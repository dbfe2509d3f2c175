"""`lvt pull` beside `getscu` of dcmtk: the same images out of a real Orthanc on this machine.

    python benchmarks/pull.py [--images 100] [--runs 3]

Needs Orthanc with its DICOMweb plugin, and dcmtk. Each run fetches one series of 512 × 512 images
into an empty folder, by `getscu`, by `lvt pull` over DIMSE and over DICOMweb, each a process of its
own; the search and all checks of `lvt` are in its time. Prints medians and the ratio of rates.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

import numpy as np

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series

sys.path.append(str(Path(__file__).parents[1]))

from tests.archive.conftest import PASSWORD, USER, Orthanc

_STUDY, _SERIES = "1.2.3", "1.2.3.4"


def main() -> None:
    """Fetch, and print the seconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--runs", type=int, default=3)
    asked = parser.parse_args()
    seconds: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        _write_series(work / "sent", asked.images)
        archive = Orthanc(work / "orthanc")
        archive.start()
        try:
            archive.put_folder(work / "sent")
            for run in range(asked.runs):
                for way, command in _commands(archive).items():
                    folder = work / f"{way} {run}"
                    folder.mkdir()
                    seconds[way].append(_time(command, folder))
                    arrived = sum(path.is_file() for path in folder.rglob("*"))
                    if arrived != asked.images:
                        raise RuntimeError(f"{way}: {arrived} of {asked.images} images came")
        finally:
            archive.kill()
    base = median(seconds["getscu"])
    for way, times in seconds.items():
        print(f"{way}: {median(times):.2f} s, {base / median(times):.2f} times the rate of getscu")


def _write_series(folder: Path, images: int) -> None:
    hu = np.random.default_rng(0).integers(-1000, 1000, (images, 512, 512)).astype(np.int16)
    header = SeriesHeader(
        patient_id="P1",
        patient_name="Doe^Jo",
        date=dt.date(2025, 3, 1),
        study_uid=_STUDY,
        series_uid=_SERIES,
        series_number=4,
        description="Abdomen portal",
    )
    write_ct_series(Volume(hu, Geometry.axial(hu.shape, (1.0, 0.8, 0.8))), folder, header)


def _commands(archive: Orthanc) -> dict[str, list[str]]:
    """By way; each writes into the working folder."""
    pull = [sys.executable, "-m", "lvt_track.cli", "pull"]
    options = ["-o", "patient", "--patient-id", "P1", "--quiet"]
    keys = (
        "QueryRetrieveLevel=SERIES",
        f"StudyInstanceUID={_STUDY}",
        f"SeriesInstanceUID={_SERIES}",
    )
    asked = [word for key in keys for word in ("-k", key)]
    return {
        "getscu": ["getscu", "-aec", "ORTHANC", *asked, "127.0.0.1", str(archive.dicom)],
        "lvt pull, DIMSE": [*pull, archive.dimse, *options],
        "lvt pull, DICOMweb": [*pull, archive.web, *options],
    }


def _time(command: list[str], folder: Path) -> float:
    login = {"LVT_ARCHIVE_USER": USER, "LVT_ARCHIVE_PASSWORD": PASSWORD}
    start = time.perf_counter()
    subprocess.run(command, cwd=folder, env=os.environ | login, check=True, capture_output=True)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
