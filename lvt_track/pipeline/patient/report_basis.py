"""What the reports of a run are made from, in one digest."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lvt_track.io.files import sha256_of
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.folder import RunFolder
from lvt_track.pipeline.run.manifest import Manifest

__all__ = ["report_basis"]


def report_basis(
    manifest: Manifest,
    folder: RunFolder,
    scans: Sequence[str],
    corrections: Sequence[Mapping[str, Any]],
) -> str:
    """Digest of all that decides tables and reports; equal digests mean equal files.

    Args:
        manifest: of the run, before its results are written.
        folder: of the run, with all masks.
        scans: digest of the voxels of each visit's tracked scan.
        corrections: what readers said, as rows of their table.
    """
    masks = sorted(folder.drawn_files())
    facts = {
        "version": manifest.version,
        "methods": manifest.methods,
        "patient": manifest.patient,
        "settings": manifest.settings,
        "models": manifest.models,
        "engine": manifest.engine,
        "inputs": [[item.visit, item.role, item.sha256] for item in manifest.inputs],
        "told": [asdict(item) for item in (*manifest.left_out, *manifest.failures)],
        "warnings": manifest.warnings,
        "scans": list(scans),
        "masks": [[str(path.relative_to(folder.path)), sha256_of(path)] for path in masks],
        "radiologist": [sha256_of(path) for path in _tables(manifest)],
        "corrections": list(corrections),
        "tumors": manifest.tumors,
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def _tables(manifest: Manifest) -> list[Path]:
    """The files of a radiologist's measurements."""
    source = ReaderTables.from_facts(manifest.settings)
    named = (source.radiologist, source.identification, source.sites)
    tables = [table for table in named if table is not None]
    files = [file for table in tables for file in (table, *sorted(table.rglob("*")))]
    return [file for file in files if file.is_file()]
