"""Masks as other programs name them, and what of them can be used."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from lvt_track.io.images.headers import stem_of

__all__ = [
    "MASK_FOLDERS",
    "UNCLEAR",
    "class_in_organ_folder",
    "is_organ_folder",
    "is_written_by_lvt",
    "why_labels_unused",
]

MASK_FOLDERS = {"mask", "masks", "seg", "segmentation", "segmentations", "label", "labels"}
"""Names of folders of masks beside the scan that they belong to."""

_BY_VALUES, _OF_SLICER = "a mask or label map", "a segmentation of 3D Slicer"
UNCLEAR = (_BY_VALUES, _OF_SLICER)
"""How reasons begin why a map is not used of which nothing says what it shows."""

# TotalSegmentator writes a file for each of 117 structures; these are in every abdomen.
# fmt: off
_ORGANS = frozenset((
    "adrenal_gland_left", "adrenal_gland_right", "aorta", "autochthon_left", "autochthon_right",
    "colon", "duodenum", "esophagus", "gallbladder", "heart", "hip_left", "hip_right",
    "iliopsoas_left", "iliopsoas_right", "inferior_vena_cava", "kidney_left", "kidney_right",
    "liver", "pancreas", "portal_vein_and_splenic_vein", "prostate", "sacrum", "small_bowel",
    "spinal_cord", "spleen", "stomach", "trachea", "urinary_bladder", "lung_lower_lobe_left",
    "lung_lower_lobe_right", "vertebrae_L1", "vertebrae_L2", "vertebrae_L3",
))
# fmt: on
_LEAST_ORGANS = 2
_CLASSES = {
    "liver": "liver",
    "liver_vessels": "vessels",
    "liver_tumor": "tumors",
    "liver_tumors": "tumors",
    "liver_lesions": "tumors",
}
# What TotalSegmentator's task for vessels writes.
_VESSEL_TASK = {"liver_vessels", "liver_tumor"}
_LVT_NAMES = (
    "lesions",
    "cysts",
    "tracks",
    "portal",
    "hepatic",
    "segments",
    "territories",
    "remnant",
)


def is_organ_folder(paths: Collection[Path]) -> bool:
    """Whether the image files of a folder are masks of organs, one each."""
    stems = {stem_of(path) for path in paths}
    return len(stems & _ORGANS) >= _LEAST_ORGANS or stems >= _VESSEL_TASK


def is_written_by_lvt(path: Path) -> bool:
    """Whether a label map is named as lvt names its own."""
    return (stem_of(path) or "").lower() in _LVT_NAMES


def class_in_organ_folder(path: Path) -> str | None:
    """`liver`, `vessels` or `tumors` where an organ's mask is one of these."""
    return _CLASSES.get((stem_of(path) or "").lower())


def why_labels_unused(path: Path, siblings: Collection[Path], segments: Collection[str]) -> str:
    """Why a file of labels is not used, in the words of the program that wrote it.

    Args:
        path: the file.
        siblings: image files in the same folder.
        segments: the names of its labels, where it holds them.
    """
    stem = (stem_of(path) or "").lower()
    folders = {part.lower() for part in path.parts[-4:-1]}
    use = "masks that are used are named liver, vessels, tumors"
    if segments:
        listed = ", ".join(sorted(segments))
        return (
            f"{_OF_SLICER} (segments: {listed}): name them Liver, Liver vessels and "
            "Liver tumor, or export each as a file"
        )
    if is_organ_folder(siblings):
        return f"an organ's mask (TotalSegmentator); {use}"
    if "instances" in folders or any("_instance-" in s.name for s in (path, *siblings)):
        return f"a label map of KiTS, of the kidney; {use}"
    if stem.startswith("segmentation-") and stem[13:].isdigit():
        return f"a label map named as in LiTS, but with other labels than 1 and 2; {use}"
    is_listed = path.with_name("dataset.json").is_file()
    if is_listed or folders & {"labelstr", "labelsts", "labels", "labelspred"}:
        return f"a label map whose labels no description of nnU-Net names for certain; {use}"
    if is_written_by_lvt(path):
        return "a label map as lvt writes it, not a scan"
    return f"{_BY_VALUES} by its values; {use}"
