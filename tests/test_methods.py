"""Results of a fixed patient, stage by stage: when they change, the stage's method must change.

What `--resume` and `lvt cohort` keep is keyed by `core.methods`. A rule that changes without its
method would mix old and new results in one table.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

import lvt_track as lvt
from lvt_track.core.components import label_components
from lvt_track.core.methods import METHODS
from lvt_track.core.volume import Masks, Volume
from lvt_track.io.images.volumes import read_mask
from lvt_track.lesions.components import find_lesions
from lvt_track.planning.meshes import mesh_of
from lvt_track.planning.resection.remnant import RIGHT, remnant_of, segments_taken
from lvt_track.planning.vessels.trees import HEPATIC, PORTAL, UNKNOWN
from lvt_track.planning.visit_plan import plan_visit
from lvt_track.segment.postprocess.fluid import without_fluid
from lvt_track.segment.postprocess.given import combine_with_given
from lvt_track.segment.postprocess.hierarchy import clean
from lvt_track.segment.postprocess.veins import without_veins
from tests.planning.model_liver import model_liver

CLASSES = ("liver", "vessels", "tumors")
RECORD = Path(__file__).with_name("methods.json")
HOW = (
    "If the change is meant, raise the number of that stage in lvt_track/core/methods.py, so that "
    "kept results are made anew; then run: LVT_RECORD=1 pytest tests/test_methods.py"
)
# Registration and what rests on it differ in the last digits from machine to machine.
TOLERANCES = {"plan": 0.01, "register": 0.1, "match": 0.02, "look back": 0.05}
TABLES = {
    "lesions": ("lesions", ["long_axis_mm", "short_axis_mm", "volume_ml", "x_mm", "y_mm", "z_mm"]),
    "match": ("edges", ["lesion_a", "lesion_b", "cost", "track"]),
    "look back": ("lookback", ["track", "verdict", "contrast_hu", "days_earlier"]),
    "respond": ("response", ["criterion", "sum_mm", "category", "reason", "p_pd", "settled_by"]),
    "report": ("tracks", ["track", "state", "events", "volume_change_percent"]),
}


@pytest.fixture(scope="module")
def results(tiny_patient: Path) -> dict[str, Any]:
    """What each stage makes of the tiny patient, with its masks given."""
    folder = tiny_patient / "2024-01-15"
    scan = lvt.read_volume(folder / "portal.nii.gz")
    course = lvt.track(tiny_patient)
    found: dict[str, Any] = {
        "read": [int(scan.hu.astype(np.int64).sum()), int(scan.hu.max()), *scan.geometry.origin_mm],
        "phase": [visit.visit.tracked_series.stated_phase for visit in course.visits],
        "segment": _postprocessed(scan, folder),
        "plan": _planned(),
        "register": [
            [visit.registration.liver_dice, visit.registration.surface_distance_mm]
            for visit in course.visits
            if visit.registration is not None
        ],
    }
    for stage, (table, columns) in TABLES.items():
        found[stage] = json.loads(course.to_frame(table)[columns].to_json(orient="values"))
    found["lesions"] += _sizes_at_edges(scan, folder)
    return found


def _sizes_at_edges(scan: lvt.Volume, folder: Path) -> list[list[float]]:
    """Long and short axes of the tumours as they are measured where a model drew them."""
    masks = Masks(
        *(read_mask(folder / f"{name}.nii.gz", scan.geometry) for name in CLASSES), scan.geometry
    )
    noise = np.random.default_rng(1).normal(0, 8, scan.hu.shape)
    hu = ndimage.gaussian_filter(scan.hu + noise, (0, 0.5, 0.5)).astype(np.float32)
    noisy = Volume(hu, scan.geometry)
    _, lesions = find_lesions(0, noisy, masks, at_edges=True)
    return [
        [
            round(lesion.measurement.long_axis.length_mm, 3),
            round(lesion.measurement.short_axis.length_mm, 3),
        ]
        for lesion in lesions
    ]


def _postprocessed(scan: lvt.Volume, folder: Path) -> list[int]:
    """Voxels that are left of masks with a hole, a speck, a vein and a cyst in them."""
    liver, vessels, tumors = (
        read_mask(folder / f"{name}.nii.gz", scan.geometry) for name in CLASSES
    )
    hu = scan.hu.copy()
    hu[tumors] = 0
    liver = liver & ~tumors
    vessels = vessels.copy()
    z, y, x = np.argwhere(liver)[0]
    vessels[z, y, x] = True
    voxel_ml, minimum_ml = scan.geometry.voxel_volume_ml, (20.0, 0.1, 0.03)
    masks = clean(liver, vessels, tumors, voxel_ml, minimum_ml).masks
    left, veins = without_veins(masks["tumors"], masks["vessels"], masks["liver"], hu)
    kept, cysts = without_fluid(left, hu, scan.geometry.spacing_mm, 15.0)
    half = masks["liver"].copy()
    half[: len(half) // 2] = False
    drawn = Masks(masks["liver"], masks["vessels"], masks["tumors"], scan.geometry)
    given = combine_with_given(drawn, {"liver": half}, minimum_ml)
    arrays = (*masks.values(), left, kept, given.vessels, given.tumors)
    return [*(int(np.count_nonzero(one)) for one in arrays), veins, cysts]


def _planned() -> list[Any]:
    """Lengths of trees, mL of segments, the sites of tumours and what a resection leaves, of a
    liver with both trees."""
    whole, *_ = model_liver()
    tumors = np.zeros_like(whole.liver)
    tumors[40:44, 40:46, 40:46] = True
    z, y, x = np.median(np.argwhere(whole.vessels & whole.liver), axis=0).astype(int)
    tumors[z - 2 : z + 3, y : y + 5, x - 4 : x + 5] = True  # it touches a vessel
    geometry, liver = whole.geometry, whole.liver
    masks = Masks(liver, whole.vessels, tumors & ~whole.vessels, geometry)
    plan = plan_visit(masks, label_components(masks.tumors)[0].astype(np.int32))
    assert plan.trees is not None
    lengths = [plan.trees.length_mm(kind) for kind in (UNKNOWN, PORTAL, HEPATIC)]
    counts = np.bincount(plan.segments.ravel(), minlength=9)[1:] * geometry.voxel_volume_ml
    sites = [
        [site.label, site.contact_degrees, list(site.segments)]
        + [site.gaps[name].distance_mm for name in sorted(site.gaps)]
        for site in plan.sites
    ]
    left = remnant_of(segments_taken(plan.segments, RIGHT), masks, plan.lesions)
    margins = [margin.margin_mm for margin in left.margins]
    mesh = mesh_of("liver", liver, geometry, 2.5)
    assert mesh is not None
    return [lengths, counts.tolist(), sites, left.remnant_functional_ml, margins, mesh.volume_ml]


def test_every_stage_is_recorded(results: dict[str, Any]) -> None:
    assert set(results) == set(METHODS)


@pytest.mark.parametrize("stage", METHODS)
def test_results_change_only_with_the_method(
    stage: str, results: dict[str, Any], record: Callable[[str, Any], dict[str, Any]]
) -> None:
    known = record(stage, results[stage])
    same = _is_close(results[stage], known["results"], TOLERANCES.get(stage, 1e-6))
    if METHODS[stage] == known["method"]:
        assert same, f"{stage}: other results by the same method. {HOW}"
    else:
        pytest.fail(f"{stage}: method {METHODS[stage]} has no record yet. {HOW}")


@pytest.fixture
def record() -> Callable[[str, Any], dict[str, Any]]:
    """What is recorded of a stage; recorded anew where the environment asks for it."""

    def known(stage: str, results: Any) -> dict[str, Any]:
        recorded = json.loads(RECORD.read_text()) if RECORD.exists() else {}
        if os.environ.get("LVT_RECORD"):
            recorded[stage] = {"method": METHODS[stage], "results": results}
            RECORD.write_text(_lines(recorded))
        return dict(recorded.get(stage, {"method": None, "results": None}))

    return known


def _is_close(one: Any, other: Any, tolerance: float) -> bool:
    """Whether two results are the same but for the last digits of their numbers."""
    if isinstance(one, list):
        return (
            isinstance(other, list)
            and len(one) == len(other)
            and all(_is_close(a, b, tolerance) for a, b in zip(one, other, strict=True))
        )
    if isinstance(one, float) and isinstance(other, float | int):
        return abs(one - other) <= tolerance * max(1.0, abs(other))
    return bool(one == other)


def _lines(recorded: dict[str, Any]) -> str:
    """JSON with a line for each stage, so that a change shows which one it is of."""
    lines = (f"{json.dumps(stage)}: {json.dumps(known)}" for stage, known in recorded.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"
