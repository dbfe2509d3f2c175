"""A reader who knows the truth corrects courses through the report's page alone.

    python benchmarks/reader.py [--courses 10] [--visits 4]

Phantom courses whose masks err as a model's do (15 % of the lesions missed, 15 % made up, borders
off by a voxel) are followed. A careless reader then exchanges the ends of two links, where two
visits have two; after that a script that knows the truth opens `report.html` in Chromium,
says by clicks which lesions are none and which links are wrong or missing, saves the table, and
`lvt report --corrections` obeys it. Links are judged against the truth before and after. Where a
lesion that is none leaves, lvt may link the others anew: then the reader reads the new report, too.
Writes docs/results/reader.md.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from textwrap import fill

import numpy as np
from playwright.sync_api import Browser
from reader_page import browser, opened
from simulated_visit import SimulatedVisit, corrupted
from table import markdown_table, write_page

from lvt_track.core.volume import CLASSES
from lvt_track.io.images.volumes import read_labels, write_mask, write_volume
from lvt_track.phantom.course.render import render_visit
from lvt_track.phantom.course.scans import SMALL
from lvt_track.phantom.course.script import draw_course
from lvt_track.phantom.course.truth import TrueLesion, true_edges
from lvt_track.pipeline.patient.track import TrackSettings, track_patient
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent

_FIRST_FALSE = 1000
_ROUNDS = 2
_COLUMNS = ("action", "date_a", "lesion_a", "date_b", "lesion_b", "reader")

Key = tuple[int, int]
Link = tuple[Key, Key]


@dataclass(frozen=True)
class Links:
    """The links of a run, those that are true of its lesions, and which lesions are none."""

    drawn: frozenset[Link]
    true: frozenset[Link]
    false_lesions: frozenset[Key]
    lesions: int

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 1 where there is no link to be drawn."""
        both = len(self.drawn) + len(self.true)
        return 2 * len(self.drawn & self.true) / both if both else 1.0


@dataclass(frozen=True)
class Reading:
    """What a course took."""

    course: int
    visits: int
    lesions: int
    before: float
    after: tuple[float, ...]
    said: int
    clicks: int
    keys: int
    unsaid: int

    def row(self) -> list[str]:
        """Cells of the table."""
        after = ", then ".join(f"{f1:.3f}" for f1 in self.after)
        counts = (self.said, self.clicks, self.keys, self.unsaid)
        each = f"{self.clicks / self.visits:.1f}"
        texts = [str(n) for n in (self.course, self.lesions)]
        return [*texts, f"{self.before:.3f}", after, *(str(n) for n in counts), each]


def main() -> None:
    """Read the courses one after the other; the page is written after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--courses", type=int, default=10)
    parser.add_argument("--visits", type=int, default=4)
    chosen = parser.parse_args()
    readings = []
    with browser() as chromium:
        for number in range(chosen.courses):
            start = time.perf_counter()
            with tempfile.TemporaryDirectory() as folder:
                readings.append(read_course(number, chosen.visits, Path(folder), chromium))
            print(readings[-1].row(), f"{time.perf_counter() - start:.0f} s", flush=True)
            command = f"python benchmarks/reader.py --courses {number + 1}"
            write(readings, f"{command} --visits {chosen.visits}")


def read_course(number: int, visits: int, folder: Path, chromium: Browser) -> Reading:
    """Follow one course, and correct it through its page.

    Args:
        number: seed of the course.
        visits: how many it has.
        folder: an empty one for patient and results.
        chromium: the browser.
    """
    truth = write_patient(number, visits, folder / "patient")
    out = folder / "out"
    track_patient(folder / "patient", out, TrackSettings(), Existing.REFUSE, Silent())
    exchange_two(judge(out, truth), list(truth), out)
    first = links = judge(out, truth)
    after: list[float] = []
    said = clicks = keys = unsaid = 0
    for _ in range(_ROUNDS):
        table = folder / "corrections.csv"
        with opened(chromium, out / "report.html") as page:
            for lesion in sorted(links.false_lesions):
                page.reject(lesion)
            for link in sorted(links.drawn - links.true):
                if not links.false_lesions & set(link):
                    page.deny(*link)
            for link in sorted(links.true - links.drawn):
                page.join(*link)
            done = page.eval("lvt.review.rows.filter((row) => !row.earlier).length")
            if not done:
                break
            page.save(table)
        said, clicks, keys = said + done, clicks + page.clicks, keys + page.keys
        unsaid += len(page.unsaid)
        obey(out, table)
        links = judge(out, truth)
        after.append(links.f1)
    return Reading(
        number,
        visits,
        first.lesions,
        first.f1,
        tuple(after or [first.f1]),
        said,
        clicks,
        keys,
        unsaid,
    )


def exchange_two(links: Links, dates: Sequence[str], out: Path) -> None:
    """Exchange the later ends of two true links between the same two visits, if there are two."""
    pairs = [
        (one, other)
        for one, other in combinations(sorted(links.drawn & links.true), 2)
        if [end[0] for end in one] == [end[0] for end in other]
        and one[0] != other[0]
        and one[1] != other[1]
    ]
    if not pairs:
        return
    one, other = pairs[len(pairs) // 2]
    said = [("remove", one), ("remove", other)]
    said += [("add", (one[0], other[1])), ("add", (other[0], one[1]))]
    rows = [
        (action, dates[a[0]], a[1], dates[b[0]], b[1], "a careless reader")
        for action, (a, b) in said
    ]
    table = out.parent / "careless.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([_COLUMNS, *rows])
    obey(out, table)


def obey(out: Path, table: Path) -> None:
    """`lvt report` with a table of corrections."""
    lvt = [sys.executable, "-m", "lvt_track.cli", "report", str(out)]
    subprocess.run([*lvt, "--corrections", str(table), "--quiet"], check=True)


def write_patient(seed: int, visits: int, folder: Path) -> dict[str, np.ndarray]:
    """Write a phantom course with masks that err; the tumour of each voxel, by date."""
    script = draw_course(seed, visits=visits, protocol=SMALL)
    rng = np.random.default_rng([seed, 29])
    truth = {}
    for k in range(visits):
        item = render_visit(script, k)
        seen = SimulatedVisit(
            item.date, item.phase, item.volume, item.masks, item.identities, lambda places: places
        )
        wrong = corrupted(seen, rng, _FIRST_FALSE * (k + 1))
        place = folder / item.date.isoformat()
        place.mkdir(parents=True)
        write_volume(item.volume, place / f"{item.phase.value}.nii.gz")
        for name in CLASSES:
            write_mask(getattr(wrong.masks, name), item.volume.geometry, place / f"{name}.nii.gz")
        truth[item.date.isoformat()] = wrong.identities
    return truth


def judge(out: Path, truth: dict[str, np.ndarray]) -> Links:
    """The links of a run beside those that are true of the lesions it has."""
    dates = list(truth)
    lesions = [_lesions(out, k, date, truth[date]) for k, date in enumerate(dates)]
    with (out / "edges.csv").open(encoding="utf-8", newline="") as file:
        edges = list(csv.DictReader(file))

    def key(edge: dict[str, str], end: str) -> Key:
        return dates.index(edge[f"date_{end}"]), int(edge[f"lesion_{end}"])

    drawn = {(key(edge, "a"), key(edge, "b")) for edge in edges}
    true = {(edge.earlier, edge.later) for edge in true_edges(lesions)}
    every = [one for at in lesions for one in at]
    false = {one.key for one in every if min(one.identities) >= _FIRST_FALSE}
    return Links(frozenset(drawn), frozenset(true), frozenset(false), len(every))


def _lesions(out: Path, visit: int, date: str, identities: np.ndarray) -> list[TrueLesion]:
    labels, _ = read_labels(out / "visits" / date / "lesions.nii.gz")
    lesions = []
    for label in np.unique(labels[labels > 0]):
        inside = np.unique(identities[labels == label])
        tumors = tuple(int(n) for n in inside if n)
        lesions.append(TrueLesion(visit, int(label), tumors, (0.0, 0.0, 0.0), 0.0, 0.0, 0.0))
    return lesions


def write(readings: Sequence[Reading], command: str) -> None:
    """The page."""
    header = (
        "course|lesions|edges F1 before|after|corrections|clicks|keys|not to be said|clicks a visit"
    )
    each = [one.clicks / one.visits for one in readings]
    easy = sum(one.before == 1.0 for one in readings)
    whole = sum(one.after[-1] == 1.0 for one in readings)
    setting = (
        f"{len(readings)} phantom courses of {readings[0].visits} visits whose masks miss 15 % of "
        "the lesions, make up 15 %, and have borders off by a voxel; a careless reader has "
        "exchanged the ends of two links. The reader knows the truth and says by clicks in "
        "`report.html` which lesions are none and which links are wrong or missing; the saved "
        "table goes to `lvt report --corrections`. A click is one of the mouse (a choice from a "
        "list is two, saving is one); keys scroll slices. Lesions that the masks miss are no "
        "matter of the page: they are painted."
    )
    answer = (
        f"**Edges F1 is 1.000 afterwards in {whole} of {len(readings)} courses; a visit took "
        f"{np.median(each):.1f} clicks in the median ({min(each):.1f} to {max(each):.1f}).** "
        f"In {easy} of them all links were right before."
    )
    write_page(
        "reader",
        "A scripted reader at the page of the report",
        command,
        fill(setting, 120),
        fill(answer, 120),
        markdown_table(header.split("|"), [one.row() for one in readings]),
        "“Then”: what was said of the second report, where lesions that left made lvt link anew.",
    )


if __name__ == "__main__":
    main()
