"""A liver of simple shapes whose trees and borders are known."""

from __future__ import annotations

import functools

import numpy as np

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import Masks

STEP = 2.0
SHAPE = (75, 90, 105)
GEOMETRY = Geometry.axial(SHAPE, (STEP,) * 3, (-120.0, -110.0, -80.0))
Tube = tuple[tuple[float, float, float], tuple[float, float, float], float, float]

# LPS mm; the cava stands behind the middle, the hilum lies before and below.
CAVA: list[Tube] = [((0, 10, -60), (0, 10, 68), 11, 11)]
HEPATIC: list[Tube] = [
    ((0, 10, 48), (-75, 14, 10), 5, 2.2),
    ((-40, 12, 28), (-60, -22, 0), 2.6, 2),
    ((0, 4, 50), (-35, -62, 8), 5, 2.2),
    ((2, 8, 50), (46, -46, 22), 4.5, 2.2),
]
PORTAL: list[Tube] = [
    ((4, -22, -62), (-6, -24, -22), 6, 6),
    ((-6, -24, -22), (-46, -20, -12), 5.5, 4.5),
    ((-46, -20, -12), (-66, -48, 22), 3.2, 2),
    ((-46, -20, -12), (-62, -46, -50), 3.2, 2),
    ((-46, -20, -12), (-84, 26, 26), 3.2, 2),
    ((-46, -20, -12), (-78, 22, -50), 3.2, 2),
    ((-6, -24, -22), (18, -58, -10), 5, 4),
    ((18, -58, -10), (52, -42, 2), 3, 2),
    ((18, -58, -10), (46, -74, -26), 3, 2),
    ((18, -58, -10), (-8, -82, -6), 3, 2),
]


def _drawn(tubes: list[Tube]) -> np.ndarray:
    places = GEOMETRY.to_world(np.moveaxis(np.indices(SHAPE), 0, -1))
    mask = np.zeros(SHAPE, dtype=bool)
    for start, end, first, last in tubes:
        a, way = np.array(start, float), np.array(end, float) - np.array(start, float)
        share = np.clip((places - a) @ way / (way @ way), 0, 1)
        gap = np.linalg.norm(places - a - share[..., None] * way, axis=-1)
        mask |= gap <= first + share * (last - first)
    return mask


@functools.cache
def model_liver() -> tuple[Masks, np.ndarray, np.ndarray, np.ndarray]:
    """Masks, and which of the vessels are cava, hepatic and portal."""
    x, y, z = np.moveaxis(GEOMETRY.to_world(np.moveaxis(np.indices(SHAPE), 0, -1)), -1, 0)
    body = ((x + 15) / 90) ** 2 + ((y + 25) / 72) ** 2 + (z / 62) ** 2 < 1
    cava, hepatic, portal = _drawn(CAVA), _drawn(HEPATIC), _drawn(PORTAL)
    hepatic &= ~cava
    portal &= ~cava & ~hepatic
    masks = Masks(body & ~cava, cava | hepatic | portal, np.zeros(SHAPE, dtype=bool), GEOMETRY)
    return masks, cava, hepatic, portal
