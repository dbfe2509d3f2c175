from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor, nn

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import CLASSES, Masks, Volume
from lvt_track.errors import InputError, UsageError
from lvt_track.segment.default_segmenter import DOUBTFUL
from lvt_track.segment.infer import FAST, NO_LIVER, Segmentation, segment
from lvt_track.segment.models import Card, Model, Part, default_model
from lvt_track.segment.network.parameters import NetworkParameters

WINDOW_HU = (-200.0, 300.0)
SHAPE = (44, 60, 66)
SPACING_MM = (5.0, 3.0, 3.0)
FINER_MM = (2.5, 1.5, 1.5)
LIVER_HU, VESSEL_HU, TUMOR_HU = 110.0, 190.0, 60.0


class ByBrightness(nn.Module):
    """Knows the toy's classes by their HU alone; notes the images it sees."""

    # Exclusive classes are left to torch.
    size = NetworkParameters((4, 8, 8), (1, 1), exclusive=True)

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    @property
    def module(self) -> ByBrightness:
        return self

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x[0, 0])
        hu = (x.float() + 1) * 250.0 + WINDOW_HU[0]
        return torch.cat([hu - 30.0, hu - 150.0, 20.0 - (hu - TUMOR_HU).abs()], dim=1) / 4.0


@pytest.fixture
def model() -> Model:
    size = NetworkParameters((4, 8, 8), (1, 1))
    locator = Part("a", "", (8.0, 8.0, 8.0), (16, 16, 16), WINDOW_HU, size)
    segmenter = replace(locator, spacing_mm=(3.0, 2.5, 2.5), patch=(32, 32, 32))
    card = Card("toy", "1", "Apache-2.0", "nothing", locator, segmenter)
    return default_model(card, ByBrightness(), ByBrightness())  # type: ignore[arg-type]


def seen(model: Model) -> tuple[list[Tensor], list[Tensor]]:
    """The windows that the locator and the segmenter saw."""
    segmenter = model.parts[0].segmenter
    return model.locator.network.seen, segmenter.network.seen  # type: ignore


def ball(centre_mm: tuple[float, float, float], radius_mm: float) -> np.ndarray:
    grid = np.stack(
        np.meshgrid(
            *(np.arange(n) * s for n, s in zip(SHAPE, SPACING_MM, strict=True)), indexing="ij"
        ),
        axis=-1,
    )
    return np.linalg.norm(grid - np.array(centre_mm), axis=-1) < radius_mm


def toy() -> tuple[Volume, Masks]:
    """A liver off the middle with a vessel across it and a tumour inside, in fat and air."""
    geometry = Geometry.axial(SHAPE, SPACING_MM, (-90.0, -80.0, 20.0))
    liver = ball((120.0, 80.0, 75.0), 55.0)
    tumor = ball((135.0, 70.0, 60.0), 14.0)
    vessel = np.zeros(SHAPE, dtype=bool)
    vessel[23:26, 30:33, 16:36] = True
    hu = np.full(SHAPE, -1000.0, dtype=np.float32)
    hu[:, 5:-5, 5:-5] = -150.0
    for mask, value in ((liver, LIVER_HU), (vessel, VESSEL_HU), (tumor, TUMOR_HU)):
        hu[mask] = value
    return Volume(hu, geometry), Masks(liver, vessel, tumor, geometry)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return 2.0 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


def assert_good(found: Segmentation, truth: Masks, least: tuple[float, float, float]) -> None:
    for name, bound in zip(CLASSES, least, strict=True):
        assert dice(getattr(found.masks, name), getattr(truth, name)) > bound, name
    assert not (found.masks.tumors & ~found.masks.liver).any()
    assert not (found.masks.vessels & ~found.masks.liver).any()


def turned(
    volume: Volume, truth: Masks, flips: tuple[bool, ...], axes: tuple[int, int, int]
) -> tuple[Volume, Masks]:
    """The same patient stored along other axes."""
    cut = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
    start = [n - 1 if flip else 0 for n, flip in zip(SHAPE, flips, strict=True)]
    columns = volume.geometry.direction * np.array([-1.0 if f else 1.0 for f in flips[::-1]])
    # Direction columns are x, y, z of the array; `axes` orders z, y, x.
    columns = columns[:, [2 - axis for axis in axes][::-1]]
    geometry = Geometry(
        tuple(SHAPE[axis] for axis in axes),
        tuple(SPACING_MM[axis] for axis in axes),
        tuple(volume.geometry.to_world(start)),
        columns,
    )
    moved = {name: getattr(truth, name)[cut].transpose(axes) for name in CLASSES}
    return Volume(volume.hu[cut].transpose(axes), geometry), Masks(**moved, geometry=geometry)


@pytest.mark.parametrize(("fluid_hu", "is_cyst"), [(TUMOR_HU - 10.0, False), (80.0, True)])
def test_a_tumour_as_dark_as_fluid_is_told_and_not_drawn(
    model: Model, fluid_hu: float, is_cyst: bool
) -> None:
    volume, truth = toy()
    (part,) = model.parts
    card = replace(part.card, fluid_hu=fluid_hu)
    found = segment(volume, replace(model, parts=(replace(part, card=card),)), "cpu")
    assert found.masks.tumors.any() != is_cyst
    assert (found.masks.liver & truth.tumors).any()
    told = [text for text in found.warnings if text.startswith("1 spot is as dark as fluid")]
    assert len(told) == is_cyst
    assert found.class_warnings == {"tumors": tuple(told)}


def test_toy_is_found(model: Model) -> None:
    volume, truth = toy()
    stages: list[str] = []
    found = segment(volume, model, "cpu", lambda name, share: stages.append(name))
    assert_good(found, truth, (0.965, 0.7, 0.8))
    assert found.masks.geometry is volume.geometry
    assert found.warnings == ()
    assert set(found.seconds) == {"locate", "resample", "network", "restore"}
    assert set(stages) >= {"locate", "network"}
    assert found.probabilities == {}


def looking(model: Model, **changes: object) -> Model:
    """The model, its segmenter with other cells."""
    (part,) = model.parts
    card = part.segmenter.card  # type: ignore[attr-defined]
    card = replace(card, segmenter=replace(card.segmenter, **changes))
    segmenter = replace(part.segmenter, card=card)  # type: ignore[type-var]
    return replace(model, parts=(replace(part, segmenter=segmenter),))


def specked(volume: Volume) -> tuple[Volume, np.ndarray]:
    """The scan with a dark spot of 9 mm in its liver, which coarse cells blur away."""
    speck = np.zeros(SHAPE, dtype=bool)
    speck[19:21, 37:40, 34:37] = True
    hu = volume.hu.copy()
    hu[speck] = TUMOR_HU
    return Volume(hu, volume.geometry), speck


def test_a_spot_that_usual_cells_blur_away_is_found_on_finer_ones(model: Model) -> None:
    volume, speck = specked(toy()[0])
    blurred = looking(model, spacing_mm=(10.0, 10.0, 10.0))
    missed = segment(volume, blurred, "cpu").masks.tumors
    assert not missed[speck].any()
    sharp = looking(blurred, finer_mm=FINER_MM)
    assert segment(volume, sharp, "cpu").masks.tumors[speck].mean() > 0.4
    without = segment(volume, sharp, "cpu", effort=replace(FAST, finer=False)).masks.tumors
    np.testing.assert_array_equal(without, missed)


def test_of_two_sizes_of_cells_liver_and_vessels_are_the_mean_and_tumours_the_greatest(
    model: Model,
) -> None:
    volume = specked(toy()[0])[0]
    once = replace(FAST, lattices=1)
    usual, fine, both = (
        segment(volume, looks, "cpu", keep_probabilities=CLASSES, effort=once).probabilities
        for looks in (model, looking(model, spacing_mm=FINER_MM), looking(model, finer_mm=FINER_MM))
    )
    for name in ("liver", "vessels"):
        mean = (usual[name].astype(float) + fine[name]) / 2.0
        np.testing.assert_allclose(both[name], mean, atol=2e-3)
    greatest = np.maximum(usual["tumors"], fine["tumors"])
    np.testing.assert_allclose(both["tumors"], greatest, atol=2e-3)
    assert np.any(fine["tumors"] > usual["tumors"] + 0.2)
    assert np.any(usual["tumors"] > fine["tumors"] + 0.2)


@pytest.mark.parametrize("flips", list(product((False, True), repeat=3)))
def test_eight_orientations_agree(model: Model, flips: tuple[bool, bool, bool]) -> None:
    volume, truth = toy()
    plain = segment(volume, model, "cpu")
    moved, moved_truth = turned(volume, truth, flips, (0, 1, 2))
    found = segment(moved, model, "cpu")
    assert_good(found, moved_truth, (0.965, 0.7, 0.8))
    cut = tuple(slice(None, None, -1 if flip else 1) for flip in flips)
    for name in CLASSES:
        assert (getattr(found.masks, name)[cut] == getattr(plain.masks, name)).all()


@pytest.mark.parametrize("axes", [(1, 0, 2), (2, 1, 0), (2, 0, 1)])
def test_sagittal_and_coronal_storage_agree(model: Model, axes: tuple[int, int, int]) -> None:
    volume, truth = toy()
    moved, moved_truth = turned(volume, truth, (True, False, True), axes)
    assert_good(segment(moved, model, "cpu"), moved_truth, (0.965, 0.7, 0.8))


def test_networks_see_the_patient_upright(model: Model) -> None:
    volume, truth = toy()
    segment(volume, model, "cpu")
    found = seen(model)[0]
    expected = found[0].clone()
    found.clear()
    moved, _ = turned(volume, truth, (True, True, False), (2, 0, 1))
    segment(moved, model, "cpu")
    assert torch.equal(found[0], expected)


def test_oblique_scan(model: Model) -> None:
    volume, truth = toy()
    angle = np.deg2rad(25.0)
    turn = np.array(
        [[1, 0, 0], [0, np.cos(angle), -np.sin(angle)], [0, np.sin(angle), np.cos(angle)]]
    )
    geometry = Geometry(SHAPE, SPACING_MM, (0.0, 0.0, 0.0), turn)
    found = segment(Volume(volume.hu, geometry), model, "cpu")
    assert_good(found, Masks(truth.liver, truth.vessels, truth.tumors, geometry), (0.965, 0.7, 0.8))
    assert found.masks.geometry is geometry


@pytest.mark.parametrize("spacing_mm", [(1.0, 0.8, 0.8), (2.0, 1.5, 1.5), (7.0, 0.9, 0.9)])
def test_other_spacings_agree(model: Model, spacing_mm: tuple[float, float, float]) -> None:
    volume, truth = toy()
    zoom = np.array(SPACING_MM) / spacing_mm
    hu = ndimage.zoom(volume.hu, zoom, order=0, grid_mode=True, mode="nearest")
    geometry = Geometry.axial(hu.shape, spacing_mm)
    found = segment(Volume(hu, geometry), model, "cpu")
    for name, bound in zip(CLASSES, (0.96, 0.6, 0.6), strict=True):
        expected = ndimage.zoom(
            getattr(truth, name).astype(np.uint8), zoom, order=0, grid_mode=True, mode="nearest"
        )
        assert dice(getattr(found.masks, name), expected > 0) > bound, name


def test_scan_without_a_liver_is_empty_with_a_warning(model: Model) -> None:
    volume, _ = toy()
    empty = Volume(np.minimum(volume.hu, -100.0), volume.geometry)
    found = segment(empty, model, "cpu", keep_probabilities=CLASSES)
    assert found.warnings == (NO_LIVER,)
    assert not any(getattr(found.masks, name).any() for name in CLASSES)
    assert set(found.probabilities) == set(CLASSES)
    assert seen(model)[1] == []


class Unconvinced(ByBrightness):
    """Takes for liver only what is brighter than this."""

    def __init__(self, least_hu: float) -> None:
        super().__init__()
        self.least_hu = least_hu

    def forward(self, x: Tensor) -> Tensor:
        logits = super().forward(x)
        liver = (x.float() + 1) * 250.0 + WINDOW_HU[0] - self.least_hu
        return torch.cat([liver / 4.0, logits[:, 1:]], dim=1)


def test_a_liver_that_the_segmenter_does_not_confirm_is_none(model: Model) -> None:
    volume, _ = toy()
    card = model.parts[0].card
    unsure = default_model(card, ByBrightness(), Unconvinced(150.0))  # type: ignore[arg-type]
    found = segment(volume, unsure, "cpu", keep_probabilities=CLASSES)
    assert found.warnings == (NO_LIVER,)
    assert not any(getattr(found.masks, name).any() for name in CLASSES)
    assert not any(found.probabilities[name].any() for name in CLASSES)


def test_a_liver_that_is_confirmed_in_part_is_doubtful(model: Model) -> None:
    volume, truth = toy()
    half = truth.liver & (np.arange(SHAPE[2]) < 24)
    hu = volume.hu.copy()
    hu[half & (hu == LIVER_HU)] = LIVER_HU - 20.0
    card = model.parts[0].card
    unsure = default_model(card, ByBrightness(), Unconvinced(100.0))  # type: ignore[arg-type]
    found = segment(Volume(hu, volume.geometry), unsure, "cpu")
    assert found.warnings == (DOUBTFUL,)
    assert found.masks.liver.any()


def test_only_the_box_of_the_liver_is_read_finely(model: Model) -> None:
    volume, _ = toy()
    short = segment(volume, model, "cpu")
    windows = len(seen(model)[1])
    seen(model)[1].clear()
    padded = np.pad(volume.hu, ((60, 0), (0, 0), (0, 0)), mode="edge")
    geometry = Geometry.axial(padded.shape, SPACING_MM)
    long = segment(Volume(padded, geometry), model, "cpu")
    assert len(seen(model)[1]) <= windows * 1.5
    assert dice(long.masks.liver[60:], short.masks.liver) > 0.98


def test_liver_cut_by_the_scan_is_said(model: Model) -> None:
    volume, truth = toy()
    half = (slice(22, None), slice(None), slice(None))
    found = segment(volume.crop(half), model, "cpu")
    assert dice(found.masks.liver, truth.liver[half]) > 0.96
    assert found.warnings == ("the liver is cut off at the lower end of the scan",)


def test_probabilities_belong_to_the_masks(model: Model) -> None:
    volume, _ = toy()
    found = segment(volume, model, "cpu", keep_probabilities=CLASSES)
    liver = found.probabilities["liver"]
    assert liver.dtype == np.float16
    assert (liver[found.masks.liver] > 0.4).mean() > 0.99
    assert (segment(volume, model, "cpu").masks.liver == found.masks.liver).all()


def test_values_that_are_not_hounsfield_units_are_refused(model: Model) -> None:
    volume, _ = toy()
    picture = np.interp(volume.hu, (-150, 250), (0, 255)).astype(np.int16)
    with pytest.raises(InputError, match="reach from 0 to 216, which are not Hounsfield"):
        segment(Volume(picture, volume.geometry), model, "cpu")
    with pytest.raises(UsageError):
        segment(volume, model, "gpu")
