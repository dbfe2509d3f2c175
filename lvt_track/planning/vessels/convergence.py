"""Portal and hepatic apart by where vessels point, for masks that end at the liver's outline.

There neither the vena cava nor the portal trunk is seen, so no root is certain. Hepatic veins run
straight to one place, where the cava leaves the liver; portal branches to another, the hilum, and
on the left to the umbilical portion beside it. Both places are found as those that explain the
courses of the vessels best, near to where they lie in most livers. Each branch then has its own
evidence: its course, and what it costs to grow to it from either place. Branches that continue one
another lend each other theirs (mean field of an Ising model, e.g. Wainwright & Jordan, Found Trends
Mach Learn 2008;1:1-305).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import FloatArray
from lvt_track.planning.vessels.cava import Cava, LiverFrame
from lvt_track.planning.vessels.graph import VesselGraph
from lvt_track.planning.vessels.growth import Root, Steps, grow

__all__ = ["Convergence", "classify_by_convergence"]

# Where the places lie in most livers: shares of its extent, and how far they are looked for.
_OUTFLOW = (0.57, 0.60, 0.85)
_HILUM_FROM_OUTFLOW = (-0.06, -0.15)
_HILUM_HEIGHT = 0.47
_OUTFLOW_REACH_MM, _OUTFLOW_SPREAD_MM = (24.0, 24.0, 18.0), (14.0, 14.0, 12.0)
_HILUM_REACH_MM, _HILUM_SPREAD_MM = (18.0, 18.0, 18.0), (12.0, 12.0, 12.0)
# Branches of the left liver come from the umbilical portion, to the left, before and above.
_UMBILICAL_FROM_HILUM_MM, _LEFT_MM = (18.0, -30.0, 22.0), 10.0
_AT_UMBILICAL, _NEAR_UMBILICAL_MM = 0.7, 15.0
_GRID_MM = 6.0
_EVIDENCE = 60.0  # of all courses together against the usual places
# Set by hand on three real livers, where seven neighbouring settings told 83 to 85 % of the length
# of all branches right.
_SAMPLE_MM = 6.0
_TANGENT_MM = 4.0
_ALIGNED, _EVEN = 3.0, 0.1  # weight of alignment, and what it is where both are as likely
_NEAR, _NEAR_OUTFLOW_MM, _NEAR_HILUM_MM = 4.0, 22.0, 18.0
_WEIGHT_MM2, _MOST_WEIGHT = 12.0, 2.0
_MOST = 4.0
_AT_FORK, _AT_CROSSING = 3.0, 4.5
_ROUNDS = 60
# Growth from both places; set on the same three livers, where every setting about these, but a
# reach about the hilum below 50 mm, told more right than none of it.
_OUTFLOW_BEGIN_MM, _HILUM_BEGIN_MM = 40.0, 70.0
_BEGIN_PER_MM, _BEGIN_THIN, _BEGIN_RADIUS_MM = 0.06, 0.5, 4.0
_DEAREST, _MOST_GROWN, _GROWN = 20.0, 2.0, 2.5


@dataclass(frozen=True, eq=False)
class Convergence:
    """What the courses of vessels say.

    Attributes:
        hepatic: for each branch the log odds that it is hepatic rather than portal (n,).
        outflow_mm: where hepatic veins converge, LPS (3,).
        hilum_mm: where portal branches converge, LPS (3,).
    """

    hepatic: FloatArray
    outflow_mm: FloatArray
    hilum_mm: FloatArray


@dataclass(frozen=True, eq=False)
class _Samples:
    """Points of branches (n, 3), their courses (n, 3), radius times length (n,), and branch."""

    points_mm: FloatArray
    courses: FloatArray
    weight: FloatArray
    branch: NDArray[np.intp]

    def towards(self, places_mm: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Cosines (m, n) of the angles between courses and the ways to m places; distances."""
        way = places_mm[:, None] - self.points_mm[None]
        gap = np.linalg.norm(way, axis=2) + 1e-6
        cosine: FloatArray = np.abs((way * self.courses[None]).sum(axis=2)) / gap
        return cosine, gap


def classify_by_convergence(graph: VesselGraph, frame: LiverFrame, cava: Cava) -> Convergence:
    """Tell hepatic from portal branches where no root is seen.

    Args:
        graph: with a branch or more.
        frame: of the liver.
        cava: as assumed from the liver alone.
    """
    outflow = frame.place(_OUTFLOW)
    outflow[:2] = 0.5 * (outflow[:2] + cava.axis_at(np.array(outflow[2])))
    size = np.array(frame.high_mm) - np.array(frame.low_mm)
    hilum = outflow.copy()
    hilum[:2] += np.array(_HILUM_FROM_OUTFLOW) * size[:2]
    hilum[2] = frame.place((0.5, 0.5, _HILUM_HEIGHT))[2]
    samples = _samples(graph)
    if len(samples.weight) == 0:
        return Convergence(np.zeros(len(graph.branches)), outflow, hilum)
    outflow, hilum = _places(samples, outflow, hilum)
    course = np.bincount(
        samples.branch, _evidence(samples, outflow, hilum), minlength=len(graph.branches)
    )
    bulk = np.array([branch.calibre_mm * branch.length_mm for branch in graph.branches])
    trust = _GROWN * np.minimum(bulk / _WEIGHT_MM2, 1.0)
    branch_evidence: FloatArray = np.clip(course, -_MOST, _MOST) + trust * _grown(
        graph, outflow, hilum
    )
    return Convergence(_shared(graph, branch_evidence), outflow, hilum)


def _evidence(samples: _Samples, outflow: FloatArray, hilum: FloatArray) -> FloatArray:
    """What the course and the place of each point say for the hepatic veins, less than 0 for the
    portal vein (n,)."""
    to_outflow, from_outflow_mm = (a[0] for a in samples.towards(outflow[None]))
    to_hilum, from_hilum_mm = (a[0] for a in samples.towards(hilum[None]))
    umbilical = hilum + np.array(_UMBILICAL_FROM_HILUM_MM)
    to_umbilical, from_umbilical_mm = (a[0] for a in samples.towards(umbilical[None]))
    is_left = samples.points_mm[:, 0] > hilum[0] + _LEFT_MM
    to_portal = np.where(is_left, np.maximum(to_hilum, to_umbilical), to_hilum)
    near_portal = np.maximum(
        np.exp(-0.5 * (from_hilum_mm / _NEAR_HILUM_MM) ** 2),
        _AT_UMBILICAL * np.exp(-0.5 * (from_umbilical_mm / _NEAR_UMBILICAL_MM) ** 2),
    )
    evidence = _ALIGNED * (to_outflow - to_portal - _EVEN)
    evidence += _NEAR * np.exp(-0.5 * (from_outflow_mm / _NEAR_OUTFLOW_MM) ** 2)
    evidence -= _NEAR * near_portal
    weighed: FloatArray = evidence * np.minimum(samples.weight / _WEIGHT_MM2, _MOST_WEIGHT)
    return weighed


def _samples(graph: VesselGraph) -> _Samples:
    points, courses, weights, names = [np.zeros((0, 3))], [np.zeros((0, 3))], [np.zeros(0)], []
    for number, branch in enumerate(graph.branches):
        if number in graph.bridged:
            continue
        along = branch.along_mm
        count = max(1, int(along[-1] / _SAMPLE_MM))
        at = (np.arange(count) + 0.5) / count * along[-1]

        def place(where: FloatArray, along: FloatArray = along, b: int = number) -> FloatArray:
            line = graph.branches[b].points_mm
            return np.stack([np.interp(where, along, line[:, k]) for k in range(3)], axis=1)

        ahead = place(np.minimum(at + _TANGENT_MM, along[-1]))
        course = ahead - place(np.maximum(at - _TANGENT_MM, 0.0))
        points.append(place(at))
        courses.append(course / (np.linalg.norm(course, axis=1, keepdims=True) + 1e-9))
        weights.append(np.interp(at, along, branch.radius_mm) * along[-1] / count)
        names += [number] * count
    return _Samples(
        np.concatenate(points),
        np.concatenate(courses),
        np.concatenate(weights),
        np.array(names, dtype=np.intp),
    )


def _places(
    samples: _Samples, outflow: FloatArray, hilum: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """The pair of places that the courses, each to the nearer fit, point to best."""
    outflows = outflow + _offsets(_OUTFLOW_REACH_MM)
    hilums = hilum + _offsets(_HILUM_REACH_MM)
    share = (samples.weight / max(float(samples.weight.sum()), 1e-9)).astype(np.float32)
    to_hilum = samples.towards(hilums)[0].astype(np.float32)
    usual = -0.5 * (((hilums - hilum) / np.array(_HILUM_SPREAD_MM)) ** 2).sum(axis=1)
    best, most = (outflow, hilum), -np.inf
    for place, row in zip(outflows, samples.towards(outflows)[0].astype(np.float32), strict=True):
        away = float((((place - outflow) / np.array(_OUTFLOW_SPREAD_MM)) ** 2).sum())
        score = _EVIDENCE * (np.maximum(row, to_hilum) @ share) + usual - 0.5 * away
        if score.max() > most:
            best, most = (place, hilums[int(score.argmax())]), float(score.max())
    return best


def _offsets(reach_mm: tuple[float, ...]) -> FloatArray:
    steps = [np.arange(-reach, reach + 1e-6, _GRID_MM) for reach in reach_mm]
    offsets: FloatArray = np.stack(np.meshgrid(*steps, indexing="ij"), axis=-1).reshape(-1, 3)
    return offsets


def _grown(graph: VesselGraph, outflow: FloatArray, hilum: FloatArray) -> FloatArray:
    """For each branch, how much dearer it is to grow to it from the hilum than from the outflow.

    Cut at the liver's outline, the left and right portal vein begin far from the hilum, and hepatic
    veins close to the cava.
    """
    hepatic = grow(graph, _begins(graph, outflow, _OUTFLOW_BEGIN_MM)).cost
    portal = grow(graph, _begins(graph, hilum, _HILUM_BEGIN_MM)).cost
    dearer = np.minimum(portal, _DEAREST) - np.minimum(hepatic, _DEAREST)
    grown: FloatArray = np.clip(dearer, -_MOST_GROWN, _MOST_GROWN)
    return grown


def _begins(graph: VesselGraph, place: FloatArray, reach_mm: float) -> list[Root]:
    """Where a tree may begin: ends of branches that lead away from a place, the dearer the further
    from it and the thinner they are."""
    gap = np.linalg.norm(graph.nodes_mm - place, axis=1)
    roots = []
    for number, branch in enumerate(graph.branches):
        end = 0 if gap[branch.nodes[0]] < gap[branch.nodes[1]] else 1
        near = float(gap[branch.nodes[end]])
        if near >= reach_mm or branch.nodes[0] == branch.nodes[1]:
            continue
        thin = max(0.0, float(np.log(_BEGIN_RADIUS_MM / branch.end_radius_mm(end))))
        roots.append(Root(number, end, _BEGIN_PER_MM * near + _BEGIN_THIN * thin))
    return roots


def _shared(graph: VesselGraph, evidence: FloatArray) -> FloatArray:
    """Evidence of branches with that of those which continue them.

    A fork is mostly of one tree; where more meet, vessels of two may cross.
    """
    steps = Steps(graph)
    bond = np.zeros((len(evidence), len(evidence)))
    for ends in steps.meeting:
        for k, one in enumerate(ends):
            for other in ends[k + 1 :]:
                if one[0] == other[0]:
                    continue
                misfit = steps.misfit(one, other)
                if len(ends) <= 3:
                    strength = _AT_FORK * np.exp(-misfit)
                else:
                    strength = _AT_CROSSING * np.exp(-2.0 * misfit)
                bond[one[0], other[0]] += strength
                bond[other[0], one[0]] += strength
    odds = evidence.copy()
    for _ in range(_ROUNDS):
        odds = 0.5 * odds + 0.5 * (evidence + bond @ np.tanh(odds / 2.0))
    return odds
