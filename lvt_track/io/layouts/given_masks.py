"""Given masks, whatever file holds them, on the voxels of their scan."""

from __future__ import annotations

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import MaskSource
from lvt_track.core.volume import LabelArray
from lvt_track.io.images.volumes import read_mask_labels

__all__ = ["read_given_labels"]


def read_given_labels(mask: MaskSource, geometry: Geometry) -> LabelArray:
    """Read the labels (z, y, x) of a mask that was given for a scan on that grid; 0 outside.

    Raises:
        InputError: when it cannot be read, or lies on another grid.
    """
    if mask.is_dicom:
        # pydicom is loaded where there is DICOM.
        from lvt_track.io.dicom.segmentation.voxels import read_segment_labels

        return read_segment_labels(mask.path, geometry, mask.labels)
    return read_mask_labels(mask.path, geometry, mask.labels)
