"""DICOM segmentations beside a CT: given masks where it is certain what they show, and of what."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid
from typer.testing import CliRunner

from lvt_track.cli.app import app
from lvt_track.core.geometry import Geometry
from lvt_track.core.series import Series
from lvt_track.core.volume import BoolArray, Volume
from lvt_track.io.discover import Discovery, discover, read_scan
from lvt_track.io.images.volumes import write_mask
from lvt_track.io.layouts.given_masks import read_given_labels
from tests.io.conftest import WriteSeries, make_ct
from tests.io.drawn import (
    KIDNEY,
    LESION,
    LIVER,
    OLD_LIVER,
    PORTAL_VEIN,
    TISSUE,
    Piece,
    write_drawing,
)

CT = make_ct()


def block(*box: slice) -> BoolArray:
    mask = np.zeros(CT.hu.shape, bool)
    mask[box] = True
    return mask


WHOLE = block(slice(2, 9), slice(4, 16), slice(5, 18))
SPOTS = [
    block(slice(3, 5), slice(5, 8), slice(6, 9)),
    block(slice(6, 8), slice(9, 12), slice(9, 15)),
]
VESSEL = block(slice(2, 9), slice(14, 15), slice(6, 16))


@pytest.fixture
def files(tmp_path: Path, write_series: WriteSeries) -> list[Path]:
    return write_series(tmp_path / "a" / "ct")


def the_series(found: Discovery) -> Series:
    (visit,) = found.visits
    return visit.tracked_series


def given(folder: Path) -> dict[str, BoolArray]:
    series = the_series(discover(folder))
    grid = read_scan(series).geometry
    return {name: read_given_labels(mask, grid) != 0 for name, mask in series.masks.items()}


def reasons(folder: Path) -> dict[str, tuple[str, bool]]:
    return {item.path.name: (item.reason, item.is_failure) for item in discover(folder).left_out}


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL", "LABELMAP"])
def test_segments_of_a_reader_are_given_masks(files: list[Path], tmp_path: Path, kind: str) -> None:
    pieces = [
        Piece("Leber", WHOLE, TISSUE),
        Piece("Lesion 1", SPOTS[0], TISSUE),
        Piece("T2", SPOTS[1], LESION, region=LIVER),
        Piece("Pfortader", VESSEL, PORTAL_VEIN),
    ]
    write_drawing(tmp_path / "seg.dcm", files, pieces, kind)
    series = the_series(discover(tmp_path))
    masks = given(tmp_path)
    # In a label map the liver's segment has lost what the others took, and gets it back.
    liver = "segments 1, 2, 3, 4" if kind == "LABELMAP" else "segment 1"
    assert {name: str(mask) for name, mask in series.masks.items()} == {
        "liver": f"{liver} of seg.dcm",
        "tumors": "segments 2, 3 of seg.dcm",
        "vessels": "segment 4 of seg.dcm",
    }
    np.testing.assert_array_equal(masks["liver"], WHOLE)
    np.testing.assert_array_equal(masks["tumors"], SPOTS[0] | SPOTS[1])
    np.testing.assert_array_equal(masks["vessels"], VESSEL)
    labels = read_given_labels(series.masks["tumors"], CT.geometry)
    assert set(np.unique(labels[SPOTS[1]])) == {3}


def test_discover_shows_the_segments(files: list[Path], tmp_path: Path) -> None:
    write_drawing(tmp_path / "mayer.dcm", files, [Piece("Liver", WHOLE), Piece("Tumor", SPOTS[0])])
    answer = CliRunner().invoke(app, ["discover", str(tmp_path), "--json"])
    (series,) = json.loads(answer.stdout)["visits"][0]["series"]
    assert series["mask_segments"] == {"liver": [1], "tumors": [2]}
    assert series["mask_labels"] == {}
    listing = CliRunner().invoke(app, ["discover", str(tmp_path), "--identify"]).stdout
    assert "masks given: liver (segment 1 of mayer.dcm), tumors (segment 2 of" in listing
    assert "mayer" not in CliRunner().invoke(app, ["discover", str(tmp_path)]).stdout


def test_tumours_cut_out_of_the_liver_are_liver(files: list[Path], tmp_path: Path) -> None:
    pieces = [Piece("Liver", WHOLE & ~SPOTS[0], LIVER), Piece("Tumor", SPOTS[0])]
    write_drawing(tmp_path / "seg.dcm", files, pieces)
    np.testing.assert_array_equal(given(tmp_path)["liver"], WHOLE)


UNNAMED = "nothing says what it is: name them Liver, Liver vessels, Liver tumor 1, …"


@pytest.mark.parametrize(
    ("pieces", "header", "classes", "told"),
    [
        ([Piece("whole", WHOLE, OLD_LIVER)], {}, ["liver"], ""),
        ([Piece("Segment_1", WHOLE)], {}, [], f"segment 1 “Segment_1”: {UNNAMED}"),
        ([Piece("Segment 1", WHOLE)], {}, [], f"segment 1 “Segment 1”: {UNNAMED}"),
        ([Piece("Liver", WHOLE), Piece("Segment_2", SPOTS[0])], {}, ["liver"], "2 “Segment_2”"),
        ([Piece("Tumor 1", SPOTS[0])], {}, [], "nothing says that these tumors are of the liver"),
        ([Piece("Tumor 1", SPOTS[0])], {"SeriesDescription": "Liver mets"}, ["tumors"], ""),
        ([Piece("Liver tumor", SPOTS[0])], {}, ["tumors"], ""),
        ([Piece("Läsion 1", SPOTS[0], LESION, LIVER)], {}, ["tumors"], ""),
        ([Piece("Tumor", SPOTS[0], LESION, KIDNEY)], {}, [], "of other structures than"),
        ([Piece("Liver", WHOLE), Piece("Tumor", SPOTS[0]), Piece("Kidney", VESSEL)], {}, ["liver"],
         "nothing says that these tumors are of the liver"),
        ([Piece("Liver", WHOLE), Piece("kidney tumor", SPOTS[0], LESION)], {}, ["liver"], ""),
        ([Piece("Liver", WHOLE), Piece("Tumor", SPOTS[0], LIVER)], {}, ["liver"],
         "its code says liver, its label tumors"),
        ([Piece("Liver", WHOLE), Piece("Target A", SPOTS[0])], {}, ["liver"],
         "its label says nothing that is known"),
        ([Piece("Liver", WHOLE), Piece("Cyst", VESSEL), Piece("HCC", SPOTS[0])], {},
         ["liver", "tumors"], ""),
        ([Piece("heart", WHOLE, Code("80891009", "SCT", "Heart"))], {}, [], "other structures"),
    ],
)  # fmt: skip
def test_what_a_segment_is(
    files: list[Path], tmp_path: Path, pieces: Any, header: Any, classes: list[str], told: str
) -> None:
    write_drawing(tmp_path / "seg.dcm", files, pieces, **header)
    found = discover(tmp_path)
    series = the_series(found)
    assert sorted(series.masks) == classes
    texts = [*series.warnings, *(item.reason for item in found.left_out)]
    assert told in "\n".join(texts)
    assert bool(texts) == bool(told)
    # What may be a reader's tumours is never passed over without a word of the visit.
    is_warned = bool(told) and "other structures" not in told
    assert any(told in text for text in series.warnings) == is_warned
    assert not any(item.is_failure for item in found.left_out)


@pytest.mark.parametrize(
    ("maker", "algorithm", "is_given"),
    [
        ("lvt", "AUTOMATIC", False),
        ("lvt", "MANUAL", True),
        ("lvt", "SEMIAUTOMATIC", True),
        ("3D Slicer", "AUTOMATIC", True),
    ],
)
def test_what_the_model_of_lvt_drew_is_no_readers_mask(
    files: list[Path], tmp_path: Path, maker: str, algorithm: str, is_given: bool
) -> None:
    pieces = [Piece("Liver", WHOLE, LIVER, algorithm=algorithm)]
    model = {"Manufacturer": maker, "ManufacturerModelName": "lvt-track"}
    write_drawing(tmp_path / "seg.dcm", files, pieces, **model)
    assert list(given(tmp_path)) == (["liver"] if is_given else [])
    if not is_given:
        reason, is_failure = reasons(tmp_path)["seg.dcm"]
        assert reason.startswith("a segmentation that lvt's own model drew")
        assert not is_failure


def other_pass(image: Any, number: int) -> None:
    image.AcquisitionNumber = 2
    image.AcquisitionTime = "101500"
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()


def test_of_two_passes_of_a_series_the_one_drawn_on(
    files: list[Path], tmp_path: Path, write_series: WriteSeries
) -> None:
    second = write_series(tmp_path / "b", make_ct(seed=1), spoil=other_pass)
    write_drawing(tmp_path / "seg.dcm", second, [Piece("Liver", WHOLE)])
    (visit,) = discover(tmp_path).visits
    with_masks = [one for one in visit.series if one.masks]
    assert [one.files[0].parent for one in with_masks] == [tmp_path / "b"]
    # By images that its frames alone name.
    path = tmp_path / "seg.dcm"
    dataset = pydicom.dcmread(path)
    del dataset.ReferencedSeriesSequence, dataset.SourceImageSequence
    dataset.save_as(path)
    (visit,) = discover(tmp_path).visits
    assert [one.files[0].parent for one in visit.series if one.masks] == [tmp_path / "b"]


def without_references(path: Path) -> None:
    dataset = pydicom.dcmread(path)
    del dataset.ReferencedSeriesSequence, dataset.SourceImageSequence
    for group in dataset.PerFrameFunctionalGroupsSequence:
        del group.DerivationImageSequence
    dataset.save_as(path)


def test_one_that_names_no_series_belongs_to_the_only_one_it_fits(
    files: list[Path], tmp_path: Path, write_series: WriteSeries
) -> None:
    elsewhere = make_ct(seed=1, origin_mm=(-101.5, -87.25, -638.5))
    write_series(tmp_path / "b", elsewhere, series_number=2)
    write_drawing(tmp_path / "seg.dcm", files, [Piece("Liver", WHOLE)])
    without_references(tmp_path / "seg.dcm")
    (visit,) = discover(tmp_path).visits
    assert [one.files[0] for one in visit.series if one.masks] == [files[0]]
    write_series(tmp_path / "c", make_ct(seed=2), series_number=3)
    assert "that names no series, and fits 2 of the 3 here" in reasons(tmp_path)["seg.dcm"][0]
    assert reasons(tmp_path)["seg.dcm"][1]


def test_of_a_series_that_is_not_here(
    files: list[Path], tmp_path: Path, write_series: WriteSeries
) -> None:
    away = write_series(tmp_path / "away", series_number=9)
    write_drawing(tmp_path / "a" / "seg.dcm", away, [Piece("Liver", WHOLE)])
    text = "a segmentation of a series that is not here"
    assert reasons(tmp_path / "a") == {"seg.dcm": (text, False)}
    drawing = pydicom.dcmread(tmp_path / "a" / "seg.dcm")
    drawing.StudyDate = "20240607"
    drawing.save_as(tmp_path / "a" / "seg.dcm")
    lost = f"{text}: the scan of 2024-06-07 is missing"
    assert reasons(tmp_path / "a") == {"seg.dcm": (lost, True)}


def test_off_the_grid_it_is_refused_with_the_numbers(
    files: list[Path], tmp_path: Path, write_series: WriteSeries
) -> None:
    shape = CT.geometry.shape
    finer = Volume(CT.hu, Geometry(shape, (3.0, 0.5, 0.5), CT.geometry.origin_mm, np.eye(3)))
    resampled = write_series(tmp_path / "elsewhere", finer)
    write_drawing(tmp_path / "a" / "seg.dcm", resampled, [Piece("Liver", WHOLE)])
    reason, is_failure = reasons(tmp_path / "a")["seg.dcm"]
    assert is_failure
    assert "24 × 20 pixels of 0.5 × 0.5 mm instead of 24 × 20 of 0.9 × 0.8" in reason
    series = the_series(discover(tmp_path / "a"))
    assert not series.masks
    assert "seg.dcm is not used" in series.warnings[0]


def test_a_liver_without_a_voxel_and_a_cut_file_are_failures(
    files: list[Path], tmp_path: Path
) -> None:
    pieces = [Piece("Liver", np.zeros_like(WHOLE)), Piece("Liver tumor", SPOTS[0])]
    path = tmp_path / "seg.dcm"
    write_drawing(path, files, pieces)
    assert list(given(tmp_path)) == ["tumors"]
    assert reasons(tmp_path)["seg.dcm"][0].startswith("every voxel of its liver is 0")
    path.write_bytes(path.read_bytes()[:-60])
    assert reasons(tmp_path)["seg.dcm"] == ("the file is cut short", True)


SMALLER = SPOTS[0] & block(slice(3, 4))


@pytest.mark.parametrize(
    ("change", "is_later_used", "told"),
    [
        ({"SeriesInstanceUID": "1.2.3.77", "SeriesDescription": "other"}, True, "a later one of"),
        ({}, True, "is later, of one author"),
        ({"SeriesDescription": "Second reader"}, False, "are masks of the class tumors, and not"),
        ({"ContentCreatorName": "B^Reader"}, False, "are masks of the class tumors, and not"),
    ],
)
def test_of_two_drawings_one_that_replaces_the_other(
    files: list[Path], tmp_path: Path, change: dict[str, Any], is_later_used: bool, told: str
) -> None:
    first = {"ContentDate": "20240302", "SeriesInstanceUID": "1.2.3.77"}
    later = {"ContentDate": "20240303", "SeriesInstanceUID": "1.2.3.78"} | change
    tumor = Piece("Liver tumor 1", SPOTS[0])
    write_drawing(tmp_path / "b.dcm", files, [tumor], **first)
    write_drawing(tmp_path / "a.dcm", files, [replace(tumor, mask=SMALLER)], **later)
    found = discover(tmp_path)
    series = the_series(found)
    texts = [*series.warnings, *(item.reason for item in found.left_out)]
    assert told in "\n".join(texts)
    assert any(item.is_failure for item in found.left_out) is not is_later_used
    if is_later_used:
        np.testing.assert_array_equal(given(tmp_path)["tumors"], SMALLER)
    else:
        assert not series.masks


@pytest.mark.parametrize(
    "names", [("Liver tumor 1", "Liver tumor 2"), ("Liver tumor", "Liver tumor")]
)
@pytest.mark.parametrize("is_described_alike", [True, False])
def test_drawings_of_a_lesion_each_are_lesions_of_one_mask(
    files: list[Path], tmp_path: Path, names: tuple[str, str], is_described_alike: bool
) -> None:
    for k, day in enumerate(("20240302", "20240303")):
        words = {} if is_described_alike else {"SeriesDescription": f"Segmentation {k}"}
        write_drawing(tmp_path / f"{k}.dcm", files, [Piece(names[k], SPOTS[k])], ContentDate=day,
                      **words)  # fmt: skip
    found = discover(tmp_path)
    series = the_series(found)
    labels = read_given_labels(series.masks["tumors"], CT.geometry)
    assert [set(np.unique(labels[spot])) for spot in SPOTS] == [{1}, {2}]
    np.testing.assert_array_equal(labels != 0, SPOTS[0] | SPOTS[1])
    assert "the tumors are those of 2 segmentations (0.dcm, 1.dcm)" in series.warnings
    assert not found.left_out
    assert {item.path.name for item in found.files if item.fate == "used"} >= {"0.dcm", "1.dcm"}


def test_of_a_lesion_drawn_anew_the_later_drawing_counts(files: list[Path], tmp_path: Path) -> None:
    drawings = [("T1", SMALLER), ("T2", SPOTS[1]), ("T1", SPOTS[0])]
    for k, (name, mask) in enumerate(drawings):
        pieces = [Piece(f"Liver tumor {name[1]}", mask)]
        write_drawing(tmp_path / f"{k}.dcm", files, pieces, ContentDate=f"2024030{k + 2}")
    np.testing.assert_array_equal(given(tmp_path)["tumors"], SPOTS[0] | SPOTS[1])
    text = "2.dcm is a later one of the tumors, and is used instead"
    assert reasons(tmp_path)["0.dcm"] == (text, False)


@pytest.mark.parametrize(
    "second", [{"ContentCreatorName": "B^Reader"}, {"Manufacturer": "3D Slicer"}]
)
def test_lesions_of_two_hands_are_not_put_together(
    files: list[Path], tmp_path: Path, second: dict[str, str]
) -> None:
    for k, words in enumerate(({}, second)):
        write_drawing(tmp_path / f"{k}.dcm", files, [Piece(f"Liver tumor {k}", SPOTS[k])], **words)
    assert given(tmp_path) == {}
    assert [is_failure for _, is_failure in reasons(tmp_path).values()] == [True, True]


def test_two_halves_of_a_liver_are_no_liver(files: list[Path], tmp_path: Path) -> None:
    for k, half in enumerate((slice(2, 5), slice(5, 9))):
        piece = Piece("Liver", WHOLE & block(half))
        write_drawing(tmp_path / f"{k}.dcm", files, [piece], SeriesDescription=f"part {k}")
    assert given(tmp_path) == {}


@pytest.mark.parametrize("is_same", [True, False])
def test_a_mask_beside_the_scan_goes_before_a_segmentation(
    files: list[Path], tmp_path: Path, is_same: bool
) -> None:
    write_mask(SPOTS[0] if is_same else SMALLER, CT.geometry, tmp_path / "tumors.nii.gz")
    pieces = [Piece("Liver", WHOLE), Piece("Tumor 1", SPOTS[0])]
    write_drawing(tmp_path / "seg.dcm", files, pieces)
    masks = the_series(discover(tmp_path)).masks
    assert str(masks["tumors"]) == "tumors.nii.gz"
    assert str(masks["liver"]) == "segment 1 of seg.dcm"
    reason, is_failure = reasons(tmp_path)["seg.dcm"]
    assert is_failure is not is_same
    assert reason.startswith("the same tumors as" if is_same else "tumors.nii.gz is the mask of")


def test_a_copy_is_taken_once(files: list[Path], tmp_path: Path) -> None:
    write_drawing(tmp_path / "seg.dcm", files, [Piece("Liver", WHOLE)])
    (tmp_path / "seg2.dcm").write_bytes((tmp_path / "seg.dcm").read_bytes())
    assert list(given(tmp_path)) == ["liver"]
    assert reasons(tmp_path)["seg2.dcm"] == (f"a copy of {tmp_path / 'seg.dcm'}", False)
