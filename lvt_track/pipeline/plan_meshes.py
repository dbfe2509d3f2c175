"""Meshes of a planned visit: STL by part, and all parts in one GLB."""

from __future__ import annotations

from collections.abc import Mapping

from lvt_track.core.volume import BoolArray
from lvt_track.io.meshes import write_glb, write_stl
from lvt_track.pipeline.run.folder import VisitFolder
from lvt_track.pipeline.run.output import make_folder
from lvt_track.planning.meshes import Mesh, mesh_of
from lvt_track.planning.visit_plan import VisitPlan
from lvt_track.report.drawing.planning_colours import PARTS, SEGMENTS, rgba

__all__ = ["write_meshes"]

_FINE_MM, _COARSE_MM = 1.0, 2.5


def write_meshes(
    plan: VisitPlan, taken: Mapping[str, BoolArray], tracks: Mapping[int, int], folder: VisitFolder
) -> None:
    """Write `meshes.glb` and `meshes/*.stl` of a visit.

    Args:
        plan: of the visit.
        taken: what each resection takes, by its name.
        tracks: track of each lesion.
        folder: of the visit.

    Raises:
        OutputError: when a file cannot be written.
    """
    parts: dict[str, tuple[Mesh, tuple[int, int, int, int]]] = {}

    def add(
        name: str, mask: BoolArray, spacing_mm: float, colour: tuple[int, int, int, int]
    ) -> None:
        mesh = mesh_of(name, mask, plan.masks.geometry, spacing_mm)
        if mesh is not None:
            parts[name] = (mesh, colour)

    cava = plan.trees.cava_on_scan(plan.masks) if plan.trees is not None else None
    hepatic = plan.hepatic if cava is None else plan.hepatic & ~cava
    add("liver", plan.masks.liver, _COARSE_MM, rgba(PARTS["liver"], 70))
    add("portal", plan.portal, _FINE_MM, rgba(PARTS["portal"]))
    add("hepatic", hepatic, _FINE_MM, rgba(PARTS["hepatic"]))
    add("vessel_unknown", plan.unknown, _FINE_MM, rgba(PARTS["unknown"]))
    if cava is not None:
        add("cava", cava, _FINE_MM, rgba(PARTS["cava"]))
    for site in plan.sites:
        name = f"tumor_T{tracks[site.label]}" if site.label in tracks else f"lesion_{site.label}"
        if name in parts:  # pieces of one track
            name = f"{name}_{site.label}"
        add(name, plan.lesions == site.label, _FINE_MM, rgba(PARTS["tumor"]))
    for number, colour in SEGMENTS.items():
        add(f"segment_{number}", plan.segments == number, _COARSE_MM, rgba(colour, 110))
    for name, mask in taken.items():
        add(f"resection_{_plain(name)}", mask, _COARSE_MM, rgba(PARTS["resection"], 110))
    stl = make_folder(folder.meshes)
    for name, (mesh, _) in parts.items():
        write_stl((mesh.vertices_mm, mesh.faces), stl / f"{name}.stl")
    whole = {name: ((m.vertices_mm, m.faces), colour) for name, (m, colour) in parts.items()}
    write_glb(whole, folder.scene)


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in name)
