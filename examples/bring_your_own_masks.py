"""Give masks of your own: from nnU-Net, TotalSegmentator, 3D Slicer or a reader.

`lvt track` takes a mask that lies beside a scan instead of its model's, class by class. Here the
"own" tumour mask is a plain threshold, to show the layout; liver and vessels are the true ones.

Usage: python examples/bring_your_own_masks.py OUT
"""

import sys
from pathlib import Path

import numpy as np
from scipy import ndimage

from lvt_track.io.images.volumes import read_mask, read_volume, write_mask
from lvt_track.phantom.course.script import draw_course
from lvt_track.phantom.course.writer import write_patient
from lvt_track.pipeline.patient.track import TrackSettings, track_patient
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent


def dark_spots(scan: Path) -> None:
    """Write `tumors.nii.gz` beside a scan: the liver's voxels that are clearly too dark."""
    volume = read_volume(scan)
    liver = read_mask(scan.with_name("liver.nii.gz"), volume.geometry)
    smooth = ndimage.gaussian_filter(volume.hu.astype(np.float32), 1.5)
    inner = ndimage.binary_erosion(liver, iterations=3)
    dark = inner & (smooth < np.median(smooth[inner]) - 25)
    spots = ndimage.binary_opening(dark)
    write_mask(spots, volume.geometry, scan.with_name("tumors.nii.gz"), like=scan)


def main(out: Path) -> None:
    """Write the patient with such masks to OUT/patient and the results to OUT/results."""
    write_patient(draw_course(seed=2, visits=2), out / "patient", with_masks=True)
    for scan in sorted(out.glob("patient/*/portal.nii.gz")):
        dark_spots(scan)
    result = track_patient(
        out / "patient", out / "results", TrackSettings(), Existing.REFUSE, Silent()
    )
    print(result.summary())
    print("masks:", result.course.visits[0].sources)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
