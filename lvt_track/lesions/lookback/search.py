"""Looking back: whether earlier scans already show a tumour that was found later.

A tumour's place is carried to each earlier scan, and the most lesion-like spot near it is sought.
In a noisy liver there is always some spot, so the same search is done at control places of the
same liver in the same scan. A scan is said to show the tumour only if few of these look like one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.course import Course, LookBack, Visibility
from lvt_track.core.geometry import FloatArray
from lvt_track.core.lesion.lesion import Lesion, Track
from lvt_track.lesions.frame import PointMap
from lvt_track.lesions.lookback.contrast import PROBE_RADII_MM, contrast_maps, ring_hu
from lvt_track.lesions.lookback.controls import (
    FEWEST_CONTROLS,
    control_cells,
    false_alarm_rate,
    known_places,
)
from lvt_track.lesions.lookback.probes import (
    best_spots,
    highest_probability,
    neighbourhoods,
    noise_hu,
)
from lvt_track.lesions.lookback.scan import LiverScan
from lvt_track.lesions.size import ball_radius_mm

__all__ = ["DOUBTFUL_RATE", "LEAST_CONTRAST_HU", "VISIBLE_RATE", "first_lesion", "look_back"]

VISIBLE_RATE = 0.05
"""A tumour is called visible when at most this share of the control places look as much like it."""

DOUBTFUL_RATE = 0.2
"""Up to this share it is called doubtful."""

LEAST_CONTRAST_HU = 5.0
"""Less is not seen by eye on a liver window, however smooth the scan."""

_SPREADS = 2.0
_SEARCH_MM = (2.0, 12.0)
# Probes reach from half the radius that the lesion has when it is found to about that radius.
_PROBE_SHARES = (0.45, 1.15)


def look_back(
    course: Course, scans: Sequence[LiverScan | None], frame: PointMap
) -> tuple[LookBack, ...]:
    """Look for every tumour that the first visit does not show in the scans before its detection.

    Args:
        course: visits, lesions and tracks.
        scans: the liver of each visit; None where there is none.
        frame: the registration of the visits.

    Returns:
        One for each such track and earlier visit, by track and visit.
    """
    firsts = [_First(track, first_lesion(course, track)) for track in course.tracks]
    last = max((first.lesion.visit for first in firsts), default=0)
    scenes = [_scene(course, visit, scans[visit], frame) for visit in range(last)]
    return tuple(
        _look(course, first, scenes[visit], scans[first.lesion.visit], frame)
        for first in firsts
        for visit in range(first.lesion.visit)
    )


class _First(NamedTuple):
    """A track, and the largest lesion of the first visit that shows it."""

    track: Track
    lesion: Lesion


@dataclass(frozen=True, eq=False)
class _Scene:
    """An earlier visit.

    Attributes:
        visit: its index.
        scan: its liver; None where there is none.
        known_mm, known_radius_mm: where (n, 3) lesions of any visit lie in it, and how large.
        maps: contrast by radius of the probe, as far as it was needed.
    """

    visit: int
    scan: LiverScan | None
    known_mm: FloatArray
    known_radius_mm: FloatArray
    maps: dict[float, NDArray[np.float32]] = field(default_factory=dict)

    def contrast(self, scan: LiverScan, radii_mm: Sequence[float]) -> NDArray[np.float32]:
        """Contrast (radii, z, y, x) in HU."""
        missing = [radius for radius in radii_mm if radius not in self.maps]
        if missing:
            self.maps.update(zip(missing, contrast_maps(scan, missing), strict=True))
        return np.stack([self.maps[radius] for radius in radii_mm])


def _scene(course: Course, visit: int, scan: LiverScan | None, frame: PointMap) -> _Scene:
    return _Scene(visit, scan, *known_places(course, visit, frame))


def first_lesion(course: Course, track: Track) -> Lesion:
    """The largest lesion of a track at the first visit that shows it."""
    first = track.lesions[0][0]
    return max(
        (course.lesion(key) for key in track.lesions if key[0] == first),
        key=lambda lesion: lesion.measurement.volume_ml,
    )


def _look(
    course: Course,
    first: _First,
    scene: _Scene,
    detected: LiverScan | None,
    frame: PointMap,
) -> LookBack:
    """The place of one tumour in one earlier scan."""
    visit, lesion = scene.visit, first.lesion
    before, after = (course.visits[k].visit for k in (visit, lesion.visit))
    centre = np.array([lesion.centroid_mm])
    place = frame.map_points(centre, lesion.visit, visit)
    x, y, z = place[0].tolist()
    look = LookBack(
        track=first.track.number,
        lesion=lesion.key,
        visit=visit,
        days_earlier=(after.date - before.date).days,
        verdict=Visibility.NOT_COVERED,
        reason="",
        place_mm=(x, y, z),
        search_mm=_search_mm(centre, lesion.visit, place, visit, frame),
    )
    if scene.scan is None or detected is None:
        return replace(look, reason="no liver was found there")
    if not (frame.is_reliable(visit) and frame.is_reliable(lesion.visit)):
        return replace(look, reason="the two scans could not be aligned well")
    if not frame.covered(centre, lesion.visit, visit)[0]:
        return replace(look, reason="the place is outside the scan")
    judged = _judge(look, lesion, scene, scene.scan, detected)
    phases = (before.tracked_series.phase, after.tracked_series.phase)
    if judged.verdict is Visibility.NOT_COVERED or phases[0] == phases[1]:
        return judged
    return replace(judged, reason=f"{judged.reason}; {phases[0]} phase, found in {phases[1]}")


def _judge(
    look: LookBack,
    lesion: Lesion,
    scene: _Scene,
    scan: LiverScan,
    detected: LiverScan,
) -> LookBack:
    """Search at the place and at its controls, and compare."""
    place_mm = np.array(look.place_mm)
    radius_mm = _radius_mm(lesion)
    radii_mm = _probes_mm(radius_mm)
    clear_mm = scene.known_radius_mm + look.search_mm + radii_mm[-1]
    controls = control_cells(scan, place_mm, scene.known_mm, clear_mm)
    maps = scene.contrast(scan, radii_mm)
    cell = np.rint(scan.geometry.to_index(place_mm)).astype(np.intp)
    around, inside = neighbourhoods(np.vstack([cell, controls]), look.search_mm, scan)
    noise = noise_hu(maps, controls)
    spots = best_spots(maps, noise, _sign(lesion, detected, radius_mm), around, inside)
    judged = ~np.isnan(spots.score)
    if not judged[0]:
        return replace(
            look, reason="no plain liver there: beyond its edge, or in a vessel or known lesion"
        )
    scores = [spots.score[judged]]
    probability = highest_probability(scan, around, inside)
    if probability is not None:
        scores.append(probability[judged])
    rate = false_alarm_rate(scores)
    probe = int(spots.probe[0])
    look = replace(
        look,
        contrast_hu=float(spots.contrast_hu[0]),
        cnr=float(spots.contrast_hu[0] / noise[probe]),
        size_mm=2 * radii_mm[probe],
        probability=None if probability is None else float(probability[0]),
        false_alarm_rate=rate,
        controls=int(np.count_nonzero(judged)) - 1,
    )
    verdict, remark = _verdict(rate, float(spots.score[0]), look)
    return replace(look, verdict=verdict, reason=_words(look) + remark)


def _verdict(rate: float, score: float, look: LookBack) -> tuple[Visibility, str]:
    """What the numbers mean, and a remark where the rate alone would have said more."""
    if look.controls < FEWEST_CONTROLS:
        return Visibility.DOUBTFUL, f"; only {look.controls} places to compare with"
    if rate > DOUBTFUL_RATE:
        return Visibility.NOT_VISIBLE, ""
    if rate > VISIBLE_RATE:
        return Visibility.DOUBTFUL, ""
    if score <= 0:
        return Visibility.DOUBTFUL, "; brighter where the lesion is darker, or the reverse"
    if abs(look.contrast_hu or 0.0) < LEAST_CONTRAST_HU:
        return Visibility.DOUBTFUL, "; too faint for the eye"
    return Visibility.VISIBLE, ""


def _words(look: LookBack) -> str:
    contrast, cnr = look.contrast_hu or 0.0, look.cnr or 0.0
    rate = 100 * (look.false_alarm_rate or 0.0)
    side = "darker" if contrast < 0 else "brighter"
    text = f"{abs(contrast):.0f} HU {side} than the liver around it, {abs(cnr):.1f} times the noise"
    if look.probability is not None:
        text += f", tumour probability {100 * look.probability:.0f} %"
    return f"{text}; {rate:.1f} % of control places look as much like a lesion"


def _search_mm(
    centre_mm: FloatArray, later: int, place_mm: FloatArray, earlier: int, frame: PointMap
) -> float:
    """How far from its place a lesion may lie, by the registration's uncertainty at both visits."""
    lesion_sd_mm, place_sd_mm = (
        frame.uncertainty_mm(centre_mm, later),
        frame.uncertainty_mm(place_mm, earlier),
    )
    return float(np.clip(_SPREADS * np.hypot(lesion_sd_mm[0], place_sd_mm[0]), *_SEARCH_MM))


def _sign(lesion: Lesion, detected: LiverScan, radius_mm: float) -> float:
    """1 for a lesion brighter than the liver around it when it was found, else -1."""
    mean_hu = lesion.measurement.mean_hu
    around_hu = ring_hu(detected, np.array(lesion.centroid_mm), radius_mm)
    return 1.0 if mean_hu is not None and mean_hu > around_hu else -1.0


def _probes_mm(radius_mm: float) -> tuple[float, ...]:
    """Radii of the balls with which a lesion of this radius is sought."""
    low, high = (share * radius_mm for share in _PROBE_SHARES)
    chosen = tuple(radius for radius in PROBE_RADII_MM if low <= radius <= high)
    return chosen or (min(PROBE_RADII_MM, key=lambda radius: abs(radius - radius_mm)),)


def _radius_mm(lesion: Lesion) -> float:
    return float(ball_radius_mm(lesion.measurement.volume_ml))
