"""Instances of an archive as files: each whole and checked, or not there at all."""

from __future__ import annotations

import hashlib
import re
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from pydicom.dataset import Dataset

from lvt_track.errors import InputError
from lvt_track.io.archive.errors import UNDECODABLE
from lvt_track.io.archive.studies import ArchivedSeries
from lvt_track.io.dicom.header import read_slice_header
from lvt_track.io.dicom.values import text
from lvt_track.io.files import write_whole

__all__ = ["Inbox", "series_folder"]

_UID = re.compile(r"[0-9.]{1,64}")


def series_folder(patient: Path, series: ArchivedSeries) -> Path:
    """Where a series goes: below the day of its study, by what names no one."""
    study, uid = series.study, series.key.series_uid
    day = study.date.isoformat() if study.date else f"undated-{_short(study.uid)}"
    return patient / day / f"{series.modality.lower()}-{_short(uid)}"


def _short(uid: str) -> str:
    return hashlib.sha256(uid.encode()).hexdigest()[:12]


@dataclass
class Inbox:
    """Takes the instances of a series.

    Attributes:
        series: that is expected.
        folder: for its files, one each, named by its SOPInstanceUID.
        refused: what arrived and cannot be used, and why.
    """

    series: ArchivedSeries
    folder: Path
    refused: dict[str, str] = field(default_factory=dict)

    def missing(self, instances: tuple[str, ...]) -> list[str]:
        """Those that have not arrived; files are whole once they are there."""
        return [uid for uid in instances if not (self.folder / f"{uid}.dcm").is_file()]

    def surplus(self, instances: tuple[str, ...]) -> int:
        """How many images lie in the folder that are not, or no longer, among these."""
        return len({path.stem for path in self.folder.glob("*.dcm")} - set(instances))

    def receive(self, dataset: Dataset) -> None:
        """Write an instance, if it is of the series and whole.

        Raises:
            OutputError: when it cannot be written.
        """
        uid = text(dataset, "SOPInstanceUID")
        try:
            self._check(dataset, uid)
            self.folder.mkdir(parents=True, exist_ok=True)
            with write_whole(self.folder / f"{uid}.dcm") as temporary:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # of values that break the standard
                    dataset.save_as(temporary, enforce_file_format=True)
                header = read_slice_header(temporary)
                if header.fault:
                    raise InputError(header.fault)
        except InputError as error:
            self.refused[uid or "an image"] = error.what
        except UNDECODABLE as error:
            self.refused[uid or "an image"] = f"damaged ({error})"
        else:
            self.refused.pop(uid, None)

    def _check(self, dataset: Dataset, uid: str) -> None:
        if not _UID.fullmatch(uid):
            raise InputError("it has no SOPInstanceUID")
        key = self.series.key
        if (text(dataset, "StudyInstanceUID"), text(dataset, "SeriesInstanceUID")) != (
            key.study_uid,
            key.series_uid,
        ):
            raise InputError("it is of another series than was asked for")
        if text(dataset, "PatientID") != self.series.study.patient_id:
            raise InputError("it is of another patient than its study")
