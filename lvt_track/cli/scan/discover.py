"""`lvt discover`: what would be read, and what is left out and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lvt_track.cli.console import EXIT_PARTIAL, print_json, print_text
from lvt_track.cli.options import (
    IdentifyOption,
    JsonOption,
    OnePatientOption,
    pseudonyms_unless,
)
from lvt_track.errors import LvtError

if TYPE_CHECKING:
    from lvt_track.core.series import Series
    from lvt_track.io.discover import Discovery

__all__ = ["discover"]


def discover(
    patient: Annotated[Path, typer.Argument(help="Folder with the patient's scans.")],
    pixels: Annotated[
        bool, typer.Option("--pixels", help="Tell phases that no header says from the images.")
    ] = False,
    one_patient: OnePatientOption = False,
    identify: IdentifyOption = False,
    json: JsonOption = False,
) -> None:
    """Show visits, series and phases, and what is left out and why."""
    from lvt_track.io.discover import discover as discover_patient
    from lvt_track.pipeline.run.disclosure import HINT, Disclosure
    from lvt_track.pipeline.run.pseudonyms import Pseudonyms

    shows = Disclosure(patient, pseudonyms_unless(identify))
    try:
        discovery = discover_patient(patient, one_patient=one_patient)
        if pixels:
            from lvt_track.pipeline.patient.visit.phases_from_pixels import with_phases_from_pixels

            discovery = with_phases_from_pixels(discovery)
    except LvtError as error:
        raise shows.error(error) from None
    discovery = shows.knowing(discovery).discovery(discovery)
    if json:
        print_json(_facts(discovery))
    else:
        listing = _listing(discovery)
        if not identify and Pseudonyms.stand_in(listing):
            listing += f"\n{HINT}"
        print_text(listing + "\n")
    if any(item.is_failure for item in discovery.left_out):
        raise typer.Exit(EXIT_PARTIAL)


def _listing(discovery: Discovery) -> str:
    counted = "1 visit" if len(discovery.visits) == 1 else f"{len(discovery.visits)} visits"
    lines = [f"patient {discovery.patient}: {counted}"]
    for visit in discovery.visits:
        lines.append(f"\n{visit.name}")
        for k, series in enumerate(visit.series):
            mark = "*" if k == visit.tracked else " "
            lines.append(f"  {mark} {_series_line(series)}")
            lines.extend(f"      warning: {text}" for text in series.warnings)
    if discovery.visits:
        lines.append("\n* = followed through time")
    if discovery.left_out:
        lines.append("\nleft out")
        lines.extend(f"    {item.path}: {item.reason}" for item in discovery.left_out)
    lines.extend(f"warning: {text}" for text in discovery.warnings)
    return "\n".join(lines)


def _series_line(series: Series) -> str:
    z, y, x = series.shape
    spacing = "×".join(f"{value:.2f}" for value in reversed(series.spacing_mm))
    given = [
        f"{name} ({mask})" if mask.labels else name for name, mask in sorted(series.masks.items())
    ]
    masks = f"  masks given: {', '.join(given)}" if given else ""
    size = f"{x}×{y}×{z}  {spacing} mm"
    return f"{series.stated_phase:<8} {size}  {series.description}{masks}".rstrip()


def _facts(discovery: Discovery) -> dict[str, object]:
    return {
        "patient": discovery.patient,
        "visits": [
            {
                "date": visit.name,
                "study": visit.study,
                "series": [
                    {
                        "phase": series.phase,
                        "phase_source": series.phase_source,
                        "phase_confidence": series.phase_confidence,
                        "tracked": k == visit.tracked,
                        "description": series.description,
                        "files": len(series.files),
                        "path": series.files[0],
                        "shape_zyx": series.shape,
                        "spacing_mm_zyx": series.spacing_mm,
                        "masks": {name: mask.path for name, mask in series.masks.items()},
                        "mask_files": {name: mask.paths for name, mask in series.masks.items()},
                        "mask_labels": {
                            name: mask.labels
                            for name, mask in series.masks.items()
                            if mask.labels and not mask.is_dicom
                        },
                        "mask_segments": {
                            name: mask.labels
                            for name, mask in series.masks.items()
                            if mask.is_dicom
                        },
                        "warnings": series.warnings,
                    }
                    for k, series in enumerate(visit.series)
                ],
            }
            for visit in discovery.visits
        ],
        "left_out": [
            {"path": item.path, "reason": item.reason, "failure": item.is_failure}
            for item in discovery.left_out
        ],
        "files": [
            {"path": item.path, "fate": item.fate, "reason": item.reason}
            for item in discovery.files
        ],
        "warnings": discovery.warnings,
    }
