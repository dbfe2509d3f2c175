"""What a run of `lvt track` or `lvt report` found."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

from lvt_track.core.course import Course
from lvt_track.pipeline.run.manifest import Failure

__all__ = ["TrackResult"]


@dataclass(frozen=True)
class TrackResult:
    """What a run found.

    Attributes:
        folder: where everything is; None where nothing was written.
        course: the patient's course.
        failures: what could not be done.
        seconds: time per stage.
    """

    folder: Path | None
    course: Course
    failures: tuple[Failure, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)

    def facts(self) -> dict[str, object]:
        """The result as plain values."""
        return {
            "folder": str(self.folder) if self.folder else None,
            "patient": self.course.patient,
            "visits": [
                {
                    "date": findings.visit.name,
                    "liver_ml": round(findings.liver_ml, 1),
                    "tumors_ml": round(findings.tumors_ml, 2),
                    "lesions": len(findings.lesions),
                }
                for findings in self.course.visits
            ],
            "tracks": [
                {"track": track.number, "state": track.state, "events": track.events}
                for track in self.course.tracks
            ],
            "responses": [
                {
                    "date": response.date.isoformat(),
                    "criterion": response.criterion,
                    "category": response.category,
                    "reason": response.reason,
                }
                for response in self.course.responses
            ],
            "failures": [{"where": item.where, "why": item.why} for item in self.failures],
        }

    def summary(self) -> str:
        """The result in a few lines."""
        responses: dict[dt.date, list[str]] = {}
        for item in self.course.responses:
            responses.setdefault(item.date, []).append(f"{item.criterion} {item.category}")
        lines = [f"{self.course.patient}: {len(self.course.tracks)} tumours"]
        for findings in self.course.visits:
            verdict = "".join(
                f"  {response}" for response in responses.get(findings.visit.date, [])
            )
            lines.append(
                f"{findings.visit.name}  {len(findings.lesions):3d} lesions  "
                f"{findings.tumors_ml:8.2f} mL{verdict}"
            )
        lines.extend(f"failed: {item.where}: {item.why}" for item in self.failures)
        if self.folder is not None:
            lines.append(f"report: {self.folder / 'report.pdf'}, report.html")
        return "\n".join(lines)
