"""How often looking back finds what is there, and how often it finds what is not.

    python benchmarks/lookback.py [--pairs 4] [--rounds 16]

Pairs of visits of one body, half of them a real CT that was moved (../shared/data/real), half
phantoms. Into the earlier scan spots of known size and contrast are put, or nothing, at places
where the later visit has a lesion of 12 mm. Writes docs/results/lookback.md and lookback.png.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib as mpl
import numpy as np
import torch
from matplotlib.figure import Figure
from scipy.ndimage import distance_transform_edt

from courses.simulated import SimulatedVisit, phantom_visits, real_course
from lesions.balls import ball
from lvt_track.core.course import Course, Visibility, VisitFindings
from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.lesion.caliper import Caliper
from lvt_track.core.lesion.lesion import Lesion, Measurement, Track, TrackState
from lvt_track.core.series import Phase, Series, Visit
from lvt_track.core.volume import Volume
from lvt_track.lesions.components import find_lesions
from lvt_track.lesions.lookback.contrast import ring_hu
from lvt_track.lesions.lookback.scan import LiverScan, liver_scan
from lvt_track.lesions.lookback.search import VISIBLE_RATE, look_back
from lvt_track.register.align import align
from lvt_track.register.frame import CommonFrame
from lvt_track.register.liver_image import liver_image
from pages.markdown import RESULTS, markdown_table, write_page

DIAMETERS_MM = (4.0, 6.0, 8.0, 10.0)
CONTRASTS_HU = (-15.0, -30.0, -60.0)
SPOTS = ((0.0, 0.0), *((d, c) for c in CONTRASTS_HU for d in DIAMETERS_MM))
COLORS = ("#56B4E9", "#0072B2", "#000000")
LATER_MM = 12.0
PLACES = 9
APART_MM = 36.0
NOTHING = 0.25
WILSON_Z = 1.96


@dataclass(frozen=True)
class Result:
    """One look: what was there, and what was said."""

    kind: str
    diameter_mm: float
    contrast_hu: float
    verdict: Visibility
    size_mm: float


@dataclass(frozen=True)
class Pair:
    """Two visits of one body that were brought onto each other."""

    kind: str
    earlier: SimulatedVisit
    later: SimulatedVisit
    frame: CommonFrame
    detected: LiverScan
    known: tuple[tuple[Lesion, ...], tuple[Lesion, ...]]
    places_mm: FloatArray


def main() -> None:
    """Look back in every pair, and write the page after each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=16)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    results: list[Result] = []
    facts: list[list[object]] = []
    for number in range(chosen.pairs):
        pair = prepare(number)
        rng = np.random.default_rng([number, 5])
        for _ in range(chosen.rounds):
            results += one_round(pair, rng)
        facts.append(pair_facts(number, pair))
        print(facts[-1], len(results), flush=True)
        report(results, facts, f"python benchmarks/lookback.py --pairs {chosen.pairs} "
               f"--rounds {chosen.rounds}")  # fmt: skip


def prepare(number: int) -> Pair:
    """Draw two visits in one phase, register them, and list where lesions fit."""
    kind = "real CT" if number % 2 == 0 else "phantom"
    seed = 500 + number // 2
    draw = real_course if kind == "real CT" else phantom_visits
    earlier, later = draw(seed, [Phase.PORTAL, Phase.PORTAL])
    images = [liver_image(visit.volume, visit.masks) for visit in (earlier, later)]
    frame = CommonFrame.of(0, [None, align(images[0], images[1], 0)], images[0].scan)
    detected = liver_scan(later.volume, later.masks)
    if detected is None:
        raise SystemExit(f"pair {number} has no liver")
    known = tuple(
        find_lesions(k, visit.volume, visit.masks)[1] for k, visit in enumerate((earlier, later))
    )
    return Pair(kind, earlier, later, frame, detected, known, free_places(earlier))


def free_places(visit: SimulatedVisit) -> FloatArray:
    """Places at least 6 mm from the liver's edge, vessels and tumours."""
    plain = visit.masks.liver & ~visit.masks.vessels & ~visit.masks.tumors
    depth = distance_transform_edt(plain, sampling=visit.volume.geometry.spacing_mm)
    return visit.volume.geometry.to_world(np.argwhere(depth > 6.0))


def one_round(pair: Pair, rng: np.random.Generator) -> list[Result]:
    """Spots at a few places of the earlier scan, and the looks at all of them."""
    places: list[FloatArray] = []
    for place in pair.places_mm[rng.permutation(len(pair.places_mm))[:2000]]:
        if len(places) < PLACES and all(np.linalg.norm(place - p) > APART_MM for p in places):
            places.append(place)
    spots = [
        (0.0, 0.0)
        if rng.random() < NOTHING
        else (float(rng.choice(DIAMETERS_MM)), float(rng.choice(CONTRASTS_HU)))
        for _ in places
    ]
    hu = pair.earlier.volume.hu.astype(np.float32)
    for place, (diameter_mm, contrast_hu) in zip(places, spots, strict=True):
        insert(hu, pair.earlier.volume.geometry, place, diameter_mm / 2, contrast_hu)
    scan = liver_scan(Volume(hu, pair.earlier.volume.geometry), pair.earlier.masks)
    there = in_later_scan(pair, np.array(places))
    found = [later_lesion(pair, k, place) for k, place in enumerate(there)]
    looks = look_back(course_of(pair, found), (scan, pair.detected), pair.frame)
    return [
        Result(pair.kind, *spot, look.verdict, look.size_mm or 0.0)
        for spot, look in zip(spots, looks, strict=True)
    ]


def insert(
    hu: FloatArray, geometry: Geometry, centre_mm: FloatArray, radius_mm: float, contrast_hu: float
) -> None:
    """Add a ball; borders are spread over the voxels they cross, as slices of any thickness do."""
    if radius_mm <= 0:
        return
    middle = geometry.to_index(centre_mm)
    box, filled = ball(geometry.shape, geometry.spacing_mm, middle, radius_mm)
    hu[box] += contrast_hu * filled


def in_later_scan(pair: Pair, places_mm: FloatArray) -> FloatArray:
    """Where places of the earlier scan truly lie in the later one."""
    body = pair.earlier.to_body(places_mm)
    there = pair.frame.map_points(places_mm, 0, 1)
    for _ in range(50):
        there = there - (pair.later.to_body(there) - body)
    return there


def later_lesion(pair: Pair, number: int, centre_mm: FloatArray) -> Lesion:
    """The lesion as the later visit's masks would show it: a dark ball."""
    x, y, z = centre_mm.tolist()
    axis = Caliper((x - LATER_MM / 2, y, z), (x + LATER_MM / 2, y, z), LATER_MM)
    around_hu = ring_hu(pair.detected, centre_mm, LATER_MM / 2)
    size = Measurement(np.pi / 6 * LATER_MM**3 / 1000, axis, axis, 0, around_hu - 40.0)
    return Lesion(1, 1001 + number, (x, y, z), size)


def course_of(pair: Pair, found: Sequence[Lesion]) -> Course:
    """The two visits, with a track for each lesion that is sought."""
    visits = []
    for k, visit in enumerate((pair.earlier, pair.later)):
        grid = visit.volume.geometry
        series = Series(
            (RESULTS,), str(k), "", visit.phase, grid.shape, grid.spacing_mm, 1.0, False
        )
        lesions = (*pair.known[k], *(found if k == 1 else ()))
        visits.append(
            VisitFindings(Visit(visit.date, str(k), (series,)), grid, 1.0, 0.0, 0.0, lesions)
        )
    tracks = tuple(
        Track(n, (lesion.key,), TrackState.NEW) for n, lesion in enumerate(found, start=1)
    )
    return Course("benchmark", tuple(visits), tracks=tracks)


def pair_facts(number: int, pair: Pair) -> list[object]:
    """What the pair was like."""
    z, y, _ = pair.earlier.volume.geometry.spacing_mm
    plain = pair.earlier.masks.liver & ~pair.earlier.masks.vessels & ~pair.earlier.masks.tumors
    values = pair.earlier.volume.hu[plain]
    spread = 1.4826 * float(np.median(np.abs(values - np.median(values))))
    quality = pair.frame.alignments[1].quality  # type: ignore[union-attr]
    return [number, pair.kind, f"{y:.1f} × {z:.1f}", f"{spread:.0f}", quality.method]


def alike(
    results: Sequence[Result], kind: str, diameter_mm: float, contrast_hu: float
) -> list[Result]:
    """The looks at spots of one size and contrast in scans of one kind."""
    wanted = (kind, diameter_mm, contrast_hu)
    return [r for r in results if (r.kind, r.diameter_mm, r.contrast_hu) == wanted]


def share(results: Sequence[Result], verdicts: Sequence[Visibility]) -> tuple[float, float, float]:
    """Share of looks with one of the verdicts, and its 95 % interval (Wilson 1927)."""
    n = len(results)
    p = sum(result.verdict in verdicts for result in results) / n
    middle = (p + WILSON_Z**2 / (2 * n)) / (1 + WILSON_Z**2 / n)
    half = WILSON_Z / (1 + WILSON_Z**2 / n)
    half *= float(np.sqrt(p * (1 - p) / n + WILSON_Z**2 / (4 * n**2)))
    return p, min(p, middle - half), max(p, middle + half)


def report(results: Sequence[Result], facts: Sequence[Sequence[object]], command: str) -> None:
    """Write the table and the figure of what was measured so far."""
    judged = [r for r in results if r.verdict is not Visibility.NOT_COVERED]
    rows = []
    for kind in ("real CT", "phantom"):
        for diameter, contrast in SPOTS:
            own = alike(judged, kind, diameter, contrast)
            if own:
                rows.append(
                    [
                        kind,
                        f"{diameter:.0f} mm, −{-contrast:.0f} HU" if diameter else "nothing",
                        len(own),
                        interval(share(own, [Visibility.VISIBLE])),
                        interval(share(own, [Visibility.VISIBLE, Visibility.DOUBTFUL])),
                    ]
                )
    seen = [r for r in judged if r.verdict is Visibility.VISIBLE and r.diameter_mm]
    ratio = np.array([r.size_mm / r.diameter_mm for r in seen])
    sizes = (
        f"Of {len(seen)} spots called visible, the estimated size was {np.median(ratio):.2f} times "
        f"the true one (median; middle half {np.percentile(ratio, 25):.2f} to "
        f"{np.percentile(ratio, 75):.2f}); balls that fit a lesion of {LATER_MM:.0f} mm begin at "
        "6.4 mm."
        if len(seen)
        else ""
    )
    draw(judged)
    write_page(
        "lookback",
        "Looking back: what is found, and what is found where nothing is",
        command,
        f"Spots in the earlier of two scans, at places where the later visit has a lesion of "
        f"{LATER_MM:.0f} mm. Both were registered by `lvt`, without the spots. Real: LiTS 0 and "
        "3D-IRCADb 1.19, moved and resampled, noise added, without vessel masks. Phantoms: "
        "`lvt_track.phantom`, with their true vessel masks. Given masks, so no model's "
        f"probability. {len(results) - len(judged)} of {len(results)} looks were not covered and "
        "are left out. In brackets: 95 % intervals (Wilson).",
        markdown_table(["scans", "there was", "looks", "visible", "visible or doubtful"], rows),
        sizes,
        "![Share called visible against size and contrast](lookback.png)",
        "Dashed: the 5 % of looks at nothing that the rule lets through.",
        markdown_table(
            ["pair", "scans", "earlier voxel, mm", "spread of liver HU", "registration"], facts
        ),
    )


def interval(values: tuple[float, float, float]) -> str:
    """A share and its interval in percent."""
    p, low, high = (100 * v for v in values)
    return f"{p:.0f} % ({max(0.0, low):.0f}–{high:.0f})"


def draw(results: Sequence[Result]) -> None:
    """Share called visible against diameter, a line for each contrast; nothing at zero."""
    with mpl.rc_context({"font.size": 8, "font.family": "DejaVu Sans"}):
        figure = Figure(figsize=(7.0, 2.8), layout="constrained")
        axes = figure.subplots(1, 2, sharey=True)
        for panel, kind in zip(axes, ("real CT", "phantom"), strict=True):
            for k, (color, contrast) in enumerate(zip(COLORS, CONTRASTS_HU, strict=True)):
                cells = [(0.0, alike(results, kind, 0.0, 0.0))]
                cells += [(d, alike(results, kind, d, contrast)) for d in DIAMETERS_MM]
                points = [(d, *share(cell, [Visibility.VISIBLE])) for d, cell in cells if cell]
                if points:
                    x, p, low, high = np.array(points).T
                    panel.errorbar(
                        x + 0.12 * (k - 1),  # so that the intervals do not hide each other
                        100 * p,
                        [100 * (p - low), 100 * (high - p)],
                        color=color,
                        capsize=2,
                        linewidth=1,
                        marker="o",
                        markersize=3,
                        label=f"{contrast:.0f} HU".replace("-", "−"),
                    )
            panel.axhline(100 * VISIBLE_RATE, color="#D55E00", linewidth=0.8, linestyle="--")
            panel.set(title=kind, xlabel="diameter, mm (0: nothing there)", ylim=(0, 102))
            panel.spines[["top", "right"]].set_visible(False)
        axes[0].set_ylabel("called visible, %")
        if axes[1].get_legend_handles_labels()[0]:
            axes[1].legend(title="contrast", frameon=False, loc="lower right")
        figure.savefig(RESULTS / "lookback.png", dpi=150)


if __name__ == "__main__":
    main()
