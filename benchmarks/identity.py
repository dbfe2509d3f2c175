"""Whether numbers and DICOM UIDs of tumours outlive corrections, repainted masks and added visits.

    python benchmarks/identity.py [--courses 5] [--orders 3] [--patients 1000]

Five small courses of five visits, with their true masks, begin with the second and the fourth
visit. Then a link is removed, one is added, a mask is repainted, and a visit is added before,
between and after, in several orders. After each step every tumour that holds the same lesions as
before must have the same number and UID, in the tables and in DICOM. Which lesion is which after a
repaint is told by the voxels that they share, without lvt's own rule. Writes
docs/results/identity.md.
"""

from __future__ import annotations

import argparse
import csv
import random
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pydicom
import SimpleITK as sitk
from scipy import ndimage

from identities.collisions import collisions
from identities.courses import write_course
from lvt_track.io.images.volumes import read_geometry, read_mask, write_mask
from lvt_track.pipeline.patient import build_course
from lvt_track.pipeline.patient.documents import write as documents
from lvt_track.pipeline.patient.report import remake_report
from lvt_track.pipeline.patient.track import TrackSettings, track_patient
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent
from lvt_track.register.course import register_course
from lvt_track.register.frame import CommonFrame
from lvt_track.register.liver_image import LiverImage
from lvt_track.response import course as response_course
from pages.markdown import markdown_table, write_page

BEFORE, START, BETWEEN, END, AFTER = range(5)
STEPS = ("remove", "add", "repaint", "before", "between", "after")

Key = tuple[str, int]


@dataclass(frozen=True)
class State:
    """What a run says: number and UID of the tumour of each lesion, and where each lies."""

    named: dict[Key, tuple[int, str]]
    labels: dict[str, np.ndarray]

    def tracks(self) -> dict[tuple[int, str], set[Key]]:
        """The lesions of each tumour."""
        found: dict[tuple[int, str], set[Key]] = {}
        for key, name in self.named.items():
            found.setdefault(name, set()).add(key)
        return found


@dataclass
class Course:
    """One patient whose visits come one by one."""

    shelf: Path
    patient: Path
    out: Path
    dates: tuple[str, ...]
    draws: random.Random
    rows: list[dict[str, object]] = field(default_factory=list)

    def bring(self, visit: int) -> None:
        """A visit is added to the patient's folder, and the run goes on."""
        shutil.copytree(self.shelf / self.dates[visit], self.patient / self.dates[visit])
        track_patient(self.patient, self.out, TrackSettings(), Existing.RESUME, Silent())

    def correct(self, row: dict[str, object]) -> None:
        """One more row of the table of corrections."""
        self.rows.append(row)
        table = self.out.parent / "corrections.csv"
        with table.open("w", newline="", encoding="utf-8") as file:
            columns = dict.fromkeys(column for one in self.rows for column in one)
            writer = csv.DictWriter(file, list(columns), restval="")
            writer.writeheader()
            writer.writerows(self.rows)
        remake_report(self.out, ReaderTables(corrections=table), None, Silent())

    def remove(self) -> None:
        """One of the links is none."""
        edges = pd.read_csv(self.out / "edges.csv")
        edge = edges.iloc[self.draws.randrange(len(edges))]
        ends = (edge.date_a, edge.lesion_a), (edge.date_b, edge.lesion_b)
        self.correct({"action": "remove", **self._ends(*ends)})

    def add(self) -> None:
        """A lesion without a past gets one; where there is none, any later lesion."""
        lesions, edges = (pd.read_csv(self.out / f"{name}.csv") for name in ("lesions", "edges"))
        linked = set(zip(edges["date_b"], edges["lesion_b"], strict=True))
        removed = {
            (row["date_a"], row["lesion_a"], row["date_b"], row["lesion_b"])
            for row in self.rows
            if row["action"] == "remove"
        }
        keys = list(zip(lesions["date"], lesions["lesion"], strict=True))
        later = [key for key in keys if key not in linked and key[0] > min(lesions["date"])]
        later = later or [key for key in keys if key[0] > min(lesions["date"])]
        end = self.draws.choice(later)
        starts = [key for key in keys if key[0] < end[0] and (*key, *end) not in removed]
        self.correct({"action": "add", **self._ends(self.draws.choice(starts), end)})

    def _ends(self, first: Key, second: Key) -> dict[str, object]:
        """Two lesions as the report's page names them: with their voxels."""
        lesions = pd.read_csv(self.out / "lesions.csv").set_index(["date", "lesion"])
        row: dict[str, object] = {}
        for end, key in zip("ab", (first, second), strict=True):
            lesion = lesions.loc[key]
            row |= {f"date_{end}": key[0], f"lesion_{end}": key[1]}
            row |= {f"{axis}_{end}_mm": lesion[f"{axis}_mm"] for axis in "xyz"}
            row |= {f"volume_{end}_ml": lesion["volume_ml"], f"voxels_{end}": lesion["voxels"]}
        return row

    def repaint(self) -> None:
        """The smallest lesion is painted larger, the largest smaller, so that numbers move."""
        dates = sorted(path.name for path in (self.out / "visits").iterdir())
        folder = self.out / "visits" / self.draws.choice(dates)
        path = folder / "tumors.nii.gz"
        geometry = read_geometry(path)
        tumors = read_mask(path, geometry)
        labels, count = ndimage.label(tumors, np.ones((3, 3, 3)))
        sizes = np.bincount(labels.ravel())[1:]
        smallest, largest = labels == sizes.argmin() + 1, labels == sizes.argmax() + 1
        others = ndimage.binary_dilation(tumors & ~smallest, iterations=2)
        painted = tumors | (ndimage.binary_dilation(smallest, iterations=3) & ~others)
        if count > 1 and sizes.max() > 200:
            painted &= ~largest | ndimage.binary_erosion(largest)
        write_mask(painted, geometry, path)
        remake_report(self.out, ReaderTables(), None, Silent())

    def state(self) -> State:
        """What the run says now.

        Raises:
            AssertionError: where DICOM says something else than the tables.
        """
        lesions = pd.read_csv(self.out / "lesions.csv")
        uids = pd.read_csv(self.out / "tracks.csv").set_index("track")["tracking_uid"]
        named = {
            (row.date, row.lesion): (int(row.track), str(uids[row.track]))
            for row in lesions.itertuples()
        }
        labels = {}
        for date in self.dates:
            path = self.out / "visits" / date / "lesions.nii.gz"
            if path.exists():
                labels[date] = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
                here = {key[1]: name for key, name in named.items() if key[0] == date}
                _check_dicom(path.parent, here)
        return State(named, labels)


def _check_dicom(folder: Path, named: dict[int, tuple[int, str]]) -> None:
    """Number and UID of each segment of a visit are those of the tables.

    Raises:
        AssertionError: where they are not.
    """
    path = folder / "seg.dcm"
    if path.exists():
        segments = pydicom.dcmread(path, stop_before_pixels=True).SegmentSequence
        written = {(s.SegmentLabel, str(s.TrackingUID)) for s in segments if "TrackingUID" in s}
        told = {(f"Tumour {number}", uid) for number, uid in named.values()}
        assert written == told, f"{path}: {written} for {told}"


def same_lesions(before: State, after: State) -> dict[Key, Key]:
    """Which lesion each one is now: that with which it shares most voxels."""
    now = {}
    for date, label in before.named:
        if date in after.labels:
            shared = after.labels[date][before.labels[date] == label]
            counts = np.bincount(shared[shared > 0], minlength=1)
            if counts.any():
                now[date, label] = (date, int(counts.argmax()))
    return now


@dataclass
class Score:
    """Tumours after a step: those that nothing touched, and the others."""

    untouched: int = 0
    changed: int = 0
    parted: int = 0
    reused: int = 0


def compare(before: State, after: State, bound: dict[int, str], score: Score) -> list[str]:
    """Count what a step left alone and what it changed; complaints in words."""
    complaints = []
    for number, uid in set(after.named.values()):
        if bound.setdefault(number, uid) != uid or list(bound.values()).count(uid) > 1:
            score.reused += 1
            complaints.append(f"T{number}: UID {uid} for {bound[number]}")
    now = same_lesions(before, after)
    whose = {now[key]: name for key, name in before.named.items() if key in now}
    for name, keys in before.tracks().items():
        there = {now[key] for key in keys if key in now}
        heirs = {after.named[key] for key in there}
        guests = {whose.get(k) for h in heirs for k in after.tracks()[h]} - {name, None}
        if len(heirs) != 1 or guests:
            score.parted += 1
            continue
        score.untouched += 1
        if heirs != {name}:
            score.changed += 1
            complaints.append(f"{name} became {heirs}")
    return complaints


def follow(course: Course, order: tuple[str, ...], scores: dict[str, Score]) -> list[str]:
    """One course through the steps in an order; complaints in words."""
    for visit in (START, END):
        shutil.copytree(course.shelf / course.dates[visit], course.patient / course.dates[visit])
    track_patient(course.patient, course.out, TrackSettings(), Existing.REFUSE, Silent())
    steps: dict[str, Callable[[], None]] = {
        "remove": course.remove,
        "add": course.add,
        "repaint": course.repaint,
        "before": lambda: course.bring(BEFORE),
        "between": lambda: course.bring(BETWEEN),
        "after": lambda: course.bring(AFTER),
    }
    before = course.state()
    bound = dict(before.named.values())
    complaints = []
    for step in order:
        steps[step]()
        after = course.state()
        told = compare(before, after, bound, scores.setdefault(step, Score()))
        complaints += [f"{step}: {text}" for text in told]
        before = after
    return complaints


def spare_time() -> None:
    """Leave out what names no tumour: pictures, documents, how sure categories are.

    All livers here have one shape and place, so that as many of them are registered once.
    """

    def registered(images: Sequence[LiverImage], *rest: Any) -> CommonFrame:
        key = tuple(hash(image.liver.tobytes()) for image in images)
        if key not in known:
            known[key] = register_course(images, *rest)
        return known[key]

    known: dict[tuple[int, ...], CommonFrame] = {}
    patched: Any = build_course
    patched.register_course = registered
    patched = response_course
    patched.with_doubt = lambda responses, *rest: tuple(responses)
    patched = documents
    patched.write_documents = lambda *rest: None


def main() -> int:
    """Follow the courses through all orders, count collisions, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--courses", type=int, default=5)
    parser.add_argument("--orders", type=int, default=3)
    parser.add_argument("--patients", type=int, default=1000)
    asked = parser.parse_args()
    spare_time()
    begin = time.monotonic()
    scores: dict[str, Score] = {}
    complaints: list[str] = []
    events: Counter[str] = Counter()
    for seed in range(1, asked.courses + 1):
        draws = random.Random(seed)
        with tempfile.TemporaryDirectory() as place:
            shelf = Path(place, "shelf")
            dates = write_course(seed, shelf, as_dicom=seed == 1)
            for number in range(asked.orders):
                # The steps as they are named, then in orders drawn by lot.
                order = tuple(STEPS if number == 0 else draws.sample(STEPS, len(STEPS)))
                folder = Path(place, str(number))
                course = Course(shelf, folder / "patient", folder / "out", dates, draws)
                told = follow(course, order, scores)
                events.update(pd.read_csv(course.out / "edges.csv")["event"])
                complaints += [f"course {seed}, {' '.join(order)}: {text}" for text in told]
                seconds = time.monotonic() - begin
                print(f"{seconds:5.0f} s  {seed} {' '.join(order)}: {told or 'kept'}", flush=True)
    rows = [
        [step, s.untouched, s.changed, s.parted, s.reused]
        for step, s in sorted(scores.items(), key=lambda item: STEPS.index(item[0]))
    ]
    uids, alike = collisions(asked.patients)
    options = f"--courses {asked.courses} --orders {asked.orders} --patients {asked.patients}"
    write_page(
        "identity",
        "Numbers and UIDs of tumours stay",
        f"python benchmarks/identity.py {options}",
        f"{asked.courses} small courses of five visits with given masks (the first as DICOM), in "
        "which tumours grow, shrink, vanish, come back, merge, split and are new, each in "
        f"{asked.orders} orders of six steps. At the end they had "
        f"{', '.join(f'{n} links {event}' for event, n in sorted(events.items()))}. A tumour is "
        "untouched by a step if the lesions that it held are one tumour afterwards and nothing "
        "that was another's is with them.",
        markdown_table(
            ["step", "untouched tumours", "changed number or UID", "parted or joined", "reused"],
            rows,
        ),
        "\n".join(f"- {text}" for text in complaints) or "No untouched tumour changed its name.",
        f"UIDs of {asked.patients} patients whose folders have one name and one date: {uids}, of "
        f"which {alike} are another's. A third of them have the masks of the patient before them.",
    )
    return int(bool(complaints or alike))


if __name__ == "__main__":
    raise SystemExit(main())
