"""Looking back in the whole job: what a model was unsure of is kept, and new becomes uncertain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from lvt_track.core.volume import CLASSES, Masks
from lvt_track.errors import InputError
from lvt_track.io.images.volumes import read_geometry, read_mask, read_probability
from lvt_track.lesions.tumor_probability import FITTED_TO
from lvt_track.pipeline.masks import SegmentedScan
from lvt_track.pipeline.patient.report import remake_report
from lvt_track.pipeline.patient.track import TrackSettings, track_patient
from lvt_track.pipeline.patient.visit import series_masks
from lvt_track.pipeline.radiologist.tables import ReaderTables
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent

DATES = ("2024-04-20", "2024-08-01")
# Where the ball that the second visit shows first would lie at the one before.
BEFORE_MM = np.array([21.0, -20.0, 126.0])


def ball(image: sitk.Image, centre_mm: np.ndarray, radius_mm: float) -> np.ndarray:
    """Voxels (z, y, x) of an image within a ball."""
    x, y, z = image.GetSize()
    index = np.indices((z, y, x))[::-1].reshape(3, -1)
    spacing, origin = np.array(image.GetSpacing()), np.array(image.GetOrigin())
    world = index.T * spacing + origin
    inside: np.ndarray = np.linalg.norm(world - centre_mm, axis=1) <= radius_mm
    return inside.reshape(z, y, x)


@pytest.fixture(scope="module")
def job(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_patient: Path,
    stand_in: Callable[..., Callable[..., SegmentedScan]],
) -> Iterator[tuple[Path, Path]]:
    """The tiny patient with a small spot that comes before the third tumour, and a model for it."""
    folder = tmp_path_factory.mktemp("looking")
    patient = folder / "patient"
    for date in DATES:
        (patient / date).mkdir(parents=True)
        image = sitk.ReadImage(str(tiny_patient / date / "portal.nii.gz"))
        if date == DATES[0]:
            hu = sitk.GetArrayFromImage(image)
            hu[ball(image, BEFORE_MM, 6.0)] -= 45
            spotted = sitk.GetImageFromArray(hu)
            spotted.CopyInformation(image)
            image = spotted
        sitk.WriteImage(image, str(patient / date / "portal.nii.gz"))

    def draw(date: str, masks: Masks) -> SegmentedScan:
        probability = np.where(masks.tumors, 0.9, 0.01).astype(np.float16)
        if date == DATES[0]:
            image = sitk.ReadImage(str(tiny_patient / date / "portal.nii.gz"))
            probability[ball(image, BEFORE_MM, 6.0)] = 0.4
        sources = dict.fromkeys(CLASSES, "stand-in" if date == DATES[0] else FITTED_TO)
        return SegmentedScan(masks, sources, probabilities={"tumors": probability})

    patch = pytest.MonkeyPatch()
    patch.setattr(series_masks, "masks_of", stand_in(draw))
    out = folder / "out"
    track_patient(patient, out, TrackSettings(), Existing.REFUSE, Silent())
    yield patient, out
    patch.undo()


def test_the_scan_before_shows_it(job) -> None:
    _, out = job
    (seen,) = pd.read_csv(out / "lookback.csv").to_dict("records")
    assert (seen["verdict"], seen["days_earlier"]) == ("visible", 103)
    assert seen["probability"] == pytest.approx(0.4, abs=0.01)
    assert seen["contrast_hu"] < -15
    assert seen["visible_days_earlier"] == 103


def test_how_likely_a_lesion_is_one_is_told_of_the_embedded_model_alone(job) -> None:
    _, out = job
    lesions = pd.read_csv(out / "lesions.csv")
    is_embedded = lesions["date"] != DATES[0]
    assert lesions["tumor_probability"][is_embedded].between(0.01, 0.99).all()
    assert lesions["tumor_probability"][~is_embedded].isna().all()


def test_it_is_uncertain_and_no_progression_by_itself(job) -> None:
    _, out = job
    tracks = pd.read_csv(out / "tracks.csv")
    found = tracks[tracks["first_seen"] == DATES[1]].iloc[0]
    assert found["state"] == "uncertain"
    assert "the scan of 2024-04-20 may show it already" in found["reason"]
    response = pd.read_csv(out / "response.csv")
    assert not response["new_lesion"].any()


def test_probabilities_are_kept_inside_the_liver(job) -> None:
    patient, out = job
    folder = out / "visits" / DATES[0]
    geometry = read_geometry(patient / DATES[0] / "portal.nii.gz")
    probability = read_probability(folder / "tumors_probability.nii.gz", geometry)
    liver = read_mask(folder / "liver.nii.gz", geometry)
    assert not probability[~liver].any()
    assert probability[liver].max() == pytest.approx(0.9, abs=0.003)
    other = geometry.crop((slice(1, None), slice(None), slice(None)))
    with pytest.raises(InputError, match="not on the grid of its scan"):
        read_probability(folder / "tumors_probability.nii.gz", other)


def test_report_looks_back_at_the_same(job) -> None:
    _, out = job
    before = (out / "lookback.csv").read_bytes()
    remake_report(out, ReaderTables(), None, Silent())
    assert (out / "lookback.csv").read_bytes() == before
