"""Are masks those of the patient, or those of the grid that the scan was stored on?"""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from lvt_track.core.geometry import Geometry
from lvt_track.core.volume import CLASSES, Masks, Volume
from lvt_track.segment.grid import Orientation, resample, shape_at, weigh
from lvt_track.segment.infer import segment
from lvt_track.segment.models import Model, load_model
from lvt_track.segment.nnunet.splines import spline_weights
from pages.markdown import markdown_table
from segmentation.overlap import dice

DEGREES = (8, 20)
SPACINGS_MM = (
    (0.4, 2.0, 2.0),
    (1.0, 0.7, 0.7),
    (2.5, 0.8, 0.8),
    (5.0, 0.4, 0.4),
    (5.0, 5.0, 5.0),
)


def compare_grids(scans: dict[str, Volume]) -> str:
    """Tables of Dice of masks on other grids with those of the original, resampled."""
    model = load_model()
    parts = []
    for name, original in scans.items():
        rows = compared(original, model)
        parts.append(f"{name}:\n\n" + markdown_table(["grid", *CLASSES, "same content"], rows))
    return "\n\n".join(parts)


def compared(original: Volume, model: Model) -> list[list[str]]:
    """For each grid: Dice with the original's masks, and with those of the same content."""
    masks = segment(original, model, "cpu").masks
    rows = []
    half = shifted(original, model)
    known = on_grid_of(segment(half, model, "cpu").masks, original.geometry)
    rows.append(["network half a voxel aside", *cells(known, masks), "–"])
    for name, geometry in cases(original.geometry).items():
        volume = Volume(image_on(original.hu, original.geometry, geometry), geometry)
        found = segment(volume, model, "cpu").masks
        back = "–"
        if not name.startswith("stored"):
            hu = image_on(volume.hu, geometry, original.geometry)
            same = segment(Volume(hu, original.geometry), model, "cpu").masks
            back = " / ".join(cells(found, on_grid_of(same, geometry)))
        rows.append([name, *cells(found, on_grid_of(masks, geometry)), back])
        print(rows[-1], flush=True)
    return rows


def cells(one: Masks, other: Masks) -> list[str]:
    """Dice per class."""
    return [f"{dice(getattr(one, name), getattr(other, name)):.3f}" for name in CLASSES]


def shifted(original: Volume, model: Model) -> Volume:
    """The same voxels, said to lie half a voxel of the network's further along each axis."""
    half = model.parts[0].card.segmenter.spacing_mm[::-1]
    origin = np.array(original.geometry.origin_mm) + np.array(half) / 2.0
    return Volume(original.hu, replace(original.geometry, origin_mm=tuple(origin)))


def cases(grid: Geometry) -> dict[str, Geometry]:
    """Other grids over the same body."""
    found: dict[str, Geometry] = {}
    for signs in product((1.0, -1.0), repeat=3):
        name = "".join(ends[sign < 0] for ends, sign in zip(("LR", "PA", "SI"), signs, strict=True))
        found[f"stored as {name}"] = turned(grid, np.diag(signs), grid.shape)
    for degrees in DEGREES:
        turn = sitk.VersorTransform((1.0, 0.5, 0.25), np.deg2rad(degrees)).GetMatrix()
        direction = np.array(turn).reshape(3, 3)
        # As large as holds the whole body.
        reach = np.abs(direction[::-1, ::-1]).T @ np.array(grid.size_mm)
        z, y, x = (int(n) for n in np.ceil(reach / np.array(grid.spacing_mm)))
        found[f"oblique by {degrees}°"] = turned(grid, direction, (z, y, x))
    for spacing in SPACINGS_MM:
        shape = shape_at(grid.shape, grid.spacing_mm, spacing)
        z, y, x = (size / n for size, n in zip(grid.size_mm, shape, strict=True))
        inwards = (np.array((z, y, x)) - grid.spacing_mm)[::-1] / 2.0
        origin = np.array(grid.origin_mm) + grid.direction @ inwards
        name = "spacing " + " × ".join(f"{s:g}" for s in spacing) + " mm"
        found[name] = Geometry(shape, (z, y, x), tuple(origin), grid.direction)
    return found


def turned(grid: Geometry, direction: NDArray[np.float64], shape: tuple[int, int, int]) -> Geometry:
    """A grid around the same middle, with other axes."""
    middle = grid.to_world((np.array(grid.shape) - 1) / 2)
    reach = direction @ (np.array(grid.spacing_mm)[::-1] * (np.array(shape)[::-1] - 1) / 2)
    return Geometry(shape, grid.spacing_mm, tuple(middle - reach), direction)


def on_grid_of(masks: Masks, geometry: Geometry) -> Masks:
    """Masks on another grid: of a voxel that is more than half inside."""
    moved = {}
    for name in CLASSES:
        share = getattr(masks, name).astype(np.float32)
        moved[name] = moved_to(share, masks.geometry, geometry, 1) > 0.5
    return Masks(**moved, geometry=geometry)


def image_on(hu: NDArray[np.generic], grid: Geometry, other: Geometry) -> NDArray[np.float32]:
    """HU on another grid: cubic where that is as fine, averaged where it is coarser."""
    return moved_to(hu.astype(np.float32), grid, other, 3)


def moved_to(
    array: NDArray[np.float32], grid: Geometry, other: Geometry, order: int
) -> NDArray[np.float32]:
    """Values on another grid, by splines of this order or averages; the least value around."""
    turn = Orientation.of(grid.direction.T @ other.direction)
    turned_axes = turn.inverse.apply(array)
    straight = np.allclose(np.abs(grid.direction.T @ other.direction), np.eye(3), atol=1e-6)
    if straight and np.allclose(grid.size_mm, other.size_mm):
        steps = zip(array.shape, other.shape, strict=True)
        z, y, x = (spline_weights(old, new, order) if new > old else None for old, new in steps)
        for axis, weights in enumerate((z, y, x)):
            size = list(turned_axes.shape)
            if weights is None:
                size[axis] = other.shape[axis]
                turned_axes = resample(turned_axes, (size[0], size[1], size[2]))
            else:
                every = [spline_weights(n, n, 1) for n in size]
                every[axis] = weights
                turned_axes = weigh(turned_axes, (every[0], every[1], every[2]))
        return np.ascontiguousarray(turned_axes)
    image, reference = sitk.GetImageFromArray(array), sitk.Image(other.shape[::-1], sitk.sitkInt8)
    for item, place in ((image, grid), (reference, other)):
        item.SetSpacing(place.spacing_mm[::-1])
        item.SetOrigin(place.origin_mm)
        item.SetDirection(place.direction.ravel())
    how = sitk.sitkBSpline if order == 3 else sitk.sitkLinear
    moved = sitk.Resample(image, reference, sitk.Transform(), how, float(array.min()))
    return sitk.GetArrayFromImage(moved)
