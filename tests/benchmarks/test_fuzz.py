"""A short run of benchmarks/fuzz.py, and every file that once offended."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from fuzz import KEPT, mutate
from mutations.readers import Seed, make_seeds, read

QUICK = ("nifti", "nrrd", "metaimage", "dicom", "csv", "report", "run.json", "cohort.json")


@pytest.fixture(scope="module")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Seed]:
    return make_seeds(tmp_path_factory.mktemp("fuzz"))


@pytest.mark.parametrize("kind", QUICK)
def test_changed_files_are_read_or_refused_in_words(seeds: dict[str, Seed], kind: str) -> None:
    for k in range(20):
        content, change = mutate(seeds[kind].content, random.Random(f"suite:{k}"))
        outcome, why = read(seeds[kind], content)
        assert outcome in ("read", "refused"), f"{kind}, mutation {k} ({change}): {outcome} {why}"


@pytest.mark.parametrize("path", sorted(KEPT.glob("*.bin")), ids=lambda path: path.name)
def test_what_once_offended_does_so_no_more(seeds: dict[str, Seed], path: Path) -> None:
    seed = seeds.get(path.name.rsplit("-", 2)[0])
    if seed is None:
        pytest.skip("there is no whole file of this kind here")
    outcome, why = read(seed, path.read_bytes())
    assert outcome in ("read", "refused"), f"{outcome} {why}"


def test_a_cut_scan_that_is_read_as_if_whole_is_seen(
    seeds: dict[str, Seed], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(read.__globals__["READERS"], "nifti", lambda seed: "other voxels")
    outcome, _ = read(seeds["nifti"], seeds["nifti"].content[:-9])
    assert outcome == "silent"
