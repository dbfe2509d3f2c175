"""Which DICOM images may form one volume, and which are copies of others."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from lvt_track.errors import InputError
from lvt_track.io.candidates import LEAST_SLICES, LeftOut
from lvt_track.io.dicom.grouping.doubles import have_same_pixels
from lvt_track.io.dicom.header import SliceHeader
from lvt_track.io.dicom.stack import SPACING_TOLERANCE, stack_slices

__all__ = ["group_images", "missing_parts", "without_copies"]

_COSINE_TOLERANCE = 1e-3


def without_copies(
    headers: Sequence[SliceHeader],
) -> tuple[list[SliceHeader], list[LeftOut]]:
    """Images that are not copies of one met before, and the copies by folder.

    A copy has the UIDs, the place and the pixels of another: anonymisers give one SOPInstanceUID
    to all images, and scanners equal frame numbers to several phases.
    """
    met: dict[tuple[object, ...], list[SliceHeader]] = defaultdict(list)
    kept: list[SliceHeader] = []
    copies: dict[Path, list[Path]] = defaultdict(list)
    for header in sorted(headers, key=lambda h: (h.path, h.frame or 0)):
        place = () if header.position_mm is None else tuple(header.position_mm)
        ids = (header.study_uid, header.series_uid, header.sop_uid, header.date)
        image = (*ids, place, header.instance_number, header.frame, header.acquisition)
        others = met[image] if header.sop_uid else []
        if any(have_same_pixels(header, other) for other in others):
            copies[header.folder].append(header.path)
            continue
        others.append(header)
        kept.append(header)
    left_out = []
    for folder, paths in copies.items():
        files = tuple(dict.fromkeys(paths))
        reason = f"{len(files)} files are copies of images met before"
        left_out.append(LeftOut(folder, reason, files=files))
    return kept, left_out


def missing_parts(headers: Iterable[SliceHeader]) -> dict[Path, str]:
    """Which parts of enhanced images in several files are not there, by folder."""
    parts: dict[str, dict[int, SliceHeader]] = defaultdict(dict)
    totals: dict[str, int] = defaultdict(int)
    for header in headers:
        if header.concatenation is not None:
            uid, number, total = header.concatenation
            parts[uid][number] = header
            totals[uid] = max(totals[uid], total, number)
    lost: dict[Path, str] = {}
    for uid, present in parts.items():
        total = totals[uid]
        missing = [str(number) for number in range(1, total + 1) if number not in present]
        if missing:
            first = next(iter(present.values()))
            names = f"part {', '.join(missing)} of {total} of an enhanced CT in several files"
            lost[first.folder] = f"{names} is missing"
    return lost


def group_images(headers: Iterable[SliceHeader]) -> list[list[SliceHeader]]:
    """Images that may form one volume: same series, day, size, orientation and pixel spacing.

    Geometry is compared with tolerances. Slices that each have a series of their own are joined
    where together they are a regular volume.
    """
    headers = list(headers)
    patients, studies = _only_ones(headers, "patient_id"), _only_ones(headers, "study_uid")
    series: dict[tuple[object, ...], list[SliceHeader]] = defaultdict(list)
    for header in headers:
        key = (
            header.patient_id or patients.get(header.series_uid, ""),
            header.study_uid or studies.get(header.series_uid) or header.folder,
            header.series_uid or header.folder,
            header.rows,
            header.columns,
        )
        series[key].append(header)
    groups = [
        group
        for images in series.values()
        for day in _by_day(images)
        for group in _by_geometry(day)
    ]
    return _joined(groups)


def _only_ones(headers: Iterable[SliceHeader], name: str) -> dict[str, str]:
    """By series UID, the one value that its images have where they have any."""
    values: dict[str, set[str]] = defaultdict(set)
    for header in headers:
        if header.series_uid and (value := getattr(header, name)):
            values[header.series_uid].add(value)
    return {uid: only.pop() for uid, only in values.items() if len(only) == 1}


def _by_day(images: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    """Images by date of the study; other days that follow each other are a scan over midnight."""
    days = sorted({header.date for header in images if header.date is not None})
    if len(days) < 2:
        return [list(images)]
    block: dict[dt.date | None, int] = {None: 0}
    number = 0
    for before, day in zip([days[0], *days], days, strict=False):
        number += (day - before).days > (0 if all(h.is_study_date for h in images) else 1)
        block[day] = number
    blocks: dict[int, list[SliceHeader]] = defaultdict(list)
    for header in images:
        blocks[block[header.date]].append(header)
    return list(blocks.values())


def _by_geometry(images: Sequence[SliceHeader]) -> list[list[SliceHeader]]:
    """Images by orientation and pixel spacing, each within tolerance of the first of its group."""
    groups: list[tuple[SliceHeader, list[SliceHeader]]] = []
    known: dict[tuple[object, ...], list[SliceHeader]] = {}
    for header in images:
        axes = None if header.orientation is None else header.orientation.tobytes()
        key = (axes, header.pixel_spacing_mm)
        if key not in known:
            for first, members in groups:
                if _is_alike(first, header):
                    known[key] = members
                    break
            else:
                known[key] = []
                groups.append((header, known[key]))
        known[key].append(header)
    return [members for _, members in groups]


def _is_alike(a: SliceHeader, b: SliceHeader) -> bool:
    if a.orientation is None or b.orientation is None:
        is_parallel = a.orientation is b.orientation
    else:
        is_parallel = bool(np.abs(a.orientation - b.orientation).max() <= _COSINE_TOLERANCE)
    if a.pixel_spacing_mm is None or b.pixel_spacing_mm is None:
        return is_parallel and a.pixel_spacing_mm is b.pixel_spacing_mm
    off = np.abs(np.subtract(a.pixel_spacing_mm, b.pixel_spacing_mm)).max()
    return is_parallel and bool(off <= SPACING_TOLERANCE * min(a.pixel_spacing_mm))


def _joined(groups: Sequence[list[SliceHeader]]) -> list[list[SliceHeader]]:
    """Groups of a few slices joined where all of one series number are one regular volume."""
    few: dict[tuple[object, ...], list[list[SliceHeader]]] = defaultdict(list)
    for group in groups:
        if len(group) < LEAST_SLICES:
            h = group[0]
            few[h.patient_id, h.date, h.series_number, h.description, h.rows].append(group)
    joined: dict[int, list[SliceHeader]] = {}
    gone: set[int] = set()
    for members in few.values():
        union = [header for group in members for header in group]
        if len(members) < 2 or len(union) < LEAST_SLICES:
            continue
        try:
            stack_slices([header for header in union if not header.fault])
        except (InputError, IndexError):
            continue
        joined[id(members[0])] = union
        gone |= {id(group) for group in members[1:]}
    return [joined.get(id(group), group) for group in groups if id(group) not in gone]
