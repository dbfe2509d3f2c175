"""A reader who knows the truth corrects courses through the report's page alone.

    python benchmarks/reader.py [--drawn 8] [--spoilt 2] [--first 0] [--visits 4] [--kept FOLDER]

Phantom courses are followed, drawn by the embedded model or with masks that err by rule (as
`radiologist/courses.py` says). A script that knows the truth opens `report.html` in Chromium, goes
once through what the page lists, by a key, and says by clicks what is wrong: by the answers in the
list where they are right, else beside the tumour. `lvt report --corrections` obeys the saved table,
and links are judged against the truth before and after. Where lvt then links anew, the reader reads
the new report, too. Writes docs/results/reader.md.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import mkdtemp
from textwrap import fill

import numpy as np
from playwright.sync_api import Browser

from pages.markdown import markdown_table, write_page
from radiologist.corrections import Wants
from radiologist.courses import DRAWN, SPOILT, KnownCourse, Links, known_course, obey
from radiologist.page import ReaderPage, browser, opened

_ROUNDS = 3


@dataclass(frozen=True)
class Reading:
    """What a course took."""

    kind: str
    course: int
    visits: int
    before: Links
    after: tuple[float, ...]
    rows: int
    clicks: int
    keys: int
    unsaid: int

    @property
    def each(self) -> float:
        """Clicks a visit."""
        return self.clicks / self.visits

    def row(self) -> list[str]:
        """Cells of the table."""
        after = ", then ".join(f"{f1:.3f}" for f1 in self.after)
        counts = (self.before.lesions, len(self.before.false_lesions))
        ends = (self.rows, self.clicks, self.keys, self.unsaid)
        texts = [self.kind, str(self.course), *map(str, counts), f"{self.before.f1:.3f}", after]
        return [*texts, *map(str, ends), f"{self.each:.2f}"]


def main() -> None:
    """Read the courses one after the other; the page is written after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--drawn", type=int, default=8)
    parser.add_argument("--spoilt", type=int, default=2)
    parser.add_argument("--first", type=int, default=0, help="seed of the first course of a kind")
    parser.add_argument("--visits", type=int, default=4)
    parser.add_argument("--kept", type=Path, help="folder for followed courses, to be used again")
    chosen = parser.parse_args()
    kept = chosen.kept or Path(mkdtemp())
    readings: list[Reading] = []
    asked = [(DRAWN, chosen.first + n) for n in range(chosen.drawn)]
    asked += [(SPOILT, chosen.first + n) for n in range(chosen.spoilt)]
    with browser() as chromium:
        for kind, number in asked:
            start = time.perf_counter()
            with known_course(kind, number, chosen.visits, kept) as course:
                readings.append(read_course(course, chromium))
            print(readings[-1].row(), f"{time.perf_counter() - start:.0f} s", flush=True)
            counts = [sum(one.kind == kind for one in readings) for kind in (DRAWN, SPOILT)]
            command = f"python benchmarks/reader.py --drawn {counts[0]} --spoilt {counts[1]}"
            write(readings, f"{command} --first {chosen.first} --visits {chosen.visits}")


def read_course(course: KnownCourse, chromium: Browser) -> Reading:
    """Correct a course through its page."""
    first = links = course.links()
    after: list[float] = []
    rows = clicks = keys = unsaid = 0
    for _ in range(_ROUNDS):
        table = course.out.parent / "corrections.csv"
        with opened(chromium, course.out / "report.html") as page:
            correct(page, links)
            said = page.eval("lvt.review.rows.filter((row) => !row.earlier).length")
            keys += page.keys
            if not said:
                break
            page.save(table)
        rows, clicks, unsaid = rows + said, clicks + page.clicks, unsaid + len(page.unsaid)
        obey(course, table)
        links = course.links()
        after.append(links.f1)
        if links.f1 == 1.0 and not links.false_lesions:
            break
    return Reading(
        course.kind,
        course.number,
        len(course.tumors),
        first,
        tuple(after or [first.f1]),
        rows,
        clicks,
        keys,
        unsaid,
    )


def correct(page: ReaderPage, links: Links) -> None:
    """Say all that is wrong of a course, in as few clicks as the page offers."""
    wants = Wants.of(links, page.eval("lvt.data.lesions"))
    page.look()
    for doubt, answer in wants.choose(page.doubts()):
        page.answer(doubt, answer)
    for track in wants.open_tracks():
        page.reject(track, everywhere=True)
    for lesion in wants.open_lesions():
        page.reject(lesion, everywhere=False)
    for one, other in wants.open_exchanges():
        if page.exchange(one, other):
            wants.exchanged(one, other)
    for link in sorted(wants.wrong):
        page.deny(*link)
    for link in sorted(wants.missing):
        page.join(*link)


def write(readings: Sequence[Reading], command: str) -> None:
    """The page."""
    header = (
        "masks|course|lesions|that are none|edges F1 before|after|rows said|clicks|keys|"
        "not to be said|clicks a visit"
    )
    setting = (
        f"Phantom courses of {readings[0].visits} visits. *Drawn by the model*: the embedded model "
        "has drawn every mask, as in `lvt demo`. *Spoilt truth*: true masks of which 15 % of the "
        "lesions are missing, 15 % are made up, borders are off by a voxel, and a careless reader "
        "has exchanged the ends of two links. The reader knows the truth, goes once through “Look "
        "at first” by the key `n`, and says by clicks in `report.html` which lesions are none and "
        "which links are wrong or missing; the saved table goes to `lvt report --corrections`. "
        "**Every press of the mouse is a click**: choosing a tumour, an answer, a choice from a "
        "list (two), saving. Keys (`n`, and arrows to scroll to a slice) are counted apart, typing "
        "the reader's name is not. Lesions that the masks miss are no matter of the page: they "
        "are painted."
    )
    answers = []
    for kind in (DRAWN, SPOILT):
        own = [one for one in readings if one.kind == kind]
        if not own:
            continue
        each = [one.each for one in own]
        whole = sum(one.after[-1] == 1.0 for one in own)
        answers.append(
            f"**{kind.capitalize()}: edges F1 is 1.000 afterwards in {whole} of {len(own)} courses "
            f"(before: {min(one.before.f1 for one in own):.2f} to "
            f"{max(one.before.f1 for one in own):.2f}); a visit took {np.median(each):.2f} clicks "
            f"in the median ({min(each):.2f} to {max(each):.2f}).**"
        )
    every = np.median([one.each for one in readings])
    answers.append(f"All together: {every:.2f} clicks a visit in the median (bar: 1).")
    write_page(
        "reader",
        "A scripted reader at the page of the report",
        command,
        fill(setting, 120),
        *(fill(text, 120) for text in answers),
        markdown_table(header.split("|"), [one.row() for one in readings]),
        "“Then”: what was said of the next report, where lvt had linked anew what was set free.",
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
