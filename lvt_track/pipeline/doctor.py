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

from lvt_track import __version__
from lvt_track.core.threads import allowed_cores
from lvt_track.errors import LvtError

__all__ = ["Finding", "examine"]

_LIBRARIES = ("numpy", "scipy", "pandas", "SimpleITK", "pydicom", "highdicom", "matplotlib")
_EXTRAS = {
    "openvino": "fast",
    "openpyxl": "xlsx",
    "pynetdicom": "pacs",
    "dynamic_network_architectures": "nnunet",
    "totalsegmentator": "totalsegmentator",
}
_GIB = 1024**3
_ENOUGH_MEMORY_GIB = 4


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


def examine() -> list[Finding]:
    """Look at Python, libraries, torch and GPU, memory, disk, the default model and extras."""
    findings = [
        Finding("lvt", f"{__version__}, Python {platform.python_version()}", True),
        *(_library(name) for name in _LIBRARIES),
        *_torch(),
        _memory(),
        _disk(),
        _model(),
    ]
    findings.extend(_extra(module, extra) for module, extra in _EXTRAS.items())
    return findings


def _library(name: str) -> Finding:
    try:
        return Finding(name, version(name), True)
    except PackageNotFoundError:
        return Finding(name, "not installed; run `pip install lvt-track`", False)


def _torch() -> list[Finding]:
    try:
        from lvt_track.segment.device import describe_gpus, describe_torch, pick_device
        from lvt_track.segment.engine.choice import pick_engine
    except ImportError as error:
        return [Finding("torch", f"cannot be loaded ({error})", False)]
    engine = pick_engine(pick_device("cpu"))
    cores = f"{allowed_cores()} of {os.cpu_count()} cores allowed"
    findings = [
        Finding("torch", f"{describe_torch()}, {cores}", True),
        Finding(
            "engine",
            f"{engine}{engine.remark and f'; {engine.remark}'}",
            not engine.remark,
            is_needed=False,
        ),
    ]
    gpus = describe_gpus()
    if not gpus:
        gpu = Finding("GPU", "none; lvt runs on the CPU", False, is_needed=False)
        return [*findings, gpu]
    return findings + [
        Finding(f"cuda:{k}", state, True, is_needed=False) for k, state in enumerate(gpus)
    ]


def _joined(*texts: str) -> str:
    return "; ".join(text for text in texts if text)


def _memory() -> Finding:
    if not hasattr(os, "sysconf") or sys.platform == "win32":
        return Finding("memory", "size not known on this system", True)
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIB
    return Finding("memory", f"{total:.0f} GiB", total >= _ENOUGH_MEMORY_GIB)


def _disk() -> Finding:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free / _GIB
    return Finding("temporary files", f"{folder}, {free:.0f} GiB free", free >= 1)


def _model() -> Finding:
    from lvt_track.segment.models import load_model

    try:
        model = load_model("default")
    except LvtError as error:
        return Finding("default model", str(error), False)
    card = model.parts[0].card
    return Finding("default model", f"{card.name} {card.version}, sha256 verified", True)


def _extra(module: str, extra: str) -> Finding:
    there = importlib.util.find_spec(module) is not None
    state = "installed" if there else f"not installed; `pip install 'lvt-track[{extra}]'`"
    return Finding(f"extra {extra}", state, there, is_needed=False)
