"""Write the result of a benchmark as a Markdown page with date, machine and command."""

from __future__ import annotations

import datetime as dt
import os
import platform
from collections.abc import Sequence
from pathlib import Path

RESULTS = Path(__file__).parents[2] / "docs" / "results"


def machine() -> str:
    """Processor, cores and memory of this machine."""
    processor = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        processor = names[0].split(":")[1].strip() if names else processor
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return f"{processor}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, no GPU used"


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Rows under a header."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def write_page(name: str, title: str, command: str, *parts: str) -> Path:
    """Write `docs/results/NAME.md` and return its path."""
    facts = f"{dt.date.today().isoformat()} · {machine()} · `{command}`"
    path = RESULTS / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n\n".join([f"# {title}", facts, *parts]) + "\n", encoding="utf-8")
    return path
