"""What a dataset knows of each class. What follows for a voxel is stated in `training.partial`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lvt_track.core.volume import CLASSES

__all__ = ["COMPLETE", "Annotation", "Knowledge"]


class Annotation(StrEnum):
    """What a dataset's annotation of one class means."""

    EVERYWHERE = "everywhere"
    ABSENT = "absent"
    NONE = "none"


@dataclass(frozen=True)
class Knowledge:
    """What a dataset says of each class."""

    liver: Annotation
    vessels: Annotation
    tumors: Annotation

    def __getitem__(self, name: str) -> Annotation:
        """The annotation of the class `name`.

        Raises:
            KeyError: when there is no such class.
        """
        if name not in CLASSES:
            raise KeyError(name)
        annotation: Annotation = getattr(self, name)
        return annotation

    @property
    def annotated(self) -> tuple[str, ...]:
        """The classes annotated everywhere."""
        return tuple(name for name in CLASSES if self[name] is Annotation.EVERYWHERE)


COMPLETE = Knowledge(Annotation.EVERYWHERE, Annotation.EVERYWHERE, Annotation.EVERYWHERE)
"""All three classes annotated everywhere, as in phantoms."""
