"""A CT volume in Hounsfield units, and the masks of liver, vessels and tumours on its grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Box, Geometry

__all__ = ["CLASSES", "BoolArray", "LabelArray", "Masks", "Volume"]

BoolArray = NDArray[np.bool_]
LabelArray = NDArray[np.int32]

CLASSES = ("liver", "vessels", "tumors")
"""The three classes, in the order of the network's channels."""


@dataclass(frozen=True, eq=False)
class Volume:
    """Hounsfield units on a grid.

    Attributes:
        hu: array (z, y, x), int16 or float32, finite.
        geometry: its grid.

    Raises:
        ValueError: when shapes differ or the type is not int16 or float32.
    """

    hu: NDArray[np.int16] | NDArray[np.float32]
    geometry: Geometry

    def __post_init__(self) -> None:
        if self.hu.shape != self.geometry.shape:
            raise ValueError(f"hu has shape {self.hu.shape}, its geometry {self.geometry.shape}")
        if self.hu.dtype not in (np.dtype(np.int16), np.dtype(np.float32)):
            raise ValueError(f"hu must be int16 or float32, got {self.hu.dtype}")

    def crop(self, box: Box) -> Volume:
        """The part of the volume inside the box."""
        return Volume(self.hu[box], self.geometry.crop(box))


@dataclass(frozen=True, eq=False)
class Masks:
    """Liver, vessels and tumours on one grid; they may overlap, and usually do.

    Attributes:
        liver, vessels, tumors: boolean (z, y, x).
        geometry: their grid.
        tumor_labels: label map (z, y, x) that keeps lesions apart that touch, as a reader labelled
            them; counts inside `tumors` alone. None where the mask tells them.

    Raises:
        ValueError: when a shape differs from the geometry's or a type is not bool.
    """

    liver: BoolArray
    vessels: BoolArray
    tumors: BoolArray
    geometry: Geometry
    tumor_labels: LabelArray | None = None

    def __post_init__(self) -> None:
        for name in CLASSES:
            mask = getattr(self, name)
            if mask.shape != self.geometry.shape:
                raise ValueError(
                    f"{name} has shape {mask.shape}, the geometry {self.geometry.shape}"
                )
            if mask.dtype != np.bool_:
                raise ValueError(f"{name} must be bool, got {mask.dtype}")
        if self.tumor_labels is not None and self.tumor_labels.shape != self.geometry.shape:
            raise ValueError(f"tumor_labels has shape {self.tumor_labels.shape}")

    @classmethod
    def of(
        cls,
        by_class: Mapping[str, BoolArray],
        geometry: Geometry,
        tumor_labels: LabelArray | None = None,
    ) -> Masks:
        """Masks from arrays (z, y, x) by the names of `CLASSES`."""
        liver, vessels, tumors = (by_class[name] for name in CLASSES)
        return cls(liver, vessels, tumors, geometry, tumor_labels)

    @property
    def plain_liver(self) -> BoolArray:
        """Liver that is neither vessel nor tumour."""
        return self.liver & ~self.vessels & ~self.tumors

    def crop(self, box: Box) -> Masks:
        """The part of the masks inside the box."""
        labels = None if self.tumor_labels is None else self.tumor_labels[box]
        cut = {name: getattr(self, name)[box] for name in CLASSES}
        return Masks.of(cut, self.geometry.crop(box), labels)

    def volume_ml(self, name: str) -> float:
        """Volume of the class `name` in mL."""
        if name not in CLASSES:
            raise ValueError(f"name must be one of {CLASSES}, got {name!r}")
        return float(np.count_nonzero(getattr(self, name))) * self.geometry.voxel_volume_ml
