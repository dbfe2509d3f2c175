"""The next scan is read while one is worked on, and failures stay where they belong."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from lvt_track.errors import InputError
from lvt_track.pipeline.patient.settings import TrackSettings
from lvt_track.pipeline.patient.visit import read_ahead
from lvt_track.pipeline.patient.visit.read_ahead import ScansAhead
from lvt_track.pipeline.run.model_choice import ModelChoice
from lvt_track.segment.engine import choice as engine_choice
from lvt_track.segment.engine.choice import OPENVINO, TORCH, Engine


class At:
    def __init__(self, key: str) -> None:
        self.key = key


VISITS: Any = [At("a"), At("b"), At("c"), At("d")]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    log: list[str] = []

    def reading(at: At) -> str:
        log.append(at.key)
        if at.key == "b":
            raise InputError("it is broken")
        return f"scan {at.key}"

    monkeypatch.setattr(read_ahead, "_read", reading)
    return log


def test_each_is_read_once_in_its_order_also_where_one_fails(read: list[str]) -> None:
    with ThreadPoolExecutor(1) as beside:
        ahead = ScansAhead(VISITS, beside)
        assert ahead.read(VISITS[0]) == "scan a"
        with pytest.raises(InputError, match="broken"):
            ahead.read(VISITS[1])
        assert [ahead.read(VISITS[k]) for k in (2, 3)] == ["scan c", "scan d"]
    assert read == ["a", "b", "c", "d"]


def test_what_is_left_out_is_passed_over(read: list[str]) -> None:
    with ThreadPoolExecutor(1) as beside:
        ahead = ScansAhead(VISITS, beside)
        assert ahead.read(VISITS[0]) == "scan a"
        assert ahead.read(VISITS[3]) == "scan d"
    assert read.count("d") == 1


def test_one_is_read_ahead_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    started = [threading.Event() for _ in VISITS]

    def reading(at: At) -> str:
        started["abcd".index(at.key)].set()
        return at.key

    monkeypatch.setattr(read_ahead, "_read", reading)
    with ThreadPoolExecutor(2) as beside:
        ahead = ScansAhead(VISITS, beside)
        ahead.read(VISITS[0])
        assert started[1].wait(5.0)
        assert not started[2].is_set()


def test_the_precision_is_kept_with_a_run() -> None:
    settings = TrackSettings(precision="int8")
    assert TrackSettings.from_facts(settings.facts()) == settings
    assert settings.choice.precision == "int8"
    assert "precision" not in TrackSettings().facts()  # as runs of before have it


def test_masks_of_another_engine_or_precision_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = ModelChoice()
    conducts = set()
    for engine in (
        Engine(OPENVINO, "1", "float32"),
        Engine(OPENVINO, "2", "float32"),
        Engine(OPENVINO, "2", "int8"),
        Engine(TORCH, "2", "float32"),
    ):
        monkeypatch.setattr(engine_choice, "pick_engine", lambda *_, one=engine: one)
        conducts.add(chosen.conduct)
    assert len(conducts) == 3  # a newer version alone makes nothing anew
