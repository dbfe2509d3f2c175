"""What is chosen, and what becomes of archives that misbehave; the archive is a stand-in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from lvt_track.errors import InputError, OutputError, UsageError
from lvt_track.io.archive.archive import FIELDS, Level, SeriesKey
from lvt_track.io.archive.errors import ArchiveBusyError
from lvt_track.io.archive.studies import Query
from lvt_track.io.dicom.writing import SeriesHeader, write_ct_series
from lvt_track.pipeline.archive.pull import PullResult, pull_patient
from lvt_track.pipeline.archive.push import Fate, push_results
from lvt_track.pipeline.run.progress import Silent

SLICES = 8


class Shelf:
    """An archive in memory, which each test makes misbehave in its way."""

    def __init__(self) -> None:
        self.images: dict[str, Dataset] = {}
        self.asked: list[str] = []
        self.mangle: Callable[[Dataset], Dataset] = lambda dataset: dataset
        self.before_fetch: Callable[[], None] = lambda: None
        self.before_listing: Callable[[], None] = lambda: None

    def put(self, folder: Path, series: int, description: str, spacing_mm: float = 3.0) -> None:
        hu = np.zeros((round(SLICES * 3.0 / spacing_mm), 6, 4), np.int16)
        geometry = Geometry.axial(hu.shape, (spacing_mm, 0.8, 0.9), (0.0, 0.0, 0.0))
        for path in write_ct_series(
            Volume(hu, geometry),
            folder / str(series),
            SeriesHeader(
                patient_id="P1",
                patient_name="Doe^Jo",
                date=dt.date(2025, 3, 1),
                study_uid="1.2.3",
                series_uid=f"1.2.3.{series}",
                series_number=series,
                description=description,
            ),
        ):
            dataset = pydicom.dcmread(path)
            self.images[dataset.SOPInstanceUID] = dataset

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Dataset]:
        if level is Level.IMAGE:
            self.before_listing()
        uid = {
            Level.STUDY: "StudyInstanceUID",
            Level.SERIES: "SeriesInstanceUID",
            Level.IMAGE: "SOPInstanceUID",
        }[level]
        found: dict[str, Dataset] = {}
        for image in self.images.values():
            if all(str(image[key].value) == value for key, value in keys.items()):
                answer = Dataset()
                for name in FIELDS[level]:
                    if name in image:
                        answer[name] = image[name]
                found.setdefault(str(image[uid].value), answer)
        return list(found.values())

    def fetch(
        self, series: SeriesKey, instances: Sequence[str], receive: Callable[[Dataset], None]
    ) -> None:
        self.before_fetch()
        for uid, image in list(self.images.items()):
            if image.SeriesInstanceUID == series.series_uid and uid in (instances or self.images):
                self.asked.append(uid)
                receive(self.mangle(deepcopy(image)))

    def store(self, path: Path) -> None:
        raise AssertionError("nothing is stored by a pull")

    def close(self) -> None:
        pass


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def pull(shelf: Shelf, patient: Path, phases: bool = True) -> PullResult:
    return pull_patient(shelf, patient, Query("P1"), (phases, False), Silent())


def test_one_series_of_each_phase_the_thinnest_that_can_be_used(
    shelf: Shelf, tmp_path: Path
) -> None:
    for number, (description, spacing_mm) in enumerate(
        (
            ("Topogram", 3.0),
            ("Abdomen portal", 4.0),
            ("Abdomen portal thin", 3.0),
            ("Abdomen arterial", 3.0),
            ("Abdomen portal MIP", 3.0),
            ("Abdomen native lung", 3.0),
        ),
        start=1,
    ):
        shelf.put(tmp_path / "sent", number, description, spacing_mm)
    for phases, wanted in (
        (True, {"Abdomen portal thin", "Abdomen arterial", "Abdomen native lung"}),
        (False, {"Abdomen portal thin"}),
    ):
        result = pull(shelf, tmp_path / str(phases), phases)
        assert {one.description for one in result.series if one.folder} == wanted
        reasons = {one.description: one.reason for one in result.series}
        assert reasons["Topogram"].startswith("a scout")
        assert reasons["Abdomen portal MIP"].startswith("a projection")
        assert len(list((tmp_path / str(phases)).rglob("*.dcm"))) == SLICES * len(wanted)


def test_broken_instances_are_told_and_not_kept(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put(tmp_path / "sent", 1, "Abdomen portal")
    bad = list(shelf.images)[:2]

    def cut(dataset: Dataset) -> Dataset:
        if dataset.SOPInstanceUID == bad[0]:
            dataset.PixelData = dataset.PixelData[:6]
        if dataset.SOPInstanceUID == bad[1]:
            dataset.PatientID = "P2"
        return dataset

    shelf.mangle = cut
    (series,) = pull(shelf, tmp_path / "p").series
    assert series.failure.startswith(f"2 of {SLICES} images did not come: ")
    assert "the file is cut short" in series.failure
    assert "of another patient" in series.failure
    assert len(list((tmp_path / "p").rglob("*"))) == 2 + SLICES - 2
    assert all(shelf.asked.count(uid) > 1 for uid in bad)

    shelf.mangle = lambda dataset: dataset
    shelf.asked.clear()
    (series,) = pull(shelf, tmp_path / "p").series
    assert (series.failure, series.new) == ("", 2)
    assert sorted(shelf.asked) == sorted(bad)


def test_a_study_that_grows_while_it_is_pulled(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put(tmp_path / "sent", 1, "Abdomen portal")
    late = [shelf.images.popitem() for _ in range(2)]
    shelf.before_fetch = lambda: setattr(
        shelf, "before_listing", lambda: shelf.images.update([late.pop()] if late else [])
    )
    (series,) = pull(shelf, tmp_path / "p").series
    assert series.failure == ""
    assert len(list((tmp_path / "p").rglob("*.dcm"))) == SLICES


def test_a_study_that_never_stays_as_it_is(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put(tmp_path / "sent", 1, "Abdomen portal")
    model = next(iter(shelf.images.values()))

    def grow() -> None:
        more = deepcopy(model)
        more.SOPInstanceUID = f"1.9.{len(shelf.images)}"
        shelf.images[more.SOPInstanceUID] = more

    shelf.before_listing = grow
    (series,) = pull(shelf, tmp_path / "p").series
    assert "changes while it is pulled" in series.failure


def test_images_that_were_replaced_since_the_last_pull(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put(tmp_path / "sent", 1, "Abdomen portal")
    pull(shelf, tmp_path / "p")
    for k, uid in enumerate(list(shelf.images)[:3]):
        image = shelf.images.pop(uid)
        image.SOPInstanceUID = f"1.2.9.{k}"
        shelf.images[image.SOPInstanceUID] = image
    (series,) = pull(shelf, tmp_path / "p").series
    assert series.new == 3
    assert series.failure.startswith("3 images of an earlier pull are no longer in the archive")


def test_results_that_later_ones_hide_are_told(shelf: Shelf, tmp_path: Path) -> None:
    """A correction that was taken back: the archive has the same, and shows the corrected one."""
    folder = tmp_path / "out" / "visits" / "2025-03-01"
    folder.mkdir(parents=True)
    (tmp_path / "out" / "run.json").write_text("{}")
    shelf.put(tmp_path / "sent", 1, "lvt: measurements")
    earlier, later = list(shelf.images.values())[:2]
    shelf.images = {str(one.SOPInstanceUID): one for one in (earlier, later)}
    for one, fate in ((earlier, Fate.REFUSED), (later, Fate.THERE)):
        one.save_as(folder / "sr.dcm")
        (pushed,) = push_results(shelf, tmp_path / "out", False, Silent()).objects
        assert pushed.fate is fate
        assert ("a later result of its series" in pushed.reason) == (fate is Fate.REFUSED)


def test_an_archive_that_lists_less_than_it_says(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put(tmp_path / "sent", 1, "Abdomen portal")
    for image in shelf.images.values():
        image.NumberOfSeriesRelatedInstances = SLICES + 3
    (series,) = pull(shelf, tmp_path / "p").series
    assert series.failure == f"the archive says {SLICES + 3} images and lists {SLICES}"


def test_tries_have_an_end(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put(tmp_path / "sent", 1, "Abdomen portal")
    tries = []

    def end() -> None:
        tries.append(1)
        raise ArchiveBusyError("it ended the connection")

    shelf.before_fetch = end
    (series,) = pull(shelf, tmp_path / "p").series
    assert series.failure == f"{SLICES} of {SLICES} images did not come: it ended the connection"
    assert len(tries) == 4


def test_a_folder_of_another_patient_is_refused(shelf: Shelf, tmp_path: Path) -> None:
    shelf.put(tmp_path / "sent", 1, "Abdomen portal")
    pull(shelf, tmp_path / "p")
    for image in shelf.images.values():
        image.PatientID, image.PatientName = "P2", "Roe^Jane"
    with pytest.raises(OutputError, match="images of another patient"):
        pull_patient(shelf, tmp_path / "p", Query("P2"), (True, False), Silent())


@pytest.mark.parametrize("word", ["*", "P?", "P1\\P2"])
def test_ids_that_may_mean_others_are_refused(word: str) -> None:
    with pytest.raises(UsageError, match="other patients"):
        Query(word)


def test_nobody_is_not_everybody(shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no patient is named"):
        Query(description="Abdomen")
    with pytest.raises(InputError, match="no such study"):
        pull(shelf, tmp_path / "p")
