"""Edges that fade: where, how wide, and what they leave alone."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from lvt_track.phantom.image.edges import SoftEdges, soften

WIDTH_MM, SPACING_MM = 1.5, (1.0, 1.0, 1.0)
LIVER_HU, LESION_HU, FAT_HU = 100.0, 60.0, -100.0


def distance(centre: tuple[int, int, int]) -> Tensor:
    z, y, x = torch.meshgrid(*(torch.arange(48.0) - c for c in centre), indexing="ij")
    return (z**2 + y**2 + x**2).sqrt()


@pytest.fixture(scope="module")
def scene() -> tuple[Tensor, Tensor, Tensor]:
    """Liver with a ball of 12 voxels' radius, and fat from x = 40 on: HU, liver, lesion."""
    lesion = (distance((24, 24, 20)) < 12.0).float()
    liver = torch.ones(48, 48, 48)
    liver[:, :, 40:] = 0.0
    hu = LIVER_HU + (LESION_HU - LIVER_HU) * lesion
    hu[:, :, 40:] = FAT_HU
    return hu, liver, lesion


def test_the_edge_fades_over_its_width_and_stays_in_place(
    scene: tuple[Tensor, Tensor, Tensor],
) -> None:
    hu, liver, lesion = scene
    faded = soften(hu, SoftEdges(lesion, liver, WIDTH_MM), SPACING_MM)
    along = faded[24, 24, 20:36]
    assert along[0] == pytest.approx(LESION_HU, abs=0.1)
    assert along[-1] == pytest.approx(LIVER_HU, abs=0.1)
    # Across a plane the blurred edge is a normal distribution's; a ball of 12 is nearly one. Its
    # last voxel is the eleventh.
    share = torch.special.ndtr((torch.arange(16.0) - 11.5) / WIDTH_MM)
    expected = LESION_HU + (LIVER_HU - LESION_HU) * share
    torch.testing.assert_close(along, expected, atol=3.0, rtol=0.0)
    assert faded.sum() == pytest.approx(float(hu.sum()), rel=1e-3)


def test_what_is_not_near_a_soft_lesion_stays(scene: tuple[Tensor, Tensor, Tensor]) -> None:
    hu, liver, lesion = scene
    faded = soften(hu, SoftEdges(lesion, liver, WIDTH_MM), SPACING_MM)
    far = (distance((24, 24, 20)) > 12.0 + 3.0 * WIDTH_MM) | (liver == 0.0)
    assert torch.equal(faded[far], hu[far])
    none = SoftEdges(torch.zeros_like(lesion), liver, WIDTH_MM)
    assert torch.equal(soften(hu, none, SPACING_MM), hu)


def test_fat_does_not_bleed_into_a_lesion_at_the_surface() -> None:
    lesion = (distance((24, 24, 36)) < 8.0).float()
    liver = torch.ones(48, 48, 48)
    liver[:, :, 40:] = 0.0
    hu = LIVER_HU + (LESION_HU - LIVER_HU) * lesion
    hu[:, :, 40:] = FAT_HU
    faded = soften(hu, SoftEdges(lesion, liver, WIDTH_MM), SPACING_MM)
    assert float(faded[liver == 1.0].min()) == pytest.approx(LESION_HU, abs=0.5)
    assert torch.equal(faded[liver == 0.0], hu[liver == 0.0])
