"""Columns of the tables of a course: their order, their types, their decimals."""

from __future__ import annotations

__all__ = [
    "COURSE",
    "DECIMALS",
    "EDGES",
    "LESIONS",
    "LOOKBACK",
    "PHASES",
    "PHASE_COLUMNS",
    "RESPONSE",
    "TRACKS",
    "VISITS",
]

# Type of every column; those that may be empty are pandas' nullable types.
VISITS = {
    "date": "string",
    "study": "string",
    "series": "string",
    "phase": "string",
    "spacing_mm": "string",
    "slice_thickness_mm": "Float64",
    "liver_ml": "Float64",
    "vessels_ml": "Float64",
    "tumors_ml": "Float64",
    "burden_percent": "Float64",
    "lesions": "Int64",
    "sum_of_diameters_mm": "Float64",
    "response": "string",
    "warnings": "string",
    "description": "string",
    "liver_source": "string",
    "vessels_source": "string",
    "tumors_source": "string",
    "registration": "string",
    "registration_is_reliable": "boolean",
    "liver_dice": "Float64",
    "surface_distance_mm": "Float64",
    "inverse_error_mm": "Float64",
    "phase_source": "string",
    "phase_confidence": "Float64",
}
LESIONS = {
    "date": "string",
    "lesion": "Int64",
    "track": "Int64",
    "x_mm": "Float64",
    "y_mm": "Float64",
    "z_mm": "Float64",
    "long_axis_mm": "Float64",
    "short_axis_mm": "Float64",
    "slice": "Int64",
    "volume_ml": "Float64",
    "mean_hu": "Float64",
    "long_axis_3d_mm": "Float64",
    "cut": "boolean",
    **{
        f"{axis}_axis_{end}_{c}_mm": "Float64"
        for axis in ("long", "short")
        for end in ("start", "end")
        for c in "xyz"
    },
    "voxels": "string",
    "drawn_long_axis_mm": "Float64",
    "parts": "Int64",
    "segments": "string",
    **{
        f"{axis}_{end}_{unit}": "Float64"
        for axis, unit in (("long_axis", "mm"), ("short_axis", "mm"), ("volume", "ml"))
        for end in ("low", "high")
    },
    **{f"viable_{axis}_axis_mm": "Float64" for axis in ("long", "short")},
    "viable_ml": "Float64",
    "necrosis_percent": "Float64",
    "viability_note": "string",
    "doubt": "string",
    "tumor_probability": "Float64",
}
EDGES = {
    "date_a": "string",
    "lesion_a": "Int64",
    "date_b": "string",
    "lesion_b": "Int64",
    "event": "string",
    "cost": "Float64",
    "source": "string",
    "confidence": "Float64",
    "track": "Int64",
}
TRACKS = {
    "track": "Int64",
    "first_seen": "string",
    "last_seen": "string",
    "state": "string",
    "events": "string",
    "volume_change_percent": "Float64",
    "doubling_time_days": "Float64",
    "first_volume_ml": "Float64",
    "last_volume_ml": "Float64",
    "first_diameter_mm": "Float64",
    "last_diameter_mm": "Float64",
    "diameter_change_percent": "Float64",
    "visits_seen": "Int64",
    "reason": "string",
    "monthly_growth_percent": "Float64",
    "role": "string",
    "note": "string",
    "tracking_uid": "string",
}
RESPONSE = {
    "date": "string",
    "criterion": "string",
    "sum_mm": "Float64",
    "change_from_baseline_percent": "Float64",
    "change_from_nadir_percent": "Float64",
    "nadir_mm": "Float64",
    "category": "string",
    "reason": "string",
    "target": "string",
    "non_target": "string",
    "new_lesion": "boolean",
    "sum_ml": "Float64",
    "nadir_ml": "Float64",
    "sum_mm2": "Float64",
    "nadir_mm2": "Float64",
    **dict.fromkeys(("p_cr", "p_pr", "p_sd", "p_pd"), "Float64"),
    **dict.fromkeys(("draws", "target_choices", "target_choices_alike"), "Int64"),
    "settled_by": "string",
}
PHASES = {
    "date": "string",
    "phase": "string",
    "liver_ml": "Float64",
    "deviation_percent": "Float64",
    "deviation_from_mean_percent": "Float64",
    "tumors_ml": "Float64",
    "series": "string",
    "slice_thickness_mm": "Float64",
    "is_reference": "boolean",
    "warnings": "string",
    "tumors_deviation_percent": "Float64",
    "tumors_deviation_from_mean_percent": "Float64",
}
LOOKBACK = {
    "track": "Int64",
    "lesion": "Int64",
    "date_found": "string",
    "date": "string",
    "days_earlier": "Int64",
    "verdict": "string",
    "reason": "string",
    "x_mm": "Float64",
    "y_mm": "Float64",
    "z_mm": "Float64",
    "search_mm": "Float64",
    "contrast_hu": "Float64",
    "cnr": "Float64",
    "size_mm": "Float64",
    "probability": "Float64",
    "false_alarm_percent": "Float64",
    "controls": "Int64",
    "visible_days_earlier": "Int64",
    "change_hu": "Float64",
    "changed_as_much_percent": "Float64",
}
COURSE = {
    "visits": VISITS,
    "lesions": LESIONS,
    "edges": EDGES,
    "tracks": TRACKS,
    "response": RESPONSE,
    "phases": PHASES,
    "lookback": LOOKBACK,
}
"""The tables of a course, by the names of their files without `.csv`."""
PHASE_COLUMNS = tuple(PHASES)
"""Columns of `phases.csv`."""

# By the unit in which a column's name ends; the longest ending wins.
DECIMALS = {"_mm": 1, "_ml": 3, "_percent": 1, "_days": 1, "_hu": 1, "cost": 3, "_dice": 3}
DECIMALS |= {"_mm2": 0, "cnr": 1, "probability": 2}
DECIMALS |= {"confidence": 3, "thickness_mm": 2, "surface_distance_mm": 2, "inverse_error_mm": 2}
DECIMALS |= dict.fromkeys(("p_cr", "p_pr", "p_sd", "p_pd"), 3)
DECIMALS |= {"deviation_percent": 2, "deviation_from_mean_percent": 2}
