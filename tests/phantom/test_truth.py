"""Truth of lesions: sizes of known shapes, and edges from who is where."""

from __future__ import annotations

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.core.lesion.lesion import Event, TrackState
from lvt_track.phantom.course.truth import (
    TrueLesion,
    diameters_mm,
    true_edges,
    true_lesions,
    true_tracks,
)


def lesion(visit: int, label: int, *identities: int, volume_ml: float = 1.0) -> TrueLesion:
    return TrueLesion(visit, label, identities, (0.0, 0.0, 0.0), volume_ml, 10.0, 10.0)


def ball(geometry: Geometry, centre_mm: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    index = np.stack(np.indices(geometry.shape), axis=-1)
    offset = geometry.to_world(index) - np.array(centre_mm)
    return np.linalg.norm(offset, axis=-1) <= radius_mm


def test_a_ball_has_the_size_of_a_ball() -> None:
    geometry = Geometry.axial((60, 60, 60), (0.8, 0.5, 0.5))
    mask = ball(geometry, (15.0, 14.0, 23.0), 9.0)
    labels, (found,) = true_lesions(3, mask.astype(np.int32) * 7, geometry)
    assert found.key == (3, 1)
    assert found.identities == (7,)
    assert np.array_equal(labels == 1, mask)
    assert found.volume_ml == pytest.approx(4 / 3 * np.pi * 0.9**3, rel=0.01)
    assert found.long_axis_mm == pytest.approx(18.0, abs=0.4)
    assert found.short_axis_mm == pytest.approx(18.0, abs=0.4)
    assert found.centroid_mm == pytest.approx((15.0, 14.0, 23.0), abs=0.1)


def test_diameters_of_a_brick_are_its_diagonal_and_the_width_across() -> None:
    mask = np.zeros((5, 200, 300), dtype=bool)
    mask[2, 50:100, 25:225] = True
    long_mm, short_mm = diameters_mm(mask, (5.0, 0.2, 0.2))
    assert long_mm == pytest.approx(np.hypot(40, 10), abs=0.3)
    # Twice the distance of a corner from the diagonal.
    assert short_mm == pytest.approx(2 * 40 * 10 / np.hypot(40, 10), abs=0.3)


def test_diameters_are_those_of_the_widest_slice() -> None:
    mask = np.zeros((3, 8, 8), dtype=bool)
    mask[0, 4, 4] = True
    assert diameters_mm(mask, (1.0, 3.0, 4.0))[0] < 4.0
    mask[1, 2, 1:7] = True
    assert 20.0 < diameters_mm(mask, (1.0, 3.0, 4.0))[0] < 24.0


def test_diameters_of_ellipses_are_right_on_average() -> None:
    rng = np.random.default_rng(0)
    errors = []
    for _ in range(200):
        centre = 24.0 + rng.uniform(-0.5, 0.5, 2)
        turn, radius = rng.uniform(0, np.pi), rng.uniform(6, 20)
        y, x = np.mgrid[:64, :64] * 1.5 - 2 * centre[:, None, None]
        along = x * np.cos(turn) + y * np.sin(turn)
        across = y * np.cos(turn) - x * np.sin(turn)
        plane = (along / radius) ** 2 + (across / (0.8 * radius)) ** 2 < 1
        errors.append(diameters_mm(plane[None], (3.0, 1.5, 1.5))[0] - 2 * radius)
    assert abs(np.mean(errors)) < 0.2
    assert np.std(errors) < 0.5


def test_lesions_are_numbered_by_size_and_touching_tumours_are_one() -> None:
    identities = np.zeros((10, 20, 20), dtype=np.int32)
    identities[2:4, 2:4, 2:4] = 1
    identities[4:8, 4:8, 4:8] = 2
    identities[5, 15, 15] = 3
    labels, lesions = true_lesions(0, identities, Geometry.axial((10, 20, 20), (1, 1, 1)))
    assert [one.identities for one in lesions] == [(1, 2), (3,)]
    assert [one.label for one in lesions] == [1, 2]
    assert labels[3, 3, 3] == labels[4, 4, 4] == 1
    assert labels[5, 15, 15] == 2


def test_no_tumour_no_lesion() -> None:
    empty = np.zeros((3, 4, 5), dtype=np.int32)
    labels, lesions = true_lesions(0, empty, Geometry.axial((3, 4, 5), (1, 1, 1)))
    assert lesions == ()
    assert not labels.any()


def test_edges_of_every_event() -> None:
    visits = [
        [lesion(0, 1, 1, 2), lesion(0, 2, 3), lesion(0, 3, 4), lesion(0, 4, 5), lesion(0, 5, 6)],
        [lesion(1, 1, 1), lesion(1, 2, 2), lesion(1, 3, 3, 4), lesion(1, 4, 6)],
        [lesion(2, 1, 1), lesion(2, 2, 2), lesion(2, 3, 3, 4), lesion(2, 4, 5), lesion(2, 5, 7)],
    ]
    edges = true_edges(visits)
    assert {(e.earlier, e.later): e.event for e in edges} == {
        ((0, 1), (1, 1)): Event.SPLIT,
        ((0, 1), (1, 2)): Event.SPLIT,
        ((0, 2), (1, 3)): Event.MERGE,
        ((0, 3), (1, 3)): Event.MERGE,
        ((0, 4), (2, 4)): Event.SAME,
        ((0, 5), (1, 4)): Event.SAME,
        ((1, 1), (2, 1)): Event.SAME,
        ((1, 2), (2, 2)): Event.SAME,
        ((1, 3), (2, 3)): Event.SAME,
    }
    assert list(edges) == sorted(edges, key=lambda e: (e.earlier, e.later))
    states = {track.lesions[0]: track.state for track in true_tracks(visits, edges)}
    assert states == {
        (0, 1): TrackState.SPLIT,
        (0, 2): TrackState.MERGED,
        (0, 4): TrackState.REAPPEARED,
        (0, 5): TrackState.DISAPPEARED,
        (2, 5): TrackState.NEW,
    }


def test_tracks_are_numbered_by_first_visit_then_size() -> None:
    visits = [
        [lesion(0, 1, 1, volume_ml=2.0), lesion(0, 2, 2, volume_ml=1.0)],
        [lesion(1, 1, 3, volume_ml=9.0), lesion(1, 2, 1), lesion(1, 3, 2)],
    ]
    tracks = true_tracks(visits, true_edges(visits))
    assert [track.number for track in tracks] == [1, 2, 3]
    assert [track.lesions[0] for track in tracks] == [(0, 1), (0, 2), (1, 1)]
