"""Which folders of a cohort are patients, and which of them are a shard's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from lvt_track.errors import InputError, UsageError

__all__ = ["Shard", "list_patients"]

_DATE_ONLY = re.compile(r"\d{4}[-_.]?\d{2}[-_.]?\d{2}")
_SHARD = re.compile(r"(\d+)/(\d+)")


@dataclass(frozen=True)
class Shard:
    """One of several runs that share a cohort.

    Attributes:
        number: of this one, from 1.
        count: how many there are.
    """

    number: int
    count: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.count:
            raise UsageError(
                f"there is no shard {self.number} of {self.count}",
                remedy="Give --shard K/N with K from 1 to N",
            )

    @classmethod
    def parse(cls, text: str) -> Self:
        """A shard as `K/N`.

        Raises:
            UsageError: for anything else.
        """
        match = _SHARD.fullmatch(text)
        if match is None:
            raise UsageError(f"--shard must be K/N, such as 3/8, got {text!r}")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def of(self, patients: Sequence[Path]) -> list[Path]:
        """Every `count`-th patient: neighbours by name, often of one site, go to different shards.

        Raises:
            InputError: when none is left for this one.
        """
        ours = list(patients[self.number - 1 :: self.count])
        if not ours:
            raise InputError(
                f"shard {self} has no patients, there are only {len(patients)}",
                remedy="Give fewer shards",
            )
        return ours


def list_patients(folder: Path, out: Path) -> list[Path]:
    """The subfolders that are patients, by name.

    Args:
        folder: of the cohort.
        out: of the results, which may lie in it.

    Raises:
        InputError: when there are none, or the folder cannot be read.
        UsageError: when it is one patient's, or another run's results.
    """
    if not folder.is_dir():
        what = "is a file, not a folder" if folder.exists() else "there is no such folder"
        raise InputError(what, path=folder, remedy="Give the folder with a subfolder per patient")
    try:
        patients = sorted(
            path
            for path in folder.iterdir()
            if path.is_dir() and not path.name.startswith(".") and path.resolve() != out.resolve()
        )
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror or error})", path=folder) from error
    if not patients:
        raise InputError(
            "no subfolders, so no patients", path=folder, remedy="Give each patient a subfolder"
        )
    if all(_DATE_ONLY.fullmatch(path.name) for path in patients):
        raise UsageError(
            "the subfolders are dates, so this is the folder of one patient",
            path=folder,
            remedy="Use `lvt track`, or give the folder above",
        )
    return patients
