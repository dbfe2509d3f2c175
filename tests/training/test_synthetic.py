from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lvt_track.core.series import Phase
from lvt_track.phantom.body.tissues import Tissue
from lvt_track.segment.network.unet import ResidualUNet
from lvt_track.training.batches.prefetch import Ahead
from lvt_track.training.loop import LoopSettings, TrainingRun, train
from lvt_track.training.synthetic.bodies import SyntheticBatches
from lvt_track.training.synthetic.default_model import LOCATOR, SEGMENTER, Configuration
from lvt_track.training.synthetic.lesion_crops import SyntheticCrops
from lvt_track.training.synthetic.recipe import Recipe
from lvt_track.training.synthetic.subjects import draw_subjects, subject_files

RECIPE = Recipe(4.0, (32, 32, 32), cut_probability=0.0, phases={Phase.PORTAL: 1.0})


@pytest.fixture(scope="module")
def bodies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bodies")
    draw_subjects(folder, range(2), 6.0, "upper")
    return folder


def test_bodies_are_drawn_once(bodies: Path) -> None:
    files = subject_files(bodies)
    assert [file.name for file in files] == ["000000.npy", "000001.npy"]
    times = [file.stat().st_mtime_ns for file in files]
    draw_subjects(bodies, range(2), 6.0, "upper", processes=2)
    assert [file.stat().st_mtime_ns for file in files] == times
    assert Tissue.LIVER in np.load(files[0])


def test_several_processes_draw_the_same_bodies(bodies: Path, tmp_path: Path) -> None:
    draw_subjects(tmp_path, range(2), 6.0, "upper", processes=2)
    for one, other in zip(subject_files(bodies), subject_files(tmp_path), strict=True):
        np.testing.assert_array_equal(np.load(one), np.load(other))


def test_batches_follow_from_their_number(bodies: Path) -> None:
    files = subject_files(bodies)
    one, other = SyntheticBatches(files, RECIPE, 3), SyntheticBatches(files, RECIPE, 3)
    other(0)
    first, second = one(5), other(5)
    assert torch.equal(first.image, second.image)
    assert torch.equal(first.target, second.target)
    assert not torch.equal(first.image, one(6).image)
    assert not torch.equal(first.image, SyntheticBatches(files, RECIPE, 4)(5).image)


def test_crops_drawn_by_processes_give_the_same_batches(bodies: Path) -> None:
    files, recipe = subject_files(bodies), replace(RECIPE, samples=2)
    here = SyntheticBatches(files, recipe, 3)
    ahead = SyntheticBatches(files, recipe, 3, ahead=Ahead(2, 2))
    for number in (1, 3):
        one, other = here(number), ahead(number)
        assert torch.equal(one.image, other.image)
        assert torch.equal(one.target, other.target)
        assert torch.equal(one.known, other.known)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_makes_images_like_those_of_the_cpu(bodies: Path) -> None:
    files = subject_files(bodies)
    device = torch.device("cuda")
    here = SyntheticBatches(files, RECIPE, 3)
    there = SyntheticBatches(files, RECIPE, 3, device, Ahead())
    for number in range(3):
        one, other = here(number), there(number)
        assert other.image.device.type == "cuda"
        # Noise is drawn by another generator; anatomy, contrast and truth are the same.
        assert (one.image - other.image.cpu()).abs().mean() < 0.3
        assert (one.target[:, 0] != other.target[:, 0].cpu()).float().mean() < 0.1


def test_batches_keep_the_hierarchy_and_the_window(bodies: Path) -> None:
    batches = SyntheticBatches(subject_files(bodies), replace(RECIPE, samples=2), 0)
    livers = 0
    for number in range(4):
        batch = batches(number)
        assert batch.image.shape == (2, 1, 32, 32, 32)
        assert batch.target.shape == batch.known.shape == (2, 3, 32, 32, 32)
        assert batch.image.abs().max() <= 1.0
        assert not (batch.target[:, 1:] & ~batch.target[:, :1]).any()
        assert batch.known[:, 0].all()
        # Vessels and tumours are known in the liver and near it, not far away; a tumour may be
        # too faint to be told of.
        assert not (batch.target[:, :1] & ~batch.known[:, 1:2]).any()
        untold = batch.target[:, 0] & ~batch.known[:, 2]
        assert not (untold & ~batch.target[:, 2]).any()
        livers += int(batch.target[:, 0].any())
    assert livers > 0


def test_tumours_that_the_image_hides_are_not_told(bodies: Path) -> None:
    clear = replace(RECIPE, noise_hu=(0.5, 1.0), new_lesions=1.0, wild_probability=0.0)
    noisy = replace(clear, noise_hu=(600.0, 800.0))
    told: list[float] = []
    for recipe in (clear, noisy):
        batches = SyntheticBatches(subject_files(bodies), recipe, 4)
        tumors = [(batch.target[0, 2], batch.known[0, 2]) for batch in map(batches, range(12))]
        known = sum(int((target & known).sum()) for target, known in tumors)
        told.append(known / sum(int(target.sum()) for target, _ in tumors))
    assert told[0] > 0.5
    assert told[1] < 0.1


def test_liver_is_brighter_than_fat_in_the_image(bodies: Path) -> None:
    recipe = replace(RECIPE, wild_probability=0.0, noise_hu=(1.0, 2.0))
    batch = SyntheticBatches(subject_files(bodies), recipe, 1)(1)
    liver = batch.target[0, 0] & ~batch.target[0, 2]
    assert batch.image[0, 0][liver].median() > batch.image[0, 0][~liver].median()


def test_finer_labels_give_the_volume_that_they_fill(tmp_path: Path) -> None:
    labels = np.full((40, 40, 40), Tissue.FAT, dtype=np.uint8)
    labels[5:34, 5:34, 5:34] = Tissue.LIVER
    labels[17:20, 6:33, 12:15] = Tissue.PORTAL_VEIN
    np.save(tmp_path / "body.npy", labels)
    recipe = replace(RECIPE, patch=(20, 20, 20), finer=2, new_lesions=0.0, part_margin_mm=40.0)
    batches = SyntheticBatches(subject_files(tmp_path), recipe, 0)
    targets = torch.stack([batches(number).target[0] for number in range(20)]).float()
    # Voxels that liver or vessel share are theirs as often as their share: 29 and 3 are odd.
    liver, vessels = (8.0 * targets[:, :2].sum(dim=(2, 3, 4)).mean(dim=0)).tolist()
    assert liver == pytest.approx(29**3, rel=0.01)
    assert vessels == pytest.approx(3 * 27 * 3, rel=0.1)
    chosen = targets[:, 0].mean(dim=0)
    assert chosen[2, 10, 10] == pytest.approx(0.5, abs=0.35)
    assert chosen[5, 10, 10] == 1.0
    assert chosen[0].max() == 0.0


def test_stretched_bodies_are_of_other_sizes(bodies: Path) -> None:
    files = subject_files(bodies)[:1]
    sizes = []
    for stretch in (0.0, 0.2):
        recipe = replace(RECIPE, patch=(64, 64, 64), stretch=stretch, new_lesions=0.0)
        batches = SyntheticBatches(files, recipe, 7)
        sizes.append([int(batches(number).target[0, 0].sum()) for number in range(6)])
    assert len(set(sizes[0])) < len(set(sizes[1]))
    assert len(set(sizes[1])) == 6


def test_crops_of_finer_voxels_show_the_same_liver_larger(tmp_path: Path) -> None:
    labels = np.full((60, 60, 60), Tissue.FAT, dtype=np.uint8)
    labels[20:40, 20:40, 20:40] = Tissue.LIVER
    np.save(tmp_path / "body.npy", labels)
    usual = replace(RECIPE, patch=(30, 30, 30), finer=2, new_lesions=0.0, fine_edge=0.8)
    fine = replace(usual, fine_share=1.0)
    volumes = []
    for recipe in (usual, fine):
        batches = SyntheticBatches(subject_files(tmp_path), recipe, 0)
        volumes.append(np.mean([batches(k).target[0, 0].sum() for k in range(8)]))
    assert volumes[0] == pytest.approx(10**3, rel=0.02)
    assert volumes[1] == pytest.approx(12.5**3, rel=0.05)


def test_a_share_of_the_crops_has_finer_voxels_or_ascites(bodies: Path) -> None:
    recipe = replace(RECIPE, fine_share=0.5, fine_edge=0.75)
    edges = [recipe.of_crop(1, number).spacing_mm for number in range(200)]
    assert 70 < edges.count(3.0) < 130
    assert edges.count(3.0) + edges.count(4.0) == 200
    wet = SyntheticCrops(subject_files(bodies), replace(RECIPE, ascites=1.0), 3)
    dry = SyntheticCrops(subject_files(bodies), RECIPE, 3)
    volumes = [
        sum(int((crops(k)[0].labels == Tissue.ASCITES).sum()) for k in range(8))
        for crops in (wet, dry)
    ]
    assert volumes[0] > volumes[1]


def test_cut_scans_repeat_their_last_slice_and_leave_it_unknown(bodies: Path) -> None:
    batches = SyntheticBatches(subject_files(bodies), replace(RECIPE, cut_probability=1.0), 2)
    for number in range(3):
        batch = batches(number)
        seen = torch.nonzero(batch.known[0, 0].all(dim=2).all(dim=1)).flatten()
        assert 4 <= len(seen) < 32
        assert seen.tolist() == list(range(int(seen[0]), int(seen[-1]) + 1))
        for z in range(32):
            end = min(max(z, int(seen[0])), int(seen[-1]))
            assert torch.equal(batch.image[0, 0, z], batch.image[0, 0, end])
            assert batch.known[0, 0, z].any() == (z == end)


def test_patch_larger_than_the_body_is_filled_with_air(bodies: Path) -> None:
    batch = SyntheticBatches(subject_files(bodies), replace(RECIPE, patch=(96, 32, 32)), 0)(0)
    assert batch.image.shape == (1, 1, 96, 32, 32)
    assert batch.image[0, 0, 0].max() < -0.5


def test_no_bodies_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least one subject"):
        SyntheticBatches((), RECIPE, 0)


@pytest.mark.parametrize("part", [LOCATOR, SEGMENTER], ids=lambda part: part.name)
def test_committed_configuration_runs(part: Configuration, bodies: Path, tmp_path: Path) -> None:
    patch = (2 * part.network.stride,) * 3
    batches = SyntheticBatches(subject_files(bodies), replace(part.recipe, patch=patch), part.seed)
    network = train(
        ResidualUNet(part.network),
        batches,
        LoopSettings(steps=1),
        TrainingRun(tmp_path, torch.device("cpu")),
    )
    assert network.parameters_of_size.outputs == part.recipe.classes
