"""Small scans that look like CT, written as the quirks of the field demand."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import Volume
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series

REAL = Path(__file__).parents[3] / "shared" / "data" / "real"


def make_ct(
    shape: tuple[int, int, int] = (12, 20, 24),
    spacing_mm: tuple[float, float, float] = (3.0, 0.8, 0.9),
    seed: int = 0,
    **geometry: Any,
) -> Volume:
    """A body of fat and soft tissue in air, every voxel different from its neighbours."""
    rng = np.random.default_rng(seed)
    hu = np.full(shape, -1000, np.int16)
    _, rows, columns = shape
    hu[:, 2:-2, 2:-2] = rng.integers(-120, 180, (shape[0], rows - 4, columns - 4))
    direction = geometry.get("direction", np.eye(3))
    origin_mm = geometry.get("origin_mm", (-101.5, -87.25, -640.0))
    return Volume(hu, Geometry(shape, spacing_mm, origin_mm, direction))


class WriteSeries(Protocol):
    """Writes a series and lets a test spoil it."""

    def __call__(
        self,
        folder: Path,
        volume: Volume | None = None,
        spoil: Callable[[Dataset, int], None] | None = None,
        **header: Any,
    ) -> list[Path]: ...


@pytest.fixture
def ct() -> Volume:
    return make_ct()


@pytest.fixture
def write_series() -> WriteSeries:
    """A writer of DICOM series; `spoil(dataset, slice)` may change each image before it is kept."""

    def write(
        folder: Path,
        volume: Volume | None = None,
        spoil: Callable[[Dataset, int], None] | None = None,
        **header: Any,
    ) -> list[Path]:
        date = header.pop("date", dt.date(2024, 3, 1))
        number = header.pop("series_number", 1)
        fields: dict[str, Any] = {
            "patient_id": "P1",
            "patient_name": "Doe^Jo",
            "date": date,
            "study_uid": f"1.2.3.{date:%Y%m%d}",
            "series_uid": f"1.2.3.{date:%Y%m%d}.{number}",
            "series_number": number,
            "description": "Abdomen",
            "phase": Phase.UNKNOWN,
            **header,
        }
        files = write_ct_series(
            volume if volume is not None else make_ct(), folder, SeriesHeader(**fields)
        )
        if spoil is not None:
            for k, path in enumerate(files):
                dataset = pydicom.dcmread(path)
                spoil(dataset, k)
                dataset.save_as(path)
        return files

    return write


@pytest.fixture(scope="session")
def real() -> Path:
    """Folder of real scans with known quirks."""
    if not REAL.is_dir():
        pytest.skip("the real scans are not on this machine")
    return REAL
