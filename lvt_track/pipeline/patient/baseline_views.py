"""Follow-up scans on the grid of the first visit, for viewers that show scans side by side."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lvt_track.core.volume import Volume
from lvt_track.io.images.volumes import write_volume
from lvt_track.pipeline.patient.visit.read import VisitScan
from lvt_track.pipeline.run.context import Run
from lvt_track.pipeline.run.folder import RunFolder
from lvt_track.register.frame import CommonFrame
from lvt_track.register.resample import resample

__all__ = ["write_baseline_views"]

_AIR_HU = -1000


def write_baseline_views(
    scans: Sequence[VisitScan], frame: CommonFrame, folder: RunFolder, run: Run
) -> None:
    """Write the liver's surroundings of every later visit as they lie at the first one.

    A visit that could not be aligned has none, and says so.

    Raises:
        OutputError: when a file cannot be written.
    """
    first = scans[0]
    if not run.manifest.settings.get("resampled"):
        return
    for k, scan in enumerate(scans[1:], 1):
        name = scan.findings.visit.name
        path = folder.visit(name).on_baseline
        if not (frame.is_reliable(0) and frame.is_reliable(k)):
            path.unlink(missing_ok=True)
            run.warn(f"{name}: not resampled onto the first visit, for it could not be aligned")
            continue
        carried = partial(frame.map_points, source_visit=0, target_visit=k)
        hu = resample(scan.volume, first.volume.geometry, carried, _AIR_HU)
        whole = Volume(first.on_scan(hu, _AIR_HU), first.findings.geometry)
        write_volume(whole, path, like=first.tracked.like)
