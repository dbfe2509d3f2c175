"""run.json: what was run, on which files, with which model, and what happened."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lvt_track import __version__
from lvt_track.errors import InputError
from lvt_track.io.files import sha256_of, write_whole

__all__ = ["MANIFEST", "Failure", "InputRecord", "Manifest", "fingerprint", "record_input"]

MANIFEST = "run.json"

_REMEDY = "Give the folder that was named with -o"


@dataclass(frozen=True)
class InputRecord:
    """One scan or mask that was read.

    Attributes:
        visit: ISO date; empty for a scan that was given alone.
        role: `scan` or `other phase`; for a mask given beside it, with its class.
        path: the file, or the folder of a DICOM series.
        files: how many files it has.
        sha256: of the file; for a series, of its files' digests in slice order.
    """

    visit: str
    role: str
    path: str
    files: int
    sha256: str


@dataclass(frozen=True)
class Failure:
    """Something that was left undone, and why."""

    where: str
    why: str


@dataclass
class Manifest:
    """Everything needed to know how the results in a folder came about.

    Attributes:
        patient: name of the patient in the report.
        source: the patient's folder.
        started: ISO time at which the run began.
        settings: options that change results.
        models: for each model used, its sha256.
        visits: for each visit, the fingerprint of what its masks were made from.
        inputs: every file read.
        left_out: what was found and not used, with the reason.
        failures: what could not be done.
        warnings: what a reader must know.
        seconds: time per stage.
        version: of lvt.
        command: that wrote the folder, `track` or `segment`.
        masks: of `segment`, what made each: `given`, or the name of a model.
        engine: where the networks ran, what ran them and in which precision.
    """

    patient: str
    source: str
    started: str
    settings: dict[str, Any]
    models: dict[str, str] = field(default_factory=dict)
    visits: dict[str, str] = field(default_factory=dict)
    inputs: list[InputRecord] = field(default_factory=list)
    left_out: list[Failure] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    version: str = __version__
    command: str = "track"
    masks: dict[str, str] = field(default_factory=dict)
    engine: str = ""

    def write(self, folder: Path) -> None:
        """Write `run.json` into the folder, whole or not at all."""
        facts = asdict(self)
        facts["seconds"] = {name: round(value, 2) for name, value in self.seconds.items()}
        with write_whole(folder / MANIFEST) as temporary:
            temporary.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read `run.json` of an earlier run of `lvt track`.

        Raises:
            InputError: when there is none, it is of another command or cannot be understood.
        """
        path = folder / MANIFEST
        try:
            facts = json.loads(path.read_text())
            for key in ("left_out", "failures"):
                facts[key] = [Failure(**item) for item in facts[key]]
            facts["inputs"] = [InputRecord(**item) for item in facts["inputs"]]
            manifest = cls(**facts)
        except FileNotFoundError:
            raise InputError(
                "no run.json here, so this is not the output of `lvt track`",
                path=folder,
                remedy=_REMEDY,
            ) from None
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"cannot be understood ({error})", path=path) from error
        if manifest.command != "track":
            raise InputError(
                f"the output of `lvt {manifest.command}`, not of `lvt track`",
                path=folder,
                remedy=_REMEDY,
            )
        return manifest


def record_input(visit: str, role: str, files: Sequence[Path]) -> InputRecord:
    """The record of one file, or of the slices of a series in order, with its digest."""
    digests = [sha256_of(path) for path in files]
    if len(digests) == 1:
        return InputRecord(visit, role, str(files[0]), 1, digests[0])
    digest = hashlib.sha256("".join(digests).encode()).hexdigest()
    return InputRecord(visit, role, str(files[0].parent), len(digests), digest)


def fingerprint(inputs: Sequence[InputRecord], model: str) -> str:
    """Digest of all that decides a visit's masks; equal fingerprints mean equal masks."""
    facts = {
        "inputs": [[item.role, item.sha256] for item in inputs],
        "model": model,
        "version": __version__,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
