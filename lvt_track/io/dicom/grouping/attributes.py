"""What tells the volumes of one series apart, in the order in which it is asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lvt_track.io.candidates import LEAST_SLICES
from lvt_track.io.dicom.grouping.doubles import heights
from lvt_track.io.dicom.header import SliceHeader

__all__ = ["ATTRIBUTES"]

Attribute = Callable[[Sequence[SliceHeader]], Sequence[object]]

_LEAST_PAUSE_S = 5.0


def _each(value: Callable[[SliceHeader], object]) -> Attribute:
    return lambda images: [value(header) for header in images]


def _by_time(images: Sequence[SliceHeader]) -> Sequence[object]:
    """The moment where there are few; else which run of slices between two pauses."""
    times = [header.acquired_s for header in images]
    known = np.unique([time for time in times if time is not None])
    if len(known) < 3 or len(known) * LEAST_SLICES <= len(images):
        return times
    gaps = np.diff(known)
    pauses = known[1:][gaps > max(_LEAST_PAUSE_S, 5 * float(np.median(gaps)))]
    return [-1 if t is None else int(np.searchsorted(pauses, t, side="right")) for t in times]


def _by_run(images: Sequence[SliceHeader]) -> Sequence[object]:
    """Which sweep along the normal a slice belongs to, in the order of InstanceNumber."""
    numbers = [header.instance_number for header in images]
    if len(set(numbers)) < len(numbers) or any(h.position_mm is None for h in images):
        return [0] * len(images)
    order = np.argsort(numbers)
    directions = np.sign(np.diff(heights(images)[order]))
    runs = np.zeros(len(images), dtype=int)
    run, direction = 0, 0.0
    for k, sign in enumerate(directions, start=1):
        if direction and sign != direction:
            run, direction = run + 1, 0.0
        else:
            direction = direction or float(sign)
        runs[order[k]] = run
    return [int(value) for value in runs]


ATTRIBUTES: tuple[Attribute, ...] = (
    _each(lambda h: h.date),
    _each(lambda h: h.acquisition),
    _each(lambda h: h.stack_id),
    _by_time,
    _each(lambda h: h.kernel),
    _each(lambda h: h.kvp),
    _each(lambda h: h.image_type),
    _each(lambda h: h.slice_thickness_mm),
    _each(lambda h: h.description),
    _each(lambda h: None if h.frame is None else (h.path, h.concatenation)),
    _each(lambda h: h.folder),
    _by_run,
)
"""Each gives a value for every image; those of one volume share it."""
