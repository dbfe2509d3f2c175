"""Tumours of the liver and what is mistaken for them: shapes with a level at any point."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial.transform import Rotation

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.core.lesion.caliper import Point
from lvt_track.phantom.body.anatomy import Anatomy
from lvt_track.phantom.body.tissues import LIVER_TISSUES, VESSEL_TISSUES, Tissue

__all__ = [
    "DOUBLES",
    "Tumor",
    "TumorKind",
    "draw_tumor",
    "draw_tumors",
    "level_mm",
    "stamp",
    "tissue_at",
]


class TumorKind(StrEnum):
    """What a focal lesion looks like."""

    HYPODENSE = "hypodense"
    HYPERVASCULAR = "hypervascular"
    RIM_ENHANCING = "rim-enhancing"
    NECROTIC = "necrotic"
    CALCIFIED = "calcified"
    HAEMANGIOMA = "haemangioma"
    CYST = "cyst"
    FOCAL_FAT = "focal fat"
    PERFUSION = "perfusion change"


DOUBLES = frozenset({TumorKind.CYST, TumorKind.FOCAL_FAT, TumorKind.PERFUSION})
"""Kinds that must not be called tumour."""

_FREQUENCY = {
    TumorKind.HYPODENSE: 0.42,
    TumorKind.HYPERVASCULAR: 0.14,
    TumorKind.RIM_ENHANCING: 0.18,
    TumorKind.NECROTIC: 0.15,
    TumorKind.CALCIFIED: 0.06,
    TumorKind.HAEMANGIOMA: 0.05,
}


@dataclass(frozen=True, eq=False)
class Tumor:
    """A warped ellipsoid with an inner structure.

    Attributes:
        kind: what it looks like.
        centre_mm: LPS position.
        radii_mm: half axes.
        rotation: 3 x 3, columns are the axes.
        irregularity: depth of the dents of its surface relative to its radius, 0 for none.
        rim_mm: thickness of rim or capsule; 0 without.
        core: share of the radius that is necrotic or calcified, 0 to 1.
        seed: what dents and inner structure are drawn from.
    """

    kind: TumorKind
    centre_mm: Point
    radii_mm: tuple[float, float, float]
    rotation: FloatArray
    irregularity: float
    rim_mm: float
    core: float
    seed: int

    def __post_init__(self) -> None:
        if min(self.radii_mm) <= 0:
            raise ValueError(f"radii_mm must be positive, got {self.radii_mm}")
        if not np.allclose(self.rotation.T @ self.rotation, np.eye(3), atol=1e-6):
            raise ValueError("rotation must be orthonormal")

    @property
    def is_tumor(self) -> bool:
        """Whether it counts as tumour, rather than as one of its doubles."""
        return self.kind not in DOUBLES

    @property
    def reach_mm(self) -> float:
        """Radius of a ball around the centre that surely holds it."""
        return max(self.radii_mm) * (1 + 2.5 * self.irregularity) + 1.0


def _waves(seed: int, unit: FloatArray) -> FloatArray:
    """A smooth random function of direction with variance one: a few plane waves."""
    rng = np.random.default_rng([seed, 0xDE27])
    total = np.zeros(unit.shape[:-1])
    for frequency in (1.6, 2.2, 3.0, 4.2, 5.5):
        way = rng.normal(0, 1, 3)
        way *= frequency / np.linalg.norm(way)
        total += np.cos(unit @ way + rng.uniform(0, 2 * np.pi)) / np.sqrt(frequency / 1.6)
    return total / 1.2


# Waves beyond this are cut off, in units of their standard deviation.
_CREST = 2.2


def level_mm(tumor: Tumor, points_mm: ArrayLike) -> FloatArray:
    """Signed distance to the surface (negative inside), LPS points (..., 3) to (...).

    Exact in sign; in size exact on a sphere, approximate on an ellipsoid.
    """
    radii = np.array(tumor.radii_mm)
    offset = (np.asarray(points_mm, dtype=np.float64) - np.array(tumor.centre_mm)) @ tumor.rotation
    scaled = offset / radii
    length = np.linalg.norm(scaled, axis=-1)
    unit = scaled / np.maximum(length, 1e-9)[..., None]
    surface = np.ones(length.shape)
    if tumor.irregularity > 0:
        surface = 1 + tumor.irregularity * np.clip(_waves(tumor.seed, unit), -_CREST, _CREST)
    along = np.linalg.norm(unit / radii, axis=-1)
    level: FloatArray = (length - surface) / np.maximum(along, 1e-9)
    return np.where(length < 1e-6, -float(radii.min()), level)


def tissue_at(tumor: Tumor, points_mm: ArrayLike, level: FloatArray) -> NDArray[np.uint8]:
    """Tissue of points (..., 3) inside the tumour, given their level."""
    outer, inner, rim = {
        TumorKind.HYPODENSE: (Tissue.TUMOR_HYPODENSE, Tissue.TUMOR_NECROSIS, Tissue.TUMOR_RIM),
        TumorKind.HYPERVASCULAR: (
            Tissue.TUMOR_HYPERVASCULAR,
            Tissue.TUMOR_NECROSIS,
            Tissue.TUMOR_CAPSULE,
        ),
        TumorKind.RIM_ENHANCING: (
            Tissue.TUMOR_HYPODENSE,
            Tissue.TUMOR_NECROSIS,
            Tissue.TUMOR_RIM,
        ),
        TumorKind.NECROTIC: (Tissue.TUMOR_HYPODENSE, Tissue.TUMOR_NECROSIS, Tissue.TUMOR_RIM),
        TumorKind.CALCIFIED: (
            Tissue.TUMOR_HYPODENSE,
            Tissue.TUMOR_CALCIFICATION,
            Tissue.TUMOR_RIM,
        ),
        TumorKind.HAEMANGIOMA: (
            Tissue.TUMOR_HYPODENSE,
            Tissue.TUMOR_HYPODENSE,
            Tissue.TUMOR_BLOOD_POOL,
        ),
        TumorKind.CYST: (Tissue.CYST, Tissue.CYST, Tissue.CYST),
        TumorKind.FOCAL_FAT: (Tissue.FOCAL_FAT, Tissue.FOCAL_FAT, Tissue.FOCAL_FAT),
        TumorKind.PERFUSION: (
            Tissue.PERFUSION_CHANGE,
            Tissue.PERFUSION_CHANGE,
            Tissue.PERFUSION_CHANGE,
        ),
    }[tumor.kind]
    mean = float(np.mean(tumor.radii_mm))
    offset = np.asarray(points_mm, dtype=np.float64) - np.array(tumor.centre_mm)
    code = np.full(level.shape, int(outer), dtype=np.uint8)
    if tumor.core > 0 or tumor.kind is TumorKind.HAEMANGIOMA:
        ripple = _waves(tumor.seed + 1, offset / max(0.45 * mean, 2.0))
    if tumor.core > 0:
        code[level + 0.16 * mean * ripple < -mean * (1 - tumor.core)] = inner
    if tumor.rim_mm > 0:
        is_rim = level > -tumor.rim_mm
        if tumor.kind is TumorKind.HAEMANGIOMA:
            is_rim = (level > -tumor.rim_mm * 2) & (ripple > 0.2)
        code[is_rim] = rim
    return code


def draw_tumor(
    rng: np.random.Generator, centre_mm: Point, diameter_mm: float, kind: TumorKind
) -> Tumor:
    """Draw the form and structure of one lesion of a given kind, place and mean diameter."""
    stretch = np.exp(rng.normal(0, 0.14, 3))
    stretch /= np.prod(stretch) ** (1 / 3)
    radii = diameter_mm / 2 * stretch
    large = diameter_mm > 14
    rim = 0.0
    core = 0.0
    irregularity = float(rng.uniform(0.0, 0.12)) if diameter_mm > 6 else 0.0
    if kind is TumorKind.RIM_ENHANCING or kind is TumorKind.HAEMANGIOMA:
        rim = float(np.clip(0.18 * diameter_mm * rng.uniform(0.4, 1), 1.0, 6.0))
    elif kind is TumorKind.HYPERVASCULAR and large and rng.random() < 0.5:
        rim = float(rng.uniform(1.0, 2.5))
    elif kind is TumorKind.NECROTIC and rng.random() < 0.4:
        rim = float(rng.uniform(1.0, 3.0))
    if kind is TumorKind.NECROTIC or (kind is TumorKind.RIM_ENHANCING and rng.random() < 0.3):
        # Some are dead, or cystic, all through.
        core = min(1.0, float(rng.uniform(0.4, 1.05)))
    elif kind is TumorKind.CALCIFIED:
        core = float(rng.uniform(0.15, 0.5))
    elif large and rng.random() < 0.3:
        core = float(rng.uniform(0.2, 0.55))
    if kind is TumorKind.CYST:
        irregularity *= 0.5
    if kind in (TumorKind.FOCAL_FAT, TumorKind.PERFUSION):
        irregularity = 0.2
        core = 0.0
    turn: FloatArray = Rotation.random(random_state=rng).as_matrix()
    return Tumor(
        kind,
        centre_mm,
        (float(radii[0]), float(radii[1]), float(radii[2])),
        turn,
        irregularity,
        rim,
        core,
        int(rng.integers(2**31)),
    )


def draw_tumors(
    anatomy: Anatomy,
    rng: np.random.Generator,
    count: int | None = None,
    diameter_mm: tuple[float, float] = (3.0, 120.0),
    double_count: int | None = None,
) -> tuple[Tumor, ...]:
    """Draw the focal lesions of one patient, tumours first, then their doubles.

    Args:
        anatomy: the body; lesions are centred in its liver, some at the surface, some at vessels.
        rng: source of chance.
        count: number of tumours; drawn when None (a fifth of patients has none).
        diameter_mm: range of mean diameters; small ones are the most frequent.
        double_count: number of cysts and the like; drawn when None.

    Returns:
        The lesions; fewer than asked for where the liver has no room left.
    """
    if count is None:
        count = 0 if rng.random() < 0.2 else int(min(1 + rng.geometric(0.28) - 1, 14))
    if double_count is None:
        double_count = 0 if rng.random() < 0.45 else int(min(rng.geometric(0.5), 6))
    places = _Places(anatomy, rng)
    main = list(_FREQUENCY)[int(rng.choice(len(_FREQUENCY), p=list(_FREQUENCY.values())))]
    lesions: list[Tumor] = []
    for i in range(count + double_count):
        low, high = np.log(diameter_mm[0]), np.log(diameter_mm[1])
        if i < count:
            # Most lesions of one patient are of one kind.
            kind = main
            if rng.random() < 0.2:
                kind = list(_FREQUENCY)[int(rng.integers(len(_FREQUENCY)))]
            size = float(np.exp(low + (high - low) * rng.beta(1.5, 2.3)))
        else:
            kind = [TumorKind.CYST, TumorKind.FOCAL_FAT, TumorKind.PERFUSION][
                int(rng.choice(3, p=[0.62, 0.18, 0.2]))
            ]
            size = float(np.exp(rng.uniform(np.log(3), np.log(45))))
        centre = places.draw(size, lesions)
        if centre is not None:
            lesions.append(draw_tumor(rng, centre, size, kind))
    return tuple(lesions)


class _Places:
    """Free places in a liver for lesions of a given size."""

    def __init__(self, anatomy: Anatomy, rng: np.random.Generator) -> None:
        self._rng = rng
        self._geometry = anatomy.geometry
        liver = np.isin(anatomy.labels, [int(t) for t in LIVER_TISSUES])
        self._index = np.argwhere(liver)
        if len(self._index) == 0:
            return
        first, last = self._index.min(0), self._index.max(0) + 1
        box = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
        padded = np.pad(liver[box], 1)
        depth = distance_transform_edt(padded, sampling=anatomy.geometry.spacing_mm)
        self._depth = depth[1:-1, 1:-1, 1:-1][liver[box]]
        self._beside = np.isin(anatomy.labels[box], [int(t) for t in VESSEL_TISSUES])[liver[box]]

    def draw(self, diameter_mm: float, others: Sequence[Tumor]) -> Point | None:
        """A centre that keeps clear of the other lesions, or None."""
        rng = self._rng
        if len(self._index) == 0:
            return None
        radius = diameter_mm / 2
        want = rng.random()
        if want < 0.25:
            allowed = (self._depth > 0.25 * radius) & (self._depth < 0.9 * radius + 2)
        elif want < 0.4 and self._beside.any():
            allowed = self._beside & (self._depth > 0.6 * radius)
        else:
            allowed = self._depth > min(radius, 0.6 * float(self._depth.max()))
        choice = np.flatnonzero(allowed)
        if len(choice) == 0:
            return None
        for _ in range(12):
            index = self._index[choice[int(rng.random() * len(choice))]]
            centre = self._geometry.to_world(index + rng.uniform(-0.5, 0.5, 3))
            room = [
                float(np.linalg.norm(centre - np.array(t.centre_mm)))
                > radius + float(np.mean(t.radii_mm)) + 1.0
                for t in others
            ]
            if all(room):
                return float(centre[0]), float(centre[1]), float(centre[2])
        return None


def stamp(
    labels: NDArray[np.uint8],
    geometry: Geometry,
    tumors: Sequence[Tumor],
    beyond: Collection[Tissue] = (),
) -> tuple[NDArray[np.uint8], NDArray[np.int16]]:
    """Put lesions into a label map, within the liver.

    Vessels that cross a lesion are replaced by it. A later tumour does not enter an earlier one.

    Args:
        labels: `Tissue` codes (z, y, x).
        geometry: their grid.
        tumors: the lesions.
        beyond: tissues around the liver that they grow into; what they fill there is liver too.

    Returns:
        New labels, and an int16 map of the same shape: 0, or 1 + index of the lesion.
    """
    out = labels.copy()
    identity = np.zeros(labels.shape, dtype=np.int16)
    gives_way = np.zeros(256, dtype=bool)
    gives_way[[int(t) for t in (*LIVER_TISSUES, *beyond)]] = True
    for number, tumor in enumerate(tumors, start=1):
        centre = geometry.to_index(np.array(tumor.centre_mm))
        # The half axes in voxels; a box around the ellipsoid needs the root of their squares.
        axes_mm = np.array(tumor.centre_mm) + (tumor.rotation * np.array(tumor.radii_mm)).T
        reach = np.linalg.norm(geometry.to_index(axes_mm) - centre, axis=0)
        reach = reach * (1 + 2.5 * tumor.irregularity) + 1.0 / np.array(geometry.spacing_mm)
        box = tuple(
            slice(max(0, int(np.floor(c - r))), min(n, int(np.ceil(c + r)) + 1))
            for c, r, n in zip(centre, reach, geometry.shape, strict=True)
        )
        if any(s.stop <= s.start for s in box):
            continue
        inside = _may_hold(tumor, geometry, box) & gives_way[out[box]] & (identity[box] == 0)
        points = geometry.to_world(np.argwhere(inside) + [s.start for s in box])
        level = level_mm(tumor, points)
        is_within = level < 0
        inside[inside] = is_within
        code = tissue_at(tumor, points[is_within], level[is_within])
        if tumor.kind in (TumorKind.FOCAL_FAT, TumorKind.PERFUSION):
            # These change the parenchyma and leave the vessels where they are.
            keep = out[box][inside] != Tissue.LIVER
            code[keep] = out[box][inside][keep]
        out[box][inside] = code
        identity[box][inside] = number
    return out, identity


def _may_hold(tumor: Tumor, geometry: Geometry, box: tuple[slice, ...]) -> NDArray[np.bool_]:
    """Which voxels of a box (z, y, x) a lesion may reach: half of them it never does."""
    to_ball = tumor.rotation.T / np.array(tumor.radii_mm)[:, None]
    start = geometry.to_world([s.start for s in box])
    offset = to_ball @ (start - np.array(tumor.centre_mm))
    steps = to_ball @ (geometry.to_world(np.eye(3)) - geometry.to_world(np.zeros(3))).T
    squares = np.zeros([s.stop - s.start for s in box])
    for first, step in zip(offset, steps, strict=True):
        # Along each of the lesion's axes a voxel's place is the sum of a term for each index.
        z, y, x = (k * np.arange(n) for k, n in zip(step, squares.shape, strict=True))
        squares += (first + z[:, None, None] + y[:, None] + x) ** 2
    may_hold: NDArray[np.bool_] = squares < (1.0 + _CREST * tumor.irregularity) ** 2 + 1e-9
    return may_hold
