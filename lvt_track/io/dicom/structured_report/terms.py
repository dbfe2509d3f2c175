"""Codes of structured reports that this program writes and reads back: value and scheme."""

from __future__ import annotations

__all__ = [
    "ABSENT",
    "CURRENT_RESPONSE",
    "DERIVED_FROM",
    "LESION_STATUS",
    "LVT_SCHEME",
    "PRESENCE",
    "ROLE_CODES",
    "TRACKING_ID",
    "TRACKING_UID",
]

LVT_SCHEME = "99LVT"
"""Designator of codes of our own, for what DICOM and SNOMED CT have no word for."""

TRACKING_ID, TRACKING_UID = ("112039", "DCM"), ("112040", "DCM")
PRESENCE, ABSENT = ("705057003", "SCT"), ("2667000", "SCT")
CURRENT_RESPONSE = ("112048", "DCM")
LESION_STATUS = ("lesion-status", LVT_SCHEME)
DERIVED_FROM = ("derived-from", LVT_SCHEME)

ROLE_CODES = {
    "target": ("112074", "DCM"),
    "non-target": ("112075", "DCM"),
    "new": ("new-lesion", LVT_SCHEME),
}
"""Code of each role by RECIST."""
