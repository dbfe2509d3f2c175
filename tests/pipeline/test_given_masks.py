"""Masks given beside a scan, and what a model finds for the rest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from lvt_track.core.course import GIVEN
from lvt_track.core.geometry import Geometry
from lvt_track.core.series import MaskSource
from lvt_track.core.volume import LabelArray, Masks, Volume
from lvt_track.errors import InputError
from lvt_track.io.discover import series_at
from lvt_track.io.images.volumes import write_labels, write_mask, write_volume
from lvt_track.pipeline.masks import SegmentedScan, masks_of
from lvt_track.pipeline.run.model_choice import ModelChoice
from lvt_track.pipeline.run.progress import Silent
from lvt_track.segment.infer import Segmentation

GEOMETRY = Geometry.axial((12, 24, 24), (4.0, 2.0, 2.0))


class Model:
    """As much of a model as is asked for."""

    sources = dict.fromkeys(("liver", "vessels", "tumors"), "fake")
    minimum_ml = (20.0, 0.1, 0.03)


class Found(ModelChoice):
    """Finds the same in every scan: a liver, and two tumours that a given one may cut."""

    model = cast(Any, Model())

    def segment(self, volume: Volume, keep_probabilities: Any = ()) -> Segmentation:
        liver, vessels, tumors = np.zeros((3, *volume.hu.shape), dtype=bool)
        liver[2:10, 2:22, 2:22] = True
        vessels[4:6, 4:8, 4:20] = True
        tumors[5:7, 10:14, 16:22] = True
        tumors[5:7, 16:20, 6:10] = True
        return Segmentation(Masks(liver, vessels, tumors, volume.geometry), "cpu", {}, {})


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    path = tmp_path / "scan.nii.gz"
    write_volume(Volume(np.full(GEOMETRY.shape, 60, dtype=np.int16), GEOMETRY), path)
    return path


def test_a_given_liver_cuts_tumours_and_leaves_no_scraps(scan: Path, tmp_path: Path) -> None:
    liver = np.zeros(GEOMETRY.shape, dtype=bool)
    # One tumour loses a third, of the other a corner of one voxel is left: 0.016 mL.
    liver[1:11, 1:23, 1:20] = True
    liver[:, 15:21] = False
    liver[5, 16, 6] = True
    drawn = tmp_path / "drawn.nii.gz"
    write_mask(liver, GEOMETRY, drawn)
    series = replace(series_at(scan), masks={"liver": MaskSource(drawn)})
    volume = Volume(np.full(GEOMETRY.shape, 60, dtype=np.int16), GEOMETRY)
    found = masks_of(series, volume, Found(), Silent())
    np.testing.assert_array_equal(found.masks.liver, liver)
    assert found.sources == {"liver": GIVEN, "vessels": "fake", "tumors": "fake"}
    kept = np.zeros(GEOMETRY.shape, dtype=bool)
    kept[5:7, 10:14, 16:20] = True
    np.testing.assert_array_equal(found.masks.tumors, kept)
    assert found.masks.vessels.sum() == 2 * 4 * 16


CYST, CUT = "1 spot is as dark as fluid", "the liver is cut off"


class Warned(Found):
    """Has something to say of the tumours it drew, and of the scan."""

    def segment(self, volume: Volume, keep_probabilities: Any = ()) -> Segmentation:
        found = super().segment(volume, keep_probabilities)
        return replace(found, warnings=(CYST, CUT), class_warnings={"tumors": (CYST,)})


@pytest.mark.parametrize(("given", "told"), [("tumors", (CUT,)), ("vessels", (CYST, CUT))])
def test_what_a_model_says_of_a_class_is_told_where_its_mask_is_used(
    scan: Path, tmp_path: Path, given: str, told: tuple[str, ...]
) -> None:
    mask = np.zeros(GEOMETRY.shape, dtype=bool)
    mask[5:7, 10:14, 16:20] = True
    drawn = tmp_path / "drawn.nii.gz"
    write_mask(mask, GEOMETRY, drawn)
    series = replace(series_at(scan), masks={given: MaskSource(drawn)})
    volume = Volume(np.full(GEOMETRY.shape, 60, dtype=np.int16), GEOMETRY)
    assert masks_of(series, volume, Warned(), Silent()).warnings == told


def tumors_of(labels: LabelArray, scan: Path) -> SegmentedScan:
    drawn = scan.with_name("tumors.nii.gz")
    write_labels(labels, GEOMETRY, drawn)
    series = replace(series_at(scan), masks={"tumors": MaskSource(drawn)})
    volume = Volume(np.full(GEOMETRY.shape, 60, dtype=np.int16), GEOMETRY)
    return masks_of(series, volume, Found(), Silent())


def test_labels_of_given_tumours_keep_them_apart(scan: Path) -> None:
    labels = np.zeros(GEOMETRY.shape, dtype=np.int32)
    labels[4:8, 8:14, 8:14], labels[4:8, 8:14, 14:20] = 1, 2
    found = tumors_of(labels, scan)
    assert found.masks.tumor_labels is not None
    np.testing.assert_array_equal(found.masks.tumor_labels, labels)
    assert "labels 1 and 2 of the tumour mask touch" in found.warnings[-1]
    assert tumors_of((labels > 0).astype(np.int32), scan).masks.tumor_labels is None


def test_a_map_of_liver_and_tumours_is_no_tumour_mask(scan: Path) -> None:
    labels = np.zeros(GEOMETRY.shape, dtype=np.int32)
    labels[2:10, 2:22, 2:22], labels[4:8, 8:14, 8:14] = 1, 2
    with pytest.raises(InputError, match="labels 1, 2, which fill the liver together"):
        tumors_of(labels, scan)
    found = tumors_of((labels > 0).astype(np.int32), scan)
    assert found.warnings == ("the tumour mask fills 100% of the liver: is it the liver's mask?",)
    labels[:, :, 2:5] = 0  # another outline of the liver than the model's
    told = "the tumour mask fills 85% of the liver: is it the liver's mask?"
    assert told in tumors_of(labels, scan).warnings


def test_a_liver_that_leaves_out_its_tumours_keeps_them(scan: Path, tmp_path: Path) -> None:
    model = Found().segment(volume := Volume(np.full(GEOMETRY.shape, 60, dtype=np.int16), GEOMETRY))
    liver = model.masks.liver & ~model.masks.tumors
    liver[:, :, 20:] = False  # the first tumour reaches out of it
    drawn = tmp_path / "drawn.nii.gz"
    write_mask(liver, GEOMETRY, drawn)
    series = replace(series_at(scan), masks={"liver": MaskSource(drawn)})
    found = masks_of(series, volume, Found(), Silent())
    np.testing.assert_array_equal(found.masks.tumors, model.masks.tumors)
    np.testing.assert_array_equal(found.masks.liver, liver | model.masks.tumors)
    assert found.warnings == ("the liver mask leaves out tumours (1.3 mL): they count as liver",)


class Fluid(Found):
    """Takes both of its tumours for cysts."""

    def segment(self, volume: Volume, keep_probabilities: Any = ()) -> Segmentation:
        found = super().segment(volume, keep_probabilities)
        masks = replace(found.masks, tumors=np.zeros_like(found.masks.tumors))
        return replace(found, masks=masks, cysts=found.masks.tumors)


def test_cysts_in_holes_of_a_given_liver_are_kept(scan: Path, tmp_path: Path) -> None:
    model = Found().segment(volume := Volume(np.full(GEOMETRY.shape, 60, dtype=np.int16), GEOMETRY))
    drawn = tmp_path / "drawn.nii.gz"
    write_mask(model.masks.liver & ~model.masks.tumors, GEOMETRY, drawn)
    series = replace(series_at(scan), masks={"liver": MaskSource(drawn)})
    found = masks_of(series, volume, Fluid(), Silent())
    assert found.cysts is not None
    np.testing.assert_array_equal(found.cysts, model.masks.tumors)


def test_a_liver_of_another_place_or_of_several_labels_is_told(scan: Path, tmp_path: Path) -> None:
    labels = np.zeros(GEOMETRY.shape, dtype=np.int32)
    labels[2:10, 2:22, 2:22], labels[4:8, 2:22, 2:12] = 3, 5
    drawn = tmp_path / "drawn.nii.gz"
    write_labels(labels, GEOMETRY, drawn)
    series = replace(series_at(scan), masks={"liver": MaskSource(drawn)})
    hu = np.full(GEOMETRY.shape, 60, dtype=np.int16)
    hu[:, :, :8] = -90
    found = masks_of(series, Volume(hu, GEOMETRY), Found(), Silent())
    assert found.warnings == (
        "labels 3, 5 of the liver mask all count as liver",
        "30% of the liver mask is fat or air (below -50 HU): does it belong to this scan?",
    )
