"""run.json: what was run, on which files, with which model, and what happened."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from lvt_track import __version__
from lvt_track.core.methods import MASK_STAGES, METHODS
from lvt_track.core.volume import BoolArray, LabelArray, Volume
from lvt_track.errors import InputError
from lvt_track.io.files import sha256_of, write_whole
from lvt_track.lesions.corrections.table import Correction, parse_corrections
from lvt_track.lesions.identity import KnownTumor
from lvt_track.pipeline.run.folder import MANIFEST
from lvt_track.pipeline.run.schema import SchemaError, from_plain

__all__ = [
    "Failure",
    "InputRecord",
    "Manifest",
    "MaskRecord",
    "fingerprint",
    "mask_digest",
    "record_input",
    "voxel_digest",
]

_VISIT = re.compile(r"\d{4}-\d{2}-\d{2}(/[a-z]+\d*)?")
_TRACK = "track"
_SWITCHES = ("other_phases", "one_patient", "identify", "resampled", "plan", "tables_only")
_WORDS = ("model", "device", "criteria", "seg_type", "precision")
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
class MaskRecord:
    """The masks of one series as lvt made them, so that what a reader edited is told from them.

    Attributes:
        sources: for each class `given`, `edited`, or the name of the model.
        warnings: what was said of them.
        scan_sha256: digest of the scan's voxels.
        sha256: by class name, the digest of the voxels of the mask; while one is being written,
            those of the old and the new one.
        returned: by digest of the tumours, the labels of the lesions among them that the model took
            for cysts and that are tumours since other visits show them as such.
    """

    sources: dict[str, str]
    warnings: list[str]
    scan_sha256: str
    sha256: dict[str, list[str]] = field(default_factory=dict)
    returned: dict[str, list[int]] = field(default_factory=dict)

    def knows(self, class_name: str, digest: str) -> bool:
        """Whether lvt wrote this mask of the class."""
        return digest in self.sha256.get(class_name, ())

    def note(self, class_name: str, digest: str) -> None:
        """Remember a mask that is about to be written."""
        others = [one for one in self.sha256.get(class_name, ()) if one != digest]
        self.sha256[class_name] = [*others, digest]

    def settle(self) -> None:
        """Forget the masks that were written over."""
        self.sha256 = {name: digests[-1:] for name, digests in self.sha256.items()}
        kept = self.sha256.get("tumors", [])
        self.returned = {one: labels for one, labels in self.returned.items() if one in kept}


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
        drawn: the masks of each series, by `<visit>` or `<visit>/<series>`.
        finished: whether the run came to its end.
        methods: of each stage, see `core.methods`.
        tumors: the tumours of the run, so that the next one knows them again: `KnownTumor.facts`.
        corrections: what a reader said, with the place and voxels of each lesion:
            `Correction.facts`.
        basis: digest of all that the reports are made from; a report of the same is the same file.
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
    command: str = _TRACK
    masks: dict[str, str] = field(default_factory=dict)
    engine: str = ""
    drawn: dict[str, MaskRecord] = field(default_factory=dict)
    finished: bool = False
    methods: dict[str, int] = field(default_factory=lambda: dict(METHODS))
    tumors: list[dict[str, Any]] = field(default_factory=list)
    corrections: list[dict[str, Any]] = field(default_factory=list)
    basis: str = ""

    @property
    def began(self) -> dt.datetime:
        """When the run began."""
        return dt.datetime.fromisoformat(self.started)

    def carry_on(self, earlier: Manifest) -> None:
        """Keep the tumours and corrections of an earlier run until this one tells its own."""
        self.tumors, self.corrections = earlier.tumors, earlier.corrections

    def known_tumors(self) -> tuple[KnownTumor, ...]:
        """The tumours.

        Raises:
            SchemaError: when they are none.
        """
        try:
            return tuple(KnownTumor.from_facts(facts) for facts in self.tumors)
        except (KeyError, TypeError, ValueError) as error:
            raise SchemaError(f"tumors holds something else ({error})") from None

    def known_corrections(self) -> tuple[Correction, ...]:
        """The corrections.

        Raises:
            SchemaError: when they are none.
        """
        try:
            return parse_corrections(self.corrections, first_line=0)
        except InputError as error:
            raise SchemaError(error.what) from None

    def write(self, folder: Path) -> None:
        """Write `run.json` into the folder, whole or not at all."""
        facts = asdict(self)
        facts["seconds"] = {name: round(value, 2) for name, value in self.seconds.items()}
        with write_whole(folder / MANIFEST) as temporary:
            text = json.dumps(facts, indent=2, ensure_ascii=False) + "\n"
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read `run.json` of an earlier run of `lvt track`.

        Raises:
            InputError: when there is none, it is of another command or cannot be understood.
        """
        path = folder / MANIFEST
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(
                "no run.json here, so this is not the output of `lvt track`",
                path=folder,
                remedy=_REMEDY,
            ) from None
        except (OSError, ValueError, RecursionError) as error:
            raise InputError(f"cannot be understood ({error})", path=path) from error
        if isinstance(facts, dict) and isinstance(facts.get("seconds"), dict):
            # Runs of 0.1.0 told their end by having seconds, and had no methods.
            facts.setdefault("finished", bool(facts["seconds"]))
            facts.setdefault("methods", {})
        try:
            manifest = from_plain(cls, facts)
            if manifest.command == _TRACK:
                _check_names(manifest)
            manifest.known_tumors()
            manifest.known_corrections()
        except SchemaError as error:
            remedy = "Restore the file, or run `lvt track` with --force"
            raise InputError(f"cannot be understood: {error}", path=path, remedy=remedy) from None
        if manifest.command != _TRACK:
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


def voxel_digest(volume: Volume) -> str:
    """Digest of the voxels of a scan, whatever files hold them."""
    return hashlib.sha256(np.ascontiguousarray(volume.hu).data).hexdigest()


def mask_digest(mask: BoolArray, apart: LabelArray | None = None) -> str:
    """Digest of the voxels of a mask, whatever file holds them.

    Args:
        mask: (z, y, x).
        apart: labels (z, y, x) that keep apart what touches, see `Masks`.
    """
    digest = hashlib.sha256(np.packbits(mask).data)
    if apart is not None:
        digest.update(np.ascontiguousarray(apart[mask], dtype="<i4").data)
    return digest.hexdigest()


def fingerprint(inputs: Sequence[InputRecord], model: str) -> str:
    """Digest of all that decides a visit's masks; equal fingerprints mean equal masks."""
    facts = {
        "inputs": [[item.role, item.sha256] for item in inputs],
        "model": model,
        "methods": {stage: METHODS[stage] for stage in MASK_STAGES},
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _check_names(manifest: Manifest) -> None:
    """What becomes a path or an option must look like one.

    Raises:
        SchemaError: where it does not.
    """
    try:
        dt.datetime.fromisoformat(manifest.started)
    except ValueError:
        raise SchemaError(f"started must be an ISO time, got {manifest.started!r}") from None
    for name, value in manifest.settings.items():
        if name in _SWITCHES:
            is_kind, kind = isinstance(value, bool), "true or false"
        elif name in _WORDS:
            is_kind, kind = isinstance(value, str), "a text"
        else:
            is_kind, kind = isinstance(value, str | None), "a text or null"
        if not is_kind:
            raise SchemaError(f"settings.{name} must be {kind}, got {value!r}")
    for field_name, keys in (("visits", manifest.visits), ("drawn", manifest.drawn)):
        for key in keys:
            if not _VISIT.fullmatch(key):
                raise SchemaError(f"{field_name}: {key!r} is no visit")
