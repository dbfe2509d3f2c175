"""EASL for hepatocellular carcinoma (Bruix et al., J Hepatol 2001;35:421-430).

The panel takes the amount of enhancing tissue for the size of a tumour, and WHO's products of two
perpendicular diameters (Miller et al., Cancer 1981;47:207-214) for that amount: partial response
from -50 %, progression from +25 %. WHO compares single lesions; here sums are compared, as in the
studies that hold EASL beside mRECIST (Shim et al., Radiology 2012;262:708-718).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lvt_track.core.response.assessment import LIVER, Assessment
from lvt_track.response.criteria.mrecist import (
    MRECIST,
    is_measurable_viable,
    lacks_arterial_phase,
)
from lvt_track.response.criteria.recist import target_rules

__all__ = ["EASL"]

_TOO_SMALL_MM = 5.0


def _product_mm2(row: Assessment) -> float | None:
    """Product of the two diameters of what enhances; outside the liver, of the whole lesion."""
    if row.organ == LIVER:
        long_mm, short_mm = row.enhancing_mm, row.enhancing_short_mm
    else:
        long_mm, short_mm = row.long_axis_mm, row.short_axis_mm
    if long_mm == 0:
        return 0.0
    return None if long_mm is None or short_mm is None else long_mm * short_mm


def _is_measurable(row: Assessment) -> bool:
    return is_measurable_viable(row) and _product_mm2(row) is not None


def _lacking(rows: Sequence[Assessment]) -> str:
    if lacking := lacks_arterial_phase("EASL", rows):
        return lacking
    if not any(row.enhancing_short_mm for row in rows if row.organ == LIVER):
        return "EASL needs two diameters of what enhances, there is only one"
    return ""


EASL = replace(
    MRECIST,
    name="EASL",
    scale=replace(
        MRECIST.scale,
        unit="mm²",
        size=_product_mm2,
        is_measurable=_is_measurable,
        too_small=_TOO_SMALL_MM**2,
    ),
    target=target_rules(-50.0, 25.0, 0.0),
    lacking=_lacking,
    remedy="Give columns enhancing_mm and enhancing_short_mm measured in the arterial phase",
)
