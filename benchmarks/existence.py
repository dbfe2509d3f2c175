"""Is a lesion that the embedded model draws one? The probability that lvt tells, against the truth.

A logistic function is fitted to phantoms, with a penalty chosen among them. It is held against
lesions and doubles drawn in real scans, none of them fitted to, and each phantom against a fit to
the others (`benchmarks/drawn_evidence.py`). No network runs here.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize

from doubt import calibration_error as error_of_shares
from lvt_track.lesions.tumor_probability import COEFFICIENTS, LesionEvidence, tumor_probability
from lvt_track.response.doubt import shares
from pages.markdown import markdown_table, write_page
from uncertainty.courses import MODEL, Chances, Rows, judge

TABLE = Path(__file__).parent / "uncertainty" / "drawn_evidence.csv"
PHANTOMS, REAL = "phantoms, each by a fit to the others", "real scans, held out"
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


class Told(NamedTuple):
    """Drawn lesions, the probability told of each, and 1 where it is a tumour."""

    lesions: Lesions
    chance: Floats
    truth: Floats


def told_by_group(groups: Mapping[str, Lesions], penalty: float) -> dict[str, Told]:
    """What is told of lesions that were not fitted to."""
    phantoms, real = groups[PHANTOMS], groups[REAL]
    chance = np.array([tumor_probability(one.evidence) for one in real])
    return {
        PHANTOMS: Told(phantoms, crossed(phantoms, penalty), _truth(phantoms)),
        REAL: Told(real, chance, _truth(real)),
    }


def _truth(lesions: Lesions) -> Floats:
    return np.array([float(one.is_tumor) for one in lesions])


def lesions_by_group() -> dict[str, Lesions]:
    """Drawn lesions, and whether they are tumours, by what they are used for."""
    groups: dict[str, Lesions] = {PHANTOMS: [], REAL: []}
    with TABLE.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            *numbers, is_there = (float(row[one.name]) for one in fields(LesionEvidence))
            evidence = LesionEvidence(*numbers, bool(is_there))
            drawn = Drawn(evidence, row["is_tumor"] == "1", int(row["number"]))
            groups[PHANTOMS if row["scan"] == "phantom" else REAL].append(drawn)
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
    truth = _truth(lesions) > 0.5

    def likelihood(penalty: float) -> float:
        chance = crossed(lesions, penalty)
        return float(np.log(np.where(truth, chance, 1 - chance)).sum())

    return max(PENALTIES, key=likelihood)


def crossed(lesions: Lesions, penalty: float) -> Floats:
    """What a fit to all other scans tells of the lesions of each scan."""
    chance = np.zeros(len(lesions))
    for scan in {one.scan for one in lesions}:
        coefficients = fitted([one for one in lesions if one.scan != scan], penalty)
        for k, one in enumerate(lesions):
            if one.scan == scan:
                terms = one.evidence.terms()
                log_odds = sum(weight * terms[name] for name, weight in coefficients.items())
                chance[k] = 1 / (1 + np.exp(-log_odds))
    return chance


def calibration_error(told: Floats, truth: Floats) -> float:
    """Mean distance of what is told and the share of tumours, over the bins."""
    return sum(abs(float((told - truth)[own].sum())) for own in _bins(told)) / len(told)


def chance_error(told: Floats) -> float:
    """Calibration error that a perfect probability would show on so many lesions, on average."""
    rng = np.random.default_rng(5)
    draws = rng.random((_SIMULATIONS, len(told))) < told
    return float(np.mean([calibration_error(told, draw.astype(float)) for draw in draws]))


def corrected_error(told: Floats, truth: Floats) -> float:
    """Root mean square distance over the bins, less what chance alone adds to its square.

    Within a bin the distance of what is told and the share of tumours has the variance of the
    mean of so many lesions (Kumar, Liang and Ma, NeurIPS 2019, section 4).
    """
    square = 0.0
    for own in _bins(told):
        if (n := np.count_nonzero(own)) > 1:
            share = float(truth[own].mean())
            gap = float(told[own].mean()) - share
            square += n / len(told) * (gap**2 - share * (1 - share) / (n - 1))
    return max(square, 0.0) ** 0.5


def area_under_curve(told: Floats, truth: Floats) -> float:
    """Share of pairs of a tumour and another in which the tumour has the higher probability."""
    pairs = told[truth > 0.5][:, None] - told[truth < 0.5][None]
    return float((pairs > 0).mean() + (pairs == 0).mean() / 2)


def _bins(told: Floats) -> list[NDArray[np.bool_]]:
    return [(told >= low) & (told < high) for low, high in pairwise(LIMITS)]


def _figures(name: str, of: Told) -> tuple[object, ...]:
    told, truth = of.chance, of.truth
    share = np.clip(told, 1e-6, 1 - 1e-6)
    likelihood = np.log(np.where(truth > 0.5, share, 1 - share)).mean()
    return (
        *(name, len(told), f"{truth.mean():.2f}", f"{told.mean():.2f}"),
        *(f"{calibration_error(told, truth):.3f}", f"{chance_error(told):.3f}"),
        f"{corrected_error(told, truth):.3f}",
        *(f"{area_under_curve(told, truth):.2f}", f"{np.mean((told - truth) ** 2):.3f}"),
        f"{-likelihood:.2f}",
    )


def _reliability(name: str, of: Told) -> list[tuple[object, ...]]:
    told, truth = of.chance, of.truth
    return [
        (
            *(name, f"{low:.1f} to {min(high, 1.0):.1f}", np.count_nonzero(own)),
            *(f"{told[own].mean():.2f}", f"{truth[own].mean():.2f}"),
        )
        for (low, high), own in zip(pairwise(LIMITS), _bins(told), strict=True)
        if own.any()
    ]


def _by_size(name: str, of: Told) -> list[tuple[object, ...]]:
    told, truth = of.chance, of.truth
    sizes = np.array([one.evidence.diameter_mm for one in of.lesions])
    rows: list[tuple[object, ...]] = []
    for low, high in pairwise(SIZES_MM):
        own = (sizes >= low) & (sizes < high)
        words = f"over {low:g} mm" if high == np.inf else f"{low:g} to {high:g} mm"
        means = (f"{values[own].mean():.2f}" if own.any() else "–" for values in (told, truth))
        rows.append((name, words, np.count_nonzero(own), *means))
    return rows


def like_held_out(groups: Sequence[Told]) -> Chances:
    """What would be told of lesions of simulated courses: as of held-out ones of like size."""
    told = np.concatenate([of.chance for of in groups])
    truth = np.concatenate([of.truth for of in groups])
    sizes = np.array([one.evidence.diameter_mm for of in groups for one in of.lesions])

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


def course_rows(groups: Sequence[Told], count: int) -> list[tuple[object, ...]]:
    """How sure categories are with numbers by size, and with what is told of each lesion."""
    rows: list[tuple[object, ...]] = []
    for name, told_of in (("by size", None), ("told of each lesion", like_held_out(groups))):
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
    lesions = lesions_by_group()
    penalty = chosen_penalty(lesions[PHANTOMS])
    if chosen.fit:
        print(penalty, fitted(lesions[PHANTOMS], penalty))
        return
    groups = told_by_group(lesions, penalty)
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
        "what is drawn is no tumour. Real scans: three portal venous ones, none of them fitted to; "
        "the rules of their lesions and doubles are also those of half of the phantoms' ones.",
        markdown_table(HEADER, [_figures(*group) for group in groups.items()]),
        f"Asked for was a calibration error of {ASKED:g} and less, on bins as below. By chance "
        "alone a perfect probability would have the error of the next column on so few lesions. "
        "Less chance: the root mean square over the bins, after what chance adds to its square is "
        "taken away (Kumar, Liang and Ma 2019).",
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
        markdown_table(COURSES_HEADER, course_rows(list(groups.values()), chosen.courses)),
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
        "less chance",
    ),
    *("area under the curve", "Brier score", "negative log likelihood"),
)
COURSES_HEADER = (
    *("new lesions drawn once exist", "visits", "expected calibration error of shares"),
    *("Brier score", "right among shares of .9 and more"),
)


if __name__ == "__main__":
    main()
