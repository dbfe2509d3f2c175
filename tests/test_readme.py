"""Every command of the README is run, as written, from top to bottom."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md")])
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)


def commands() -> list[str]:
    """The shell commands of the README, without the two that set up this very environment."""
    lines = "\n".join(BLOCK.findall((ROOT / "README.md").read_text())).splitlines()
    shell = [line.split("  #")[0].strip() for line in lines]
    return [line for line in shell if line and not line.startswith(("make ", "pip "))]


def test_readme_commands_run(tmp_path: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for command in commands():
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            env=os.environ | {"PATH": path},
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    assert (tmp_path / "results" / "report.pdf").exists()


def test_the_lines_of_python_run(
    tmp_path: Path, tiny_patient: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (block,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    shutil.copytree(tiny_patient, tmp_path / "patient")
    shutil.copy(next(tiny_patient.glob("*/portal.nii.gz")), tmp_path / "ct.nii.gz")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(block, names)
    assert names["masks"].liver.shape == names["scan"].hu.shape
    assert len(names["course"].visits) == 3
    assert (tmp_path / "results" / "report.html").exists()


def test_readme_gives_the_main_commands() -> None:
    text = "\n".join(commands())
    for command in ("track", "report", "segment", "measure", "respond", "discover", "phantom"):
        assert f"lvt {command} " in text
    readme = (ROOT / "README.md").read_text()
    assert readme.index("make demo") < readme.index("make test") < readme.index("lvt track")


def test_make_demo_is_lvt_demo() -> None:
    recipe = (ROOT / "Makefile").read_text()
    assert "lvt demo -o demo" in recipe


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), f"{page.name}: {target}"
