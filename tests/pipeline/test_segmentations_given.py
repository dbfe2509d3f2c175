"""A reader's DICOM segmentations go through a whole run, and a corrected one comes back."""

from __future__ import annotations

import datetime as dt
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pack_bits
from pydicom.uid import generate_uid

from lvt_track.core.course import EDITED
from lvt_track.io.discover import discover, read_scan
from lvt_track.io.images.volumes import read_labels, read_mask
from lvt_track.pipeline.patient.track import TrackSettings, is_finished, track_patient
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent
from lvt_track.report.dicom.references import Author, SourceImages
from lvt_track.report.dicom.seg_type import SegSeries
from lvt_track.report.dicom.segmentation import Kind, Segment, write_segmentation
from tests.pipeline.test_dicom_results import as_dicom

MakeVisit = Callable[..., Path]
CLASSES = ("liver", "vessels", "tumors")


def corrected_elsewhere(path: Path) -> None:
    """Erase the first tumour of a segmentation and save it as another program does."""
    dataset = pydicom.dcmread(path)
    tumor = next(one for one in dataset.SegmentSequence if one.SegmentLabel == "Tumour 1")
    frames = dataset.pixel_array
    for k, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        segment = group.SegmentIdentificationSequence[0]
        if segment.ReferencedSegmentNumber == tumor.SegmentNumber:
            frames[k] = 0
    dataset.PixelData = pack_bits(frames)
    dataset.Manufacturer = "Slicer"
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = generate_uid()
    dataset.save_as(path)


def test_what_was_written_corrected_elsewhere_is_given_to_the_next_run(
    tmp_path: Path, make_visit: MakeVisit
) -> None:
    patient = tmp_path / "patient"
    place = as_dicom(make_visit(patient, 1))
    settings = TrackSettings(pseudonyms=None, tables_only=True)
    before = track_patient(patient, tmp_path / "a", settings, Existing.REFUSE, Silent()).course
    for class_name in CLASSES:
        (place / f"{class_name}.nii.gz").unlink()
    drawing = place / "pushed.dcm"
    shutil.copy(tmp_path / "a" / "visits" / place.name / "seg.dcm", drawing)
    corrected_elsewhere(drawing)

    after = track_patient(patient, tmp_path / "b", settings, Existing.REFUSE, Silent()).course
    (findings,) = after.visits
    assert findings.sources == dict.fromkeys(CLASSES, "given")
    _, *others = before.visits[0].lesions
    assert [one.measurement for one in findings.lesions] == [one.measurement for one in others]
    for class_name in CLASSES[:2]:
        (first, _), (again, _) = (
            read_labels(tmp_path / out / "visits" / place.name / f"{class_name}.nii.gz")
            for out in "ab"
        )
        np.testing.assert_array_equal(first, again)
    roles = [one["role"] for one in json.loads((tmp_path / "b/run.json").read_text())["inputs"]]
    assert "scan: tumors, segments 3, 4 of pushed.dcm" in roles
    written = pydicom.dcmread(tmp_path / "b" / "visits" / place.name / "seg.dcm")
    assert {one.SegmentAlgorithmType for one in written.SegmentSequence} == {"MANUAL"}

    # The digest of the file decides whether a run holds.
    assert is_finished(patient, tmp_path / "b", settings)
    corrected_elsewhere(drawing)
    assert not is_finished(patient, tmp_path / "b", settings)


@pytest.mark.parametrize("kind", [SegSeries.WHOLE, SegSeries.LABELS])
def test_only_what_a_reader_gave_comes_back_from_lvts_own(
    tmp_path: Path, make_visit: MakeVisit, kind: SegSeries
) -> None:
    place = as_dicom(make_visit(tmp_path, 0))
    (visit,) = discover(tmp_path).visits
    series = visit.tracked_series
    grid = read_scan(series).geometry
    segments = [
        Segment("Liver", Kind.LIVER, read_mask(place / "liver.nii.gz", grid), (1,), "default"),
        Segment("Tumour 1", Kind.LESION, read_mask(place / "tumors.nii.gz", grid), (1,), EDITED),
    ]
    for path in place.glob("*.nii.gz"):
        path.unlink()
    author = Author("1", dt.datetime(2024, 3, 1))
    source = SourceImages(series.files, grid)
    write_segmentation(segments, source, place / "seg.dcm", author, kind)
    (visit,) = discover(tmp_path).visits
    masks = {name: str(mask) for name, mask in visit.tracked_series.masks.items()}
    assert masks == {"tumors": "segment 2 of seg.dcm"}
    write_segmentation(segments[:1], source, place / "seg.dcm", author, kind)
    found = discover(tmp_path)
    assert found.visits[0].tracked_series.masks == {}
    (item,) = found.left_out
    assert item.reason.startswith("a segmentation that lvt's own model drew")
