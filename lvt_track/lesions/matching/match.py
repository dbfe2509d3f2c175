"""Which lesion is which, over all visits at once.

What may have become of the lesions is listed as associations: one lesion stayed one, one became
several, several became one, with visits in between that missed it. Each has a cost. The cheapest
choice in which no lesion has two pasts or two futures is the answer: a set packing problem, solved
exactly by HiGHS (scipy.optimize.milp).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize, sparse

from lvt_track.core.geometry import FloatArray
from lvt_track.core.lesion.lesion import Edge, Event, Lesion, Track
from lvt_track.lesions.components import ShapeTable
from lvt_track.lesions.corrections.decisions import Decisions
from lvt_track.lesions.frame import PointMap
from lvt_track.lesions.matching.associations import Association, LooseEnds, list_associations
from lvt_track.lesions.matching.costs import Costs, Scene
from lvt_track.lesions.matching.events import build_tracks

__all__ = ["DOUBTFUL", "Matching", "match_course"]

Key = tuple[int, int]

DOUBTFUL = 0.7
"""Edges with less confidence than this are named to the reader."""


@dataclass(frozen=True)
class Matching:
    """Which lesion became which.

    Attributes:
        edges: sorted by (earlier, later).
        tracks: tumours through time, by number.
        warnings: what a reader should check.
    """

    edges: tuple[Edge, ...]
    tracks: tuple[Track, ...]
    warnings: tuple[str, ...] = ()


def match_course(
    lesions: Sequence[Sequence[Lesion]],
    frame: PointMap,
    dates: Sequence[dt.date],
    shapes: ShapeTable | None = None,
    decisions: Decisions | None = None,
    costs: Costs | None = None,
) -> Matching:
    """Decide which lesion became which over a whole course.

    A visit that could not be aligned, perhaps because it is another patient's, is linked to none
    but where a reader says so.

    Args:
        lesions: the lesions of each visit, in any order within it.
        frame: the registration of the visits.
        dates: date of each visit, ascending.
        shapes: shapes of lesions by key, where known; without them lesions count as spheres.
        decisions: what a reader says of these lesions; it is obeyed, the rest is solved around.
        costs: the constants of the costs.

    Raises:
        ValueError: when visits and dates differ in number or dates descend.
    """
    if len(dates) != len(lesions):
        raise ValueError(f"there are {len(lesions)} visits and {len(dates)} dates")
    if list(dates) != sorted(dates):
        raise ValueError(f"dates must ascend, got {dates}")
    costs = costs or Costs()
    decisions = decisions or Decisions()
    scene = _scene(lesions, frame, dates, shapes or {})
    number = {key: index for index, key in enumerate(scene.keys)}
    required = [(number[a], number[b]) for a, b in sorted(decisions.added)]
    forbidden = frozenset(
        (number[a], number[b])
        for a, b in (
            *decisions.removed,
            *((a, b) for b in decisions.new for a in scene.keys if a[0] < b[0]),
        )
    )

    loose = _loose_ends(scene, costs)
    listed = list_associations(scene, costs, required, forbidden, loose)
    candidates = [one for one in listed if one.demand >= 0 or _is_aligned(one, scene, frame)]
    chosen = _cheapest(candidates, loose, len(scene))
    confidence = _confidences(candidates, chosen, loose)
    edges = tuple(
        sorted(
            (
                Edge(
                    scene.keys[a],
                    scene.keys[b],
                    candidates[index].event,
                    round(candidates[index].cost, 3),
                    "reader" if (a, b) in set(required) else "auto",
                    1.0 if (a, b) in set(required) else confidence[index],
                )
                for index in chosen
                for a, b in candidates[index].links
            ),
            key=lambda edge: (edge.earlier, edge.later),
        )
    )
    edges = _with_united(edges, decisions.united)
    tracks = build_tracks(lesions, edges, frame, dates, decisions)
    warnings = (*_warnings(edges, dates), *_roles_that_differ(tracks, decisions))
    return Matching(edges, tracks, warnings)


def _scene(
    lesions: Sequence[Sequence[Lesion]],
    frame: PointMap,
    dates: Sequence[dt.date],
    shapes: ShapeTable,
) -> Scene:
    """Bring all lesions into the reference frame, in order of visit and label."""
    flat = sorted((lesion for at in lesions for lesion in at), key=lambda lesion: lesion.key)
    count, visits = len(flat), len(lesions)
    visit = np.array([lesion.visit for lesion in flat], dtype=np.intp)
    volume_ml = np.array([lesion.measurement.volume_ml for lesion in flat])
    radius = np.cbrt(volume_ml * 1000 * 3 / (4 * np.pi))
    centroid = np.array([lesion.centroid_mm for lesion in flat]).reshape(count, 3)
    hu = [lesion.measurement.mean_hu for lesion in flat]
    position, sigma = np.zeros((count, 3)), np.zeros(count)
    seen_at = np.ones((count, visits), dtype=np.bool_)
    points: list[FloatArray] = [np.zeros((0, 3))] * count
    # One point stands for the whole lesion: half the diagonal of its cube is the radius.
    grain = 2 * radius / np.sqrt(3)
    for v in range(visits):
        of_visit = np.flatnonzero(visit == v)
        if not len(of_visit):
            continue
        position[of_visit] = frame.map_points(centroid[of_visit], v, frame.reference)
        sigma[of_visit] = frame.uncertainty_mm(centroid[of_visit], v)
        for other in range(visits):
            if other != v:
                seen_at[of_visit, other] = frame.covered(centroid[of_visit], v, other)
        for index in of_visit:
            shape = shapes.get(flat[index].key)
            if shape is None:
                points[index] = position[index][None]
            else:
                points[index] = frame.map_points(shape.points_mm, v, frame.reference)
                grain[index] = shape.grain_mm
    return Scene(
        keys=tuple(lesion.key for lesion in flat),
        visit=visit,
        days=np.array([(dates[v] - dates[0]).days for v in visit], dtype=np.float64),
        position_mm=position,
        radius_mm=radius,
        volume_ml=volume_ml,
        mean_hu=np.array([np.nan if value is None else value for value in hu]),
        sigma_mm=sigma,
        points_mm=tuple(points),
        grain_mm=grain,
        seen_at=seen_at,
    )


def _is_aligned(association: Association, scene: Scene, frame: PointMap) -> bool:
    """Whether all lesions are of visits that lie on the reference well enough to be matched."""
    ends = {end for link in association.links for end in link}
    return all(frame.is_reliable(int(scene.visit[end])) for end in ends)


def _loose_ends(scene: Scene, costs: Costs) -> LooseEnds:
    """Cost of each lesion to have no past, and to have no future; at the ends of time nothing."""
    index = np.arange(len(scene))
    last = scene.seen_at.shape[1] - 1
    before = scene.seen_at[index, np.maximum(scene.visit - 1, 0)]
    after = scene.seen_at[index, np.minimum(scene.visit + 1, last)]
    appear = np.where(before, costs.appear, costs.uncovered)
    vanish = np.where(after, costs.vanish, costs.uncovered)
    return LooseEnds(
        np.where(scene.visit == 0, 0, appear), np.where(scene.visit == last, 0, vanish)
    )


def _cheapest(candidates: Sequence[Association], loose: LooseEnds, lesions: int) -> list[int]:
    """The associations that together save most; no lesion has two pasts or two futures."""
    if not candidates:
        return []
    demands = 1 + max(candidate.demand for candidate in candidates)
    rows, columns = [], []
    for column, candidate in enumerate(candidates):
        uses = [*candidate.tails, *(lesions + head for head in candidate.heads)]
        if candidate.demand >= 0:
            uses.append(2 * lesions + candidate.demand)
        rows += uses
        columns += [column] * len(uses)
    taken = sparse.csr_array(
        (np.ones(len(rows)), (rows, columns)), shape=(2 * lesions + demands, len(candidates))
    )
    least = np.zeros(2 * lesions + demands)
    least[2 * lesions :] = 1
    gains = np.array([candidate.gain(loose) for candidate in candidates])
    solution = optimize.milp(
        -gains,
        integrality=np.ones(len(candidates), dtype=np.intp),
        bounds=optimize.Bounds(0, 1),
        constraints=optimize.LinearConstraint(taken, least, 1),
        options={"mip_rel_gap": 0.0},
    )
    if solution.x is None:
        raise RuntimeError(f"matching found no solution: {solution.message}")
    return [int(k) for k in np.flatnonzero(solution.x > 0.5)]


def _confidences(
    candidates: Sequence[Association],
    chosen: Sequence[int],
    loose: LooseEnds,
) -> dict[int, float]:
    """How sure each chosen association is: its odds against all that could take its place.

    An alternative that would also push out other chosen associations must pay for them.
    """
    gains = [candidate.gain(loose) for candidate in candidates]
    by_tail: dict[int, list[int]] = {}
    by_head: dict[int, list[int]] = {}
    for index, candidate in enumerate(candidates):
        for tail in candidate.tails:
            by_tail.setdefault(tail, []).append(index)
        for head in candidate.heads:
            by_head.setdefault(head, []).append(index)
    tail_holder = {tail: k for k in chosen for tail in candidates[k].tails}
    head_holder = {head: k for k in chosen for head in candidates[k].heads}
    confidence = {}
    for k in chosen:
        rivals = {r for tail in candidates[k].tails for r in by_tail[tail]}
        rivals |= {r for head in candidates[k].heads for r in by_head[head]}
        against = math.exp(min(-gains[k], 50.0))
        for rival in rivals - {k}:
            displaced = {tail_holder[t] for t in candidates[rival].tails if t in tail_holder}
            displaced |= {head_holder[h] for h in candidates[rival].heads if h in head_holder}
            loss = sum(gains[d] for d in displaced) - gains[rival]
            against += math.exp(min(-loss, 50.0))
        confidence[k] = round(1 / (1 + against), 4)
    return confidence


def _with_united(edges: Sequence[Edge], united: Sequence[tuple[Key, Key]]) -> tuple[Edge, ...]:
    """The edges, and those that follow from lesions which a reader calls one tumour.

    Of two visits, the later one came from the earlier. Of one visit, both came from what one came
    from; they are pieces of it.
    """
    known = {(edge.earlier, edge.later): edge for edge in edges}
    for a, b in united:
        pasts = {end: [e.earlier for e in known.values() if e.later == end] for end in (a, b)}
        wanted = [(a, b)]
        if a[0] == b[0]:
            wanted = [(past, b) for past in pasts[a] if not pasts[b]]
            wanted += [(past, a) for past in pasts[b] if not pasts[a]]
        for earlier, later in wanted:
            if (earlier, later) in known:
                continue
            event = Event.SAME
            if any(edge.earlier == earlier for edge in known.values()):
                event = Event.SPLIT
            elif any(edge.later == later for edge in known.values()):
                event = Event.MERGE
            for link, edge in known.items():
                same_end = link[0] == earlier if event is Event.SPLIT else link[1] == later
                if event is not Event.SAME and same_end:
                    known[link] = replace(edge, event=event)
            known[earlier, later] = Edge(earlier, later, event, 0.0, "reader", 1.0)
    return tuple(sorted(known.values(), key=lambda edge: (edge.earlier, edge.later)))


def _roles_that_differ(tracks: Sequence[Track], decisions: Decisions) -> list[str]:
    return [
        f"corrections call lesions of one tumour target and non-target (of visits "
        f"{', '.join(str(key[0] + 1) for key in track.lesions if key in decisions.roles)}): "
        f"it is taken as {track.role}"
        for track in tracks
        if len({decisions.roles[key] for key in track.lesions if key in decisions.roles}) > 1
    ]


def _warnings(edges: Sequence[Edge], dates: Sequence[dt.date]) -> tuple[str, ...]:
    return tuple(
        f"{dates[edge.earlier[0]]} lesion {edge.earlier[1]} to {dates[edge.later[0]]} lesion "
        f"{edge.later[1]}: doubtful link (confidence {edge.confidence:.2f}), please check"
        for edge in edges
        if edge.confidence is not None and edge.confidence < DOUBTFUL
    )
