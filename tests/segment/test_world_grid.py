"""Cells laid in world coordinates."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lvt_track.segment.world_grid import Lattice, Reach

STEP_MM = (2.0, 1.5, 3.0)

spans = st.tuples(st.floats(-300.0, 300.0), st.floats(1.0, 300.0)).map(
    lambda s: (s[0], s[0] + s[1])
)
reaches = st.tuples(spans, spans, spans)
shifts = st.sampled_from([0.0, 0.5])


@given(reach=reaches, shift=shifts)
def test_cells_lie_within_and_none_is_missing(reach: Reach, shift: float) -> None:
    cells = Lattice.within(reach, STEP_MM, shift)
    for (start, stop), step, first, size in zip(
        reach, STEP_MM, cells.first, cells.shape, strict=True
    ):
        centre = (np.arange(first - 1, first + size + 1) + 0.5 + shift) * step
        inside = (centre > start) & (centre < stop)
        if inside.any():
            slack = (np.abs(centre - start) < 1e-3) | (np.abs(centre - stop) < 1e-3)
            assert (slack | (inside == ([False] + [True] * size + [False]))).all()
        else:
            assert size == 1


@given(reach=reaches, shift=shifts, cells=st.tuples(*[st.integers(-50, 50)] * 3))
def test_a_move_by_whole_cells_changes_only_their_numbers(
    reach: Reach, shift: float, cells: tuple[int, int, int]
) -> None:
    moved = [
        (start + n * step, stop + n * step)
        for (start, stop), n, step in zip(reach, cells, STEP_MM, strict=True)
    ]
    here = Lattice.within(reach, STEP_MM, shift)
    there = Lattice.within((moved[0], moved[1], moved[2]), STEP_MM, shift)
    assert np.abs(np.array(there.shape) - here.shape).max() <= 1  # an end may fall on a centre
    assert np.abs(np.array(there.first) - here.first - cells).max() <= 1


@given(reach=reaches, shift=shifts)
def test_a_part_lies_where_its_cells_lay(reach: Reach, shift: float) -> None:
    cells = Lattice.within(reach, STEP_MM, shift)
    box = slice(0, cells.shape[0]), slice(cells.shape[1] - 1, cells.shape[1]), slice(0, 1)
    part = cells.part(box)
    assert part.shape == (cells.shape[0], 1, 1)
    np.testing.assert_allclose(part.reach, cells.reach_of(box), atol=1e-9)


@given(reach=reaches, shift=shifts)
def test_spans_of_its_own_reach_are_all_its_cells(reach: Reach, shift: float) -> None:
    cells = Lattice.within(reach, STEP_MM, shift)
    np.testing.assert_allclose(cells.spans(cells.reach), [(0, n) for n in cells.shape], atol=1e-9)


@given(reach=reaches, shift=shifts)
def test_the_cells_of_a_reach_are_those_it_touches(reach: Reach, shift: float) -> None:
    cells = Lattice.within(reach, STEP_MM, shift)
    z, y, x = (slice(0, n) for n in cells.shape)
    assert cells.box_of(cells.reach_of((z, y, x))) == (z, y, x)


def test_a_reach_beside_the_cells_has_none() -> None:
    cells = Lattice.within(((0.0, 20.0), (0.0, 15.0), (0.0, 30.0)), STEP_MM)
    for far in (-50.0, 50.0):
        box = cells.box_of(((far, far + 5.0), (0.0, 15.0), (0.0, 30.0)))
        assert box[0].stop <= box[0].start
