"""One series to its volumes: phases, passes and reconstructions that were put into one."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lvt_track.core.geometry import FloatArray
from lvt_track.errors import InputError
from lvt_track.io.candidates import LEAST_SLICES
from lvt_track.io.dicom.grouping.attributes import ATTRIBUTES
from lvt_track.io.dicom.grouping.doubles import (
    drop_equal_doubles,
    drop_retakes,
    has_doubles,
    heights,
)
from lvt_track.io.dicom.header import SliceHeader
from lvt_track.io.dicom.stack import SlicesMissingError, Stack, stack_slices

__all__ = ["Part", "split_volumes"]

Images = Sequence[SliceHeader]

_DEPTH = 3
_MOST_PARTS = 64
# A pass between the slices of another doubles the lattice: its own step is twice that of both.
_LEAST_STEP_RATIO = 1.5
# Passes that adjoin are told from the rotations of one by the pause between them, or their size.
_LEAST_PAUSE_S = 20.0
_LEAST_SLICES_ADJOINING = 15
_LEAST_EXTENT_ADJOINING_MM = 100.0
_LEAST_SHARE_SOLVED = 0.5
_LEAST_GAP = 5


@dataclass(frozen=True)
class Part:
    """Images that belong together, as a volume or with the reason why they form none.

    Attributes:
        images: all of them; those of the volume and others at its places.
        stack: the volume; None where there is none.
        error: why there is none.
        spare: images beside the volume that are not used, and why.
    """

    images: tuple[SliceHeader, ...]
    stack: Stack | None
    error: InputError | None = None
    spare: tuple[tuple[SliceHeader, str], ...] = ()


def split_volumes(images: Images) -> list[Part]:
    """The volumes among images of one series that agree in size and orientation.

    Acquisition, time, kernel and the like are tried where the images do not form one regular
    volume, and where they do but only because passes interleave or adjoin.
    """
    return _split(images, _DEPTH)


def _split(images: Images, depth: int) -> list[Part]:
    if len(images) > 1 and has_doubles(images):
        images, equal = drop_equal_doubles(images)
    else:
        equal = []
    parts = _split_distinct(images, depth)
    if equal:
        k = max(range(len(parts)), key=lambda k: len(parts[k].images))
        spare = tuple((header, "there twice with the same pixels") for header in equal)
        parts[k] = replace(parts[k], spare=(*parts[k].spare, *spare))
    return parts


def _split_distinct(images: Images, depth: int) -> list[Part]:
    part = _part(images)
    if part.stack is not None:
        passes = _hidden_passes(images, part.stack)
        parts = [p for one in passes for p in _split(one, depth - 1)]
        # What falls to pieces, as slices that an archive spread over folders, was one pass.
        return parts if parts and all(p.stack is not None for p in parts) else [part]
    if len(images) < 2 or depth == 0 or any(h.position_mm is None for h in images):
        return [part]
    if not has_doubles(images):
        by_gaps = _split_at_gaps(images)
        if by_gaps:
            return by_gaps
    is_gapped = isinstance(part.error, SlicesMissingError)
    best: list[Part] = []
    for attribute in ATTRIBUTES:
        groups = _partition(images, attribute)
        if not 1 < len(groups) <= _MOST_PARTS:
            continue
        if is_gapped and not _overlap(groups):  # slices were lost, whatever else changes there
            continue
        parts = [p for group in groups for p in _split(group, depth - 1)]
        if not best or _solved(parts) > _solved(best):
            best = parts
        if _solved(best)[0] == len(images):
            break
    if best and _solved(best)[0] >= _LEAST_SHARE_SOLVED * len(images):
        return _with_leftovers(best)
    return _without_retakes(images) or [part]


def _part(images: Images) -> Part:
    try:
        return Part(tuple(images), stack_slices(images))
    except InputError as error:
        return Part(tuple(images), None, error)


def _solved(parts: Sequence[Part]) -> tuple[int, int]:
    """How many images lie in volumes that are long enough, and in how few parts."""
    solved = sum(
        len(part.stack.headers)
        for part in parts
        if part.stack is not None and len(part.stack.headers) >= LEAST_SLICES
    )
    return solved, -len(parts)


def _partition(
    images: Images, attribute: Callable[[Images], Sequence[object]]
) -> list[list[SliceHeader]]:
    groups: dict[object, list[SliceHeader]] = defaultdict(list)
    for header, value in zip(images, attribute(images), strict=True):
        groups[value].append(header)
    return list(groups.values())


def _with_leftovers(parts: Sequence[Part]) -> list[Part]:
    """A few images at the places of a volume were made again: they go beside it."""
    volumes = [p for p in parts if p.stack is not None and len(p.images) >= LEAST_SLICES]
    others = [p for p in parts if p not in volumes]
    for other in others[:]:
        for k, volume in enumerate(volumes):
            if len(other.images) < LEAST_SLICES and _lies_on(other.images, volume):
                spare = tuple((h, "made again at the place of another") for h in other.images)
                volumes[k] = replace(volume, spare=(*volume.spare, *spare))
                others.remove(other)
                break
    return volumes + others


def _lies_on(images: Images, volume: Part) -> bool:
    heights_mm, volume_heights_mm = heights(images), heights(volume.images)
    return bool(
        volume_heights_mm.min() - 0.01 <= heights_mm.min()
        and heights_mm.max() <= volume_heights_mm.max() + 0.01
    )


def _without_retakes(images: Images) -> list[Part]:
    kept, retakes = drop_retakes(images)
    if not retakes:
        return []
    part = _part(kept)
    if part.stack is None:
        return []
    spare = tuple((header, "made again at the place of another") for header in retakes)
    return [replace(part, spare=spare)]


# --- passes that form one lattice ---------------------------------------------------------------


def _hidden_passes(images: Images, stack: Stack) -> list[list[SliceHeader]]:
    """Passes whose slices together form a regular volume by chance; none where it is one."""
    step = stack.geometry.spacing_mm[0]
    for attribute in ATTRIBUTES:
        groups = _partition(images, attribute)
        if not 2 <= len(groups) <= _MOST_PARTS or min(map(len, groups)) < LEAST_SLICES:
            continue
        groups.sort(key=lambda group: float(heights(group, images[0]).min()))
        ranges = [_range(group, images[0]) for group in groups]
        pairs = list(itertools.pairwise(ranges))
        if all(after[0] < before[1] - step for before, after in pairs):
            if all(_step(group) > _LEAST_STEP_RATIO * step for group in groups):
                return groups
        elif all(after[0] > before[1] for before, after in pairs) and _are_passes(groups):
            return groups
    return []


def _overlap(groups: Sequence[Images]) -> bool:
    """Whether each of several parts shares most of its extent with the next one up."""
    like = groups[0][0]
    ranges = sorted(_range(group, like) for group in groups)
    return all(
        min(before[1], after[1]) - after[0] > 0.5 * min(before[1] - before[0], after[1] - after[0])
        for before, after in itertools.pairwise(ranges)
    )


def _range(images: Images, like: SliceHeader) -> tuple[float, float]:
    along = heights(images, like)
    return float(along.min()), float(along.max())


def _step(images: Images) -> float:
    return float(np.median(np.diff(np.sort(heights(images)))))


def _are_passes(groups: Sequence[Images]) -> bool:
    """Whether parts that adjoin are passes of their own rather than rotations of one."""
    if any(len(group) < _LEAST_SLICES_ADJOINING for group in groups):
        return False
    pauses = [_pause_s(a, b) for a, b in itertools.pairwise(groups)]
    known = [pause for pause in pauses if pause is not None]
    if len(known) == len(pauses):
        return all(pause >= _LEAST_PAUSE_S for pause in known)
    if any(len({h.acquisition for h in group}) > 1 for group in groups):
        return False
    extents = [high - low for low, high in (_range(group, groups[0][0]) for group in groups)]
    numbers = {group[0].acquisition for group in groups}
    return len(numbers) == len(groups) and min(extents) >= _LEAST_EXTENT_ADJOINING_MM


def _pause_s(a: Images, b: Images) -> float | None:
    """From the end of the earlier to the start of the later; None where times are not told."""
    times = [[h.acquired_s for h in group if h.acquired_s is not None] for group in (a, b)]
    if not times[0] or not times[1]:
        return None
    return max(min(times[1]) - max(times[0]), min(times[0]) - max(times[1]))


# --- gaps ---------------------------------------------------------------------------------------


def _split_at_gaps(images: Images) -> list[Part]:
    """Volumes on both sides of gaps that the scanner left; none where slices were lost."""
    along = heights(images)
    order = np.argsort(along, kind="stable")
    ordered = [images[k] for k in order]
    steps = np.diff(along[order])
    step = float(np.median(steps))
    gaps = np.flatnonzero(steps > 1.5 * step)
    if not len(gaps) or len(gaps) >= _MOST_PARTS:
        return []
    bounds = [0, *(int(g) + 1 for g in gaps), len(ordered)]
    runs = [ordered[a:b] for a, b in itertools.pairwise(bounds)]
    if any(len(run) < LEAST_SLICES for run in runs):
        return []
    if not all(_is_scanners(ordered[g], ordered[g + 1], steps[g] / step) for g in gaps):
        return []
    parts = [_part(run) for run in runs]
    return parts if all(part.stack is not None for part in parts) else []


def _is_scanners(before: SliceHeader, after: SliceHeader, steps: FloatArray) -> bool:
    """Whether nothing was ever scanned between two slices that lie several steps apart."""
    missing = round(float(steps)) - 1
    is_another_pass = before.acquisition != after.acquisition or before.stack_id != after.stack_id
    # Frames are counted, and exports count anew: then a small gap within a pass was a loss.
    if not is_another_pass and (before.frame is not None or missing < _LEAST_GAP):
        return False
    if before.instance_number > 0 and after.instance_number > 0:
        between = abs(after.instance_number - before.instance_number) - 1
        if between == 0:
            return True
        if between == missing:
            return False
    return is_another_pass
