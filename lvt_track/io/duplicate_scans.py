"""Series that hold the same scan: copies under other UIDs or names, and converted ones."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from lvt_track.core.series import Phase, Series
from lvt_track.errors import InputError
from lvt_track.io.candidates import FoundSeries, LeftOut
from lvt_track.io.dicom.pixel_data.stored import pixel_digests
from lvt_track.io.dicom.volumes import read_series
from lvt_track.io.images.grids import is_same_grid
from lvt_track.io.images.headers import read_image_header
from lvt_track.io.images.volumes import read_volume
from lvt_track.io.images.voxels import read_slice

__all__ = ["twin_warnings", "without_duplicates"]


def without_duplicates(
    candidates: Sequence[FoundSeries],
) -> tuple[list[FoundSeries], list[LeftOut]]:
    """Series but for those that hold, voxel for voxel, another one of the same day and kind.

    Kept is what comes with more masks, else what was met first; both, with a warning, where they
    are of two phases by their words, as one of the words is wrong then.
    """
    gone: dict[int, LeftOut] = {}
    kept = list(candidates)
    order = sorted(range(len(candidates)), key=lambda k: -len(candidates[k].series.masks))
    for a, b in itertools.combinations(order, 2):
        if a in gone or b in gone or candidates[b].series.masks:
            continue
        if not _are_copies(candidates[a], candidates[b]):
            continue
        if _of_two_phases(candidates[a].series, candidates[b].series):
            series = candidates[b].series
            text = f"the same images as {candidates[a].path}, which is of another phase by its name"
            kept[b] = replace(
                kept[b], series=replace(series, warnings=(*kept[b].series.warnings, text))
            )
        else:
            reason = f"the same images as {candidates[a].path}, of the same day"
            gone[b] = LeftOut(candidates[b].path, reason, files=candidates[b].series.files)
    return [item for k, item in enumerate(kept) if k not in gone], list(gone.values())


def _are_copies(a: FoundSeries, b: FoundSeries) -> bool:
    is_alike = a.series.is_dicom is b.series.is_dicom and a.date == b.date is not None
    if not is_alike or not a.geometry.is_close(b.geometry):
        return False
    try:
        if not _middle(a.series) == _middle(b.series) != b"":
            return False
        if a.series.is_dicom:
            first, second = (
                read_series(one.series.files, frozenset(one.series.frames)) for one in (a, b)
            )
        else:
            first, second = (read_volume(one.series.files[0]) for one in (a, b))
    except InputError:
        return False  # said when it is read
    return bool(np.array_equal(first.hu, second.hu))


def _middle(series: Series) -> bytes:
    """What tells the slice in the middle from those of other scans."""
    middle = series.shape[0] // 2
    if not series.is_dicom:
        return read_slice(read_image_header(series.files[0]).place, middle).tobytes()
    path, frame = series.frames[middle] if series.frames else (series.files[middle], 1)
    digests = pixel_digests(path)
    return digests[frame - 1] if frame <= len(digests) else b""


def twin_warnings(candidates: Sequence[FoundSeries]) -> list[str]:
    """A warning for each image file that lies on the grid of a DICOM series.

    Grids are compared voxel for voxel, in any order of axes; pixels are not read. Series that are
    known to be of different phases are none of one scan, even on one grid.

    Args:
        candidates: series of one day.
    """
    warnings = []
    for copy in candidates:
        if copy.series.is_dicom:
            continue
        for item in candidates:
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
