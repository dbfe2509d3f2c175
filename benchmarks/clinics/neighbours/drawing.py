"""What neighbours are drawn of, and the list of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Volume
from lvt_track.io.images.nifti import new_header, write_nifti
from lvt_track.io.images.volumes import write_labels
from tests.io.wild_scans import (
    JUNE,
    slices,
    trunk,
)

FIRST, SECOND, LATER = trunk(1), trunk(2, brightness=60), trunk(3)
THIRD = trunk(4)
_FINE = trunk(5, slices=80)
THIN = Volume(
    _FINE.hu, Geometry(_FINE.hu.shape, (1.0, 6.0, 6.0), _FINE.geometry.origin_mm, np.eye(3))
)
_TRUTHS = {"first": FIRST, "second": SECOND, "later": LATER, "third": THIRD, "thin": THIN}
HIDDEN = "surrogateescape"
Draw = Callable[[Path], object]
_DRAWN: list[tuple[str, Draw]] = []
_ALONE: set[Draw] = set()


def of(kind: str, *, alone: bool = False) -> Callable[[Draw], Draw]:
    """Mark a function as a neighbour of a kind; `alone` where it makes all visits itself."""

    def marked(draw: Draw) -> Draw:
        _DRAWN.append((kind, draw))
        if alone:
            _ALONE.add(draw)
        return draw

    return marked


def draw_neighbours(root: Path) -> Iterator[tuple[str, str, Path, Path]]:
    """Kind, name, folder and file of truths of every neighbour, drawn below `root`."""
    root.mkdir(parents=True)
    truths = root / "truths.npz"
    for kind, draw in _DRAWN:
        name = draw.__name__.replace("_", " ")
        folder = root / draw.__name__
        folder.mkdir()
        draw(folder)
        if draw not in _ALONE:
            slices(folder / "later", LATER, date=JUNE)
        own = folder.with_suffix(".npz")
        np.savez(own, **{truth: volume.hu for truth, volume in _TRUTHS.items()})
        yield kind, name, folder, own
    truths.unlink(missing_ok=True)


def nifti(folder: Path, name: str = "ct.nii.gz", **fields: Any) -> Path:
    """The first scan as NIfTI, with other values in its header."""
    path = folder / "2024-03-01" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    header = new_header(FIRST.geometry)
    for field, value in fields.items():
        header[field] = value
    write_nifti(FIRST.hu, path, header)
    return path


def labels(path: Path) -> Path:
    """A label map of the first scan: 1 tissue, 2 spots in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = (FIRST.hu > -500).astype(np.int32) + (FIRST.hu > 100)
    write_labels(values, FIRST.geometry, path)
    return path
