"""What arms beside the body do to a CT: a darker back, and streaks from side to side."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["arm_shadow_hu"]


def arm_shadow_hu(
    shape: tuple[int, int, int], spacing_mm: float, generator: torch.Generator
) -> Tensor:
    """HU to add to an image whose rays passed two arms, float32 (z, y, x).

    The shadow sets in at some height of the body, gently or within a centimetre, and lasts to its
    back, or for some centimetres; the streaks are as long as the body is wide, and thin.

    Args:
        shape: of the image.
        spacing_mm: edge of a voxel.
        generator: source of chance; its device is the image's.
    """
    size, rows, _ = shape
    depth_mm, width_mm, soft, strength, streak_hu = _uniform(
        generator, (0.0, 30.0, 0.0, 0.0, 2.0), (1.0, 400.0, 1.0, 1.0, 12.0)
    )
    y_mm = torch.arange(rows, device=generator.device) * spacing_mm
    start_mm = depth_mm * rows * spacing_mm
    soft_mm = 3.0 + 20.0 * soft**2
    profile = torch.sigmoid((y_mm - start_mm) / soft_mm)
    profile = profile * torch.sigmoid((start_mm + width_mm - y_mm) / soft_mm)
    drift = _grainy((size, rows, 1), (30.0, 12.0, 1.0), spacing_mm, generator)
    shadow = -50.0 * strength**1.5 * profile[None, :, None] * (1.0 + 0.25 * drift)
    streaks = _grainy(shape, (4.0, 4.0, 120.0), spacing_mm, generator)
    result: Tensor = shadow + streak_hu * streaks * (0.4 + 0.6 * profile[None, :, None])
    return result


def _uniform(
    generator: torch.Generator, low: tuple[float, ...], high: tuple[float, ...]
) -> list[float]:
    draws = torch.rand(len(low), generator=generator, device=generator.device).tolist()
    return [a + (b - a) * u for a, b, u in zip(low, high, draws, strict=True)]


def _grainy(
    shape: tuple[int, int, int],
    grain_mm: tuple[float, float, float],
    spacing_mm: float,
    generator: torch.Generator,
) -> Tensor:
    """Smooth noise of about unit variance with grains of a given size z, y, x."""
    cells = [int(n * spacing_mm / grain) + 2 for n, grain in zip(shape, grain_mm, strict=True)]
    coarse = torch.randn((1, 1, *cells), generator=generator, device=generator.device)
    return 1.5 * functional.interpolate(coarse, size=shape, mode="trilinear")[0, 0]
