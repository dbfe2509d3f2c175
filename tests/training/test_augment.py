from __future__ import annotations

import numpy as np
import pytest
import torch

from lvt_track.training.batches.augment import NO_AUGMENTATION, Augmentation, Warp, vary_intensity

PATCH = (12, 16, 20)
ALWAYS = Augmentation(affine=1.0, elastic=1.0, noise=1.0, blur=1.0, low_resolution=1.0, contrast=1)


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def ramp(shape: tuple[int, int, int]) -> torch.Tensor:
    """Offsets from the centre along z, y and x, as three channels."""
    axes = [torch.arange(n) - (n - 1) / 2.0 for n in shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij"))


def test_nothing_by_chance_is_nothing() -> None:
    rng = np.random.default_rng(0)
    warp = Warp.draw(NO_AUGMENTATION, rng)
    crop = torch.randn(2, *PATCH)
    assert warp.is_identity
    assert warp.crop_shape(PATCH) == PATCH
    assert torch.equal(warp.apply(crop, PATCH, generator()), crop)
    assert torch.equal(vary_intensity(crop[0], NO_AUGMENTATION, rng, generator()), crop[0])
    assert NO_AUGMENTATION.window_hu(62.5, 198.8, rng) == pytest.approx((-36.9, 161.9))


@pytest.mark.parametrize("seed", range(5))
def test_warp_reads_where_its_matrix_points(seed: int) -> None:
    warp = Warp.draw(Augmentation(affine=1.0, elastic=0.0), np.random.default_rng(seed))
    crop = ramp(warp.crop_shape(PATCH))
    expected = torch.einsum("ij,jzyx->izyx", torch.tensor(warp.matrix).float(), ramp(PATCH))
    assert torch.allclose(warp.apply(crop, PATCH, generator()), expected, atol=1e-3)


def test_warp_turns_and_scales_within_its_limits() -> None:
    how = Augmentation(affine=1.0, elastic=0.0, turn_degrees=10.0, scale=(0.9, 1.2))
    for seed in range(20):
        matrix = Warp.draw(how, np.random.default_rng(seed)).matrix
        zoom = np.linalg.det(matrix) ** (-1 / 3)
        assert 0.9 <= zoom <= 1.2
        assert np.allclose((zoom * matrix) @ (zoom * matrix).T, np.eye(3))
    mirrored = Warp.draw(Augmentation(affine=0, elastic=0, mirror=1.0), np.random.default_rng(0))
    crop = ramp(PATCH)
    assert torch.allclose(mirrored.apply(crop, PATCH, generator()), crop.flip(3), atol=1e-3)


def test_bending_is_smooth_and_of_its_size() -> None:
    warp = Warp(np.eye(3), 1.5)
    shift = warp.apply(ramp(warp.crop_shape(PATCH)), PATCH, generator()) - ramp(PATCH)
    assert shift.std().item() == pytest.approx(1.5, rel=0.1)
    assert shift.diff(dim=1).abs().max() < 1.5


def test_intensity_is_varied_and_the_mean_stays_near() -> None:
    hu = torch.full((16, 16, 16), 60.0)
    hu[4:12, 4:12, 4:12] = 120.0
    varied = vary_intensity(hu, ALWAYS, np.random.default_rng(3), generator())
    assert varied.shape == hu.shape
    assert not torch.allclose(varied, hu)
    assert abs(varied.mean() - hu.mean()) < 0.1 * hu.mean() + 15.0


def test_same_chance_gives_the_same_crop() -> None:
    crop = torch.randn(3, 40, 40, 40)
    one, other = (
        Warp(np.eye(3) * 1.1, 1.0).apply(crop, (24, 24, 24), generator()) for _ in range(2)
    )
    assert torch.equal(one, other)
    assert one.shape == (3, 24, 24, 24)


def test_windows_vary_around_the_given_one() -> None:
    rng = np.random.default_rng(0)
    windows = np.array([Augmentation().window_hu(62.5, 198.8, rng) for _ in range(500)])
    level, width = windows.mean(axis=1), np.diff(windows, axis=1)[:, 0]
    assert level.mean() == pytest.approx(62.5, abs=3)
    assert np.abs(level - 62.5).max() <= 0.16 * 198.8
    assert width.min() >= 0.84 * 198.8 - 1e-6
    assert width.max() <= 1.16 * 198.8 + 1e-6
    assert width.std() > 10


def test_wrong_shares_and_scales_are_refused() -> None:
    with pytest.raises(ValueError, match="elastic"):
        Augmentation(elastic=1.5)
    with pytest.raises(ValueError, match="scale"):
        Augmentation(scale=(1.2, 0.8))
