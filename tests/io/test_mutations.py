"""Mutated headers end in an `LvtError` or in what is said, never in a traceback or in silence."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from lvt_track.errors import LvtError
from lvt_track.io.discover import discover, read_scan
from tests.io.wild_scans import MARCH, image, slices, trunk

CT = trunk(1, slices=6)
QUICK = settings(
    max_examples=330,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
bytes_of_header = st.lists(
    st.tuples(st.integers(0, 900), st.binary(min_size=1, max_size=8)), min_size=1, max_size=4
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: Any) -> dict[str, Path]:
    root: Path = tmp_path_factory.mktemp("mutations")
    made = {}
    for suffix in (".nii", ".nii.gz", ".nrrd", ".mha"):
        made[suffix] = image(root / suffix[1:] / "2024-03-01" / f"ct{suffix}", CT)
    made[".dcm"] = slices(root / "dcm", CT)[2]
    return made


def check(path: Path, content: bytes, mutated: bytes) -> None:
    """Either the visit is there and can be read, or it is named; every file is accounted for."""
    root = path.parent if path.parent.name == "dcm" else path.parents[1]
    path.write_bytes(mutated)
    try:
        found = discover(root)
        for visit in found.visits:
            for series in visit.series:
                try:
                    read_scan(series)
                except LvtError as error:
                    assert error.what
        assert {item.path for item in found.files} == {p for p in root.rglob("*") if p.is_file()}
        is_used = any(f.path == path and f.fate == "used" for f in found.files)
        assert is_used or any(f.path == path and f.reason for f in found.files)
    except LvtError as error:
        assert error.what
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize("suffix", [".nii", ".nrrd", ".mha", ".dcm"])
@QUICK
@given(changes=bytes_of_header)
@example(changes=[(326, b"\x00\x7f"), (326, b"\x81")])  # a signalling NaN in an sform
@example(changes=[(318, b"\x00")])  # the name of a file of voxels with a zero in it
def test_bytes_of_headers(folders: dict[str, Path], suffix: str, changes: Any) -> None:
    path = folders[suffix]
    content = path.read_bytes()
    mutated = bytearray(content)
    for offset, new in changes:
        mutated[offset : offset + len(new)] = new
    check(path, content, bytes(mutated))


@QUICK
@given(changes=bytes_of_header, cut=st.integers(0, 2000))
def test_packed_headers_and_cuts(folders: dict[str, Path], changes: Any, cut: int) -> None:
    path = folders[".nii.gz"]
    content = path.read_bytes()
    plain = bytearray(gzip.decompress(content))
    for offset, new in changes:
        plain[offset : offset + len(new)] = new
    packed = gzip.compress(bytes(plain), 1)
    check(path, content, packed[: len(packed) - cut] if cut % 3 == 0 else packed)


fields = st.sampled_from(
    [(40 + 2 * k, "<i2") for k in range(5)]
    + [(70, "<i2"), (252, "<i2"), (254, "<i2"), (123, "u1")]
    + [(76 + 4 * k, "<f4") for k in range(5)]
    + [(108, "<f4"), (112, "<f4"), (116, "<f4")]
    + [(256 + 4 * k, "<f4") for k in range(18)]
)
odd = st.sampled_from([0, 1, -1, 2, 3, 7, 128, 256, 32767, 1e30, -1e-30, np.inf, -np.inf, np.nan])


@QUICK
@given(values=st.lists(st.tuples(fields, odd), min_size=1, max_size=3))
def test_fields_of_nifti(folders: dict[str, Path], values: Any) -> None:
    path = folders[".nii"]
    content = path.read_bytes()
    mutated = bytearray(content)
    for (offset, dtype), value in values:
        if dtype != "<f4":
            value = int(np.clip(np.nan_to_num(value), 0 if dtype == "u1" else -32768, 255))
        new = np.array([value]).astype(dtype).tobytes()
        mutated[offset : offset + len(new)] = new
    check(path, content, bytes(mutated))


@pytest.mark.parametrize("kept", range(0, 900, 75))
def test_dicom_cut_anywhere(folders: dict[str, Path], kept: int) -> None:
    content = folders[".dcm"].read_bytes()
    check(folders[".dcm"], content, content[:kept])


def test_the_whole_file_is_read(folders: dict[str, Path]) -> None:
    """The mutations begin from files that are right."""
    for path in folders.values():
        root = path.parent if path.parent.name == "dcm" else path.parents[1]
        (visit,) = discover(root).visits
        assert visit.date == MARCH
        np.testing.assert_array_equal(read_scan(visit.tracked_series).hu, CT.hu)
