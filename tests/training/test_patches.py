from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from lvt_track.training.batches.augment import NO_AUGMENTATION, Augmentation
from lvt_track.training.batches.patches import PatchBatches, PatchPlan
from lvt_track.training.datasets.prepared import BITS, IGNORE
from lvt_track.training.objective.annotation import COMPLETE, Annotation, Knowledge

CPU = torch.device("cpu")
SHAPE = (30, 28, 26)
LIVER_TUMORS = Knowledge(Annotation.EVERYWHERE, Annotation.NONE, Annotation.EVERYWHERE)
PLAN = PatchPlan((12, 12, 12), (2.0, 2.0, 2.0), samples=1)


@dataclass(frozen=True, eq=False)
class Scan:
    """A liver with a tumour whose HU tell where a voxel is."""

    dataset: str = "a"
    knowledge: Knowledge = COMPLETE
    spacing_mm: tuple[float, float, float] = (2.0, 2.0, 2.0)
    shape: tuple[int, int, int] = SHAPE
    ignored: bool = False
    level: int = 0

    def image(self) -> NDArray[np.int16]:
        z, y, x = np.indices(self.shape)
        return (z + y + x + self.level).astype(np.int16)

    def labels(self) -> NDArray[np.uint8]:
        labels = np.zeros(self.shape, dtype=np.uint8)
        near, far = (tuple(int(n * s) for n in self.shape) for s in (0.3, 0.8))
        liver = tuple(slice(a, b) for a, b in zip(near, far, strict=True))
        labels[liver] = BITS["liver"]
        tumor = tuple(slice(a + 3, a + 6) for a in near)
        labels[tumor] |= BITS["tumors"]
        if self.ignored:
            labels[:10] |= IGNORE
        return labels

    def foreground(self, name: str) -> NDArray[np.int32]:
        return np.argwhere(self.labels() & BITS[name]).astype(np.int32)


def batches(
    *scans: Scan, how: Augmentation = NO_AUGMENTATION, plan: PatchPlan = PLAN
) -> PatchBatches:
    return PatchBatches(scans, plan, how, seed=5, device=CPU)


@pytest.mark.parametrize("how", [NO_AUGMENTATION, Augmentation(affine=1.0, elastic=1.0)])
def test_batch_follows_from_its_number(how: Augmentation) -> None:
    scans = (Scan(), Scan(level=40))
    one, other = batches(*scans, how=how), batches(*scans, how=how)
    other(0)
    first, second = one(7), other(7)
    assert torch.equal(first.image, second.image)
    assert torch.equal(first.target, second.target)
    assert not torch.equal(first.image, one(8).image)


def test_patch_shows_image_and_labels_of_the_same_place() -> None:
    scan = Scan()
    hu, tumors = scan.image(), scan.labels() & BITS["tumors"] != 0
    low, high = PLAN.window_hu
    for number in range(6):
        batch = batches(scan)(number)
        seen = (batch.image[0, 0] + 1.0) * (high - low) / 2.0 + low
        assert batch.known.all()
        # The sum of the indices in the first voxel, and steps of one, place the patch.
        assert torch.allclose(seen.diff(dim=0), torch.ones(()), atol=1e-3)
        sums = seen.round().int().numpy()
        assert set(np.unique(sums[batch.target[0, 2].numpy()])) <= set(np.unique(hu[tumors]))
        assert not (batch.target[0, 2] & ~batch.target[0, 0]).any()


def test_other_spacing_is_resampled_as_at_inference() -> None:
    fine = Scan(spacing_mm=(1.0, 1.0, 2.0), shape=(60, 56, 26))
    batch = batches(fine)(3)
    assert batch.image.shape == (1, 1, 12, 12, 12)
    assert batch.known.all()
    low, high = PLAN.window_hu
    seen = (batch.image[0, 0] + 1.0) * (high - low) / 2.0 + low
    seen = seen[1:-1, 1:-1, 1:-1]
    assert torch.allclose(seen.diff(dim=0), torch.tensor(2.0), atol=1e-2)
    assert torch.allclose(seen.diff(dim=2), torch.tensor(1.0), atol=1e-2)
    assert batch.target[0, 0].any()


def test_nothing_is_known_beyond_the_scan_or_where_ignored() -> None:
    small = Scan(shape=(8, 28, 26), knowledge=LIVER_TUMORS)
    batch = batches(small)(0)
    inside = batch.known[0, 0].any(dim=2).any(dim=1)
    assert inside.tolist() == [False] * 2 + [True] * 8 + [False] * 2
    coarse = batches(small, plan=PatchPlan((12, 12, 12), (2.5, 2.5, 2.5), samples=1))(0)
    assert 6 <= int(coarse.known[0, 0].any(dim=2).any(dim=1).sum()) <= 7
    ignored = batches(Scan(ignored=True))
    assert not all(ignored(number).known.all() for number in range(8))


def test_knowledge_of_the_dataset_reaches_the_batch() -> None:
    batch = batches(Scan(knowledge=LIVER_TUMORS))(1)
    assert batch.annotated.tolist() == [[True, False, True]]
    liver = batch.target[:, 0]
    assert torch.equal(batch.known[:, 1], ~liver)


def test_small_datasets_count_more_than_their_share() -> None:
    scans = [Scan("many", level=0)] * 16 + [Scan("few", level=1000)] * 1
    drawn = batches(*scans)
    few = sum(bool(drawn(number).image.mean() > 0.99) for number in range(120))
    # A weight of one over the root: 4 to 1 where there are 16 to 1.
    assert few / 120 == pytest.approx(0.2, abs=0.09)


def test_patches_follow_the_foreground() -> None:
    scan = Scan()
    share = {}
    for foreground in (0.0, 1.0):
        plan = PatchPlan((6, 6, 6), (2.0, 2.0, 2.0), 1, foreground_share=foreground)
        drawn = batches(scan, plan=plan)
        share[foreground] = np.mean([bool(drawn(n).target[0, 2].any()) for n in range(30)])
    assert share[1.0] > 0.4 > share[0.0]


def test_error_of_a_thread_that_reads_ahead_is_raised() -> None:
    class Broken(Scan):
        def image(self) -> NDArray[np.int16]:
            raise OSError("disk gone")

    with pytest.raises(OSError, match="disk gone"):
        batches(Broken())(0)
    with pytest.raises(ValueError, match="at least one"):
        batches()
