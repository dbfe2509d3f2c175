"""Label maps of other programs whose labels are known for certain: which of them is which class.

Known are names (3D Slicer keeps them in the file, nnU-Net in the `dataset.json` beside it) and the
layouts of public datasets (LiTS, Medical Segmentation Decathlon). In a map of one label a voxel, a
liver leaves out the tumours and vessels inside it, so these count as liver too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from lvt_track.errors import InputError
from lvt_track.io.images.headers import ImageHeader, stem_of
from lvt_track.io.images.volumes import read_labels
from lvt_track.io.layouts.structure_names import Kind, is_elsewhere, structure_of_name

__all__ = ["ClassLabels", "are_of_liver", "classes_of_labels", "labels_of"]

ClassLabels = dict[str, tuple[int, ...]]
"""Label values by class: `liver`, `vessels`, `tumors`."""

_LITS = re.compile(r"segmentation-\d+")
_MSD = re.compile(r"(liver|hepaticvessel)_\d+")
_LABEL_FOLDERS = {"labelstr", "labelsts", "labels", "labelspred"}
_LITS_LABELS: ClassLabels = {"liver": (1, 2), "tumors": (2,)}
_VESSEL_LABELS: ClassLabels = {"vessels": (1,), "tumors": (2,)}

_MOST_BYTES = 1 << 20


def classes_of_labels(header: ImageHeader, siblings: Collection[Path]) -> ClassLabels:
    """The labels of each class in a label map; empty where its meaning is not certain.

    Args:
        header: of the label map.
        siblings: image files in its folder.
    """
    stem = (stem_of(header.path) or "").lower()
    match = _MSD.fullmatch(stem)
    names = header.segments or _beside(header.path)
    if names:
        return _by_name(names, is_hepatic=match is not None)
    stems = {(stem_of(path) or "").lower() for path in siblings}
    if _LITS.fullmatch(stem) and not any("_instance-" in other for other in stems):
        return _LITS_LABELS if _highest(header.path) <= 2 else {}
    if match and header.path.parent.name.lower() in _LABEL_FOLDERS:
        labels = _LITS_LABELS if match[1] == "liver" else _VESSEL_LABELS
        return labels if _highest(header.path) <= 2 else {}
    return {}


def labels_of(name: str, segments: Mapping[str, Iterable[int]]) -> tuple[int, ...]:
    """Of a map whose file is named for one class, the labels whose names do not say otherwise.

    What lies in the liver is liver.

    Args:
        name: `liver`, `vessels` or `tumors`.
        segments: labels by the names in the file.
    """
    labels: set[int] = set()
    for segment, values in segments.items():
        structure = structure_of_name(segment)
        kind = None if structure is None else structure.kind
        is_inside = name == Kind.LIVER and kind is not Kind.BACKGROUND
        if not is_elsewhere(segment) and (kind in (None, name) or is_inside):
            labels.update(values)
    return tuple(sorted(labels))


def are_of_liver(segments: Collection[str]) -> bool:
    """Whether all names of a map are known, and some may be tumours or vessels of the liver."""
    structures = [structure_of_name(name) for name in segments]
    kinds = {structure.kind for structure in structures if structure is not None}
    return None not in structures and bool(kinds & {Kind.TUMORS, Kind.VESSELS})


def _highest(path: Path) -> float:
    try:
        return float(read_labels(path)[0].max(initial=0))
    except InputError:
        return float("inf")


def _by_name(names: Mapping[str, Iterable[int]], *, is_hepatic: bool) -> ClassLabels:
    """Labels by class; “tumour” alone counts where nothing but the liver can have it."""
    by_class: dict[str, set[int]] = {}
    unclear: dict[str, set[int]] = {}
    is_other = False
    for name, values in names.items():
        labels = {int(value) for value in values} - {0}
        structure = structure_of_name(name)
        if structure is None:
            is_other = True
        elif structure.kind is not Kind.BACKGROUND:
            by_kind = by_class if structure.is_hepatic else unclear
            by_kind.setdefault(structure.kind, set()).update(labels)
    if (is_hepatic or Kind.LIVER in by_class) and not is_other:
        for kind, labels in unclear.items():
            by_class.setdefault(kind, set()).update(labels)
    if Kind.LIVER in by_class:
        by_class[Kind.LIVER] = set().union(*by_class.values())
    by_class.pop(Kind.PART, None)
    return {kind: tuple(sorted(labels)) for kind, labels in by_class.items() if labels}


def _beside(path: Path) -> dict[str, tuple[int, ...]]:
    """The names in nnU-Net's `dataset.json` in the folder of a label map, or above it."""
    for folder in (path.parent, path.parent.parent):
        file = folder / "dataset.json"
        try:
            if not file.is_file() or file.stat().st_size > _MOST_BYTES:
                continue
            labels = json.loads(file.read_text(encoding="utf-8-sig"))["labels"]
            return dict(_named(key, value) for key, value in labels.items())
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
    return {}


def _named(key: str, value: object) -> tuple[str, tuple[int, ...]]:
    """Name and labels, as nnU-Net writes them now (name first) or did (label first)."""
    if isinstance(value, str):
        return value, (int(key),)
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, int) for one in values):
        raise ValueError(f"labels of {key} are no whole numbers")
    return key, tuple(values)
