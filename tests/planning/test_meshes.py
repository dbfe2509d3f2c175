"""Meshes are closed, in place, and hold the volume of their voxels."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.io.meshes import write_glb, write_stl
from lvt_track.planning.meshes import mesh_of

SPACING = (4.0, 0.8, 0.8)
GEOMETRY = Geometry.axial((24, 90, 90), SPACING, (10.0, -30.0, 5.0))
CENTRE = GEOMETRY.to_world([11.5, 44.5, 44.5])


def ball(radius_mm: float) -> np.ndarray:
    places = GEOMETRY.to_world(np.moveaxis(np.indices(GEOMETRY.shape), 0, -1))
    return np.linalg.norm(places - CENTRE, axis=-1) <= radius_mm


@pytest.mark.parametrize(("radius_mm", "spacing_mm"), [(25.0, 1.0), (25.0, 2.5), (9.0, 1.0)])
def test_a_ball_of_thick_slices(radius_mm: float, spacing_mm: float) -> None:
    mask = ball(radius_mm)
    mesh = mesh_of("ball", mask, GEOMETRY, spacing_mm)
    assert mesh is not None
    voxels_ml = float(mask.sum()) * GEOMETRY.voxel_volume_ml
    assert mesh.volume_ml == pytest.approx(voxels_ml, rel=0.01)
    away = np.abs(np.linalg.norm(mesh.vertices_mm - CENTRE, axis=1) - radius_mm)
    assert away.max() <= 0.5 * max(SPACING)
    edges = Counter(
        tuple(sorted((int(face[k]), int(face[k - 1])))) for face in mesh.faces for k in range(3)
    )
    assert set(edges.values()) == {2}


def test_files_are_in_patient_mm_and_name_their_parts(tmp_path: Path) -> None:
    import trimesh

    mesh = mesh_of("ball", ball(9.0), GEOMETRY, 1.0)
    assert mesh is not None
    surface = (mesh.vertices_mm, mesh.faces)
    write_stl(surface, tmp_path / "ball.stl")
    write_glb({"ball": (surface, (200, 0, 0, 255))}, tmp_path / "all.glb")
    stl = trimesh.load(tmp_path / "ball.stl")
    assert stl.is_watertight and stl.volume / 1000 == pytest.approx(mesh.volume_ml, rel=1e-3)
    np.testing.assert_allclose(stl.bounds.mean(axis=0), CENTRE, atol=1.0)
    assert list(trimesh.load(tmp_path / "all.glb").geometry) == ["ball"]
    assert mesh_of("none", np.zeros(GEOMETRY.shape, dtype=bool), GEOMETRY, 1.0) is None


@pytest.mark.parametrize("size", [(1, 1, 1), (1, 2, 1), (1, 1, 3)])
def test_things_of_few_voxels_have_a_surface(size: tuple[int, int, int]) -> None:
    speck = np.zeros(GEOMETRY.shape, dtype=bool)
    speck[10 : 10 + size[0], 20 : 20 + size[1], 30 : 30 + size[2]] = True
    mesh = mesh_of("speck", speck, GEOMETRY, 1.0)
    assert mesh is not None and mesh.volume_ml > 0


@pytest.mark.parametrize("width", [1, 2])
def test_threads_hold_the_volume_of_their_voxels(width: int) -> None:
    threads = np.zeros(GEOMETRY.shape, dtype=bool)
    for row in (20, 40, 60):
        threads[12, row : row + width, 15:75] = True
    threads[5:19, 70 : 70 + width, 20 : 20 + width] = True
    mesh = mesh_of("threads", threads, GEOMETRY, 1.0)
    assert mesh is not None
    voxels_ml = float(threads.sum()) * GEOMETRY.voxel_volume_ml
    assert mesh.volume_ml == pytest.approx(voxels_ml, rel=0.01)
