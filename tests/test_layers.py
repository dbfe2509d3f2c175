"""Imports point downwards only, as docs/develop/architecture.md draws them."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "lvt_track"

STAGES = {
    "segment",
    "register",
    "lesions",
    "measure",
    "response",
    "agreement",
    "evaluate",
    "planning",
    "phantom",
}
LAYER = {
    "cli": 6,
    "api": 6,
    "pipeline": 5,
    "report": 4,
    "training": 4,
    **dict.fromkeys(STAGES, 3),
    "io": 2,
    "core": 1,
    "errors": 0,
}
EXCEPTIONS = {("lesions", "measure")}
TORCH_ROOMS = ("segment/", "training/", "phantom/image", "register/")


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


def room(path: Path) -> str:
    part = path.relative_to(PACKAGE).parts[0]
    return part.removesuffix(".py")


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_imports_point_downwards(path: Path) -> None:
    here = room(path)
    if here == "__init__":
        return
    for name in imported(path):
        if not name.startswith("lvt_track."):
            continue
        there = name.split(".")[1]
        if there == here:
            continue
        assert LAYER[there] < LAYER[here] or (here, there) in EXCEPTIONS, (
            f"{here} must not import {there}"
        )


def test_one_module_labels_components() -> None:
    users = {str(p.relative_to(PACKAGE)) for p in modules() if "cc3d" in imported(p)}
    assert users == {"core/components.py"}


@pytest.mark.parametrize("path", modules(), ids=lambda p: str(p.relative_to(PACKAGE)))
def test_torch_stays_in_its_rooms(path: Path) -> None:
    uses_torch = any(n.split(".")[0] == "torch" for n in imported(path))
    allowed = str(path.relative_to(PACKAGE)).startswith(TORCH_ROOMS)
    assert allowed or not uses_torch
