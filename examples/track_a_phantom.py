"""Draw a synthetic patient, follow its tumours, and hold the links against the truth.

Usage: python examples/track_a_phantom.py OUT [VISITS]
"""

import sys
from pathlib import Path

import pandas as pd

from lvt_track.phantom.course.script import draw_course
from lvt_track.phantom.course.writer import write_patient
from lvt_track.pipeline.patient.track import TrackSettings, track_patient
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent

LINK = ["date_a", "lesion_a", "date_b", "lesion_b"]


def main(out: Path, visits: int = 3) -> None:
    """Write the patient to OUT/patient and the results to OUT/results."""
    patient = draw_course(seed=1, visits=visits)
    # The true masks lie beside the scans, so no model runs: this shows the tracking alone.
    write_patient(patient, out / "patient", with_masks=True)
    result = track_patient(
        out / "patient", out / "results", TrackSettings(), Existing.REFUSE, Silent()
    )
    print(result.summary())

    found = pd.read_csv(out / "results" / "edges.csv")
    truth = pd.read_csv(out / "patient" / "truth" / "edges.csv")
    right = found.merge(truth, on=LINK)
    print(f"links: {len(right)} of {len(truth)} found, {len(found) - len(right)} false")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *(int(arg) for arg in sys.argv[2:3]))
