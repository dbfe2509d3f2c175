"""Write a course down: tables, transforms, PDF, HTML."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lvt_track.agreement.records import ReaderComparison
from lvt_track.core.course import Course, KeyImage
from lvt_track.io.transforms import write_transform
from lvt_track.pipeline.radiologist.comparison import write_comparison
from lvt_track.pipeline.run.manifest import MANIFEST, Manifest
from lvt_track.pipeline.run.output import make_folder
from lvt_track.register.frame import CommonFrame
from lvt_track.report import tables
from lvt_track.report.content import ReportContent
from lvt_track.report.facts import RunFacts
from lvt_track.report.html.document import write_html
from lvt_track.report.pdf import write_pdf
from lvt_track.report.viewer.scene import Scene

__all__ = ["OUTPUTS", "tell"]

_TABLES = {
    "visits.csv": tables.visits_table,
    "lesions.csv": tables.lesions_table,
    "edges.csv": tables.edges_table,
    "tracks.csv": tables.tracks_table,
    "response.csv": tables.response_table,
    "phases.csv": tables.phases_table,
    "lookback.csv": tables.lookback_table,
}

OUTPUTS = (
    MANIFEST,
    *_TABLES,
    "agreement.csv",
    "reader_pairs.csv",
    "report.pdf",
    "report.html",
    "visits",
    "transforms",
)
"""Everything a run writes; `--force` clears these of an earlier run away."""


def tell(
    course: Course,
    pictures: Sequence[KeyImage],
    looks: Sequence[KeyImage],
    frame: CommonFrame,
    out: Path,
    manifest: Manifest,
    comparison: ReaderComparison | None,
    scene: Scene | None = None,
    corrections: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write tables, transforms and the reports of a course into `out`.

    Args:
        course: the course.
        pictures: its key images.
        looks: pictures of the places of later tumours in the scans before.
        frame: its registration.
        out: folder of the run.
        manifest: what was run.
        comparison: with a radiologist's table, where there is one.
        scene: the visits for the interactive page.
        corrections: what readers said, as rows of their table.

    Raises:
        OutputError: when a file cannot be written.
    """
    for name, table in _TABLES.items():
        tables.write_table(table(course), out / name)
    dates = [found.visit.name for found in course.visits]
    if comparison is not None:
        write_comparison(comparison, out)
    folder = make_folder(out / "transforms")
    for date, alignment in zip(dates, frame.alignments, strict=True):
        if alignment is not None:
            path = folder / f"{dates[frame.reference]}_to_{date}.h5"
            write_transform(alignment.transform, path)
    facts = RunFacts(
        made=dt.datetime.now(),
        version=manifest.version,
        models=tuple(f"{name} (sha256 {sha[:12]})" for name, sha in manifest.models.items()),
        left_out=tuple(
            f"{item.where}: {item.why}"
            for item in dict.fromkeys((*manifest.left_out, *manifest.failures))
        ),
    )
    content = ReportContent(course, facts, pictures, looks, comparison, scene, corrections)
    write_pdf(content, out / "report.pdf")
    write_html(content, out / "report.html")
