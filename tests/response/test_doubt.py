"""How sure a category is: shares that can be worked out by hand, and what must not matter."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import replace
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lvt_track.core.lesion.size_error import DRAWN, READ
from lvt_track.core.response.assessment import Assessment, Role, Status
from lvt_track.core.response.response import Response
from lvt_track.response.criteria.catalogue import CRITERIA
from lvt_track.response.criteria.recist import RECIST_1_1
from lvt_track.response.doubt import shares
from lvt_track.response.doubt.choices import MOST_CHOICES, admissible_choices
from lvt_track.response.doubt.doubts import DoubtfulLink, Doubts, existence
from lvt_track.response.doubt.draws import Sampler
from lvt_track.response.doubt.shares import with_doubt
from lvt_track.response.doubt.spread import log_sd
from lvt_track.response.tables.answers import DOUBT_COLUMNS, doubt_row, rs_rows
from lvt_track.response.timepoints.criterion import Criterion
from lvt_track.response.timepoints.walk import classify

START = dt.date(2024, 1, 1)


def day(visit: int) -> dt.date:
    return START + dt.timedelta(days=60 * visit)


def row(visit: int, lesion: str, size_mm: float | None = None, **more: object) -> Assessment:
    if size_mm is None and "status" not in more:
        more["status"] = Status.ABSENT
    return Assessment(day(visit), lesion, long_axis_mm=size_mm, **more)  # type: ignore[arg-type]


def last(
    rows: Sequence[Assessment], criterion: Criterion = RECIST_1_1, doubts: Doubts | None = None
) -> Response:
    dates = [one.date for one in rows]
    found = with_doubt(classify(rows, criterion, dates), rows, criterion, dates, doubts)
    assert found[0].doubt is None
    return found[-1]


def share(response: Response, category: str) -> float:
    assert response.doubt is not None
    return response.doubt.share_of(category)


def words(response: Response) -> str:
    assert response.doubt is not None
    return response.doubt.settling.words if response.doubt.settling else ""


@pytest.mark.parametrize(
    ("size_mm", "category"), [(80.0, "PD"), (40.0, "SD"), (10.0, "PR"), (None, "CR")]
)
def test_far_from_every_limit_all_draws_agree(size_mm: float | None, category: str) -> None:
    first = row(0, "a", 40.0, slice_thickness_mm=1.0)
    found = last([first, row(1, "a", size_mm, slice_thickness_mm=1.0)])
    assert found.category == category
    assert share(found, category) >= (1.0 if category in ("CR", "PD", "PR") else 0.85)


def test_a_sum_at_the_limit_is_even() -> None:
    """48 mm are 120 % of 40 mm: half of what another reader might say lies on either side."""
    found = last([row(0, "a", 40.0), row(1, "a", 48.0)])
    assert found.category == "PD"
    assert share(found, "PD") == pytest.approx(0.5, abs=0.05)
    assert share(found, "PD") + share(found, "SD") == pytest.approx(1.0, abs=1e-9)
    assert words(found) == "if a's 48.0 mm of 2024-03-01 is 47.9 mm, SD"


def test_the_share_is_that_of_the_normal_distribution() -> None:
    """A ratio of two sizes, each with its own error, over the limit for progression."""
    rows = [row(0, "a", 40.0), row(1, "a", 52.0)]
    spread = math.hypot(*(log_sd(one, READ)[0] for one in rows))
    expected = 0.5 * math.erfc(-math.log(52 / 48) / spread / math.sqrt(2))
    assert share(last(rows), "PD") == pytest.approx(expected, abs=0.05)


def test_what_settles_it_does() -> None:
    rows = [row(0, "T1", 30.0), row(0, "T4", 20.0), row(1, "T1", 38.0), row(1, "T4", 19.8)]
    found = last(rows)
    assert found.category == "SD"
    assert words(found) == "if T1's 38.0 mm of 2024-03-01 is 40.2 mm, PD"
    moved = [replace(one, long_axis_mm=40.2) if one.long_axis_mm == 38 else one for one in rows]
    assert classify(moved, RECIST_1_1)[-1].category == "PD"
    less = [replace(one, long_axis_mm=40.1) if one.long_axis_mm == 38 else one for one in rows]
    assert classify(less, RECIST_1_1)[-1].category == "SD"


def test_growth_of_non_targets_is_named_with_all_volumes_and_settles() -> None:
    """Whether it is unequivocal a reader must say: PD by the one word, nothing by the other."""
    rows = [
        row(0, "T1", 40.0, role=Role.TARGET, volume_ml=20.0),
        row(0, "T2", 20.0, role=Role.NON_TARGET, volume_ml=4.0),
        row(0, "T3", 20.0, role=Role.NON_TARGET, volume_ml=4.0),
        row(1, "T1", 40.0, volume_ml=20.0),
        row(1, "T2", 25.0, volume_ml=8.0),
        row(1, "T3", 36.0, volume_ml=24.0),
    ]
    grown = last(rows)
    assert (grown.category, grown.non_target) == ("SD", "Non-CR/Non-PD")
    assert grown.grown_non_targets == ("T3", "T2")
    assert "T3 (20.0 to 36.0 mm), T2 (20.0 to 25.0 mm) grew" in grown.reason
    assert "all lesions 28.0 mL to 52.0 mL, +85.7 %" in grown.reason
    assert words(grown) == "if the growth of T3 is unequivocal progression, PD"

    progressed = last([*rows[:-1], replace(rows[-1], status=Status.PROGRESSION)])
    assert (progressed.category, progressed.non_target) == ("PD", "PD")
    small = last([*rows[:-1], replace(rows[-1], is_no_progression=True)])
    assert small.category == "SD"
    assert small.grown_non_targets == ("T2",)


def test_a_target_that_is_called_progressive_is_judged_by_its_size() -> None:
    rows = [row(0, "T1", 40.0), row(1, "T1", 42.0, status=Status.PROGRESSION)]
    grown = last(rows)
    assert grown.category == "SD"
    assert "T1 is a target: its size counts, not that it is called progressive" in grown.reason


def test_no_targets_and_nothing_at_all() -> None:
    found = last([row(0, "a", 6.0), row(1, "a", 6.5)])
    assert found.category == "Non-CR/Non-PD"
    assert found.doubt is not None
    assert found.doubt.shares == {"Non-CR/Non-PD": 1.0}
    assert found.doubt.choices == 0
    assert with_doubt((), [], RECIST_1_1) == ()
    empty = classify([], RECIST_1_1, [day(0), day(1)])
    assert with_doubt(empty, [], RECIST_1_1, [day(0), day(1)]) == empty


def test_all_absent_is_complete_response_in_every_draw() -> None:
    rows = [row(0, "a", 30.0), row(0, "b", 8.0), row(1, "a"), row(1, "b")]
    assert last(rows).category == "CR"
    assert share(last(rows), "CR") == 1.0


def test_an_equivocal_lesion_is_new_in_half_of_the_draws() -> None:
    rows = [row(0, "a", 60.0), row(1, "a", 60.0), row(1, "n", 8.0, status=Status.EQUIVOCAL)]
    found = last(rows)
    assert found.category == "SD"
    assert share(found, "PD") == pytest.approx(0.5, abs=0.06)
    assert words(found) == "if n is a new lesion, PD"


def test_a_spot_that_a_model_drew_once_may_be_none() -> None:
    rows = [row(0, "a", 60.0), row(1, "a", 58.0), row(1, "n", 12.0, role=Role.NEW)]
    assert share(last(rows), "PD") == 1.0
    drawn = Doubts(frozenset({day(0), day(1)}))
    found = last(rows, doubts=drawn)
    assert share(found, "PD") == pytest.approx(existence(rows, drawn)["n"], abs=0.05)
    assert words(found) == "if n is no lesion, SD"
    told = replace(drawn, tumor_probability={"n": 0.3})
    assert share(last(rows, doubts=told), "PD") == pytest.approx(0.3, abs=0.06)
    seen_again = [*rows, row(2, "a", 58.0), row(2, "n", 14.0)]
    assert "n" not in existence(seen_again, told)
    assert "n" not in existence(seen_again, drawn)


def test_what_a_model_does_not_show_it_may_have_missed() -> None:
    rows = [row(0, "a", 18.0), row(1, "a"), row(2, "a", 18.5)]
    drawn = Doubts(frozenset(map(day, range(3))))
    found = with_doubt(classify(rows, RECIST_1_1), rows, RECIST_1_1, (), drawn)
    assert [one.category for one in found] == ["Baseline", "CR", "PD"]
    assert share(found[1], "CR") == pytest.approx(0.1, abs=0.03)
    assert words(found[1]) == "if a was missed on 2024-03-01, SD"
    assert share(found[2], "SD") > 0.8
    read = with_doubt(classify(rows, RECIST_1_1), rows, RECIST_1_1)
    assert share(read[1], "CR") == 1.0


def test_a_link_that_may_be_wrong() -> None:
    """Were it another lesion, it would be new."""
    rows = [row(0, "a", 60.0), row(0, "b", 20.0), row(1, "a", 60.0), row(1, "b", 20.0)]
    doubts = Doubts(links=(DoubtfulLink("b", day(1), 0.7),))
    found = last(rows, doubts=doubts)
    assert share(found, "PD") == pytest.approx(0.3, abs=0.06)
    assert words(found) == "if b of 2024-03-01 is another lesion than before, PD"


def test_two_links_of_one_lesion_may_both_be_wrong() -> None:
    rows = [row(visit, "a", 60.0) for visit in range(3)]
    links = tuple(DoubtfulLink("a", day(visit), 0.0) for visit in (1, 2))
    assert share(last(rows, doubts=Doubts(links=links)), "PD") == 1.0


def test_choices_of_targets() -> None:
    """Three lesions make three pairs; the one that grew is in two of them."""
    rows = [row(0, "a", 30.0), row(0, "b", 28.0), row(0, "c", 26.0), row(0, "d", 6.0)]
    rows += [row(1, "a", 48.0), row(1, "b", 28.0), row(1, "c", 26.0), row(1, "d", 6.0)]
    found = last(rows)
    assert found.doubt is not None
    assert (found.doubt.choices, found.doubt.choices_alike) == (3, 2)


@pytest.mark.parametrize(
    ("organs", "possible"),
    [({"liver": 1}, 1), ({"liver": 4}, 6), ({"liver": 3, "lung": 2}, 3), ({"liver": 60}, 1770)],
)
def test_how_many_choices_there_are(organs: dict[str, int], possible: int) -> None:
    rows = [
        row(0, f"{site}{k}", 20.0 + k, site=site) for site, n in organs.items() for k in range(n)
    ]
    choices = admissible_choices(rows, RECIST_1_1.scale)
    assert choices.possible == possible
    assert len(choices.names) == (0 if possible == 1 else min(possible, MOST_CHOICES))
    assert len(set(choices.names)) == len(choices.names)


def test_five_targets_in_all() -> None:
    """Two of each of three organs are six: one of them stays out."""
    rows = [
        row(0, f"{site}{k}", 20.0 + k, site=site)
        for site in ("liver", "lung", "skin")
        for k in (0, 1)
    ]
    choices = admissible_choices(rows, RECIST_1_1.scale)
    assert choices.possible == 6
    assert {len(names) for names in choices.names} == {5}


def test_the_error_grows_where_lesions_are_small_and_slices_thick() -> None:
    assert log_sd(row(0, "a", 100.0, slice_thickness_mm=1.0), READ)[0] == pytest.approx(
        0.085, abs=1e-3
    )
    thin, thick = (row(0, "a", 8.0, slice_thickness_mm=t) for t in (1.0, 5.0))
    assert log_sd(thin, READ)[0] < log_sd(thick, READ)[0]
    assert log_sd(replace(thin, long_axis_mm=40.0), DRAWN)[0] < log_sd(thin, DRAWN)[0]


sizes = st.lists(
    st.tuples(st.floats(5.0, 60.0), st.floats(0.4, 2.0), st.booleans()),
    min_size=1,
    max_size=5,
    unique_by=lambda one: round(one[0], 2),
)


@settings(max_examples=15, deadline=None)
@given(sizes=sizes, name=st.sampled_from(sorted(CRITERIA)), order=st.randoms(use_true_random=False))
def test_shares_sum_to_one_and_names_do_not_matter(
    sizes: list[tuple[float, float, bool]], name: str, order: object
) -> None:
    rows = []
    for k, (size_mm, factor, is_there) in enumerate(sizes):
        for visit, value in enumerate((size_mm, size_mm * factor if is_there else None)):
            more = {} if value is None else {"volume_ml": value**3 / 2000, "enhancing_mm": value}
            rows.append(row(visit, f"L{k}", value, **more))
    criterion = CRITERIA[name]
    with mock.patch.object(shares, "DRAWS", 40):
        found = last(rows, criterion)
    other = [replace(one, lesion=f"x{9 - int(one.lesion[1:])}") for one in rows]
    order.shuffle(other)  # type: ignore[attr-defined]
    with mock.patch.object(shares, "DRAWS", 40):
        again = last(other, criterion)
    if found.doubt is None:
        assert again.doubt is None
        return
    assert again.doubt is not None
    assert sum(found.doubt.shares.values()) == pytest.approx(1.0, abs=1e-9)
    assert again.doubt.shares == found.doubt.shares
    assert again.doubt.choices_alike == found.doubt.choices_alike


def test_columns_of_doubt() -> None:
    rows = [row(0, "a", 40.0), row(1, "a", 48.0)]
    told = doubt_row(last(rows, CRITERIA["irecist"]))
    assert tuple(told) == DOUBT_COLUMNS
    assert told["p_pd"] == pytest.approx(0.5, abs=0.05)
    assert told["p_cr"] == 0.0
    assert told["settled_by"] == "if a's 48.0 mm of 2024-03-01 is 47.9 mm, iSD"
    assert set(doubt_row(classify(rows, RECIST_1_1)[0]).values()) == {None}


def test_rs_keeps_the_terms_of_cdisc() -> None:
    """CDISC's terms of iRECIST begin with a small i; those of RECIST are capitals."""
    rows = [row(0, "a", 30.0), row(0, "b", 8.0), row(1, "a", 45.0), row(1, "b", 8.0)]
    told = {
        record["RSSTRESC"]
        for name in ("recist1.1", "irecist")
        for record in rs_rows({"": classify(rows, CRITERIA[name])})
    }
    assert told == {"PD", "NON-CR/NON-PD", "iUPD", "NON-iCR/NON-iUPD", "N"}


def test_draws_are_the_same_each_time() -> None:
    rows = [row(0, "a", 30.0), row(1, "a", 36.0)]
    one, two = (list(Sampler.of(rows, Doubts()).draws(5)) for _ in range(2))
    assert one == two
    assert one[0] != one[1]
