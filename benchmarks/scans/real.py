"""Where real CT lies, beside the repository, and which livers are known."""

from __future__ import annotations

from pathlib import Path

__all__ = ["DATA", "KNOWN_LIVERS", "REAL", "SHAPES"]

DATA = Path(__file__).parents[3] / "shared" / "data"
REAL = DATA / "real"
SHAPES = DATA / "shapes"
"""Label maps without images."""

# Scan, file with the true liver, its label there.
KNOWN_LIVERS = {
    "lits0": ("lits0/dicom", "lits0/liver.nii.gz", 1),
    "ircad19": ("ircad19/dicom", None, 0),
    "totalseg, native": ("totalseg/ct_3mm.nii.gz", "totalseg/ct_3mm_labels117.nii.gz", 5),
    "totalseg, 20 slices": (
        "totalseg/dicom_20_slices",
        "totalseg/dicom_20_slices_labels117.nii.gz",
        5,
    ),
}
