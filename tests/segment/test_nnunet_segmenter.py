from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor, nn

from lvt_track.core.geometry import Box, Geometry
from lvt_track.core.volume import Volume
from lvt_track.segment.cards import ImportedCard, Normalisation
from lvt_track.segment.engine.choice import pick_engine
from lvt_track.segment.grid import extent_of
from lvt_track.segment.nnunet.grid import nonzero_box
from lvt_track.segment.nnunet.segmenter import ForeignSegmenter, build_network
from lvt_track.segment.scan import Scan
from lvt_track.segment.segmenter import Coarse, Drawing, Effort, Run
from lvt_track.segment.windows import window_boxes
from lvt_track.segment.world_grid import Lattice

SHAPE = (30, 44, 40)
SPACING_MM = (4.0, 2.0, 2.0)
WHOLE: Box = (slice(0, 30), slice(0, 44), slice(0, 40))
SWEEP = Effort(precision="float32", skips=False)
NEAR = Effort(precision="float32")

CARD = ImportedCard(
    name="toy",
    version="nnUNetTrainer, 3d_fullres",
    licence="none",
    training_data="none",
    files=("fold0.safetensors",),
    digests=("",),
    architecture="PlainConvUNet",
    arguments={"strides": [[1, 1, 1], [2, 2, 2]]},
    outputs=3,
    spacing_mm=(3.0, 2.5, 2.5),
    patch=(16, 16, 16),
    normalisation=Normalisation("CTNormalization", -100.0, 300.0, 100.0, 50.0),
    channels={"liver": (1, 2), "tumors": (2,)},
    regions=False,
    orientation="LPS",
)


class ByBrightness(nn.Module):
    """Knows liver and tumour by their HU; notes the windows it sees."""

    def __init__(self, shift: float = 0.0) -> None:
        super().__init__()
        self.shift = shift
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.extend(x[:, 0])
        hu = x * 50.0 + 100.0
        logits = [torch.zeros_like(hu), 30.0 - (hu - 110.0).abs(), 15.0 - (hu - 60.0).abs()]
        return torch.cat(logits, dim=1) / 5.0 + self.shift


def toy() -> tuple[Volume, NDArray[np.bool_], NDArray[np.bool_]]:
    z, y, x = np.meshgrid(
        *(np.arange(n) * s for n, s in zip(SHAPE, SPACING_MM, strict=True)), indexing="ij"
    )
    liver = (z - 50) ** 2 + (y - 40) ** 2 + (x - 30) ** 2 < 24**2
    tumor = (z - 55) ** 2 + (y - 44) ** 2 + (x - 36) ** 2 < 10**2
    hu = np.full(SHAPE, -1000.0, dtype=np.float32)
    hu[:, 3:-3, 3:-3] = -80.0
    hu[liver] = 110.0
    hu[tumor] = 60.0
    return Volume(hu, Geometry.axial(SHAPE, SPACING_MM)), liver, tumor


def coarse_of(liver: NDArray[np.bool_]) -> Coarse:
    cells = liver[::2, ::3, ::3]
    z, y, x = SPACING_MM
    lattice = Lattice((2 * z, 3 * y, 3 * x), (0, 0, 0), extent_of(cells))
    return Coarse(cells.astype(np.float32), cells, lattice)


def drawn(
    volume: Volume,
    segmenter: ForeignSegmenter,
    effort: Effort = SWEEP,
    box: Box = WHOLE,
    liver: NDArray[np.bool_] | None = None,
) -> Drawing:
    run = Run(
        "cpu",
        pick_engine("cpu", "float32"),
        effort,
        keep_probabilities=("liver", "tumors"),
    )
    scan = Scan.of(volume)
    coarse = coarse_of(np.ones(SHAPE, dtype=bool) if liver is None else liver)
    return segmenter.draw(scan, coarse, box, run)


def dice(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    return 2.0 * np.count_nonzero(one & other) / (np.count_nonzero(one) + np.count_nonzero(other))


@pytest.mark.parametrize("orientation", ["LPS", "RAS", "stored"])
@pytest.mark.parametrize("transpose", [(0, 1, 2), (2, 0, 1)])
def test_labels_come_back_where_they_were(
    orientation: str, transpose: tuple[int, int, int]
) -> None:
    volume, liver, tumor = toy()
    spacing = (3.0, 2.5, 2.5)
    card = replace(
        CARD,
        orientation=orientation,
        transpose=transpose,
        spacing_mm=tuple(spacing[axis] for axis in transpose),
    )
    found = drawn(volume, ForeignSegmenter(card, (ByBrightness(),)))
    plain = drawn(volume, ForeignSegmenter(CARD, (ByBrightness(),)))
    for name, truth in (("liver", liver), ("tumors", tumor)):
        assert dice(found.masks[name], truth) > 0.85
        assert dice(found.masks[name], plain.masks[name]) > 0.999
    assert found.probabilities["liver"].dtype == np.float16
    assert (found.probabilities["liver"] > 0.5)[liver].mean() > 0.8
    assert found.probabilities["tumors"].max() <= found.probabilities["liver"].max() <= 1.0


def test_networks_see_the_axes_they_were_trained_with() -> None:
    volume, _, _ = toy()
    for signs in product((1.0, -1.0), repeat=3):
        flips = tuple(slice(None, None, int(sign)) for sign in signs[::-1])
        moved = Volume(
            np.ascontiguousarray(volume.hu[flips]),
            Geometry(SHAPE, SPACING_MM, (0.0, 0.0, 0.0), np.diag(signs)),
        )
        upright, ras, stored = ByBrightness(), ByBrightness(), ByBrightness()
        for orientation, network in (("LPS", upright), ("RAS", ras), ("stored", stored)):
            drawn(moved, ForeignSegmenter(replace(CARD, orientation=orientation), (network,)))
        expected = ByBrightness()
        drawn(volume, ForeignSegmenter(CARD, (expected,)))
        for mine, theirs in zip(upright.seen, expected.seen, strict=True):
            torch.testing.assert_close(mine, theirs)
        # RAS runs against LPS along y and x, and so do its windows.
        assert torch.stack(ras.seen).sum() == pytest.approx(float(torch.stack(upright.seen).sum()))
        same = all(torch.equal(a, b) for a, b in zip(stored.seen, expected.seen, strict=True))
        assert same == (signs == (1.0, 1.0, 1.0))


def reference(volume: Volume, network: nn.Module, card: ImportedCard) -> NDArray[np.int64]:
    """nnU-Net's way with scipy alone: normalise, cubic spline, all windows, linear, argmax."""
    how = card.normalisation
    values = (np.clip(volume.hu, how.low_hu, how.high_hu) - how.mean_hu) / how.sd_hu
    spacings = zip(SPACING_MM, card.spacing_mm, SHAPE, strict=True)
    shape = [round(old / new * size) for old, new, size in spacings]
    zoom = np.array(shape) / SHAPE
    image = ndimage.zoom(values, zoom, order=3, mode="nearest", grid_mode=True)
    image = torch.from_numpy(np.clip(image, values.min(), values.max()).astype(np.float32))
    impulse = np.zeros(card.patch)
    impulse[tuple(n // 2 for n in card.patch)] = 1.0
    weight = torch.from_numpy(ndimage.gaussian_filter(impulse, [n / 8 for n in card.patch])).float()
    total = torch.zeros((card.outputs, *shape))
    weights = torch.zeros(shape)
    with torch.inference_mode():
        for box in window_boxes(shape, card.patch, 0.5):
            total[(slice(None), *box)] += network(image[box][None, None])[0] * weight
            weights[box] += weight
    logits = (total / weights).numpy()
    restored = [
        ndimage.zoom(channel, 1 / zoom, order=1, mode="nearest", grid_mode=True)
        for channel in logits
    ]
    labels: NDArray[np.int64] = np.argmax(restored, axis=0)
    return labels


def test_agrees_with_nnunet_done_plainly(tiny_arguments: dict[str, object]) -> None:
    volume, _, _ = toy()
    rng = np.random.default_rng(0)
    hu = volume.hu + rng.normal(0, 15, SHAPE).astype(np.float32)
    card = replace(CARD, arguments=tiny_arguments)
    torch.manual_seed(3)
    network = build_network("PlainConvUNet", tiny_arguments, 3).eval()
    labels = reference(Volume(hu, volume.geometry), network, card)
    found = drawn(Volume(hu, volume.geometry), ForeignSegmenter(card, (network,)))
    assert 0.01 < (labels > 0).mean() < 0.99
    assert dice(found.masks["liver"], labels > 0) > 0.999
    assert dice(found.masks["tumors"], labels == 2) > 0.999


def test_skipped_windows_change_nothing_near_the_liver(tiny_arguments: dict[str, object]) -> None:
    volume, liver, _ = toy()
    card = replace(CARD, arguments=tiny_arguments, patch=(8, 8, 8))
    torch.manual_seed(3)
    network = build_network("PlainConvUNet", tiny_arguments, 3).eval()
    small = np.zeros_like(liver)
    small[10:14, 18:24, 12:18] = True
    sweep = drawn(volume, ForeignSegmenter(card, (network,)))
    box = (slice(7, 18), slice(12, 30), slice(6, 25))
    near = drawn(volume, ForeignSegmenter(card, (network,)), NEAR, box, small)
    for name in ("liver", "tumors"):
        assert (near.masks[name] == sweep.masks[name][box]).all()
        np.testing.assert_allclose(
            near.probabilities[name].astype(float),
            sweep.probabilities[name][box].astype(float),
            atol=1e-3,
        )


def test_far_windows_are_skipped_and_count_as_background() -> None:
    volume, liver, _ = toy()
    small = np.zeros_like(liver)
    small[2:4, 4:8, 4:8] = True
    network = ByBrightness()
    found = drawn(
        volume, ForeignSegmenter(replace(CARD, patch=(8, 8, 8)), (network,)), NEAR, WHOLE, small
    )
    sweep = ByBrightness()
    drawn(volume, ForeignSegmenter(replace(CARD, patch=(8, 8, 8)), (sweep,)))
    assert 0 < len(network.seen) < len(sweep.seen) / 2
    assert not found.masks["liver"][20:].any()


def test_scan_is_cropped_around_the_liver_where_training_was() -> None:
    volume, liver, _ = toy()
    whole, cropped = ByBrightness(), ByBrightness()
    expected = drawn(volume, ForeignSegmenter(CARD, (whole,)), SWEEP, WHOLE, liver)
    card = replace(CARD, crop_mm=4.0)
    found = drawn(volume, ForeignSegmenter(card, (cropped,)), SWEEP, WHOLE, liver)
    assert len(cropped.seen) < len(whole.seen)
    assert dice(found.masks["liver"], expected.masks["liver"]) > 0.93
    far = np.ones(SHAPE, dtype=bool)
    far[4:22, 6:36, 2:32] = False
    assert not found.masks["liver"][far].any()


def test_regions_are_told_each_for_itself() -> None:
    class Regions(ByBrightness):
        def forward(self, x: Tensor) -> Tensor:
            logits = super().forward(x)
            return torch.cat([logits[:, 1:].amax(dim=1, keepdim=True), logits[:, 2:]], dim=1)

    volume, liver, tumor = toy()
    card = replace(
        CARD, regions=True, outputs=2, channels={"liver": (0,), "vessels": (0, 1), "tumors": (1,)}
    )
    found = drawn(volume, ForeignSegmenter(card, (Regions(),)))
    assert dice(found.masks["liver"], liver) > 0.9
    assert dice(found.masks["tumors"], tumor) > 0.8
    assert (found.masks["vessels"] == (found.masks["liver"] | found.masks["tumors"])).all()


def test_folds_and_mirrored_windows_are_averaged() -> None:
    class Ramp(nn.Module):
        """Likes one end of a window, which mirroring cancels."""

        def forward(self, x: Tensor) -> Tensor:
            ramp = torch.linspace(-4, 4, x.shape[-1]).expand(x.shape)
            return torch.cat([torch.zeros_like(x), ramp, -torch.ones_like(x)], dim=1)

    volume, _, _ = toy()
    alone = drawn(volume, ForeignSegmenter(CARD, (Ramp(),)))
    assert alone.masks["liver"].any() and not alone.masks["liver"].all()
    mirrored = drawn(volume, ForeignSegmenter(replace(CARD, mirror_axes=(0, 2)), (Ramp(),)))
    expected = 1.0 - 1.0 / (2.0 + np.exp(-1.0))
    np.testing.assert_allclose(mirrored.probabilities["liver"].astype(float), expected, atol=2e-3)
    # One fold is sure of background, the other of liver: together they are even.
    pair = (ByBrightness(), ByBrightness())
    single = drawn(volume, ForeignSegmenter(CARD, pair[:1]))
    both = drawn(volume, ForeignSegmenter(CARD, pair))
    assert (both.masks["liver"] == single.masks["liver"]).all()


def test_z_scores_are_those_of_the_scan() -> None:
    volume, _, _ = toy()
    network = ByBrightness()
    card = replace(CARD, normalisation=Normalisation("ZScoreNormalization"), patch=(64, 64, 64))
    drawn(volume, ForeignSegmenter(card, (network,)))
    (window,) = network.seen
    least = (volume.hu.min() - volume.hu.mean()) / volume.hu.std()
    assert float(window.min()) == pytest.approx(float(least), abs=1e-4)


def test_box_of_what_is_not_zero() -> None:
    values = np.zeros((6, 7, 8))
    values[1:3, 2, 3:8] = 5.0
    assert nonzero_box(values) == (slice(1, 3), slice(2, 3), slice(3, 8))


def test_scan_padded_with_zeros_is_cropped_like_nnunet_does() -> None:
    volume, _, _ = toy()
    padded = np.pad(volume.hu, ((5, 0), (0, 9), (2, 3)))
    geometry = Geometry.axial(padded.shape, SPACING_MM)
    plain, with_zeros = ByBrightness(), ByBrightness()
    expected = drawn(volume, ForeignSegmenter(CARD, (plain,)))
    box = (slice(0, padded.shape[0]), slice(0, padded.shape[1]), slice(0, padded.shape[2]))
    found = drawn(Volume(padded, geometry), ForeignSegmenter(CARD, (with_zeros,)), SWEEP, box)
    for mine, theirs in zip(with_zeros.seen, plain.seen, strict=True):
        torch.testing.assert_close(mine, theirs)
    assert (found.masks["liver"][5:, :-9, 2:-3] == expected.masks["liver"]).all()
    assert found.masks["liver"].sum() == expected.masks["liver"].sum()
