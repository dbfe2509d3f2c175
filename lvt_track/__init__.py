"""lvt follows liver tumours through a patient's CT scans."""

from importlib.metadata import version

__all__ = ["__version__"]

__version__ = version("lvt-track")
