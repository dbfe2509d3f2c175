"""Patients on a Dask cluster: one started here, or one that runs already."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import signal
import socket
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from lvt_track.core.memory import available_bytes
from lvt_track.core.threads import allowed_cores, limit_threads, threads_of
from lvt_track.errors import LvtError, UsageError
from lvt_track.pipeline.cohort.engines.job import PatientJob, identity
from lvt_track.pipeline.cohort.engines.start import run_patient
from lvt_track.pipeline.cohort.result import PatientRun
from lvt_track.pipeline.run.progress import Progress

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

__all__ = ["INSTALL", "Cluster", "has_dask", "workers_that_fit"]

INSTALL = "pip install 'lvt-track[cluster]'"

CONNECT_SECONDS = 6.0
"""How long a scheduler may take to answer."""

_KNOCK_SECONDS = 3.0
# A scheduler greets with a message of some hundred bytes, after its length.
_LENGTH_BYTES, _LONGEST_GREETING = 8, 1 << 20
_CLOSE_SECONDS = 2.0
_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)  # Windows has the latter alone
_ADDRESS = re.compile(r"(?:tcp|tls)://(\[[0-9a-fA-F:]+\]|[^:/\s]+):(\d{1,5})/?")
_WORKER_BYTES = 3 * 1024**3
_LOST = "its worker was ended twice, as happens without memory: give fewer --jobs"


def has_dask() -> bool:
    """Whether the `cluster` extra is installed."""
    from importlib.util import find_spec

    return all(find_spec(name) is not None for name in ("distributed", "cryptography"))


def workers_that_fit(patients: int) -> int:
    """How many patients can be followed at once here: as many as cores, and as memory allows."""
    left = available_bytes()
    by_memory = patients if left is None else max(1, left // _WORKER_BYTES)
    return max(1, min(patients, allowed_cores(), by_memory))


@dataclass(frozen=True)
class Cluster:
    """Where the patients of a cohort are followed.

    Attributes:
        client: of the scheduler.
        workers: addresses that may be used; None for all, also those that come later.
        at_once: how many patients are handed out, followed or waiting; None for one more than there
            are threads.
    """

    client: Client
    workers: tuple[str, ...] | None = None
    at_once: int | None = None

    @classmethod
    @contextlib.contextmanager
    def local(cls, workers: int) -> Iterator[Cluster]:
        """A cluster of processes of this machine, which ends with the block.

        Args:
            workers: how many; each follows one patient at a time, with its share of the cores.
        """
        import dask
        from distributed import Client, LocalCluster

        threads = min(threads_of(), max(1, allowed_cores() // workers))
        environ: dict[str, str] = {}
        limit_threads(threads, environ)
        settings = {
            # Read before the worker's interpreter loads what counts threads.
            "distributed.nanny.pre-spawn-environ": environ,
            # A patient that ended its worker is tried again later, alone.
            "distributed.scheduler.allowed-failures": 0,
            # Memory that torch and numpy keep would hold up the next patient for ever.
            "distributed.worker.memory.pause": False,
            "distributed.worker.memory.spill": False,
            "distributed.worker.memory.target": False,
            "distributed.comm.timeouts.connect": CONNECT_SECONDS,
        }
        with dask.config.set(settings), _quiet(), contextlib.ExitStack() as stack:
            cluster = LocalCluster(
                n_workers=0,
                threads_per_worker=1,
                processes=True,
                memory_limit=available_bytes() or 0,
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
                # Nobody else on this machine may hand it work.
                security=True,
                protocol="tls",
            )
            stack.callback(_end, cluster)
            # They come while the first patients are handed out, and an interrupt meets no wait.
            cluster.scale(workers)
            client = Client(cluster, timeout=CONNECT_SECONDS, set_as_default=False)
            stack.callback(_leave, client)
            # The next patient waits beside each worker, which is idle for no message then.
            yield cls(client, None, 2 * workers)

    @classmethod
    @contextlib.contextmanager
    def running(cls, address: str, model: str, progress: Progress) -> Iterator[Cluster]:
        """A cluster that runs already, and goes on running.

        Args:
            address: of its scheduler, such as `tcp://host:8786`.
            model: that its workers must have, as this machine has it.
            progress: told of its dashboard, and of workers that cannot be used.

        Raises:
            UsageError: for what is no address, or no worker that can be used.
            LvtError: when nobody answers.
        """
        _knock(address)
        from distributed import Client

        with _quiet(), contextlib.ExitStack() as stack:
            try:
                client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
            except (OSError, ValueError, MemoryError) as error:
                raise _no_scheduler(address, f"what answers is no scheduler: {error}") from error
            stack.callback(_leave, client)
            progress.note(f"scheduler {address}, dashboard {client.dashboard_link}")
            yield cls(client, _usable(client, model, progress))

    def run(self, jobs: Sequence[PatientJob]) -> Generator[PatientRun, None, None]:
        """Follow patients, each in one worker at a time.

        Yields:
            Their runs as they end. One whose worker was ended is tried once more after all others
            and alone, for want of memory ends most.

        Raises:
            LvtError: when the scheduler is lost.
        """
        ours = identity(jobs[0].settings.model)
        waiting = [replace(job, identity=ours) for job in jobs]
        again: list[PatientJob] = []
        for job, run in self._pass(waiting, self.at_once):
            if run is None:
                again.append(job)
            else:
                yield run
        for job, run in self._pass(again, 1):
            yield run or job.failed(_LOST)

    def _pass(
        self, jobs: Sequence[PatientJob], at_once: int | None
    ) -> Generator[tuple[PatientJob, PatientRun | None], None, None]:
        """Each job as it ends; None for a run whose worker was ended."""
        from distributed import as_completed

        waiting = iter(jobs)
        running: dict[Future[Any], PatientJob] = {}
        ended = as_completed(loop=self.client.loop)
        try:
            while True:
                room = (at_once or self._threads()) - len(running)
                for job in islice(waiting, max(0, room)):
                    future = self._submit(job)
                    running[future] = job
                    ended.add(future)
                if not running:
                    return
                future = next(ended)
                job = running.pop(future)
                yield job, _outcome(future)
        finally:
            self.client.cancel(list(running), force=True)

    def _submit(self, job: PatientJob) -> Future[Any]:
        needs_gpu = job.settings.device.startswith("cuda") and self.at_once is None
        return self.client.submit(
            run_patient,
            job,
            pure=False,
            workers=None if self.workers is None else list(self.workers),
            resources={"GPU": 1} if needs_gpu else None,
        )

    def _threads(self) -> int:
        """One more than there are, so that a cluster that grows with its work sees some waiting."""
        return int(sum(self.client.nthreads().values())) + 1


def _end(cluster: LocalCluster) -> None:
    """End the workers, whatever they do, then the rest; never fails, never takes long.

    What they have half written lies beside its place, and the next run sweeps it.
    """
    for nanny in list(cluster.workers.values()):
        nanny.auto_restart = False
        pid = getattr(nanny.process, "pid", None)
        if pid is not None:
            with contextlib.suppress(OSError):
                os.kill(pid, _KILL)
    # The workers are gone; what Dask has to say of that helps nobody.
    with contextlib.suppress(Exception):
        cluster.close(timeout=_CLOSE_SECONDS)


def _leave(client: Client) -> None:
    """Close the connection, also one that is broken."""
    with contextlib.suppress(Exception):
        client.close(timeout=_CLOSE_SECONDS)


def _knock(address: str) -> None:
    """Try whether a scheduler listens, in a blink and before anything heavy is loaded.

    Dask's own client takes the first bytes of whatever answers for a length, and asks for that
    much memory.

    Raises:
        UsageError: for what is no address.
        LvtError: when nobody listens, or what does is no scheduler.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise UsageError(f"--scheduler must be like tcp://host:8786, got {address!r}")
    try:
        place = (match[1].strip("[]"), int(match[2]))
        with socket.create_connection(place, _KNOCK_SECONDS) as line:
            line.settimeout(_KNOCK_SECONDS)
            greeting = None if address.startswith("tls") else line.recv(_LENGTH_BYTES)
    except (OSError, OverflowError) as error:
        raise _no_scheduler(address, str(error)) from error
    if greeting is not None:
        length = int.from_bytes(greeting, "little")
        if len(greeting) < _LENGTH_BYTES or length > _LONGEST_GREETING:
            raise _no_scheduler(address, "what answers is no scheduler")


def _no_scheduler(address: str, why: str) -> LvtError:
    return LvtError(
        f"no Dask scheduler answers at {address} ({why})",
        remedy="Start one with `dask scheduler`, or leave --scheduler out",
    )


def _outcome(future: Future[Any]) -> PatientRun | None:
    from distributed.scheduler import KilledWorker

    if future.status == "finished":
        run: PatientRun = future.result()
        return run
    if future.status == "error" and isinstance(future.exception(), KilledWorker):
        return None
    why = future.exception() if future.status == "error" else "it no longer answers"
    raise LvtError(
        f"the cluster failed: {why!r}" if future.status == "error" else f"the scheduler: {why}",
        remedy="The same command with --resume goes on from here",
    )


def _usable(client: Client, model: str, progress: Progress) -> tuple[str, ...] | None:
    """The workers that have this program and this model; None where all do."""
    ours = identity(model)
    identities = client.run(identity, model, on_error="return")
    if not identities:
        progress.warn("the scheduler has no workers yet; waiting for them")
        return None
    for address, theirs in identities.items():
        if theirs != ours:
            progress.warn(f"worker {address} is not used: it has {theirs}, this is {ours}")
    same = tuple(address for address, theirs in identities.items() if theirs == ours)
    if not same:
        raise UsageError(
            f"none of the {len(identities)} workers has what this run has, {ours}",
            remedy="Install the same version and model where the workers are started",
        )
    return None if len(same) == len(identities) else same


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Dask tells its own course in its own words; ours are told instead.

    Its client has a level of its own, and tells a lost scheduler with its traceback.
    """
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.client")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
