"""The interactive page's data: small enough to stand in the page, as JSON."""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry
from lvt_track.core.lesion.lesion import Lesion
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.panels import WINDOW_LEVEL_HU, WINDOW_WIDTH_HU
from lvt_track.report.viewer.colors import view_colors
from lvt_track.report.viewer.scene import HU_LOW, HU_STEP, PlaceMap, Scene
from lvt_track.report.viewer.worklist import worklist

__all__ = ["page_data"]

_OFFSET_STEP_MM = 0.02
_LEVEL = 7


def page_data(content: ReportContent) -> str:
    """All that the page's script needs, as JSON that is safe inside a script element.

    Args:
        content: with its scene.

    Raises:
        ValueError: without one.
    """
    course, scene = content.course, content.scene
    if scene is None:
        raise ValueError("the content has no scene")
    tracks = {key: track.number for track in course.tracks for key in track.lesions}
    colors = view_colors(course)
    facts = {
        "patient": course.patient,
        "window": [WINDOW_LEVEL_HU, WINDOW_WIDTH_HU],
        "hu": [HU_LOW, HU_STEP],
        "offset_step_mm": _OFFSET_STEP_MM,
        "reference": scene.reference,
        "visits": [_visit(content, scene, k) for k in range(len(course.visits))],
        "lesions": [
            _lesion(lesion, tracks.get(lesion.key), scene)
            for findings in course.visits
            for lesion in findings.lesions
        ],
        "tracks": [
            {
                "number": t.number,
                "state": t.state.value,
                "reason": t.reason,
                "color": colors[t.number],
            }
            for t in course.tracks
        ],
        "edges": [
            {"a": e.earlier, "b": e.later, "event": e.event.value, "confidence": e.confidence}
            for e in course.edges
        ],
        "worklist": [doubt.facts() for doubt in worklist(course, scene.common_mm)],
        "corrections": [dict(row) for row in content.corrections],
    }
    return json.dumps(facts, separators=(",", ":")).replace("<", "\\u003c")


def _visit(content: ReportContent, scene: Scene, k: int) -> dict[str, Any]:
    findings, view, places = content.course.visits[k], scene.views[k], scene.maps[k]
    quality = findings.registration
    is_linked = k == scene.reference or places is not None
    return {
        "date": findings.visit.name,
        "phase": findings.visit.tracked_series.phase.value,
        "linked": is_linked,
        "reason": "" if is_linked or quality is None else quality.reason,
        "grid": _grid(view.geometry),
        "grey": _packed(_differences(view.grey)),
        "parts": _packed(view.parts),
        "labels": _packed(view.labels.astype("<u2")),
        "map": None if places is None else _map(places),
    }


def _map(places: PlaceMap) -> dict[str, Any]:
    steps = np.rint(places.offset_mm / _OFFSET_STEP_MM).clip(-32768, 32767).astype("<i2")
    return {"grid": _grid(places.geometry), "offsets": _packed(steps)}


def _lesion(lesion: Lesion, track: int | None, scene: Scene) -> dict[str, Any]:
    size = lesion.measurement
    return {
        "visit": lesion.visit,
        "label": lesion.label,
        "voxels": lesion.voxels,
        "track": track,
        "place": _rounded(lesion.centroid_mm),
        "common": _rounded(scene.common_mm.get(lesion.key, lesion.centroid_mm)),
        "volume_ml": round(size.volume_ml, 4),
        "long_mm": round(size.long_axis.length_mm, 1),
        "short_mm": round(size.short_axis.length_mm, 1),
        "long": [_rounded(size.long_axis.start_mm), _rounded(size.long_axis.end_mm)],
        "short": [_rounded(size.short_axis.start_mm), _rounded(size.short_axis.end_mm)],
    }


def _grid(geometry: Geometry) -> Mapping[str, Any]:
    """A grid along the patient's axes, everything in the order x, y, z."""
    return {
        "origin": _rounded(geometry.origin_mm),
        "spacing": [round(s, 5) for s in geometry.spacing_mm[::-1]],
        "shape": geometry.shape[::-1],
    }


def _rounded(place: tuple[float, float, float]) -> list[float]:
    return [round(float(v), 3) for v in place]


def _differences(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every value less the one before it, modulo 256: noise packs better so."""
    flat = grey.ravel()
    return np.diff(flat, prepend=np.zeros(1, dtype=np.uint8))


def _packed(array: NDArray[np.generic]) -> str:
    return base64.b64encode(zlib.compress(np.ascontiguousarray(array).tobytes(), _LEVEL)).decode()
