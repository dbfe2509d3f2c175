"""The tables of a course, column by column as docs/use/outputs.md describes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lvt_track.core.course import Course, LookBack, VisitFindings
from lvt_track.core.lesion.lesion import Lesion, Track
from lvt_track.core.lesion.size_error import lesion_intervals
from lvt_track.core.quantities import reported_ml, segment_names
from lvt_track.core.response.response import Response
from lvt_track.io.spreadsheets.writing import csv_text, write_text
from lvt_track.report import columns
from lvt_track.report.timelines import (
    Timeline,
    change_percent,
    doubling_time_days,
    monthly_growth_percent,
    primary_criterion,
    timelines,
)
from lvt_track.response.tables.answers import doubt_row, response_row

__all__ = [
    "COURSE_TABLES",
    "edges_table",
    "lesions_table",
    "lookback_table",
    "phases_table",
    "response_table",
    "tracks_table",
    "visits_table",
    "write_table",
]

Row = Mapping[str, Any]

_FINE_ML = ("sum_ml", "nadir_ml", "volume_low_ml", "volume_high_ml", "viable_ml")
"""Volumes beside those of lesions that keep three digits where they are tiny."""


def visits_table(course: Course) -> pd.DataFrame:
    """One row per visit: the scan, the volumes, the sum of diameters and the response."""
    criterion = primary_criterion(course)
    leading = {r.date: r for r in course.responses if r.criterion == criterion}
    return _frame(
        columns.VISITS,
        (_visit_row(findings, leading.get(findings.visit.date)) for findings in course.visits),
    )


def _visit_row(findings: VisitFindings, response: Response | None) -> Row:
    series = findings.visit.tracked_series
    z, y, x = findings.geometry.spacing_mm
    row: dict[str, Any] = {
        "date": findings.visit.name,
        "study": findings.visit.study,
        "series": series.uid,
        "phase": series.phase.value,
        "spacing_mm": f"{x:.2f} x {y:.2f} x {z:.2f}",
        "slice_thickness_mm": series.slice_thickness_mm,
        "liver_ml": findings.liver_ml,
        "vessels_ml": findings.vessels_ml,
        "tumors_ml": findings.tumors_ml,
        "burden_percent": findings.burden_percent,
        "lesions": len(findings.lesions),
        "sum_of_diameters_mm": response.sum_mm if response else None,
        "response": response.category if response else None,
        "warnings": "; ".join(dict.fromkeys((*series.warnings, *findings.warnings))),
        "description": series.description,
        "phase_source": series.phase_source,
        "phase_confidence": series.phase_confidence,
        **{f"{name}_source": source for name, source in findings.sources.items()},
    }
    if findings.registration is not None:
        quality = findings.registration
        row |= {
            "registration": quality.method,
            "registration_is_reliable": quality.is_reliable,
            "liver_dice": quality.liver_dice,
            "surface_distance_mm": quality.surface_distance_mm,
            "inverse_error_mm": quality.inverse_error_mm,
        }
    return row


def lesions_table(course: Course) -> pd.DataFrame:
    """One row per lesion and visit: its track, its place and its size with the caliper ends."""
    tracks = _track_numbers(course)
    return _frame(
        columns.LESIONS,
        (
            _lesion_row(findings, lesion, tracks.get(lesion.key))
            for findings in course.visits
            for lesion in sorted(findings.lesions, key=lambda one: one.label)
        ),
    )


def _lesion_row(findings: VisitFindings, lesion: Lesion, track: int | None) -> Row:
    size = lesion.measurement
    x, y, z = lesion.centroid_mm
    row: dict[str, Any] = {
        "date": findings.visit.name,
        "lesion": lesion.label,
        "track": track,
        "x_mm": x,
        "y_mm": y,
        "z_mm": z,
        "long_axis_mm": size.long_axis.length_mm,
        "short_axis_mm": size.short_axis.length_mm,
        "slice": size.slice_index,
        "volume_ml": size.volume_ml,
        "mean_hu": size.mean_hu,
        "long_axis_3d_mm": size.long_axis_3d_mm,
        "voxels": lesion.voxels,
        "drawn_long_axis_mm": size.drawn_long_axis_mm,
        "cut": lesion.is_cut,
        "parts": max(1, len(lesion.lumps_mm)),
        "segments": segment_names(lesion.segments),
        "doubt": lesion.doubt,
        "tumor_probability": lesion.tumor_probability,
    }
    for name, axis in (("long", size.long_axis), ("short", size.short_axis)):
        for end, point in (("start", axis.start_mm), ("end", axis.end_mm)):
            row |= {f"{name}_axis_{end}_{c}_mm": p for c, p in zip("xyz", point, strict=True)}
    if lesion.viability is not None:
        row |= {
            "viable_long_axis_mm": lesion.viability.long_axis_mm,
            "viable_short_axis_mm": lesion.viability.short_axis_mm,
            "viable_ml": lesion.viability.volume_ml,
            "necrosis_percent": lesion.viability.necrosis_percent,
            "viability_note": lesion.viability.reason or lesion.viability.note,
        }
    intervals = lesion_intervals(findings, lesion)
    if intervals is not None:
        row |= {
            "long_axis_low_mm": intervals.long_axis.low,
            "long_axis_high_mm": intervals.long_axis.high,
            "short_axis_low_mm": intervals.short_axis.low,
            "short_axis_high_mm": intervals.short_axis.high,
            "volume_low_ml": intervals.volume.low,
            "volume_high_ml": intervals.volume.high,
        }
    return row


def edges_table(course: Course) -> pd.DataFrame:
    """One row per link between two lesions, in order of time."""
    tracks = _track_numbers(course)
    return _frame(
        columns.EDGES,
        (
            {
                "date_a": course.visits[edge.earlier[0]].visit.name,
                "lesion_a": edge.earlier[1],
                "date_b": course.visits[edge.later[0]].visit.name,
                "lesion_b": edge.later[1],
                "event": edge.event.value,
                "cost": edge.cost,
                "source": edge.source,
                "confidence": edge.confidence,
                "track": tracks.get(edge.earlier),
            }
            for edge in sorted(course.edges, key=lambda e: (e.earlier, e.later))
        ),
    )


def tracks_table(course: Course) -> pd.DataFrame:
    """One row per track: when it was seen, what became of it, and how its size changed."""
    return _frame(columns.TRACKS, (_track_row(course, line) for line in timelines(course)))


def _doubt_of(course: Course, track: Track) -> str:
    """Why a track is uncertain; where it no longer is, with the date that ended the doubt."""
    if track.confirmed is None:
        return track.reason
    return f"{track.reason}; confirmed as new {course.visits[track.confirmed].visit.name}"


def _track_row(course: Course, line: Timeline) -> Row:
    first, last = (course.visits[i].visit for i in (line.seen[0], line.seen[-1]))
    is_followed = line.is_comparable
    before, after = line.first, line.last
    days = (last.date - first.date).days
    return {
        "track": line.track.number,
        "first_seen": first.name,
        "last_seen": last.name,
        "state": line.track.state.value,
        "events": "; ".join(line.track.events),
        "volume_change_percent": (
            change_percent(before.volume_ml, after.volume_ml) if is_followed else None
        ),
        "doubling_time_days": (
            doubling_time_days(before.volume_ml, after.volume_ml, days) if is_followed else None
        ),
        "first_volume_ml": before.volume_ml,
        "last_volume_ml": after.volume_ml,
        "first_diameter_mm": before.diameter_mm,
        "last_diameter_mm": after.diameter_mm,
        "diameter_change_percent": (
            change_percent(before.diameter_mm, after.diameter_mm) if is_followed else None
        ),
        "visits_seen": len(line.seen),
        "reason": _doubt_of(course, line.track),
        "monthly_growth_percent": (
            monthly_growth_percent(before.volume_ml, after.volume_ml, days) if is_followed else None
        ),
        "role": line.track.role,
        "note": line.track.note,
        "tracking_uid": line.track.uid,
    }


def response_table(course: Course) -> pd.DataFrame:
    """One row per criterion and visit; criteria keep the order in which the course has them."""
    order = list(dict.fromkeys(response.criterion for response in course.responses))
    responses = sorted(course.responses, key=lambda r: (order.index(r.criterion), r.date))
    return _frame(
        columns.RESPONSE,
        ({**response_row(r), **doubt_row(r), "date": r.date.isoformat()} for r in responses),
    )


def phases_table(course: Course) -> pd.DataFrame:
    """One row per contrast phase of the studies that have several."""
    return _frame(
        columns.PHASES,
        (
            {
                **{name: getattr(phase, name) for name in columns.PHASES},
                "date": phase.date.isoformat(),
                "phase": phase.phase.value,
                "warnings": "; ".join(phase.warnings),
            }
            for phase in course.phases
        ),
    )


def lookback_table(course: Course) -> pd.DataFrame:
    """One row per tumour that was found later and scan before its detection."""
    return _frame(columns.LOOKBACK, (_lookback_row(course, look) for look in course.lookbacks))


def _lookback_row(course: Course, look: LookBack) -> Row:
    first = course.first_visible(look.track)
    rate = look.false_alarm_rate
    return {
        "track": look.track,
        "lesion": look.lesion[1],
        "date_found": course.visits[look.lesion[0]].visit.name,
        "date": course.visits[look.visit].visit.name,
        "days_earlier": look.days_earlier,
        "verdict": look.verdict.value,
        "reason": look.reason,
        **dict(zip(("x_mm", "y_mm", "z_mm"), look.place_mm, strict=True)),
        "search_mm": look.search_mm,
        "contrast_hu": look.contrast_hu,
        "cnr": look.cnr,
        "size_mm": look.size_mm,
        "probability": look.probability,
        "false_alarm_percent": None if rate is None else 100 * rate,
        "controls": look.controls,
        "visible_days_earlier": 0 if first is None else first.days_earlier,
        "change_hu": look.change_hu,
        "changed_as_much_percent": (None if look.change_rate is None else 100 * look.change_rate),
    }


COURSE_TABLES: Mapping[str, Callable[[Course], pd.DataFrame]] = {
    "visits": visits_table,
    "lesions": lesions_table,
    "edges": edges_table,
    "tracks": tracks_table,
    "response": response_table,
    "phases": phases_table,
    "lookback": lookback_table,
}
"""Every table of a course, by the name of its file without `.csv`."""


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV (UTF-8, comma, dot), whole or not at all.

    Raises:
        OutputError: when the file cannot be written.
    """
    cells = frame.astype(object).where(frame.notna(), None)
    write_text(csv_text(list(frame.columns), cells.itertuples(index=False, name=None)), path)


def _track_numbers(course: Course) -> dict[tuple[int, int], int]:
    return {key: track.number for track in course.tracks for key in track.lesions}


def _frame(kinds: Mapping[str, str], rows: Iterable[Row]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=list(kinds)).astype(dict(kinds))
    for name in frame.columns[frame.dtypes == "Float64"]:
        if name.endswith("volume_ml") or name in _FINE_ML:
            frame[name] = frame[name].map(reported_ml, na_action="ignore").astype("Float64")
            continue
        ending = max((e for e in columns.DECIMALS if name.endswith(e)), key=len)
        frame[name] = frame[name].round(columns.DECIMALS[ending]) + 0.0  # no "-0.0"
    return frame
