"""Label maps of other programs beside a scan: given as masks where their labels are certain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from lvt_track.errors import InputError
from lvt_track.io.discover import discover, read_scan
from lvt_track.io.images.volumes import read_labels, read_mask, write_labels
from lvt_track.io.layouts.given_masks import read_given_labels
from tests.io.wild_scans import image, trunk

CT = trunk(1)


@pytest.fixture
def march(tmp_path: Path) -> Path:
    return image(tmp_path / "2024-03-01" / "ct.nii", CT)


# Labels: 1 tissue, 2 the spots in it.
TISSUE, SPOTS = CT.hu > -500, CT.hu > 100
NAMES = [
    ({"Liver": 1, "Tumor": 2}, ["liver", "tumors"]),
    ({"liver": 1, "Liver_Lesion 1": 2}, ["liver", "tumors"]),
    ({"Leber": 1, "Hepatic vessels": 2}, ["liver", "vessels"]),
    ({"Liver": 1, "Pancreas": 2}, ["liver"]),
    ({"kidney": 1, "tumor": 2}, []),
    ({"Liver": 1, "Tumor": 2, "Kidney": 3}, ["liver"]),
    ({"Segment_1": 1, "Segment_2": 2}, []),
    ({"Tumor": 2}, []),
]


def labels_at(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_labels(TISSUE.astype(np.int32) + SPOTS, CT.geometry, path)
    return path


def given(folder: Path) -> dict[str, Any]:
    """The masks of the one scan, as they are read."""
    ((series,),) = [visit.series for visit in discover(folder).visits]
    grid = read_scan(series).geometry
    return {n: read_mask(m.path, grid, m.labels) for n, m in series.masks.items()}


def check_given(folder: Path, classes: list[str]) -> None:
    masks = given(folder)
    assert sorted(masks) == classes
    for name in set(classes) - {"liver"}:
        np.testing.assert_array_equal(masks[name], SPOTS)
    if len(classes) == 2:  # what lies inside the liver is liver
        np.testing.assert_array_equal(masks["liver"], TISSUE)


@pytest.mark.parametrize(("names", "classes"), NAMES)
@pytest.mark.parametrize("cropped", [False, True])
def test_segments_of_3d_slicer(march: Path, names: Any, classes: Any, cropped: bool) -> None:
    drawn = sitk.GetImageFromArray((TISSUE.astype(np.uint8) + SPOTS).astype(np.uint8))
    drawn.SetSpacing(CT.geometry.spacing_mm[::-1])
    drawn.SetOrigin(CT.geometry.origin_mm)
    if cropped:  # as it writes them, to what is drawn
        drawn = drawn[2:-2, 3:-1, :]
    for k, (name, value) in enumerate(names.items()):
        drawn.SetMetaData(f"Segment{k}_Name", name)
        drawn.SetMetaData(f"Segment{k}_LabelValue", str(value))
    sitk.WriteImage(drawn, str(march.parent / "Segmentation.seg.nrrd"))
    check_given(march.parents[1], classes)


def test_segments_of_one_name_all_count(march: Path) -> None:
    labels = TISSUE.astype(np.uint8) + SPOTS
    labels[:, :, : labels.shape[2] // 2][SPOTS[:, :, : labels.shape[2] // 2]] = 3
    drawn = sitk.GetImageFromArray(labels)
    drawn.SetSpacing(CT.geometry.spacing_mm[::-1])
    drawn.SetOrigin(CT.geometry.origin_mm)
    for k, name in enumerate(("Liver", "Tumor", "Tumor")):
        drawn.SetMetaData(f"Segment{k}_Name", name)
        drawn.SetMetaData(f"Segment{k}_LabelValue", str(k + 1))
    sitk.WriteImage(drawn, str(march.parent / "Segmentation.seg.nrrd"))
    check_given(march.parents[1], ["liver", "tumors"])


@pytest.mark.parametrize(
    ("file", "names", "is_given"),
    [
        ("tumors.seg.nrrd", ("Segment_1", "Segment_2"), True),
        ("tumors.seg.nrrd", ("Lesion 1", "Lesion 2"), True),
        ("tumors.seg.nrrd", ("Hemangioma", "Lesion 2"), False),
        ("tumors.seg.nrrd", ("Hemangioma", "Cyst"), None),
        ("Segmentation.seg.nrrd", ("Lesion 1", "Lesion 2"), None),
    ],
)
def test_a_segmentation_of_3d_slicer_named_for_its_class(
    march: Path, file: str, names: tuple[str, str], is_given: bool | None
) -> None:
    drawn = sitk.GetImageFromArray((TISSUE.astype(np.uint8) + SPOTS).astype(np.uint8))
    drawn.SetSpacing(CT.geometry.spacing_mm[::-1])
    drawn.SetOrigin(CT.geometry.origin_mm)
    drawn = drawn[2:-2, 3:-1, :]
    for k, name in enumerate(names):
        drawn.SetMetaData(f"Segment{k}_Name", name)
        drawn.SetMetaData(f"Segment{k}_LabelValue", str(k + 1))
    sitk.WriteImage(drawn, str(march.parent / file))
    masks = given(march.parents[1])
    if is_given is None:  # what may be tumours of the liver is a loss
        (left,) = discover(march.parents[1]).left_out
        assert masks == {} and f"segments: {', '.join(sorted(names)).lower()}" in left.reason
        assert left.is_failure == ("Lesion 1" in names)
    else:
        np.testing.assert_array_equal(masks["tumors"], TISSUE if is_given else SPOTS)


def layered(path: Path, segments: dict[str, Any]) -> Path:
    """Segments in a layer each, as 3D Slicer writes those that overlap."""
    z, y, x = CT.geometry.spacing_mm
    origin = ",".join(f"{value:g}" for value in CT.geometry.origin_mm)
    sizes = " ".join(map(str, CT.geometry.shape[::-1]))
    lines = ["NRRD0004", "type: uchar", "dimension: 4", "encoding: raw"]
    lines += [f"sizes: {len(segments)} {sizes}", "kinds: list domain domain domain"]
    lines += ["space: left-posterior-superior", f"space origin: ({origin})"]
    lines += [f"space directions: none ({x},0,0) (0,{y},0) (0,0,{z})"]
    for k, name in enumerate(segments):
        lines += [f"Segment{k}_Name:={name}", f"Segment{k}_LabelValue:=1", f"Segment{k}_Layer:={k}"]
    voxels = np.stack(list(segments.values()), axis=-1).astype(np.uint8)
    path.write_bytes(("\n".join(lines) + "\n\n").encode() + voxels.tobytes())
    return path


def test_segments_that_overlap_are_read_layer_by_layer(march: Path) -> None:
    one, other = SPOTS.copy(), SPOTS.copy()
    one[:8], other[8:] = False, False
    segments = {"Liver": TISSUE, "Liver tumor 1": one, "Liver tumor 2": other}
    path = layered(march.with_name("Segmentation.seg.nrrd"), segments)
    masks = given(march.parents[1])
    np.testing.assert_array_equal(masks["liver"], TISSUE | SPOTS)
    np.testing.assert_array_equal(masks["tumors"], SPOTS)
    (visit,) = discover(march.parents[1]).visits
    source = visit.tracked_series.masks["tumors"]
    labels = read_given_labels(source, CT.geometry)
    assert len(set(labels[one])) == len(set(labels[other])) == 1 != len(set(labels[SPOTS]))
    assert str(source) == "labels 1 in layer 2, 1 in layer 3 of Segmentation.seg.nrrd"
    with pytest.raises(InputError, match="segments that overlap, in 3 layers"):
        read_labels(path)


def test_a_layer_that_is_cut_short_is_a_failure(march: Path) -> None:
    path = layered(march.with_name("Segmentation.seg.nrrd"), {"Liver": TISSUE, "HCC": SPOTS})
    path.write_bytes(path.read_bytes()[:-100])
    (left,) = discover(march.parents[1]).left_out
    assert left.is_failure and "cut short" in left.reason


@pytest.mark.parametrize(("names", "classes"), NAMES)
@pytest.mark.parametrize("is_old", [False, True])
def test_labels_that_nnunet_names(march: Path, names: Any, classes: Any, is_old: bool) -> None:
    labels_at(march.parent / "predicted" / "ct.nii.gz")
    old = {str(value): name for name, value in names.items()}
    content = {"labels": old if is_old else {"background": 0} | names}
    (march.parent / "predicted" / "dataset.json").write_text(json.dumps(content))
    check_given(march.parents[1], classes)


def test_regions_of_nnunet(march: Path) -> None:
    labels_at(march.parent / "predicted" / "ct.nii.gz")
    regions = {"labels": {"background": 0, "liver": [1, 2], "tumor": [2]}}
    (march.parent / "predicted" / "dataset.json").write_text(json.dumps(regions))
    check_given(march.parents[1], ["liver", "tumors"])


def test_the_decathlon_names_vessels_shortly(march: Path) -> None:
    labels_at(march.parent / "labelsTr" / "hepaticvessel_001.nii.gz")
    old = {"labels": {"0": "background", "1": "Vessel", "2": "Tumour"}}
    (march.parent / "dataset.json").write_text(json.dumps(old))
    assert sorted(given(march.parents[1])) == ["tumors", "vessels"]


@pytest.mark.parametrize("content", ["{", "[]", '{"labels": 3}', '{"labels": {"liver": "x"}}'])
def test_a_damaged_dataset_json_names_nothing(march: Path, content: str) -> None:
    labels_at(march.parent / "predicted" / "ct.nii.gz")
    (march.parent / "predicted" / "dataset.json").write_text(content)
    assert given(march.parents[1]) == {}


def test_labels_of_lits_belong_to_their_volume(march: Path) -> None:
    labels_at(march.with_name("segmentation-7.nii"))
    march.rename(march.with_name("volume-7.nii"))
    check_given(march.parents[1], ["liver", "tumors"])
    write_labels(np.full(CT.hu.shape, 3), CT.geometry, march.with_name("segmentation-7.nii"))
    assert given(march.parents[1]) == {}


def test_labels_on_another_grid_are_lost_by_name(march: Path) -> None:
    other = trunk(1, slices=20)
    write_labels(
        (other.hu > 60).astype(np.int32), other.geometry, march.with_name("segmentation-0.nii")
    )
    found = discover(march.parents[1])
    assert not found.visits[0].tracked_series.masks
    (item,) = found.left_out
    assert item.is_failure
    assert "not on the grid of its scan: 24 × 24 × 20" in item.reason
