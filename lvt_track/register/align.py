"""Bring one visit's liver onto another's: start, rigid, affine, elastic, each kept if better."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
import torch

from lvt_track.core.course import RegistrationQuality
from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.volume import BoolArray
from lvt_track.register.affine import (
    Affine,
    align_affine,
    align_rigid,
    search_start,
    surface_map,
)
from lvt_track.register.deformable import COARSE, deform
from lvt_track.register.displacement import Displacement
from lvt_track.register.liver_image import LiverImage
from lvt_track.register.quality import Fit, judge, measure_fit

__all__ = ["Alignment", "align", "choose_reference"]

_WORST_FOLDING = 0.001
_SAMPLES = 2000
_STANDARD_ERROR_MM = {
    "identity": 30.0,
    "moments": 8.0,
    "rigid": 5.0,
    "affine": 3.5,
    "deformable": 1.0,
}
"""Error of each kind of alignment where nothing more is known; chosen after simulated visits."""


@dataclass(frozen=True, eq=False)
class Alignment:
    """How a moving visit lies on a fixed one: x -> affine(x + displacement(x)).

    Attributes:
        affine: the affine part.
        displacement: the elastic part; None where it was dropped.
        reverse: the same found the other way round, for what both disagree by.
        moving_scan: grid of the moving scan.
        quality: how good it is.
    """

    affine: Affine
    displacement: Displacement | None
    reverse: Displacement | None
    moving_scan: Geometry
    quality: RegistrationQuality

    def to_moving(self, points_mm: FloatArray) -> FloatArray:
        """Places (n, 3) of the fixed visit, in the frame of the moving one."""
        if self.displacement is not None:
            points_mm = self.displacement(points_mm)
        return self.affine(points_mm)

    def to_fixed(self, points_mm: FloatArray) -> FloatArray:
        """Places (n, 3) of the moving visit, in the frame of the fixed one."""
        back = self.affine.inverse(points_mm)
        return back if self.displacement is None else self.displacement.inverse(back)

    def covered_by_moving(self, points_mm: FloatArray) -> BoolArray:
        """Whether places (n, 3) of the fixed visit lie in the moving scan's field of view."""
        inside: BoolArray = self.moving_scan.contains(self.to_moving(points_mm))
        return inside

    def local_uncertainty_mm(self, points_mm: FloatArray) -> FloatArray:
        """Standard error (n,) of `to_moving` at places (n, 3) of the fixed visit.

        A floor by the kind of alignment, what the way there and the way back disagree by, and
        a share of the elastic displacement, for what moves far is found less exactly.
        """
        floor = _STANDARD_ERROR_MM[self.quality.method]
        variance = np.full(len(points_mm), floor**2)
        if self.displacement is not None:
            variance += (0.1 * np.linalg.norm(self.displacement.at(points_mm), axis=1)) ** 2
            variance += (0.5 * self._disagreement_mm(points_mm)) ** 2
        if not self.quality.is_reliable:
            variance *= 4
        error: FloatArray = np.sqrt(variance)
        return error

    def _disagreement_mm(self, points_mm: FloatArray) -> FloatArray:
        """How far the way back, found on its own, ends from where the way there began."""
        if self.reverse is None:
            return np.zeros(len(points_mm))
        back = self.affine.inverse(self.reverse(self.to_moving(points_mm)))
        gap: FloatArray = np.linalg.norm(back - points_mm, axis=1)
        return gap

    @property
    def transform(self) -> sitk.Transform:
        """The map from fixed to moving points, as ITK's resampling wants it."""
        affine = sitk.AffineTransform(3)
        affine.SetMatrix(self.affine.matrix.ravel().tolist())
        affine.SetCenter(self.affine.centre_mm.tolist())
        affine.SetTranslation(self.affine.shift_mm.tolist())
        if self.displacement is None:
            return affine
        grid = self.displacement.geometry
        field = np.moveaxis(self.displacement.field_mm, 0, -1).astype(np.float64)
        image = sitk.GetImageFromArray(field, isVector=True)
        image.SetSpacing(grid.spacing_mm[::-1])
        image.SetOrigin(grid.origin_mm)
        image.SetDirection(grid.direction.ravel().tolist())
        # ITK applies the transform that was added last first.
        return sitk.CompositeTransform([affine, sitk.DisplacementFieldTransform(image)])


def align(
    fixed: LiverImage,
    moving: LiverImage,
    reference: int,
    device: torch.device | str = "cpu",
) -> Alignment:
    """Bring the moving visit's liver onto the fixed one.

    Args:
        fixed: the reference visit.
        moving: the other.
        reference: index of the fixed visit in the course, for the record.
        device: where the elastic step is computed.
    """
    if not (fixed.liver.any() and moving.liver.any()):
        return _unaligned(fixed, moving, reference)
    fixed_surface, moving_surface = surface_map(fixed), surface_map(moving)
    start = search_start(fixed, moving, fixed_surface, moving_surface)
    rigid = align_rigid(fixed_surface, moving_surface, start)
    tried = {
        "moments": start,
        "rigid": rigid,
        "affine": align_affine(fixed_surface, moving_surface, rigid),
    }
    fits = {name: measure_fit(fixed, moving, step) for name, step in tried.items()}
    method = min(fits, key=lambda name: fits[name].surface_distance_mm)
    affine, fit = tried[method], fits[method]

    displacement = deform(fixed, moving, affine, device=device)
    elastic = measure_fit(fixed, moving, lambda points: affine(displacement(points)))
    in_liver = fixed.liver_points_mm()[:: max(1, int(fixed.liver.sum()) // _SAMPLES)]
    folding = _folding(fixed, displacement)
    if not _is_better(elastic, fit, folding):
        quality = judge(reference, method, fit, 0.0, 0.0)
        return Alignment(affine, None, None, moving.scan, quality)
    reverse = deform(moving, fixed, affine.reversed(), COARSE, device)
    moved = affine(displacement(in_liver))
    gap_mm = np.linalg.norm(affine.inverse(reverse(moved)) - in_liver, axis=1)
    seen = moving.shows(moved)
    error = float(gap_mm[seen].mean()) if seen.any() else float("inf")
    quality = judge(reference, "deformable", elastic, folding, error)
    return Alignment(affine, displacement, reverse, moving.scan, quality)


def choose_reference(images: Sequence[LiverImage]) -> int:
    """The visit that all others are brought onto, so that cost does not grow with their number.

    Of the visits whose scan shows the whole liver, the one whose liver volume is nearest to their
    median: a resected or swollen liver makes a poor frame. Without such a visit, the one that
    shows most of the liver. Of equal ones the earliest.

    Raises:
        ValueError: when there are no visits.
    """
    if not images:
        raise ValueError("a course needs at least one visit")
    volumes = np.array([image.liver_ml for image in images])
    whole = np.array([image.liver.any() and not image.is_cut for image in images])
    if not whole.any():
        return int(np.argmax(volumes))
    off = np.abs(volumes - np.median(volumes[whole]))
    return int(np.argmin(np.where(whole, off, np.inf)))


def _is_better(elastic: Fit, affine: Fit, folding: float) -> bool:
    """Whether the elastic step earned its keep: surfaces and inside, without folds."""
    return (
        folding <= _WORST_FOLDING
        and elastic.surface_distance_mm <= affine.surface_distance_mm + 0.1
        and elastic.correlation_ratio >= affine.correlation_ratio - 0.01
    )


def _folding(fixed: LiverImage, displacement: Displacement) -> float:
    """Share of the liver's voxels where the field folds."""
    index = np.rint(displacement.geometry.to_index(fixed.liver_points_mm())).astype(int)
    inside = np.all((index >= 0) & (index < displacement.geometry.shape), axis=1)
    determinant = displacement.jacobian()[tuple(index[inside].T)]
    return float((determinant <= 0).mean())


def _unaligned(fixed: LiverImage, moving: LiverImage, reference: int) -> Alignment:
    """What is left to say of a visit without a liver: the scanner's own frame."""
    quality = RegistrationQuality(
        reference=reference,
        method="identity",
        liver_dice=0.0,
        surface_distance_mm=float("inf"),
        folding_fraction=0.0,
        inverse_error_mm=0.0,
        is_reliable=False,
        reason="there is no liver to align by",
    )
    identity = Affine(np.eye(3), np.zeros(3), np.zeros(3))
    return Alignment(identity, None, None, moving.scan, quality)
