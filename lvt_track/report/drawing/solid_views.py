"""Views of closed surfaces as solid bodies, drawn on the CPU without a display.

Every triangle is strewn with points closer than a pixel; of each pixel the point nearest to the
eye is drawn, shaded by the normal there. The liver is drawn as glass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import FloatArray
from lvt_track.planning.meshes import Mesh

__all__ = [
    "FROM_BELOW",
    "FROM_FRONT",
    "Part",
    "Picture",
    "View",
    "draw_view",
    "draw_views",
    "view_along",
]

_AMBIENT = 0.30
_GLASS = 0.16
_FINER = 2  # dots of a pixel along its side
_MARGIN_MM = 3.0
_LAMP = np.array([0.25, 0.35, -0.9])  # from above, a little to the right, in front of the picture


_Surface = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class Part:
    """A body to be drawn.

    Attributes:
        name: in the legend.
        meshes: its surfaces.
        colour: `#rrggbb`.
        is_glass: whether what lies behind is seen through it.
    """

    name: str
    meshes: tuple[Mesh, ...]
    colour: str
    is_glass: bool = False


@dataclass(frozen=True, eq=False)
class View:
    """A direction of sight.

    Attributes:
        name: in the title.
        ahead, right, up: unit vectors as LPS x, y, z: into the picture, to its right, upwards.
        sides: what lies at the left and right edge of the picture.
        window_mm: LPS centre and half edge of the cube that is shown; None for all.
    """

    name: str
    ahead: FloatArray
    right: FloatArray
    up: FloatArray
    sides: tuple[str, str]
    window_mm: tuple[FloatArray, float] | None = None

    def axes(self) -> FloatArray:
        """Rows: to the right, downwards, into the picture."""
        return np.stack([self.right, -self.up, self.ahead])


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


@dataclass(frozen=True, eq=False)
class Picture:
    """A view that was drawn.

    Attributes:
        rgb: rows, columns, 3; 8 bit, on white.
        pixel_mm: edge of a pixel.
        corner_mm: of its upper left corner, along the axes of the view.
        view: from where.
    """

    rgb: NDArray[np.uint8]
    pixel_mm: float
    corner_mm: tuple[float, float]
    view: View

    def pixel_of(self, place_mm: FloatArray) -> tuple[float, float]:
        """Column and row of an LPS place (3,)."""
        x, y, _ = self.view.axes() @ place_mm
        return (x - self.corner_mm[0]) / self.pixel_mm, (y - self.corner_mm[1]) / self.pixel_mm


def view_along(
    name: str, ahead: FloatArray, window_mm: tuple[FloatArray, float] | None = None
) -> View:
    """A view along a direction (LPS x, y, z), the head as far up as it can be."""
    ahead = ahead / max(float(np.linalg.norm(ahead)), 1e-9)
    helper = np.array([0.0, 0.0, 1.0]) if abs(ahead[2]) < 0.9 else np.array([0.0, -1.0, 0.0])
    right = np.cross(ahead, helper)
    right /= np.linalg.norm(right)
    up = np.cross(right, ahead)
    sides = ("R", "L") if right[0] > 0 else ("L", "R")
    return View(name, ahead, right, up, sides if abs(right[0]) > 0.5 else ("", ""), window_mm)


def draw_view(parts: Sequence[Part], view: View, pixel_mm: float) -> Picture:
    """Draw parts as seen in a view.

    Args:
        parts: with a triangle or more.
        view: from where.
        pixel_mm: edge of a pixel.
    """
    return draw_views(parts, [()], view, pixel_mm)[0]


def draw_views(
    parts: Sequence[Part], beside: Sequence[Sequence[Part]], view: View, pixel_mm: float
) -> list[Picture]:
    """Draw the same parts several times in a view, each time with others beside them.

    Args:
        parts: with a triangle or more.
        beside: what else each picture shows, within the extent of the parts.
        view: from where.
        pixel_mm: edge of a pixel.
    """
    axes = view.axes()
    if view.window_mm is None:
        every = (
            np.concatenate([mesh.vertices_mm for part in parts for mesh in part.meshes]) @ axes.T
        )
        low, high = every.min(axis=0) - _MARGIN_MM, every.max(axis=0) + _MARGIN_MM
    else:
        centre, half = axes @ view.window_mm[0], view.window_mm[1]
        low, high = centre - half, centre + half
    dot_mm = pixel_mm / _FINER
    columns, rows = (int(n) * _FINER for n in np.ceil((high[:2] - low[:2]) / pixel_mm))

    def layers(chosen: Sequence[Part]) -> list[tuple[Part, _Surface]]:
        room = (low, high, dot_mm)
        return [(part, _drawn(part.meshes, axes, room, (rows, columns))) for part in chosen]

    same = layers(parts)
    corner = (float(low[0]), float(low[1]))
    pictures = []
    for others in beside:
        rgb = _stacked([*same, *layers(others)], (float(low[2]), float(high[2])))
        pictures.append(Picture(rgb, pixel_mm, corner, view))
    return pictures


def _stacked(
    layers: Sequence[tuple[Part, _Surface]], depths_mm: tuple[float, float]
) -> NDArray[np.uint8]:
    """Solid parts by what is nearest to the eye, and glass before them."""
    rows, columns = layers[0][1][0].shape
    picture = np.ones((rows, columns, 3), dtype=np.float32)
    front = np.full((rows, columns), np.inf, dtype=np.float32)
    reach = max(depths_mm[1] - depths_mm[0], 1.0)
    for part, (depth, light, facing) in sorted(layers, key=lambda layer: layer[0].is_glass):
        colour = np.array([int(part.colour[k : k + 2], 16) / 255 for k in (1, 3, 5)], np.float32)
        hit = np.isfinite(depth)
        body = colour * light[..., None]
        if part.is_glass:
            # Glass is clearer where one looks straight through it.
            share = np.where(hit, _GLASS + 0.5 * (1 - facing) ** 2, 0.0)[..., None]
            picture = picture * (1 - share) + body * share
        else:
            seen = hit & (depth < front)
            # What lies deeper is paler.
            pale = np.clip((depth[seen] - depths_mm[0]) / reach, 0, 1)[:, None] * 0.35
            picture[seen] = body[seen] * (1 - pale) + pale
            front[seen] = depth[seen]
    small = picture.reshape(rows // _FINER, _FINER, columns // _FINER, _FINER, 3).mean(axis=(1, 3))
    rgb: NDArray[np.uint8] = np.rint(np.clip(small, 0, 1) * 255).astype(np.uint8)
    return rgb


def _drawn(
    meshes: Sequence[Mesh],
    axes: FloatArray,
    room: tuple[FloatArray, FloatArray, float],
    shape: tuple[int, int],
) -> _Surface:
    """Depth (infinite where nothing is), light, and how far the surface faces the eye, 0 to 1."""
    depth = np.full(shape, np.inf, dtype=np.float32)
    normal = np.zeros((*shape, 3), dtype=np.float32)
    low, high, dot_mm = room
    lamp = _LAMP / np.linalg.norm(_LAMP)
    strewn = [_strewn(mesh, axes, dot_mm) for mesh in meshes]
    points, normals = (np.concatenate(arrays) for arrays in zip(*strewn, strict=True))
    column, row = ((points[:, k] - low[k]) / dot_mm for k in (0, 1))
    inside = (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
    inside &= (points[:, 2] >= low[2]) & (points[:, 2] <= high[2])
    at = row[inside].astype(np.intp) * shape[1] + column[inside].astype(np.intp)
    away, normals = points[inside, 2], normals[inside]
    order = np.argsort(-away)  # the nearest is written last
    depth.ravel()[at[order]] = away[order]
    normal.reshape(-1, 3)[at[order]] = normals[order]
    facing = np.clip(-normal[..., 2], 0, 1)
    toward = np.clip(normal @ (lamp * [1, -1, 1]).astype(np.float32), 0, 1)
    light = _AMBIENT + (1 - _AMBIENT) * (0.55 * facing + 0.45 * toward)
    return depth, light.astype(np.float32), facing


def _strewn(
    mesh: Mesh, axes: FloatArray, dot_mm: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points (n, 3) on the triangles that face the eye, closer than a dot, and their normals, both
    along the axes of the view."""
    vertices = (mesh.vertices_mm @ axes.T).astype(np.float32)
    corners = vertices[mesh.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for k in range(3):
        for axis in range(3):
            normals[:, axis] += np.bincount(
                mesh.faces[:, k], across[:, axis], minlength=len(vertices)
            )
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    facing = across[:, 2] < 0
    corners, faces = corners[facing], mesh.faces[facing]
    if len(faces) == 0:
        return corners.reshape(-1, 3), corners.reshape(-1, 3)
    edge = np.abs(corners - np.roll(corners, 1, axis=1))[..., :2].max(axis=(1, 2))
    points, shades = [], []
    parts = np.ceil(edge / (0.9 * dot_mm)).astype(int)
    for count in np.unique(parts):
        chosen = parts == count
        steps = max(int(count), 1)
        i, j = (a.ravel() for a in np.indices((steps + 1, steps + 1)))
        kept = i + j <= steps
        weight = np.stack([i, j, steps - i - j], axis=1)[kept].astype(np.float32) / steps
        points.append((weight @ corners[chosen]).reshape(-1, 3))
        shades.append((weight @ normals[faces[chosen]]).reshape(-1, 3))
    return np.concatenate(points), np.concatenate(shades)
