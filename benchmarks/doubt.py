"""Is the doubt to be believed? Categories, intervals and viable tumour against the truth.

No network runs here: a model's errors are simulated as they were on phantoms, where the embedded
model ran once (`benchmarks/drawn_lesions.py`). Which lesion is which is given.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from lvt_track.agreement.coefficients import weighted_kappa
from lvt_track.response.doubt import shares
from pages.markdown import markdown_table, write_page
from uncertainty.courses import CAUSES, MODEL, READER, SIZES, Judged, categories, judge
from uncertainty.sizes import (
    DRAWN_HEADER,
    READ_HEADER,
    drawn_rows,
    read_mask_rows,
    simulated_reader_rows,
)
from uncertainty.viability import HEADER as VIABILITY_HEADER
from uncertainty.viability import judged_lesions, summary

ORDER = ("CR", "PR", "SD", "PD")
ASKED = (
    "Asked for were κ of .90 and more, 90 % right among shares of .9 and more, a calibration error "
    "of .05 and less, 93 to 97 % of the intervals holding the true size, and viable axes within 2 "
    "mm. κ hangs on the errors themselves: no share of doubt moves it."
)
READ_MASKS = 1500
"""As few as 30 in a row of the table would leave 5 % to chance."""
FIRST_HELD_OUT = 9004
"""Patients of `drawn_lesions.csv` before this one were fitted to."""


def main() -> None:
    """Write `docs/results/doubt.md`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--courses", type=int, default=200)
    parser.add_argument("--lesions", type=int, default=100)
    parser.add_argument("--draws", type=int, default=300)
    args = parser.parse_args()
    shares.DRAWS = args.draws
    started = time.process_time()
    courses, reliability = course_tables(args.courses)
    viability = summary(list(judged_lesions(range(args.lesions))))
    sizes = [*read_mask_rows(READ_MASKS), *simulated_reader_rows(20 * args.lesions)]
    drawn = list(drawn_rows(lambda seed: seed >= FIRST_HELD_OUT))
    seconds = time.process_time() - started
    write_page(
        "doubt",
        "How sure categories and sizes are, against the truth",
        f"python benchmarks/doubt.py --courses {args.courses} --lesions {args.lesions} "
        f"--draws {args.draws}",
        __doc__.split("\n\n", 1)[1].strip() + f" {seconds:.0f} seconds of one core in all.",
        "## Categories",
        "Ellipsoids that grow, shrink, vanish and appear over four visits, judged by "
        "RECIST 1.1 as a reader or a model would have them; the truth is judged by the same rules. "
        "The numbers of the model of doubt were chosen on other courses (seeds from 1000). A "
        "model's simulated errors: `benchmarks/uncertainty/courses.py`.",
        markdown_table(COURSE_HEADER, courses),
        "κ with linear weights over CR, PR, SD and PD, visits with another category left out. The "
        "calibration error is the mean distance of share and rate, by the bins below. No link was "
        "doubtful.",
        ASKED,
        "What a model's κ would be without one kind of its errors, all else alike:",
        markdown_table(("without", "right", "weighted κ"), limit_rows(args.courses)),
        markdown_table(("errors", "share", "visits", "mean share", "right"), reliability),
        "## 95 % intervals of sizes",
        "How many hold the true size. Readers' masks: ellipsoids as a "
        "reader might draw them, larger or smaller all around and here and there, so that long "
        "axes err as those of readers do, in slices of 1 to 5 mm. Readers' tables: "
        "`phantom.course.radiologist`, in whole millimetres.",
        markdown_table(READ_HEADER, sizes),
        "The embedded model's masks, in phantoms drawn whole and segmented whole "
        "(`benchmarks/uncertainty/drawn_lesions.csv`); by patients, since of some the model does "
        "not see the rims of all lesions.",
        markdown_table(DRAWN_HEADER, drawn),
        "## Viable tumour",
        "Lesions with a known part that enhances, in a liver with three phases a "
        "breath apart (about 3 mm), slices of 1 to 5 mm, the tumour's outline given. Called dead "
        "is what has a viable long axis of 0.",
        markdown_table(VIABILITY_HEADER, viability),
    )


COURSE_HEADER = (
    *("errors", "courses", "visits", "right", "weighted κ", "expected calibration error"),
    *("visits with a share of .9 and more", "of those right", "seconds of CPU a course"),
)


def course_tables(count: int) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """Figures and reliability of both settings."""
    results: list[tuple[object, ...]] = []
    reliability: list[tuple[object, ...]] = []
    for setting in (READER, MODEL):
        started = time.process_time()
        found = [one for seed in range(count) for one in judge(seed, setting)]
        seconds = (time.process_time() - started) / count
        sure = [one for one in found if one.share >= 0.9]
        results.append(
            (
                *(setting, count, len(found), _right(found)),
                *(f"{kappa(found):.2f}", f"{calibration_error(found):.3f}"),
                *(len(sure), _right(sure), f"{seconds:.1f}"),
            )
        )
        reliability += [(setting, *row) for row in bins(found)]
    return results, reliability


def limit_rows(count: int) -> list[tuple[str, str, str]]:
    """How right a model's categories are without each kind of its errors."""
    settings = [(), *((cause,) for cause in CAUSES)]
    settings.append(tuple(cause for cause in CAUSES if cause != SIZES))
    rows = []
    for without in settings:
        pairs = [pair for seed in range(count) for pair in categories(seed, without)]
        right = np.mean([told == true for told, true in pairs])
        name = "nothing" if not without else " and ".join(without)
        if len(without) > 1:
            name = "all but " + SIZES
        rows.append((name, f"{100 * right:.1f} %", f"{_weighted(pairs):.2f}"))
    return rows


def _right(found: Sequence[Judged]) -> str:
    right = sum(one.told == one.truth for one in found)
    return f"{100 * right / len(found):.1f} % ({right} of {len(found)})" if found else "–"


def kappa(found: Sequence[Judged]) -> float:
    """Cohen's κ with linear weights over CR, PR, SD and PD."""
    return _weighted([(one.told, one.truth) for one in found])


def _weighted(pairs: Sequence[tuple[str, str]]) -> float:
    told, truth = zip(*(pair for pair in pairs if set(pair) <= set(ORDER)), strict=True)
    return weighted_kappa(told, truth, ORDER)


def _grouped(found: Sequence[Judged]) -> list[tuple[float, float, list[Judged]]]:
    limits = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0001)
    groups = [(a, b, [one for one in found if a <= one.share < b]) for a, b in pairwise(limits)]
    return [group for group in groups if group[2]]


def calibration_error(found: Sequence[Judged]) -> float:
    """Mean distance of the share that is told and the rate of what is right, over the bins."""
    gaps = [
        abs(sum(one.share - (one.told == one.truth) for one in own))
        for _, _, own in _grouped(found)
    ]
    return sum(gaps) / len(found)


def bins(found: Sequence[Judged]) -> list[tuple[object, ...]]:
    """Share told and rate right, by the share."""
    return [
        (
            f"{low:.2f} to {min(high, 1.0):.2f}",
            len(own),
            f"{np.mean([one.share for one in own]):.3f}",
            f"{np.mean([one.told == one.truth for one in own]):.3f}",
        )
        for low, high, own in _grouped(found)
    ]


if __name__ == "__main__":
    main()
