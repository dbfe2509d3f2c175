"""What kind of body a phantom has: sizes, habitus, and what is unusual about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

__all__ = ["Habitus", "LiverShape", "draw_habitus"]


class LiverShape(StrEnum):
    """Common forms of the liver."""

    USUAL = "usual"
    RIEDEL = "Riedel's lobe"
    LONG_LEFT = "long left lobe"
    SHORT_LEFT = "short left lobe"
    CIRRHOTIC = "cirrhotic"
    RIGHT_RESECTED = "after right resection"
    LEFT_RESECTED = "after left resection"


@dataclass(frozen=True)
class Habitus:
    """One body in words and numbers.

    Attributes:
        is_female: sex.
        scale: size along z, y, x relative to the template body.
        fat_mm: subcutaneous fat at the sides, in front, behind.
        visceral_fat: 0 (organs touch) to 1 (wide fat planes).
        muscle: thickness of the body wall relative to the template.
        breath_mm: shift of the diaphragm, positive upwards (expiration).
        liver_shape: form of the liver.
        liver_scale: linear size of the liver relative to the body.
        ascites_mm: width of the fluid around the liver; 0 without ascites.
        effusion_mm: height of pleural fluid right and left.
        has_gallbladder, has_dilated_ducts, arms_down, has_oral_contrast: as named.
        stomach_scale, spleen_scale: sizes relative to usual ones.
    """

    is_female: bool
    scale: tuple[float, float, float]
    fat_mm: tuple[float, float, float]
    visceral_fat: float
    muscle: float
    breath_mm: float
    liver_shape: LiverShape
    liver_scale: float
    ascites_mm: float
    effusion_mm: tuple[float, float]
    has_gallbladder: bool
    has_dilated_ducts: bool
    arms_down: bool
    has_oral_contrast: bool
    stomach_scale: float
    spleen_scale: float


def draw_habitus(rng: np.random.Generator) -> Habitus:
    """Draw one adult body; rare findings are more common than in life, to be learned from."""
    female = bool(rng.random() < 0.5)
    obesity = float(rng.beta(1.5, 2.2))
    stature = 0.95 if female else 1.02
    width = stature * (0.95 + 0.14 * obesity)
    shapes = list(LiverShape)
    shape = shapes[int(rng.choice(len(shapes), p=[0.56, 0.08, 0.1, 0.1, 0.1, 0.03, 0.03]))]
    cirrhotic = shape is LiverShape.CIRRHOTIC
    side = 5 + (30 if female else 24) * obesity**1.2
    return Habitus(
        is_female=female,
        scale=(
            stature * float(rng.normal(1, 0.04)),
            width * float(rng.normal(1, 0.05)) * (1 + 0.06 * obesity),
            width * float(rng.normal(1, 0.045)),
        ),
        fat_mm=(
            side * float(rng.uniform(0.6, 1.3)),
            (4 + 34 * obesity) * float(rng.uniform(0.6, 1.3)),
            (6 + 26 * obesity) * float(rng.uniform(0.6, 1.3)),
        ),
        visceral_fat=float(np.clip(obesity * rng.uniform(0.5, 1.5), 0, 1)),
        muscle=float(rng.uniform(0.75, 1.25)),
        breath_mm=float(rng.uniform(-22, 18)),
        liver_shape=shape,
        liver_scale=float(np.clip(rng.normal(1.0, 0.07), 0.8, 1.2)),
        ascites_mm=float(rng.uniform(4, 22)) if rng.random() < (0.45 if cirrhotic else 0.06) else 0,
        effusion_mm=(
            float(rng.uniform(5, 45)) if rng.random() < 0.12 else 0.0,
            float(rng.uniform(5, 45)) if rng.random() < 0.1 else 0.0,
        ),
        has_gallbladder=bool(rng.random() < 0.82),
        has_dilated_ducts=bool(rng.random() < 0.07),
        arms_down=bool(rng.random() < 0.15),
        has_oral_contrast=bool(rng.random() < 0.35),
        stomach_scale=float(rng.uniform(0.42, 1.15)),
        spleen_scale=float(rng.uniform(1.1, 1.6) if cirrhotic else rng.normal(1.0, 0.11)),
    )
