"""What a dataset is: licence, what it annotates, how it lies on disk, whose patients it shares.

One TOML file per dataset: those in `known/`, and the user's own; docs/use/datasets.md has the keys.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from lvt_track.core.volume import CLASSES
from lvt_track.errors import InputError, UsageError
from lvt_track.io.files import read_toml
from lvt_track.training.datasets.prepared import BITS, IGNORE
from lvt_track.training.objective.annotation import Annotation, Knowledge

__all__ = [
    "Descriptor",
    "Layout",
    "LayoutKind",
    "Overlap",
    "Structures",
    "find_descriptor",
    "known_names",
    "read_descriptor",
]

_KNOWN = Path(__file__).parent / "known"
_NUMBER = re.compile(r"\d+")
_CASE, _STRUCTURE = "{case}", "{structure}"


class LayoutKind(StrEnum):
    """In which form scans and labels come."""

    FILES = "files"
    DICOM_SLICES = "dicom-slices"
    DICOM_SEG = "dicom-seg"


@dataclass(frozen=True)
class Layout:
    """Where scans and labels are, below any folder.

    Patterns are the end of a path; `*` and `?` stand for anything but a slash, `{case}` for the
    case's name, `{patient}` for the patient's where a patient has several cases.

    Attributes:
        kind: image files; folders of DICOM slices with slices of labels; or DICOM with DICOM SEG,
            which needs no patterns.
        image: pattern of a scan's file or folder.
        labels: pattern of its labels. With `{structure}` there is one file (or folder) for each
            structure, else one label map, whose values are the names of its structures.
        ignore: pattern of a mask of voxels from which nothing is to be learned, where a case has
            one. It and `same_voxels` are for image files only.
        numbers: first and last number of the cases to take; None for all.
        same_voxels: the labels' voxels are those of the scan in the same order, whatever their
            own header says.
    """

    kind: LayoutKind
    image: str = ""
    labels: str = ""
    ignore: str = ""
    numbers: tuple[int, int] | None = None
    same_voxels: bool = False

    def __post_init__(self) -> None:
        if (self.same_voxels or self.ignore) and self.kind is not LayoutKind.FILES:
            raise ValueError("same_voxels and ignore are for a files layout only")
        if self.kind is LayoutKind.DICOM_SEG:
            if self.image or self.labels:
                raise ValueError("a dicom-seg layout takes neither image nor labels")
            return
        if any(_CASE not in one for one in (self.image, self.labels, self.ignore or _CASE)):
            raise ValueError(f"the patterns of the layout need {_CASE}")
        by_folder = self.kind is LayoutKind.DICOM_SLICES and _STRUCTURE in self.labels
        if by_folder and not self.labels.endswith(f"/{_STRUCTURE}"):
            raise ValueError(f"labels of a dicom-slices layout must end in /{_STRUCTURE}")

    @property
    def has_named_structures(self) -> bool:
        """Whether each structure has a name of its own, so that a missing one is noticed."""
        return self.kind is LayoutKind.DICOM_SEG or _STRUCTURE in self.labels


@dataclass(frozen=True)
class Structures:
    """Which structures of the labels belong to which class.

    Names are patterns as in a shell; upper and lower case, `_`, `-` and spaces are the same.

    Attributes:
        liver, vessels, tumors: structures of each class; one may belong to several.
        ignore: structures where nothing is to be learned.
        others: structures that are no concern of ours; any that is nowhere is refused.
    """

    liver: tuple[str, ...] = ()
    vessels: tuple[str, ...] = ()
    tumors: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    def bits_of(self, name: str, path: Path) -> int:
        """Bits of `prepared.BITS` and IGNORE that a structure sets; 0 when it is of no concern.

        Raises:
            InputError: when the structure is not declared.
        """
        bits = sum(bit for one, bit in BITS.items() if _matches(name, getattr(self, one)))
        if _matches(name, self.ignore):
            bits |= IGNORE
        if bits == 0 and not _matches(name, self.others):
            raise InputError(
                f"holds the label {name!r}, which the dataset's descriptor does not declare",
                path=path,
                remedy="See that these are the dataset's own labels, or add it to [structures]",
            )
        return bits


@dataclass(frozen=True)
class Overlap:
    """Cases whose patients are in another dataset too.

    Attributes:
        dataset: the other one.
        cases: first and last number of the cases here.
        first: number there of the first of them.
    """

    dataset: str
    cases: tuple[int, int]
    first: int

    def number_in_other(self, number: int) -> int | None:
        """Number in the other dataset; None when the case is not shared."""
        first, last = self.cases
        return number - first + self.first if first <= number <= last else None


@dataclass(frozen=True)
class Descriptor:
    """A dataset.

    Attributes:
        name: short name; the file's without suffix.
        title, licence, citation, url: of whom it is, and what one may do with it.
        knowledge: what its annotation means, per class.
        structures: which labels belong to which class.
        layout: how it lies on disk.
        optional: annotated classes whose structure is missing where a patient has none.
        cut_to_liver: classes whose labels reach beyond the liver and end at it here.
        group: datasets of one group may share patients that cannot be told; empty for none.
        copy_of: dataset whose scans and labels these are again; empty for none.
        overlaps: patients shared with other datasets.

    Raises:
        ValueError: when the parts contradict each other.
    """

    name: str
    title: str
    licence: str
    citation: str
    url: str
    knowledge: Knowledge
    structures: Structures
    layout: Layout
    optional: tuple[str, ...] = ()
    cut_to_liver: tuple[str, ...] = ()
    group: str = ""
    copy_of: str = ""
    overlaps: tuple[Overlap, ...] = ()

    def __post_init__(self) -> None:
        if not self.knowledge.annotated:
            raise ValueError("at least one class must be annotated everywhere")
        for name in CLASSES:
            if bool(getattr(self.structures, name)) != (name in self.knowledge.annotated):
                raise ValueError(f"{name} needs structures if, and only if, it is annotated")
        for name in (*self.optional, *self.cut_to_liver):
            if name not in self.knowledge.annotated:
                raise ValueError(f"{name} is not annotated, so it cannot be optional or cut")
        if self.cut_to_liver and "liver" not in self.knowledge.annotated:
            raise ValueError("cut_to_liver needs an annotated liver")

    def patient_of(self, case: str, patient: str = "") -> str:
        """Identity of a patient that is the same in every known dataset.

        Args:
            case: name of the case.
            patient: as the dataset itself calls the patient; empty when a case is a patient.
        """
        number = number_in(case)
        for overlap in self.overlaps:
            shared_number = None if number is None else overlap.number_in_other(number)
            if shared_number is not None:
                return find_descriptor(overlap.dataset).patient_of(str(shared_number))
        return f"{self.name}/{patient or case}"


def number_in(case: str) -> int | None:
    """The last number in a case's name; None when there is none."""
    numbers = _NUMBER.findall(case)
    return int(numbers[-1]) if numbers else None


def known_names() -> tuple[str, ...]:
    """Names of the datasets that come with the program."""
    return tuple(sorted(path.stem for path in _KNOWN.glob("*.toml")))


def find_descriptor(name: str) -> Descriptor:
    """The descriptor of a known dataset, or of a TOML file of the user's.

    Raises:
        UsageError: when there is no such dataset; names those that come close.
        InputError: when the file is not a descriptor.
    """
    if name in known_names():
        return read_descriptor(_KNOWN / f"{name}.toml")
    path = Path(name)
    if path.suffix.lower() == ".toml":
        return read_descriptor(path)
    near = difflib.get_close_matches(name.lower(), known_names(), n=3, cutoff=0.4)
    raise UsageError(
        f"no dataset is called {name!r}",
        remedy=(f"Did you mean {' or '.join(near)}? " if near else "")
        + "See `lvt prepare --list`, or give the .toml file of a dataset of your own",
    )


def read_descriptor(path: Path) -> Descriptor:
    """Read a descriptor; docs/use/datasets.md has its keys.

    Raises:
        InputError: when it cannot be read, or a key is missing, unknown or of a wrong value.
    """
    facts = read_toml(path)
    try:
        return _descriptor(path.stem, facts)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(
            f"not a descriptor of a dataset: {what}",
            path=path,
            remedy="See docs/use/datasets.md for the keys",
        ) from error


def _descriptor(name: str, facts: dict[str, Any]) -> Descriptor:
    _refuse_others(facts, {field.name for field in fields(Descriptor)} - {"name"}, "")
    knowledge, layout = facts["knowledge"], facts["layout"]
    _refuse_others(knowledge, set(CLASSES), "knowledge.")
    structures = {key: _names(value, key) for key, value in facts["structures"].items()}
    numbers = layout.get("numbers")
    return Descriptor(
        name=name,
        title=_text(facts, "title"),
        licence=_text(facts, "licence"),
        citation=_text(facts, "citation"),
        url=_text(facts, "url"),
        knowledge=Knowledge(**{one: Annotation(knowledge[one]) for one in CLASSES}),
        structures=Structures(**structures),
        layout=Layout(
            **{
                **layout,
                "kind": LayoutKind(layout["kind"]),
                "numbers": None if numbers is None else _two_numbers(numbers),
            }
        ),
        optional=_names(facts.get("optional", []), "optional"),
        cut_to_liver=_names(facts.get("cut_to_liver", []), "cut_to_liver"),
        group=facts.get("group", ""),
        copy_of=facts.get("copy_of", ""),
        overlaps=tuple(
            Overlap(one["dataset"], _two_numbers(one["cases"]), int(one["first"]))
            for one in facts.get("overlaps", [])
        ),
    )


def _refuse_others(facts: Mapping[str, Any], allowed: set[str], where: str) -> None:
    unknown = sorted(set(facts) - allowed)
    if unknown:
        raise ValueError(f"{where}{unknown[0]} is no key of it")


def _text(facts: Mapping[str, Any], key: str) -> str:
    value = facts[key]
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{key} must be text")
    return " ".join(value.split())


def _names(values: Any, key: str) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise ValueError(f"{key} must be a list")
    return tuple(str(value) for value in values)


def _two_numbers(values: Any) -> tuple[int, int]:
    first, last = values
    return int(first), int(last)


def _matches(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(_plain(name), _plain(pattern)) for pattern in patterns)


def _plain(name: str) -> str:
    return name.lower().replace("_", " ").replace("-", " ").strip()
