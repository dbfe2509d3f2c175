from __future__ import annotations

import resource
from pathlib import Path

import numpy as np
import pytest

from lvt_track.errors import InputError, OutputError
from lvt_track.training.datasets.descriptor import find_descriptor
from lvt_track.training.datasets.prepared import (
    BITS,
    CASES,
    IGNORE,
    PreparedDataset,
    class_masks,
    read_prepared,
)
from lvt_track.training.datasets.writing import LabelledScan, write_case, write_dataset

SHAPE = (10, 20, 30)
LIVER, VESSELS, TUMORS = BITS["liver"], BITS["vessels"], BITS["tumors"]


def scan(spacing_mm: tuple[float, float, float] = (2.0, 1.0, 1.0)) -> LabelledScan:
    """A liver at 100 HU with a tumour of 12 voxels and one of a single voxel at 40 HU."""
    hu = np.full(SHAPE, -50, np.int16)
    labels = np.zeros(SHAPE, np.uint8)
    hu[2:8, 5:15, 5:25], labels[2:8, 5:15, 5:25] = 100, LIVER
    for lesion in (np.s_[3:6, 6:8, 6:8], np.s_[7:8, 14:15, 24:25]):
        hu[lesion], labels[lesion] = 40, LIVER | TUMORS
    labels[9] = IGNORE
    return LabelledScan(hu, labels, spacing_mm)


def write(folder: Path) -> PreparedDataset:
    (folder / CASES).mkdir(parents=True)
    facts = [
        write_case(
            scan((thickness, 1.0, 1.0)),
            {"name": f"case{thickness:g}", "patient": f"lits/{thickness:g}"},
            folder / CASES / f"case{thickness:g}",
        )
        for thickness in (1.0, 2.0, 5.0)
    ]
    return write_dataset(find_descriptor("lits"), facts, folder)


def test_what_was_written_is_read_and_mapped(tmp_path: Path) -> None:
    write(tmp_path)
    dataset = read_prepared(tmp_path)
    assert dataset.name == "lits"
    assert dataset.licence == "CC BY-NC-ND 4.0"
    assert [case.name for case in dataset.cases] == ["case1", "case2", "case5"]
    case = dataset.cases[1]
    assert (case.patient, case.spacing_mm, case.shape) == ("lits/2", (2.0, 1.0, 1.0), SHAPE)
    assert isinstance(case.image(), np.memmap)
    assert np.array_equal(case.image(), scan().hu)
    assert np.array_equal(case.labels(), scan().labels)
    assert not case.image().flags.writeable
    assert case.voxels == {"liver": 6 * 10 * 20, "vessels": 0, "tumors": 13}


def test_masks_of_a_crop_leave_the_ignore_bit_alone() -> None:
    masks = class_masks(scan().labels[7:])
    assert {name: int(mask.sum()) for name, mask in masks.items()} == {
        "liver": 200,
        "vessels": 0,
        "tumors": 1,
    }


def test_tumour_voxels_are_drawn_evenly_by_lesion(tmp_path: Path) -> None:
    case = write(tmp_path).cases[0]
    drawn = case.foreground("tumors")
    is_small = (drawn == (7, 14, 24)).all(axis=1)
    assert is_small.mean() == pytest.approx(0.5)
    assert (case.labels()[tuple(drawn.T)] & TUMORS).all()
    assert len(case.foreground("vessels")) == 0
    assert len(np.unique(case.foreground("liver"), axis=0)) == 1200


def test_fingerprint_is_that_of_the_cases(tmp_path: Path) -> None:
    measured = write(tmp_path).fingerprint
    assert measured.spacing_mm.least == (1.0, 1.0, 1.0)
    assert measured.spacing_mm.median == (2.0, 1.0, 1.0)
    assert measured.spacing_mm.most == (5.0, 1.0, 1.0)
    assert measured.shape.median == SHAPE
    assert measured.foreground_hu["tumors"].median_hu == 40
    assert measured.foreground_hu["tumors"].deviation_hu == 0
    assert measured.foreground_hu["liver"].p95_hu == 100
    assert set(measured.foreground_hu) == {"liver", "tumors"}


def test_what_is_not_a_prepared_dataset_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not a prepared dataset.*lvt prepare"):
        read_prepared(tmp_path)
    (tmp_path / "dataset.json").write_text('{"format": 1, "name": "x"')
    with pytest.raises(InputError, match="cannot be read"):
        read_prepared(tmp_path)
    (tmp_path / "dataset.json").write_text('{"format": 1, "name": "x"}')
    with pytest.raises(InputError, match="damaged"):
        read_prepared(tmp_path)
    (tmp_path / "dataset.json").write_text('{"format": 99}')
    with pytest.raises(InputError, match="format 99"):
        read_prepared(tmp_path)


def test_arrays_that_do_not_fit_their_facts_are_refused(tmp_path: Path) -> None:
    case = write(tmp_path).cases[0]
    np.save(case.folder / "labels.npy", np.zeros((2, 2, 2), np.uint8))
    with pytest.raises(InputError, match=r"labels\.npy.*Prepare the dataset again"):
        case.labels()
    (case.folder / "image.npy").write_bytes(b"")
    with pytest.raises(InputError, match="cannot be read"):
        case.image()


def test_a_disk_that_fills_leaves_nothing(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(OutputError, match=r"image\.npy: cannot be written"):
            write_case(scan(), {"name": "a", "patient": "p"}, tmp_path / "a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []
