"""Hold a run against the radiologist's own table of measurements.

The table is one row per lesion and visit; docs/use/numbers.md lists its columns. Here it comes from
a simulated reader who errs as readers do. Lesions are paired by place, or by how their sizes go.

Usage: python examples/compare_with_a_radiologist.py OUT
"""

import sys
from pathlib import Path

import pandas as pd

from lvt_track.phantom.course.script import draw_course
from lvt_track.phantom.course.writer import write_patient
from lvt_track.pipeline.patient.track import TrackSettings, track_patient
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent


def main(out: Path) -> None:
    """Write the patient to OUT/patient and the results to OUT/results."""
    patient, results = out / "patient", out / "results"
    write_patient(draw_course(seed=1, visits=2), patient, with_masks=True)
    reader = ReaderTables(radiologist=patient / "truth" / "radiologist.csv")
    track_patient(patient, results, TrackSettings(reader=reader), Existing.REFUSE, Silent())

    pairs = pd.read_csv(results / "reader_pairs.csv")
    long = pairs[pairs["quantity"] == "long axis"]
    print(long[["date", "reader_lesion", "lesion", "reader_value", "value"]].to_string(index=False))
    agreement = pd.read_csv(results / "agreement.csv")
    print(agreement[agreement["quantity"] == "long axis"].to_string(index=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
