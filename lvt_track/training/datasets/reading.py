"""From a case's files to the scan and its labels on the scan's grid, whatever form they come in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from lvt_track.errors import InputError
from lvt_track.io.dicom.header import read_slice_headers
from lvt_track.io.dicom.preamble import looks_like_dicom
from lvt_track.io.dicom.segmentation.header import read_segmentation_header, slices_drawn_on
from lvt_track.io.dicom.segmentation.voxels import read_segments
from lvt_track.io.dicom.volumes import read_series
from lvt_track.io.images.grids import describe_difference, reorient
from lvt_track.io.images.volumes import read_labels, read_volume
from lvt_track.training.datasets.descriptor import Descriptor, LayoutKind, Structures
from lvt_track.training.datasets.prepared import BITS, IGNORE
from lvt_track.training.datasets.slices import Slices, mask_folders, opened, read_pixels
from lvt_track.training.datasets.sources import LABEL_MAP, CaseSource

__all__ = ["read_case"]

Labels = NDArray[np.uint8]
_Read = tuple[Volume, Labels, int]
"""The scan, its labels, and the bits of the structures that were there, if only empty."""

_MOST_LABELS = 1 << 16


def read_case(descriptor: Descriptor, source: CaseSource) -> tuple[Volume, Labels]:
    """Read one case.

    Returns:
        The scan, and its labels (z, y, x) in `prepared.BITS` and `prepared.IGNORE`.

    Raises:
        InputError: when a part is missing or damaged, the labels lie on another grid than the
            scan, or hold a structure that is not declared.
    """
    if not source.labels:
        raise InputError("has no labels", path=source.image, remedy="Unpack the labels too")
    if source.image is None:
        raise InputError(
            "the CT series that it was drawn on is not there",
            path=source.labels[LABEL_MAP],
            remedy="Download that series too, into a folder of its own",
        )
    volume, labels, met = _READERS[descriptor.layout.kind](descriptor, source.image, source.labels)
    if descriptor.layout.has_named_structures:
        _refuse_missing(descriptor, met, next(iter(source.labels.values())))
    if source.ignore is not None:
        same_voxels = descriptor.layout.same_voxels
        ignored = _read_on_grid(source.ignore, volume.geometry, same_voxels) != 0
        labels[ignored] |= np.uint8(IGNORE)
    return volume, labels


def _refuse_missing(descriptor: Descriptor, met: int, path: Path) -> None:
    """A structure that is not there is not the same as one that is empty."""
    for name in descriptor.knowledge.annotated:
        if not met & BITS[name] and name not in descriptor.optional:
            wanted = ", ".join(getattr(descriptor.structures, name))
            raise InputError(
                f"no structure is named as those of {name} are ({wanted})",
                path=path,
                remedy="Unpack the dataset again; where it has none, declare the class optional",
            )


def _read_files(descriptor: Descriptor, image: Path, places: Mapping[str, Path]) -> _Read:
    volume, structures = read_volume(image), descriptor.structures
    labels = np.zeros(volume.hu.shape, np.uint8)
    met = 0
    for name, path in places.items():
        bits = None if name == LABEL_MAP else structures.bits_of(name, path)
        if bits == 0:
            continue
        values = _read_on_grid(path, volume.geometry, descriptor.layout.same_voxels)
        if bits is None:
            labels |= _bits_of_values(values, structures, path)
        else:
            labels[values != 0] |= np.uint8(bits)
        met |= bits or 0
    return volume, labels, met


def _read_slices(descriptor: Descriptor, image: Path, places: Mapping[str, Path]) -> _Read:
    structures, is_named = descriptor.structures, descriptor.layout.has_named_structures
    met = 0
    with opened(image) as folder, opened(places[LABEL_MAP]) as masks:
        slices = Slices.read(folder)
        depth, height, width = slices.volume.hu.shape
        labels = np.zeros((depth, height, width), np.uint8)
        for name, files in mask_folders(masks).items():
            bits = structures.bits_of(name, places[LABEL_MAP] / name) if is_named else None
            if bits == 0:
                continue
            for k, file in slices.pair(files):
                pixels = read_pixels(file, (height, width))
                if bits is None:
                    labels[k] |= _bits_of_values(pixels, structures, file)
                else:
                    labels[k][pixels > 0] |= np.uint8(bits)
            met |= bits or 0
    return slices.volume, labels, met


def _read_segmentation(descriptor: Descriptor, image: Path, places: Mapping[str, Path]) -> _Read:
    path = places[LABEL_MAP]
    files = sorted(one for one in image.iterdir() if one.is_file() and looks_like_dicom(one))
    headers, errors = read_slice_headers(files)
    if errors:
        raise errors[0]
    slices = slices_drawn_on(read_segmentation_header(path), headers)
    volume = read_series([header.path for header in slices])
    labels = np.zeros(volume.hu.shape, np.uint8)
    met = 0
    for name, mask in read_segments(path, volume.geometry):
        bits = descriptor.structures.bits_of(name, path)
        labels[mask] |= np.uint8(bits)
        met |= bits
    return volume, labels, met


_READERS = {
    LayoutKind.FILES: _read_files,
    LayoutKind.DICOM_SLICES: _read_slices,
    LayoutKind.DICOM_SEG: _read_segmentation,
}


def _read_on_grid(path: Path, geometry: Geometry, same_voxels: bool) -> NDArray[np.int32]:
    """Values of a file of labels, voxel for voxel those of the scan."""
    values, grid = read_labels(path)
    if same_voxels and grid.shape == geometry.shape:
        return values
    turned = reorient(values, grid, geometry)
    if turned is None:
        raise InputError(
            f"the labels are not on the grid of their scan: {describe_difference(grid, geometry)}",
            path=path,
            remedy="Unpack the dataset again, or resample the labels to the scan",
        )
    return turned


def _bits_of_values(values: NDArray[Any], structures: Structures, path: Path) -> Labels:
    """Bits for each voxel of a label map, in which 0 is background."""
    low, high = int(values.min()), int(values.max())
    if low < 0 or high >= _MOST_LABELS:
        raise InputError(f"holds values from {low} to {high}, which are no labels", path=path)
    occurs = np.zeros(high + 1, np.bool_)
    occurs[values] = True
    table = np.zeros(high + 1, np.uint8)
    for value in np.flatnonzero(occurs[1:]) + 1:
        table[value] = structures.bits_of(str(value), path)
    bits: Labels = table[values]
    return bits
