"""Wild folders of scans, for wild.py: those of ../shared/cases/ingest and neighbours of each kind.

The right answers are data, in scans.toml: the exit code of `lvt discover`, what is read visit
by visit (the tracked series first, by the name of what was drawn, voxel for voxel), and words that
must stand in what it tells.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clinics.neighbours import draw_neighbours

HERE = Path(__file__).parent
ANSWERS = HERE / "scans.toml"

# Runs in an environment that has the codecs of the shared scripts.
_DRAW = """
import os, runpy, sys
from pathlib import Path
import numpy as np
cases, out = Path(sys.argv[1]), Path(sys.argv[2])
sys.dont_write_bytecode = True
sys.path.insert(0, str(cases))
import kit, nibabel, SimpleITK
truths = {"drawn": kit.body()[0]}
for phase in (0, 0.5, 1, 1.5, 2, 2.5):
    for seed in range(6):
        truths[f"phase {phase:g} seed {seed}"] = kit.body(phase=phase, seed=seed)[0]
del truths["phase 0 seed 0"]
truths["upper half"] = kit.body(nz=20, seed=1)[0]
truths["first 28 slices"], truths["first 30 slices"] = kit.body()[0][:28], kit.body(nz=30)[0]
for script in sorted(cases.glob("*.py")):
    if script.stem.endswith("kit") or script.stem == "cmp":
        continue
    folder = out / script.stem
    folder.mkdir()
    np.savez(out / f"{script.stem}.npz", **truths)
    if (child := os.fork()) == 0:
        sys.argv = [str(script), str(folder)]
        runpy.run_path(str(script))
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        print(f"not drawn: {script.stem}", file=sys.stderr)
"""


@dataclass(frozen=True)
class ScanQuestion:
    """A folder, and its right answer.

    Attributes:
        group: `shared`, or the kind of the neighbour.
        name: of the case.
        folder: where it lies.
        truths: file of the volumes that were drawn, by name.
        want: `exit`, `read` and `told`.
    """

    group: str
    name: str
    folder: Path
    truths: Path
    want: Mapping[str, Any]


def scan_questions(cases: Path, scratch: Path, drawer: str) -> list[ScanQuestion]:
    """Draw every folder: the shared ones with the interpreter `drawer`, then the neighbours."""
    answers = tomllib.loads(ANSWERS.read_text(encoding="utf-8")) if ANSWERS.exists() else {}
    questions = []
    if cases.is_dir():
        shared = scratch / "shared"
        shared.mkdir(parents=True)
        command = [drawer, "-W", "ignore", "-c", _DRAW, str(cases / "ingest"), str(shared)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        for folder in sorted(path for path in shared.iterdir() if path.is_dir()):
            want = answers.get("shared", {}).get(folder.name, {})
            truths = folder.with_suffix(".npz")
            questions.append(ScanQuestion("shared", folder.name, folder, truths, want))
    for kind, name, folder, truths in draw_neighbours(scratch / "neighbours"):
        want = answers.get(kind, {}).get(name, {})
        questions.append(ScanQuestion(kind, name, folder, truths, want))
    return questions


def ask(tree: Path, questions: Sequence[ScanQuestion]) -> list[list[Any]]:
    """What a tree answers to each: exit code, what it reads, what it tells."""
    done = subprocess.run(
        [sys.executable, str(HERE / "scans_asked.py")],
        input=json.dumps([[str(q.folder), str(q.truths)] for q in questions]),
        capture_output=True,
        text=True,
        # As a terminal in a UTF-8 locale takes output, where other bytes are errors.
        env=os.environ | {"PYTHONPATH": str(tree), "PYTHONIOENCODING": "utf-8:strict"},
        check=True,
    )
    answers: list[list[Any]] = json.loads(done.stdout)
    return answers


def wrong_scans(tree: Path, questions: Sequence[ScanQuestion]) -> dict[tuple[str, str], str]:
    """What a tree answers wrongly, in words, by group and name."""
    wrong = {}
    for question, answer in zip(questions, ask(tree, questions), strict=True):
        if told := verdict(question.want, *answer):
            wrong[question.group, question.name] = told
    return wrong


def verdict(want: Mapping[str, Any], code: int, read: str, told: str) -> str:
    """What is wrong in an answer; empty where nothing is."""
    if not want:
        return f"no right answer is known; exit {code}, read {read}"
    if code != want["exit"]:
        return f"exit {code}, not {want['exit']}"
    right = [want["read"]] if isinstance(want["read"], str) else want["read"]
    if read not in right:
        return f"read “{read}”, not “{' or '.join(right)}”"
    missing = [words for words in want.get("told", ()) if not re.search(words, told)]
    return f"not told: {'; '.join(missing)}" if missing else ""
