"""Scans of a course read ahead: while one is segmented and measured, the next is read.

The first is read while the model loads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager

from lvt_track.core.series import Visit
from lvt_track.io.discover import read_scan
from lvt_track.pipeline.patient.visit.series_masks import SeriesAt, SeriesScan
from lvt_track.pipeline.run.context import Run

__all__ = ["ScansAhead", "read_ahead", "series_in_order"]


class ScansAhead:
    """Hands out scans in the order of a course, and reads the next one meanwhile.

    Beside what was handed out, one more is in memory.

    Args:
        order: the series in the order in which they will be asked for; some may be left out.
        beside: reads them.

    Attributes:
        beside: may write what was made, meanwhile.
    """

    def __init__(self, order: Iterable[SeriesAt], beside: Executor) -> None:
        self.beside = beside
        self._order = deque(order)
        self._next: tuple[str, Future[SeriesScan]] | None = None
        self._read_next()

    def read(self, at: SeriesAt) -> SeriesScan:
        """The scan of a series.

        Raises:
            InputError: when it cannot be used.
        """
        while self._order and self._order[0].key != at.key:
            self._order.popleft()
        if self._order:
            self._order.popleft()
        ahead, self._next = self._next, None
        if ahead is not None and ahead[0] == at.key:
            scan = ahead[1].result()
        else:
            if ahead is not None:
                ahead[1].cancel()
            scan = _read(at)
        self._read_next()
        return scan

    def _read_next(self) -> None:
        if self._order:
            following = self._order[0]
            self._next = following.key, self.beside.submit(_read, following)


@contextmanager
def read_ahead(visits: Iterable[Visit], run: Run) -> Iterator[ScansAhead]:
    """Scans of visits, read ahead while the block runs."""
    order = [at for visit in visits for at in series_in_order(visit, run.other_phases)]
    with ThreadPoolExecutor(2) as beside:
        try:
            yield ScansAhead(order, beside)
        finally:
            beside.shutdown(wait=True, cancel_futures=True)


def series_in_order(visit: Visit, other_phases: bool) -> list[SeriesAt]:
    """The series of a visit as they are read: the tracked one, then the others where wanted."""
    others = [k for k in range(len(visit.series)) if k != visit.tracked] if other_phases else []
    return [SeriesAt(visit, k) for k in (visit.tracked, *others)]


def _read(at: SeriesAt) -> SeriesScan:
    scan = SeriesScan(at, read_scan(at.series))
    _ = scan.digest  # the masks' record needs it; worked out here it costs no wait
    return scan
