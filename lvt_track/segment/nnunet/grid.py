"""nnU-Net's grid and windows over a scan, of which any part can be computed alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Box
from lvt_track.core.volume import BoolArray
from lvt_track.segment.cards import ImportedCard, Normalisation
from lvt_track.segment.grid import Extent, Image, counted_from, extent_of, support, weigh
from lvt_track.segment.nnunet.splines import SplineOrder, spline_orders, spline_weights
from lvt_track.segment.windows import Blend, window_boxes

__all__ = ["Area", "NnunetGrid", "nonzero_box"]

_Matrices = tuple[Image, Image, Image]

_LOGITS_ORDER: SplineOrder = 1
_SLAB_VALUES = 50_000_000
_SMALLEST_SD = 1e-8


@dataclass(frozen=True, eq=False)
class Area:
    """The part of the grid that is computed.

    Attributes:
        image: what the network sees of it (z, y, x).
        windows: in voxels of the image.
        box: where the image lies in the grid; may reach beyond it, as windows may.
    """

    image: Image
    windows: list[Box]
    box: Box


@dataclass(frozen=True, eq=False)
class NnunetGrid:
    """The grid that nnU-Net would resample a part of a scan to.

    Attributes:
        hu: the scan (z, y, x) along the model's axes.
        spacing_mm: of the scan, along them.
        region: the part that nnU-Net would be given.
        wanted: the part of the region whose labels are asked for.
        card: of the model.
    """

    hu: NDArray[Any]
    spacing_mm: tuple[float, float, float]
    region: Box
    wanted: Box
    card: ImportedCard

    @cached_property
    def shape(self) -> Extent:
        """Voxels of the grid."""
        # In nnU-Net's order of operations, as halves are rounded to even.
        z, y, x = (
            max(1, round(step / target * size))
            for step, target, size in zip(
                self.spacing_mm, self.card.spacing_mm, self._size, strict=True
            )
        )
        return z, y, x

    def windows(self, overlap: float) -> list[Box]:
        """All windows over the grid; where it is smaller than one, they reach beyond it."""
        wide = [max(n, p) for n, p in zip(self.shape, self.card.patch, strict=True)]
        before = [(w - n) // 2 for w, n in zip(wide, self.shape, strict=True)]
        return [counted_from(box, before) for box in window_boxes(wide, self.card.patch, overlap)]

    def touches(self, window: Box, cells: BoolArray) -> bool:
        """Whether a window reaches a True cell of a coarse mask over the whole scan."""
        cuts = []
        for axis, cut in enumerate(window):
            scale = self._size[axis] / self.shape[axis]
            to_cells = cells.shape[axis] / self.hu.shape[axis]
            first = (self.region[axis].start + cut.start * scale) * to_cells
            last = (self.region[axis].start + cut.stop * scale) * to_cells
            cuts.append(slice(max(0, int(np.floor(first))), max(0, int(np.ceil(last)))))
        return bool(cells[cuts[0], cuts[1], cuts[2]].any())

    def area(self, windows: list[Box]) -> Area:
        """What these windows see, and what the wanted voxels need."""
        z, y, x = (
            slice(
                min([needed.start, *(window[axis].start for window in windows)]),
                max([needed.stop, *(window[axis].stop for window in windows)]),
            )
            for axis, needed in enumerate(support(matrix) for matrix in self._to_voxels)
        )
        moved = [counted_from(window, (z.start, y.start, x.start)) for window in windows]
        return Area(self._image((z, y, x)), moved, (z, y, x))

    def logits(self, blend: Blend, area: Area) -> Iterator[tuple[slice, NDArray[np.float32]]]:
        """Logits at the wanted voxels, in slabs: rows along z, and values (channels, z, y, x)."""
        inside = self._inside(area.box)
        values = blend.crop(counted_from(inside, [cut.start for cut in area.box])).values
        to_z, to_y, to_x = (
            matrix[:, cut] for matrix, cut in zip(self._to_voxels, inside, strict=True)
        )
        step = max(1, _SLAB_VALUES // (values.shape[0] * to_y.shape[0] * to_x.shape[0]))
        for first in range(0, to_z.shape[0], step):
            rows = to_z[first : first + step]
            slab = np.stack([weigh(channel, (rows, to_y, to_x)) for channel in values])
            yield slice(first, first + rows.shape[0]), slab

    @property
    def _size(self) -> Extent:
        return extent_of(self.hu[self.region])

    @cached_property
    def _to_grid(self) -> _Matrices:
        """From the region's voxels to the grid."""
        orders = spline_orders(self.spacing_mm, self.card.spacing_mm, self.card.input_order)
        z, y, x = (spline_weights(*k) for k in zip(self._size, self.shape, orders, strict=True))
        return z, y, x

    @cached_property
    def _to_voxels(self) -> _Matrices:
        """From the grid to the wanted voxels."""
        orders = spline_orders(self.card.spacing_mm, self.spacing_mm, _LOGITS_ORDER)
        z, y, x = (
            spline_weights(*k)[cut.start - region.start : cut.stop - region.start]
            for k, cut, region in zip(
                zip(self.shape, self._size, orders, strict=True),
                self.wanted,
                self.region,
                strict=True,
            )
        )
        return z, y, x

    def _inside(self, box: Box) -> Box:
        """The part of a box that lies in the grid."""
        z, y, x = (
            slice(max(0, cut.start), min(n, cut.stop))
            for cut, n in zip(box, self.shape, strict=True)
        )
        return z, y, x

    def _image(self, box: Box) -> Image:
        """Normalised values on a part of the grid; zero beyond it."""
        inside = self._inside(box)
        rows = [matrix[cut] for matrix, cut in zip(self._to_grid, inside, strict=True)]
        z, y, x = (support(matrix) for matrix in rows)
        region = self.hu[self.region]
        low, shift, scale, high = _intensities(region, self.card.normalisation)
        part = (np.clip(region[z, y, x], low, high, dtype=np.float32) - shift) / scale
        image = weigh(part, (rows[0][:, z], rows[1][:, y], rows[2][:, x]))
        least, most = (np.clip(f(region), low, high) for f in (np.min, np.max))
        image = image.clip(float((least - shift) / scale), float((most - shift) / scale))
        padding = [
            (cut.start - part_of.start, part_of.stop - cut.stop)
            for cut, part_of in zip(inside, box, strict=True)
        ]
        return np.pad(image, padding)


def nonzero_box(values: NDArray[np.generic]) -> Box:
    """The box around all voxels that are not zero, which nnU-Net crops scans to."""
    cuts = []
    for axis, size in enumerate(values.shape):
        filled = (k for k in range(size) if values.take(k, axis).any())
        last = (k for k in reversed(range(size)) if values.take(k, axis).any())
        cuts.append(slice(next(filled), next(last) + 1))
    return cuts[0], cuts[1], cuts[2]


def _intensities(region: NDArray[Any], how: Normalisation) -> tuple[float, float, float, float]:
    """Lowest value, what is subtracted, what it is divided by, highest value."""
    if how.scheme == "CTNormalization":
        return how.low_hu, how.mean_hu, max(how.sd_hu, _SMALLEST_SD), how.high_hu
    mean = float(region.mean(dtype=np.float64))
    sd = float(region.std(dtype=np.float64))
    return how.low_hu, mean, max(sd, _SMALLEST_SD), how.high_hu
