"""The recipes of containers name what the package has; no engine builds them here."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
RECIPES = ("Dockerfile", "lvt.def")


@pytest.mark.parametrize("name", [*RECIPES, "wheels"])
def test_extras_and_python_are_those_of_the_project(name: str) -> None:
    recipe = (ROOT / "containers" / name).read_text()
    (extras,) = re.findall(r"\"(?:lvt-track|\.)\[([a-z,]+)\]\"", recipe)
    assert set(extras.split(",")) <= set(PROJECT["optional-dependencies"])
    versions = set(re.findall(r"python:?(3\.\d+)", recipe))
    assert len(versions) == 1
    least = PROJECT["requires-python"].removeprefix(">=")
    assert int(versions.pop().split(".")[1]) >= int(least.split(".")[1])


@pytest.mark.parametrize("name", RECIPES)
def test_what_is_run_is_installed(name: str) -> None:
    recipe = (ROOT / "containers" / name).read_text()
    run = re.findall(r"ENTRYPOINT \[\"([\w-]+)\"\]|exec ([\w-]+)", recipe)
    assert {"".join(words) for words in run} <= set(PROJECT["scripts"])
    assert run
    assert "--no-index --find-links /wheels" in recipe
