"""Made-up scans as the field writes them, small enough to draw hundreds in a minute."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import Volume
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series
from lvt_track.io.images.volumes import write_mask, write_volume

MARCH, JUNE = dt.date(2024, 3, 1), dt.date(2024, 6, 7)

Change = Callable[[Dataset, int], object]


def trunk(seed: int = 0, slices: int = 16, brightness: int = 0) -> Volume:
    """A body in air, whose pixels differ from seed to seed; 5 mm slices of 6 mm pixels."""
    rng = np.random.default_rng(seed)
    hu = np.full((slices, 24, 24), -1000, np.int16)
    hu[:, 3:-3, 3:-3] = rng.integers(-120, 150, (slices, 18, 18)) + brightness
    geometry = Geometry(hu.shape, (5.0, 6.0, 6.0), (-72.0, -72.0, 100.0), np.eye(3))
    return Volume(hu, geometry)


def moved(volume: Volume, z_mm: float) -> Volume:
    """The volume higher in the patient."""
    x, y, z = volume.geometry.origin_mm
    geometry = Geometry(volume.hu.shape, volume.geometry.spacing_mm, (x, y, z + z_mm), np.eye(3))
    return Volume(volume.hu, geometry)


def slices(
    folder: Path,
    volume: Volume | None = None,
    change: Change | None = None,
    *,
    date: dt.date = MARCH,
    number: int = 3,
    first: int = 1,
    **header: Any,
) -> list[Path]:
    """A series, a file each slice; elements in `header` and `change(dataset, k)` alter each.

    A file for which `change` gives False is taken away.
    """
    volume = volume or trunk()
    files = write_ct_series(
        volume,
        folder,
        SeriesHeader(
            patient_id="P1",
            patient_name="Doe^Jo",
            date=date,
            study_uid=f"1.2.3.{date:%Y%m%d}",
            series_uid=f"1.2.3.{date:%Y%m%d}.{number}",
            series_number=number,
            description="Abdomen",
            phase=Phase.UNKNOWN,
        ),
    )
    kept: list[Path] = []
    for k, path in enumerate(files):
        dataset = pydicom.dcmread(path)
        dataset.InstanceNumber = first + k
        dataset.SOPInstanceUID = f"1.2.3.{date:%Y%m%d}.{number}.{first + k}"
        dataset.ImagePositionPatient = [f"{v:.6g}" for v in volume.geometry.to_world((k, 0, 0))]
        for keyword, value in header.items():
            setattr(dataset, keyword, value)
        keep = change is None or change(dataset, k) is not False
        path.unlink()
        if keep:
            name = path.with_name(f"IM{first + k:04d}")
            dataset.save_as(name, enforce_file_format=True)
            kept.append(name)
    return kept


def image(path: Path, volume: Volume | None = None) -> Path:
    """A scan in an image file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_volume(volume or trunk(), path)
    return path


def mask(path: Path, volume: Volume | None = None) -> Path:
    """A mask on the grid of a scan."""
    volume = volume or trunk()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_mask(volume.hu > 60, volume.geometry, path)
    return path


def patched(path: Path, offset: int, content: bytes) -> Path:
    """The file with other bytes at a place."""
    whole = bytearray(path.read_bytes())
    whole[offset : offset + len(content)] = content
    path.write_bytes(bytes(whole))
    return path


def float_bytes(*values: float) -> bytes:
    """Numbers as NIfTI headers hold them."""
    return np.array(values, "<f4").tobytes()


def stored(dataset: Dataset) -> NDArray[Any]:
    """Pixels (y, x) as they are stored."""
    pixels = np.frombuffer(dataset.PixelData, "<i2").astype(np.int32)
    return pixels.reshape(dataset.Rows, dataset.Columns)
