from __future__ import annotations

import numpy as np

from lvt_track.segment.postprocess.second_look import without_doubtful

SHAPE = (16, 16, 16)
VOXEL_ML = 0.003


def block(first: int, last: int) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[first:last, first:last, first:last] = True
    return mask


SPOT, OTHER, NOTHING = block(2, 5), block(8, 12), block(0, 0)
BOTH = SPOT | OTHER


def likely(spot: float) -> np.ndarray:
    return np.where(SPOT, spot, np.where(OTHER, 0.6, 0.0)).astype(np.float32)


def test_a_spot_that_fine_voxels_alone_show_stays_if_it_is_sure_and_small() -> None:
    kept, count = without_doubtful(BOTH, OTHER, NOTHING, likely(0.9), VOXEL_ML)
    assert (kept == BOTH).all()
    assert count == 0


def test_one_in_a_vessel_or_unsure_or_large_is_left_out() -> None:
    for vessels, peak, voxel_ml in (
        (SPOT, 0.9, VOXEL_ML),
        (NOTHING, 0.7, VOXEL_ML),
        (NOTHING, 0.9, 0.04),
    ):
        kept, count = without_doubtful(BOTH, OTHER, vessels, likely(peak), voxel_ml)
        assert (kept == OTHER).all()
        assert count == 1


def test_what_coarse_voxels_show_in_part_stays_whatever_it_is() -> None:
    corner = SPOT & (np.indices(SHAPE).sum(axis=0) < 8)
    kept, count = without_doubtful(BOTH, corner | OTHER, BOTH, likely(0.6), 0.04)
    assert (kept == BOTH).all()
    assert count == 0


def test_nothing_is_no_error() -> None:
    kept, count = without_doubtful(NOTHING, NOTHING, NOTHING, likely(0.9), VOXEL_ML)
    assert not kept.any()
    assert count == 0
