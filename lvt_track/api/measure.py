"""Sizes of the lesions of a mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from typing import TYPE_CHECKING, overload

import numpy as np

from lvt_track.api.arguments import (
    PathOrText,
    checked_mask,
    described,
    existing_path,
    type_error,
)
from lvt_track.core.geometry import Geometry
from lvt_track.core.lesion.lesion import Measurement
from lvt_track.core.volume import Volume
from lvt_track.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from lvt_track.pipeline.measure import MeasuredLesion

__all__ = ["Measurements", "measure"]


@dataclass(frozen=True)
class Measurements(Sequence[Measurement]):
    """The sizes of the lesions of a mask, one `Measurement` each.

    Attributes:
        lesions: the same with each lesion's label, its place and what it holds.
    """

    lesions: tuple[MeasuredLesion, ...]

    @overload
    def __getitem__(self, index: int) -> Measurement: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Measurement]: ...

    def __getitem__(self, index: int | slice) -> Measurement | Sequence[Measurement]:
        return tuple(lesion.measurement for lesion in self.lesions)[index]

    def __len__(self) -> int:
        return len(self.lesions)

    def to_frame(self) -> pd.DataFrame:
        """A table with the columns of `lvt measure`: one row per lesion, mm and mL."""
        import pandas as pd

        from lvt_track.pipeline.measure import MEASURE_COLUMNS, measure_rows

        return pd.DataFrame(measure_rows(self.lesions), columns=list(MEASURE_COLUMNS))


def measure(
    mask: np.ndarray | PathOrText,
    geometry: Geometry | None = None,
    *,
    ct: Volume | PathOrText | None = None,
) -> Measurements:
    """Measure every lesion of a mask.

    Of a mask of False and True (or 0 and one other value) the lesions are its connected components
    (26 neighbours), the largest first; of a label map they are its labels. The long axis is the
    longest diameter in an acquired slice, the short axis the longest one at a right angle to it
    there, as RECIST 1.1 measures (Eisenhauer et al., Eur J Cancer 2009;45:228-247).

    Args:
        mask: an array (z, y, x), or the path of a NIfTI, NRRD or MHA file.
        geometry: the grid of an array, as `Volume.geometry`; a file has its own.
        ct: the scan on which it was drawn, for what the lesions hold in HU.

    Returns:
        One `Measurement` per lesion: axes in mm, volume in mL.

    Raises:
        InputError: when a file cannot be read, or shapes or grids differ.
        TypeError: for an array without a geometry, or of numbers that are not whole.

    Example:
        >>> import lvt_track as lvt
        >>> sizes = lvt.measure("patient/2024-01-15/tumors.nii.gz")
        >>> [round(size.volume_ml, 2) for size in sizes]
        [4.36, 3.17]
        >>> list(sizes.to_frame().columns[:6])
        ['lesion', 'x_mm', 'y_mm', 'z_mm', 'long_axis_mm', 'short_axis_mm']
    """
    from lvt_track.api.segment import read_volume
    from lvt_track.io.images.volumes import read_labels
    from lvt_track.pipeline.measure import measure_labels

    if isinstance(mask, np.ndarray):
        if not isinstance(geometry, Geometry):
            wanted = "the Geometry of the array, such as scan.geometry"
            raise type_error("geometry", wanted, geometry)
        labels = checked_mask(mask, geometry, "mask")
    else:
        if not isinstance(mask, str | PathLike):
            raise type_error("mask", "an array (z, y, x) with its geometry, or a path", mask)
        if geometry is not None:
            raise TypeError(f"a file has its own geometry; got {described(geometry)} too")
        labels, geometry = read_labels(existing_path(mask, "mask"))
    if ct is not None and not isinstance(ct, Volume):
        ct = read_volume(ct)
    if ct is not None and not ct.geometry.is_close(geometry):
        raise InputError(
            "the mask does not lie on the grid of the scan",
            remedy="Give the scan on which the mask was drawn, or resample one to the other",
        )
    return Measurements(measure_labels(labels.astype(np.int32), geometry, ct))
