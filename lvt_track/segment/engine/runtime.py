"""OpenVINO itself, loaded so that it tells nobody that it was.

On import, OpenVINO's model converter reports to its makers through `openvino_telemetry` unless the
user opted out. Nothing here leaves the machine, so that package is hidden while OpenVINO loads; it
then takes its own stub.
"""

from __future__ import annotations

import functools
import sys
from types import ModuleType

__all__ = ["openvino", "openvino_version"]

_TELEMETRY = "openvino_telemetry"


@functools.cache
def openvino() -> ModuleType:
    """The package.

    Raises:
        ImportError: when it is not installed, or cannot be loaded here.
    """
    known = sys.modules.get(_TELEMETRY)
    # None in its place makes importing it fail.
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        import openvino
    finally:
        del sys.modules[_TELEMETRY]
        if known is not None:
            sys.modules[_TELEMETRY] = known
    return openvino  # type: ignore[no-any-return]


def openvino_version() -> str:
    """Version of the package, for example `2026.4.1`.

    Raises:
        ImportError: see `openvino`.
    """
    return str(openvino().get_version()).partition("-")[0]
