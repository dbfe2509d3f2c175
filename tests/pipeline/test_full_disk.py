"""A full disk, or a limit on the size of files: told in words, nothing half-written, resumed."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import SimpleITK as sitk

import lvt_track as lvt
from lvt_track.io.transforms import write_transform

DATE = "2024-01-15"


@pytest.fixture(scope="module")
def patient(tiny_patient: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("one") / "patient"
    shutil.copytree(tiny_patient / DATE, folder / DATE)
    return folder


@pytest.fixture(scope="module")
def undisturbed(patient: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("undisturbed") / "out"
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SOURCE_DATE_EPOCH", "1700000000")
        lvt.track(patient, out)
    return contents(out)


def contents(folder: Path) -> dict[str, bytes]:
    """All files but the manifest, which holds seconds."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != "run.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@contextlib.contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """No file grows beyond `size` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 60 kB; only root can make one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=60k", "tmpfs", str(place)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize(("size", "name"), [(1000, "liver.nii.gz"), (40_000, "report.pdf")])
def test_a_run_that_cannot_write_a_file_says_so_and_goes_on_later(
    size: int,
    name: str,
    patient: Path,
    undisturbed: dict[str, bytes],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    out = tmp_path / "out"
    with files_up_to(size), pytest.raises(lvt.OutputError) as failure:
        lvt.track(patient, out)
    assert failure.value.path is not None
    assert failure.value.path.name in (name, "run.json")
    assert failure.value.remedy
    assert not list(out.rglob(".*"))
    lvt.track(patient, out, existing="resume")
    assert contents(out) == undisturbed


def test_a_full_disk_is_named_with_what_to_do(
    small_disk: Path, patient: Path, undisturbed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    out = small_disk / "out"
    with pytest.raises(lvt.OutputError, match=r"No space left .* Free some space"):
        lvt.track(patient, out)
    assert not list(out.rglob(".*"))
    subprocess.run(["mount", "-o", "remount,size=10m", str(small_disk)], check=True)
    lvt.track(patient, out, existing="resume")
    assert contents(out) == undisturbed


def test_a_transform_that_does_not_fit_leaves_nothing(tmp_path: Path) -> None:
    field = sitk.Image([20, 20, 20], sitk.sitkVectorFloat64, 3)
    with files_up_to(4096), pytest.raises(lvt.OutputError):
        write_transform(sitk.DisplacementFieldTransform(field), tmp_path / "pair.h5")
    assert not list(tmp_path.iterdir())
