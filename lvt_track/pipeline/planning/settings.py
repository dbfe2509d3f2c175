"""What is asked of a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lvt_track.errors import UsageError
from lvt_track.planning.resection.remnant import standard_liver_ml
from lvt_track.planning.resection.spec import Resection

__all__ = ["PlanSettings", "standard_ml"]


@dataclass(frozen=True)
class PlanSettings:
    """What is asked.

    Attributes:
        visit: date of the visit that is drawn; the last when None.
        resections: plans, each by itself.
        standard_ml: liver volume to be expected of this patient; None where not asked.
    """

    visit: str | None = None
    resections: tuple[Resection, ...] = ()
    standard_ml: float | None = None

    def facts(self) -> dict[str, Any]:
        """The settings as plain values; of masks drawn by hand their names, not their places."""
        named = [asdict(one) | {"mask": one.mask and one.mask.name} for one in self.resections]
        return {"visit": self.visit, "resections": named, "standard_ml": self.standard_ml}

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> PlanSettings:
        """The settings of an earlier plan, for all visits as they are now: without the visit that
        was drawn and without masks, which are of one visit.

        Raises:
            KeyError, TypeError: when the facts are of something else.
        """
        kept = [
            Resection(
                str(one["name"]),
                tuple(int(n) for n in one["segments"]),
                tuple(int(n) for n in one["tracks"]),
                float(one["margin_mm"]),
            )
            for one in facts["resections"]
            if one["mask"] is None
        ]
        return cls(None, tuple(kept), facts["standard_ml"])


def standard_ml(weight_kg: float | None, height_cm: float | None) -> float | None:
    """Liver volume to be expected; None without weight and height.

    Raises:
        UsageError: when only one is given, or no adult has it.
    """
    if weight_kg is None and height_cm is None:
        return None
    if weight_kg is None or height_cm is None:
        raise UsageError("--weight-kg and --height-cm are needed together")
    try:
        return standard_liver_ml(weight_kg, height_cm)
    except ValueError as error:
        raise UsageError(str(error)) from error
