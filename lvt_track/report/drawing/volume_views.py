"""Views of masks as solid bodies, drawn on the CPU without a display.

A volume is turned so that one looks along its first axis; of every part the first voxel that a
ray meets is drawn, shaded by the slope of what is seen. The liver is drawn as glass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import FloatArray
from lvt_track.core.volume import BoolArray

__all__ = ["FROM_BELOW", "FROM_FRONT", "Part", "View", "draw_view", "view_along"]

Picture = NDArray[np.float64]

_AMBIENT = 0.35
_GLASS = 0.22


@dataclass(frozen=True, eq=False)
class Part:
    """A body to be drawn.

    Attributes:
        name: in the legend.
        mask: (z, y, x) on an isotropic grid along the patient's axes.
        colour: `#rrggbb`.
        is_glass: whether what lies behind is seen through it.
    """

    name: str
    mask: BoolArray
    colour: str
    is_glass: bool = False


@dataclass(frozen=True, eq=False)
class View:
    """A direction of sight.

    Attributes:
        name: in the title.
        ahead, right, up: unit vectors as LPS x, y, z: into the picture, to its right, upwards.
        sides: what lies at the left and right edge of the picture.
    """

    name: str
    ahead: FloatArray
    right: FloatArray
    up: FloatArray
    sides: tuple[str, str]


FROM_FRONT = View(
    "from the front",
    np.array([0.0, 1, 0]),
    np.array([1.0, 0, 0]),
    np.array([0.0, 0, 1]),
    ("R", "L"),
)
FROM_BELOW = View(
    "from below", np.array([0.0, 0, 1]), np.array([1.0, 0, 0]), np.array([0.0, -1, 0]), ("R", "L")
)


def view_along(name: str, ahead: FloatArray) -> View:
    """A view along a direction (LPS x, y, z), the head as far up as it can be."""
    ahead = ahead / max(float(np.linalg.norm(ahead)), 1e-9)
    helper = np.array([0.0, 0.0, 1.0]) if abs(ahead[2]) < 0.9 else np.array([0.0, -1.0, 0.0])
    right = np.cross(ahead, helper)
    right /= np.linalg.norm(right)
    up = np.cross(right, ahead)
    sides = ("R", "L") if right[0] > 0 else ("L", "R")
    return View(name, ahead, right, up, sides if abs(right[0]) > 0.5 else ("", ""))


def draw_view(parts: Sequence[Part], view: View, spacing_mm: float) -> tuple[Picture, float]:
    """Draw parts as seen in a view.

    Args:
        parts: on one grid.
        view: from where.
        spacing_mm: of the grid.

    Returns:
        The picture (rows, columns, RGB, 0 to 1) on white, and the size of its pixels in mm.
    """
    shape = np.array(parts[0].mask.shape)
    # Rows of the rotation are the axes of the picture in z, y, x of the volume.
    axes = np.stack([view.ahead[::-1], -view.up[::-1], view.right[::-1]])
    extent = np.ceil(np.abs(axes) @ shape).astype(int)
    offset = (shape - 1) / 2 - axes.T @ ((extent - 1) / 2)
    picture = np.ones((extent[1], extent[2], 3))
    front = np.full((extent[1], extent[2]), np.inf)
    for part in sorted(parts, key=lambda part: part.is_glass):
        turned = ndimage.affine_transform(
            part.mask.astype(np.float32), axes.T, offset, tuple(extent), order=1
        )
        inside = turned > 0.5
        hit: BoolArray = np.asarray(inside.any(axis=0), dtype=bool)
        if not hit.any():
            continue
        depth = np.where(hit, inside.argmax(axis=0), 0).astype(float)
        light = _light(depth, hit)
        colour = np.array([int(part.colour[k : k + 2], 16) / 255 for k in (1, 3, 5)])
        body = colour * light[..., None]
        if part.is_glass:
            share = _GLASS + 0.55 * (1 - light) ** 2
            blended = picture * (1 - share[..., None]) + body * share[..., None]
            picture = np.where(hit[..., None], blended, picture)
        else:
            seen = hit & (depth < front)
            # What lies deeper is paler.
            pale = np.clip(depth / extent[0], 0, 1)[..., None] * 0.35
            picture = np.where(seen[..., None], body * (1 - pale) + pale, picture)
            front = np.where(seen, depth, front)
    return np.clip(picture, 0, 1), spacing_mm


def _light(depth: Picture, hit: BoolArray) -> Picture:
    """How bright a surface is, lit from the eye and a little from above."""
    weight = ndimage.gaussian_filter(hit.astype(float), 1.2)
    smooth = ndimage.gaussian_filter(np.where(hit, depth, 0.0), 1.2) / np.maximum(weight, 1e-6)
    rows, columns = np.gradient(smooth)
    length = np.sqrt(1 + rows**2 + columns**2)
    cosine = np.clip((1.0 + 0.35 * rows) / length / 1.06, 0, 1)
    light: Picture = _AMBIENT + (1 - _AMBIENT) * cosine
    return light
