"""One run of a job: what its stages share."""

from __future__ import annotations

from dataclasses import dataclass, field

from lvt_track.pipeline.run.folder import RunFolder
from lvt_track.pipeline.run.manifest import Manifest
from lvt_track.pipeline.run.model_choice import ModelChoice
from lvt_track.pipeline.run.progress import Progress, Stopwatch

__all__ = ["Run"]


@dataclass(frozen=True)
class Run:
    """What the stages of a run share.

    Attributes:
        folder: where results are written; None for a run that stays in memory.
        model: that draws masks, and where it runs.
        manifest: what was run; filled as the run goes on.
        progress: hears what happens.
        earlier: what an earlier run in the folder left; None where there is none to keep.
        keeps_masks: masks are those of the earlier run as they are now, edited or not, and none
            is made or changed.
        watch: seconds per stage.
    """

    folder: RunFolder | None
    model: ModelChoice
    manifest: Manifest
    progress: Progress
    earlier: Manifest | None = None
    keeps_masks: bool = False
    watch: Stopwatch = field(default_factory=Stopwatch)

    @property
    def other_phases(self) -> bool:
        """Whether the other contrast phases of a visit are segmented too."""
        return bool(self.manifest.settings["other_phases"])

    def warn(self, text: str) -> None:
        """Tell the user at once."""
        self.progress.warn(text)

    def save_manifest(self) -> None:
        """Write the manifest as it is now, where there is a folder."""
        if self.folder is not None:
            self.manifest.write(self.folder.path)
