"""Whether the intervals of agreement hold what they should: readers of known bias and spread.

Usage: python benchmarks/agreement.py
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lvt_track.agreement.coefficients import Estimate
from lvt_track.agreement.limits import Agreement, agree
from pages.markdown import markdown_table, write_page

REPEATS = 200
BIAS_MM = 1.0
OTHER_READER_MM = 1.0
BETWEEN_MM, VISITS_MM = 10.0, 4.0
MEAN_MM = 60.0
NORMAL_95 = 1.959964


@dataclass(frozen=True)
class Design:
    """Readings of lesions.

    Attributes:
        lesions, visits: how many lesions, each at so many visits.
        lasting_mm, daily_mm: spread of our error, of a lesion at all visits and of each reading.
    """

    lesions: int
    visits: int
    lasting_mm: float
    daily_mm: float

    def name(self) -> str:
        """As it stands in the table."""
        if self.visits == 1:
            return f"{self.lesions} lesions once"
        return f"{self.lesions} lesions at {self.visits} visits"


DESIGNS = (
    Design(5, 1, 0.0, 2.0),
    Design(10, 1, 0.0, 2.0),
    Design(40, 1, 0.0, 2.0),
    Design(5, 4, 1.5, 1.5),
    Design(12, 4, 1.5, 1.5),
    Design(40, 4, 1.5, 1.5),
)


def read(design: Design, rng: np.random.Generator) -> Agreement:
    """One comparison of two readers."""

    def normal(sd_mm: float, count: int = design.lesions * design.visits) -> NDArray[np.float64]:
        return rng.normal(0.0, sd_mm, count)

    lesion = np.repeat(np.arange(design.lesions), design.visits)
    of_lesions = normal(BETWEEN_MM, design.lesions)[lesion]
    truth = MEAN_MM + of_lesions + (normal(VISITS_MM) if design.visits > 1 else 0.0)
    reference = truth + normal(OTHER_READER_MM)
    lasting = normal(design.lasting_mm, design.lesions)[lesion]
    measured = truth + BIAS_MM + lasting + normal(design.daily_mm)
    return agree(measured, reference, lesion.tolist())


def truths(design: Design) -> dict[str, float]:
    """What the statistics estimate."""
    sizes = BETWEEN_MM**2 + (VISITS_MM**2 if design.visits > 1 else 0.0)
    own = sizes + design.lasting_mm**2 + design.daily_mm**2
    other = sizes + OTHER_READER_MM**2
    spread_mm = np.sqrt(own + other - 2 * sizes)
    return {
        "bias": BIAS_MM,
        "lower limit": BIAS_MM - NORMAL_95 * spread_mm,
        "upper limit": BIAS_MM + NORMAL_95 * spread_mm,
        "ICC(A,1)": 2 * sizes / (own + other + BIAS_MM**2),
        "ICC(C,1)": 2 * sizes / (own + other),
        "CCC": 2 * sizes / (own + other + BIAS_MM**2),
        "Pearson": sizes / np.sqrt(own * other),
    }


def estimates(found: Agreement) -> dict[str, Estimate]:
    """The statistics by the names of `truths`."""
    return {
        "bias": found.difference.bias,
        "lower limit": found.difference.lower,
        "upper limit": found.difference.upper,
        "ICC(A,1)": found.icc_agreement,
        "ICC(C,1)": found.icc_consistency,
        "CCC": found.concordance,
        "Pearson": found.pearson,
    }


def coverage(design: Design, rng: np.random.Generator) -> list[str]:
    """Share of the repeats whose interval holds the truth, per statistic."""
    wanted = truths(design)
    hits = dict.fromkeys(wanted, 0)
    for _ in range(REPEATS):
        for name, estimate in estimates(read(design, rng)).items():
            hits[name] += estimate.low <= wanted[name] <= estimate.high
    return [f"{100 * count / REPEATS:.1f}" for count in hits.values()]


def main() -> None:
    """Simulate every design and write the page."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    rng = np.random.default_rng(20240115)
    rows = [[design.name(), *coverage(design, rng)] for design in DESIGNS]
    write_page(
        "agreement",
        "Agreement: how often the intervals hold the truth",
        "python benchmarks/agreement.py",
        f"{REPEATS} comparisons of two simulated readers for each line. Sizes are normal, "
        f"{MEAN_MM:g} mm with a spread of {BETWEEN_MM:g} mm between lesions and {VISITS_MM:g} mm "
        f"between visits; the other reader errs by {OTHER_READER_MM:g} mm, ours is {BIAS_MM:g} mm "
        "too long and errs by 2 mm, or by 1.5 mm per lesion and 1.5 mm per reading. Given is the "
        "share of the 95 % intervals that hold the true value, in percent. With 200 repeats, an "
        "interval that is right stays between 92 and 98 in 95 of 100 such cells.",
        markdown_table(["readings", *truths(DESIGNS[0])], rows),
    )


if __name__ == "__main__":
    main()
