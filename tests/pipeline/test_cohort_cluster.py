"""Cohorts on a real Dask cluster: the plain loop's bytes, whoever is killed on the way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from distributed import LocalCluster
from typer.testing import CliRunner, Result

from lvt_track.cli.app import app
from lvt_track.errors import UsageError
from lvt_track.pipeline.cohort.engines import cluster as module
from lvt_track.pipeline.cohort.engines.cluster import Cluster
from lvt_track.pipeline.cohort.engines.engine import Engine
from lvt_track.pipeline.cohort.engines.job import PatientJob
from lvt_track.pipeline.cohort.result import PatientRun, State
from lvt_track.pipeline.cohort.tables import POOLED
from lvt_track.pipeline.patient.track import TrackSettings
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent


def lvt(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def pooled(out: Path) -> dict[str, bytes]:
    """All pooled tables by name; the page links to folders, which shards have elsewhere."""
    names = [name for name in POOLED if not name.endswith(".html") and (out / name).exists()]
    assert {"patients.csv", "lesions.csv", "parquet/survival.parquet"} <= set(names)
    return {name: (out / name).read_bytes() for name in names}


def stand_in(job: PatientJob) -> PatientRun:
    """Follows nobody; the patient `deadly` ends its worker as the system does without memory."""
    if job.name == "deadly":
        os.kill(os.getpid(), signal.SIGKILL)
    return PatientRun(job.name, job.out, State.DONE)


def job(name: str) -> PatientJob:
    return PatientJob(Path(name), Path("out") / name, TrackSettings(), Existing.RESUME)


@pytest.fixture(scope="module")
def patients(tiny_patient: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three patients of one visit, and a folder without scans."""
    folder = tmp_path_factory.mktemp("cohort") / "patients"
    for name in ("anna", "bert", "carl"):
        shutil.copytree(tiny_patient / "2024-01-15", folder / name / "2024-01-15")
    (folder / "empty").mkdir()
    return folder


@pytest.fixture(scope="module")
def plain(patients: Path) -> Path:
    """The results of a plain loop."""
    out = patients.parent / "plain"
    assert lvt("cohort", patients, "-o", out, "--jobs", 1, "--tables-only").exit_code == 4
    return out


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """A cluster that somebody else has started, with one worker."""
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=True, dashboard_address="127.0.0.1:0"
    ) as running:
        yield running.scheduler_address


def test_a_local_cluster_gives_the_bytes_of_a_plain_loop(patients: Path, plain: Path) -> None:
    out = patients.parent / "local"
    result = lvt("cohort", patients, "-o", out, "--jobs", 2, "--tables-only")
    assert result.exit_code == 4, result.output
    assert "4 patients: 3 done, 1 failed" in result.output
    assert pooled(out) == pooled(plain)


def test_shards_on_a_running_cluster_merge_to_the_same_bytes(
    patients: Path, plain: Path, scheduler: str, tmp_path: Path
) -> None:
    shards = [tmp_path / "1", tmp_path / "2"]
    for k, shard in enumerate(shards, 1):
        which = ("--shard", f"{k}/2", "--scheduler", scheduler, "--tables-only")
        result = lvt("cohort", patients, "-o", shard, *which)
        assert result.exit_code == (0 if k == 1 else 4), result.output
    result = lvt("cohort", "--merge", *shards, "-o", tmp_path / "all")
    assert result.exit_code == 4, result.output
    assert pooled(tmp_path / "all") == pooled(plain)

    missing = lvt("cohort", "--merge", shards[0], "-o", tmp_path / "half")
    assert missing.exit_code == 2
    assert "shards 2 of 2 are missing" in missing.output
    twice = lvt("cohort", "--merge", shards[0], shards[0], "-o", tmp_path / "twice")
    assert twice.exit_code == 2
    whole = lvt("cohort", "--merge", plain, "-o", tmp_path / "whole")
    assert "--shard" in whole.output


def test_a_patient_that_ends_its_worker_costs_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "run_patient", stand_in)
    jobs = [job(name) for name in ("a", "deadly", "b", "c")]
    with Cluster.local(1) as cluster:
        runs = {run.name: run for run in cluster.run(jobs)}
    assert {name: run.state.value for name, run in runs.items()} == {
        **dict.fromkeys("abc", "done"),
        "deadly": "failed",
    }
    assert "ended twice" in runs["deadly"].why


def test_workers_of_another_version_are_refused(
    scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "identity", Identity("lvt 9.9"))
    told = Told()
    with (
        pytest.raises(UsageError, match="none of the 1 workers has what this run has"),
        Cluster.running(scheduler, "default", told),
    ):
        pass
    (text,) = told.warnings
    assert "is not used: it has lvt other" in text


class Identity:
    """Says one thing here, and another in a worker, to which it goes by pickle."""

    def __init__(self, told: str) -> None:
        self.told = told

    def __call__(self, model: str) -> str:
        return self.told

    def __reduce__(self) -> tuple[Any, ...]:
        return Identity, ("lvt other",)


class Told(Silent):
    """Keeps what it is warned of."""

    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


@pytest.mark.parametrize("address", ["host", "tcp://host", "http://host:1", "tcp://h:1 2"])
def test_what_is_no_address_is_refused(address: str, patients: Path, tmp_path: Path) -> None:
    result = lvt("cohort", patients, "-o", tmp_path / "out", "--scheduler", address)
    assert result.exit_code == 2
    assert "tcp://host:8786" in result.output
    assert not (tmp_path / "out").exists()


def test_nobody_at_the_address_is_said_at_once(patients: Path, tmp_path: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{closed.getsockname()[1]}"
        result = lvt("cohort", patients, "-o", tmp_path / "out", "--scheduler", address)
    assert result.exit_code == 5
    assert "no Dask scheduler answers" in result.output
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("greeting", [b"", b"220 mail.example ESMTP ready"])
def test_what_listens_but_is_no_scheduler_is_said(
    greeting: bytes, patients: Path, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            line, _ = server.accept()
            with line:
                line.sendall(greeting)

        Thread(target=answer, daemon=True).start()
        address = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        result = lvt("cohort", patients, "-o", tmp_path / "out", "--scheduler", address)
    assert result.exit_code == 5
    assert "what answers is no scheduler" in result.output


def test_without_dask_a_scheduler_is_refused_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lvt_track.pipeline.cohort.engines.engine.has_dask", lambda: False)
    with pytest.raises(UsageError, match=r"pip install 'lvt-track\[cluster\]'"):
        Engine(scheduler="tcp://host:8786")


def test_progress_as_json(patients: Path, plain: Path) -> None:
    result = lvt(
        "cohort", patients, "-o", plain, "--resume", "--jobs", 1, "--log-json", "--tables-only"
    )
    assert result.exit_code == 4
    events = [json.loads(line) for line in result.stderr.splitlines()]
    assert [e["done"] for e in events if e["event"] == "step"] == [1, 2, 3, 4]
    assert events[0]["event"] == "stage"
    assert any(e["event"] == "warning" and "empty" in e["text"] for e in events)
    facts = json.loads((plain / "cohort.json").read_text())
    assert [p["state"] for p in facts["patients"]] == ["kept", "kept", "kept", "failed"]
    assert facts["finished"]
