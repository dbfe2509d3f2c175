"""planning.json: what was asked of a plan, what it was made from, and what was said of it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lvt_track import __version__
from lvt_track.core.methods import METHODS
from lvt_track.core.volume import CLASSES
from lvt_track.io.files import sha256_of, write_whole
from lvt_track.pipeline.planning.settings import PlanSettings
from lvt_track.pipeline.run.folder import RunFolder
from lvt_track.pipeline.run.schema import SchemaError, from_plain

__all__ = ["PlanRecord"]


@dataclass(frozen=True)
class PlanRecord:
    """What is known of the plan in a folder.

    Attributes:
        settings: what was asked, `PlanSettings.facts`.
        basis: digest of all that decides the plan; equal digests mean equal files.
        remarks: by visit, what a reader must know.
    """

    settings: dict[str, Any]
    basis: str
    remarks: list[str]

    @classmethod
    def of(
        cls,
        tracks: Mapping[str, Mapping[int, int]],
        folder: RunFolder,
        settings: PlanSettings,
        remarks: tuple[str, ...],
    ) -> PlanRecord:
        """The record of a plan that is made."""
        facts = settings.facts()
        return cls(facts, _basis(tracks, folder, facts), list(remarks))

    @classmethod
    def read(cls, folder: RunFolder) -> PlanRecord | None:
        """The record of a folder; None where no plan came to its end, or the file is damaged."""
        try:
            facts = json.loads(folder.planning_record.read_text(encoding="utf-8"))
            record = from_plain(cls, facts)
            PlanSettings.from_facts(record.settings)
        except (OSError, ValueError, KeyError, TypeError, SchemaError, RecursionError):
            return None
        return record

    @staticmethod
    def drop(folder: RunFolder) -> None:
        """Forget a plan, before its files are written over."""
        folder.planning_record.unlink(missing_ok=True)

    def write(self, folder: RunFolder) -> None:
        """Write `planning.json`, once all other files of the plan are.

        Raises:
            OutputError: when it cannot be written.
        """
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False) + "\n"
        with write_whole(folder.planning_record) as temporary:
            temporary.write_text(text, encoding="utf-8", errors="backslashreplace")

    def is_current(self, tracks: Mapping[str, Mapping[int, int]], folder: RunFolder) -> bool:
        """Whether the plan is of these tumours and masks, and its files are there."""
        files = [
            folder.planning_pdf,
            *(folder.table(n) for n in ("planning", "remnant", "vessels")),
        ]
        for date in tracks:
            visit = folder.visit(date)
            files += [visit.portal, visit.hepatic, visit.segments]
        is_whole = all(path.is_file() for path in files)
        return is_whole and self.basis == _basis(tracks, folder, self.settings)


def _basis(
    tracks: Mapping[str, Mapping[int, int]], folder: RunFolder, settings: Mapping[str, Any]
) -> str:
    visits = {}
    for date, labels in tracks.items():
        visit = folder.visit(date)
        drawn = [visit.lesions, *(visit.mask(name) for name in CLASSES)]
        digests = [sha256_of(path) if path.exists() else None for path in drawn]
        visits[date] = [sorted(labels.items()), digests]
    facts = {
        "version": __version__,
        "method": METHODS["plan"],
        "settings": settings,
        "visits": visits,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
