"""A phantom on disk: scans as a hospital would hand them over, and in `truth/` what is true."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import pandas as pd
from pydicom.uid import generate_uid

from lvt_track.core.threads import threads_of
from lvt_track.core.volume import CLASSES
from lvt_track.errors import OutputError
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series
from lvt_track.io.files import write_whole
from lvt_track.io.images.volumes import write_mask, write_volume
from lvt_track.phantom.course.render import PhantomVisit, render_visit
from lvt_track.phantom.course.scans import Scan
from lvt_track.phantom.course.script import PhantomPatient
from lvt_track.phantom.course.truth import TrueLesion
from lvt_track.phantom.course.truth_tables import truth_tables

__all__ = ["TRUTH", "FileFormat", "WrittenPatient", "write_patient"]

TRUTH = "truth"
"""Folder of the true tables, beside the visits."""


class FileFormat(StrEnum):
    """How scans are written."""

    NIFTI = "nifti"
    DICOM = "dicom"


@dataclass(frozen=True)
class WrittenPatient:
    """A phantom that was written.

    Attributes:
        folder: of the patient; `lvt track` reads it.
        name: of the patient.
        dates: of the visits, ISO.
        lesions: the true lesions of each visit.
    """

    folder: Path
    name: str
    dates: tuple[str, ...]
    lesions: tuple[tuple[TrueLesion, ...], ...]

    def facts(self) -> dict[str, object]:
        """The result as plain values."""
        return {
            "folder": str(self.folder),
            "patient": self.name,
            "visits": [
                {
                    "date": date,
                    "lesions": len(lesions),
                    "tumors_ml": round(sum(lesion.volume_ml for lesion in lesions), 3),
                }
                for date, lesions in zip(self.dates, self.lesions, strict=True)
            ],
        }

    def summary(self) -> str:
        """The result in a few lines."""
        lines = [f"{self.name}: {len(self.dates)} visits in {self.folder}"]
        for date, lesions in zip(self.dates, self.lesions, strict=True):
            volume_ml = sum(lesion.volume_ml for lesion in lesions)
            lines.append(f"{date}  {len(lesions):3d} lesions  {volume_ml:8.2f} mL")
        lines.append(f"truth:  {self.folder / TRUTH}")
        return "\n".join(lines)


def write_patient(
    patient: PhantomPatient,
    folder: Path,
    file_format: FileFormat = FileFormat.NIFTI,
    *,
    with_masks: bool = False,
    on_visit: Callable[[dt.date], None] | None = None,
) -> WrittenPatient:
    """Render a patient and write it, scans side by side.

    Scans are `<date>/<phase>.nii.gz` or, as DICOM, `<date>/<phase>/IMG0001.dcm` and so on. The
    tables `edges.csv`, `lesions.csv`, `tracks.csv`, `visits.csv` and `radiologist.csv` are in
    `truth/`; docs/use/phantom-course.md describes them.

    Args:
        patient: the script.
        folder: made if needed.
        file_format: of the scans.
        with_masks: whether `liver`, `vessels` and `tumors` are written beside the scans, where
            `lvt track` takes them instead of the model's.
        on_visit: called with the date of each visit once it is written.

    Raises:
        OutputError: when something cannot be written.
    """
    lesions: list[tuple[TrueLesion, ...]] = []
    scanned: list[dict[str, Any]] = []

    def write(number: int, scan: Scan) -> tuple[tuple[TrueLesion, ...], dict[str, Any]]:
        rendered = render_visit(patient, number, scan.phase)
        _write_scan(patient, rendered, folder, file_format, with_masks)
        is_followed = scan is patient.visits[number].scans[0]
        return rendered.lesions, _scan_row(rendered, is_followed=is_followed)

    with ThreadPoolExecutor(threads_of()) as pool:
        jobs = [
            [pool.submit(write, number, scan) for scan in visit.scans]
            for number, visit in enumerate(patient.visits)
        ]
        for visit, of_visit in zip(patient.visits, jobs, strict=True):
            scans = [job.result() for job in of_visit]
            lesions.append(scans[0][0])
            scanned += [row for _, row in scans]
            if on_visit is not None:
                on_visit(visit.date)
    tables = truth_tables(patient, lesions)
    tables["visits"] = pd.DataFrame(scanned)
    _make(folder / TRUTH)
    for name, table in tables.items():
        with write_whole(folder / TRUTH / f"{name}.csv") as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n")
    dates = tuple(visit.date.isoformat() for visit in patient.visits)
    return WrittenPatient(folder, patient.name, dates, tuple(lesions))


def _write_scan(
    patient: PhantomPatient,
    rendered: PhantomVisit,
    folder: Path,
    file_format: FileFormat,
    with_masks: bool,
) -> None:
    place = folder / rendered.date.isoformat()
    _make(place)
    scan_path = None
    if file_format is FileFormat.NIFTI:
        scan_path = place / f"{rendered.phase}.nii.gz"
        write_volume(rendered.volume, scan_path)
    else:
        _write_dicom(patient, rendered, place / rendered.phase)
    if with_masks:
        several = len(patient.visits[rendered.visit].scans) > 1
        for name in CLASSES:
            file_name = f"{rendered.phase}_{name}.nii.gz" if several else f"{name}.nii.gz"
            mask = getattr(rendered.masks, name)
            write_mask(mask, rendered.volume.geometry, place / file_name, like=scan_path)


def _write_dicom(patient: PhantomPatient, rendered: PhantomVisit, folder: Path) -> None:
    scans = patient.visits[rendered.visit].scans
    number = 1 + [scan.phase for scan in scans].index(rendered.phase)
    study = f"{patient.name} {rendered.date}"
    spacing_mm = rendered.volume.geometry.spacing_mm[0]
    write_ct_series(
        rendered.volume,
        folder,
        SeriesHeader(
            patient_id=patient.name,
            patient_name=f"Phantom^{patient.seed}",
            date=rendered.date,
            study_uid=generate_uid(entropy_srcs=[study]),
            series_uid=generate_uid(entropy_srcs=[study, rendered.phase]),
            series_number=number,
            description=f"Abdomen {spacing_mm:.1f} mm",
            phase=rendered.phase,
            slice_thickness_mm=scans[number - 1].scanner.slice_thickness_mm,
            patient_sex="F" if patient.anatomy.habitus.is_female else "M",
            study_description="CT abdomen",
        ),
    )


def _scan_row(rendered: PhantomVisit, *, is_followed: bool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "date": rendered.date.isoformat(),
        "phase": rendered.phase.value,
        "is_followed": is_followed,
        "slice_thickness_mm": rendered.volume.geometry.spacing_mm[0],
    }
    row |= {f"{name}_ml": round(rendered.masks.volume_ml(name), 3) for name in CLASSES}
    return row | {"lesions": len(rendered.lesions)}


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot be made ({error.strerror})", path=folder) from error
