"""Mutated files against every reader: no traceback, no hang, no memory that the file does not hold.

    python benchmarks/fuzz.py COUNT [--seed 0] [--minutes 10] [--only KIND]

Changes seeds of each kind (DICOM, NIfTI, NRRD, MetaImage, CSV, XLSX, SAS transport, structured
reports, run.json, cohort.json, cards, weights) and reads them in a child process with limits of
time and memory. Mutation `k` is the same in every run with one `--seed`. Writes
docs/results/fuzz.md, and whatever offends to benchmarks/mutations/offending/, which the suite reads
again.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import multiprocessing
import os
import platform
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.connection import Connection
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from mutations.readers import READERS, make_seeds, read  # noqa: E402

PAGE = ROOT / "docs/results/fuzz.md"
KEPT = ROOT / "benchmarks/mutations/offending"
MOST_SECONDS = 30.0
SPARE_BYTES = 1_500_000_000

# Networks are built anew for each, which takes most of the time.
SLOW = ("card", "weights")
ORDER = [*sorted(set(READERS) - set(SLOW)) * 5, *SLOW]

_NUMBERS = (b"0", b"-1", b"1", b"65535", b"2147483647", b"99999999999", b"nan", b"1e308", b"")
_WORDS = (b"\x00", b"\xff", b"\xff\xff\xff\x7f", b"\x00\x00\x00\x80", b"\xff\xff\xff\xff")


_HOW = (
    "Each file gets one to four changes: bits, words at their limits, cuts, pieces dropped,",
    "doubled or swapped, other numbers, noise; half of them in its first kilobyte. It may be",
    "read or refused in words. It must not end in a traceback, ask for more memory than the",
    "limit, hang, end the process, or be cut and then be read as if it were whole.",
    "",
)


def mutate(content: bytes, chance: random.Random) -> tuple[bytes, str]:
    """The file with one to four changes, and the name of the last."""
    name = ""
    for _ in range(chance.choice((1, 1, 1, 2, 4))):
        name = chance.choice(("flip", "word", "cut", "drop", "double", "number", "swap", "noise"))
        size = max(len(content), 1)
        # Headers are where it hurts: half of all changes are in the first kilobyte.
        at = chance.randrange(min(size, 1024) if chance.random() < 0.5 else size)
        length = min(chance.choice((1, 2, 4, 16, 128)), size)
        if name == "flip" and content:
            one = content[at] ^ 1 << chance.randrange(8)
            content = content[:at] + bytes([one]) + content[at + 1 :]
        elif name == "word":
            word = chance.choice(_WORDS)
            content = content[:at] + word + content[at + len(word) :]
        elif name == "cut":
            content = content[:at]
        elif name == "drop":
            content = content[:at] + content[at + length :]
        elif name == "double":
            content = content[: at + length] + content[at:]
        elif name == "number":
            digits = [
                k for k in range(at, min(at + 400, len(content))) if content[k : k + 1].isdigit()
            ]
            if digits:
                end = digits[0]
                while content[end : end + 1].isdigit():
                    end += 1
                content = content[: digits[0]] + chance.choice(_NUMBERS) + content[end:]
        elif name == "swap":
            other = chance.randrange(size)
            piece = content[other : other + length]
            content = content[:at] + piece + content[at + len(piece) :]
        else:
            content = content[:at] + chance.randbytes(length) + content[at + length :]
    return content, name


def serve(folder: str, todo: Connection) -> None:
    """Read what is asked for, until nothing more is."""
    import faulthandler
    import resource
    import warnings

    warnings.simplefilter("ignore")
    faulthandler.enable(file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    seeds = make_seeds(Path(folder))
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    largest = max(len(seed.content) for seed in seeds.values())
    most = used + SPARE_BYTES + 3 * largest
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    todo.send({kind: len(seed.content) for kind, seed in seeds.items()})
    while True:
        task = todo.recv()
        if task is None:
            return
        kind, content = task
        todo.send(read(seeds[kind], content))


class Child:
    """A process that reads; started anew when it hangs or dies."""

    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="lvt-fuzz-")
        context = multiprocessing.get_context("spawn")
        self.ours, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(self.folder, theirs), daemon=True)
        self.process.start()
        self.sizes = self.ours.recv()

    def ask(self, kind: str, content: bytes) -> tuple[str, str]:
        """How the reader took it: `read`, `refused`, or what must not be."""
        self.ours.send((kind, content))
        if not self.ours.poll(MOST_SECONDS):
            return "hang", f"over {MOST_SECONDS:.0f} s"
        try:
            answer: tuple[str, str] = self.ours.recv()
        except EOFError:
            self.process.join()
            return "death", f"exit code {self.process.exitcode}"
        return answer

    def end(self) -> None:
        """End it, whatever it does."""
        self.process.kill()
        self.process.join()
        shutil.rmtree(self.folder, ignore_errors=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("count", type=int, help="mutations over all kinds")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60.0, help="end after this time")
    parser.add_argument("--only", choices=sorted(READERS), help="one kind alone")
    options = parser.parse_args()
    kinds = [options.only] if options.only else ORDER
    with tempfile.TemporaryDirectory() as folder:
        seeds = make_seeds(Path(folder))
    kinds = [kind for kind in kinds if kind in seeds]
    counts: Counter[tuple[str, str]] = Counter()
    offences: dict[str, list[str]] = {}
    start, slowest, done = time.monotonic(), 0.0, 0
    child = Child()
    for number in range(options.count):
        if time.monotonic() - start > 60 * options.minutes:
            break
        kind = kinds[number % len(kinds)]
        chance = random.Random(f"{options.seed}:{number}")
        content, _ = mutate(seeds[kind].content, chance)
        asked = time.monotonic()
        outcome, why = child.ask(kind, content)
        slowest = max(slowest, time.monotonic() - asked)
        counts[kind, outcome] += 1
        done += 1
        if outcome not in ("read", "refused"):
            offences.setdefault(f"{kind}: {outcome}: {why}", []).append(str(number))
            KEPT.mkdir(exist_ok=True)
            name = f"{kind}-{options.seed}-{number}.bin"
            if len(offences[f"{kind}: {outcome}: {why}"]) == 1:
                (KEPT / name).write_bytes(content)
            print(f"{name}: {outcome}: {why}", flush=True)
        if outcome in ("hang", "death"):
            child.end()
            child = Child()
    child.end()
    elapsed = time.monotonic() - start
    facts = {
        "mutations": done,
        "seed": options.seed,
        "seconds": round(elapsed),
        "slowest_s": round(slowest, 2),
    }
    print(json.dumps(facts | {"offences": {k: len(v) for k, v in offences.items()}}, indent=2))
    if not options.only:
        PAGE.write_text(page(counts, offences, facts), encoding="utf-8")


def page(
    counts: Counter[tuple[str, str]], offences: dict[str, list[str]], facts: dict[str, float]
) -> str:
    """The page of results."""
    bad = ("traceback", "memory", "hang", "death", "silent")
    rows = [
        f"| {kind} | {sum(n for (k, _), n in counts.items() if k == kind)} | "
        + " | ".join(str(counts[kind, what]) for what in ("read", "refused", *bad))
        + " |"
        for kind in sorted({kind for kind, _ in counts})
    ]
    told = [
        f"- {what}, {len(where)} times, first at mutation {where[0]}"
        for what, where in offences.items()
    ]
    return "\n".join(
        [
            "# Mutated files against every reader",
            "",
            f"`python benchmarks/fuzz.py {facts['mutations']} --seed {facts['seed']}`, "
            f"{dt.date.today()}, {platform.machine()}, Python {platform.python_version()}:",
            f"{facts['mutations']} mutated files in {facts['seconds']} s, the slowest "
            f"{facts['slowest_s']} s. Limits: {MOST_SECONDS:.0f} s, and 1.5 GB and three times the",
            "largest file beyond what the process holds when it starts.",
            "",
            *_HOW,
            "| kind | files | read | refused | traceback | memory | hang | death | silent |",
            "|---|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            "What must not be:",
            "",
            *(told or ["- nothing"]),
            "",
            "Files that offended are kept in `benchmarks/mutations/offending/`, and read again by",
            "`tests/benchmarks/test_fuzz.py`.",
            "",
        ]
    )


if __name__ == "__main__":
    main()
