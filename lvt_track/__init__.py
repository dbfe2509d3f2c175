"""lvt follows liver tumours through a patient's CT scans."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("lvt-track")
except PackageNotFoundError:
    # Run from a copy of the source, as on a machine that is lent for training.
    __version__ = "0+source"
