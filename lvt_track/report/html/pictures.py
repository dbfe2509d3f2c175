"""Key images as the HTML report shows them: pictures inside the page, marks above."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lvt_track.core.course import KeyImage, Segment
from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray
from lvt_track.report.drawing.panels import RING_MM, SCALE_MM, grey_levels, outline_curves

__all__ = ["STORED_HU", "Picture"]

_Ends = tuple[float, float, float, float]
STORED_HU = (55.0, 510.0)
"""Level and width in which the pages of pictures are stored: −200 to 310 HU, in steps of 2."""


@dataclass(frozen=True)
class Picture:
    """A key image and the marks above it; lengths and places in mm from its upper left corner.

    Attributes:
        source: the CT, in its window, as a data URI.
        width, height: of the whole.
        target, others: outlines of this tumour and of others, each the points of an SVG polygon.
        long_axis, short_axis: ends x1, y1, x2, y2 of the calipers, or None.
        pieces: calipers, long and short, of further pieces of the tumour.
        ring: radius of the ring about the place of a tumour that is not seen; 0 where it is.
        scale: length of the scale bar.
        caption: what was measured.
    """

    source: str
    width: float
    height: float
    target: tuple[str, ...]
    others: tuple[str, ...]
    long_axis: _Ends | None
    short_axis: _Ends | None
    pieces: tuple[tuple[_Ends, _Ends], ...]
    ring: float
    scale: float
    caption: str

    @classmethod
    def of(cls, image: KeyImage) -> Picture:
        """The picture of a key image."""
        row_mm, column_mm = image.pixel_mm
        rows, columns = image.hu.shape
        pixel_mm = np.array([column_mm, row_mm])

        def line(axis: Segment) -> _Ends:
            (r0, c0), (r1, c1) = axis
            x1, y1, x2, y2 = (
                round(float(v), 2)
                for v in ((np.array([[c0, r0], [c1, r1]]) + 0.5) * pixel_mm).ravel()
            )
            return x1, y1, x2, y2

        def ends(axis: Segment | None) -> _Ends | None:
            return None if axis is None else line(axis)

        return cls(
            source=_png(grey_levels(image.hu, *STORED_HU)),
            width=round(columns * column_mm, 2),
            height=round(rows * row_mm, 2),
            target=_polygons(image.outline, pixel_mm),
            others=_polygons(image.others, pixel_mm),
            long_axis=ends(image.long_axis),
            short_axis=ends(image.short_axis),
            pieces=tuple((line(long), line(short)) for long, short in image.pieces),
            ring=RING_MM / 2.0 if image.long_axis is None else 0.0,
            scale=SCALE_MM,
            caption=image.caption,
        )


def _polygons(mask: BoolArray, pixel_mm: FloatArray) -> tuple[str, ...]:
    curves = outline_curves(mask) if mask.any() else []
    return tuple(
        " ".join(f"{x:.2f},{y:.2f}" for x, y in (curve + 0.5) * pixel_mm) for curve in curves
    )


def _png(grey: NDArray[np.uint8]) -> str:
    file = BytesIO()
    Image.fromarray(grey).save(file, "PNG", optimize=True)
    return _data_uri(file.getvalue(), "image/png")


def _data_uri(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
