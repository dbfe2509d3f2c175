from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lvt_track.core.memory import available_bytes
from lvt_track.core.threads import allowed_cores, cgroup_cores, limit_threads, threads_of


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({"cpu.max": "nonsense\n"}, None),
        ({}, None),
    ],
)
def test_quota_of_a_control_group(
    files: dict[str, str], cores: float | None, tmp_path: Path
) -> None:
    for name, content in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    assert cgroup_cores(tmp_path) == cores


def test_what_the_environment_says_stands_and_an_option_overrules_it() -> None:
    environ = {"OMP_NUM_THREADS": "3", "OMP_WAIT_POLICY": "ACTIVE"}
    assert limit_threads(environ=environ) == 3
    assert environ["MKL_NUM_THREADS"] == "3"
    assert environ["OMP_WAIT_POLICY"] == "ACTIVE"
    assert limit_threads(5, environ) == 5
    assert set(environ.values()) == {"5", "ACTIVE", "0", "1"}
    assert environ["OPENBLAS_NUM_THREADS"] == "1"
    assert threads_of({"OMP_NUM_THREADS": "two"}) == allowed_cores()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="no affinity on this system")
def test_a_process_on_one_core_uses_one_thread() -> None:
    lines = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})",
        "from lvt_track.core.threads import limit_threads",
        "assert limit_threads() == 1",
        "import torch; print(torch.get_num_threads(), os.environ['OMP_WAIT_POLICY'])",
    )
    environ = {k: v for k, v in os.environ.items() if not k.endswith(("_THREADS", "_POLICY"))}
    told = subprocess.run(
        [sys.executable, "-c", "\n".join(lines)],
        env=environ, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.split() == ["1", "PASSIVE"]


def test_memory_is_the_less_of_machine_and_control_group(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  8000 kB\nMemAvailable:    5000 kB\n")
    assert available_bytes(meminfo, tmp_path) == 5000 * 1024
    (tmp_path / "memory.max").write_text("3000000\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    assert available_bytes(meminfo, tmp_path) == 2_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert available_bytes(tmp_path / "none", tmp_path) is None
