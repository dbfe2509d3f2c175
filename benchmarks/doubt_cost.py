"""What doubt costs in a real run: processor time of a course with it, and of the same without.

    python benchmarks/doubt_cost.py [--visits 5] [--seed 21]

A phantom patient is drawn, segmented by the embedded model and followed by `lvt.track`, once; the
time that its doubts take is measured where they are worked out, and taken off: two runs on a busy
machine would differ by more. Writes docs/results/doubt-cost.md.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lvt_track as lvt
from lvt_track.pipeline.patient.visit import read
from lvt_track.pipeline.phantom import PhantomSettings, write_phantom
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent
from lvt_track.response import course as response_course
from pages.markdown import markdown_table, write_page

PARTS = (
    (response_course, "with_doubt", "shares of categories, choices of targets, what settles"),
    (read, "drawn_spots", "what drawn lesions and the voxels around them are"),
    (read, "lookalikes", "what a scan says against lesions"),
    (read, "lesion_evidence", "how likely lesions are tumours"),
)


def timed(function: Callable[..., Any], name: str, seconds: Counter[str]) -> Callable[..., Any]:
    """The function, which adds its processor time to a count."""

    def call(*args: Any) -> Any:
        start = time.process_time()
        result = function(*args)
        seconds[name] += time.process_time() - start  # type: ignore[assignment]
        return result

    return call


def main() -> None:
    """Draw, follow, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--seed", type=int, default=21)
    chosen = parser.parse_args()
    seconds: Counter[str] = Counter()
    for module, function, name in PARTS:
        setattr(module, function, timed(getattr(module, function), name, seconds))
    with tempfile.TemporaryDirectory() as folder:
        patient, out = Path(folder) / "patient", Path(folder) / "out"
        settings = PhantomSettings(chosen.seed, chosen.visits)
        write_phantom(patient, settings, Existing.REFUSE, Silent())
        start = time.process_time()
        course = lvt.track(patient, out)
        total = time.process_time() - start
    lesions = sum(len(findings.lesions) for findings in course.visits)
    without = total - sum(seconds.values())
    rows = [(name, f"{s:.2f}", f"{100 * s / without:.1f} %") for name, s in seconds.items()]
    whole = sum(seconds.values())
    rows.append(("all of it", f"{whole:.2f}", f"{100 * whole / without:.1f} %"))
    write_page(
        "doubt-cost",
        "What doubt costs in a run",
        f"python benchmarks/doubt_cost.py --visits {chosen.visits} --seed {chosen.seed}",
        __doc__.split("\n\n")[2].rsplit(" Writes", 1)[0].replace("\n", " "),
        f"{chosen.visits} visits of a small phantom, {lesions} lesions, {len(course.tracks)} "
        f"tumours: {total:.1f} s of processor time in all, {without:.1f} without doubt. At most "
        "10 % more was asked for.",
        markdown_table(("part", "seconds", "of the time without"), rows),
        "The real scans that a clinic follows are larger, and segmenting them takes longer; what "
        "doubt takes hangs on the number of lesions and visits, not on voxels.",
    )


if __name__ == "__main__":
    main()
