"""Scripted courses and their scans: truth that can be checked by hand."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import cc3d
import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.core.lesion.lesion import Event, TrackState
from lvt_track.core.series import Phase
from lvt_track.phantom.course.lesion_trajectory import Fate
from lvt_track.phantom.course.motion import no_motion
from lvt_track.phantom.course.render import PhantomVisit, render_visit
from lvt_track.phantom.course.scans import CLINICAL, Protocol
from lvt_track.phantom.course.script import PhantomPatient, demo_patient, draw_course
from lvt_track.phantom.course.truth import true_edges, true_tracks

COARSE = Protocol((2.5, 2.5), (3.0,), None, 6.0, 4.0)
EVERY_FATE = (
    Fate.MERGE,
    Fate.SPLIT,
    Fate.GROW,
    Fate.SHRINK,
    Fate.STABLE,
    Fate.NEW,
    Fate.VANISH,
    Fate.REAPPEAR,
)


@cache
def patient() -> PhantomPatient:
    return draw_course(
        2, visits=3, protocol=COARSE, fates=EVERY_FATE, extra_phases={1: (Phase.ARTERIAL,)}
    )


@cache
def rendered() -> tuple[PhantomVisit, ...]:
    return tuple(render_visit(patient(), visit) for visit in range(3))


def test_the_same_seed_gives_the_same_patient() -> None:
    again = draw_course(
        2, visits=3, protocol=COARSE, fates=EVERY_FATE, extra_phases={1: (Phase.ARTERIAL,)}
    )
    assert [visit.date for visit in again.visits] == [visit.date for visit in patient().visits]
    first, second = rendered()[2], render_visit(again, 2)
    assert np.array_equal(first.volume.hu, second.volume.hu)
    assert np.array_equal(first.identities, second.identities)
    assert first.lesions == second.lesions


def test_visits_are_in_order_and_scans_hold_the_whole_liver() -> None:
    dates = [visit.date for visit in patient().visits]
    assert dates == sorted(set(dates))
    for visit in rendered():
        for axis in range(3):
            edges = np.moveaxis(visit.masks.liver, axis, 0)[[0, -1]]
            assert not edges.any()
        assert 500 < visit.masks.volume_ml("liver") < 3500


def test_masks_are_nested_and_hu_are_plausible() -> None:
    for visit in rendered():
        masks = visit.masks
        assert not (masks.vessels & ~masks.liver).any()
        assert not (masks.tumors & ~masks.liver).any()
        assert visit.volume.hu.dtype == np.int16
        parenchyma = masks.liver & ~masks.vessels & ~masks.tumors
        assert 20 < np.median(visit.volume.hu[parenchyma]) < 180
        assert np.median(visit.volume.hu[0, 0]) < -900


def test_identities_agree_with_components_and_scripts() -> None:
    for number, visit in enumerate(rendered()):
        components = cc3d.connected_components(visit.masks.tumors, connectivity=26)
        assert components.max() == len(visit.lesions)
        assert np.array_equal(visit.lesion_labels > 0, visit.masks.tumors)
        assert np.array_equal(visit.identities > 0, visit.masks.tumors)
        sizes = np.bincount(visit.lesion_labels.ravel())[1:]
        assert sizes.tolist() == sorted(sizes, reverse=True)
        for lesion in visit.lesions:
            inside = visit.lesion_labels == lesion.label
            assert set(np.unique(visit.identities[inside])) == set(lesion.identities)
            ml = inside.sum() * visit.volume.geometry.voxel_volume_ml
            assert lesion.volume_ml == pytest.approx(ml)
        shown = {identity for lesion in visit.lesions for identity in lesion.identities}
        assert shown == set(patient().tumors_at(number))


def test_tumours_are_where_the_motion_puts_them() -> None:
    for number, visit in enumerate(rendered()):
        motion = patient().visits[number].scans[0].motion
        tumors = patient().tumors_at(number)
        for lesion in visit.lesions:
            if len(lesion.identities) == 1:
                tumor = tumors[lesion.identities[0]]
                expected = motion.to_visit(np.array(tumor.centre_mm))
                gap = np.linalg.norm(expected - np.array(lesion.centroid_mm))
                assert gap < 0.4 * max(tumor.radii_mm) + 1.0


def test_every_scripted_event_is_true() -> None:
    lesions = [visit.lesions for visit in rendered()]
    edges = true_edges(lesions)
    tracks = true_tracks(lesions, edges)
    by_key = {lesion.key: lesion for of_visit in lesions for lesion in of_visit}
    fate_of = {scripted.identity: scripted.fate for scripted in patient().tumors}
    assert set(fate_of.values()) == set(EVERY_FATE)

    state_of = {}
    for track in tracks:
        identities = {i for key in track.lesions for i in by_key[key].identities}
        fates = {fate_of[identity] for identity in identities}
        assert len(fates) == 1
        state_of[fates.pop()] = track.state
    assert state_of == {
        Fate.MERGE: TrackState.MERGED,
        Fate.SPLIT: TrackState.SPLIT,
        Fate.GROW: TrackState.PERSISTENT,
        Fate.SHRINK: TrackState.PERSISTENT,
        Fate.STABLE: TrackState.PERSISTENT,
        Fate.NEW: TrackState.NEW,
        Fate.VANISH: TrackState.DISAPPEARED,
        Fate.REAPPEAR: TrackState.REAPPEARED,
    }
    assert sum(edge.event is Event.MERGE for edge in edges) == 2
    assert sum(edge.event is Event.SPLIT for edge in edges) == 2

    def volume(fate: Fate, visit: int) -> float:
        return sum(
            lesion.volume_ml for lesion in lesions[visit] if fate_of[lesion.identities[0]] is fate
        )

    assert volume(Fate.GROW, 0) < volume(Fate.GROW, 1) < volume(Fate.GROW, 2)
    assert volume(Fate.SHRINK, 0) > volume(Fate.SHRINK, 1) > volume(Fate.SHRINK, 2)


def test_phases_of_a_study_differ_in_contrast_and_breath_only() -> None:
    portal, arterial = rendered()[1], render_visit(patient(), 1, Phase.ARTERIAL)
    assert arterial.phase is Phase.ARTERIAL
    assert {i for one in arterial.lesions for i in one.identities} == {
        i for one in portal.lesions for i in one.identities
    }
    assert arterial.masks.volume_ml("liver") == pytest.approx(
        portal.masks.volume_ml("liver"), rel=0.05
    )
    in_vessels = [np.median(one.volume.hu[one.masks.vessels]) for one in (portal, arterial)]
    assert in_vessels[0] > in_vessels[1]
    with pytest.raises(ValueError, match="no delayed series"):
        render_visit(patient(), 1, Phase.DELAYED)


def with_one_ball(radius_mm: float, geometry_mm: float, *, moving: bool) -> PhantomPatient:
    """The patient with one ball deep in the liver, scanned at 1 mm around it."""
    script = max(patient().tumors, key=lambda one: min(one.tumor.radii_mm))
    centre = script.tumor.centre_mm
    ball = replace(script.tumor, radii_mm=(radius_mm,) * 3, irregularity=0.0)
    visit = patient().visits[1]
    motion = visit.scans[0].motion if moving else no_motion()
    x, y, z = motion.to_visit(np.array(centre))
    half = 1.6 * radius_mm
    count = int(2 * half / geometry_mm)
    grid = Geometry.axial((count,) * 3, (geometry_mm,) * 3, (x - half, y - half, z - half))
    scan = replace(visit.scans[0], geometry=grid, motion=motion)
    one = replace(script, tumor=ball, sizes=(1.0,) * 3)
    return replace(
        patient(), tumors=(one,), doubles=(), visits=(replace(visit, scans=(scan,)),) * 3
    )


def test_a_ball_has_the_volume_and_diameter_of_a_ball() -> None:
    (lesion,) = render_visit(with_one_ball(8.0, 0.5, moving=False), 0).lesions
    assert lesion.volume_ml == pytest.approx(4 / 3 * np.pi * 0.8**3, rel=0.01)
    assert lesion.long_axis_mm == pytest.approx(16.0, abs=0.8)
    assert lesion.short_axis_mm == pytest.approx(16.0, abs=0.8)


def test_a_moved_ball_has_the_volume_the_motion_gives_it() -> None:
    moved = with_one_ball(8.0, 0.5, moving=True)
    (lesion,) = render_visit(moved, 0).lesions
    centre, motion = np.array(moved.tumors[0].tumor.centre_mm), moved.visits[0].scans[0].motion
    columns = [
        motion.to_visit(centre + axis) - motion.to_visit(centre - axis) for axis in np.eye(3)
    ]
    stretch = np.linalg.det(np.stack(columns, axis=-1) / 2)
    assert lesion.volume_ml == pytest.approx(4 / 3 * np.pi * 0.8**3 * stretch, rel=0.03)
    gap = np.array(lesion.centroid_mm) - motion.to_visit(centre)
    assert np.linalg.norm(gap) < 0.7


def test_clinical_scans_have_the_grids_of_hospitals() -> None:
    quick = replace(CLINICAL, anatomy_mm=4.0)
    scripted = draw_course(4, visits=6, protocol=quick)
    for visit in scripted.visits:
        geometry = visit.scans[0].geometry
        assert geometry.shape[1:] == (512, 512)
        assert 0.65 <= geometry.spacing_mm[1] <= 0.95
        assert geometry.spacing_mm[0] in CLINICAL.slice_mm
        assert geometry.size_mm[0] > 150


def test_thick_slices_show_partial_volume() -> None:
    visit = patient().visits[0]
    scan = visit.scans[0]
    z, y, x = scan.geometry.shape
    thick = replace(
        scan,
        geometry=Geometry.axial((z // 2, y, x), (6.0, 2.5, 2.5), scan.geometry.origin_mm),
        scanner=replace(scan.scanner, slice_thickness_mm=6.0, noise_hu=1.0),
    )
    one = replace(patient(), visits=(replace(visit, scans=(thick,)),))
    shown = render_visit(one, 0)
    assert shown.volume.hu.shape == (z // 2, y, x)
    thin = rendered()[0].masks.volume_ml("liver")
    assert shown.masks.volume_ml("liver") == pytest.approx(thin, rel=0.04)


def test_the_demo_shows_every_event_within_fourteen_months() -> None:
    demo = demo_patient(replace(COARSE, anatomy_mm=4.0))
    lesions = [render_visit(demo, visit).lesions for visit in range(4)]
    edges = true_edges(lesions)
    assert {edge.event for edge in edges} == set(Event)
    states = {track.state for track in true_tracks(lesions, edges)}
    assert states >= {
        TrackState.PERSISTENT,
        TrackState.NEW,
        TrackState.DISAPPEARED,
        TrackState.MERGED,
        TrackState.SPLIT,
    }
    assert all(6 <= len(of_visit) <= 9 for of_visit in lesions)
    assert 380 < (demo.visits[-1].date - demo.visits[0].date).days < 470
    assert [len(visit.scans) for visit in demo.visits] == [2, 1, 1, 1]
