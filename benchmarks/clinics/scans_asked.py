"""Asks a tree of this repository about folders of scans; run by scans.py, with PYTHONPATH set.

Each question runs in a fork of one process: a start takes a second, and a decoder may abort.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom  # noqa: F401, loaded once for all forks
import SimpleITK as sitk  # noqa: F401

import lvt_track.cli.app
import lvt_track.io.discover
from lvt_track.errors import LvtError
from lvt_track.io.discover import discover, read_scan

OUTSIDE_HU = -1024


def forked(job: Callable[[], None], out: Path) -> int:
    """The exit code of a job in a process of its own, whose output goes to files."""
    child = os.fork()
    if child:
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return code if code >= 0 else 128 - code
    code = 99
    for number in (1, 2):
        os.dup2(os.open(f"{out}.{number}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    try:
        job()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    os._exit(code)


def answer(folder: Path, truths: Path, out: Path) -> None:
    """`lvt discover FOLDER --json`, then write which drawn volumes are read of what it found."""
    found: list[Any] = []

    def discovered(*arguments: Any, **options: Any) -> Any:
        found.append(discover(*arguments, **options))
        return found[0]

    lvt_track.io.discover.discover = discovered
    sys.argv = ["lvt", "discover", str(folder), "--json"]
    try:
        lvt_track.cli.app.app()
    finally:
        if found:
            out.write_text(volumes(found[0], dict(np.load(truths))))


def volumes(found: Any, drawn: dict[str, Any]) -> str:
    """What is read, visit by visit, the tracked series first."""
    visits = []
    for visit in found.visits:
        series = sorted(visit.series, key=lambda one: one is not visit.tracked_series)
        names = [name_of(one, drawn) for one in series]
        visits.append(f"{visit.date}: {', '.join([names[0], *sorted(names[1:])])}")
    return "; ".join(visits)


def name_of(series: Any, drawn: dict[str, Any]) -> str:
    """What a series was drawn as, and the masks given with it."""
    try:
        hu = read_scan(series).hu
    except LvtError:
        return "not read"
    given = [counted(name, series.masks[name], series) for name in sorted(series.masks)]
    masks = f" with {' and '.join(given)}" if given else ""
    for name, truth in drawn.items():
        if truth.shape == hu.shape and np.array_equal(truth, hu):
            return name + masks
    for name, truth in drawn.items():
        if truth.shape == hu.shape and ((truth == hu) | (hu == OUTSIDE_HU)).all():
            return f"{name} but for padding{masks}"
    return f"{hu.shape[0]} other slices{masks}"


def counted(name: str, mask: Any, series: Any) -> str:
    """A class that is given, and how many of its pieces have a label each."""
    try:
        from lvt_track.io.layouts.given_masks import read_given_labels
    except ImportError:  # an older tree
        return name
    labels = len(set(np.unique(read_given_labels(mask, read_scan(series).geometry))) - {0})
    return f"{labels} {name}" if labels > 1 and name == "tumors" else name


def main() -> None:
    """Answer every question on stdin: [folder, file of what was drawn]."""
    answers = []
    for folder, truths in json.load(sys.stdin):
        out = Path(truths).with_suffix(".answer")
        out.unlink(missing_ok=True)
        code = forked(lambda f=folder, t=truths, o=out: answer(Path(f), Path(t), o), out)
        told = "".join(Path(f"{out}.{n}").read_text(errors="replace") for n in (1, 2))
        answers.append([code, out.read_text() if out.exists() else "", told])
    json.dump(answers, sys.__stdout__)


if __name__ == "__main__":
    main()
