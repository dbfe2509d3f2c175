"""Meshes in files: STL, one part a file, and GLB, all parts by name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lvt_track.io.files import write_whole

__all__ = ["Surface", "write_glb", "write_stl"]

Surface = tuple[NDArray[np.float64], NDArray[np.int64]]
"""Vertices (n, 3) in LPS mm and faces (m, 3)."""


def write_stl(surface: Surface, path: Path) -> None:
    """Write one part as binary STL, in LPS mm.

    Raises:
        OutputError: when the file cannot be written.
    """
    vertices, faces = surface
    corners = vertices[faces].astype("<f4")
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    records = np.zeros(
        len(faces), dtype=[("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("none", "<u2")]
    )
    records["normal"] = normals / np.maximum(length, 1e-12)
    records["corners"] = corners
    with write_whole(path) as temporary, temporary.open("wb") as file:
        file.write(b"LPS mm".ljust(80, b" "))
        file.write(np.uint32(len(faces)).tobytes())
        file.write(records.tobytes())


def write_glb(parts: Mapping[str, tuple[Surface, tuple[int, int, int, int]]], path: Path) -> None:
    """Write parts as one binary glTF, each a node of its name and colour (RGBA, 0 to 255).

    Vertices are LPS mm as they are; glTF itself knows no patient.

    Raises:
        OutputError: when the file cannot be written.
    """
    import trimesh
    from trimesh.visual.material import PBRMaterial
    from trimesh.visual.texture import TextureVisuals

    scene = trimesh.Scene()
    for name, ((vertices, faces), colour) in parts.items():
        material = PBRMaterial(  # type: ignore[no-untyped-call]
            name=name,
            baseColorFactor=list(colour),
            alphaMode="OPAQUE" if colour[3] == 255 else "BLEND",
            metallicFactor=0.0,
            roughnessFactor=0.6,
        )
        visual = TextureVisuals(material=material)  # type: ignore[no-untyped-call]
        mesh = trimesh.Trimesh(vertices, faces, process=False, visual=visual)
        scene.add_geometry(mesh, node_name=name, geom_name=name)
    with write_whole(path) as temporary:
        temporary.write_bytes(scene.export(file_type="glb"))  # type: ignore[no-untyped-call]
