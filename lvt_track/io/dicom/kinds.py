"""What kind of series a DICOM header announces: a CT to follow, or something else."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np

from lvt_track.core.series import Phase
from lvt_track.io.dicom.frames import ENHANCED_CT
from lvt_track.io.dicom.header import CT_IMAGE, SliceHeader
from lvt_track.io.phases import phase_of_delay, phase_of_text

__all__ = ["is_derived", "is_sharp", "phase_of_series", "unusual_energy", "why_unusable"]

_CT = (CT_IMAGE, *ENHANCED_CT)
_NO_IMAGES = {
    "1.2.840.10008.1.3.10": "a directory of other files (DICOMDIR)",
    "1.2.840.10008.5.1.4.1.1.66": "raw data of the scanner, not images",
}
_MODALITIES = {
    "MR": "an MR image",
    "PT": "a PET image",
    "NM": "a nuclear medicine image",
    "US": "an ultrasound image",
    "CR": "a radiograph",
    "DX": "a radiograph",
    "XA": "an angiography",
    "SR": "a structured report",
    "SEG": "a segmentation",
    "RTSTRUCT": "a set of contours (RTSTRUCT)",
    "RTDOSE": "a dose distribution",
    "RTPLAN": "a treatment plan",
    "PR": "a presentation state",
    "KO": "a key object note",
    "OT": "a secondary capture",
    "SC": "a secondary capture",
    "REG": "a registration",
    "DOC": "a document",
}
_NAMED = {
    "a scout": r"scout|topo(?:gram\w*)?|localizer|lokali[sz]er|surview|scano(?:gram\w*)?|pilot",
    "a dose report": (
        r"dose (?:report|info|summary|record)|dosis\w+|patient protocol|patientenprotokoll"
    ),
    "bolus tracking": (
        r"monitoring|premonitoring|smart ?prep|bolus ?track\w*|test ?bolus|sure ?start|tracker|"
        r"care ?bolus|locator"
    ),
    "a projection (MIP)": r"mip|minip|vrt?|projection",
    "a spectral map": (
        r"iodine|jod ?karte|iod ?karte|vnc|virtual non contrast|z ?eff(?:ective)?|effective z|"
        r"electron density|perfusion|overlay|fat map|rho z|ca ?supp\w*|calcium supp\w*|hu ?mod|"
        r"uric acid|iodine no water|water iodine"
    ),
}
_NAMED_WORDS = {what: re.compile(rf"(?<![^\W_])(?:{w})(?![^\W_])") for what, w in _NAMED.items()}
_PROJECTIONS = {"MIP", "MINIP", "VRT", "PROJECTION IMAGE", "AVERAGE_MIP"}
_PROJECTIONS |= {"MAX_IP", "MIN_IP", "VOLUME_RENDER", "SURFACE_RENDER"}
# US is "unspecified" in DICOM; every other type is of another quantity or of altered HU.
_HOUNSFIELD = ("", "HU", "US", "HOUNSFIELD", "HOUNSFIELD UNITS", "HOUNSFIELD UNIT")
# Fourth value of ImageType in multi-energy CT (PS3.3 C.8.15.3.10), and makers' own words.
_SPECTRAL_MAPS = {"MAT_SPECIFIC", "MAT_REMOVED", "MAT_FRACTIONAL", "MAT_MODIFIED"}
_SPECTRAL_MAPS |= {"EFF_ATOMIC_NUM", "ELECTRON_DENSITY", "MAT_VALUE_BASED", "CASUPP"}
_SHARP_WORDS = re.compile(
    r"(?<![^\W_])(?:lung\w*|lunge\w*|poumon\w*|pulm\w*|polmon\w*|pulmon\w*|bone\w*|boneplus|"
    r"knochen\w*|osseu\w*|osso|oss|hueso|edge|sharp|detail hr|hrct|ultra high)(?![^\W_])"
)
# Siemens numbers its kernels by sharpness (B30f and Br40d are soft, B60f and Bl64 are not), and
# Toshiba groups them (FC0x and FC1x are for the body, FC3x for bone, FC5x for lung).
_NUMBERED_KERNELS = (
    (re.compile(r"[A-Z][a-z]?(\d{2})"), 50),
    (re.compile(r"FC(\d{2})"), 30),
)
# Virtual images of one energy show HU as at 120 kV near 70 keV; contrast is half as bright again at
# 50 keV.
_ENERGY = re.compile(r"(?<!\d)(\d{2,3}) ?kev(?![^\W_])")
_USUAL_KEV = (60, 80)
_LEAST_AXIAL_COSINE = np.cos(np.radians(35.0))


def why_unusable(header: SliceHeader) -> str:
    """Why an image with this header is not CT to follow; empty when it is."""
    if header.sop_class in _NO_IMAGES:
        return _NO_IMAGES[header.sop_class]
    # Exports through viewers call CT "other" and keep its class.
    if header.modality != "CT" and not (header.modality in ("", "OT") and header.sop_class in _CT):
        return f"{_MODALITIES.get(header.modality, f'of modality {header.modality}')}, not CT"
    if header.sop_class and header.sop_class not in _CT:
        return "a secondary capture or other object, not CT slices"
    if header.frames > 1 and header.frame is None and header.sop_class not in ENHANCED_CT:
        return "multi-frame DICOM that is not enhanced CT: convert it to NIfTI or to single frames"
    if header.rows == 0 or header.columns == 0:
        return "has no pixels"
    if header.samples > 1:
        return "a colour picture, not CT"
    kinds = set(header.image_type)
    if "LOCALIZER" in kinds:
        return "a scout"
    if _PROJECTIONS & kinds:
        return "a projection (MIP)"
    if header.rescale_type not in _HOUNSFIELD:
        return f"a spectral map (its values are {header.rescale_type}, not HU)"
    if _SPECTRAL_MAPS & kinds:
        return "a spectral map"
    named = _kind_by_name(header.description)
    if named:
        return f"{named}, by its name"
    normal = header.normal
    if normal is not None and abs(float(normal[2])) < _LEAST_AXIAL_COSINE:
        return f"a {'coronal' if abs(normal[1]) > abs(normal[0]) else 'sagittal'} reformat"
    return ""


@lru_cache(maxsize=4096)
def _kind_by_name(description: str) -> str:
    words = _plain(description)
    return next((what for what, pattern in _NAMED_WORDS.items() if pattern.search(words)), "")


def is_derived(header: SliceHeader) -> bool:
    """Whether the images were computed from other images, and not by reconstruction."""
    return "DERIVED" in header.image_type or "SECONDARY" in header.image_type


def unusual_energy(header: SliceHeader) -> str:
    """What is to be said of a virtual image of one energy whose HU are not the usual ones."""
    stated = _ENERGY.search(_plain(header.description))
    low, high = _USUAL_KEV
    if stated is None or low <= int(stated[1]) <= high:
        return ""
    return f"a virtual image at {int(stated[1])} keV, whose HU are not those of the usual image"


def is_sharp(header: SliceHeader) -> bool:
    """Whether the kernel is made for lung or bone, whose noise drowns liver tumours."""
    for pattern, first_sharp in _NUMBERED_KERNELS:
        numbered = pattern.match(header.kernel)
        if numbered is not None:
            return int(numbered[1]) >= first_sharp
    return bool(_SHARP_WORDS.search(_plain(header.kernel or header.description)))


def phase_of_series(header: SliceHeader) -> Phase:
    """Contrast phase: the description's word, else the time since injection, else the protocol.

    A contrast agent recorded as none means native.
    """
    phase = phase_of_text(header.description)
    if phase is Phase.UNKNOWN and header.delay_s is not None:
        phase = phase_of_delay(header.delay_s)
    if phase is Phase.UNKNOWN:
        phase = phase_of_text(header.protocol)
    if phase is Phase.UNKNOWN and header.contrast_agent.casefold() in ("none", "no", "nein"):
        phase = Phase.NATIVE
    return phase


def _plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text.casefold()).strip()
