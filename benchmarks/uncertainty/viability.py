"""Viable tumour on phantoms whose necrosis is known: livers in three phases, a breath apart."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import BoolArray, Masks, Volume
from lvt_track.lesions.components import find_lesions
from lvt_track.measure.viable import viable_axes
from lvt_track.phantom.body.tissues import Tissue
from lvt_track.phantom.course.tumors import Tumor, TumorKind, draw_tumor, level_mm, tissue_at
from lvt_track.phantom.image.scan import ScanSeeds, scan_hu
from lvt_track.phantom.image.synthesis import Scanner
from lvt_track.pipeline.patient.visit.viability import PhaseScan, phase_scan, with_viability

__all__ = ["HEADER", "Judged", "judged_lesions", "summary"]

HEADER = (
    *("lesions", "native series", "how many", "viable long axis: median error, mm"),
    *("within 2 mm", "necrosis: median error, points", "called dead"),
)
SLICES_MM = (1.0, 2.5, 5.0)
PIXEL_MM = 0.8
SIDE_MM = 100.0
LIVER_MM = (46.0, 46.0, 44.0)
DIAMETER_MM = (14.0, 50.0)
STATES = ("alive", "dead core", "a nodule left", "dead")
_ENHANCING = [int(Tissue.TUMOR_HYPERVASCULAR), int(Tissue.TUMOR_RIM)]


@dataclass(frozen=True)
class Judged:
    """One lesion: what of it is viable, and what was said of it."""

    state: str
    has_native: bool
    true_mm: float
    measured_mm: float | None
    true_percent: float
    measured_percent: float | None


def judged_lesions(seeds: Sequence[int]) -> Iterator[Judged]:
    """A lesion of each state in turn, with and without a native series."""
    for seed in seeds:
        state = STATES[seed % len(STATES)]
        rng = np.random.default_rng([seed, 11])
        slices_mm = float(rng.choice(SLICES_MM))
        diameter_mm = float(np.exp(rng.uniform(*np.log(DIAMETER_MM))))
        pieces = draw_pieces(state, diameter_mm, rng)
        shown = {}
        for k, phase in enumerate((Phase.PORTAL, Phase.ARTERIAL, Phase.NATIVE)):
            breath_mm = rng.normal(0.0, (0.5, 1.0, 3.0)) * (k > 0)
            shown[phase] = rendered(pieces, phase, slices_mm, breath_mm, seed)
        tracked, _ = shown[Phase.PORTAL]
        arterial, viable = shown[Phase.ARTERIAL]
        labels, lesions = find_lesions(0, tracked.volume, tracked.masks)
        tumor = arterial.masks.tumors
        true_mm = viable_axes(viable, arterial.volume.geometry)[0].length_mm if viable.any() else 0
        true_percent = 100.0 * (1 - np.count_nonzero(viable) / np.count_nonzero(tumor))
        for others in ([arterial], [arterial, shown[Phase.NATIVE][0]]):
            part = with_viability(lesions, labels, tracked, others)[0].viability
            assert part is not None
            yield Judged(
                *(state, len(others) > 1, float(true_mm), part.long_axis_mm),
                *(true_percent, part.necrosis_percent),
            )


def draw_pieces(state: str, diameter_mm: float, rng: np.random.Generator) -> list[Tumor]:
    """The lesion, and the nodule in it that is left; what comes later lies on top."""
    kind = TumorKind.NECROTIC if state in ("dead", "a nodule left") else TumorKind.HYPERVASCULAR
    whole = replace(draw_tumor(rng, (0.0, 0.0, 0.0), diameter_mm, kind), rim_mm=0.0)
    core = {"alive": 0.0, "dead core": float(rng.uniform(0.4, 0.75))}.get(state, 1.3)
    whole = replace(whole, core=core)
    if state != "a nodule left":
        return [whole]
    size_mm = diameter_mm * float(rng.uniform(0.4, 0.55))
    angle = rng.uniform(0, 2 * np.pi)
    away = (diameter_mm - size_mm) / 2 * 0.9
    place = (away * float(np.cos(angle)), away * float(np.sin(angle)), 0.0)
    nodule = draw_tumor(rng, place, size_mm, TumorKind.HYPERVASCULAR)
    return [whole, replace(nodule, rim_mm=0.0, core=0.0)]


def rendered(
    pieces: Sequence[Tumor], phase: Phase, slices_mm: float, breath_mm: FloatArray, seed: int
) -> tuple[PhaseScan, BoolArray]:
    """One series of the liver, and what of its lesion is viable (z, y, x)."""
    shape = (round(SIDE_MM / slices_mm), *(round(SIDE_MM / PIXEL_MM),) * 2)
    spacing = (slices_mm, PIXEL_MM, PIXEL_MM)
    middle = [-(n - 1) * s / 2 for n, s in zip(shape[::-1], spacing[::-1], strict=True)]
    grid = Geometry.axial(shape, spacing, (middle[0], middle[1], middle[2]))
    index = np.moveaxis(np.indices(shape), 0, -1)
    places = grid.to_world(index.reshape(-1, 3)).reshape(*shape, 3) - breath_mm
    liver = ((places / LIVER_MM) ** 2).sum(axis=-1) < 1
    labels: NDArray[np.uint8] = np.full(shape, int(Tissue.VISCERAL_FAT), dtype=np.uint8)
    labels[liver] = int(Tissue.LIVER)
    whole = np.zeros(shape, dtype=bool)
    for piece in pieces:
        level = level_mm(piece, places)
        inside = (level < 0) & liver
        # A nodule lies within what it is left of.
        inside &= whole if whole.any() else True
        labels[inside] = tissue_at(piece, places[inside], level[inside])
        whole |= inside
    rng = np.random.default_rng([seed, 12])
    scanner = Scanner(
        noise_hu=float(rng.uniform(8.0, 15.0)),
        kernel_fwhm_mm=float(rng.uniform(1.0, 1.7)),
        noise_grain_mm=float(rng.uniform(1.0, 1.8)),
        slice_thickness_mm=slices_mm,
    )
    hu = scan_hu(labels, spacing, phase, scanner, ScanSeeds(seed, seed + 97 * len(phase)))
    masks = Masks(liver, np.zeros(shape, dtype=bool), whole, grid)
    viable: BoolArray = np.isin(labels, _ENHANCING)
    scan = phase_scan(phase, Volume(hu, grid), masks)
    assert scan is not None
    offset = np.rint(grid.to_index(scan.volume.geometry.to_world([0, 0, 0]))).astype(int)
    cut = tuple(slice(a, a + n) for a, n in zip(offset, scan.volume.hu.shape, strict=True))
    return scan, viable[cut]


def summary(judged: Sequence[Judged]) -> list[tuple[object, ...]]:
    """A row for each state, with and without a native series."""
    rows = []
    for has_native in (True, False):
        for state in STATES:
            own = [one for one in judged if (one.state, one.has_native) == (state, has_native)]
            if not own:
                continue
            errors = np.array([abs((one.measured_mm or 0.0) - one.true_mm) for one in own])
            points = np.array(
                [abs((one.measured_percent or 0.0) - one.true_percent) for one in own]
            )
            dead = sum(one.measured_mm == 0.0 for one in own)
            rows.append(
                (
                    *(state, "yes" if has_native else "no", len(own), f"{np.median(errors):.2f}"),
                    *(f"{np.mean(errors <= 2.0):.2f}", f"{np.median(points):.1f}"),
                    f"{dead / len(own):.2f}",
                )
            )
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lesions", type=int, default=16)
    parser.add_argument("--first", type=int, default=0)
    chosen = parser.parse_args()
    found = list(judged_lesions(range(chosen.first, chosen.first + chosen.lesions)))
    for one in found:
        print(one)
    for row in summary(found):
        print(row)
