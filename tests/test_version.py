from __future__ import annotations

import importlib
import importlib.metadata

import pytest

import lvt_track


def test_the_version_is_that_of_the_installed_package() -> None:
    assert lvt_track.__version__ == importlib.metadata.version("lvt-track")


def test_a_copy_of_the_source_runs_without_being_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    with monkeypatch.context() as patch:
        patch.setattr(importlib.metadata, "version", missing)
        assert importlib.reload(lvt_track).__version__ == "0+source"
    importlib.reload(lvt_track)
