"""Images at one place of a series: sent twice, or made again."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from lvt_track.core.geometry import FloatArray
from lvt_track.io.dicom.header import SliceHeader
from lvt_track.io.dicom.pixel_data.stored import pixel_digests
from lvt_track.io.dicom.stack import SAME_PLACE_MM

__all__ = ["drop_equal_doubles", "drop_retakes", "has_doubles", "have_same_pixels", "heights"]

# More than this share of places with two images is a second pass, not a slice made again.
_MOST_RETAKEN = 0.2


@lru_cache(maxsize=8192)
def _digests(path: Path, changed_ns: int) -> tuple[bytes, ...]:
    """Digests of a file's frames, kept until the file changes."""
    return pixel_digests(path)


def heights(images: Sequence[SliceHeader], like: SliceHeader | None = None) -> FloatArray:
    """Positions along the slice normal of the first image, or of `like`, in mm."""
    normal = (like or images[0]).normal
    if normal is None:
        normal = np.array([0.0, 0.0, 1.0])
    missing = (np.nan, np.nan, np.nan)
    places = np.array([missing if h.position_mm is None else h.position_mm for h in images])
    along: FloatArray = places @ normal
    return along


def has_doubles(images: Sequence[SliceHeader]) -> bool:
    """Whether two images lie at one place."""
    along = np.sort(heights(images))
    return bool((np.diff(along) < SAME_PLACE_MM).any())


def have_same_pixels(a: SliceHeader, b: SliceHeader) -> bool:
    """Whether the stored pixels of two images are equal, byte for byte."""
    first, second = _digest(a), _digest(b)
    return first is not None and first == second and a.rescale == b.rescale


def _digest(header: SliceHeader) -> bytes | None:
    try:
        digests = _digests(header.path, header.path.stat().st_mtime_ns)
    except OSError:
        return None
    number = (header.frame or 1) - 1
    return digests[number] if number < len(digests) else None


def drop_equal_doubles(
    images: Sequence[SliceHeader],
) -> tuple[list[SliceHeader], list[SliceHeader]]:
    """The images without those that are equal in place and pixels to another, and the latter."""
    kept: list[SliceHeader] = []
    dropped: list[SliceHeader] = []
    for place in _by_place(images):
        distinct: list[SliceHeader] = []
        for header in place:
            is_equal = len(place) > 1 and any(have_same_pixels(header, one) for one in distinct)
            (dropped if is_equal else distinct).append(header)
        kept += distinct
    return kept, dropped


def drop_retakes(
    images: Sequence[SliceHeader],
) -> tuple[list[SliceHeader], list[SliceHeader]]:
    """The first image of each place, and the others, where these are few; else nothing dropped."""
    places = _by_place(images)
    retaken = sum(len(place) > 1 for place in places)
    if retaken > _MOST_RETAKEN * len(places):
        return list(images), []
    sorted_places = [sorted(place, key=_order) for place in places]
    return [p[0] for p in sorted_places], [h for p in sorted_places for h in p[1:]]


def _order(header: SliceHeader) -> tuple[object, ...]:
    return header.acquired_s or 0.0, header.instance_number, str(header.path)


def _by_place(images: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    """Images by place along the normal; neighbours closer than the tolerance share one."""
    along = heights(images)
    places: list[list[SliceHeader]] = []
    last = np.nan
    for k in np.argsort(along, kind="stable"):
        if along[k] - last < SAME_PLACE_MM:
            places[-1].append(images[k])
        else:
            places.append([images[k]])
        last = along[k]
    return places
