from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import Volume
from lvt_track.io.discover import discover
from lvt_track.io.images.volumes import write_volume

DATE = dt.date(2024, 3, 1)


def turned(ct: Volume) -> Volume:
    """The same voxels as converters store them: rows and columns the other way round."""
    depth, rows, columns = ct.geometry.shape
    x, y, z = ct.geometry.to_world((0, rows - 1, columns - 1))
    geometry = Geometry(
        (depth, rows, columns), ct.geometry.spacing_mm, (x, y, z), np.diag([-1.0, -1.0, 1.0])
    )
    return Volume(np.ascontiguousarray(ct.hu[:, ::-1, ::-1]), geometry)


@pytest.mark.parametrize("name", ["ct.nii.gz", "portal.nii.gz"])
def test_a_converted_copy_is_named(
    tmp_path: Path, ct: Volume, write_series: Any, name: str
) -> None:
    folder = tmp_path / f"{DATE}"
    write_series(folder / "dicom", ct, date=DATE, phase=Phase.PORTAL)
    write_volume(turned(ct), folder / name)
    (warning,) = (text for text in discover(tmp_path).warnings if "converted copy" in text)
    assert name in warning
    assert "Abdomen" in warning


def test_another_phase_or_grid_is_no_copy(tmp_path: Path, ct: Volume, write_series: Any) -> None:
    folder = tmp_path / f"{DATE}"
    write_series(folder / "dicom", ct, date=DATE, phase=Phase.PORTAL)
    write_volume(ct, folder / "arterial.nii.gz")
    x, y, z = ct.geometry.origin_mm
    shifted = Geometry(
        ct.geometry.shape, ct.geometry.spacing_mm, (x + 5, y, z), ct.geometry.direction
    )
    write_volume(Volume(ct.hu, shifted), folder / "venous.nii.gz")
    assert not any("converted copy" in text for text in discover(tmp_path).warnings)
