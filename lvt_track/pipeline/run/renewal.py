"""`--force`: a new run beside the old one, which takes its place once it is done.

Whatever goes wrong before leaves the old run as it was. Files that lvt did not write stay, and so
do masks that a reader has edited: they are set aside under another name.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from lvt_track.errors import InputError, OutputError
from lvt_track.io.images.volumes import read_labels
from lvt_track.lesions.given_labels import tumor_labels
from lvt_track.pipeline.run.folder import RunFolder
from lvt_track.pipeline.run.manifest import Manifest, mask_digest
from lvt_track.pipeline.run.output import make_folder

__all__ = ["renewed", "sweep"]

_NEW = ".lvt-new-"
_UNFINISHED = ".writing-"


@contextlib.contextmanager
def renewed(folder: RunFolder) -> Iterator[RunFolder]:
    """A folder for a new run; its files take the place of the old run's when the block ends well.

    Raises:
        OutputError: when the files cannot be put in place.
    """
    new = RunFolder(folder.path / f"{_NEW}{secrets.token_hex(4)}")
    try:
        make_folder(new.path)
        yield new
        try:
            _set_aside_edited(folder)
            _drop_old(folder)
            _move_in(new.path, folder.path)
        except OSError as error:
            what = f"the new run cannot be put in place ({error})"
            raise OutputError(what, path=folder.path) from error
    finally:
        shutil.rmtree(new.path, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what runs that were ended have left half-written. Only while no other run goes on."""
    for parent, folders, names in os.walk(folder):
        for name in list(folders):
            if name.startswith(_NEW):
                shutil.rmtree(Path(parent, name), ignore_errors=True)
                folders.remove(name)
        for name in names:
            if name.startswith(_UNFINISHED):
                Path(parent, name).unlink(missing_ok=True)


def _set_aside_edited(folder: RunFolder) -> None:
    """Give masks that a reader has edited a name that no run writes."""
    try:
        records = Manifest.read(folder.path).drawn
    except InputError:
        records = {}
    for key, record in records.items():
        date, _, series = key.partition("/")
        for name in record.sha256:
            path = folder.visit(date).mask(name, series)
            try:
                labels, grid = read_labels(path)
            except InputError:
                continue  # gone, or damaged
            apart = tumor_labels(labels, grid.spacing_mm).apart if name == "tumors" else None
            if not record.knows(name, mask_digest(labels != 0, apart)):
                path.rename(_free(path.with_name(f"edited_{path.name}")))


def _free(path: Path) -> Path:
    """The path, or a numbered one where there is such a file already."""
    number, free = 1, path
    while free.exists():
        number += 1
        free = path.with_name(f"{number}_{path.name}")
    return free


def _drop_old(folder: RunFolder) -> None:
    """Remove the old run's files, and no other."""
    for path in folder.lvt_files():
        path.unlink()
    for parent in sorted(folder.lvt_folders(), reverse=True):
        with contextlib.suppress(OSError):
            parent.rmdir()  # stays where something else lies in it


def _move_in(new: Path, folder: Path) -> None:
    """Move all files of a folder to the same places below another; the manifest last."""
    files = sorted((path for path in new.rglob("*") if path.is_file()), key=_manifest_last)
    for path in files:
        target = folder / path.relative_to(new)
        target.parent.mkdir(parents=True, exist_ok=True)
        path.replace(target)


def _manifest_last(path: Path) -> tuple[bool, Path]:
    return path.name == RunFolder(path.parent).manifest.name, path
