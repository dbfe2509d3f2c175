"""Is a lesion that the embedded model draws one? The probability that lvt tells, against the truth.

A logistic function is fitted to phantoms, with a penalty chosen among them, and held against other
phantoms and against lesions and doubles drawn in real scans (`benchmarks/drawn_evidence.py`). No
network runs here.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Sequence
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from doubt import calibration_error as error_of_shares
from doubt_courses import MODEL, Chances, Rows, judge
from numpy.typing import NDArray
from scipy import optimize
from table import markdown_table, write_page

from lvt_track.lesions.tumor_probability import COEFFICIENTS, LesionEvidence, tumor_probability
from lvt_track.response.doubt import shares

TABLE = Path(__file__).with_name("drawn_evidence.csv")
FIRST_HELD_OUT = 7200
"""Phantoms before this one are fitted to."""

LEARNED, OTHERS, REAL = "phantoms, fitted to", "phantoms, held out", "real scans, held out"
ASKED = 0.03
LIMITS = (0.0, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0001)
SIZES_MM = (0.0, 10.0, 15.0, np.inf)
PENALTIES = (0.3, 1.0, 3.0, 10.0, 30.0)
_SIMULATIONS = 2000
# Of so many held-out lesions nearest in size one is drawn.
_LIKE = 8
_DRAWS = 300

Floats = NDArray[np.float64]


class Drawn(NamedTuple):
    """A drawn lesion, whether it is a tumour, and the number of its scan."""

    evidence: LesionEvidence
    is_tumor: bool
    scan: int


Lesions = list[Drawn]


def lesions_by_group() -> dict[str, Lesions]:
    """Drawn lesions, and whether they are tumours, by what they are used for."""
    groups: dict[str, Lesions] = {LEARNED: [], OTHERS: [], REAL: []}
    with TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            *numbers, is_lookalike = (float(row[one.name]) for one in fields(LesionEvidence))
            evidence = LesionEvidence(*numbers, bool(is_lookalike))
            drawn = Drawn(evidence, row["is_tumor"] == "1", int(row["number"]))
            name = REAL
            if row["scan"] == "phantom":
                name = LEARNED if drawn.scan < FIRST_HELD_OUT else OTHERS
            groups[name].append(drawn)
    return groups


def fitted(lesions: Lesions, penalty: float) -> dict[str, float]:
    """Coefficients that make the truth likeliest, less a penalty on those but the constant.

    The penalty is on squares of coefficients of terms with a spread of one.
    """
    terms = [evidence.terms() for evidence, _, _ in lesions]
    names = list(terms[0])
    x = np.array([[one[name] for name in names] for one in terms])
    sign = np.array([1.0 if is_tumor else -1.0 for _, is_tumor, _ in lesions])
    spread = np.array([max(float(x[:, k].std()), 1e-9) if k else 1.0 for k in range(len(names))])
    middle = np.array([float(x[:, k].mean()) if k else 0.0 for k in range(len(names))])
    scaled = (x - middle) / spread

    def loss(weights: Floats) -> float:
        return float(
            np.logaddexp(0.0, -sign * (scaled @ weights)).sum()
            + penalty / 2 * (weights[1:] ** 2).sum()
        )

    weights = optimize.minimize(loss, np.zeros(len(names)), method="BFGS").x / spread
    weights[0] -= float(weights[1:] @ middle[1:])
    return {name: round(float(weight), 3) for name, weight in zip(names, weights, strict=True)}


def chosen_penalty(lesions: Lesions) -> float:
    """The penalty that makes each scan likeliest by a fit to all the others."""

    def likelihood(penalty: float) -> float:
        total = 0.0
        for scan in sorted({one.scan for one in lesions}):
            coefficients = fitted([one for one in lesions if one.scan != scan], penalty)
            for evidence, is_tumor, _ in (one for one in lesions if one.scan == scan):
                terms = evidence.terms()
                log_odds = sum(weight * terms[name] for name, weight in coefficients.items())
                total -= float(np.logaddexp(0.0, -log_odds if is_tumor else log_odds))
        return total

    return max(PENALTIES, key=likelihood)


def calibration_error(told: Floats, truth: Floats) -> float:
    """Mean distance of what is told and the share of tumours, over the bins."""
    return sum(abs(float((told - truth)[own].sum())) for own in _bins(told)) / len(told)


def chance_error(told: Floats) -> float:
    """Calibration error that a perfect probability would show on so many lesions, on average."""
    rng = np.random.default_rng(5)
    draws = rng.random((_SIMULATIONS, len(told))) < told
    return float(np.mean([calibration_error(told, draw.astype(float)) for draw in draws]))


def area_under_curve(told: Floats, truth: Floats) -> float:
    """Share of pairs of a tumour and another in which the tumour has the higher probability."""
    pairs = told[truth > 0.5][:, None] - told[truth < 0.5][None]
    return float((pairs > 0).mean() + (pairs == 0).mean() / 2)


def _bins(told: Floats) -> list[NDArray[np.bool_]]:
    return [(told >= low) & (told < high) for low, high in pairwise(LIMITS)]


def _figures(name: str, lesions: Lesions) -> tuple[object, ...]:
    told, truth = _arrays(lesions)
    share = np.clip(told, 1e-6, 1 - 1e-6)
    likelihood = np.log(np.where(truth > 0.5, share, 1 - share)).mean()
    return (
        *(name, len(told), f"{truth.mean():.2f}", f"{told.mean():.2f}"),
        *(f"{calibration_error(told, truth):.3f}", f"{chance_error(told):.3f}"),
        *(f"{area_under_curve(told, truth):.2f}", f"{np.mean((told - truth) ** 2):.3f}"),
        f"{-likelihood:.2f}",
    )


def _arrays(lesions: Lesions) -> tuple[Floats, Floats]:
    told = np.array([tumor_probability(evidence) for evidence, _, _ in lesions])
    return told, np.array([float(is_tumor) for _, is_tumor, _ in lesions])


def _reliability(name: str, lesions: Lesions) -> list[tuple[object, ...]]:
    told, truth = _arrays(lesions)
    return [
        (
            *(name, f"{low:.1f} to {min(high, 1.0):.1f}", np.count_nonzero(own)),
            *(f"{told[own].mean():.2f}", f"{truth[own].mean():.2f}"),
        )
        for (low, high), own in zip(pairwise(LIMITS), _bins(told), strict=True)
        if own.any()
    ]


def _by_size(name: str, lesions: Lesions) -> list[tuple[object, ...]]:
    told, truth = _arrays(lesions)
    sizes = np.array([evidence.diameter_mm for evidence, _, _ in lesions])
    rows: list[tuple[object, ...]] = []
    for low, high in pairwise(SIZES_MM):
        own = (sizes >= low) & (sizes < high)
        words = f"over {low:g} mm" if high == np.inf else f"{low:g} to {high:g} mm"
        means = (f"{values[own].mean():.2f}" if own.any() else "–" for values in (told, truth))
        rows.append((name, words, np.count_nonzero(own), *means))
    return rows


def like_held_out(lesions: Lesions) -> Chances:
    """What would be told of lesions of simulated courses: as of held-out ones of like size.

    Args:
        lesions: held-out ones.
    """
    told, truth = _arrays(lesions)
    sizes = np.array([evidence.diameter_mm for evidence, _, _ in lesions])

    def chances(rows: Rows, true_rows: Rows, rng: np.random.Generator) -> dict[str, float]:
        names = {row.lesion for row in true_rows}
        largest: dict[str, float] = {}
        for row in rows:
            largest[row.lesion] = max(largest.get(row.lesion, 1.0), row.long_axis_mm or 1.0)
        probability = {}
        for name, size_mm in largest.items():
            own = truth == (name in names)
            like = np.argsort(np.abs(np.log(sizes[own] / size_mm)))[:_LIKE]
            probability[name] = float(rng.choice(told[own][like]))
        return probability

    return chances


def course_rows(lesions: Lesions, count: int) -> list[tuple[object, ...]]:
    """How sure categories are with numbers by size, and with what is told of each lesion."""
    rows: list[tuple[object, ...]] = []
    for name, told_of in (("by size", None), ("told of each lesion", like_held_out(lesions))):
        found = [one for seed in range(count) for one in judge(seed, MODEL, told_of)]
        is_right = np.array([one.told == one.truth for one in found])
        share = np.array([one.share for one in found])
        brier = np.mean((share - is_right) ** 2)
        sure = is_right[share >= 0.9].mean()
        rows.append(
            (name, len(found), f"{error_of_shares(found):.3f}", f"{brier:.4f}", f"{sure:.3f}")
        )
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Print coefficients fitted anew, or write `docs/results/existence.md`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fit", action="store_true", help="print the coefficients, write no page")
    parser.add_argument("--courses", type=int, default=200)
    chosen = parser.parse_args(arguments)
    shares.DRAWS = _DRAWS
    groups = lesions_by_group()
    if chosen.fit:
        penalty = chosen_penalty(groups[LEARNED])
        print(penalty, fitted(groups[LEARNED], penalty))
        return
    held_out = groups[OTHERS] + groups[REAL]
    write_page(
        "existence",
        "How likely a drawn lesion is a tumour, against the truth",
        "python benchmarks/existence.py",
        __doc__.split("\n\n", 1)[1].strip(),
        "It is `tumor_probability` of `lesions.csv`, "
        "[made so](../use/numbers.md#how-likely-a-lesion-is-one). "
        "A phantom holds some 14 tumours and as many doubles (cysts, focal fat, perfusion changes, "
        "forks of vessels, veins without contrast, necks of gall bladders, domes cut by thick "
        "slices): far more of them than a patient, so that the probabilities hold where a third of "
        "what is drawn is no tumour. Real scans: three portal venous ones, four draws each, none "
        "fitted to them; the rules of their lesions and doubles are also those of half of the "
        "phantoms' ones.",
        markdown_table(HEADER, [_figures(*group) for group in groups.items()]),
        f"Asked for was a calibration error of {ASKED:g} and less. That is not reached, nor could "
        "so few lesions show it: by chance alone a perfect probability would have the error of the "
        "next column on them.",
        markdown_table(
            ("lesions", "told", "how many", "mean told", "tumours"),
            [row for group in groups.items() for row in _reliability(*group)],
        ),
        "By size (the ball of the volume):",
        markdown_table(
            ("lesions", "diameter", "how many", "mean told", "tumours"),
            [row for group in groups.items() for row in _by_size(*group)],
        ),
        "What it does to the categories of simulated courses ([as there](doubt.md)): a lesion that "
        "a model drew once exists as often as numbers by size say, or as is told of a held-out "
        "lesion of like size and the same truth.",
        markdown_table(COURSES_HEADER, course_rows(held_out, chosen.courses)),
        "The coefficients, in logarithms of odds:",
        markdown_table(("term", "coefficient"), list(COEFFICIENTS.items())),
    )


HEADER = (
    *(
        "lesions",
        "how many",
        "tumours",
        "mean told",
        "expected calibration error",
        "by chance alone",
    ),
    *("area under the curve", "Brier score", "negative log likelihood"),
)
COURSES_HEADER = (
    *("new lesions drawn once exist", "visits", "expected calibration error of shares"),
    *("Brier score", "right among shares of .9 and more"),
)


if __name__ == "__main__":
    main()
