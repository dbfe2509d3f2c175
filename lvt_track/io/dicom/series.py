"""DICOM files to series: grouped, split into volumes, checked, and each kind told apart."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from lvt_track.core.plain_text import encodable
from lvt_track.core.series import Phase, Series
from lvt_track.errors import InputError
from lvt_track.io.candidates import (
    LEAST_SLICES,
    FoundSeries,
    LeftOut,
    named_failures,
    too_short,
)
from lvt_track.io.dates import dated_path
from lvt_track.io.dicom.grouping.groups import group_images, missing_parts, without_copies
from lvt_track.io.dicom.grouping.partial import partial_views
from lvt_track.io.dicom.grouping.split import Part, split_volumes
from lvt_track.io.dicom.header import SliceHeader
from lvt_track.io.dicom.kinds import (
    is_derived,
    is_sharp,
    phase_of_series,
    unusual_energy,
    why_unusable,
)
from lvt_track.io.dicom.stack import NotAVolumeError, Stack
from lvt_track.io.dicom.volumes import LabelsError, check_pixels

__all__ = ["find_dicom_series"]

_AGAIN = "made again at the place of another, with other pixels; the first image is used"


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
        return _study(self.header)


@dataclass(frozen=True)
class _Loss:
    """CT that is not used; a failure where its study has nothing else."""

    item: LeftOut
    study: str


def find_dicom_series(
    headers: Sequence[SliceHeader], errors: Sequence[InputError], root: Path
) -> tuple[list[FoundSeries], list[LeftOut]]:
    """All usable CT series among DICOM files, and what is left out.

    Args:
        headers: of the files, one per slice.
        errors: of those that cannot be read.
        root: the folder that was searched; names below it may hold dates.
    """
    damaged = [(e.path or root, e.what) for e in errors]
    images, losses = _usable(headers)
    images, copies = without_copies(_with_few_checked(images))
    damaged += {h.path: (h.path, h.fault) for h in images if h.fault}.values()
    left_out = [*named_failures(damaged), *copies]
    parts_lost = missing_parts(images)
    left_out += [LeftOut(place, reason, is_failure=True) for place, reason in parts_lost.items()]

    candidates: list[_Candidate] = []
    for group in group_images(images):
        usable, more = _candidates(group)
        candidates += usable
        losses += more
    candidates, more = _with_parts(_with_shares(candidates))
    losses += more
    chosen, more = _best_reconstructions(candidates)
    losses += more
    chosen, more = _readable(chosen)
    losses += more
    used = {item.study for item in chosen}
    left_out += [
        loss.item if loss.study in used or not loss.study else replace(loss.item, is_failure=True)
        for loss in losses
    ]
    return [_series_of(item, root) for item in chosen], _merged(left_out)


def _usable(headers: Sequence[SliceHeader]) -> tuple[list[SliceHeader], list[_Loss]]:
    """Images of CT, and what else there is by series and kind."""
    images: list[SliceHeader] = []
    others: dict[tuple[str, str, object], list[SliceHeader]] = defaultdict(list)
    for header in headers:
        reason = why_unusable(header)
        if reason:
            others[reason, header.series_uid, header.folder].append(header)
        else:
            images.append(header)
    losses = []
    for (reason, _, _), group in others.items():
        first = group[0]
        is_frames = first.modality == "CT" and first.frames > 1 and first.frame is None
        is_ct = first.modality == "CT" and (
            "reformat" in reason
            or "spectral" in reason
            or ("secondary capture or other" in reason and _may_be_scan(group))
        )
        item = LeftOut(_place(group), f"{_title(first)}{reason}", is_frames, _files(group))
        losses.append(_Loss(item, _study(first) if is_ct else ""))
    return images, losses


def _may_be_scan(group: Sequence[SliceHeader]) -> bool:
    """Whether objects that are no CT images by their class lie like slices of a CT."""
    places = {tuple(h.position_mm) for h in group if h.position_mm is not None and h.samples == 1}
    return len(places) >= LEAST_SLICES


def _with_few_checked(images: Sequence[SliceHeader]) -> list[SliceHeader]:
    """A few slices without a place or a rescale are at fault; where most have none, the series."""
    series: dict[tuple[str, Path], list[SliceHeader]] = defaultdict(list)
    for header in images:
        series[header.series_uid, header.folder].append(header)
    faults: dict[int, str] = {}
    for group in series.values():
        unplaced = [h for h in group if h.position_mm is None or h.orientation is None]
        unscaled = [h for h in group if not h.has_rescale]
        is_scaled = any(h.has_rescale and h.rescale != (1.0, 0.0) for h in group)
        if 4 * len(unscaled) < len(group) and is_scaled:
            text = "it has no rescale slope and intercept, unlike the slices beside it"
            faults |= {id(header): text for header in unscaled}
        if 4 * len(unplaced) < len(group):
            faults |= {id(header): "it has no position or orientation" for header in unplaced}
    return [replace(h, fault=h.fault or faults[id(h)]) if id(h) in faults else h for h in images]


def _candidates(group: Sequence[SliceHeader]) -> tuple[list[_Candidate], list[_Loss]]:
    whole = [header for header in group if not header.fault]
    broken = len({header.path for header in group}) - len({header.path for header in whole})
    if not whole:
        return [], []
    usable: list[_Candidate] = []
    losses: list[_Loss] = []
    parts = split_volumes(whole)
    volumes = [part for part in parts if _fault(part) == ""]
    for part in parts:
        header = part.images[0]
        reason = _fault(part)
        if reason or part.stack is None:
            item = LeftOut(
                _place(part.images),
                f"{_title(header)}{reason}",
                _is_failure(part),
                _files(part.images),
            )
            losses.append(_Loss(item, _study(header)))
            continue
        candidate = _Candidate(part.stack, phase_of_series(part.stack.headers[0]))
        for text in _remarks(part, len(volumes), broken, whole):
            candidate = _with_warning(candidate, text)
        usable.append(candidate)
        losses += _spares(part)
    return usable, losses


def _with_shares(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Volumes of one series UID that differ in size or orientation say so."""
    counts = Counter((item.study, item.header.series_uid) for item in candidates)
    text = "volumes that share a series"
    shared = []
    for item in candidates:
        count = counts[item.study, item.header.series_uid]
        is_warned = any(text in warning for warning in item.stack.warnings)
        if count > 1 and item.header.series_uid and not is_warned:
            item = _with_warning(item, f"one of {count} {text}")
        shared.append(item)
    return shared


def _with_parts(
    candidates: Sequence[_Candidate],
) -> tuple[list[_Candidate], list[_Loss]]:
    """Volumes of one series whose scan goes on in another one say so, and that no one shows all."""
    series: dict[tuple[str, str], list[int]] = defaultdict(list)
    for k, item in enumerate(candidates):
        series[item.study, item.header.series_uid].append(k)
    changed = list(candidates)
    losses = []
    for places in series.values():
        texts = partial_views([candidates[k].stack for k in places])
        for k, text in zip(places, texts, strict=True):
            if text:
                changed[k] = _with_warning(candidates[k], text)
                loss = _left_out(candidates[k], f"no volume of the series is whole: one {text}")
                losses.append(replace(loss, item=replace(loss.item, is_failure=True, files=())))
    return changed, losses


def _fault(part: Part) -> str:
    """Why a part is no volume to follow; empty when it is one."""
    if part.stack is not None:
        return too_short(part.stack.geometry)
    error = part.error
    if error is None:
        return "no volume"
    named = f"{error.path.name}: " if error.path and error.path.is_file() else ""
    return error.what if isinstance(error, NotAVolumeError) else f"{named}{error.what}"


def _is_failure(part: Part) -> bool:
    """Whether what is lost was made to be a volume; pages and monitoring at one place were not."""
    if part.stack is not None or len(part.images) < LEAST_SLICES:
        return False
    return "same position" not in (part.error.what if part.error else "")


def _remarks(part: Part, volumes: int, broken: int, group: Sequence[SliceHeader]) -> list[str]:
    twice = sum("same pixels" in reason for _, reason in part.spare)
    again = len(part.spare) - twice
    uids = len({header.series_uid for header in part.images})
    texts = []
    if twice:
        texts.append(f"{twice} slices are there twice; one was used")
    if again:
        texts.append(f"{again} slices were {_AGAIN}")
    if volumes > 1:
        texts.append(f"one of {volumes} volumes that share a series")
    if broken:
        texts.append(f"{broken} files of the series are damaged: what they show is missing")
    if uids > 1:
        texts.append(f"joined of {uids} series UIDs, as its slices each have their own")
    for place, reason in missing_parts(group).items():
        texts.append(f"{reason} ({place.name})")
    return texts


def _spares(part: Part) -> list[_Loss]:
    groups: dict[str, list[SliceHeader]] = defaultdict(list)
    for header, reason in part.spare:
        groups[reason].append(header)
    losses = []
    for reason, headers in groups.items():
        used = {h.path for h in part.stack.headers} if part.stack else set()
        files = tuple(path for path in _files(headers) if path not in used)
        if "same pixels" in reason and not files:
            continue
        text = reason if "same pixels" in reason else f"{_title(headers[0])}{_AGAIN}"
        losses.append(_Loss(LeftOut(_place(headers), text, False, files), ""))
    return losses


def _best_reconstructions(
    candidates: Sequence[_Candidate],
) -> tuple[list[_Candidate], list[_Loss]]:
    """Per study: originals before derived images, soft kernels before sharp ones of a phase.

    A derived series of a phase that no original may have is used, with a warning.
    """
    chosen: list[_Candidate] = []
    losses: list[_Loss] = []
    studies: dict[tuple[object, ...], list[_Candidate]] = defaultdict(list)
    for candidate in candidates:
        studies[candidate.study, candidate.header.date].append(candidate)
    for study in studies.values():
        soft = [item for item in study if not is_sharp(item.header)]
        originals = {item.phase for item in soft if not _is_second_choice(item.header)}
        for item in study:
            is_only = Phase.UNKNOWN not in {item.phase, *originals} and item.phase not in originals
            if _is_second_choice(item.header) and originals and not is_only:
                off = unusual_energy(item.header)
                losses.append(_left_out(item, off or "derived from others"))
            elif item not in soft and any(other.phase is item.phase for other in soft):
                losses.append(_left_out(item, "kernel for lung or bone; a soft one is there"))
            else:
                if is_derived(item.header):
                    text = "derived images; the study has no original ones with a soft kernel"
                    item = _with_warning(item, text + (" of this phase" if originals else ""))
                if off := unusual_energy(item.header):
                    item = _with_warning(item, off)
                if is_sharp(item.header):
                    item = _with_warning(item, "kernel for lung or bone: noisy in the liver")
                chosen.append(item)
    return chosen, losses


def _is_second_choice(header: SliceHeader) -> bool:
    return is_derived(header) or unusual_energy(header) != ""


def _readable(candidates: Sequence[_Candidate]) -> tuple[list[_Candidate], list[_Loss]]:
    """Those whose pixels can be decoded and are HU, decided as reading decides it."""
    readable: list[_Candidate] = []
    losses: list[_Loss] = []
    for item in candidates:
        try:
            remark = check_pixels(item.stack)
        except LabelsError as error:
            losses.append(_left_out(item, error.what))
        except InputError as error:
            named = f"{error.path.name}: " if error.path and error.path.is_file() else ""
            remedy = f"; {error.remedy[:1].lower()}{error.remedy[1:]}" if error.remedy else ""
            loss = _left_out(item, f"{named}{error.what}{remedy}")
            losses.append(replace(loss, item=replace(loss.item, is_failure=True)))
        else:
            readable.append(_with_warning(item, remark) if remark else item)
    return readable, losses


def _left_out(item: _Candidate, reason: str) -> _Loss:
    headers = item.stack.headers
    left = LeftOut(_place(headers), f"{_title(item.header)}{reason}", False, _files(headers))
    return _Loss(left, item.study)


def _with_warning(item: _Candidate, text: str) -> _Candidate:
    return replace(item, stack=replace(item.stack, warnings=(*item.stack.warnings, text)))


def _series_of(item: _Candidate, root: Path) -> FoundSeries:
    header, geometry = item.header, item.stack.geometry
    files = _files(item.stack.headers)
    is_framed = header.frame is not None
    series = Series(
        files=files,
        uid=header.series_uid or encodable(str(header.folder)),
        description=header.description or header.protocol or encodable(header.folder.name),
        phase=item.phase,
        shape=geometry.shape,
        spacing_mm=geometry.spacing_mm,
        slice_thickness_mm=item.stack.slice_thickness_mm,
        is_dicom=True,
        warnings=item.stack.warnings,
        frames=tuple((h.path, h.frame or 1) for h in item.stack.headers) if is_framed else (),
    )
    return FoundSeries(
        series=series,
        geometry=geometry,
        date=header.date,
        dated_path=dated_path(header.folder, root),
        study=item.study,
        patient=_patient(header),
        patient_id=header.patient_id,
        patient_name=header.patient_name,
        birth_date=header.birth_date,
        sex=header.sex,
        acquisition_date=header.acquisition_date,
        impossible_date=header.impossible_date,
        image_uids=frozenset(one.sop_uid for one in item.stack.headers if one.sop_uid),
    )


def _study(header: SliceHeader) -> str:
    return header.study_uid or encodable(str(header.folder))


def _patient(header: SliceHeader) -> str:
    """PatientID, else name and birth date; empty where the header names nobody."""
    return header.patient_id or " ".join(
        part for part in (header.patient_name, header.birth_date) if part
    )


def _files(headers: Sequence[SliceHeader]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(header.path for header in headers))


def _place(headers: Sequence[SliceHeader]) -> Path:
    """The file, or the folder common to all."""
    files = _files(headers)
    if len(files) == 1:
        return files[0]
    folders = {path.parent for path in files}
    return folders.pop() if len(folders) == 1 else Path(os.path.commonpath(folders))


def _title(header: SliceHeader) -> str:
    number = f"series {header.series_number}" if header.series_number else "series"
    quoted = f" “{header.description}”" if header.description else ""
    return f"{number}{quoted}: " if number != "series" or quoted else ""


def _merged(left_out: Sequence[LeftOut]) -> list[LeftOut]:
    """Equal reasons at one place said once, with the files of both."""
    merged: dict[tuple[Path, str], LeftOut] = {}
    for item in left_out:
        key = item.path, item.reason
        before = merged.get(key)
        merged[key] = (
            item
            if before is None
            else replace(
                item,
                is_failure=item.is_failure or before.is_failure,
                files=tuple(dict.fromkeys((*before.files, *item.files))),
            )
        )
    return list(merged.values())
