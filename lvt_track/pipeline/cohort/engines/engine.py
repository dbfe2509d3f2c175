"""Which engine follows the patients of a cohort: Dask, or without it processes of this machine."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass

from lvt_track.core.threads import allowed_cores
from lvt_track.errors import UsageError
from lvt_track.pipeline.cohort.engines.cluster import INSTALL, Cluster, has_dask, workers_that_fit
from lvt_track.pipeline.cohort.engines.job import PatientJob
from lvt_track.pipeline.cohort.engines.processes import run_apart
from lvt_track.pipeline.cohort.engines.start import run_patient
from lvt_track.pipeline.cohort.result import PatientRun
from lvt_track.pipeline.run.progress import Progress

__all__ = ["Engine"]


@dataclass(frozen=True)
class Engine:
    """Where patients are followed.

    Attributes:
        jobs: how many at once on this machine; None for as many as fit. One job needs no engine,
            and runs in this process.
        scheduler: address of a Dask scheduler to use instead; empty for none.
    """

    jobs: int | None = None
    scheduler: str = ""

    def __post_init__(self) -> None:
        if self.jobs is not None and self.jobs < 1:
            raise UsageError(f"--jobs must be at least 1, got {self.jobs}")
        if self.jobs is not None and self.scheduler:
            raise UsageError(
                "--jobs is for this machine, --scheduler for a cluster that has its own workers",
                remedy="Give one of them",
            )
        if self.scheduler and not has_dask():
            raise UsageError(
                "--scheduler needs Dask, which is not installed", remedy=f"Run `{INSTALL}`"
            )

    def run(
        self, work: Sequence[PatientJob], progress: Progress
    ) -> Generator[PatientRun, None, None]:
        """The patients' runs as they end.

        Raises:
            LvtError: when the scheduler does not answer, or is lost.
            UsageError: when none of its workers can be used.
        """
        if self.scheduler:
            model = work[0].settings.model
            with (
                Cluster.running(self.scheduler, model, progress) as cluster,
                closing(cluster.run(work)) as runs,
            ):
                yield from runs
            return
        at_once = self._at_once(len(work), progress)
        if self.jobs == 1:
            yield from map(run_patient, work)
        elif has_dask():
            with Cluster.local(at_once) as cluster, closing(cluster.run(work)) as runs:
                yield from runs
        else:
            progress.warn(
                f"Dask is not installed, so a plain pool of processes is used: `{INSTALL}`"
            )
            with closing(run_apart(run_patient, work, at_once)) as ended:
                for job, run in ended:
                    why = "its process was ended, as happens without memory: give fewer --jobs"
                    yield run or job.failed(why)

    def _at_once(self, patients: int, progress: Progress) -> int:
        if self.jobs is None:
            return workers_that_fit(patients)
        at_once = min(self.jobs, allowed_cores())
        if at_once < self.jobs:
            progress.note(f"{at_once} patients at once, for there are no more cores")
        return at_once
