"""Meshes of a planned visit: STL by part, and all parts in one GLB."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lvt_track.core.volume import BoolArray
from lvt_track.io.meshes import write_glb, write_stl
from lvt_track.pipeline.run.folder import VisitFolder
from lvt_track.pipeline.run.output import make_folder
from lvt_track.planning.meshes import Mesh, mesh_of
from lvt_track.planning.proximity.distances import label_boxes
from lvt_track.planning.visit_plan import VisitPlan
from lvt_track.report.drawing.planning_colours import PARTS, SEGMENTS, rgba

__all__ = ["part_meshes", "write_meshes"]

_FINE_MM, _COARSE_MM = 1.0, 2.5
_TRANSLUCENT = {"liver": 70, "segment": 110, "resection": 110}


def part_meshes(
    plan: VisitPlan, taken: Mapping[str, BoolArray], tracks: Mapping[int, int]
) -> dict[str, Mesh]:
    """The surfaces of a visit, by name: `liver`, `portal`, `hepatic`, `cava`, `vessel_unknown`,
    `tumor_T1`, `segment_1`, `resection_…`, as far as they are there.

    Args:
        plan: of the visit.
        taken: what each resection takes, by its name.
        tracks: track of each lesion.
    """
    geometry = plan.masks.geometry.crop(plan.box)
    meshes: dict[str, Mesh] = {}
    for name, mask in _solids(plan, taken):
        spacing_mm = _COARSE_MM if name.split("_")[0] in _TRANSLUCENT else _FINE_MM
        mesh = mesh_of(name, mask, geometry, spacing_mm)
        if mesh is not None:
            meshes[name] = mesh
    lesions = plan.lesions[plan.box]
    for label, box in label_boxes(lesions):
        name = f"tumor_T{tracks[label]}" if label in tracks else f"lesion_{label}"
        if name in meshes:  # pieces of one track
            name = f"{name}_{label}"
        mesh = mesh_of(name, lesions[box] == label, geometry.crop(box), _FINE_MM)
        if mesh is not None:
            meshes[name] = mesh
    return meshes


def _solids(plan: VisitPlan, taken: Mapping[str, BoolArray]) -> Iterator[tuple[str, BoolArray]]:
    part = plan.masks.crop(plan.box)
    cava = plan.trees.cava_on_scan(part) if plan.trees is not None else None
    hepatic = plan.hepatic[plan.box]
    yield "liver", part.liver
    yield "portal", plan.portal[plan.box]
    yield "hepatic", hepatic if cava is None else hepatic & ~cava
    yield "vessel_unknown", plan.unknown[plan.box]
    if cava is not None:
        yield "cava", cava
    segments = plan.segments[plan.box]
    for number in SEGMENTS:
        yield f"segment_{number}", segments == number
    for name, mask in taken.items():
        yield f"resection_{_plain(name)}", mask[plan.box]


def write_meshes(meshes: Mapping[str, Mesh], folder: VisitFolder) -> None:
    """Write `meshes.glb` and `meshes/*.stl` of a visit.

    Raises:
        OutputError: when a file cannot be written.
    """
    stl = make_folder(folder.meshes)
    for name, mesh in meshes.items():
        write_stl((mesh.vertices_mm, mesh.faces), stl / f"{name}.stl")
    coloured = {
        name: ((mesh.vertices_mm, mesh.faces), _colour(name)) for name, mesh in meshes.items()
    }
    write_glb(coloured, folder.scene)


def _colour(name: str) -> tuple[int, int, int, int]:
    kind, _, rest = name.partition("_")
    alpha = _TRANSLUCENT.get(kind, 255)
    if kind == "segment":
        return rgba(SEGMENTS[int(rest)], alpha)
    kind = {"vessel": "unknown", "lesion": "tumor"}.get(kind, kind)
    return rgba(PARTS[kind], alpha)


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)
