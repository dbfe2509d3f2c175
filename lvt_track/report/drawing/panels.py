"""Key images on paper: CT in a liver window, outlines, calipers, scale bar."""

from __future__ import annotations

import numpy as np
from contourpy import LineType, contour_generator
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.patches import Ellipse
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from lvt_track.core.course import KeyImage
from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray
from lvt_track.report.drawing.style import SMALLEST_PT

__all__ = [
    "LONG_COLOR",
    "OTHERS_COLOR",
    "RING_MM",
    "SCALE_MM",
    "SHORT_COLOR",
    "TARGET_COLOR",
    "WINDOW_LEVEL_HU",
    "WINDOW_WIDTH_HU",
    "draw_key_image",
    "grey_levels",
    "outline_curves",
]

WINDOW_LEVEL_HU = 100.0
WINDOW_WIDTH_HU = 150.0
"""A liver window: tumours differ from liver by 20 to 60 HU, which a wider one makes flat."""

TARGET_COLOR = "#ffd23f"
OTHERS_COLOR = "#6ec6e6"
LONG_COLOR = "#ff5f3d"
SHORT_COLOR = "#7bd88f"
RING_MM = 16.0
SCALE_MM = 20.0


def draw_key_image(axes: Axes, image: KeyImage) -> None:
    """One key image filling the axes.

    The track's outline is yellow, other tumours are blue, the long axis is red and the short
    axis green; a dashed ring marks the place where a tumour that is not seen would be.
    """
    rows, columns = image.hu.shape
    row_mm, column_mm = image.pixel_mm
    axes.imshow(
        grey_levels(image.hu),
        cmap="gray",
        vmin=0,
        vmax=255,
        aspect=row_mm / column_mm,
        interpolation="none",
    )
    axes.set_axis_off()
    _draw_outline(axes, image.others, OTHERS_COLOR, 0.5)
    _draw_outline(axes, image.outline, TARGET_COLOR, 0.8)
    for caliper, color in (
        (image.long_axis, LONG_COLOR),
        (image.short_axis, SHORT_COLOR),
        *((long, LONG_COLOR) for long, _ in image.pieces),
        *((short, SHORT_COLOR) for _, short in image.pieces),
    ):
        if caliper is not None:
            (r0, c0), (r1, c1) = caliper
            axes.plot([c0, c1], [r0, r1], color=color, linewidth=0.6)
    if image.long_axis is None:
        centre = ((columns - 1) / 2.0, (rows - 1) / 2.0)
        axes.add_patch(
            Ellipse(
                centre,
                RING_MM / column_mm,
                RING_MM / row_mm,
                fill=False,
                edgecolor=TARGET_COLOR,
                linewidth=0.8,
                linestyle=(0, (3.0, 2.0)),
            )
        )
    bar = SCALE_MM / column_mm
    bottom, right = 0.95 * rows, 0.96 * columns
    axes.plot(
        [right - bar, right],
        [bottom, bottom],
        color="white",
        linewidth=1.2,
        solid_capstyle="butt",
        path_effects=[withStroke(linewidth=2.4, foreground="black")],
    )
    axes.text(
        right - bar / 2.0,
        bottom - 0.02 * rows,
        f"{SCALE_MM:.0f} mm",
        color="white",
        fontsize=SMALLEST_PT - 1.0,
        fontweight="bold",
        ha="center",
        va="bottom",
        path_effects=[withStroke(linewidth=1.6, foreground="black")],
    )
    axes.text(
        0.03,
        0.5,
        "R",
        transform=axes.transAxes,
        color="white",
        fontsize=SMALLEST_PT,
        fontweight="bold",
        va="center",
        path_effects=[withStroke(linewidth=1.5, foreground="black")],
    )
    axes.set_xlim(-0.5, columns - 0.5)
    axes.set_ylim(rows - 0.5, -0.5)


def grey_levels(
    hu: NDArray[np.float32], level: float = WINDOW_LEVEL_HU, width: float = WINDOW_WIDTH_HU
) -> NDArray[np.uint8]:
    """HU in a window, 0 (black) to 255."""
    low = level - width / 2.0
    grey: NDArray[np.uint8] = np.clip((hu - low) * (255.0 / width), 0, 255).astype(np.uint8)
    return grey


def outline_curves(mask: BoolArray) -> list[FloatArray]:
    """Closed outlines of a mask (y, x), each as points (n, 2) of x and y in pixels."""
    # The half-way contour of a mask padded by background closes at the border of the crop too.
    padded = np.pad(mask, 1).astype(np.float64)
    generator = contour_generator(z=padded, line_type=LineType.Separate)
    return [np.asarray(curve) - 1.0 for curve in generator.lines(0.5)]


def _draw_outline(axes: Axes, mask: BoolArray, color: str, width: float) -> None:
    if mask.any():
        axes.add_collection(LineCollection(outline_curves(mask), colors=color, linewidths=width))
