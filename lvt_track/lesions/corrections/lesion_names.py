"""How a lesion is named so that it is known again after its mask was repainted and renumbered.

The number of a lesion is its rank by size at one visit: paint one voxel and all numbers may move.
A name therefore holds, beside the number, the place, the volume and a digest of the voxels.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lvt_track.core.lesion.caliper import Point
from lvt_track.core.lesion.lesion import Lesion
from lvt_track.lesions.size import ball_radius_mm

__all__ = ["LEAST_LIKENESS", "LesionName", "identify", "likeness", "name_of"]

LEAST_LIKENESS = 0.15
"""Below this a lesion is another one: their balls hardly meet."""


@dataclass(frozen=True)
class LesionName:
    """One lesion of one visit, as a table names it.

    Attributes:
        date: of the visit.
        label: its number there when the name was written.
        place_mm: its centre of mass (LPS) then; None where only the number is known.
        volume_ml: its volume then; None likewise.
        voxels: digest of its voxels then (`Lesion.voxels`); empty likewise.
    """

    date: dt.date
    label: int
    place_mm: Point | None = None
    volume_ml: float | None = None
    voxels: str = ""

    def __str__(self) -> str:
        return f"lesion {self.label} of {self.date}"


def name_of(lesion: Lesion, date: dt.date) -> LesionName:
    """The name by which a lesion is known again.

    Args:
        lesion: the lesion.
        date: of its visit.
    """
    place = lesion.centroid_mm
    return LesionName(date, lesion.label, place, lesion.measurement.volume_ml, lesion.voxels)


def identify(name: LesionName, lesions: Iterable[Lesion]) -> Lesion | None:
    """The lesion of a visit that a name means, or None where nothing fits.

    The same voxels are the same lesion, whatever its number is now. Else it is the one most like
    it in place and volume. A name of a number alone means that number.

    Args:
        name: the name.
        lesions: those of its visit.
    """
    ordered = sorted(lesions, key=lambda lesion: lesion.label)
    if name.voxels:
        same = [lesion for lesion in ordered if lesion.voxels == name.voxels]
        if same:
            return same[0]
    if name.place_mm is None:
        if name.voxels:
            return None
        return next((lesion for lesion in ordered if lesion.label == name.label), None)
    best = max(ordered, key=lambda lesion: likeness(name, lesion), default=None)
    return best if best is not None and likeness(name, best) >= LEAST_LIKENESS else None


def likeness(name: LesionName, lesion: Lesion) -> float:
    """How much a lesion of the same scan is the one named, 0 to 1; 1 only for the same voxels.

    Both are taken as balls: the share of the way that their centres could lie apart and their
    surfaces still touch, times the ratio of the volumes. Without a volume the place decides.

    Args:
        name: the name, which holds a place or a digest.
        lesion: the lesion.
    """
    if name.voxels and name.voxels == lesion.voxels:
        return 1.0
    if name.place_mm is None:
        return 0.0
    volume_ml = lesion.measurement.volume_ml
    named_ml = name.volume_ml or volume_ml
    apart_mm = float(np.linalg.norm(np.subtract(name.place_mm, lesion.centroid_mm)))
    reach_mm = float(ball_radius_mm(volume_ml) + ball_radius_mm(named_ml))
    near = max(0.0, 1.0 - apart_mm / reach_mm)
    return 0.999 * near * float(np.cbrt(min(volume_ml, named_ml) / max(volume_ml, named_ml)))
