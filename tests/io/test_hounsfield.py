from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lvt_track.errors import InputError
from lvt_track.io.hounsfield import check_hu


def body(air: float = 0.5) -> NDArray[np.float64]:
    """Air, lung, fat, soft tissue and bone in about a body's shares."""
    rng = np.random.default_rng(0)
    parts = [(-1000, 15, air), (-800, 60, 0.1), (-100, 15, 0.2), (60, 30, 0.4), (500, 200, 0.03)]
    return np.concatenate([rng.normal(m, s, int(100_000 * share)) for m, s, share in parts])


def test_ct_passes() -> None:
    check_hu(body())
    check_hu(body(air=0.0))
    check_hu(np.clip(body(), -160, 240))
    check_hu(np.concatenate([body(), np.full(2_000_000, -1024.0)]))
    check_hu(np.concatenate([body(), np.full(50_000, -3024.0)]))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.clip((body() + 160) / 400 * 255, 0, 255), "windowed 8-bit picture"),
        (np.clip((body() + 160) / 400, 0, 1), "scaled to a small range"),
        ((body() - body().mean()) / body().std(), "scaled to a small range"),
        (np.maximum(body() + 1024, 0), "intercept of -1024 is lost"),
        (body() - 1024, "wrong rescale"),
        (body() * 16, "wrong rescale"),
        (np.zeros(1000), "every voxel is 0"),
        (np.random.default_rng(0).integers(0, 2, 1000), "as in a mask"),
        (np.random.default_rng(0).integers(0, 118, 1000), "8-bit picture"),
        (np.abs(np.random.default_rng(0).normal(300, 200, 100_000)), "MR or PET"),
        (np.random.default_rng(0).gamma(1, 900, 100_000), "MR or PET"),
    ],
)
def test_what_is_not_ct_is_named(values: NDArray[Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_hu(values)


def test_mostly_nan_is_refused() -> None:
    with pytest.raises(InputError, match="not numbers"):
        check_hu(np.full(100, np.nan))
