"""A course's response, and the course beside a radiologist's table."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from lvt_track.agreement.records import Quantity
from lvt_track.agreement.summary import agreements_of
from lvt_track.agreement.tables import agreement_rows
from lvt_track.core.course import GIVEN, Course, VisitFindings
from lvt_track.core.geometry import Geometry
from lvt_track.core.lesion.caliper import Caliper
from lvt_track.core.lesion.lesion import Edge, Event, Lesion, Measurement, Track, TrackState
from lvt_track.core.response.assessment import Assessment, Status
from lvt_track.core.series import Phase, Series, Visit
from lvt_track.errors import InputError
from lvt_track.pipeline.radiologist.comparison import (
    compare_with_readers,
    write_comparisons,
)
from lvt_track.report.tables import tracks_table
from lvt_track.response.course import respond_to_course, rows_from_course, target_lesions
from lvt_track.response.criteria.recist import RECIST_1_1
from lvt_track.response.criteria.volumetric import VOLUME

START = dt.date(2024, 1, 15)
GEOMETRY = Geometry.axial((10, 10, 10), (5, 1, 1))
Key = tuple[int, int]


def lesion(visit: int, label: int, size_mm: float) -> Lesion:
    x = 40.0 * label
    long = Caliper((x, 0, 0), (x + size_mm, 0, 0), size_mm)
    short = Caliper((x, 0, 0), (x, size_mm * 0.8, 0), size_mm * 0.8)
    size = Measurement(size_mm**3 / 2000, long, short, 3)
    return Lesion(visit, label, (x, 0.0, 10.0 * visit), size)


def course(
    sizes_mm: Sequence[dict[int, float]],
    tracks: Sequence[tuple[list[Key], TrackState]],
    edges: Sequence[tuple[Key, Key]] = (),
    tumors_from: str = GIVEN,
    unshown: frozenset[tuple[int, int]] = frozenset(),
) -> Course:
    """Visits by the sizes of their labels; tracks by their lesions."""
    sources = {"tumors": tumors_from}
    visits = []
    for k, sizes in enumerate(sizes_mm):
        series = Series(
            (Path("ct.nii.gz"),), "u", "", Phase.PORTAL, (10, 10, 10), (5, 1, 1), 5, False
        )
        visit = Visit(START + dt.timedelta(60 * k), f"s{k}", (series,))
        found = tuple(lesion(k, label, size) for label, size in sizes.items())
        visits.append(VisitFindings(visit, GEOMETRY, 1500, 50, 10, found, sources))
    return Course(
        "P",
        tuple(visits),
        tuple(Edge(a, b, Event.SAME, 0.1) for a, b in edges),
        tuple(Track(k, tuple(sorted(keys)), state) for k, (keys, state) in enumerate(tracks, 1)),
        unshown=unshown,
    )


def names(rows: Sequence[Assessment], visit: int) -> dict[str, tuple[Status, tuple[str, ...]]]:
    date = START + dt.timedelta(60 * visit)
    return {row.lesion: (row.status, row.derived_from) for row in rows if row.date == date}


STABLE = TrackState.PERSISTENT


def test_two_largest_are_targets_and_absent_counts_zero() -> None:
    made = course(
        [{1: 40, 2: 30, 3: 20}, {1: 20, 3: 20}],
        [
            ([(0, 1), (1, 1)], STABLE),
            ([(0, 2)], TrackState.DISAPPEARED),
            ([(0, 3), (1, 3)], STABLE),
        ],
        [((0, 1), (1, 1)), ((0, 3), (1, 3))],
    )
    first, second = respond_to_course(made)
    assert first.reason == "baseline; target lesions T1, T2, chosen by size; 1 non-target"
    assert (first.sum_mm, second.sum_mm) == (70, 20)
    assert (second.target, second.non_target, second.category) == ("PR", "Non-CR/Non-PD", "PR")
    assert respond_to_course(made, VOLUME)[1].category == "PR"


def test_new_tracks_are_progression_unless_uncertain() -> None:
    sizes = [{1: 40}, {1: 40, 2: 9}]
    edges = [((0, 1), (1, 1))]
    for state, category in ((TrackState.NEW, "PD"), (TrackState.UNCERTAIN, "SD")):
        made = course(sizes, [([(0, 1), (1, 1)], STABLE), ([(1, 2)], state)], edges)
        assert respond_to_course(made)[1].category == category
    assert "possible new lesion T2, not counted" in respond_to_course(made)[1].reason


def test_a_small_new_lesion_that_only_a_model_saw_is_left_to_a_reader() -> None:
    tracks = [([(0, 1), (1, 1)], STABLE), ([(1, 2)], TrackState.NEW)]
    edges = [((0, 1), (1, 1))]
    for size_mm, source, category in (
        (9.9, "default", "SD"),
        (10.0, "default", "PD"),
        (9.9, GIVEN, "PD"),
    ):
        made = course([{1: 40}, {1: 40, 2: size_mm}], tracks, edges, tumors_from=source)
        assert respond_to_course(made)[1].category == category


def test_a_confirmed_lesion_counts_from_its_confirmation_and_names_its_first_scan() -> None:
    """Eisenhauer et al. 2009, 4.3.5: progression is dated to the scan that first showed it."""
    whole = [(k, 1) for k in range(5)]
    edges = [*pairwise(whole), ((1, 2), (2, 2)), ((2, 2), (3, 2))]
    sizes = [{1: 40}, {1: 40, 2: 4}, {1: 40, 2: 8}, {1: 40, 2: 12}, {1: 40}]
    made = course(sizes, [(whole, STABLE), ([(1, 2), (2, 2), (3, 2)], TrackState.NEW)], edges)
    settled = replace(made.tracks[1], reason="it is small", confirmed=3)
    made = replace(made, tracks=(made.tracks[0], settled))
    for criterion in (RECIST_1_1, VOLUME):
        found = respond_to_course(made, criterion)
        assert [r.category for r in found] == ["Baseline", "SD", "SD", "PD", "SD"]
        assert all("possible new lesion T2, not counted" in r.reason for r in found[1:3])
        assert "new lesion T2 (new since 2024-03-15, equivocal then, confirmed 2024-07-13)" in (
            found[3].reason
        )
    row = tracks_table(made).set_index("track").loc[2]
    assert (row["state"], row["reason"]) == ("new", "it is small; confirmed as new 2024-07-13")


def test_a_visit_that_does_not_show_a_target_is_not_evaluable() -> None:
    tracks = [([(0, 1), (1, 1)], STABLE), ([(0, 2)], TrackState.PERSISTENT)]
    edges = [((0, 1), (1, 1))]
    sizes = [{1: 40, 2: 30}, {1: 38}]
    shown = respond_to_course(course(sizes, tracks, edges))[1]
    hidden = respond_to_course(course(sizes, tracks, edges, unshown=frozenset({(2, 1)})))[1]
    assert (shown.category, shown.sum_mm) == ("PR", 38)
    assert (hidden.category, hidden.sum_mm) == ("NE", None)


def test_a_new_lesion_that_goes_away_no_longer_counts() -> None:
    made = course(
        [{1: 40}, {1: 40, 2: 9}, {1: 40}],
        [([(0, 1), (1, 1), (2, 1)], STABLE), ([(1, 2)], TrackState.NEW)],
        [((0, 1), (1, 1)), ((1, 1), (2, 1))],
    )
    assert [r.category for r in respond_to_course(made)] == ["Baseline", "PD", "SD"]


def test_uncertain_tracks_are_no_targets() -> None:
    made = course([{1: 40, 2: 30}], [([(0, 1)], TrackState.UNCERTAIN), ([(0, 2)], STABLE)])
    assert respond_to_course(made)[0].sum_mm == 30


def test_a_category_that_a_doubted_lesion_alone_keeps_up_says_so() -> None:
    tracks = [
        ([(0, 1)], STABLE),
        ([(0, 2), (1, 2)], TrackState.UNCERTAIN),
        ([(0, 3), (1, 3)], TrackState.UNCERTAIN),
    ]
    edges = [((0, 2), (1, 2)), ((0, 3), (1, 3))]
    made = course([{1: 40, 2: 15, 3: 15}, {2: 15, 3: 15}], tracks, edges, "default")
    last = respond_to_course(made, RECIST_1_1)[-1]
    assert last.category == "PR" and "in doubt whether tumour: all of them" in last.reason
    # It may be a complete response.
    assert last.doubt is not None and last.doubt.share_of("CR") > 0.05
    sure = replace(made, tracks=(*made.tracks[:2], replace(made.tracks[2], role="non-target")))
    assert respond_to_course(sure, RECIST_1_1)[-1].reason.endswith("in doubt whether tumour: T2")


def cut(made: Course, *keys: Key) -> Course:
    """The same course, with lesions in which the scan ends."""
    visits = [
        replace(v, lesions=tuple(replace(x, is_cut=x.key in keys) for x in v.lesions))
        for v in made.visits
    ]
    return replace(made, visits=tuple(visits))


def test_a_lesion_in_which_the_scan_ends_has_no_size() -> None:
    """Neither target nor shrunk nor new for the part of it that the scan shows."""
    sizes = [{1: 40, 2: 30}, {1: 40, 2: 12, 3: 15}]
    tracks = [
        ([(0, 1), (1, 1)], STABLE),
        ([(0, 2), (1, 2)], STABLE),
        ([(1, 3)], TrackState.NEW),
    ]
    made = course(sizes, tracks, [((0, 1), (1, 1)), ((0, 2), (1, 2))])
    assert [r.category for r in respond_to_course(cut(made, (0, 2), (1, 3)))] == ["Baseline", "SD"]
    for criterion in (RECIST_1_1, VOLUME):
        last = respond_to_course(cut(made, (1, 2), (1, 3)), criterion)[1]
        assert (last.category, last.total, last.new_lesion) == ("NE", None, False)
        assert "T2 (the scan ends in it)" in last.reason
        assert "possible new lesion T3 (the scan ends in it), not counted" in last.reason


def test_a_tumour_where_no_earlier_scan_reaches_is_not_new() -> None:
    tracks = [([(0, 1), (1, 1), (2, 1)], STABLE), ([(2, 2)], TrackState.NEW)]
    edges = [((0, 1), (1, 1)), ((1, 1), (2, 1))]
    sizes = [{1: 40}, {1: 40}, {1: 40, 2: 20}]
    for unshown, category in (((0, 1), "SD"), ((0,), "PD"), ((), "PD")):
        made = course(sizes, tracks, edges, unshown=frozenset((2, visit) for visit in unshown))
        last = respond_to_course(made)[2]
        assert last.category == category
        assert ("no earlier scan shows its place" in last.reason) is (category == "SD")


def test_a_non_target_that_comes_back_after_complete_response() -> None:
    tracks = [
        ([(0, 1)], TrackState.DISAPPEARED),
        ([(0, 2)], TrackState.DISAPPEARED),
        ([(0, 3), (2, 1)], TrackState.REAPPEARED),
    ]
    made = course([{1: 24, 2: 20, 3: 16}, {}, {1: 16}], tracks, [((0, 3), (2, 1))])
    assert [r.category for r in respond_to_course(made)] == ["Baseline", "CR", "PD"]


def test_a_piece_that_is_gone_leaves_nothing_open() -> None:
    whole = [(0, 1), (1, 1), (1, 2), (1, 3), (2, 1), (2, 2)]
    edges = [((0, 1), (1, k)) for k in (1, 2, 3)] + [((1, k), (2, k)) for k in (1, 2)]
    made = course([{1: 60}, {1: 20, 2: 20, 3: 18}, {1: 20, 2: 20}], [(whole, STABLE)], edges)
    last = respond_to_course(made)[2]
    assert (last.category, last.sum_mm) == ("PR", 40)


def test_lesions_that_merged_are_compared_as_the_sum_of_what_they_were() -> None:
    """16 and 14 mm that have become one of 32 mm did not grow from 16 to 32 mm."""
    keys = [(0, 3), (0, 4), (1, 3)]
    tracks = [([(k, n) for k in (0, 1)], STABLE) for n in (1, 2)]
    edges = [((0, n), (1, n)) for n in (1, 2)] + [((0, 3), (1, 3)), ((0, 4), (1, 3))]
    for size_mm, is_told in ((32, False), (47, True)):
        made = course(
            [{1: 60, 2: 50, 3: 16, 4: 14}, {1: 60, 2: 50, 3: size_mm}],
            [*tracks, (keys, TrackState.MERGED)],
            edges,
        )
        told = "T3a + T3b (30.0 to 47.0 mm) grew" in respond_to_course(made)[1].reason
        assert told is is_told


def test_pieces_are_added_up() -> None:
    made = course(
        [{1: 40}, {1: 22, 2: 17}],
        [([(0, 1), (1, 1), (1, 2)], TrackState.SPLIT)],
        [((0, 1), (1, 1)), ((0, 1), (1, 2))],
    )
    assert names(rows_from_course(made), 1) == {
        "1.1": (Status.MEASURED, ("1",)),
        "1.2": (Status.MEASURED, ("1",)),
    }
    assert respond_to_course(made)[1].sum_mm == 39


def test_mergers_count_once() -> None:
    made = course(
        [{1: 40, 2: 20}, {1: 41, 2: 21}, {1: 65}],
        [([(0, 1), (0, 2), (1, 1), (1, 2), (2, 1)], TrackState.MERGED)],
        [((0, 1), (1, 1)), ((0, 2), (1, 2)), ((1, 1), (2, 1)), ((1, 2), (2, 1))],
    )
    rows = rows_from_course(made)
    assert names(rows, 1) == {"1a": (Status.MEASURED, ()), "1b": (Status.MEASURED, ())}
    assert names(rows, 2) == {"1a+1b": (Status.MEASURED, ("1a", "1b"))}
    assert [r.sum_mm for r in respond_to_course(made)] == [60, 62, 65]


def test_visits_without_lesions_count() -> None:
    made = course([{}, {}, {1: 12}], [([(2, 1)], TrackState.NEW)])
    found = respond_to_course(made)
    assert [r.category for r in found] == ["Baseline", "NE", "PD"]
    assert respond_to_course(course([{}, {}], []))[1].category == "NE"


@pytest.fixture
def followed() -> Course:
    made = course(
        [{1: 40, 2: 22, 3: 12}, {1: 30, 2: 24, 3: 12}, {1: 20, 2: 28, 3: 12}],
        [([(k, label) for k in range(3)], STABLE) for label in (1, 2, 3)],
        [((k, label), (k + 1, label)) for k in range(2) for label in (1, 2, 3)],
    )
    return replace(made, responses=respond_to_course(made))


def reader_table(path: Path, factor: float = 1.05) -> Path:
    lines = ["date,lesion,role,long_axis_mm"]
    sizes = {"T1": (40, 30, 20), "T2": (22, 24, 28), "X": (70, 80, 90)}
    for name, values in sizes.items():
        role = "target" if name[0] == "T" else "non-target"
        lines += [
            f"{START + dt.timedelta(60 * k)},{name},{role},{size * factor:.1f}"
            for k, size in enumerate(values)
        ]
    path.write_text("\n".join(lines) + "\n")
    return path


def read_rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def test_a_course_beside_the_readers_table(followed: Course, tmp_path: Path) -> None:
    found = compare_with_readers(followed, reader_table(tmp_path / "reader.csv"))[0]
    assert [(p.reader, p.computed, p.by) for p in found.pairing.pairs] == [
        ("T1", "1", "size"),
        ("T2", "2", "size"),
    ]
    assert (found.pairing.only_reader, found.pairing.only_computed) == (("X",), ("3",))
    statistics = found.agreements
    agreement = statistics.of[Quantity.LONG_AXIS]
    assert (agreement.pairs, agreement.clusters) == (6, 2)
    assert agreement.difference_percent.bias.value == pytest.approx(-4.9, abs=0.2)
    assert statistics.trend == (4, 4)
    assert [visit.date.isoformat() for visit in found.visits][-1] == "2024-05-14"
    rows = {(row["quantity"], row["statistic"]): row["value"] for row in agreement_rows(statistics)}
    assert rows["long axis", "same_trend"] == "1.000"
    assert ("response", "same_category") in rows


def test_sums_are_of_the_same_lesions(followed: Course, tmp_path: Path) -> None:
    """The reader's third lesion X is no target; of ours only the partners of T1 and T2 count."""
    found = compare_with_readers(followed, reader_table(tmp_path / "reader.csv"))[0]
    sums = [size for size in found.sizes if size.quantity is Quantity.SUM]
    assert [(s.reader_lesion, s.lesion) for s in sums] == [("T1 + T2", "1 + 2")] * 3
    assert [s.value for s in sums] == pytest.approx([62, 54, 48])
    assert [s.reader_value for s in sums] == pytest.approx([65.1, 56.7, 50.4], abs=0.1)
    agreement = found.agreements.of[Quantity.SUM]
    assert (agreement.pairs, agreement.clusters) == (3, 1)
    assert agreement.difference.bias.value == pytest.approx(-2.73, abs=0.05)
    assert agreement.difference.bias.low != agreement.difference.bias.low  # one patient: none


def test_the_comparison_is_written(followed: Course, tmp_path: Path) -> None:
    write_comparisons(
        compare_with_readers(followed, reader_table(tmp_path / "reader.csv")), tmp_path
    )
    agreement = read_rows(tmp_path / "agreement.csv")
    assert {row["statistic"] for row in agreement} >= {"bias_mm", "upper_limit_percent", "icc_a1"}
    pairs = read_rows(tmp_path / "reader_pairs.csv")
    alone = [row for row in pairs if row["paired_by"] == "not paired"]
    assert len(alone) == 6, "every size of X and of 3 is listed"
    assert {(row["reader_lesion"], row["lesion"]) for row in alone} == {("X", ""), ("", "3")}
    counted = [row for row in agreement if row["statistic"] == "sizes_not_paired"]
    assert [(row["quantity"], row["value"], row["pairs"]) for row in counted] == [
        ("long axis", "3", "6")
    ]
    assert pairs[0]["reader_value"] == "42.0"


def test_a_course_without_tumours_is_compared_too(tmp_path: Path) -> None:
    found = compare_with_readers(course([{}, {}], []), reader_table(tmp_path / "reader.csv"))[0]
    assert (found.sizes, found.pairing.only_reader) == ((), ("T1", "T2", "X"))
    assert agreement_rows(found.agreements) == []


def test_patients_are_pooled_as_clusters(followed: Course, tmp_path: Path) -> None:
    found = compare_with_readers(followed, reader_table(tmp_path / "reader.csv"))[0]
    pooled = agreements_of({f"P{k}": found.compared for k in range(6)})
    long, total = pooled.of[Quantity.LONG_AXIS], pooled.of[Quantity.SUM]
    assert (long.pairs, long.clusters, pooled.lesions[Quantity.LONG_AXIS]) == (36, 6, 12)
    assert (total.pairs, total.clusters) == (18, 6)
    assert total.difference.bias.low <= total.difference.bias.value
    assert pooled.trend == (24, 24)
    assert pooled.categories == (12, 12)
    assert pooled.kappa is not None


def test_slips_of_the_readers_table_are_refused_in_one_pass(
    followed: Course, tmp_path: Path
) -> None:
    path = reader_table(tmp_path / "reader.csv")
    path.write_text(path.read_text() + "2024-03-15,Y,non-target,ten\nsoon,Y,non-target,10\n")
    with pytest.raises(InputError) as caught:
        compare_with_readers(followed, path)
    assert "2 rows cannot be used" in caught.value.what
    assert "line 11: long_axis_mm: 'ten' is not a number" in caught.value.what
    assert "line 12: 'soon' is not a complete date" in caught.value.what


def test_rows_of_other_days_are_told(followed: Course, tmp_path: Path) -> None:
    path = reader_table(tmp_path / "reader.csv")
    path.write_text(path.read_text() + "2024-12-24,T1,target,30\n2024-12-24,T2,target,20\n")
    found = compare_with_readers(followed, path)[0]
    assert "lines 11, 12: there is no scan on 2024-12-24, not compared" in found.remarks


def test_tables_of_other_days_are_refused(followed: Course, tmp_path: Path) -> None:
    path = tmp_path / "reader.csv"
    path.write_text("date,lesion,long_axis_mm\n1999-01-01,A,12\n")
    with pytest.raises(InputError, match="no date in common"):
        compare_with_readers(followed, path)


def test_the_lesions_that_the_sum_counts_are_told() -> None:
    made = course(
        [{1: 30, 2: 25, 3: 20}, {1: 12, 2: 31, 3: 40}],
        [([(0, 1), (1, 2)], STABLE), ([(0, 2), (1, 1)], STABLE), ([(0, 3), (1, 3)], STABLE)],
        [((0, 1), (1, 2)), ((0, 2), (1, 1)), ((0, 3), (1, 3))],
    )
    assert target_lesions(made) == {(0, 1), (0, 2), (1, 1), (1, 2)}


ALONE = "PD rests on new lesion T2 alone, which a model drew and no reader has confirmed"


@pytest.mark.parametrize("criterion", [RECIST_1_1, VOLUME])
def test_a_category_that_rests_on_one_find_of_a_model_says_so(criterion) -> None:
    tracks = [([(0, 1), (1, 1), (2, 1)], STABLE), ([(1, 2), (2, 2)], TrackState.NEW)]
    edges = [((0, 1), (1, 1)), ((1, 1), (2, 1)), ((1, 2), (2, 2))]
    sizes = [{1: 30.0}, {1: 30.0, 2: 14.0}, {1: 60.0, 2: 15.0}]
    made = course(sizes, tracks, edges, tumors_from="default")
    first, later = respond_to_course(made, criterion)[1:]
    assert first.category == "PD" and first.reason.endswith(ALONE) and first.lone_find == "T2"
    # The target has progressed as well.
    assert later.category == "PD" and "alone" not in later.reason and later.lone_find == ""
    assert "rests on" not in respond_to_course(course(sizes, tracks, edges), criterion)[1].reason


def test_two_finds_or_a_readers_word_are_no_lone_find() -> None:
    tracks = [([(0, 1), (1, 1)], STABLE), ([(1, 2)], TrackState.NEW), ([(1, 3)], TrackState.NEW)]
    edges = [((0, 1), (1, 1))]
    made = course([{1: 30.0}, {1: 30.0, 2: 14.0, 3: 13.0}], tracks, edges, tumors_from="default")
    assert "rests on" not in respond_to_course(made)[1].reason
    made = course([{1: 30.0}, {1: 30.0, 2: 14.0}], tracks[:2], edges, tumors_from="default")
    assert ALONE in respond_to_course(made)[1].reason
    called = replace(made.tracks[1], is_new_by_reader=True)
    made = replace(made, tracks=(made.tracks[0], called))
    assert "rests on" not in respond_to_course(made)[1].reason
    edited = replace(made.visits[1], sources={"tumors": "edited"})
    made = replace(made, visits=(made.visits[0], edited))
    assert "rests on" not in respond_to_course(made)[1].reason
