"""UIDs of the tumours of many patients whose folders have the same name and the same dates."""

from __future__ import annotations

import datetime as dt

import numpy as np

from lvt_track.core.geometry import Geometry
from lvt_track.core.lesion.lesion import Track, TrackState
from lvt_track.core.volume import Masks, Volume
from lvt_track.lesions.components import find_lesions
from lvt_track.lesions.identity import SCAN_DIGITS, KnownVisit, identified
from lvt_track.pipeline.run.manifest import voxel_digest

__all__ = ["collisions"]

GEOMETRY = Geometry.axial((16, 24, 24), (2.5, 2.0, 2.0), (0.0, 0.0, 0.0))
DATE = dt.date(2024, 1, 15)
TUMORS = 4


def collisions(patients: int) -> tuple[int, int]:
    """How many UIDs that many patients have, and how many of them belong to another as well.

    Every third patient has the masks of the one before, in a scan of its own.

    Args:
        patients: how many, all named alike.
    """
    uids: list[str] = []
    tumors = np.zeros(GEOMETRY.shape, bool)
    for number in range(patients):
        rng = np.random.default_rng(number)
        if number % 3 != 2:
            tumors = _balls(rng)
        everything = np.ones(GEOMETRY.shape, bool)
        masks = Masks(everything, np.zeros_like(everything), tumors, GEOMETRY)
        hu = rng.normal(100, 10, GEOMETRY.shape).round().astype(np.int16)
        volume = Volume(hu, GEOMETRY)
        _, lesions = find_lesions(0, volume, masks)
        visit = KnownVisit(DATE, voxel_digest(volume)[:SCAN_DIGITS], lesions)
        tracks = [
            Track(lesion.label, (lesion.key,), TrackState.PERSISTENT) for lesion in visit.lesions
        ]
        uids += [track.uid for track in identified(tracks, [visit], (), "patient")]
    return len(uids), len(uids) - len(set(uids))


def _balls(rng: np.random.Generator) -> np.ndarray:
    """A few tumours at places drawn by lot."""
    index = np.indices(GEOMETRY.shape).transpose(1, 2, 3, 0)
    tumors = np.zeros(GEOMETRY.shape, bool)
    for _ in range(TUMORS):
        away = np.linalg.norm(index - rng.uniform(3, np.array(GEOMETRY.shape) - 3), axis=-1)
        tumors |= away < rng.uniform(1.5, 3.5)
    return tumors
