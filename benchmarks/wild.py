"""Wild input: tables and scans of ../shared/cases and their neighbours, against right answers.

    python benchmarks/wild.py [tables] [scans] [--before TREE] [--cases ../shared/cases]

Writes sections of docs/results/wild.md. With `--before`, an older tree of this repository answers
the same questions. The right answers are data: clinics/tables.toml for the shared tables,
tests/response/table_kinds.toml for those of the suite, clinics/scans.toml for scans. The shared
scans are drawn by `--drawer`, a Python that has what ../shared/cases/README.md names.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from clinics.scans import ScanQuestion, scan_questions, wrong_scans  # noqa: E402
from tests.response.table_kinds import CASES, verdict, write_case  # noqa: E402

PAGE = ROOT / "docs/results/wild.md"
TABLES = [
    "## Tables",
    "",
    "`python benchmarks/wild.py tables --before TREE`; TREE is commit 98ced14. The first row is "
    "`../shared/cases/response`,",
    "the others are kinds in the test suite with their neighbours. A refusal is right only if "
    "its message names the true",
    "reason, so some of the cases that were wrong before were refused for another one.",
]
SCANS = [
    "## Scans",
    "",
    "`python benchmarks/wild.py scans --before TREE`; TREE is commit 98ced14. The first row is "
    "`../shared/cases/ingest`, the",
    "others are neighbours of its kinds, from `benchmarks/clinics/neighbours`. An answer is right "
    "if the exit code of `lvt discover",
    "--json` is, every visit and series is there and voxel for voxel what was drawn, and the words "
    "of a warning or refusal fit",
    "(`benchmarks/clinics/scans.toml`). Before, nothing listed every file, and warnings were "
    "fewer.",
]

# Runs in the environment of the tree that is asked: one process for all, as a start takes a second.
_RUNNER = """
import json, os, sys
from typer.testing import CliRunner
from lvt_track.cli.app import app
answers = []
for folder, arguments in json.load(sys.stdin):
    os.chdir(folder)
    found = CliRunner().invoke(app, arguments)
    crash = found.exception is not None and not isinstance(found.exception, SystemExit)
    answers.append([99 if crash else found.exit_code, found.stdout, found.stderr])
json.dump(answers, sys.stdout)
"""


@dataclass(frozen=True)
class Question:
    """One case: how it is asked, and its right answer.

    Attributes:
        group: `shared`, or the kind in the suite.
        name: of the case.
        folder: where it lies.
        arguments: of `lvt`.
        want: the right answer, as `verdict` takes it.
    """

    group: str
    name: str
    folder: Path
    arguments: Sequence[str]
    want: Mapping[str, Any]


def shared_questions(cases: Path, scratch: Path) -> list[Question]:
    """The shared cases that are tables, copied to where they may be read and written."""
    wanted = tomllib.loads((ROOT / "benchmarks/clinics/tables.toml").read_text(encoding="utf-8"))
    questions = []
    for name, want in wanted.items():
        folder = scratch / "shared" / name
        shutil.copytree(cases / "response" / name, folder)
        arguments = shlex.split((folder / "cmd.txt").read_text())[1:]
        json_option = [] if "--json" in arguments else ["--json"]
        questions.append(Question("shared", name, folder, [*arguments, *json_option], want))
    return questions


def suite_questions(scratch: Path) -> list[Question]:
    """The cases of the test suite: each kind with its neighbours."""
    questions = []
    for number, case in enumerate(CASES):
        folder = scratch / "suite" / str(number)
        folder.mkdir(parents=True)
        arguments = write_case(case, folder)
        questions.append(Question(case["kind"], case["name"], folder, arguments, case))
    return questions


def wrong_answers(tree: Path, questions: Sequence[Question]) -> dict[tuple[str, str], str]:
    """What a tree answers wrongly, in words, by group and name."""
    asked = json.dumps([[str(q.folder), list(q.arguments)] for q in questions])
    environment = os.environ | {"PYTHONPATH": str(tree), "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-c", _RUNNER],
        input=asked,
        capture_output=True,
        text=True,
        env=environment,
        cwd=questions[0].folder,  # not the tree of this file, which would be found first
        check=True,
    )
    wrong = {}
    for question, (code, stdout, stderr) in zip(questions, json.loads(done.stdout), strict=True):
        if told := verdict(question.want, code, stdout, stderr):
            wrong[question.group, question.name] = told
    return wrong


def section(
    intro: Sequence[str],
    questions: Sequence[Question | ScanQuestion],
    now: Mapping[tuple[str, str], str],
    before: Mapping[tuple[str, str], str] | None,
) -> str:
    """A section of the page."""
    groups = dict.fromkeys(question.group for question in questions)
    lines = [
        *intro,
        "",
        "| kind | cases | right before | right now |",
        "|---|---|---|---|",
    ]
    totals = [0, 0, 0]
    for group in groups:
        own = [question for question in questions if question.group == group]
        count = len(own)
        right = count - sum((group, q.name) in now for q in own)
        old = count - sum((group, q.name) in (before or {}) for q in own)
        totals = [totals[0] + count, totals[1] + old, totals[2] + right]
        lines.append(f"| {group} | {count} | {old if before is not None else '–'} | {right} |")
    old_total = totals[1] if before is not None else "–"
    lines.append(f"| **all** | {totals[0]} | {old_total} | {totals[2]} |")
    lines += ["", "Wrong now:", ""]
    lines += [f"- {group}, {name}: {_one_line(told)}" for (group, name), told in now.items()]
    if not now:
        lines.append("- none")
    lines += ["", "Cases, kind by kind (those in italics were wrong before):", ""]
    for group in groups:
        names = [
            f"*{q.name}*" if (group, q.name) in (before or {}) else q.name
            for q in questions
            if q.group == group
        ]
        lines.append(f"- **{group}**: {'; '.join(names)}")
    return "\n".join(lines)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:160]


def write_section(name: str, text: str) -> None:
    """Put a section into the page, between its marks."""
    start, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    page = PAGE.read_text(encoding="utf-8")
    block = f"{start}\n{text}\n{end}"
    page = page[: page.index(start)] + block + page[page.index(end) + len(end) :]
    PAGE.write_text(page, encoding="utf-8")


def main() -> None:
    """Ask both trees and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", default=["tables", "scans"], help="tables, scans")
    parser.add_argument("--before", type=Path, help="an older tree of this repository")
    parser.add_argument("--cases", type=Path, default=ROOT / "../shared/cases")
    parser.add_argument("--drawer", default=sys.executable, help="Python that draws shared scans")
    arguments = parser.parse_args()
    before = arguments.before
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        if "tables" in arguments.parts:
            has_cases = arguments.cases.is_dir()
            questions = shared_questions(arguments.cases, folder) if has_cases else []
            questions += suite_questions(folder)
            old = None if before is None else wrong_answers(before, questions)
            report("tables", TABLES, questions, wrong_answers(ROOT, questions), old)
        if "scans" in arguments.parts:
            scans = scan_questions(arguments.cases.resolve(), folder / "scans", arguments.drawer)
            old = None if before is None else wrong_scans(before, scans)
            report("scans", SCANS, scans, wrong_scans(ROOT, scans), old)


def report(
    name: str,
    intro: Sequence[str],
    questions: Sequence[Question | ScanQuestion],
    now: Mapping[tuple[str, str], str],
    before: Mapping[tuple[str, str], str] | None,
) -> None:
    """Write a section of the page, and say what is wrong now."""
    write_section(name, section(intro, questions, now, before))
    print(f"{len(questions) - len(now)} of {len(questions)} {name} right")
    for (group, case), told in now.items():
        print(f"wrong: {group}, {case}: {_one_line(told)}")


if __name__ == "__main__":
    main()
