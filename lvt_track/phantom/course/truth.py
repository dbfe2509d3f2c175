"""What is true of a phantom's lesions: where they are, how large, and which became which."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects
from scipy.spatial import ConvexHull
from scipy.spatial.distance import cdist

from lvt_track.core.components import label_components
from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.lesion.caliper import Point
from lvt_track.core.lesion.lesion import Edge, Event, Track, TrackState
from lvt_track.core.volume import BoolArray, LabelArray

__all__ = [
    "TrueLesion",
    "diameters_mm",
    "true_edges",
    "true_lesions",
    "true_tracks",
]

# Found on ellipses of 12 to 40 mm at pixels of 1.5 mm: their length is off by 0.2 mm at most on
# average, with a standard deviation of 0.3 mm. Half a pixel would make them 1.2 mm too long.
_OUTSET_PIXELS = 0.28


@dataclass(frozen=True)
class TrueLesion:
    """One connected component (26-neighbour) of a visit's true tumour mask.

    Attributes:
        visit: index of the visit.
        label: its number, from 1 by decreasing size, as in the visit's label map.
        identities: the tumours it consists of; several where tumours have merged.
        centroid_mm: LPS centre of mass at the visit.
        volume_ml: of its voxels.
        long_axis_mm: longest diameter in a slice.
        short_axis_mm: width across the long axis in the same slice.
    """

    visit: int
    label: int
    identities: tuple[int, ...]
    centroid_mm: Point
    volume_ml: float
    long_axis_mm: float
    short_axis_mm: float

    @property
    def key(self) -> tuple[int, int]:
        """Visit index and label: unique in the patient."""
        return self.visit, self.label


def true_lesions(
    visit: int, identities: NDArray[np.integer], geometry: Geometry
) -> tuple[LabelArray, tuple[TrueLesion, ...]]:
    """Find the lesions of a visit.

    Args:
        visit: index of the visit.
        identities: which tumour each voxel (z, y, x) belongs to; 0 outside tumours.
        geometry: grid of the visit.

    Returns:
        The label map, numbered by decreasing size (of equal ones, the first in scan order), and
        the lesions in order of their labels.
    """
    labels: LabelArray = np.zeros(identities.shape, dtype=np.int32)
    components, count = label_components(identities > 0)
    sizes = np.bincount(components.ravel(), minlength=count + 1)[1:]
    boxes = find_objects(components)
    lesions = []
    for label, component in enumerate(np.argsort(-sizes, kind="stable") + 1, start=1):
        box = boxes[component - 1]
        mask = components[box] == component
        labels[box][mask] = label
        centre = geometry.to_world(np.argwhere(mask).mean(axis=0) + [side.start for side in box])
        long_mm, short_mm = diameters_mm(mask, geometry.spacing_mm)
        lesions.append(
            TrueLesion(
                visit,
                label,
                tuple(int(n) for n in np.unique(identities[box][mask])),
                (float(centre[0]), float(centre[1]), float(centre[2])),
                float(np.count_nonzero(mask)) * geometry.voxel_volume_ml,
                long_mm,
                short_mm,
            )
        )
    return labels, tuple(lesions)


def diameters_mm(mask: BoolArray, spacing_mm: tuple[float, float, float]) -> tuple[float, float]:
    """Longest diameter in a slice over all slices, and the width across it in that slice.

    The outline runs a little outside of the outermost voxel centres, where the diameters of
    ellipses come out right on average. A line may leave a notched outline.
    """
    best = (0.0, 0.0)
    for plane in mask:
        if not plane.any():
            continue
        corners = _hull_corners(plane, spacing_mm[1:])
        distances = cdist(corners, corners)
        first, second = np.unravel_index(distances.argmax(), distances.shape)
        if distances[first, second] > best[0]:
            along = (corners[second] - corners[first]) / distances[first, second]
            across = corners @ np.array([-along[1], along[0]])
            best = (float(distances[first, second]), float(np.ptp(across)))
    return best


def true_edges(visits: Sequence[Sequence[TrueLesion]]) -> tuple[Edge, ...]:
    """Which lesion became which: each tumour joins the lesions of its successive sightings.

    Args:
        visits: the lesions of each visit, in order of time.

    Returns:
        Edges sorted by (earlier, later). Where several lesions became one it is a merge; else,
        where one became several, a split.
    """
    sightings: dict[int, dict[int, list[tuple[int, int]]]] = {}
    for lesions in visits:
        for lesion in lesions:
            for identity in lesion.identities:
                sightings.setdefault(identity, {}).setdefault(lesion.visit, []).append(lesion.key)
    pairs = {
        (earlier, later)
        for seen in sightings.values()
        for before, after in pairwise(sorted(seen))
        for earlier in seen[before]
        for later in seen[after]
    }
    futures = Counter(earlier for earlier, _ in pairs)
    pasts = Counter(later for _, later in pairs)
    edges = []
    for earlier, later in sorted(pairs):
        event = Event.SAME
        if pasts[later] > 1:
            event = Event.MERGE
        elif futures[earlier] > 1:
            event = Event.SPLIT
        edges.append(Edge(earlier, later, event, 0.0, source="truth", confidence=1.0))
    return tuple(edges)


def true_tracks(visits: Sequence[Sequence[TrueLesion]], edges: Sequence[Edge]) -> tuple[Track, ...]:
    """Tumours through time: the connected pieces of the lesion graph.

    Of several states that apply the one that weighs most is given: gone at the last visit, new
    after the first, merged, split, seen again after a gap, persistent.
    """
    lesions = {lesion.key: lesion for of_visit in visits for lesion in of_visit}
    group = {key: index for index, key in enumerate(sorted(lesions))}
    for edge in edges:
        old, new = group[edge.later], group[edge.earlier]
        group = {key: new if number == old else number for key, number in group.items()}
    pieces: dict[int, list[tuple[int, int]]] = {}
    for key, number in group.items():
        pieces.setdefault(number, []).append(key)
    ordered = sorted(
        pieces.values(),
        key=lambda keys: (keys[0][0], -lesions[keys[0]].volume_ml, keys),
    )
    return tuple(
        Track(number, tuple(keys), _state(keys, edges, len(visits)))
        for number, keys in enumerate(ordered, start=1)
    )


def _state(keys: Sequence[tuple[int, int]], edges: Sequence[Edge], visits: int) -> TrackState:
    events = {edge.event for edge in edges if edge.earlier in keys}
    seen = sorted({visit for visit, _ in keys})
    if seen[-1] < visits - 1:
        return TrackState.DISAPPEARED
    if seen[0] > 0:
        return TrackState.NEW
    if Event.MERGE in events:
        return TrackState.MERGED
    if Event.SPLIT in events:
        return TrackState.SPLIT
    if len(seen) < seen[-1] - seen[0] + 1:
        return TrackState.REAPPEARED
    return TrackState.PERSISTENT


def _hull_corners(plane: BoolArray, pixel_mm: tuple[float, ...]) -> FloatArray:
    """Corners (n, 2) as y, x in mm of the convex hull of a plane's outline."""
    ends = []
    for lines, axes in ((plane, [0, 1]), (plane.T, [1, 0])):
        used = np.flatnonzero(lines.any(axis=1))
        first = lines[used].argmax(axis=1) - _OUTSET_PIXELS
        last = lines.shape[1] - 1 - lines[used, ::-1].argmax(axis=1) + _OUTSET_PIXELS
        ends += [np.column_stack([used, end])[:, axes] for end in (first, last)]
    corners = np.concatenate(ends) * np.array(pixel_mm)
    hull: FloatArray = corners[ConvexHull(corners).vertices]
    return hull
