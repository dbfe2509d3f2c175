"""Keeping ITK quiet: what it would print to stderr is told by our own errors and warnings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import SimpleITK as sitk

__all__ = ["quiet_itk"]


@contextmanager
def quiet_itk() -> Iterator[None]:
    """No warnings of ITK on stderr inside the block."""
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)
