"""Our elastic registration beside SimpleITK, ConvexAdam and ANTs, on the same pairs.

    python benchmarks/registration_peers.py [--pairs 4]

Needs `convexAdam` and `antspyx` beside the program. All start from our affine alignment, on the
same grid of 3 mm, and run on one thread. Writes docs/results/registration-peers.md.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

os.environ["ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"] = "1"

import ants
import numpy as np
import SimpleITK as sitk
import torch
from convexAdam.convex_adam_MIND import convex_adam_pt
from numpy.typing import NDArray
from scipy import ndimage

from courses.moved_ct import as_image
from courses.simulated import SimulatedVisit, real_course
from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import BoolArray
from lvt_track.register.affine import Affine, align_affine, align_rigid, search_start, surface_map
from lvt_track.register.deformable import deform
from lvt_track.register.displacement import Displacement
from lvt_track.register.liver_image import LiverImage, liver_image
from pages.markdown import markdown_table, write_page

PHASES = (Phase.PORTAL, Phase.PORTAL, Phase.NATIVE)
FIRST_SEED = 600
BESIDE_MM = 6.0
POINTS = 500

Method = Callable[["Pair"], Displacement]


@dataclass(frozen=True, eq=False)
class Pair:
    """Two visits on one grid, the moving one brought there by our affine alignment.

    Attributes:
        fixed, moving: the two visits as registration sees them.
        affine: from fixed to moving.
        hu: of both on the grid, in the window of soft tissue (2, z, y, x).
        mask: the fixed liver and a little around it (z, y, x).
        places_mm: lesion centres, vessel points and liver points of the fixed visit.
        error_mm: of a map from the fixed to the moving visit, at places (n, 3).
        is_same_phase: whether both are portal venous.
    """

    fixed: LiverImage
    moving: LiverImage
    affine: Affine
    hu: NDArray[np.float32]
    mask: BoolArray
    places_mm: dict[str, FloatArray]
    error_mm: Callable[[Callable[[FloatArray], FloatArray]], dict[str, FloatArray]]
    is_same_phase: bool

    @property
    def grid(self) -> Geometry:
        """The grid of 3 mm."""
        return self.fixed.geometry

    def images(self) -> list[sitk.Image]:
        """Fixed and moving HU."""
        return [as_image(hu, self.grid, is_vector=False) for hu in self.hu]


def main() -> None:
    """Run every method on every pair and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=4)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    methods: dict[str, Method] = {
        "affine only": unmoved,
        "ours": ours,
        "SimpleITK demons": demons,
        "SimpleITK B-spline": b_spline,
        "ConvexAdam": convex_adam,
        "ANTs SyN": syn,
    }
    found: dict[tuple[str, bool], list[tuple[dict[str, FloatArray], float, float]]] = {}
    for number, pair in enumerate(pairs(chosen.pairs), start=1):
        for name, method in methods.items():
            start = time.process_time()
            displacement = method(pair)
            seconds = time.process_time() - start
            errors = pair.error_mm(lambda p, d=displacement, a=pair.affine: a(d(p)))
            found.setdefault((name, pair.is_same_phase), []).append(
                (errors, seconds, folding(pair, displacement))
            )
            means = {place: round(float(mm.mean()), 2) for place, mm in errors.items()}
            print(name, "same" if pair.is_same_phase else "cross", means, f"{seconds:.1f} s")
        write(found, number, chosen.pairs)


def pairs(count: int) -> Iterator[Pair]:
    """Pairs of real CT, in turn of one phase and of two."""
    for seed in range(FIRST_SEED, FIRST_SEED + (count + 1) // 2):
        fixed, *others = real_course(seed, PHASES)
        for moving in others[: count - 2 * (seed - FIRST_SEED)]:
            yield pair_of(fixed, moving)


def pair_of(fixed: SimulatedVisit, moving: SimulatedVisit) -> Pair:
    """Align two visits affinely."""
    here, there = (liver_image(v.volume, v.masks) for v in (fixed, moving))
    features = surface_map(here), surface_map(there)
    rigid = align_rigid(*features, search_start(here, there, *features))
    affine = align_affine(*features, rigid)
    index = np.indices(here.geometry.shape).reshape(3, -1).T
    at = there.geometry.to_index(affine(here.geometry.to_world(index))).T
    brought = ndimage.map_coordinates(there.hu.astype(np.float32), at, order=1, mode="nearest")
    hu = np.stack([here.hu.astype(np.float32), brought.reshape(here.hu.shape)]).clip(-50, 250)
    rng = np.random.default_rng(0)
    geometry = fixed.volume.geometry
    places = {}
    for name, mask in (("vessels", fixed.masks.vessels), ("liver", fixed.masks.liver)):
        voxels = np.argwhere(mask)
        places[name] = geometry.to_world(voxels[rng.choice(len(voxels), POINTS)])
    lesions = range(1, int(fixed.identities.max()) + 1)
    centres = [
        np.argwhere(fixed.identities == k).mean(axis=0) for k in lesions if k in fixed.identities
    ]
    places["lesions"] = geometry.to_world(np.array(centres))

    def error_mm(to_moving: Callable[[FloatArray], FloatArray]) -> dict[str, FloatArray]:
        return {
            name: np.linalg.norm(moving.to_body(to_moving(p)) - fixed.to_body(p), axis=1)
            for name, p in places.items()
        }

    mask = here.distance_mm < BESIDE_MM
    same = moving.phase is fixed.phase
    return Pair(here, there, affine, hu, mask, places, error_mm, same)


def unmoved(pair: Pair) -> Displacement:
    """No elastic step."""
    return Displacement(np.zeros((3, *pair.grid.shape), dtype=np.float32), pair.grid)


def ours(pair: Pair) -> Displacement:
    """What the program does."""
    return deform(pair.fixed, pair.moving, pair.affine)


def demons(pair: Pair) -> Displacement:
    """Symmetric forces demons after histogram matching, coarse to fine, as in SimpleITK's guide."""
    fixed, moving = pair.images()
    moving = sitk.HistogramMatching(moving, fixed, 256, 15, thresholdAtMeanIntensity=True)
    field = None
    for factor, steps in ((4, 40), (2, 40), (1, 20)):
        a, b = (
            sitk.Shrink(sitk.SmoothingRecursiveGaussian(x, 1.5 * factor), [factor] * 3)
            for x in (fixed, moving)
        )
        filter_ = sitk.FastSymmetricForcesDemonsRegistrationFilter()
        filter_.SetNumberOfIterations(steps)
        filter_.SetSmoothDisplacementField(True)
        filter_.SetStandardDeviations(1.5)
        if field is None:
            field = filter_.Execute(a, b)
        else:
            field = filter_.Execute(a, b, sitk.Resample(field, a))
    return _of_image(sitk.Resample(field, fixed), pair.grid)


def b_spline(pair: Pair) -> Displacement:
    """B-spline with mutual information inside the liver, knots 30 mm apart, then 15 mm."""
    fixed, moving = pair.images()
    size = [
        max(2, round(n * s / 60)) for n, s in zip(fixed.GetSize(), fixed.GetSpacing(), strict=True)
    ]
    start = sitk.BSplineTransformInitializer(fixed, size, order=3)
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsMattesMutualInformation(40)
    method.SetMetricFixedMask(as_image(pair.mask.astype(np.uint8), pair.grid, is_vector=False))
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(0.2, 1)
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsLBFGS2(numberOfIterations=40)
    method.SetInitialTransformAsBSpline(start, inPlace=True, scaleFactors=[1, 2, 4])
    method.SetShrinkFactorsPerLevel([4, 2, 1])
    method.SetSmoothingSigmasPerLevel([6, 3, 0])
    method.SmoothingSigmasAreSpecifiedInPhysicalUnitsOn()
    transform = method.Execute(fixed, moving)
    field = sitk.TransformToDisplacementField(
        transform,
        sitk.sitkVectorFloat64,
        fixed.GetSize(),
        fixed.GetOrigin(),
        fixed.GetSpacing(),
        fixed.GetDirection(),
    )
    return _of_image(field, pair.grid)


def convex_adam(pair: Pair) -> Displacement:
    """ConvexAdam with self-similarity, as its authors set it."""
    first, second = (torch.from_numpy(hu) for hu in pair.hu)
    voxels = convex_adam_pt(first, second, dtype=torch.float32, device=torch.device("cpu"))
    field = np.moveaxis(voxels, -1, 0)[::-1] * pair.grid.spacing_mm[0]
    return Displacement(np.ascontiguousarray(field, dtype=np.float32), pair.grid)


def syn(pair: Pair) -> Displacement:
    """ANTs' symmetric normalisation with local cross-correlation inside the liver."""
    spacing, origin = pair.grid.spacing_mm[::-1], pair.grid.origin_mm
    fixed, moving, mask = (
        ants.from_numpy(np.ascontiguousarray(a.T), origin=origin, spacing=spacing)
        for a in (*pair.hu, pair.mask.astype(np.float32))
    )
    result = ants.registration(
        fixed,
        moving,
        "SyNOnly",
        initial_transform="Identity",
        mask=mask,
        syn_metric="CC",
        syn_sampling=2,
        reg_iterations=(40, 30, 15),
        singleprecision=True,
    )
    index = np.indices(pair.grid.shape).reshape(3, -1).T
    warp = next(name for name in result["fwdtransforms"] if name.endswith(".nii.gz"))
    field = _of_image(sitk.ReadImage(warp), pair.grid)
    return Displacement(
        field.at(pair.grid.to_world(index)).T.reshape(3, *pair.grid.shape).astype(np.float32),
        pair.grid,
    )


def folding(pair: Pair, displacement: Displacement) -> float:
    """Share of the liver's voxels where the field folds."""
    index = np.rint(displacement.geometry.to_index(pair.fixed.liver_points_mm())).astype(int)
    inside = np.all((index >= 0) & (index < displacement.geometry.shape), axis=1)
    return float((displacement.jacobian()[tuple(index[inside].T)] <= 0).mean())


def _of_image(field: sitk.Image, grid: Geometry) -> Displacement:
    array = np.moveaxis(sitk.GetArrayFromImage(field), -1, 0).astype(np.float32)
    return Displacement(np.ascontiguousarray(array), grid)


def write(
    found: dict[tuple[str, bool], list[tuple[dict[str, FloatArray], float, float]]],
    done: int,
    asked: int,
) -> None:
    """Write what has been measured so far."""
    rows = []
    for (name, same), results in sorted(found.items(), key=lambda item: not item[0][1]):
        errors = [
            np.concatenate([e[p] for e, _, _ in results]) for p in ("lesions", "vessels", "liver")
        ]
        spread = [f"{mm.mean():.2f}, {np.percentile(mm, 95):.2f}" for mm in errors]
        seconds = np.mean([s for _, s, _ in results])
        folds = max(f for _, _, f in results)
        kind = "same" if same else "portal and native"
        rows.append([kind, name, len(results), *spread, f"{folds:.3%}", f"{seconds:.1f}"])
    header = ["phases", "method", "pairs", "lesions, mm: mean, 95 %", "vessels", "liver"]
    write_page(
        "registration-peers",
        "Elastic registration beside SimpleITK, ConvexAdam and ANTs",
        f"python benchmarks/registration_peers.py --pairs {asked}",
        f"{done} pairs of real CT (LiTS 0, 3D-IRCADb 1.19) moved, with lesions, noise and phases "
        "as in [longitudinal](longitudinal.md), on other seeds. Every method starts from our "
        "affine alignment, on one grid of 3 mm; B-spline and SyN are given the liver as a mask, "
        "ours alone is given the distance to the liver's surface and the tumours to leave out. "
        "No method was tuned to these pairs; the settings stand in the script. Seconds are of CPU "
        "on one thread.",
        markdown_table([*header, "folding, most", "seconds"], rows),
    )


if __name__ == "__main__":
    main()
