"""The truth about a phantom as tables, in the columns of the tables that `lvt track` writes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import pandas as pd

from lvt_track.core.lesion.lesion import Edge, Track
from lvt_track.phantom.course.radiologist import Reading, read_course
from lvt_track.phantom.course.script import PhantomPatient
from lvt_track.phantom.course.truth import TrueLesion, true_edges, true_tracks

__all__ = ["truth_tables"]


def truth_tables(
    patient: PhantomPatient, lesions: Sequence[Sequence[TrueLesion]]
) -> dict[str, pd.DataFrame]:
    """Tables `lesions`, `edges`, `tracks` and `radiologist` of a course.

    Args:
        patient: the script.
        lesions: true lesions of each visit, as rendered.
    """
    dates = [visit.date for visit in patient.visits]
    edges = true_edges(lesions)
    tracks = true_tracks(lesions, edges)
    track_of = {key: track.number for track in tracks for key in track.lesions}
    fates = {scripted.identity: scripted.fate.value for scripted in patient.tumors}
    lesion_rows = [
        {
            "date": dates[lesion.visit],
            "track": track_of[lesion.key],
            "fates": " ".join(fates[identity] for identity in lesion.identities),
            **_lesion_row(lesion),
        }
        for of_visit in lesions
        for lesion in of_visit
    ]
    readings = read_course(dates, lesions, edges, patient.seed)
    return {
        "lesions": pd.DataFrame(lesion_rows, columns=_LESIONS),
        "edges": pd.DataFrame([_edge_row(edge, dates) for edge in edges], columns=_EDGES),
        "tracks": pd.DataFrame([_track_row(track, dates) for track in tracks], columns=_TRACKS),
        "radiologist": pd.DataFrame(map(_reading_row, readings), columns=_RADIOLOGIST),
    }


def _lesion_row(lesion: TrueLesion) -> dict[str, object]:
    return {
        "lesion": lesion.label,
        **_position(lesion.centroid_mm),
        "long_axis_mm": round(lesion.long_axis_mm, 1),
        "short_axis_mm": round(lesion.short_axis_mm, 1),
        "volume_ml": round(lesion.volume_ml, 3),
        "tumors": " ".join(map(str, lesion.identities)),
    }


def _edge_row(edge: Edge, dates: Sequence[dt.date]) -> dict[str, object]:
    return {
        "date_a": dates[edge.earlier[0]],
        "lesion_a": edge.earlier[1],
        "date_b": dates[edge.later[0]],
        "lesion_b": edge.later[1],
        "event": edge.event.value,
        "cost": edge.cost,
        "source": edge.source,
    }


def _track_row(track: Track, dates: Sequence[dt.date]) -> dict[str, object]:
    return {
        "track": track.number,
        "first_seen": dates[track.lesions[0][0]],
        "last_seen": dates[track.lesions[-1][0]],
        "state": track.state.value,
    }


def _reading_row(reading: Reading) -> dict[str, object]:
    return {
        "date": reading.date,
        "lesion": reading.lesion,
        "role": reading.role,
        "site": reading.site,
        "long_axis_mm": reading.long_axis_mm,
        "short_axis_mm": reading.short_axis_mm,
        "status": reading.status,
        **(_position(reading.position_mm) if reading.position_mm else {}),
    }


_PLACE = ["x_mm", "y_mm", "z_mm"]
_SIZE = ["long_axis_mm", "short_axis_mm"]
_LESIONS = ["date", "lesion", "track", *_PLACE, *_SIZE, "volume_ml", "tumors", "fates"]
_EDGES = ["date_a", "lesion_a", "date_b", "lesion_b", "event", "cost", "source"]
_TRACKS = ["track", "first_seen", "last_seen", "state"]
_RADIOLOGIST = ["date", "lesion", "role", "site", *_SIZE, "status", *_PLACE]


def _position(point_mm: tuple[float, float, float]) -> dict[str, float]:
    return {name: round(c, 1) for name, c in zip(_PLACE, point_mm, strict=True)}
