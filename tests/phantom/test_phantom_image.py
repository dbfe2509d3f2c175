"""Images: brightness, noise and blur as asked for, the same from the same generator."""

from __future__ import annotations

import pytest
import torch

from lvt_track.core.series import Phase
from lvt_track.phantom.body.tissues import TISSUE_HU, TUMOR_TISSUES, Tissue
from lvt_track.phantom.image.edges import SoftEdges
from lvt_track.phantom.image.synthesis import (
    Scanner,
    TissueMap,
    draw_scanner,
    draw_tissue_hu,
    lesion_contrast_hu,
    look_up,
    mixed,
    synthesise_image,
)

QUIET = Scanner(noise_hu=0.01, shading_hu=0.0, slice_thickness_mm=1.0, kernel_fwhm_mm=1.0)


def block(tissue: Tissue, n: int = 40) -> torch.Tensor:
    return torch.full((n, n, n), int(tissue), dtype=torch.uint8)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("phase", [Phase.NATIVE, Phase.ARTERIAL, Phase.PORTAL, Phase.DELAYED])
@pytest.mark.parametrize("tissue", [Tissue.SPLEEN, Tissue.AORTA, Tissue.MUSCLE, Tissue.FAT])
def test_patients_spread_around_the_published_mean(tissue: Tissue, phase: Phase) -> None:
    drawn = torch.stack([draw_tissue_hu(phase, QUIET, generator(s))[tissue] for s in range(200)])
    model = TISSUE_HU[tissue]
    assert float(drawn.mean()) == pytest.approx(model.mean(phase), abs=0.4 * model.spread)
    assert float(drawn.std()) == pytest.approx(model.spread, rel=0.3)


@pytest.mark.parametrize("phase", [Phase.NATIVE, Phase.ARTERIAL, Phase.PORTAL, Phase.DELAYED])
@pytest.mark.parametrize("rim", [Tissue.TUMOR_RIM, Tissue.TUMOR_CAPSULE])
def test_rims_can_be_seen(rim: Tissue, phase: Phase) -> None:
    tables = [draw_tissue_hu(phase, QUIET, generator(seed)) for seed in range(200)]
    gaps = torch.tensor([abs(float(hu[rim] - hu[Tissue.LIVER])) for hu in tables])
    # In patients whose lesions all hardly differ from the liver, rims do not either.
    assert float((gaps > 11.9).float().mean()) > 0.8


def test_fluid_is_darker_than_tumours_even_where_contrast_is_wild() -> None:
    tumors = sorted(TUMOR_TISSUES)
    for seed in range(100):
        hu = draw_tissue_hu(Phase.PORTAL, Scanner(wild_probability=1.0), generator(seed))
        assert float(hu[tumors].min()) >= 18.0 > float(hu[Tissue.CYST])


def test_lesions_stray_as_a_whole_but_for_rims_and_not_down_to_fluid() -> None:
    tissue_hu = draw_tissue_hu(Phase.PORTAL, QUIET, generator(1))
    tissue_hu[[int(Tissue.TUMOR_NECROSIS), int(Tissue.TUMOR_HYPODENSE)]] = torch.tensor(
        [25.0, 70.0]
    )
    labels = torch.tensor(
        [
            [Tissue.TUMOR_NECROSIS, Tissue.TUMOR_HYPODENSE, Tissue.TUMOR_RIM],
            [Tissue.TUMOR_NECROSIS, Tissue.CYST, Tissue.TUMOR_CAPSULE],
            [Tissue.LIVER, Tissue.LIVER, Tissue.AIR],
        ],
        dtype=torch.uint8,
    )[None]
    lesion = torch.tensor([[1, 1, 1], [2, 3, 2], [0, 0, 0]], dtype=torch.uint8)[None]
    own_hu = torch.tensor([0.0, -30.0, 10.0, -4.0])
    expected = torch.tensor([[-7.0, -30.0, 0.0], [10.0, -4.0, 0.0], [0.0, 0.0, 0.0]])[None]
    assert torch.equal(lesion_contrast_hu(own_hu, lesion, labels, tissue_hu), expected)


def test_an_image_has_the_brightness_of_its_table() -> None:
    table = torch.zeros(256)
    table[Tissue.LIVER] = 110.0
    hu = synthesise_image(
        TissueMap(block(Tissue.LIVER), table), 1.5, Phase.PORTAL, QUIET, generator(1)
    )
    assert hu.dtype == torch.float32
    assert float(hu.mean()) == pytest.approx(110.0, abs=2.0)


def test_noise_is_as_strong_as_asked() -> None:
    scanner = Scanner(noise_hu=20.0, shading_hu=0.0)
    hu = synthesise_image(TissueMap(block(Tissue.CYST)), 1.5, Phase.PORTAL, scanner, generator(2))
    assert float(hu.std()) == pytest.approx(20.0, rel=0.1)


def test_the_same_generator_gives_the_same_image() -> None:
    labels = block(Tissue.LIVER, 20)
    a = synthesise_image(
        TissueMap(labels), 2.0, Phase.PORTAL, draw_scanner(generator(3)), generator(4)
    )
    b = synthesise_image(
        TissueMap(labels), 2.0, Phase.PORTAL, draw_scanner(generator(3)), generator(4)
    )
    assert torch.equal(a, b)


def test_thick_slices_blur_along_z_only() -> None:
    labels = block(Tissue.AIR)
    labels[20:] = Tissue.CYST
    thin = Scanner(noise_hu=0.01, shading_hu=0, slice_thickness_mm=1.0, kernel_fwhm_mm=1.0)
    thick = Scanner(noise_hu=0.01, shading_hu=0, slice_thickness_mm=7.0, kernel_fwhm_mm=1.0)
    steep = [
        float(
            synthesise_image(TissueMap(labels), 1.0, Phase.PORTAL, s, generator(5))
            .mean((1, 2))
            .diff()
            .max()
        )
        for s in (thin, thick)
    ]
    assert steep[1] < 0.5 * steep[0]


def test_wild_contrast_keeps_gas_dark_and_bone_bright() -> None:
    wild = Scanner(wild_probability=1.0)
    for seed in range(20):
        table = draw_tissue_hu(Phase.PORTAL, wild, generator(seed))
        assert float(table[Tissue.BOWEL_GAS]) < -800
        assert float(table[Tissue.CORTICAL_BONE]) > 150
        assert abs(float(table[Tissue.TUMOR_HYPODENSE] - table[Tissue.LIVER])) >= 14.9


def test_a_scanner_must_make_sense() -> None:
    with pytest.raises(ValueError, match="positive"):
        Scanner(kernel_fwhm_mm=0.0)
    with pytest.raises(ValueError, match="wild_probability"):
        Scanner(wild_probability=1.5)


def test_tissues_mix_in_the_voxel_that_they_share() -> None:
    labels = block(Tissue.LIVER)
    labels[:, :, 21:] = Tissue.FAT
    table = torch.zeros(256)
    table[Tissue.LIVER], table[Tissue.FAT] = 110.0, -90.0
    sharp = Scanner(0.01, kernel_fwhm_mm=0.01, slice_thickness_mm=0.01, shading_hu=0.0)
    hu = synthesise_image(TissueMap(labels, table, finer=2), 2.0, Phase.PORTAL, sharp, generator(6))
    assert hu.shape == (20, 20, 20)
    across = hu.mean((0, 1))
    # Voxel 10 is half liver, half fat.
    assert float(across[10]) == pytest.approx(10.0, abs=4.0)
    assert float(across[:9].mean()) == pytest.approx(110.0, abs=4.0)
    assert float(across[12:].mean()) == pytest.approx(-90.0, abs=4.0)


@pytest.mark.parametrize("finer", [1, 2, 4, 5])
def test_mixing_is_the_mean_of_cubes(finer: int) -> None:
    values = torch.randn(20, 40, 60, generator=generator(3))
    pooled = torch.nn.functional.avg_pool3d(values[None, None], finer)[0, 0]
    torch.testing.assert_close(mixed(values, finer), pooled)


def test_each_voxel_gets_the_value_of_its_tissue() -> None:
    table = torch.randn(256, generator=generator(4))
    labels = torch.randint(256, (5, 6, 7), generator=generator(5)).to(torch.uint8)
    assert torch.equal(look_up(table, labels), table[labels.long()])


def test_only_soft_lesions_fade_into_the_liver() -> None:
    table = torch.zeros(256)
    table[Tissue.LIVER], table[Tissue.TUMOR_HYPODENSE] = 110.0, 60.0
    labels = block(Tissue.LIVER)
    labels[14:26, 14:26, 14:26] = int(Tissue.TUMOR_HYPODENSE)
    lesion = (labels == int(Tissue.TUMOR_HYPODENSE)).float()
    soft = SoftEdges(lesion, torch.ones_like(lesion), 3.0)

    def edge(edges: SoftEdges | None) -> float:
        hu = synthesise_image(
            TissueMap(labels, table, edges=edges), 1.0, Phase.PORTAL, QUIET, generator(1)
        )
        return float(hu[18:22, 18:22, 28].mean())

    # Two and a half voxels beyond the edge, that is 0.83 standard deviations: a fifth of 50 HU.
    assert edge(None) - edge(soft) == pytest.approx(50.0 * 0.2, abs=3.0)


def test_tumours_follow_half_of_what_a_liver_strays() -> None:
    tables = torch.stack(
        [
            draw_tissue_hu(Phase.PORTAL, Scanner(), torch.Generator().manual_seed(seed))
            for seed in range(400)
        ]
    ).double()
    liver = tables[:, Tissue.LIVER] - tables[:, Tissue.LIVER].mean()
    for tissue in (Tissue.TUMOR_HYPODENSE, Tissue.TUMOR_NECROSIS):
        slope = (liver * tables[:, tissue]).mean() / (liver * liver).mean()
        assert 0.4 < slope < 0.8
    assert (tables[:, Tissue.CYST] < tables[:, Tissue.TUMOR_NECROSIS]).double().mean() > 0.7


def test_tumours_of_some_patients_take_up_no_contrast() -> None:
    native, portal = (
        torch.stack(
            [
                draw_tissue_hu(phase, Scanner(), torch.Generator().manual_seed(seed))
                for seed in range(200)
            ]
        )
        for phase in (Phase.NATIVE, Phase.PORTAL)
    )
    for tissue in (Tissue.TUMOR_HYPODENSE, Tissue.TUMOR_NECROSIS):
        same = portal[:, tissue] == native[:, tissue]
        assert 0.1 < same.double().mean() < 0.35
        assert (portal[same, tissue] > portal[same, Tissue.CYST]).double().mean() > 0.8
