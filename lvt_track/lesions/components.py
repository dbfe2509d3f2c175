"""The lesions of one visit: connected components of its tumour mask, of one label where a reader
labelled them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.components import label_by_size
from lvt_track.core.field_of_view import blank_slices
from lvt_track.core.geometry import Box, FloatArray, Geometry
from lvt_track.core.lesion.lesion import Lesion
from lvt_track.core.volume import BoolArray, LabelArray, Masks, Volume
from lvt_track.lesions.necks import lumps
from lvt_track.measure.axes import measure_at_edges, measure_lesion
from lvt_track.measure.field_of_view import is_cut, touches_padding

__all__ = [
    "LesionShape",
    "ShapeTable",
    "find_lesions",
    "lesion_shapes",
    "measured_lesion",
]

LEAST_NECKED_MM = 10.0
"""Smaller lesions are not measured by RECIST, and too few voxels to show a neck."""

AROUND_MM = 8.0
"""How much of the liver around a lesion tells where its edges are."""

SHAPE_POINTS = 250
"""About how many sample points tell a lesion's shape: enough for overlaps to a few percent."""


@dataclass(frozen=True, eq=False)
class LesionShape:
    """Where a lesion lies, as evenly spread sample points.

    Attributes:
        points_mm: LPS positions (n, 3) in the visit's own frame; n is at least 1.
        grain_mm: side of the cube that each point stands for.
    """

    points_mm: FloatArray
    grain_mm: float


ShapeTable = Mapping[tuple[int, int], LesionShape]
"""Shapes by (visit, label)."""


def find_lesions(
    visit: int, volume: Volume | None, masks: Masks, at_edges: bool = False
) -> tuple[LabelArray, tuple[Lesion, ...]]:
    """Find and measure the connected components of the tumour mask, kept apart by its labels.

    Args:
        visit: index of the visit in its course.
        volume: the scan, for the mean HU; None without one.
        masks: the visit's masks.
        at_edges: whether axes are measured between the edges in the image, as is right for masks
            that a model drew; needs the scan.

    Returns:
        The label map (z, y, x) on the grid of the masks, numbered from 1 by decreasing size
        (of equal ones, the first in scan order), and the lesions in the order of their labels.
    """
    labels = label_by_size(masks.tumors, masks.tumor_labels)
    blank = blank_slices(volume)
    lesions = []
    for label, (z, y, x) in enumerate(ndimage.find_objects(labels), start=1):
        box = (z, y, x)
        mask = labels[box] == label
        inside = volume.crop(box) if volume is not None else None
        lesion = measured_lesion((visit, label), mask, box, masks.geometry, inside)
        if at_edges and volume is not None:
            lesion = _at_edges(lesion, labels, box, masks, volume)
        has_no_end = is_cut(box, labels.shape, blank) or (
            volume is not None and touches_padding(mask, box, volume)
        )
        lesions.append(replace(lesion, is_cut=has_no_end))
    return labels, tuple(lesions)


def _at_edges(lesion: Lesion, labels: LabelArray, box: Box, masks: Masks, volume: Volume) -> Lesion:
    """A lesion with axes between its edges in the image; `box` holds it."""
    around = masks.geometry.widened(box, AROUND_MM)
    mask = labels[around] == lesion.label
    plain = masks.crop(around).plain_liver
    first = int(around[0].start)
    size = measure_at_edges(lesion.measurement, mask, plain, volume.crop(around), first)
    return replace(lesion, measurement=size)


def lesion_shapes(
    labels: LabelArray, lesions: Sequence[Lesion], geometry: Geometry
) -> dict[tuple[int, int], LesionShape]:
    """Sample points of each lesion, by its key: what matching needs to tell overlaps.

    Args:
        labels: label map (z, y, x) as `find_lesions` gives it.
        lesions: its lesions.
        geometry: its grid.
    """
    boxes = ndimage.find_objects(labels)
    shapes = {}
    for lesion in lesions:
        box = boxes[lesion.label - 1]
        index = np.argwhere(labels[box] == lesion.label) + [side.start for side in box]
        step = max(1, len(index) // SHAPE_POINTS)
        kept = index[step // 2 :: step]
        volume_mm3 = len(index) * geometry.voxel_volume_mm3
        shapes[lesion.key] = LesionShape(
            geometry.to_world(kept), float((volume_mm3 / len(kept)) ** (1 / 3))
        )
    return shapes


def measured_lesion(
    key: tuple[int, int], mask: BoolArray, box: Box, geometry: Geometry, inside: Volume | None
) -> Lesion:
    """One lesion with its size.

    Args:
        key: index of its visit, and its label there.
        mask: (z, y, x) in the box, True inside the lesion.
        box: where the mask lies in the visit's grid.
        geometry: that grid.
        inside: the scan in the box, for the mean HU; None without one.
    """
    cropped = geometry.crop(box)
    index = np.argwhere(mask)
    x, y, z = cropped.to_world(index.mean(axis=0))
    size = measure_lesion(mask, cropped, inside, first_slice=int(box[0].start))
    return Lesion(
        visit=key[0],
        label=key[1],
        centroid_mm=(float(x), float(y), float(z)),
        measurement=size,
        lumps_mm=_lumps_mm(mask, cropped) if size.long_axis.length_mm >= LEAST_NECKED_MM else (),
        voxels=_digest(index + [side.start for side in box], geometry.shape),
    )


def _lumps_mm(mask: BoolArray, geometry: Geometry) -> tuple[float, ...]:
    """Long axes of the lumps of a lesion, where there are several."""
    numbers = lumps(mask, geometry.spacing_mm)
    if numbers.max() < 2:
        return ()
    each = (measure_lesion(numbers == k, geometry) for k in range(1, int(numbers.max()) + 1))
    return tuple(size.long_axis.length_mm for size in each)


def _digest(index: NDArray[np.intp], shape: tuple[int, ...]) -> str:
    """Digest of voxels (n, 3) of a grid, in scan order."""
    flat = np.ravel_multi_index(tuple(index.T), shape).astype("<i8")
    return hashlib.sha256(repr(tuple(shape)).encode() + flat.tobytes()).hexdigest()[:16]
