"""The sizes of one lesion at one visit, held against what is said of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from lvt_track.core.response.assessment import Role, Status
from lvt_track.response.tables.cells import Problem

__all__ = ["Sizes", "settled"]


@dataclass(frozen=True)
class Sizes:
    """Sizes as they were read; None where nothing is said.

    Attributes:
        long_axis_mm, short_axis_mm, enhancing_mm: lengths.
        volume_ml: volume.
    """

    long_axis_mm: float | None = None
    short_axis_mm: float | None = None
    enhancing_mm: float | None = None
    volume_ml: float | None = None

    @property
    def are_some(self) -> bool:
        """Whether any is said, be it 0."""
        return any(size is not None for size in self._all)

    @property
    def are_positive(self) -> bool:
        """Whether any is more than 0."""
        return any(self._all)

    @property
    def _all(self) -> tuple[float | None, ...]:
        return self.long_axis_mm, self.short_axis_mm, self.enhancing_mm, self.volume_ml


def settled(
    lesion: str, line: int, role: Role | None, status: Status | None, sizes: Sizes
) -> tuple[Status | None, Sizes, list[Problem]]:
    """Status and sizes that agree, and what is wrong with them.

    A size of 0 says that the lesion is absent, but for an enhancing part of 0, which is a size.

    Args:
        lesion: its name.
        line: of the row.
        role, status: as they were read; None where not said.
        sizes: as they were read.
    """
    problems: list[Problem] = []
    zero = [
        name for name in ("long_axis_mm", "short_axis_mm", "volume_ml") if getattr(sizes, name) == 0
    ]
    if zero:
        if status is None:
            problems.append(Problem(line, f"{zero[0]} is 0: taken as absent", False))
            status = Status.ABSENT
        elif status is not Status.ABSENT:
            problems.append(Problem(line, f"{zero[0]} is 0, the status {status.value}", True))
        sizes = replace(sizes, **dict.fromkeys(zero))
        if sizes.enhancing_mm == 0:
            sizes = replace(sizes, enhancing_mm=None)
    problems += _contradictions(line, status, sizes)
    if role is Role.TARGET and not sizes.are_some:
        if status is None or status is Status.MEASURED:
            problem = f"target {lesion} has no size: say absent, too small or not done"
            problems.append(Problem(line, problem, True))
        if status is Status.PROGRESSION:
            problem = f"target {lesion} is judged by its size, not by a word"
            problems.append(Problem(line, problem, True))
    return status, sizes, problems


def _contradictions(line: int, status: Status | None, sizes: Sizes) -> Iterator[Problem]:
    long_mm, short_mm = sizes.long_axis_mm, sizes.short_axis_mm
    if long_mm is not None and short_mm is not None and short_mm > long_mm:
        problem = f"the short axis {short_mm:g} mm is longer than the long one {long_mm:g} mm"
        yield Problem(line, problem, True)
    if sizes.are_positive and status in (Status.ABSENT, Status.NOT_DONE):
        yield Problem(line, f"called {status.value}, but it has a size", True)
