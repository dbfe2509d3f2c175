from __future__ import annotations

import json
import resource
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lvt_track.cli.app import app
from lvt_track.errors import InputError, UsageError
from lvt_track.pipeline.prepare import PrepareSettings, prepare_dataset
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent
from lvt_track.training.datasets.prepared import BITS, read_prepared
from tests.training.replicas import BODY, SPACING_MM, draw, prepare, values, write_map, write_pairs

NAMES = ("volume-{}.nii", "segmentation-{}.nii")
NUMBERS = {"liver": 1, "tumors": 2}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Three cases of LiTS."""
    write_pairs(tmp_path / "src", *NAMES, NUMBERS, (0, 1, 2))
    return tmp_path / "src"


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    return result.exit_code, result.stdout, result.stderr


def test_what_is_done_is_kept_and_the_rest_is_made(source: Path, tmp_path: Path) -> None:
    first = prepare("lits", source, tmp_path).dataset
    kept = first.cases[0].folder / "image.npy"
    written = kept.stat().st_mtime_ns
    (first.cases[2].folder / "image.npy").unlink()
    first.cases[2].folder.rename(tmp_path / "lits" / "cases" / ".partial-killed")
    with pytest.raises(UsageError, match=r"already holds files.*--resume"):
        prepare("lits", source, tmp_path)
    again = prepare("lits", source, tmp_path, Existing.RESUME).dataset
    assert kept.stat().st_mtime_ns == written
    assert [case.name for case in again.cases] == ["0", "1", "2"]
    assert np.array_equal(again.cases[2].image(), draw(2).hu[BODY])
    assert sorted(path.name for path in (tmp_path / "lits" / "cases").iterdir()) == ["0", "1", "2"]
    assert again.fingerprint == first.fingerprint


def test_other_settings_are_not_mixed(source: Path, tmp_path: Path) -> None:
    prepare("lits", source, tmp_path)
    coarse = PrepareSettings((6.0, 3.0, 4.0), jobs=1)
    arguments = ("lits", source, tmp_path, coarse)
    with pytest.raises(UsageError, match="other settings"):
        prepare_dataset(*arguments, Existing.RESUME, Silent())
    dataset = prepare_dataset(*arguments, Existing.FORCE, Silent()).dataset
    assert dataset.cases[0].shape == (6, 16, 20)
    assert prepare_dataset(*arguments, Existing.RESUME, Silent()).dataset.cases[0].shape[0] == 6


def test_resampling_keeps_volumes(source: Path, tmp_path: Path) -> None:
    settings = PrepareSettings((2.0, 2.0, 2.0), jobs=1)
    arguments = ("lits", source, tmp_path, settings, Existing.REFUSE, Silent())
    case = prepare_dataset(*arguments).dataset.cases[0]
    assert case.shape == (18, 24, 40)
    assert case.spacing_mm == (2.0, 2.0, 2.0)
    drawn_mm3 = np.count_nonzero(draw().liver) * np.prod(SPACING_MM)
    assert case.voxels["liver"] * np.prod(case.spacing_mm) == pytest.approx(drawn_mm3, rel=0.05)
    in_liver = (case.labels() & (BITS["liver"] | BITS["tumors"])) == BITS["liver"]
    assert np.median(case.image()[in_liver]) == pytest.approx(110, abs=5)


def test_the_air_around_is_cut_off(source: Path, tmp_path: Path) -> None:
    case = prepare("lits", source, tmp_path).dataset.cases[0]
    assert case.shape == (12, 32, 40)
    assert json.loads((case.folder / "case.json").read_text())["first_voxel"] == [0, 4, 4]


def test_several_at_a_time_give_the_same(source: Path, tmp_path: Path) -> None:
    one = prepare("lits", source, tmp_path / "one").dataset
    settings = PrepareSettings(jobs=3)
    arguments = ("lits", source, tmp_path / "three", settings, Existing.REFUSE, Silent())
    three = prepare_dataset(*arguments).dataset
    for a, b in zip(one.cases, three.cases, strict=True):
        assert a.name == b.name
        for name in ("image.npy", "labels.npy", "foreground.npy", "case.json"):
            assert (a.folder / name).read_bytes() == (b.folder / name).read_bytes()


def test_a_class_that_never_occurs_is_refused_by_name(tmp_path: Path) -> None:
    write_pairs(tmp_path / "src", *NAMES, {"liver": 1}, (0, 1))
    with pytest.raises(InputError, match="tumors is said to be annotated, but none of 2 cases"):
        prepare("lits", tmp_path / "src", tmp_path)
    assert not (tmp_path / "lits" / "dataset.json").exists()
    assert len(list((tmp_path / "lits" / "cases").iterdir())) == 2


def test_nothing_to_prepare(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        prepare("lits", tmp_path / "nowhere", tmp_path)
    (tmp_path / "src").mkdir()
    with pytest.raises(InputError, match=r"no case of lits is here \(looked for volume-"):
        prepare("lits", tmp_path / "src", tmp_path)
    (tmp_path / "src" / "Training_Batch1.zip").touch()
    with pytest.raises(InputError, match=r"Unpack src/Training_Batch1\.zip"):
        prepare("lits", tmp_path / "src", tmp_path)
    (tmp_path / "src" / "volume-0.nii").write_bytes(b"cut short")
    with pytest.raises(InputError, match=r"which is there, with segmentation-.*, which is not"):
        prepare("lits", tmp_path / "src", tmp_path)
    write_map(tmp_path / "src" / "segmentation-0.nii", values(draw(), liver=1))
    with pytest.raises(InputError, match=r"none of 1 cases can be used; 0: .*not a NIfTI"):
        prepare("lits", tmp_path / "src", tmp_path)
    assert not (tmp_path / "lits").exists()


def test_settings_out_of_range() -> None:
    with pytest.raises(UsageError, match="above 0 mm"):
        PrepareSettings((1.0, 0.0, 1.0))
    with pytest.raises(UsageError, match="jobs are 1 or more"):
        PrepareSettings(jobs=-1)


def test_the_list_shows_licences_and_needs_nothing_else() -> None:
    code, out, _ = run("prepare", "--list")
    assert code == 0
    assert "hcc-tace-seg" in out
    assert "CC BY-NC-ND 4.0" in out


def test_command_tells_licence_and_citation(source: Path, tmp_path: Path) -> None:
    code, out, err = run("prepare", "lits", source, "-o", tmp_path, "--jobs", 1, "-q")
    assert (code, out, err) == (0, "", "")
    code, out, _ = run("prepare", "lits", source, "-o", tmp_path, "--jobs", 1, "--force")
    assert code == 0
    assert "licence:  CC BY-NC-ND 4.0" in out
    assert "Bilic et al." in out
    assert len(read_prepared(tmp_path / "lits").cases) == 3


def test_a_case_that_fails_is_named_and_the_code_is_4(source: Path, tmp_path: Path) -> None:
    (source / "volume-1.nii").write_bytes((source / "volume-1.nii").read_bytes()[:4000])
    code, out, err = run("prepare", "lits", source, "-o", tmp_path, "--json")
    assert code == 4
    assert "warning: 1 is left out" in err
    facts = json.loads(out)
    assert facts["cases"] == 2
    assert facts["left_out"][0]["case"] == "1"
    assert "volume-1.nii" in facts["left_out"][0]["reason"]


def test_an_unknown_name_is_wrong_usage(tmp_path: Path) -> None:
    code, _, err = run("prepare", "lit", tmp_path, "-o", tmp_path / "out")
    assert code == 2
    assert "Did you mean lits" in err
    assert not (tmp_path / "out").exists()


def test_a_full_disk_ends_the_run_and_leaves_no_half_case(source: Path, tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4000, hard))
    try:
        code, _, err = run("prepare", "lits", source, "-o", tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert code == 5
    assert "image.npy: cannot be written" in err
    assert list((tmp_path / "out").rglob("*")) == []
