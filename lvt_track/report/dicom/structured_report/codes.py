"""Codes of what a structured report says, from DICOM, SNOMED CT and UCUM, else of our own."""

from __future__ import annotations

from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code

from lvt_track.core.response.assessment import Role
from lvt_track.io.dicom.structured_report.terms import (
    ABSENT,
    CURRENT_RESPONSE,
    DERIVED_FROM,
    LESION_STATUS,
    LVT_SCHEME,
    PRESENCE,
    ROLE_CODES,
    TRACKING_ID,
    TRACKING_UID,
)

__all__ = [
    "CATEGORIES",
    "CHANGE_FROM_BASELINE",
    "CHANGE_FROM_NADIR",
    "COUINAUD",
    "CRITERIA",
    "IS_ABSENT",
    "IS_DERIVED_FROM",
    "IS_PRESENT",
    "LINK",
    "LONG_AXIS",
    "MILLILITER",
    "QUALITATIVE_EVALUATIONS",
    "REASON",
    "RESPONSE",
    "ROLE",
    "ROLES",
    "SHORT_AXIS",
    "STATE",
    "STATUS",
    "TRACKING_IDENTIFIER",
    "TRACKING_UNIQUE_IDENTIFIER",
    "VOLUME",
    "WHETHER_PRESENT",
]

LONG_AXIS, SHORT_AXIS = codes.SCT.LongAxis, codes.SCT.ShortAxis
VOLUME = Code("118565006", "SCT", "Volume")
MILLILITER = Code("ml", "UCUM", "milliliter")

TRACKING_IDENTIFIER = Code(*TRACKING_ID, "Tracking Identifier")
TRACKING_UNIQUE_IDENTIFIER = Code(*TRACKING_UID, "Tracking Unique Identifier")

WHETHER_PRESENT, IS_ABSENT = Code(*PRESENCE, "Presence"), Code(*ABSENT, "Absent")
IS_PRESENT = Code("52101004", "SCT", "Present")
STATUS = Code(*LESION_STATUS, "Lesion status")
IS_DERIVED_FROM = Code(*DERIVED_FROM, "Derived from lesions")
STATE = Code("lesion-state", LVT_SCHEME, "State over the course")
LINK = Code("earlier-lesion", LVT_SCHEME, "Lesion of an earlier visit")
ROLE = Code("recist-role", LVT_SCHEME, "Role by RECIST")
ROLES = {
    Role.TARGET: Code(*ROLE_CODES["target"], "Target Lesion at Baseline"),
    Role.NON_TARGET: Code(*ROLE_CODES["non-target"], "Non-Target Lesion at Baseline"),
    Role.NEW: Code(*ROLE_CODES["new"], "New Lesion"),
}
COUINAUD = (
    codes.SCT.CouinaudHepaticSegmentI,
    codes.SCT.CouinaudHepaticSegmentII,
    codes.SCT.CouinaudHepaticSegmentIII,
    codes.SCT.CouinaudHepaticSegmentIV,
    codes.SCT.CouinaudHepaticSegmentV,
    codes.SCT.CouinaudHepaticSegmentVI,
    codes.SCT.CouinaudHepaticSegmentVII,
    codes.SCT.CouinaudHepaticSegmentVIII,
)

QUALITATIVE_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
RESPONSE = Code(*CURRENT_RESPONSE, "Current Response")
CHANGE_FROM_BASELINE = Code("baseline-change", LVT_SCHEME, "Change from baseline")
CHANGE_FROM_NADIR = Code("nadir-change", LVT_SCHEME, "Change from nadir")
REASON = Code("121106", "DCM", "Comment")
CRITERIA = {"RECIST 1.1": codes.DCM.RECIST1Point1}
# CDISC's terms for response, in the NCI Thesaurus.
CATEGORIES = {
    "CR": Code("C4870", "NCIt", "Complete Remission"),
    "PR": Code("C18058", "NCIt", "Partial Remission"),
    "SD": Code("C18213", "NCIt", "Stable Disease"),
    "PD": Code("C35571", "NCIt", "Progressive Disease"),
    "NE": Code("C62222", "NCIt", "Unevaluable"),
}
