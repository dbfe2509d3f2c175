from __future__ import annotations

from pathlib import Path

import pytest

from lvt_track.core.volume import CLASSES
from lvt_track.errors import InputError, UsageError
from lvt_track.training.datasets.descriptor import (
    Overlap,
    Structures,
    find_descriptor,
    known_names,
    read_descriptor,
)
from lvt_track.training.datasets.prepared import BITS, IGNORE

OWN = """
title = "Ours"
licence = "internal"
citation = "none"
url = "https://example.org"
[knowledge]
liver = "everywhere"
vessels = "none"
tumors = "absent"
[structures]
liver = ["1"]
[layout]
kind = "files"
image = "{case}.nii.gz"
labels = "{case}_labels.nii.gz"
"""


def test_the_ten_datasets_are_known() -> None:
    assert known_names() == (
        "3d-ircadb-01",
        "amos22",
        "btcv",
        "chaos-ct",
        "colorectal-liver-metastases",
        "hcc-tace-seg",
        "lits",
        "msd-hepatic-vessel",
        "msd-liver",
        "totalsegmentator",
    )


@pytest.mark.parametrize("name", known_names())
def test_known_descriptors_are_whole(name: str) -> None:
    known = find_descriptor(name)
    assert known.name == name
    assert known.url.startswith("http")
    assert all((known.title, known.licence, known.citation))
    assert {overlap.dataset for overlap in known.overlaps} <= set(known_names())
    assert known.copy_of in ("", *known_names())


def test_a_shared_patient_has_one_identity() -> None:
    lits, msd, ircadb = map(find_descriptor, ("lits", "msd-liver", "3d-ircadb-01"))
    for number in range(131):
        assert msd.patient_of(str(number)) == lits.patient_of(str(number))
    for number in range(1, 21):
        assert lits.patient_of(str(number + 27)) == ircadb.patient_of(str(number))
    identities = [lits.patient_of(str(number)) for number in range(131)]
    assert len(set(identities)) == 131
    assert identities[27] == "lits/27"
    assert identities[48] == "lits/48"


def test_an_overlap_ends_where_it_says() -> None:
    overlap = Overlap("other", (28, 47), 1)
    assert [overlap.number_in_other(number) for number in (27, 28, 47, 48)] == [None, 1, 20, None]


def test_structures_by_pattern() -> None:
    structures = Structures(
        liver=("liver", "tumor*"), tumors=("tumor*",), ignore=("Portal vein",), others=("*aorta",)
    )
    here = Path("labels")
    assert structures.bits_of("Liver", here) == BITS["liver"]
    assert structures.bits_of("Tumor_12", here) == BITS["liver"] | BITS["tumors"]
    assert structures.bits_of("portal_vein", here) == IGNORE
    assert structures.bits_of("Abdominal aorta", here) == 0
    with pytest.raises(InputError, match=r"'Spleen'.*descriptor"):
        structures.bits_of("Spleen", here)


def test_an_unknown_name_suggests_near_ones() -> None:
    with pytest.raises(UsageError, match="Did you mean lits") as raised:
        find_descriptor("LITS17")
    assert raised.value.exit_code == 2
    with pytest.raises(UsageError, match="msd-liver"):
        find_descriptor("msd_liver")
    with pytest.raises(UsageError, match=r"--list"):
        find_descriptor("qqq")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('title = "Ours"\n', "", "'title' is missing"),
        ('title = "Ours"', "title = 3", "title must be text"),
        ('vessels = "none"', 'vessels = "some"', "'some' is not a valid Annotation"),
        ('vessels = "none"', 'vessels = "everywhere"', "vessels needs structures"),
        ('liver = ["1"]', 'liver = ["1"]\ntumors = ["2"]', "tumors needs structures"),
        ('liver = ["1"]', "liver = 1", "liver must be a list"),
        ('liver = ["1"]', 'liver = ["1"]\nkidney = ["2"]', "kidney"),
        ('kind = "files"', 'kind = "tape"', "'tape' is not a valid LayoutKind"),
        ('"{case}.nii.gz"', '"ct.nii.gz"', "patterns of the layout need {case}"),
        ("[layout]", '[layout]\nignore = "mask.nii"', "patterns of the layout need {case}"),
        ('kind = "files"', 'kind = "dicom-slices"\nsame_voxels = true', "files layout only"),
        ("[knowledge]", 'groups = "x"\n[knowledge]', "groups is no key"),
        ("[knowledge]", 'optional = ["tumors"]\n[knowledge]', "cannot be optional"),
        ('liver = "everywhere"', 'liver = "none"', "at least one class"),
        ("[layout]", "[layout]\nnumbers = [1]", "not enough values"),
        ("[layout]", "[layout", "not TOML"),
    ],
)
def test_a_descriptor_that_is_wrong_says_where(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    path = tmp_path / "ours.toml"
    path.write_text(OWN.replace(old, new))
    with pytest.raises(InputError) as raised:
        read_descriptor(path)
    assert complaint in str(raised.value)
    assert str(path) in str(raised.value)


def test_a_descriptor_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "ours.toml").write_text(OWN)
    own = find_descriptor(str(tmp_path / "ours.toml"))
    assert own.name == "ours"
    assert own.knowledge.annotated == ("liver",)
    assert own.patient_of("7") == "ours/7"
    assert own.patient_of("7", "anna") == "ours/anna"
    with pytest.raises(InputError, match="cannot be read"):
        find_descriptor(str(tmp_path / "not-there.toml"))


def test_the_page_on_datasets_names_them_all() -> None:
    page = (Path(__file__).parents[2] / "docs" / "use" / "datasets.md").read_text(encoding="utf-8")
    for name in known_names():
        known = find_descriptor(name)
        row = next(line for line in page.splitlines() if line.startswith(f"| `{name}`"))
        assert known.licence.split(";")[0] in row
        for one in CLASSES:
            assert known.knowledge[one].value in row
