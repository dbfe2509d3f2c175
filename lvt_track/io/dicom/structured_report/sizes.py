"""Sizes in a measurement group of a DICOM structured report, in mm and mL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lvt_track.io.dicom.structured_report.content import Code, ContentItem, named

__all__ = ["ReportedSize", "sizes_in"]

# Kinds of a size in order of preference, each by its SCT, SRT and other codes: CID 7470 and
# CID 7472 of DICOM PS3.16. Diameters in 3D are left out, because a reader's axes are axial.
_KINDS: Mapping[str, Sequence[tuple[Code, ...]]] = {
    "long_axis_mm": (
        (("103339001", "SCT"), ("G-A185", "SRT")),  # long axis
        (("131187009", "SCT"), ("G-A193", "SRT")),  # major axis
        (("81827009", "SCT"), ("M-02550", "SRT")),  # diameter
        (("410668003", "SCT"), ("G-D7FE", "SRT")),  # length
        (("121206", "DCM"),),  # distance
    ),
    "short_axis_mm": (
        (("103340004", "SCT"), ("G-A186", "SRT")),  # short axis
        (("131188004", "SCT"), ("G-A194", "SRT")),  # minor axis
        (("131189007", "SCT"), ("G-A195", "SRT")),  # perpendicular axis
    ),
    "volume_ml": (
        (("118565006", "SCT"), ("G-D705", "SRT")),  # volume
        (("YEKZ", "IBSI"),),  # from voxels
        (("RNU0", "IBSI"),),  # of a mesh
        (("121217", "DCM"),),  # from three or more regions
        (("121218", "DCM"),),  # from two regions
        (("121216", "DCM"),),  # from one region
    ),
}
_UNITS: Mapping[str, Mapping[str, float]] = {
    "_mm": {"mm": 1.0, "cm": 10.0, "m": 1000.0, "um": 0.001},
    "_ml": {"ml": 1.0, "cm3": 1.0, "mm3": 0.001, "ul": 0.001, "l": 1000.0, "dm3": 1000.0},
}
_NO_UNIT = ("", "1")
_DERIVATION = ("121401", "DCM")
_MAXIMUM = ("56851009", "SCT"), ("G-A437", "SRT")


@dataclass(frozen=True)
class ReportedSize:
    """A size, and the item that gives it."""

    value: float
    item: ContentItem


def sizes_in(group: ContentItem) -> tuple[dict[str, ReportedSize], tuple[str, ...]]:
    """The sizes of a group by `long_axis_mm`, `short_axis_mm` and `volume_ml`, and remarks.

    Of several numbers of one kind the largest counts. Means and minima are no axes. A number
    without a unit is no size, and is told; where nothing else is said of the lesion, it is wrong.

    Raises:
        ValueError: when a number has a unit that does not fit.
    """
    sizes: dict[str, ReportedSize] = {}
    remarks = []
    numbers = [item for item in group.descendants() if item.kind == "NUM" and _is_plain(item)]
    unitless = [item for item in numbers if _unit(item) in _NO_UNIT]
    for quantity, kinds in _KINDS.items():
        for codes in kinds:
            what = quantity.rsplit("_", 1)[0].replace("_", " ")
            remarks += [
                f"its {what} has the unit {_unit(item) or '(none)'!r}: left out"
                for item in named(unitless, *codes)
            ]
            readings = [
                ReportedSize(value, item)
                for item in named(numbers, *codes)
                if item not in unitless and (value := _value(item, quantity)) is not None
            ]
            if readings:
                sizes[quantity] = max(readings, key=lambda size: size.value)
                if len({size.value for size in readings}) > 1:
                    remarks.append(f"{len(readings)} numbers for the {what}: the largest was taken")
                break
    if not sizes and unitless and remarks:
        raise ValueError(remarks[0].removesuffix(": left out"))
    return sizes, tuple(remarks)


def _is_plain(item: ContentItem) -> bool:
    """Whether a number is a measurement or a maximum, not a mean or a minimum of several."""
    derived = [below.coded_value for below in named(item.children(), _DERIVATION)]
    return all(code in _MAXIMUM for code in derived)


def _value(item: ContentItem, quantity: str) -> float | None:
    """The number in mm or mL; None where the item says that it could not be measured."""
    measured, unit = item.dataset.get("MeasuredValueSequence") or (), _unit(item)
    if not measured or unit is None:
        return None
    factor = _UNITS[quantity[-3:]].get(unit.lower())
    if factor is None:
        what = quantity.rsplit("_", 1)[0].replace("_", " ")
        raise ValueError(f"its {what} has the unit {unit or '(none)'!r}")
    return float(measured[0].NumericValue) * factor


def _unit(item: ContentItem) -> str | None:
    """The unit's code, empty where it states none; None where nothing was measured."""
    measured = item.dataset.get("MeasuredValueSequence") or ()
    if not measured:
        return None
    units = measured[0].get("MeasurementUnitsCodeSequence") or ()
    return str(units[0].get("CodeValue", "") if units else "").strip()
