"""Angles of contact against analytic cylinders, for `benchmarks/planning.py`."""

from __future__ import annotations

import numpy as np

from lvt_track.core.geometry import FloatArray, Geometry, bounding_box
from lvt_track.planning.lattice import lattice_around
from lvt_track.planning.proximity.contact import branch_contact
from lvt_track.planning.vessels.graph import Branch
from pages.markdown import markdown_table

__all__ = ["contact_table"]

_SIDE_MM = 34.0
_HALVES_DEG = (30.0, 45.0, 70.0, 90.0, 110.0, 135.0)
_AXES = 8
_CASES = (((0.75, 0.75, 0.75), 50.0), ((2.5, 0.75, 0.75), 50.0), ((0.75, 0.75, 0.75), 0.0))
"""Voxels, and how far cylinders lean at most."""


def contact_table() -> str:
    """Errors of angles of wedges about cylinders that lie anywhere in the voxels."""
    rows = []
    for radius in (2.0, 3.0, 4.0, 5.0, 7.0):
        cells = [f"{radius:g}"]
        for spacing, most_tilt_deg in _CASES:
            errors = np.abs(signed := contact_errors(radius, spacing, most_tilt_deg))
            cells += [
                f"{signed.mean():+.1f}",
                f"{np.percentile(errors, 95):.1f}",
                f"{errors.max():.1f}",
            ]
        rows.append(tuple(cells))
    names = [f"{x:g} × {y:g} × {z:g} mm" for (z, y, x), _ in _CASES[:2]] + ["upright"]
    columns = [f"{what}, {name}" for name in names for what in ("mean", "95 %", "worst")]
    return markdown_table(("radius, mm", *columns), rows)


def contact_errors(
    radius_mm: float, spacing_mm: tuple[float, float, float], most_tilt_deg: float
) -> FloatArray:
    """Errors in degrees (n,), measured as `lvt plan` does."""
    rng = np.random.default_rng(int(10 * radius_mm))
    z, y, x = (int(_SIDE_MM / step) for step in spacing_mm)
    scan = Geometry.axial((z, y, x), spacing_mm)
    places = scan.to_world(np.moveaxis(np.indices(scan.shape), 0, -1))
    middle = scan.to_world((np.array(scan.shape) - 1) / 2)
    errors = []
    for _ in range(_AXES):
        tilt, turn, spin = rng.uniform(0, 1, 3) * np.radians([most_tilt_deg, 360.0, 360.0])
        axis = np.array([np.sin(tilt) * np.cos(turn), np.sin(tilt) * np.sin(turn), np.cos(tilt)])
        first = np.cross(axis, [np.cos(spin), np.sin(spin), 0.3])
        first /= np.linalg.norm(first)
        away = places - middle - rng.uniform(-0.5, 0.5, 3) * np.array(spacing_mm)[::-1]
        a, b = away @ first, away @ np.cross(axis, first)
        vessel = np.hypot(a, b) <= radius_mm
        along = np.linspace(-10.0, 10.0, 40)[:, None] * axis
        branch = Branch((0, 1), places[0, 0, 0] - away[0, 0, 0] + along, np.full(40, radius_mm))
        cubes = lattice_around(np.ones(scan.shape, dtype=bool), scan)
        vessels_mm = cubes.level_in(vessel, scan.whole)
        for half in _HALVES_DEG:
            near = np.abs(away @ axis) < 8.0
            tumor = (np.abs(np.degrees(np.arctan2(b, a))) <= half) & ~vessel & near
            box = bounding_box(tumor)
            assert box is not None
            tumor_mm = cubes.level_in(tumor[box], box)
            measured = branch_contact(branch, vessels_mm, tumor_mm, cubes.geometry)
            errors.append((measured.degrees if measured else 0.0) - 2 * half)
    return np.array(errors)
