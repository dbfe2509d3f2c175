"""Numbers and UIDs stay with their tumours, whatever is corrected, repainted or added."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.uid import UID

from lvt_track.core.lesion.lesion import Track, TrackState
from lvt_track.lesions.identity import KnownTumor, KnownVisit, identified, remembered


@dataclass
class Patient:
    """Tumours at fixed places; visits come, masks are repainted, links are cut, in any order."""

    ball: object
    name: str = "P"
    tumors: int = 4
    paints: dict[dt.date, int] = field(default_factory=dict)
    cuts: set[tuple[int, dt.date]] = field(default_factory=set)
    ledger: tuple[KnownTumor, ...] = ()

    def visits(self) -> list[KnownVisit]:
        visits = []
        for v, (date, paint) in enumerate(sorted(self.paints.items())):
            # A repaint changes voxels and volumes, and reverses the numbers.
            order = range(self.tumors) if paint % 2 == 0 else reversed(range(self.tumors))
            lesions = [
                replace(
                    self.ball(v, label, (50 * k, paint, 0), 14 + 2 * k + 0.5 * paint),
                    voxels=f"{date}/{k}/{paint}",
                )
                for label, k in enumerate(order, start=1)
            ]
            visits.append(KnownVisit(date, f"{self.name}{date}", tuple(lesions)))
        return visits

    def run(self) -> dict[tuple[tuple[int, dt.date], ...], tuple[int, str]]:
        """Number and UID by what a track holds: (tumour, date) of each lesion."""
        visits = self.visits()
        pieces = []
        for k in range(self.tumors):
            piece = []
            for v, visit in enumerate(visits):
                if piece and (k, visit.date) in self.cuts:
                    pieces.append(piece)
                    piece = []
                lesion = next(one for one in visit.lesions if one.centroid_mm[0] == 50 * k)
                piece.append((v, lesion.label, k))
            pieces.append(piece)
        pieces.sort()
        tracks = [
            Track(number, tuple((v, label) for v, label, _ in piece), TrackState.PERSISTENT)
            for number, piece in enumerate(pieces, start=1)
        ]
        stored = json.loads(json.dumps([tumor.facts() for tumor in self.ledger]))
        known = [KnownTumor.from_facts(facts) for facts in stored]
        tracks = identified(tracks, visits, known, self.name)
        self.ledger = remembered(tracks, visits, known)
        whose = {
            (v, lesion.label): (round(lesion.centroid_mm[0] / 50), visits[v].date)
            for v, visit in enumerate(visits)
            for lesion in visit.lesions
        }
        assert len({t.number for t in tracks}) == len({t.uid for t in tracks}) == len(tracks)
        return {tuple(whose[key] for key in t.lesions): (t.number, t.uid) for t in tracks}


DAYS = [dt.date(2024, 1, 1) + dt.timedelta(days=60 * k) for k in range(5)]


@pytest.fixture
def patient(ball) -> Patient:
    return Patient(ball, paints=dict.fromkeys(DAYS[1:4], 0))


def test_the_first_run_numbers_as_matching_does_and_mints_legal_uids(patient) -> None:
    names = list(patient.run().values())
    assert [number for number, _ in names] == [1, 2, 3, 4]
    assert all(UID(uid).is_valid and uid.startswith("2.25.") for _, uid in names)
    again = Patient(patient.ball, paints=dict(patient.paints))
    assert list(again.run().values()) == names


def test_a_cut_track_keeps_its_identity_with_its_first_lesion_and_mends_again(patient) -> None:
    whole = patient.run()
    patient.cuts.add((1, DAYS[2]))
    cut = patient.run()
    old = {1: whole[tuple((1, day) for day in DAYS[1:4])], 5: None}
    assert cut[((1, DAYS[1]),)] == old[1]
    tail = ((1, DAYS[2]), (1, DAYS[3]))
    assert cut[tail][0] == 5 and cut[tail][1] not in {uid for _, uid in whole.values()}
    assert all(whole[key] == cut[key] for key in whole if key in cut)
    patient.cuts.clear()
    assert patient.run() == whole
    patient.cuts.add((1, DAYS[2]))
    assert patient.run() == cut


actions = st.one_of(
    st.tuples(st.just("repaint"), st.sampled_from(DAYS)),
    st.tuples(st.just("add"), st.sampled_from(DAYS)),
    st.tuples(st.just("remove"), st.sampled_from(DAYS)),
    st.tuples(st.just("cut"), st.integers(0, 3), st.sampled_from(DAYS)),
    st.tuples(st.just("mend"), st.integers(0, 3), st.sampled_from(DAYS)),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(actions, max_size=12))
def test_untouched_tumours_never_change(ball, steps) -> None:
    patient = Patient(ball, paints=dict.fromkeys(DAYS[1:4], 0))
    before = patient.run()
    bound: dict[int, str] = dict(before.values())
    for action, *what in steps:
        touched: set[int] = set()
        if action == "repaint" and what[0] in patient.paints:
            patient.paints[what[0]] += 1
        elif action == "add":
            patient.paints.setdefault(what[0], 0)
        elif action == "remove" and len(patient.paints) > 2:
            if what[0] in patient.paints:
                del patient.paints[what[0]]
            touched = {k for k, day in patient.cuts}  # a piece may have lost all its lesions
        elif action in ("cut", "mend"):
            (patient.cuts.add if action == "cut" else patient.cuts.discard)(tuple(what))
            touched = {what[0]}
        after = patient.run()
        for number, uid in after.values():
            assert bound.setdefault(number, uid) == uid
        if action != "add":
            for lesions, name in after.items():
                earlier = [old for key, old in before.items() if set(lesions) & set(key)]
                if lesions[0][0] not in touched and not any(
                    k == lesions[0][0] for k, _ in patient.cuts
                ):
                    assert earlier == [name]
        before = after


@pytest.mark.parametrize("more", [DAYS[0], dt.date(2024, 3, 20), DAYS[4]])
def test_a_visit_added_anywhere_changes_no_name(patient, more) -> None:
    names = sorted(patient.run().values())
    patient.paints[more] = 1
    assert sorted(patient.run().values()) == names
    del patient.paints[more]
    assert sorted(patient.run().values()) == names


def test_a_thousand_patients_with_folders_of_one_date_share_no_uid(ball) -> None:
    uids = set()
    for k in range(1000):
        patient = Patient(ball, f"P{k}", tumors=2, paints={DAYS[0]: 0})
        uids |= {uid for _, uid in patient.run().values()}
    assert len(uids) == 2000


def test_the_same_scan_of_two_names_is_two_patients(patient) -> None:
    one = {uid for _, uid in patient.run().values()}
    tracks = [Track(1, ((0, 1),), TrackState.PERSISTENT)]
    (other,) = identified(tracks, patient.visits(), (), "Q")
    assert other.uid not in one


@pytest.mark.parametrize(
    "facts", [{}, {"number": 0, "uid": "2.25.1", "lesions": []}, {"number": 1, "uid": "x"}]
)
def test_a_ledger_that_is_none_is_refused(facts) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        KnownTumor.from_facts({"is_retired": False, "lesions": [], **facts} if facts else facts)
