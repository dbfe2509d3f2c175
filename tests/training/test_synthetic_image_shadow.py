"""Shadows of arms: darker, never far brighter, and streaks along x."""

from __future__ import annotations

import torch

from lvt_track.training.synthetic.shadow import arm_shadow_hu


def test_shadows_darken_and_streaks_run_from_side_to_side() -> None:
    means, across, along = [], 0.0, 0.0
    for seed in range(8):
        hu = arm_shadow_hu((24, 60, 60), 2.0, torch.Generator().manual_seed(seed))
        assert hu.shape == (24, 60, 60)
        assert hu.abs().max() < 150
        means.append(float(hu.mean()))
        across += float(hu.diff(dim=1).abs().mean())
        along += float(hu.diff(dim=2).abs().mean())
    assert -40 < min(means) < -5
    assert max(means) < 10
    assert across > 4 * along


def test_the_same_generator_gives_the_same_shadow() -> None:
    one, other = (
        arm_shadow_hu((8, 16, 16), 3.0, torch.Generator().manual_seed(2)) for _ in range(2)
    )
    assert torch.equal(one, other)
