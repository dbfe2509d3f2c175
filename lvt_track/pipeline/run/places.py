"""Where a run's scans and tables lie, written down so that only who has them finds them again.

`run.json` holds the way from the results to them, with pseudonyms for the names on it. Whoever has
the key and the folders finds each step by giving pseudonyms to what lies there; nobody else learns
a name from it.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

from lvt_track.pipeline.run.disclosure import Disclosure
from lvt_track.pipeline.run.manifest import Failure, Manifest
from lvt_track.pipeline.run.pseudonyms import Pseudonyms, default_pseudonyms

__all__ = ["shown_manifest", "shown_settings", "with_places"]

TABLE_SETTINGS = ("corrections", "radiologist", "radiologist_tu", "radiologist_sites")
"""Settings that are paths."""


def shown_manifest(manifest: Manifest, disclosure: Disclosure, out: Path) -> Manifest:
    """The manifest as it is written into the folder `out`."""
    hidden, text = disclosure.pseudonyms, disclosure.text
    if hidden is None:
        return manifest
    return replace(
        manifest,
        source=_way(manifest.source, out, hidden),
        settings=shown_settings(manifest.settings, out, hidden),
        inputs=[
            replace(item, role=text(item.role), path=text(item.path)) for item in manifest.inputs
        ],
        left_out=[_shown(item, disclosure) for item in manifest.left_out],
        failures=[_shown(item, disclosure) for item in manifest.failures],
        warnings=[text(warning) for warning in manifest.warnings],
        drawn={
            key: replace(record, warnings=[text(warning) for warning in record.warnings])
            for key, record in manifest.drawn.items()
        },
    )


def shown_settings(
    settings: dict[str, Any], out: Path, pseudonyms: Pseudonyms | None
) -> dict[str, Any]:
    """The settings as they are written into the folder `out`."""
    if pseudonyms is None:
        return settings
    ways = {
        name: _way(settings[name], out, pseudonyms) for name in TABLE_SETTINGS if settings.get(name)
    }
    return settings | ways


def with_places(manifest: Manifest, out: Path, pseudonyms: Pseudonyms | None) -> Manifest:
    """The manifest that was read from the folder `out`, with the real places it names.

    A place that is not there, or not under this key, stays as it is written. Without pseudonyms
    those of this user are tried.
    """
    pseudonyms = pseudonyms or default_pseudonyms()
    places = {
        name: _resolved(manifest.settings[name], out, pseudonyms)
        for name in TABLE_SETTINGS
        if manifest.settings.get(name)
    }
    source = _resolved(manifest.source, out, pseudonyms)
    return replace(manifest, source=source, settings=manifest.settings | places)


def _way(place: str, out: Path, pseudonyms: Pseudonyms) -> str:
    """The way from a folder to a place, names on it hidden; one that is a way already stays."""
    if not Path(place).is_absolute():
        return place
    parts = Path(os.path.relpath(place, out.absolute())).parts
    return "/".join(_hidden(part, pseudonyms) for part in parts) or "."


def _hidden(name: str, pseudonyms: Pseudonyms) -> str:
    return name if name == ".." else pseudonyms.folder(name)


def _resolved(way: str, out: Path, pseudonyms: Pseudonyms) -> str:
    """The place that a way leads to."""
    if Path(way).is_absolute():
        return way
    place = Path(os.path.normpath(out.absolute()))
    for step in Path(way).parts:
        if step == "..":
            place = place.parent
        elif (place / step).exists():
            place /= step
        else:
            try:
                names = [one.name for one in place.iterdir()]
            except OSError:
                return way
            name = next((one for one in names if _hidden(one, pseudonyms) == step), None)
            if name is None:
                return way
            place /= name
    return str(place)


def _shown(failure: Failure, disclosure: Disclosure) -> Failure:
    return Failure(disclosure.text(failure.where), disclosure.text(failure.why))
