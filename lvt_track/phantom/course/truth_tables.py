"""The truth about a phantom as tables, in the columns of the tables that `lvt track` writes."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from lvt_track.phantom.course.radiologist import read_course
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
    return {
        "lesions": pd.DataFrame(
            [
                {
                    "date": dates[lesion.visit],
                    "lesion": lesion.label,
                    "track": track_of[lesion.key],
                    **_position(lesion.centroid_mm),
                    "long_axis_mm": round(lesion.long_axis_mm, 1),
                    "short_axis_mm": round(lesion.short_axis_mm, 1),
                    "volume_ml": round(lesion.volume_ml, 3),
                    "tumors": " ".join(map(str, lesion.identities)),
                    "fates": " ".join(fates[identity] for identity in lesion.identities),
                }
                for of_visit in lesions
                for lesion in of_visit
            ],
            columns=_LESIONS,
        ),
        "edges": pd.DataFrame(
            [
                {
                    "date_a": dates[edge.earlier[0]],
                    "lesion_a": edge.earlier[1],
                    "date_b": dates[edge.later[0]],
                    "lesion_b": edge.later[1],
                    "event": edge.event.value,
                    "cost": edge.cost,
                    "source": edge.source,
                }
                for edge in edges
            ],
            columns=_EDGES,
        ),
        "tracks": pd.DataFrame(
            [
                {
                    "track": track.number,
                    "first_seen": dates[track.lesions[0][0]],
                    "last_seen": dates[track.lesions[-1][0]],
                    "state": track.state.value,
                }
                for track in tracks
            ],
            columns=_TRACKS,
        ),
        "radiologist": pd.DataFrame(
            [
                {
                    "date": row.date,
                    "lesion": row.lesion,
                    "role": row.role,
                    "site": row.site,
                    "long_axis_mm": row.long_axis_mm,
                    "short_axis_mm": row.short_axis_mm,
                    "status": row.status,
                    **(_position(row.position_mm) if row.position_mm else {}),
                }
                for row in read_course(dates, lesions, edges, patient.seed)
            ],
            columns=_RADIOLOGIST,
        ),
    }


_PLACE = ["x_mm", "y_mm", "z_mm"]
_SIZE = ["long_axis_mm", "short_axis_mm"]
_LESIONS = ["date", "lesion", "track", *_PLACE, *_SIZE, "volume_ml", "tumors", "fates"]
_EDGES = ["date_a", "lesion_a", "date_b", "lesion_b", "event", "cost", "source"]
_TRACKS = ["track", "first_seen", "last_seen", "state"]
_RADIOLOGIST = ["date", "lesion", "role", "site", *_SIZE, "status", *_PLACE]


def _position(point_mm: tuple[float, float, float]) -> dict[str, float]:
    return {name: round(c, 1) for name, c in zip(_PLACE, point_mm, strict=True)}
