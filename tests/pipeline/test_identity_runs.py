"""One folder through corrections, a repainted mask and an added visit: tumours stay themselves."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from lvt_track.io.images.volumes import (
    read_geometry,
    read_mask,
    read_volume,
    write_mask,
    write_volume,
)
from lvt_track.pipeline.patient.report import remake_report
from lvt_track.pipeline.patient.track import TrackSettings, track_patient
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent


def names(out: Path) -> dict[tuple[str, int], tuple[int, str]]:
    """Number and UID of the tumour of each lesion, which is told by its place across the liver."""
    lesions = pd.read_csv(out / "lesions.csv")
    uids = pd.read_csv(out / "tracks.csv").set_index("track")["tracking_uid"]
    where = (lesions["x_mm"] > 10).astype(int)
    return {
        (date, side): (track, uids[track])
        for date, side, track in zip(lesions["date"], where, lesions["track"], strict=True)
    }


def test_identity_outlives_corrections_repainting_and_added_visits(
    tmp_path: Path, make_visit: Callable[..., Path]
) -> None:
    patient, out = tmp_path / "patient", tmp_path / "out"
    for visit in (1, 2):
        make_visit(patient, visit)
    # Two tumours: the large one goes on, the small one of April is gone in August.
    track_patient(patient, out, TrackSettings(), Existing.REFUSE, Silent())
    whole = names(out)
    april, august = "2024-04-20", "2024-08-01"
    assert whole[april, 0] == whole[august, 0]

    table = tmp_path / "corrections.csv"
    table.write_text(f"date_a,lesion_a,date_b,lesion_b,action\n{april},1,{august},1,remove\n")
    remake_report(out, ReaderTables(corrections=table), None, Silent())
    cut = names(out)
    assert {key: cut[key] for key in cut if key[0] == april} == {
        key: whole[key] for key in whole if key[0] == april
    }
    assert cut[august, 0][1] not in {uid for _, uid in whole.values()}

    # Painted larger, the small tumour becomes lesion 1 and the large one lesion 2.
    path = out / "visits" / april / "tumors.nii.gz"
    geometry = read_geometry(path)
    tumors = read_mask(path, geometry)
    place = pd.read_csv(out / "lesions.csv").query("date == @april and lesion == 2").iloc[0]
    centre = geometry.to_index(np.array(place[["x_mm", "y_mm", "z_mm"]], dtype=float))
    index = np.indices(geometry.shape).transpose(1, 2, 3, 0)
    away_mm = np.linalg.norm((index - centre) * geometry.spacing_mm, axis=-1)
    write_mask(tumors | (away_mm < 14), geometry, path)
    table.unlink()
    result = remake_report(out, ReaderTables(), None, Silent())
    assert names(out) == cut
    assert any("is lesion 2 now" in text for text in result.course.warnings)

    make_visit(patient, 0)
    track_patient(patient, out, TrackSettings(), Existing.RESUME, Silent())
    grown = names(out)
    assert {key: grown[key] for key in cut} == cut
    assert grown["2024-01-15", 0] == cut[april, 0]
    numbers = [tumor["number"] for tumor in json.loads((out / "run.json").read_text())["tumors"]]
    assert numbers == sorted(set(numbers))


def test_two_patients_in_folders_of_one_name_and_dates_share_no_uid(
    tmp_path: Path, make_visit: Callable[..., Path]
) -> None:
    uids: list[set[str]] = []
    patients: set[str] = set()
    for hospital in ("north", "south"):
        patient = tmp_path / hospital / "patient"
        path = make_visit(patient, 0) / "portal.nii.gz"
        if hospital == "south":  # the same masks in another scan
            volume = read_volume(path)
            write_volume(replace(volume, hu=(volume.hu + 1).astype(np.int16)), path)
        course = track_patient(patient, None, TrackSettings(), Existing.REFUSE, Silent()).course
        patients.add(course.patient)
        uids.append({track.uid for track in course.tracks})
    assert len(patients) == 1
    assert len(uids[0]) == len(uids[1]) == 2
    assert not uids[0] & uids[1]
