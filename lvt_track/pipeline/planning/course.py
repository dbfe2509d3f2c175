"""The plan of a course within `lvt track --plan`, or again where its masks or tumours changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lvt_track.core.course import Course
from lvt_track.pipeline.planning.record import PlanRecord
from lvt_track.pipeline.planning.settings import PlanSettings
from lvt_track.pipeline.run.context import Run
from lvt_track.pipeline.run.folder import RunFolder

if TYPE_CHECKING:
    from lvt_track.pipeline.planning.visits import Tracks

__all__ = ["plan_course"]


def plan_course(course: Course, folder: RunFolder, run: Run) -> None:
    """Plan the visits of a course whose masks and label maps are written, where the run asks for
    it; a plan of the same masks and tumours that is there stays as it is, one of others is told.

    What an earlier plan in the folder took is planned again; only what was drawn by hand is not,
    for it is of the visit as it was.

    Raises:
        OutputError: when a file cannot be written.
    """
    tracks = _tracks(course)
    record = PlanRecord.read(folder)
    if not run.manifest.settings.get("plan"):
        if record is not None and not record.is_current(tracks, folder):
            run.warn("the plan in this folder is of other visits or lesions: run `lvt plan` again")
        return
    with run.watch.stage("plan"):
        if record is not None and record.is_current(tracks, folder):
            for text in record.remarks:
                run.warn(text)
            return
        # Loads what draws, which a run without a plan does without.
        from lvt_track.pipeline.planning.visits import plan_visits

        settings = PlanSettings()
        if record is not None:
            settings = PlanSettings.from_facts(record.settings)
            for resection in record.settings["resections"]:
                if resection["mask"] is not None:
                    run.warn(f"{resection['name']}: was of the course before, plan it again")
        plans = plan_visits(tracks, folder, settings, run.progress)
        PlanRecord.of(tracks, folder, settings, plans.remarks).write(folder)


def _tracks(course: Course) -> Tracks:
    number = {key: track.number for track in course.tracks for key in track.lesions}
    return {
        findings.visit.name: {
            lesion.label: number[lesion.key] for lesion in findings.lesions if lesion.key in number
        }
        for findings in course.visits
    }
