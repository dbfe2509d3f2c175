"""Scans in image files as programs and people leave them: scaled, clipped, shifted, named oddly."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clinics.neighbours.drawing import FIRST, nifti, of
from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from lvt_track.io.images.nifti import new_header, write_nifti
from tests.io.wild_scans import image

VALUES, LAID, NAMED = "values of image files", "how image files lie", "names of image files"


def _scan(folder: Path, values: NDArray[Any], geometry: Geometry = FIRST.geometry) -> None:
    path = folder / "2024-03-01" / "ct.nii.gz"
    path.parent.mkdir()
    write_nifti(values, path, new_header(geometry))


@of(VALUES)
def from_zero_to_one_beside_a_mask(folder: Path) -> None:
    _scan(folder, ((FIRST.hu + 1000) / 1400).astype(np.float32))
    image(folder / "2024-03-01" / "portal.nii.gz", FIRST)


@of(VALUES)
def an_offset_of_1024(folder: Path) -> None:
    _scan(folder, (FIRST.hu.astype(np.int32) + 1024).astype(np.uint16))


@of(VALUES)
def clipped_to_the_livers_window(folder: Path) -> None:
    _scan(folder, np.clip(FIRST.hu, -80, 140).astype(np.int16))


@of(VALUES)
def of_mean_zero_and_deviation_one(folder: Path) -> None:
    _scan(folder, ((FIRST.hu - FIRST.hu.mean()) / FIRST.hu.std()).astype(np.float32))


@of(VALUES)
def of_double_precision(folder: Path) -> None:
    _scan(folder, FIRST.hu.astype(np.float64))


@of(VALUES)
def two_moments_in_one_file(folder: Path) -> None:
    path = folder / "2024-03-01" / "ct.nii.gz"
    path.parent.mkdir()
    write_nifti(np.stack([FIRST.hu, FIRST.hu]), path, new_header(FIRST.geometry))


@of(LAID)
def left_and_right_exchanged_in_memory(folder: Path) -> None:
    geometry = Geometry(FIRST.hu.shape, (5.0, 6.0, 6.0), (66.0, -72.0, 100.0), np.diag([-1, 1, 1]))
    image(folder / "2024-03-01" / "ct.nii.gz", Volume(FIRST.hu, geometry))


@of(LAID)
def big_endian_nifti(folder: Path) -> None:
    path = folder / "2024-03-01" / "ct.nii.gz"
    path.parent.mkdir()
    header = new_header(FIRST.geometry)
    write_nifti(FIRST.hu, path, header.astype(header.dtype.newbyteorder(">")))


@of(LAID)
def analyze_without_axes(folder: Path) -> None:
    path = nifti(folder, "ct.nii.gz")
    whole = gzip.decompress(path.read_bytes())
    path.unlink()
    header = bytearray(whole[:348])
    header[252:348] = bytes(96)
    path.with_name("ct.hdr").write_bytes(bytes(header))
    path.with_name("ct.img").write_bytes(whole[352:])


@of(LAID)
def freesurfer(folder: Path) -> None:
    path = folder / "2024-03-01" / "ct.mgz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(bytes(500)))


@of(NAMED)
def day_and_time_in_one(folder: Path) -> None:
    image(folder / "20240301101500_portal.nii.gz", FIRST)


@of(NAMED)
def underscores_in_a_day(folder: Path) -> None:
    image(folder / "2024_03_01" / "ct.nii.gz", FIRST)


@of(NAMED)
def letters_around_a_day(folder: Path) -> None:
    image(folder / "CT20240301T1015" / "ct.nii.gz", FIRST)


@of(NAMED)
def a_month_in_letters(folder: Path) -> None:
    image(folder / "01-MAR-2024" / "ct.nii.gz", FIRST)


@of(NAMED)
def upper_case_suffix(folder: Path) -> None:
    image(folder / "2024-03-01" / "x.nii.gz", FIRST).rename(folder / "2024-03-01" / "CT.NII.GZ")
