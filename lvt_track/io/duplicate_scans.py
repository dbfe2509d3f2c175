"""Image files that hold the same scan as a DICOM series: converted copies, counted twice."""

from __future__ import annotations

from collections.abc import Sequence

from lvt_track.core.records import Phase, Series
from lvt_track.io.candidates import FoundSeries
from lvt_track.io.images.grids import is_same_grid

__all__ = ["twin_warnings"]


def twin_warnings(found: Sequence[FoundSeries]) -> list[str]:
    """A warning for each image file that lies on the grid of a DICOM series.

    Grids are compared voxel for voxel, in any order of axes; pixels are not read. Series that are
    known to be of different phases are none of one scan, even on one grid.

    Args:
        found: series of one day.
    """
    warnings = []
    for copy in found:
        if copy.series.is_dicom:
            continue
        for item in found:
            if (
                item.series.is_dicom
                and not _of_two_phases(copy.series, item.series)
                and is_same_grid(copy.geometry, item.geometry)
            ):
                warnings.append(
                    f"{copy.date}: {copy.path.name} has the grid of the DICOM series "
                    f"“{item.series.description}”: if it is a converted copy, take one of them out"
                )
                break
    return warnings


def _of_two_phases(a: Series, b: Series) -> bool:
    return a.phase is not b.phase and Phase.UNKNOWN not in (a.phase, b.phase)
