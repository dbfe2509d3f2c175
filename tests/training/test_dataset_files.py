"""Datasets of image files: LiTS, both tasks of MSD, AMOS22, BTCV, TotalSegmentator, one's own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from lvt_track.core.geometry import Geometry
from lvt_track.errors import InputError
from lvt_track.io.images.volumes import write_labels
from lvt_track.training.datasets.prepared import BITS, IGNORE, PreparedCase
from tests.training.replicas import (
    BODY,
    RAS,
    SPACING_MM,
    UPSIDE_DOWN,
    Patient,
    draw,
    prepare,
    stored,
    values,
    write_map,
    write_pairs,
    write_scan,
    write_structure,
)

LIVER, VESSELS, TUMORS = BITS["liver"], BITS["vessels"], BITS["tumors"]


def assert_case(case: PreparedCase, patient: Patient, bits: Mapping[str, int]) -> None:
    """The scan is the patient's, voxel for voxel, and each class sets these bits and no other."""
    expected = np.zeros(patient.hu.shape, np.uint8)
    for name, value in bits.items():
        expected[getattr(patient, name)] |= value
    assert case.spacing_mm == SPACING_MM
    assert np.array_equal(case.image(), patient.hu[BODY])
    assert np.array_equal(case.labels(), expected[BODY])


def test_lits_in_two_batches(tmp_path: Path) -> None:
    numbers = {"liver": 1, "tumors": 2}
    for folder, cases in (("Training Batch 1", (0, 27)), ("media/nas/Batch 2", (28, 130))):
        place = tmp_path / "src" / folder
        write_pairs(place, "volume-{}.nii", "segmentation-{}.nii", numbers, cases)
    write_scan(tmp_path / "src" / "LITS-Challenge-Test-Data" / "test-volume-0.nii", draw())
    result = prepare("lits", tmp_path / "src", tmp_path / "out")
    assert [case.name for case in result.dataset.cases] == ["0", "27", "28", "130"]
    assert [case.patient for case in result.dataset.cases] == [
        "lits/0",
        "lits/27",
        "3d-ircadb-01/1",
        "lits/130",
    ]
    for case in result.dataset.cases:
        drawn = draw(int(case.name))
        assert_case(case, drawn, {"liver": LIVER, "tumors": LIVER | TUMORS})


def test_msd_liver_is_lits_again(tmp_path: Path) -> None:
    source = tmp_path / "Task03_Liver"
    names = ("imagesTr/liver_{}.nii.gz", "labelsTr/liver_{}.nii.gz")
    write_pairs(source, *names, {"liver": 1, "tumors": 2}, (5, 47))
    write_scan(source / "imagesTs" / "liver_131.nii.gz", draw())
    (source / "imagesTr" / "._liver_5.nii.gz").write_bytes(b"left by macOS")
    dataset = prepare("msd-liver", source, tmp_path / "out").dataset
    assert dataset.copy_of == "lits"
    assert [case.patient for case in dataset.cases] == ["lits/5", "3d-ircadb-01/20"]
    assert_case(dataset.cases[0], draw(5), {"liver": LIVER, "tumors": LIVER | TUMORS})


def test_msd_hepatic_vessel_knows_no_liver(tmp_path: Path) -> None:
    source = tmp_path / "Task08_HepaticVessel"
    names = ("imagesTr/hepaticvessel_{:03d}.nii.gz", "labelsTr/hepaticvessel_{:03d}.nii.gz")
    write_pairs(source, *names, {"vessels": 1, "tumors": 2}, (1, 455))
    dataset = prepare("msd-hepatic-vessel", source, tmp_path / "out").dataset
    assert dataset.group == "mskcc"
    assert dataset.knowledge.annotated == ("vessels", "tumors")
    assert_case(dataset.cases[1], draw(455), {"vessels": VESSELS, "tumors": TUMORS})


def test_amos_without_its_mr(tmp_path: Path) -> None:
    source = tmp_path / "amos22"
    names = ("imagesTr/amos_{:04d}.nii.gz", "labelsTr/amos_{:04d}.nii.gz")
    write_pairs(source, *names, {"liver": 6, "vessels": 10, "tumors": 6}, (1, 500))
    names = ("imagesVa/amos_{:04d}.nii.gz", "labelsVa/amos_{:04d}.nii.gz")
    write_pairs(source, *names, {"liver": 6}, (20,))
    write_scan(source / "imagesTs" / "amos_0100.nii.gz", draw())
    (source / "imagesTr" / "amos_0507.nii.gz").write_bytes(b"MR, never read")
    result = prepare("amos22", source, tmp_path / "out")
    assert result.failures == ()
    assert [case.name for case in result.dataset.cases] == ["0001", "0020", "0500"]
    case, patient = result.dataset.cases[2], draw(500)
    in_liver = (case.labels() & LIVER) != 0
    expected = patient.liver & ~patient.vessels | patient.tumors
    assert np.array_equal(in_liver, expected[BODY])


def test_btcv_ignores_the_portal_vein(tmp_path: Path) -> None:
    source = tmp_path / "RawData" / "Training"
    names = ("img/img{:04d}.nii.gz", "label/label{:04d}.nii.gz")
    write_pairs(source, *names, {"liver": 6, "vessels": 9, "tumors": 6}, (1, 40))
    case = prepare("btcv", source, tmp_path / "out").dataset.cases[0]
    patient = draw(1)
    only_vessel = (patient.vessels & ~patient.tumors)[BODY]
    assert np.array_equal((case.labels() & IGNORE) != 0, only_vessel)
    assert not (case.labels()[only_vessel] & LIVER).any()


def test_totalsegmentator(tmp_path: Path) -> None:
    source = tmp_path / "Totalsegmentator_dataset_v201"
    for case in (0, 1):
        place, patient = source / f"s{case:04d}", draw(case)
        write_scan(place / "ct.nii.gz", patient)
        structures = {"liver": patient.liver, "portal_vein_and_splenic_vein": patient.vessels}
        structures["aorta"] = patient.tumors
        for name, mask in structures.items():
            write_structure(place / "segmentations" / f"{name}.nii.gz", mask)
    (source / "meta.csv").write_text("image_id;age\n")
    dataset = prepare("totalsegmentator", source, tmp_path / "out").dataset
    assert [case.name for case in dataset.cases] == ["s0000", "s0001"]
    assert_case(dataset.cases[1], draw(1), {"liver": LIVER, "vessels": IGNORE})


def test_a_case_without_its_structure_is_left_out(tmp_path: Path) -> None:
    for case in ("s0000", "s0001"):
        write_scan(tmp_path / "src" / case / "ct.nii.gz", draw())
        write_structure(tmp_path / "src" / case / "segmentations" / "aorta.nii.gz", draw().tumors)
    write_structure(tmp_path / "src" / "s0001" / "segmentations" / "liver.nii.gz", draw().liver)
    result = prepare("totalsegmentator", tmp_path / "src", tmp_path / "out")
    assert [case.name for case in result.dataset.cases] == ["s0001"]
    assert "no structure is named as those of liver" in result.failures[0].why


OWN = """
title = "Ours"
licence = "internal"
citation = "none"
url = "https://example.org"
[knowledge]
liver = "everywhere"
vessels = "everywhere"
tumors = "absent"
[structures]
liver = ["1", "2"]
vessels = ["2"]
ignore = ["7"]
[layout]
kind = "files"
image = "{patient}/{case}/scan.nrrd"
labels = "{patient}/{case}/labels.nrrd"
"""


def test_a_dataset_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text(OWN)
    for patient, visit in (("anna", "first"), ("anna", "second"), ("ben", "first")):
        place, drawn = tmp_path / "src" / patient / visit, draw()
        write_scan(place / "scan.nrrd", drawn, UPSIDE_DOWN)
        labels = values(drawn, liver=1, vessels=2, tumors=7)
        write_map(place / "labels.nrrd", labels)  # stored in other directions than the scan
    dataset = prepare(tmp_path / "ours.toml", tmp_path / "src", tmp_path / "out").dataset
    assert [(case.name, case.patient) for case in dataset.cases] == [
        ("anna-first", "ours/anna"),
        ("anna-second", "ours/anna"),
        ("ben-first", "ours/ben"),
    ]
    patient = draw()
    labels = dataset.cases[0].labels()
    assert np.array_equal(dataset.cases[0].image(), patient.hu[BODY])
    assert np.array_equal((labels & IGNORE) != 0, patient.tumors[BODY])
    assert np.array_equal((labels & VESSELS) != 0, (patient.vessels & ~patient.tumors)[BODY])


def test_a_mask_of_what_to_ignore(tmp_path: Path) -> None:
    own = OWN.replace("{patient}/{case}/scan.nrrd", "{case}.nii.gz")
    own = own.replace("{patient}/{case}/labels.nrrd", "{case}_labels.nii.gz")
    (tmp_path / "ours.toml").write_text(own + 'ignore = "{case}_ignore.nii.gz"')
    names = ("{}.nii.gz", "{}_labels.nii.gz")
    write_pairs(tmp_path / "src", *names, {"liver": 1, "vessels": 2}, (1, 2))
    write_structure(tmp_path / "src" / "2_ignore.nii.gz", draw(2).tumors)
    one, two = prepare(tmp_path / "ours.toml", tmp_path / "src", tmp_path).dataset.cases
    assert not (one.labels() & IGNORE).any()
    assert_case(two, draw(2), {"liver": LIVER, "vessels": LIVER | VESSELS, "tumors": IGNORE})


@pytest.mark.parametrize(
    ("image", "labels"), [("{}.nii.gz", "{}_seg.nii.gz"), ("{}_ct.nii.gz", "{}.nii.gz")]
)
def test_names_of_scans_and_labels_that_hold_each_other(
    tmp_path: Path, image: str, labels: str
) -> None:
    own = OWN.replace("{patient}/{case}/scan.nrrd", image.format("{case}"))
    own = own.replace("{patient}/{case}/labels.nrrd", labels.format("{case}"))
    (tmp_path / "ours.toml").write_text(own)
    write_pairs(tmp_path / "src", image, labels, {"liver": 1, "vessels": 2}, (3, 7))
    result = prepare(tmp_path / "ours.toml", tmp_path / "src", tmp_path)
    assert result.failures == ()
    assert [case.name for case in result.dataset.cases] == ["3", "7"]


def test_lits_labels_with_a_header_of_no_scan(tmp_path: Path) -> None:
    """As of many cases of batch 2: the voxels are the scan's, the header is an identity."""
    names = ("volume-{}.nii", "segmentation-{}.nii")
    write_pairs(tmp_path / "src", *names, {"liver": 1, "tumors": 2}, (53,))
    in_order, _ = stored(values(draw(53), liver=1, tumors=2))
    identity = Geometry(in_order.shape, (1.0, 1.0, 1.0), (-1.0, -1.0, 1.0), RAS)
    write_labels(in_order.astype(np.int32), identity, tmp_path / "src/segmentation-53.nii")
    (case,) = prepare("lits", tmp_path / "src", tmp_path / "out").dataset.cases
    assert_case(case, draw(53), {"liver": LIVER, "tumors": LIVER | TUMORS})


def test_labels_on_another_grid_name_their_case(tmp_path: Path) -> None:
    """Of another size in LiTS, whose label headers say nothing; in another place elsewhere."""
    names = ("volume-{}.nii", "segmentation-{}.nii")
    write_pairs(tmp_path / "lits", *names, {"liver": 1, "tumors": 2}, (0, 1))
    names = ("imagesTr/liver_{}.nii", "labelsTr/liver_{}.nii")
    write_pairs(tmp_path / "msd-liver", *names, {"liver": 1, "tumors": 2}, (0, 1))
    labels = values(draw(), liver=1)
    elsewhere = Geometry.axial(labels.shape, SPACING_MM)
    write_labels(labels, elsewhere, tmp_path / "msd-liver/labelsTr/liver_1.nii")
    shorter = Geometry.axial(labels[:-1].shape, SPACING_MM)
    write_labels(labels[:-1], shorter, tmp_path / "lits/segmentation-1.nii")
    for name, where in (("lits", "segmentation-1.nii"), ("msd-liver", "liver_1.nii")):
        result = prepare(name, tmp_path / name, tmp_path / "out")
        assert [case.name for case in result.dataset.cases] == ["0"]
        assert result.failures[0].where == "1"
        assert "not on the grid of their scan" in result.failures[0].why
        assert where in result.failures[0].why


def test_labels_that_are_not_declared_name_their_case(tmp_path: Path) -> None:
    names = ("volume-{}.nii", "segmentation-{}.nii")
    write_pairs(tmp_path / "src", *names, {"liver": 1, "tumors": 2}, (0,))
    write_pairs(tmp_path / "src", *names, {"liver": 1, "tumors": 3}, (1,))
    result = prepare("lits", tmp_path / "src", tmp_path / "out")
    assert len(result.dataset.cases) == 1
    assert "holds the label '3'" in result.failures[0].why


def test_flipped_labels_are_noticed(tmp_path: Path) -> None:
    names = ("volume-{}.nii", "segmentation-{}.nii")
    write_pairs(tmp_path / "src", *names, {"liver": 1, "tumors": 2}, (0, 1))
    labels = values(draw(1), liver=1, tumors=2)
    write_map(tmp_path / "src/segmentation-1.nii", np.roll(labels, -9, axis=2))
    result = prepare("lits", tmp_path / "src", tmp_path / "out")
    assert [case.name for case in result.dataset.cases] == ["0"]
    assert "flipped or shifted" in result.failures[0].why


def test_a_missing_label_file_and_a_scan_that_is_there_twice(tmp_path: Path) -> None:
    names = ("volume-{}.nii", "segmentation-{}.nii")
    write_pairs(tmp_path / "src", *names, {"liver": 1, "tumors": 2}, (0, 1))
    (tmp_path / "src/segmentation-1.nii").unlink()
    result = prepare("lits", tmp_path / "src", tmp_path / "out")
    assert "has no labels" in result.failures[0].why
    write_pairs(tmp_path / "src/copy", *names, {"liver": 1, "tumors": 2}, (0,))
    with pytest.raises(InputError, match="there twice"):
        prepare("lits", tmp_path / "src", tmp_path / "again")


def test_a_real_scan_by_a_descriptor_of_ones_own(real_data: Path, tmp_path: Path) -> None:
    """Its axes run to the right and to the front, the labels are those of 117 structures."""
    own = OWN.replace("{patient}/{case}/scan.nrrd", "totalseg/ct_{case}mm.nii.gz")
    own = own.replace("{patient}/{case}/labels.nrrd", "totalseg/ct_{case}mm_labels117.nii.gz")
    own = own.replace('liver = ["1", "2"]\nvessels = ["2"]', 'liver = ["5"]\nothers = ["*"]')
    own = own.replace('vessels = "everywhere"', 'vessels = "none"')
    (tmp_path / "real.toml").write_text(own)
    result = prepare(tmp_path / "real.toml", real_data, tmp_path)
    (case,) = result.dataset.cases
    assert result.warnings == ()
    assert (case.name, case.spacing_mm) == ("3", pytest.approx((3.0, 3.0, 3.0)))
    liver = (case.labels() & LIVER) != 0
    assert np.count_nonzero(liver) == case.voxels["liver"] > 10_000
    spine = case.image() > 250
    z, y, x = (np.mean(places) for places in np.nonzero(liver))
    assert x < np.nonzero(spine)[2].mean()  # the liver on the right of the spine
    assert y < np.nonzero(spine)[1].mean()  # and before it
    assert z > case.shape[0] / 2  # above the middle of this trunk
