"""What a model drew in a scan, kept in a file: rules that come after it are judged without it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.volume import CLASSES, Masks, Volume
from lvt_track.io.files import write_whole
from lvt_track.segment.infer import segment
from lvt_track.segment.models import Model

__all__ = ["Drawing", "drawn_in"]

Drawing = tuple[Masks, NDArray[np.float16]]
"""The masks, and the probability of tumour (z, y, x)."""

_LEAST = 1 / 255


def drawn_in(volume: Volume, model: Model, path: Path) -> Drawing:
    """The drawing in a file; made and written there where there is none.

    Args:
        volume: the scan.
        model: draws.
        path: an `.npz` file, of this scan and this model.
    """
    if not path.exists():
        result = segment(volume, model, "cpu", keep_probabilities=("tumors",))
        probability = result.probabilities["tumors"]
        arrays = {name: getattr(result.masks, name) for name in CLASSES}
        # What is next to nothing takes most of the space.
        arrays["probability"] = np.where(probability < _LEAST, np.float16(0), probability)
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_whole(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
    with np.load(path) as arrays:
        masks = Masks(*(arrays[name] for name in CLASSES), volume.geometry)
        return masks, arrays["probability"]
