"""Scans in folders of DICOM slices whose labels are slices too: DICOM or PNG, perhaps zipped."""

from __future__ import annotations

import re
import tempfile
import warnings
import zipfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
import SimpleITK as sitk
from numpy.typing import NDArray

from lvt_track.core.volume import Volume
from lvt_track.errors import InputError
from lvt_track.io.dicom.header import read_slice_headers
from lvt_track.io.dicom.stack import stack_slices
from lvt_track.io.dicom.volumes import read_series
from lvt_track.io.images.itk import quiet_itk

__all__ = ["Slices", "mask_folders", "opened", "read_pixels"]

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True, eq=False)
class Slices:
    """A scan in a folder, and which of its files is which slice.

    Attributes:
        volume: the scan.
        files: its files, in the order of the numbers in their names.
        slice_of: index of the slice in each file that is part of the volume.
    """

    volume: Volume
    files: tuple[Path, ...]
    slice_of: Mapping[Path, int]

    @classmethod
    def read(cls, folder: Path) -> Slices:
        """Read all DICOM files below a folder as one volume.

        Raises:
            InputError: when they do not form a CT volume.
        """
        files = _sorted_files(folder)
        headers, errors = read_slice_headers(files)
        if errors:
            raise errors[0]
        if not headers:
            raise InputError("holds no DICOM files", path=folder)
        order = {header.path: k for k, header in enumerate(stack_slices(headers).headers)}
        return cls(read_series(files), tuple(files), order)

    def pair(self, masks: Sequence[Path]) -> Iterator[tuple[int, Path]]:
        """The slice that each mask file belongs to: by equal names, else by their order.

        The order is that of the numbers in the names, so that `image_10` follows `image_9`.

        Raises:
            InputError: when the names differ and there are more or fewer masks than slices.
        """
        by_stem = {path.stem: path for path in self.files}
        ordered = sorted(masks, key=_by_number)
        if all(path.stem in by_stem for path in ordered):
            pairs = [(by_stem[path.stem], path) for path in ordered]
        elif len(ordered) == len(self.files):
            pairs = list(zip(self.files, ordered, strict=True))
        else:
            raise InputError(
                f"{len(ordered)} slices of labels for {len(self.files)} slices of CT",
                path=ordered[0].parent,
                remedy="Unpack the dataset again",
            )
        for image, mask in pairs:
            if image in self.slice_of:
                yield self.slice_of[image], mask


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """A folder, or what an archive holds, unpacked into a temporary folder.

    Raises:
        InputError: when the archive is damaged.
    """
    if path.is_dir():
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="lvt-") as place:
        try:
            with zipfile.ZipFile(path) as archive:
                archive.extractall(place)
        except (zipfile.BadZipFile, EOFError) as error:
            raise InputError(
                f"damaged archive ({error})", path=path, remedy="Download it again"
            ) from error
        yield Path(place)


def mask_folders(folder: Path) -> dict[str, list[Path]]:
    """The files of each structure: those in a folder of its name, at any depth."""
    structures: dict[str, list[Path]] = defaultdict(list)
    for path in _sorted_files(folder):
        structures[path.parent.name].append(path)
    return structures


def read_pixels(path: Path, shape: tuple[int, int]) -> NDArray[Any]:
    """Stored values (y, x) of one slice of labels.

    Raises:
        InputError: when it cannot be read, has colours, or is of another size than the CT.
    """
    try:
        with warnings.catch_warnings(), quiet_itk():
            warnings.simplefilter("ignore")
            if path.suffix.lower() == ".png":
                pixels: NDArray[Any] = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
            else:
                pixels = pydicom.dcmread(path, force=True).pixel_array
    except Exception as error:
        # pydicom raises whatever a damaged file provokes.
        raise InputError(
            f"its pixels cannot be read ({error})", path=path, remedy="Unpack the dataset again"
        ) from error
    if pixels.shape != shape:
        raise InputError(
            f"a slice of labels of {pixels.shape} pixels, the CT has {shape}", path=path
        )
    return pixels


def _sorted_files(folder: Path) -> list[Path]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted((path for path in files if not path.name.startswith(".")), key=_by_number)


def _by_number(path: Path) -> list[tuple[int, str]]:
    """A key that puts image_9 before image_10."""
    parts = _DIGITS.split(path.name)
    return [(int(part), "") if part.isdigit() else (0, part) for part in parts]
