"""What the header of an image file says, whatever its format: the one way in for all readers."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry
from lvt_track.errors import InputError
from lvt_track.io.hounsfield import check_hu, cut_by_window
from lvt_track.io.images.metaimage import read_metaimage_header
from lvt_track.io.images.nifti import is_nifti, read_header, voxels_of
from lvt_track.io.images.nifti_grid import nifti_geometry
from lvt_track.io.images.nrrd import read_nrrd_header
from lvt_track.io.images.voxels import (
    VoxelPlace,
    check_whole,
    kind_of_voxels,
    read_slice,
    read_voxels,
)

__all__ = [
    "SUFFIXES",
    "ImageHeader",
    "check_scan",
    "kind_of_image",
    "read_image",
    "read_image_header",
    "stem_of",
]

SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr")
"""Names of image files that are read; `.hdr` and `.nhdr` have their voxels beside them."""

# Pictures of a trunk are wider and higher than this; lengths in cm or metres make them small.
_BODY_MM = (100.0, 1500.0)


@dataclass(frozen=True)
class ImageHeader:
    """Header of an image file.

    Attributes:
        path: the file.
        geometry: its grid.
        warnings: what is odd about it.
        place: where its voxels are.
        segments: label values by name, where the file names its labels.
    """

    path: Path
    geometry: Geometry
    warnings: tuple[str, ...]
    place: VoxelPlace
    segments: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        """The header's file and that of the voxels."""
        if self.place.path == self.path:
            return (self.path,)
        return (self.path, self.place.path)


def stem_of(path: Path) -> str | None:
    """The file's name without its image suffix; None when it is not an image."""
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix):
            return path.name[: -len(suffix)]
    return None


def read_image_header(path: Path) -> ImageHeader:
    """The header of an image file.

    Raises:
        InputError: when it is not a 3D image, or does not say how large its voxels are.
    """
    path = Path(path)
    if is_nifti(path):
        header = read_header(path)
        geometry, warnings = nifti_geometry(header, path)
        place = voxels_of(header, geometry.shape, path)
        return ImageHeader(path, geometry, warnings + _body(geometry), place)
    if path.name.lower().endswith((".nrrd", ".nhdr")):
        image = read_nrrd_header(path)
        warnings = image.warnings + _body(image.geometry)
        return ImageHeader(path, image.geometry, warnings, image.place, image.segments)
    meta = read_metaimage_header(path)
    return ImageHeader(path, meta.geometry, meta.warnings + _body(meta.geometry), meta.place)


def read_image(path: Path) -> tuple[NDArray[Any], Geometry]:
    """Voxels (z, y, x) of an image file, and its grid.

    Raises:
        InputError: when it is damaged, not a 3D image, or does not say how large its voxels are.
    """
    path = Path(path)
    if stem_of(path) is None:
        raise InputError(
            "not an image file by its name", path=path, remedy=f"Give one of {', '.join(SUFFIXES)}"
        )
    if not path.is_file():
        raise InputError("there is no such file", path=path)
    header = read_image_header(path)
    if header.place.layers > 1:
        raise InputError(
            f"segments that overlap, in {header.place.layers} layers, not one map",
            path=path,
            remedy="Export them as a DICOM segmentation, or each as a file: liver, tumors",
        )
    return read_voxels(header.place), header.geometry


def kind_of_image(header: ImageHeader) -> str:
    """What its values are: `grey`, `labels`, `probabilities` or `empty`; the voxels are all there.

    Raises:
        InputError: when it is damaged or cut short.
    """
    check_whole(header.place)
    return kind_of_voxels(header.place)


def check_scan(header: ImageHeader) -> tuple[str, ...]:
    """Check the values of the slice in the middle, and all where that looks like no CT.

    Returns:
        What a reader must know of the values.

    Raises:
        InputError: when they are not HU, or the file is damaged.
    """
    middle, last = header.place.shape[0] // 2, header.place.shape[0] - 1
    if header.place.packing == "raw" and last > middle:
        end = read_slice(header.place, last)
        if not end.any() and read_slice(header.place, middle).any():
            raise InputError(
                "its last slices hold nothing but zeros: a copy that broke off",
                path=header.path,
                remedy="Copy the file again from its source",
            )
    values = read_slice(header.place, middle)
    try:
        check_hu(values, header.path)
    except InputError:
        check_hu(read_image(header.path)[0], header.path)
    remark = cut_by_window(values)
    return (remark,) if remark else ()


def _body(geometry: Geometry) -> tuple[str, ...]:
    """A warning where no body has the picture's size."""
    _, height, width = geometry.size_mm
    low, high = _BODY_MM
    if low <= max(height, width) <= high:
        return ()
    return (
        f"its pictures are {width:.3g} × {height:.3g} mm, the size of no body: are its lengths in "
        "millimetres?",
    )
