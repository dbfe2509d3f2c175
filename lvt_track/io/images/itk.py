"""Living with ITK: what it prints is told by our own errors, and it takes no name but UTF-8."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import SimpleITK as sitk

__all__ = ["itk_path", "quiet_itk"]


@contextmanager
def quiet_itk() -> Iterator[None]:
    """No warnings of ITK on stderr inside the block."""
    shown = sitk.ProcessObject.GetGlobalWarningDisplay()
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        yield
    finally:
        sitk.ProcessObject.SetGlobalWarningDisplay(shown)


@contextmanager
def itk_path(path: Path) -> Iterator[str]:
    """A name of an existing file that ITK takes: a link to it where its own is not UTF-8.

    ITK ends the process on other names.
    """
    try:
        name = str(path)
        name.encode("utf-8")
    except UnicodeEncodeError:
        with tempfile.TemporaryDirectory(prefix="lvt-") as folder:
            link = Path(folder, f"link{path.suffix}")
            link.symlink_to(path.absolute())
            yield str(link)
    else:
        yield name
