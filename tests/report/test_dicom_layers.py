"""Structures that overlap, as a label map and as two segmentations, read back voxel by voxel."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import highdicom
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from lvt_track.io.dicom.segmentation.voxels import read_segments
from lvt_track.report.dicom.layering import exclusive, layers
from lvt_track.report.dicom.references import Author, SourceImages
from lvt_track.report.dicom.seg_type import SegType
from lvt_track.report.dicom.segmentation import Kind, Segment, write_segmentation
from tests.io.test_enhanced_ct import write_enhanced
from tests.report.test_dicom_sources import slices

SHAPE = (6, 23, 31)  # rows times columns are no multiple of 8
AUTHOR = Author("1.5", dt.datetime(2026, 11, 30, 4, 5, 6), "default")
LABEL_MAP_STORAGE = "1.2.840.10008.5.1.4.1.1.66.7"


def grid(direction: NDArray[np.float64]) -> Geometry:
    return Geometry(SHAPE, (3.0, 0.8, 0.9), (-101.5, -87.25, -640.0), direction)


def segments() -> list[Segment]:
    """A vessel in the liver, a tumour in both and beyond, another beside it, and an empty one."""
    liver, vessels = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)
    lesions = np.zeros(SHAPE, np.int32)
    liver[1:5, 5:15, 6:20] = True
    vessels[1:5, 8:10, 6:20] = True
    lesions[2:4, 7:12, 9:12] = 1
    lesions[2:4, 14:17, 9:12] = 2
    tumours = [
        Segment(f"Tumour {k}", Kind.LESION, lesions, (k,), "default", f"1.2.3.{k}", k)
        for k in (1, 2, 3)
    ]
    return [
        Segment("Liver", Kind.LIVER, liver, (1,), "default"),
        Segment("Liver vessels", Kind.VESSELS, vessels, (1,), "default"),
        *tumours,
    ]


def source(folder: Path, kind: str, geometry: Geometry) -> SourceImages:
    scan = Volume(np.zeros(SHAPE, np.int16), geometry)
    if kind == "frames":
        order = [3, 0, 5, 1, 4, 2]
        path = folder / "ct.dcm"
        write_enhanced(path, scan, order)
        return SourceImages((path,), geometry, tuple((path, order.index(k) + 1) for k in range(6)))
    return slices(folder, geometry)


DIRECTIONS = {
    "straight": np.eye(3),
    "oblique": Rotation.from_euler("xyz", (5, -4, 12), degrees=True).as_matrix(),
    "feet first": np.diag([-1.0, 1.0, -1.0]),
}


def test_every_voxel_once_and_the_most_particular_wins() -> None:
    drawn = segments()
    apart = exclusive(drawn)
    counts = np.sum([one.mask() for one in apart], axis=0)
    np.testing.assert_array_equal(counts, np.any([one.mask() for one in drawn], axis=0))
    tumour = drawn[2].mask()
    np.testing.assert_array_equal(apart[2].mask(), tumour)
    np.testing.assert_array_equal(apart[1].mask(), drawn[1].mask() & ~tumour)


@pytest.mark.parametrize("kind", ["slices", "frames"])
@pytest.mark.parametrize("name", DIRECTIONS)
def test_a_label_map_is_read_back(tmp_path: Path, name: str, kind: str) -> None:
    scan, path = source(tmp_path, kind, grid(DIRECTIONS[name])), tmp_path / "seg.dcm"
    ((series, parts),) = layers(segments(), SegType.LABELMAP).items()
    drawn = write_segmentation(parts, scan, path, AUTHOR, series)
    dataset = pydicom.dcmread(path)
    assert dataset.SOPClassUID == LABEL_MAP_STORAGE
    assert dataset.SegmentationType == "LABELMAP"
    # OHIF and Slicer of 2025 take the first item for segment 1.
    numbers = [int(item.SegmentNumber) for item in dataset.SegmentSequence]
    assert numbers == [*range(1, len(numbers)), 0]
    read = dict(read_segments(path, scan.geometry))
    assert list(read) == ["Liver", "Liver vessels", "Tumour 1", "Tumour 2"]
    for segment in drawn:
        np.testing.assert_array_equal(read[segment.label], segment.mask())
    seg = highdicom.seg.segread(path)
    total = sum(int((seg.pixel_array == number).sum()) for number in range(1, len(drawn) + 1))
    assert total == sum(int(one.mask().sum()) for one in drawn)
    before = path.read_bytes()
    write_segmentation(parts, scan, path, AUTHOR, series)
    assert path.read_bytes() == before


@pytest.mark.parametrize("kind", SegType)
def test_every_segment_has_a_colour_and_what_is_split_does_not_overlap(
    tmp_path: Path, kind: SegType
) -> None:
    scan, uids = source(tmp_path, "slices", grid(np.eye(3))), set()
    for series, part in layers(segments(), kind).items():
        path = tmp_path / f"{series.name}.dcm"
        drawn = write_segmentation(part, scan, path, AUTHOR, series)
        dataset = pydicom.dcmread(path)
        # Viewers show one object of a series.
        uids.add((dataset.SOPInstanceUID, dataset.SeriesInstanceUID, dataset.SeriesNumber))
        shown = [one for one in dataset.SegmentSequence if int(one.SegmentNumber) > 0]
        colours = {tuple(one.RecommendedDisplayCIELabValue) for one in shown}
        assert len(colours) == len(drawn)
        counts = np.sum([mask for _, mask in read_segments(path, scan.geometry)], axis=0)
        assert counts.max() == (3 if kind is SegType.BINARY else 1)
    objects = 2 if kind is SegType.SPLIT else 1
    assert [len(set(values)) for values in zip(*uids, strict=True)] == [objects] * 3
