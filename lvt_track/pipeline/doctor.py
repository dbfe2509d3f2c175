"""What this machine has that matters to lvt."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lvt_track import __version__
from lvt_track.core.memory import available_bytes
from lvt_track.core.threads import allowed_cores
from lvt_track.errors import LvtError

__all__ = ["Finding", "examine"]

_LIBRARIES = ("numpy", "scipy", "pandas", "SimpleITK", "pydicom", "highdicom", "matplotlib")
_EXTRAS = {
    "distributed": "cluster",
    "openvino": "fast",
    "openpyxl": "xlsx",
    "pynetdicom": "pacs",
    "dynamic_network_architectures": "nnunet",
    "totalsegmentator": "totalsegmentator",
}
_GIB = 1024**3
_ENOUGH_MEMORY_GIB = 4
_ENOUGH_DISK_GIB = 5
_ENOUGH_FILES = 256


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: of the thing.
        state: what was found.
        is_ok: whether it serves.
        is_needed: whether lvt cannot do its main job without it.
    """

    name: str
    state: str
    is_ok: bool
    is_needed: bool = True


def examine(out: Path | None = None) -> list[Finding]:
    """Look at Python, libraries, torch and GPU, memory, disk, the default model and extras.

    Args:
        out: where results are to be written; None to leave that.
    """
    findings = [
        Finding("lvt", f"{__version__}, Python {platform.python_version()}", True),
        *(_library(name) for name in _LIBRARIES),
        *_torch(),
        _engine(),
        _memory(),
        _disk(),
        *(() if out is None else _out(out)),
        _names(),
        _open_files(),
        _model(),
    ]
    findings.extend(_extra(module, extra) for module, extra in _EXTRAS.items())
    return findings


def _library(name: str) -> Finding:
    try:
        return Finding(name, version(name), True)
    except PackageNotFoundError:
        return Finding(name, "not installed; run `pip install lvt-track`", False)


def _engine() -> Finding:
    """What runs the networks on the CPU."""
    from lvt_track.segment.engine.choice import pick_engine

    try:
        engine = pick_engine("cpu")
    except ImportError as error:
        return Finding("engine", f"neither OpenVINO nor torch can be loaded ({error})", False)
    state = f"{engine}{engine.remark and f'; {engine.remark}'}"
    return Finding("engine", state, not engine.remark, is_needed=False)


def _torch() -> list[Finding]:
    from lvt_track.segment.device import describe_gpus, describe_torch

    try:
        state, gpus = describe_torch(), describe_gpus()
    except ImportError as error:
        return [Finding("torch", f"cannot be loaded ({error})", False)]
    cores = f"{allowed_cores()} of {os.cpu_count()} cores allowed"
    findings = [Finding("torch", f"{state}, {cores}", True)]
    if not gpus:
        gpu = Finding("GPU", "none; lvt runs on the CPU", False, is_needed=False)
        return [*findings, gpu]
    return findings + [
        Finding(f"cuda:{k}", name, True, is_needed=False) for k, name in enumerate(gpus)
    ]


def _memory() -> Finding:
    if not hasattr(os, "sysconf") or sys.platform == "win32":
        return Finding("memory", "size not known on this system", True)
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    free = available_bytes()
    if free is None:
        return Finding("memory", f"{total:.0f} GiB", total >= _ENOUGH_MEMORY_GIB)
    state = f"{total:.0f} GiB, {free / _GIB:.0f} GiB of them free to this process"
    return Finding("memory", state, free / _GIB >= _ENOUGH_MEMORY_GIB)


def _disk() -> Finding:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free / _GIB
    return Finding("temporary files", f"{folder}, {free:.0f} GiB free", free >= 1)


def _names() -> Finding:
    encoding = sys.getfilesystemencoding()
    if encoding == "utf-8":
        return Finding("names of files", "UTF-8", True)
    state = f"{encoding}: names with accents may not be written; set LC_ALL=C.UTF-8"
    return Finding("names of files", state, False, is_needed=False)


def _open_files() -> Finding:
    if sys.platform == "win32":
        return Finding("open files", "no limit known", True)
    import resource

    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    limit = "no limit" if most == resource.RLIM_INFINITY else f"{most} at once"
    enough = most == resource.RLIM_INFINITY or most >= _ENOUGH_FILES
    return Finding("open files", limit if enough else f"{limit}: run `ulimit -n 4096`", enough)


def _out(folder: Path) -> list[Finding]:
    """Whether a night's results can be written: asked of the folder, or of the one above it."""
    place = next((path for path in (folder, *folder.absolute().parents) if path.exists()), folder)
    name = f"output {folder}"
    try:
        with tempfile.NamedTemporaryFile(dir=place) as file:
            free = shutil.disk_usage(place).free / _GIB
            locks = _has_locks(file.fileno())
    except OSError as error:
        return [Finding(name, f"cannot be written to ({error.strerror or error})", False)]
    state = f"{free:.0f} GiB free"
    findings = [Finding(name, state, free >= _ENOUGH_DISK_GIB)]
    if not locks:
        state = "none on this disk: never start two runs into one folder"
        findings.append(Finding("locks", state, False, is_needed=False))
    return findings


def _has_locks(file: int) -> bool:
    if sys.platform == "win32":
        return False
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _model() -> Finding:
    from lvt_track.segment.models import load_model

    try:
        model = load_model("default")
    except LvtError as error:
        return Finding("default model", str(error), False)
    card = model.parts[0].card
    return Finding("default model", f"{card.name} {card.version}, sha256 verified", True)


def _extra(module: str, extra: str) -> Finding:
    is_installed = importlib.util.find_spec(module) is not None
    state = "installed" if is_installed else f"not installed; `pip install 'lvt-track[{extra}]'`"
    return Finding(f"extra {extra}", state, is_installed, is_needed=False)
