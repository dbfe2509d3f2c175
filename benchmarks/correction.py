"""What a correction costs where masks are given, with the run's registrations and without them.

Usage: python benchmarks/correction.py [--visits 5] [--protocols small clinical]

A phantom is followed; then one lesion is called none and `lvt report --corrections` run twice, on
the run as it is and on one whose kept alignments are gone. Told are seconds of cores, which a busy
machine hardly changes, and whether all tables and transforms of the two are the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from pages.markdown import markdown_table, write_page


def lvt(*words: object) -> float:
    """Run `lvt`; its seconds of cores."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "lvt_track.cli", *map(str, words), "--quiet"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def correct_twice(protocol: str, visits: int, work: Path) -> list[str]:
    """A row of the table."""
    patient, out, anew = work / "patient", work / "out", work / "anew"
    lvt("phantom", "-o", patient, "--visits", visits, "--protocol", protocol, "--masks")
    track_s = lvt("track", patient, "-o", out)
    with (out / "lesions.csv").open(encoding="utf-8", newline="") as file:
        lesion = list(csv.DictReader(file))[-1]
    table = work / "corrections.csv"
    row = f"none,{lesion['date']},{lesion['lesion']}"
    table.write_text(f"action,date_a,lesion_a\n{row}\n", encoding="utf-8")
    shutil.copytree(out, anew)
    for path in (anew / "transforms").glob("*.npz"):
        path.unlink()
    anew_s, kept_s = (lvt("report", folder, "--corrections", table) for folder in (anew, out))
    written = [path for form in ("csv", "h5", "npz") for path in sorted(out.rglob(f"*.{form}"))]
    differ = [p for p in written if p.read_bytes() != (anew / p.relative_to(out)).read_bytes()]
    kept_mb = sum(path.stat().st_size for path in out.rglob("*.npz")) / 1e6
    return [
        f"{protocol}, {visits} visits",
        f"{track_s:.1f} s",
        f"{anew_s:.1f} s",
        f"{kept_s:.1f} s",
        f"{kept_s / anew_s:.2f}",
        f"{len(differ)} of {len(written)}",
        f"{kept_mb / (visits - 1):.1f} MB",
    ]


def main() -> None:
    """Draw, follow, correct, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--visits", type=int, default=5)
    parser.add_argument("--protocols", nargs="+", default=["small", "clinical"])
    asked = parser.parse_args()
    rows = []
    for protocol in asked.protocols:
        with tempfile.TemporaryDirectory() as work:
            rows.append(correct_twice(protocol, asked.visits, Path(work)))
        print(rows[-1], flush=True)
    header = (
        "protocol|`lvt track`|a correction, registered anew|with the run's registrations|ratio|"
        "tables and transforms that differ|kept, a pair"
    )
    write_page(
        "correction",
        "What a correction costs",
        f"python benchmarks/correction.py --visits {asked.visits} "
        f"--protocols {' '.join(asked.protocols)}",
        "One lesion is called none by `lvt report --corrections`, every report written. Seconds of "
        "cores.",
        markdown_table(header.split("|"), rows),
    )


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
