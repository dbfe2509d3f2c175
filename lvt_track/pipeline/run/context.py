"""One run of a job: what its stages share."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from lvt_track.pipeline.run.disclosure import Disclosure
from lvt_track.pipeline.run.folder import RunFolder
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.pipeline.run.model_choice import ModelChoice
from lvt_track.pipeline.run.places import shown_manifest
from lvt_track.pipeline.run.progress import Progress, Stopwatch

__all__ = ["Run"]


@dataclass(frozen=True)
class Run:
    """What the stages of a run share.

    Attributes:
        folder: where results are written; None for a run that stays in memory.
        model: that draws masks, and where it runs.
        manifest: what was run, by its real names; filled as the run goes on.
        progress: hears what happens.
        disclosure: what may be shown of the patient.
        earlier: what an earlier run in the folder left; None where there is none to keep.
        keeps_masks: masks are those of the earlier run as they are now, edited or not, and none
            is made or changed.
        watch: seconds per stage.
        out: where results lie in the end; None for a run that stays in memory.
    """

    folder: RunFolder | None
    model: ModelChoice
    manifest: Manifest
    progress: Progress
    disclosure: Disclosure
    earlier: Manifest | None = None
    keeps_masks: bool = False
    watch: Stopwatch = field(default_factory=Stopwatch)
    out: Path | None = None

    @property
    def other_phases(self) -> bool:
        """Whether the other contrast phases of a visit are segmented too."""
        return bool(self.manifest.settings["other_phases"])

    @property
    def tables_only(self) -> bool:
        """Whether report.pdf and report.html are left out."""
        return bool(self.manifest.settings.get("tables_only"))

    def warn(self, text: str) -> None:
        """Tell the user at once."""
        self.progress.warn(text)

    def save_manifest(self) -> None:
        """Write the manifest as it is now and may be shown, where there is a folder."""
        if self.folder is not None:
            self.shown_manifest().write(self.folder.path)

    def shown_manifest(self) -> Manifest:
        """The manifest as it may be shown."""
        return shown_manifest(self.manifest, self.disclosure, self.out or Path())
