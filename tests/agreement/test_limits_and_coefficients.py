"""Statistics against published worked examples, and against readers whose errors are known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvt_track.agreement.coefficients import (
    Estimate,
    concordance,
    icc_agreement,
    icc_consistency,
    trend_agreement,
    weighted_kappa,
)
from lvt_track.agreement.limits import agree, agree_on_categories, limits

# Bland and Altman, Lancet 1986;1:307-310: peak flow (l/min), first readings of both meters.
WRIGHT = [494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427]
MINI = [512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451]

# Shrout and Fleiss, Psychol Bull 1979;86:420-428, table 2: 6 subjects, 4 judges.
JUDGES = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]

# Altman, Practical Statistics for Medical Research, 1991, p. 404: 85 xeromammograms, 2 readers.
MAMMOGRAMS = [[21, 12, 0, 0], [4, 17, 1, 0], [3, 9, 15, 2], [0, 0, 0, 1]]


def inside(truth: float, estimate: Estimate) -> bool:
    return estimate.low <= truth <= estimate.high


def test_bland_and_altman_1986() -> None:
    found = limits(np.subtract(WRIGHT, MINI))
    assert found.bias.value == pytest.approx(-2.1, abs=0.05)
    assert found.sd == pytest.approx(38.8, abs=0.05)
    assert (found.bias.low, found.bias.high) == pytest.approx((-22.0, 17.8), abs=0.1)
    # The paper takes 2 standard deviations for 1.96: -79.7 and 75.5.
    two_sd = 2 / 1.96 * np.array([found.lower.value + 2.12, found.upper.value + 2.12]) - 2.12
    assert two_sd == pytest.approx([-79.7, 75.5], abs=0.2)
    # Its intervals of the limits are 69.2 wide, by an approximation; exact ones are a little wider.
    assert found.lower.high - found.lower.low == pytest.approx(69.2, rel=0.03)
    assert found.upper.high - found.upper.low == pytest.approx(69.2, rel=0.03)


def test_shrout_and_fleiss_1979() -> None:
    agreement, consistency = icc_agreement(JUDGES), icc_consistency(JUDGES)
    assert agreement.value == pytest.approx(0.29, abs=0.005)
    assert consistency.value == pytest.approx(0.71, abs=0.005)
    # Intervals as R's psych::ICC gives them for these data.
    assert (agreement.low, agreement.high) == pytest.approx((0.019, 0.761), abs=0.0006)
    assert (consistency.low, consistency.high) == pytest.approx((0.342, 0.946), abs=0.0006)


def delta_variance_of_z(correlation: float, scale: float, shift: float) -> float:
    """n times the variance of Lin's z by the delta method, from the normal moments alone."""
    one, two, both = 1.0, scale**2, correlation * scale

    def z(moments: np.ndarray) -> float:
        mean_a, mean_b, var_a, var_b, covariance = moments
        return float(np.arctanh(2 * covariance / (var_a + var_b + (mean_a - mean_b) ** 2)))

    at = np.array([shift, 0.0, one, two, both])
    steps = 1e-5 * np.eye(5)
    slope = np.array([(z(at + step) - z(at - step)) / 2e-5 for step in steps])
    of_moments = np.zeros((5, 5))
    of_moments[:2, :2] = [[one, both], [both, two]]
    # Isserlis: cov(s_ij, s_kl) = s_ik s_jl + s_il s_jk.
    of_moments[2:, 2:] = [
        [2 * one**2, 2 * both**2, 2 * one * both],
        [2 * both**2, 2 * two**2, 2 * two * both],
        [2 * one * both, 2 * two * both, one * two + both**2],
    ]
    return float(slope @ of_moments @ slope)


@pytest.mark.parametrize("correlation", [0.3, 0.8, 0.97, -0.5])
@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (1.3, 0.4), (0.6, -1.5)])
def test_lin_2000_variance_by_the_delta_method(
    correlation: float, scale: float, shift: float
) -> None:
    """Data with exactly these moments have the interval that the moments' variances imply."""
    a = np.array([1.0, -1.0, 1.0, -1.0])
    b = correlation * a + np.sqrt(1 - correlation**2) * np.array([1.0, 1.0, -1.0, -1.0])
    pairs = np.tile(np.stack([a + shift, scale * b], axis=1), (10, 1))
    found = concordance(pairs)
    half = (np.arctanh(found.high) - np.arctanh(found.low)) / 2
    variance = delta_variance_of_z(correlation, scale, shift) / (len(pairs) - 2)
    assert half == pytest.approx(1.959964 * np.sqrt(variance), rel=1e-4)


def test_lin_1989_by_its_definition() -> None:
    """Precision times accuracy, on the peak flows; R's DescTools::CCC gives 0.943 for them."""
    a, b = np.array(WRIGHT, float), np.array(MINI, float)
    scale, shift = a.std() / b.std(), (a.mean() - b.mean()) / np.sqrt(a.std() * b.std())
    accuracy = 2 / (scale + 1 / scale + shift**2)
    found = concordance(np.stack([a, b], axis=1))
    assert found.value == pytest.approx(np.corrcoef(a, b)[0, 1] * accuracy)
    assert found.value == pytest.approx(0.943, abs=0.0005)
    assert found.low < found.value < found.high < 1


def mammograms() -> tuple[list[str], list[str], list[str]]:
    """Both readers' categories, and their order."""
    names = ["normal", "benign", "suspect", "cancer"]
    pairs = [
        (names[i], names[j])
        for i, row in enumerate(MAMMOGRAMS)
        for j, count in enumerate(row)
        for _ in range(count)
    ]
    return [a for a, _ in pairs], [b for _, b in pairs], names


def test_altman_1991_weighted_kappa() -> None:
    """Stata's manual gives 0.4728, 0.5684 and 0.6714 for none, linear and quadratic weights."""
    first, second, names = mammograms()
    assert weighted_kappa(first, second, names, 1) == pytest.approx(0.5684, abs=5e-5)
    assert weighted_kappa(first, second, names, 2) == pytest.approx(0.6714, abs=5e-5)
    assert weighted_kappa(first, first, names) == pytest.approx(1)
    assert np.isnan(weighted_kappa(["benign"], ["benign"], names))


def test_interval_of_kappa_beside_the_formula_for_large_samples() -> None:
    """Fleiss, Cohen and Everitt, Psychol Bull 1969;72:323-327."""
    first, second, names = mammograms()
    found = agree_on_categories(first, second, names)
    p = np.array(MAMMOGRAMS) / np.sum(MAMMOGRAMS)
    i, j = np.indices(p.shape)
    weight = 1 - np.abs(i - j) / 3
    rows, columns = p.sum(axis=1), p.sum(axis=0)
    expected = (weight * np.outer(rows, columns)).sum()
    means = (weight @ columns)[:, None] + (rows @ weight)[None]
    inner = (p * (weight - means * (1 - found.value)) ** 2).sum()
    variance = inner - (found.value - expected * (1 - found.value)) ** 2
    error = np.sqrt(variance / np.sum(MAMMOGRAMS)) / (1 - expected)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_kappa_of_few_patients_has_no_interval() -> None:
    first, second = ["CR", "PR", "SD", "PD"] * 4, ["CR", "PR", "PD", "PD"] * 4
    order = ["CR", "PR", "SD", "PD"]
    few = agree_on_categories(first, second, order, [k // 4 for k in range(16)])
    many = agree_on_categories(first, second, order, [k // 2 for k in range(16)])
    assert few.value == many.value == weighted_kappa(first, second, order)
    assert np.isnan(few.low)
    assert many.low <= many.value <= many.high <= 1


def test_kappa_without_weights_for_two_categories() -> None:
    """Two categories leave nothing to weigh: kappa = (po - pe) / (1 - pe)."""
    first = ["a"] * 25 + ["b"] * 25
    second = ["a"] * 20 + ["b"] * 5 + ["a"] * 10 + ["b"] * 15
    assert weighted_kappa(first, second, ["a", "b"]) == pytest.approx(0.4)


def simulated(
    rng: np.random.Generator, bias_mm: float, sd_mm: float, pairs: int
) -> tuple[np.ndarray, np.ndarray]:
    truth = rng.uniform(10, 60, pairs)
    return truth + bias_mm + rng.normal(0, sd_mm, pairs), truth


def test_known_bias_and_spread_are_recovered_in_95_percent_of_200_repeats() -> None:
    rng = np.random.default_rng(1)
    bias_mm, sd_mm = 1.3, 2.5
    truths = {
        "bias": bias_mm,
        "lower": bias_mm - 1.96 * sd_mm,
        "upper": bias_mm + 1.96 * sd_mm,
    }
    hits = dict.fromkeys(truths, 0)
    for _ in range(200):
        a, b = simulated(rng, bias_mm, sd_mm, 40)
        found = limits(a - b)
        for name, truth in truths.items():
            hits[name] += inside(truth, getattr(found, name))
    # 95 % of 200 give or take two standard errors of a proportion.
    assert all(0.92 <= count / 200 <= 0.985 for count in hits.values()), hits


def test_intervals_of_the_limits_are_exact_for_few_pairs() -> None:
    rng = np.random.default_rng(6)
    hits = 0
    for _ in range(400):
        found = limits(rng.normal(1.0, 2.0, 6))
        hits += inside(1.0 + 1.959964 * 2.0, found.upper)
    assert 0.925 <= hits / 400 <= 0.975


def test_known_reliability_is_recovered_in_95_percent_of_200_repeats() -> None:
    rng = np.random.default_rng(2)
    between, error = 10.0, 4.0
    reliability = between**2 / (between**2 + error**2)
    hits = {"icc": 0, "ccc": 0}
    for _ in range(200):
        truth = rng.normal(40, between, 30)
        pairs = truth[:, None] + rng.normal(0, error, (30, 2))
        hits["icc"] += inside(reliability, icc_consistency(pairs))
        hits["ccc"] += inside(reliability, concordance(pairs))
    assert all(0.91 <= count / 200 <= 0.99 for count in hits.values()), hits


def test_several_lesions_of_a_patient_are_no_independent_evidence() -> None:
    """Patients differ in bias: intervals that ignore it cover far too seldom, ours nearly."""
    rng = np.random.default_rng(3)
    naive = clustered = limit = 0
    repeats = 100
    patients = np.repeat(np.arange(25), 6)
    for _ in range(repeats):
        of_patient = rng.normal(0, 3, 25)
        differences = 1.0 + of_patient[patients] + rng.normal(0, 1, len(patients))
        naive += inside(1.0, limits(differences).bias)
        found = limits(differences, list(patients))
        clustered += inside(1.0, found.bias)
        assert found.sd == pytest.approx(np.sqrt(10), rel=0.6)
        limit += inside(1.0 + 1.96 * np.sqrt(10), found.upper)
    assert naive / repeats < 0.8
    assert clustered / repeats >= 0.88
    assert limit / repeats >= 0.88


def test_agreement_brings_all_together() -> None:
    a, b = simulated(np.random.default_rng(4), -2.0, 1.5, 30)
    found = agree(a, b)
    assert (found.pairs, found.clusters) == (30, 30)
    assert found.mean_absolute_error == pytest.approx(np.abs(a - b).mean())
    assert found.difference.bias.value == pytest.approx((a - b).mean())
    assert found.difference_percent.bias.value == pytest.approx((200 * (a - b) / (a + b)).mean())
    assert found.icc_consistency.value > found.icc_agreement.value > 0.9
    assert found.pearson.value >= found.concordance.value
    grouped = agree(a, b, [k // 3 for k in range(30)])
    assert grouped.clusters == 10
    assert grouped.icc_agreement.value == pytest.approx(found.icc_agreement.value)
    assert grouped.icc_agreement.low < grouped.icc_agreement.value


@given(st.lists(st.tuples(st.floats(5, 90), st.floats(5, 90)), min_size=5, max_size=20))
@settings(deadline=None, max_examples=50)
def test_limits_follow_units_and_direction(pairs: list[tuple[float, float]]) -> None:
    a, b = np.array(pairs).T
    plain, turned, scaled = limits(a - b), limits(b - a), limits(10 * (a - b))
    assert turned.bias.value == pytest.approx(-plain.bias.value)
    assert turned.upper.value == pytest.approx(-plain.lower.value)
    assert scaled.upper.high == pytest.approx(10 * plain.upper.high)


def test_sizes_that_differ_in_a_digit_that_does_not_count_agree() -> None:
    pairs = np.array([[30.0, 30.0], [20.0, 20.0], [12.0, 12.0]])
    pairs[:, 1] += [1e-7, -1e-7, 2e-7]
    assert icc_agreement(pairs) == Estimate(1.0, 1.0, 1.0)


def test_perfect_agreement() -> None:
    values = [10.0, 20.0, 30.0, 45.0, 52.0]
    found = agree(values, values)
    assert found.mean_absolute_error == 0
    assert found.icc_agreement.value == pytest.approx(1)
    assert found.concordance.value == pytest.approx(1)
    assert (found.difference.lower.low, found.difference.upper.high) == (0, 0)


def test_trends() -> None:
    assert trend_agreement([3, -2, 0.4, 5], [1, 2, -0.3, 9]) == (2, 4)
    assert trend_agreement([3, -2, 0.4, 5], [1, 2, -0.3, 9], unchanged=0.5) == (3, 4)
    assert trend_agreement([], []) == (0, 0)


@pytest.mark.parametrize(
    ("a", "b", "what"),
    [
        ([1, 2], [1, 2], "at least 3"),
        ([1, 2, 3], [1, 2], "one shape"),
        ([1, 2, 0], [1, 2, 3], "above zero"),
        ([1, 2, float("nan")], [1, 2, 3], "finite"),
    ],
)
def test_impossible_requests_are_refused(a: list[float], b: list[float], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        agree(a, b)
    with pytest.raises(ValueError, match="pairs"):
        weighted_kappa(["CR"], [], ["CR", "PR"])


def test_one_cluster_gives_values_without_intervals() -> None:
    found = agree([10, 20, 31], [11, 19, 30], ["P", "P", "P"])
    assert found.difference.bias.value == pytest.approx(1 / 3)
    assert np.isnan(found.difference.bias.low)
    assert np.isnan(found.icc_agreement.high)
