"""DICOM files to series: grouped by their UIDs, checked, and each kind told apart."""

from __future__ import annotations

import os
import warnings
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pydicom

from lvt_track.core.records import Phase, Series
from lvt_track.errors import InputError
from lvt_track.io.candidates import LEAST_SLICES, FoundSeries, LeftOut, dated_path, too_short
from lvt_track.io.dicom.frames import read_frame_headers
from lvt_track.io.dicom.header import SliceHeader
from lvt_track.io.dicom.kinds import is_derived, is_sharp, phase_of_series, why_unusable
from lvt_track.io.dicom.stack import NotAVolumeError, Stack, stack_slices

__all__ = ["find_dicom_series"]


@dataclass(frozen=True)
class _Candidate:
    """A stack that is a CT volume, perhaps not the one to use."""

    stack: Stack
    phase: Phase

    @property
    def header(self) -> SliceHeader:
        return self.stack.headers[0]

    @property
    def study(self) -> str:
        return self.header.study_uid or str(self.header.folder)


def find_dicom_series(paths: Iterable[Path], root: Path) -> tuple[list[FoundSeries], list[LeftOut]]:
    """All usable CT series among DICOM files, and what is left out.

    Args:
        paths: DICOM files.
        root: the folder that was searched; names below it may hold dates.
    """
    headers, errors = read_frame_headers(paths)
    left_out = [LeftOut(e.path or root, e.what, is_failure=True) for e in errors]
    headers, copies = _without_copies(headers)
    left_out += copies

    candidates: list[_Candidate] = []
    for group in _groups(headers):
        usable, reasons = _candidates(group)
        candidates += usable
        left_out += reasons
    chosen, reasons = _best_reconstructions(candidates)
    return [_found(item, root) for item in chosen], left_out + reasons


def _without_copies(
    headers: Sequence[SliceHeader],
) -> tuple[list[SliceHeader], list[LeftOut]]:
    """Files whose SOPInstanceUID and place were met before are copies of the same image."""
    # The place too, because some anonymisers give one UID to a whole series.
    seen: set[tuple[object, ...]] = set()
    kept: list[SliceHeader] = []
    copies: dict[Path, int] = defaultdict(int)
    for header in sorted(headers, key=lambda h: h.path):
        place = () if header.position_mm is None else tuple(header.position_mm)
        image = (header.sop_uid, place, header.instance_number)
        if header.sop_uid and image in seen:
            copies[header.folder] += 1
            continue
        seen.add(image)
        kept.append(header)
    return kept, [
        LeftOut(folder, f"{count} files are copies of images met before")
        for folder, count in copies.items()
    ]


def _groups(headers: Iterable[SliceHeader]) -> list[list[SliceHeader]]:
    """Files that may form one volume: same series, size and orientation."""
    groups: dict[tuple[object, ...], list[SliceHeader]] = defaultdict(list)
    for header in headers:
        orientation = (
            () if header.orientation is None else tuple(header.orientation.ravel().round(3))
        )
        key = (
            header.patient_id,
            header.study_uid or header.folder,
            header.series_uid or header.folder,
            header.modality,
            orientation,
            header.rows,
            header.columns,
            header.pixel_spacing_mm,
            "LOCALIZER" in header.image_type,
        )
        groups[key].append(header)
    return list(groups.values())


def _candidates(group: Sequence[SliceHeader]) -> tuple[list[_Candidate], list[LeftOut]]:
    header = group[0]
    reason = why_unusable(header)
    if reason:
        is_failure = header.modality == "CT" and header.frames > 1 and header.frame is None
        return [], [LeftOut(_place(group), f"{_title(header)}{reason}", is_failure)]
    usable: list[_Candidate] = []
    left_out: list[LeftOut] = []
    parts = _acquisitions(group)
    if len(parts) > 1 and any(h.frame is not None for h in group):
        reason = f"{len(parts)} volumes in multi-frame files: convert them to single frames"
        return [], [LeftOut(_place(group), f"{_title(header)}{reason}", is_failure=True)]
    for part in parts:
        images, doubled = _without_doubles(part)
        try:
            stack = stack_slices(images)
        except NotAVolumeError as error:
            left_out.append(LeftOut(_place(part), f"{_title(header)}{error.what}"))
            continue
        except InputError as error:
            named = f"{error.path.name}: " if error.path and error.path.is_file() else ""
            reason = f"{_title(header)}{named}{error.what}"
            is_failure = len(part) >= LEAST_SLICES or any(h.is_cut_short for h in part)
            left_out.append(LeftOut(_place(part), reason, is_failure))
            continue
        short = too_short(stack.geometry)
        if short:
            left_out.append(LeftOut(_place(part), f"{_title(header)}{short}"))
            continue
        candidate = _Candidate(stack, phase_of_series(stack.headers[0]))
        if doubled:
            candidate = _with_warning(candidate, f"{doubled} slices are there twice; one was used")
        usable.append(candidate)
    return usable, left_out


def _acquisitions(group: Sequence[SliceHeader]) -> list[Sequence[SliceHeader]]:
    """The group as it is, or by acquisition where one series holds several volumes."""
    parts: dict[tuple[str, ...], list[SliceHeader]] = defaultdict(list)
    for header in group:
        parts[header.acquisition].append(header)
    if len(parts) > 1:
        try:
            stack_slices(group)
        except NotAVolumeError:
            return list(parts.values())
        except InputError:
            return [group]
    return [group]


def _without_doubles(part: Sequence[SliceHeader]) -> tuple[list[SliceHeader], int]:
    """One of several images that are equal in place and pixels, and how many were dropped."""
    kept: list[SliceHeader] = []
    for images in _by_place(part).values():
        if len(images) > 1 and len({_pixels(header) for header in images}) == 1:
            images = images[:1]
        kept += images
    return kept, len(part) - len(kept)


def _by_place(group: Sequence[SliceHeader]) -> dict[tuple[float, ...], list[SliceHeader]]:
    places: dict[tuple[float, ...], list[SliceHeader]] = defaultdict(list)
    for number, header in enumerate(group):
        position = header.position_mm
        places[(number,) if position is None else tuple(position.round(2))].append(header)
    return places


def _pixels(header: SliceHeader) -> bytes:
    """The stored pixels of an image; those of frames are not compared."""
    if header.frame is not None:
        return str(header.frame).encode()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return bytes(pydicom.dcmread(header.path, force=True).PixelData)
        except Exception:  # reported when the series is read
            return b""


def _best_reconstructions(
    candidates: Sequence[_Candidate],
) -> tuple[list[_Candidate], list[LeftOut]]:
    """Per study: originals before derived images, soft kernels before sharp ones of a phase."""
    chosen: list[_Candidate] = []
    left_out: list[LeftOut] = []
    studies: dict[str, list[_Candidate]] = defaultdict(list)
    for candidate in candidates:
        studies[candidate.study].append(candidate)
    for study in studies.values():
        soft = [item for item in study if not is_sharp(item.header)]
        has_original = any(not is_derived(item.header) for item in soft)
        for item in study:
            if is_derived(item.header) and has_original:
                left_out.append(_left_out(item, "derived from others"))
            elif item not in soft and any(other.phase is item.phase for other in soft):
                left_out.append(_left_out(item, "kernel for lung or bone; a soft one is there"))
            else:
                if is_derived(item.header):
                    text = "derived images; the study has no original ones with a soft kernel"
                    item = _with_warning(item, text)
                if is_sharp(item.header):
                    item = _with_warning(item, "kernel for lung or bone: noisy in the liver")
                chosen.append(item)
    return chosen, left_out


def _left_out(item: _Candidate, reason: str) -> LeftOut:
    return LeftOut(_place(item.stack.headers), f"{_title(item.header)}{reason}")


def _with_warning(item: _Candidate, text: str) -> _Candidate:
    return replace(item, stack=replace(item.stack, warnings=(*item.stack.warnings, text)))


def _found(item: _Candidate, root: Path) -> FoundSeries:
    header, geometry = item.header, item.stack.geometry
    description = header.description or header.protocol or header.folder.name
    series = Series(
        files=tuple(dict.fromkeys(h.path for h in item.stack.headers)),
        uid=header.series_uid or str(header.folder),
        description=description,
        phase=item.phase,
        shape=geometry.shape,
        spacing_mm=geometry.spacing_mm,
        slice_thickness_mm=item.stack.slice_thickness_mm,
        is_dicom=True,
        warnings=item.stack.warnings,
    )
    return FoundSeries(
        series=series,
        geometry=geometry,
        date=header.date,
        dated_path=dated_path(header.folder, root),
        study=item.study,
        patient=_patient(header),
        patient_id=header.patient_id,
        birth_date=header.birth_date,
        sex=header.sex,
    )


def _patient(header: SliceHeader) -> str:
    """PatientID, else name and birth date; empty where the header names nobody."""
    return header.patient_id or " ".join(
        part for part in (header.patient_name, header.birth_date) if part
    )


def _place(headers: Sequence[SliceHeader]) -> Path:
    """The file, or the folder common to all."""
    if len(headers) == 1:
        return headers[0].path
    folders = {h.folder for h in headers}
    return folders.pop() if len(folders) == 1 else Path(os.path.commonpath(folders))


def _title(header: SliceHeader) -> str:
    number = f"series {header.series_number}" if header.series_number else "series"
    quoted = f" “{header.description}”" if header.description else ""
    return f"{number}{quoted}: " if number != "series" or quoted else ""
