"""CT volumes, masks and label maps in single files: NIfTI, NRRD, MHA and MHD."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import LAYER
from lvt_track.core.volume import BoolArray, LabelArray, Volume
from lvt_track.errors import InputError, OutputError
from lvt_track.io.files import write_whole
from lvt_track.io.hounsfield import OUTSIDE_HU, check_hu
from lvt_track.io.images.grids import (
    describe_difference,
    mask_grid_fault,
    pad_to_grid,
    reorient,
)
from lvt_track.io.images.headers import SUFFIXES, read_image, read_image_header, stem_of
from lvt_track.io.images.nifti import Header, is_nifti, new_header, read_header, write_nifti
from lvt_track.io.images.voxels import read_voxels, whole_labels

__all__ = [
    "SUFFIXES",
    "read_geometry",
    "read_labels",
    "read_mask",
    "read_mask_labels",
    "read_probability",
    "read_volume",
    "rounded_probability",
    "stem_of",
    "to_volume",
    "write_labels",
    "write_mask",
    "write_masks",
    "write_probability",
    "write_volume",
]

# Scanners and converters fill what lies outside the field of view with values far below air.
_BELOW_ANY_TISSUE_HU = -1500
_STEP = 1.0 / 255.0


def read_volume(path: Path) -> Volume:
    """Read a CT volume.

    Voxels that are not numbers, or far below air (padding), become -1024 HU.

    Raises:
        InputError: when the file is damaged, not a single 3D volume, or not CT in HU.
    """
    values, geometry = read_image(Path(path))
    return to_volume(values, geometry, path)


def to_volume(values: NDArray[Any], geometry: Geometry, path: Path) -> Volume:
    """A volume from values (z, y, x) of any number type, after the checks every CT passes.

    Raises:
        InputError: when they are not CT in HU, or only one slice.
    """
    if min(geometry.shape) < 2:
        raise InputError(
            f"one slice only ({' × '.join(map(str, geometry.shape))} voxels), not a volume",
            path=path,
            remedy="Give the whole series",
        )
    check_hu(values, path)
    padding = ~(values >= _BELOW_ANY_TISSUE_HU)
    if np.issubdtype(values.dtype, np.floating):
        padding |= ~np.isfinite(values)
    if padding.any():
        values = np.where(padding, OUTSIDE_HU, values)
    if np.issubdtype(values.dtype, np.integer):
        limits = np.iinfo(np.int16)
        values = values.astype(np.int16, copy=False) if values.max() <= limits.max else values
    hu = values if values.dtype == np.int16 else values.astype(np.float32)
    return Volume(np.ascontiguousarray(hu), geometry)


def read_geometry(path: Path) -> Geometry:
    """The grid of an image file, from its header alone.

    Raises:
        InputError: when it is not a 3D image.
    """
    return read_image_header(Path(path)).geometry


def read_mask(path: Path, geometry: Geometry, labels: Collection[int] = ()) -> BoolArray:
    """Read a mask that belongs to a scan; every label but 0 is inside, or those of `labels`.

    See `read_mask_labels`.

    Raises:
        InputError: when it is on another grid, or its values are not labels.
    """
    inside: BoolArray = _labels_on_scan(Path(path), geometry, labels) != 0
    return inside


def read_mask_labels(path: Path, geometry: Geometry, labels: Collection[int] = ()) -> LabelArray:
    """Read the labels of a mask that belongs to a scan; 0 outside, or where not of `labels`.

    Labels of a map may be cropped from the scan's grid.
    A mask on the scan's own grid whose axes are stored in another order or direction is turned
    to the scan's, voxel for voxel.

    Raises:
        InputError: when it is on another grid, or its values are not labels.
    """
    return _labels_on_scan(Path(path), geometry, labels).astype(np.int32, copy=False)


def _labels_on_scan(path: Path, geometry: Geometry, labels: Collection[int]) -> NDArray[Any]:
    """What `read_mask_labels` gives, of the type in which it is stored.

    Raises:
        InputError: when it is on another grid, or its values are not labels.
    """
    header = read_image_header(path)
    if header.place.layers > 1 and labels:
        values, grid = _of_layers(read_voxels(header.place), labels), header.geometry
    else:
        values, grid = _whole_numbers(path)
    fault = mask_grid_fault(grid, geometry, is_map=bool(labels))
    turned = (pad_to_grid if labels else reorient)(values, grid, geometry)
    if fault or turned is None:
        raise InputError(
            f"the mask is {fault}",
            path=path,
            remedy="Resample the mask to the scan, or draw it on this scan",
        )
    if not labels:
        return turned
    return np.where(np.isin(turned, list(labels)), turned, 0)


def _of_layers(values: NDArray[Any], labels: Collection[int]) -> NDArray[Any]:
    """One map (z, y, x) of some labels in layers (z, y, x, layer); where they overlap, the last."""
    flat = np.zeros(values.shape[:-1], dtype=np.int32)
    for label in labels:
        layer, value = divmod(label, LAYER)
        flat[values[..., layer] == value] = label
    return flat


def read_probability(path: Path, geometry: Geometry) -> NDArray[np.float16]:
    """Read a probability map (z, y, x) that `write_probability` wrote for a scan.

    Raises:
        InputError: when it is on another grid than the scan, or damaged.
    """
    path = Path(path)
    values, grid = read_image(path)
    if not grid.is_close(geometry):
        raise InputError(
            f"the map is not on the grid of its scan: {describe_difference(grid, geometry)}",
            path=path,
            remedy="Remove it, or run `lvt track` again",
        )
    return values.astype(np.float16)


def read_labels(path: Path) -> tuple[LabelArray, Geometry]:
    """Read a label map (z, y, x) and its grid.

    Raises:
        InputError: when its values are not whole numbers, or the file is damaged.
    """
    labels, geometry = _whole_numbers(Path(path))
    return labels.astype(np.int32), geometry


def _whole_numbers(path: Path) -> tuple[NDArray[Any], Geometry]:
    """Labels (z, y, x) of the type in which they are stored, most of them a byte, and their grid.

    Raises:
        InputError: when its values are not whole numbers, or the file is damaged.
    """
    values, geometry = read_image(path)
    labels = whole_labels(values)
    if labels is None:
        raise InputError(
            "holds values that are not whole numbers, so it is not a mask",
            path=path,
            remedy="Threshold probabilities first",
        )
    return labels, geometry


def write_mask(mask: BoolArray, geometry: Geometry, path: Path, like: Path | None = None) -> None:
    """Write a mask as 0 and 1, in the format its name says.

    Args:
        mask: array (z, y, x).
        geometry: its grid.
        path: the file to write; `.nii.gz`, `.nii`, `.nrrd` or `.mha`.
        like: the scan it belongs to; when both are NIfTI, the mask gets the scan's affine byte
            for byte (qform, sform, their codes, and the voxel sizes).

    Raises:
        OutputError: when the file cannot be written.
    """
    _write(mask.view(np.uint8), geometry, Path(path), like)


def write_masks(
    masks: Mapping[Path, BoolArray], geometry: Geometry, like: Path | None = None
) -> None:
    """Write several masks of one grid side by side, as packing takes most of the time.

    Args:
        masks: each by the file to write.
        geometry, like: as `write_mask` takes them.

    Raises:
        OutputError: when a file cannot be written.
    """
    with ThreadPoolExecutor() as pool:
        jobs = [pool.submit(write_mask, mask, geometry, path, like) for path, mask in masks.items()]
    for job in jobs:
        job.result()


def write_labels(
    labels: NDArray[np.integer], geometry: Geometry, path: Path, like: Path | None = None
) -> None:
    """Write a label map, in the smallest unsigned type that holds it; see `write_mask`."""
    highest = int(labels.max(initial=0))
    if int(labels.min(initial=0)) < 0:
        raise ValueError("labels must not be negative")
    dtype = np.uint8 if highest < 2**8 else np.uint16 if highest < 2**16 else np.int32
    _write(labels.astype(dtype, copy=False), geometry, Path(path), like)


def write_probability(
    probability: NDArray[np.floating], geometry: Geometry, path: Path, like: Path | None = None
) -> None:
    """Write a probability map (z, y, x), 0 to 1, as NIfTI in steps of 1/255; see `write_mask`."""
    write_nifti(_steps(probability), path, _header(geometry, like), slope=_STEP)


def rounded_probability(probability: NDArray[np.floating]) -> NDArray[np.float16]:
    """A probability map as it is once it was written and read again."""
    table = (np.arange(256) * np.float64(np.float32(_STEP))).astype(np.float32).astype(np.float16)
    rounded: NDArray[np.float16] = table[_steps(probability)]
    return rounded


def _steps(probability: NDArray[np.floating]) -> NDArray[np.uint8]:
    steps: NDArray[np.uint8] = (probability * 255.0).round().astype(np.uint8)
    return steps


def write_volume(volume: Volume, path: Path, like: Path | None = None) -> None:
    """Write a CT volume in HU; see `write_mask`."""
    _write(volume.hu, volume.geometry, Path(path), like)


def _write(array: NDArray[Any], geometry: Geometry, path: Path, like: Path | None) -> None:
    if array.shape != geometry.shape:
        raise ValueError(f"the array has shape {array.shape}, its geometry {geometry.shape}")
    if is_nifti(path):
        write_nifti(array, path, _header(geometry, like))
        return
    if path.suffix.lower() == ".mhd":
        # Its voxels would go into a second file, which cannot appear together with the first.
        raise OutputError("MHD is read but not written", path=path, remedy="Choose .mha")
    import SimpleITK as sitk

    from lvt_track.io.images.itk import itk_path, quiet_itk

    image = sitk.GetImageFromArray(array)
    image.SetSpacing(geometry.spacing_mm[::-1])
    image.SetOrigin(geometry.origin_mm)
    image.SetDirection(geometry.direction.ravel())
    with write_whole(path) as temporary, quiet_itk():
        try:
            with itk_path(temporary) as name:
                sitk.WriteImage(image, name, useCompression=True)
        except RuntimeError as error:
            raise OSError(str(error).strip().splitlines()[-1]) from error


def _header(geometry: Geometry, like: Path | None) -> Header:
    """The header of the scan that the voxels belong to, if it is NIfTI; else a new one."""
    if like is None or not is_nifti(like):
        return new_header(geometry)
    if not read_geometry(like).is_close(geometry):
        raise ValueError(f"{like} is not on the grid of what is written")
    return read_header(like)
