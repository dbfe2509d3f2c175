"""What the front door is given: checked, with the value received in the message."""

from __future__ import annotations

from os import PathLike
from pathlib import Path

import numpy as np

from lvt_track.core.geometry import Geometry
from lvt_track.errors import InputError

__all__ = ["PathOrText", "as_path", "checked_mask", "described", "existing_path", "type_error"]

PathOrText = str | PathLike[str]


def existing_path(value: object, what: str) -> Path:
    """A path that is there.

    Raises:
        TypeError: for what is no path.
        InputError: when nothing is there.
    """
    path = as_path(value, what)
    if not path.exists():
        raise InputError(f"{what}: there is no such file or folder", path=path)
    return path


def as_path(value: object, what: str) -> Path:
    """A path, whether or not something is there.

    Raises:
        TypeError: for what is no path.
        InputError: for an empty text, which would mean the folder one is in.
    """
    if not isinstance(value, str | PathLike):
        raise type_error(what, "a path", value)
    if value == "":
        raise InputError(f"{what} is an empty text", remedy="Give a path; . is this folder")
    return Path(value)


def checked_mask(mask: object, geometry: Geometry, what: str) -> np.ndarray:
    """A mask or label map (z, y, x) of whole numbers on a grid.

    Raises:
        TypeError: for what is no array of booleans or whole numbers.
        InputError: for one of another shape than the grid.
    """
    if not isinstance(mask, np.ndarray) or mask.dtype.kind not in "biu":
        raise type_error(what, "an array (z, y, x) of booleans or whole numbers", mask)
    if mask.shape != geometry.shape:
        raise InputError(
            f"{what} has shape {mask.shape}, its geometry {geometry.shape}",
            remedy="Give the geometry of the scan on which it was drawn; arrays are z, y, x",
        )
    return mask


def type_error(what: str, wanted: str, value: object) -> TypeError:
    """What is wrong with an argument's type."""
    return TypeError(f"{what} must be {wanted}, got {described(value)}")


def described(value: object) -> str:
    """A value in a few words."""
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} with shape {value.shape}"
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
