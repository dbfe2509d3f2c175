"""CT as the network sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["normalise"]

Values = TypeVar("Values", NDArray[np.float32], "Tensor")


def normalise(hu: Values, window_hu: tuple[float, float]) -> Values:
    """HU mapped so that the window reaches from -1 to 1, clipped beyond.

    Args:
        hu: float32, of numpy or torch.
        window_hu: its ends.
    """
    low, high = window_hu
    return ((hu - low) * (2.0 / (high - low)) - 1.0).clip(-1.0, 1.0)
