"""Given masks, whatever files hold them, on the voxels of their scan."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import MaskSource
from lvt_track.core.volume import LabelArray
from lvt_track.errors import InputError
from lvt_track.io.images.volumes import read_mask_labels

__all__ = ["are_apart", "read_given_labels"]

# Lesions that touch, drawn one by one, share some voxels at their border; two drawings of one
# lesion share most.
_MOST_SHARED = 0.2


def read_given_labels(mask: MaskSource, geometry: Geometry) -> LabelArray:
    """Read the labels (z, y, x) of a mask that was given for a scan on that grid; 0 outside.

    Labels of several files are counted through, so that each keeps one of its own; a voxel of two
    files belongs to the later one.

    Raises:
        InputError: when it cannot be read, or lies on another grid.
    """
    if not mask.others:
        return _read(mask, geometry)
    labels = np.zeros(geometry.shape, dtype=np.int32)
    highest = 0
    for part in mask.parts:
        values = _read(part, geometry)
        inside = values != 0
        numbers, places = np.unique(values[inside], return_inverse=True)
        labels[inside] = highest + 1 + places.reshape(-1)
        highest += len(numbers)
    return labels


def are_apart(sources: Sequence[MaskSource], geometry: Geometry) -> bool:
    """Whether masks show lesions of their own, and none is another drawing of what one shows.

    Not where one cannot be read, which is told where it is used.
    """
    try:
        places = [np.flatnonzero(_read(source, geometry)) for source in sources]
    except InputError:
        return False
    return all(
        len(np.intersect1d(one, other, assume_unique=True))
        <= _MOST_SHARED * min(len(one), len(other))
        for one, other in itertools.combinations(places, 2)
    )


def _read(mask: MaskSource, geometry: Geometry) -> LabelArray:
    if mask.is_dicom:
        # pydicom is loaded where there is DICOM.
        from lvt_track.io.dicom.segmentation.voxels import read_segment_labels

        return read_segment_labels(mask.path, geometry, mask.labels)
    return read_mask_labels(mask.path, geometry, mask.labels)
