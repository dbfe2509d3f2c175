"""What the header of an image file says, whatever its format: the one way in for all readers."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry
from lvt_track.errors import InputError
from lvt_track.io.hounsfield import check_hu
from lvt_track.io.images.itk import quiet_itk
from lvt_track.io.images.metaimage import metaimage_warnings
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
        place: where its voxels are; None where ITK reads them.
        segments: label value by name, where the file names its labels.
    """

    path: Path
    geometry: Geometry
    warnings: tuple[str, ...]
    place: VoxelPlace | None
    segments: dict[str, int] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Path, ...]:
        """The header's file and that of the voxels."""
        if self.place is None or self.place.path == self.path:
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
    warnings = metaimage_warnings(path)
    geometry = _itk_geometry(path)
    return ImageHeader(path, geometry, warnings + _body(geometry), None)


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
    if header.place is not None:
        return read_voxels(header.place), header.geometry
    with _itk_name(path) as name, quiet_itk():
        try:
            image = sitk.ReadImage(name)
        except RuntimeError as error:
            raise _unreadable(path, error) from error
    return sitk.GetArrayFromImage(image).reshape(header.geometry.shape), header.geometry


def kind_of_image(header: ImageHeader) -> str:
    """What its values are: `grey`, `labels` or `probabilities`; the voxels are all there.

    Raises:
        InputError: when it is damaged or cut short.
    """
    if header.place is not None:
        check_whole(header.place)
        return kind_of_voxels(header.place)
    values, _ = read_image(header.path)
    if np.issubdtype(values.dtype, np.integer) and values.min() >= 0 and values.max() <= 1000:
        return "labels" if len(np.unique(values)) <= 150 else "grey"
    return "grey"


def check_scan(header: ImageHeader) -> None:
    """Check the values of the slice in the middle, and all where that looks like no CT.

    Raises:
        InputError: when they are not HU, or the file is damaged.
    """
    if header.place is not None:
        try:
            check_hu(read_slice(header.place, header.place.shape[0] // 2), header.path)
            return
        except InputError:
            pass
    check_hu(read_image(header.path)[0], header.path)


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


@contextmanager
def _itk_name(path: Path) -> Iterator[str]:
    """A name that ITK can open: it ends the process on those that are not UTF-8."""
    try:
        os.fsencode(path).decode("utf-8")
    except UnicodeDecodeError:
        with tempfile.TemporaryDirectory(prefix="lvt-") as folder:
            for file in path.parent.iterdir():
                name = os.fsencode(file.name).decode("utf-8", errors="replace")
                if file != path:
                    Path(folder, name).symlink_to(file.resolve())
            link = Path(folder, "image" + path.suffix.lower())
            link.symlink_to(path.resolve())
            yield str(link)
    else:
        yield str(path)


def _itk_geometry(path: Path) -> Geometry:
    reader = sitk.ImageFileReader()
    with _itk_name(path) as name, quiet_itk():
        reader.SetFileName(name)
        try:
            reader.ReadImageInformation()
        except RuntimeError as error:
            raise _unreadable(path, error) from error
    size = list(reader.GetSize())
    while len(size) > 3 and size[-1] == 1:
        size.pop()
    if reader.GetNumberOfComponents() > 1:
        raise InputError("a colour or vector image, not CT", path=path)
    if len(size) != 3:
        raise InputError(
            f"an image of {len(size)} dimensions ({' × '.join(map(str, size))}), not one volume",
            path=path,
            remedy="Give each 3D volume in a file of its own",
        )
    n = len(reader.GetSize())
    direction = np.array(reader.GetDirection()).reshape(n, n)[:3, :3] + 0.0  # no -0.0
    x, y, z = (float(s) for s in reader.GetSpacing()[:3])
    ox, oy, oz = (float(o) for o in reader.GetOrigin()[:3])
    try:
        return Geometry((size[2], size[1], size[0]), (z, y, x), (ox, oy, oz), direction)
    except ValueError as error:
        raise InputError(f"impossible geometry: {error}", path=path) from error


def _unreadable(path: Path, error: RuntimeError) -> InputError:
    """What ITK says, in words that help."""
    if "orthonormal" in str(error):
        return InputError(
            "its axes are not at right angles (a sheared affine)",
            path=path,
            remedy="Resample the scan to a regular grid, or give the DICOM files",
        )
    return InputError(
        "cannot be read as an image: damaged, or of another format than its name says",
        path=path,
        remedy="Copy the file again from its source",
    )
