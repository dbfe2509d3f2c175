"""lvt follows liver tumours through a patient's CT scans.

    import lvt_track as lvt

    scan = lvt.read_volume("ct.nii.gz")
    masks = lvt.segment(scan)
    course = lvt.track("patient", out="results")
    sizes = lvt.measure(masks.tumors, scan.geometry)
    answer = lvt.respond("table.csv", criteria="recist1.1")
    scores = lvt.evaluate(masks, truth)

Each function takes a path or a core type, prints nothing, and raises an `LvtError` that says what
is wrong, where, and what to do. What it returns has `.to_frame()`: a pandas table with the columns
of the CSV. Everything is loaded when it is first used. What is not in `__all__` may change.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lvt_track.api.evaluate import Scores, evaluate
    from lvt_track.api.measure import Measurements, measure
    from lvt_track.api.respond import Responses, respond
    from lvt_track.api.segment import read_volume, segment
    from lvt_track.api.track import Course, track
    from lvt_track.core.course import LookBack, RegistrationQuality, VisitFindings
    from lvt_track.core.geometry import Geometry
    from lvt_track.core.lesion.caliper import Caliper
    from lvt_track.core.lesion.lesion import Edge, Lesion, Measurement, Track
    from lvt_track.core.response.response import Response
    from lvt_track.core.series import Phase, PhaseVolume, Series, Visit
    from lvt_track.core.volume import Masks, Volume
    from lvt_track.errors import InputError, LvtError, OutputError, UsageError

__all__ = [
    "Caliper",
    "Course",
    "Edge",
    "Geometry",
    "InputError",
    "Lesion",
    "LookBack",
    "LvtError",
    "Masks",
    "Measurement",
    "Measurements",
    "OutputError",
    "Phase",
    "PhaseVolume",
    "RegistrationQuality",
    "Response",
    "Responses",
    "Scores",
    "Series",
    "Track",
    "UsageError",
    "Visit",
    "VisitFindings",
    "Volume",
    "__version__",
    "evaluate",
    "measure",
    "read_volume",
    "respond",
    "segment",
    "track",
]

__version__ = "0.7.0"

_HOMES = {
    "lvt_track.api.evaluate": ("Scores", "evaluate"),
    "lvt_track.api.measure": ("Measurements", "measure"),
    "lvt_track.api.respond": ("Responses", "respond"),
    "lvt_track.api.segment": ("read_volume", "segment"),
    "lvt_track.api.track": ("Course", "track"),
    "lvt_track.core.course": ("LookBack", "RegistrationQuality", "VisitFindings"),
    "lvt_track.core.geometry": ("Geometry",),
    "lvt_track.core.lesion.caliper": ("Caliper",),
    "lvt_track.core.lesion.lesion": ("Edge", "Lesion", "Measurement", "Track"),
    "lvt_track.core.response.response": ("Response",),
    "lvt_track.core.series": ("Phase", "PhaseVolume", "Series", "Visit"),
    "lvt_track.core.volume": ("Masks", "Volume"),
    "lvt_track.errors": ("InputError", "LvtError", "OutputError", "UsageError"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME_OF[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _FrontDoor(ModuleType):
    """Rooms of the package are called as some functions are: the functions stand at the door."""

    def __setattr__(self, name: str, value: object) -> None:
        # Python sets every module that it imports on the package above it.
        if not (isinstance(value, ModuleType) and name in _HOME_OF):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _FrontDoor
