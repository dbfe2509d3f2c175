"""DICOM files to series: grouped by their UIDs, checked, and each kind told apart."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lvt_track.core.records import Phase, Series
from lvt_track.errors import InputError
from lvt_track.io.dicom_header import SliceHeader, read_slice_headers
from lvt_track.io.dicom_kinds import is_derived, is_sharp, phase_of_series, why_unusable
from lvt_track.io.dicom_stack import Stack, stack_slices
from lvt_track.io.found import FoundSeries, LeftOut, date_below, too_short

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
    headers, errors = read_slice_headers(paths)
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
    """Files whose SOPInstanceUID was met before are copies of the same image."""
    seen: set[str] = set()
    kept: list[SliceHeader] = []
    copies: dict[Path, int] = defaultdict(int)
    for header in sorted(headers, key=lambda h: h.path):
        if header.sop_uid and header.sop_uid in seen:
            copies[header.folder] += 1
            continue
        seen.add(header.sop_uid)
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
        return [], [LeftOut(_place(group), f"{_title(header)}{reason}")]
    usable: list[_Candidate] = []
    left_out: list[LeftOut] = []
    for part in _acquisitions(group):
        try:
            stack = stack_slices(part)
        except InputError as error:
            left_out.append(_damaged(part, error))
            continue
        short = too_short(stack.geometry)
        if short:
            left_out.append(LeftOut(_place(part), f"{_title(header)}{short}"))
        else:
            usable.append(_Candidate(stack, phase_of_series(stack.headers[0])))
    return usable, left_out


def _acquisitions(group: Sequence[SliceHeader]) -> list[Sequence[SliceHeader]]:
    """The group as it is, or by acquisition where one series holds several phases."""
    places = {tuple(h.position_mm.round(2)) for h in group if h.position_mm is not None}
    if len(places) == len(group):
        return [group]
    parts: dict[tuple[str, ...], list[SliceHeader]] = defaultdict(list)
    for header in group:
        parts[header.acquisition].append(header)
    return list(parts.values())


def _damaged(part: Sequence[SliceHeader], error: InputError) -> LeftOut:
    if len(part) == 1 and not part[0].missing_bytes:
        return LeftOut(part[0].path, f"{_title(part[0])}{error.what}")
    named = "" if error.path in (None, _place(part)) else f"{error.path.name}: "
    return LeftOut(_place(part), f"{_title(part[0])}{named}{error.what}", is_failure=True)


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
        originals = [item for item in study if not is_derived(item.header)]
        for item in study:
            name = _title(item.header)
            if is_derived(item.header) and originals:
                left_out.append(LeftOut(_place(item.stack.headers), f"{name}derived from others"))
                continue
            rivals = originals or study
            if is_sharp(item.header):
                if any(r.phase is item.phase and not is_sharp(r.header) for r in rivals):
                    reason = f"{name}kernel for lung or bone; a soft one is there"
                    left_out.append(LeftOut(_place(item.stack.headers), reason))
                    continue
                item = _with_warning(item, "kernel for lung or bone: noisy in the liver")
            if is_derived(item.header):
                item = _with_warning(item, "derived images; the study has no original ones")
            chosen.append(item)
    return chosen, left_out


def _with_warning(item: _Candidate, text: str) -> _Candidate:
    return replace(item, stack=replace(item.stack, warnings=(*item.stack.warnings, text)))


def _found(item: _Candidate, root: Path) -> FoundSeries:
    header, geometry = item.header, item.stack.geometry
    description = header.description or header.protocol or header.folder.name
    series = Series(
        files=tuple(h.path for h in item.stack.headers),
        uid=header.series_uid or str(header.folder),
        description=description,
        phase=item.phase,
        shape=geometry.shape,
        spacing_mm=geometry.spacing_mm,
        slice_thickness_mm=item.stack.slice_thickness_mm,
        is_dicom=True,
        warnings=item.stack.warnings,
    )
    date = header.date or date_below(header.folder, root)
    return FoundSeries(series, geometry, date, item.study, _patient(header), header.patient_id)


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
