"""Write a course down: tables, transforms, PDF."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from lvt_track.core.course import Course, KeyImage
from lvt_track.io.transforms import write_transform
from lvt_track.pipeline.manifest import MANIFEST, Manifest
from lvt_track.register.frame import CommonFrame
from lvt_track.report import tables
from lvt_track.report.pdf import RunFacts, write_pdf

__all__ = ["OUTPUTS", "tell"]

_TABLES = {
    "visits.csv": tables.visits_table,
    "lesions.csv": tables.lesions_table,
    "edges.csv": tables.edges_table,
    "tracks.csv": tables.tracks_table,
    "response.csv": tables.response_table,
    "phases.csv": tables.phases_table,
}

OUTPUTS = (MANIFEST, *_TABLES, "report.pdf", "visits", "transforms")
"""Everything a run writes; `--force` clears these of an earlier run away."""


def tell(
    course: Course,
    pictures: Sequence[KeyImage],
    frame: CommonFrame,
    out: Path,
    manifest: Manifest,
) -> None:
    """Write tables, transforms and the report of a course into `out`.

    Raises:
        OutputError: when a file cannot be written.
    """
    for name, table in _TABLES.items():
        tables.write_table(table(course), out / name)
    dates = [found.visit.name for found in course.visits]
    for visit, alignment in frame.alignments.items():
        path = out / "transforms" / f"{dates[frame.reference]}_to_{dates[visit]}.h5"
        write_transform(alignment.transform, path)
    facts = RunFacts(
        source=manifest.source,
        started=manifest.started,
        version=manifest.version,
        models=manifest.models,
        failures=tuple(f"{item.where}: {item.why}" for item in manifest.failures),
        warnings=tuple(manifest.warnings),
    )
    write_pdf(course, pictures, out / "report.pdf", facts)
