"""Phantom courses for the scripted reader, kept between runs, and their links beside the truth.

A course is drawn by the embedded model, or its true masks are spoilt: 15 % of the lesions missed,
15 % made up, borders off by a voxel, and two links exchanged by a careless reader.
"""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from courses.visit import SimulatedVisit, corrupted
from lvt_track.core.volume import CLASSES
from lvt_track.io.images.volumes import read_labels, write_mask, write_volume
from lvt_track.phantom.course.render import render_visit
from lvt_track.phantom.course.scans import SMALL
from lvt_track.phantom.course.script import draw_course
from lvt_track.phantom.course.truth import TrueLesion, true_edges
from lvt_track.pipeline.patient.report import remake_report
from lvt_track.pipeline.patient.track import TrackSettings, track_patient
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent

__all__ = ["DRAWN", "SPOILT", "KnownCourse", "Links", "known_course", "obey"]

DRAWN, SPOILT = "drawn by the model", "spoilt truth"

_FIRST_FALSE = 1000
_SHARE = 0.1
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


@dataclass(frozen=True, eq=False)
class KnownCourse:
    """A followed course of which the truth is known.

    Attributes:
        kind: `DRAWN` or `SPOILT`.
        number: its seed.
        out: folder of its results, a copy that may be changed.
        tumors: which tumour each voxel (z, y, x) is of, by date.
    """

    kind: str
    number: int
    out: Path
    tumors: dict[str, NDArray[np.int16]]

    def links(self) -> Links:
        """The links of the run as it is now."""
        dates = list(self.tumors)
        lesions = [self._lesions(k, date) for k, date in enumerate(dates)]
        with (self.out / "edges.csv").open(encoding="utf-8", newline="") as file:
            edges = list(csv.DictReader(file))

        def key(edge: dict[str, str], end: str) -> Key:
            return dates.index(edge[f"date_{end}"]), int(edge[f"lesion_{end}"])

        drawn = {(key(edge, "a"), key(edge, "b")) for edge in edges}
        true = {(edge.earlier, edge.later) for edge in true_edges(lesions)}
        every = [one for at in lesions for one in at]
        false = {
            one.key for one in every if not one.identities or min(one.identities) >= _FIRST_FALSE
        }
        return Links(frozenset(drawn), frozenset(true), frozenset(false), len(every))

    def _lesions(self, visit: int, date: str) -> list[TrueLesion]:
        """The lesions of a visit with the tumours they show.

        A lesion shows a tumour that is a tenth of it, or that it holds half of: what it merely
        touches it does not show.
        """
        tumors = self.tumors[date]
        whole = np.bincount(tumors.ravel())
        labels, _ = read_labels(self.out / "visits" / date / "lesions.nii.gz")
        lesions = []
        for label in np.unique(labels[labels > 0]):
            inside = np.bincount(tumors[labels == label], minlength=len(whole))
            least = np.minimum(_SHARE * inside.sum(), whole / 2)
            shown = tuple(int(n) for n in np.flatnonzero((inside > 0) & (inside >= least)) if n)
            lesions.append(TrueLesion(visit, int(label), shown, (0.0, 0.0, 0.0), 0.0, 0.0, 0.0))
        return lesions


@contextmanager
def known_course(kind: str, number: int, visits: int, kept: Path) -> Iterator[KnownCourse]:
    """A course, followed once and kept; what is done to its results is done to a copy.

    Args:
        kind: `DRAWN` or `SPOILT`.
        number: its seed.
        visits: how many it has.
        kept: folder for courses; what lies there is taken as it is.
    """
    folder = kept / f"{'drawn' if kind == DRAWN else 'spoilt'}-{number}-{visits}"
    if not (folder / "out" / "report.html").exists():
        shutil.rmtree(folder, ignore_errors=True)
        tumors = _write_patient(kind, number, visits, folder / "patient")
        np.savez_compressed(folder / "tumors.npz", **tumors)
        track_patient(
            folder / "patient", folder / "out", TrackSettings(), Existing.REFUSE, Silent()
        )
    copy = kept / "now"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    with np.load(copy / "tumors.npz") as arrays:
        course = KnownCourse(kind, number, copy / "out", dict(sorted(arrays.items())))
    obey(course, None)  # kept results may be of an earlier page
    if kind == SPOILT:
        _exchange_two(course)
    yield course
    shutil.rmtree(copy)


def obey(course: KnownCourse, table: Path | None) -> None:
    """`lvt report`, with a table of corrections where there is one."""
    remake_report(
        course.out, ReaderTables(corrections=table), course.out.parent / "patient", Silent()
    )


def _write_patient(kind: str, seed: int, visits: int, folder: Path) -> dict[str, NDArray[np.int16]]:
    """Write the scans of a course, with masks that err where no model draws them."""
    script = draw_course(seed, visits=visits, protocol=SMALL)
    rng = np.random.default_rng([seed, 29])
    tumors = {}
    for k in range(visits):
        item = render_visit(script, k)
        seen = SimulatedVisit(
            item.date, item.phase, item.volume, item.masks, item.identities, lambda places: places
        )
        place = folder / item.date.isoformat()
        place.mkdir(parents=True)
        write_volume(item.volume, place / f"{item.phase.value}.nii.gz")
        if kind == SPOILT:
            seen = corrupted(seen, rng, _FIRST_FALSE * (k + 1))
            for name in CLASSES:
                write_mask(
                    getattr(seen.masks, name), item.volume.geometry, place / f"{name}.nii.gz"
                )
        tumors[item.date.isoformat()] = seen.identities.astype(np.int16)
    return tumors


def _exchange_two(course: KnownCourse) -> None:
    """Exchange the later ends of two true links between the same two visits, if there are two."""
    links, dates = course.links(), list(course.tumors)
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
    table = course.out.parent / "careless.csv"
    with table.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([_COLUMNS, *rows])
    obey(course, table)
