from __future__ import annotations

from pathlib import Path

from lvt_track.core.series import Phase, Series
from lvt_track.io.tracked_series import choose_tracked


def series(phase: Phase, spacing_mm: float = 5.0, slices: int = 50, masks: int = 0) -> Series:
    return Series(
        files=(Path("a"),),
        uid=f"{phase}{spacing_mm}",
        description="",
        phase=phase,
        shape=(slices, 512, 512),
        spacing_mm=(spacing_mm, 0.7, 0.7),
        slice_thickness_mm=spacing_mm,
        is_dicom=True,
        masks=dict.fromkeys(("liver", "tumors")[:masks], Path("m")),
    )


NATIVE, ARTERIAL, PORTAL, DELAYED = (
    series(phase) for phase in (Phase.NATIVE, Phase.ARTERIAL, Phase.PORTAL, Phase.DELAYED)
)


def chosen(*visits: list[Series]) -> list[Series]:
    return [visit[k] for visit, k in zip(visits, choose_tracked(visits), strict=True)]


def test_portal_first() -> None:
    assert chosen([NATIVE, PORTAL, DELAYED], [ARTERIAL, PORTAL]) == [PORTAL, PORTAL]


def test_the_same_phase_where_there_is_no_portal() -> None:
    assert chosen([NATIVE, ARTERIAL], [NATIVE], [NATIVE, DELAYED]) == [NATIVE] * 3


def test_portal_even_where_others_have_none() -> None:
    assert chosen([ARTERIAL, PORTAL], [ARTERIAL]) == [PORTAL, ARTERIAL]


def test_thinner_slices_break_a_tie() -> None:
    thin = series(Phase.PORTAL, 1.5, 166)
    assert chosen([PORTAL, thin]) == [thin]


def test_thin_slices_of_a_part_do_not_win() -> None:
    part = series(Phase.PORTAL, 1.0, 60)
    assert chosen([part, PORTAL]) == [PORTAL]


def test_a_series_with_masks_goes_first() -> None:
    drawn = series(Phase.ARTERIAL, masks=2)
    assert chosen([PORTAL, drawn]) == [drawn]


def test_a_whole_liver_in_another_phase_goes_before_a_part_of_one() -> None:
    part = series(Phase.PORTAL, slices=12)
    assert chosen([ARTERIAL, part]) == [ARTERIAL]
    assert chosen([part, series(Phase.NATIVE, slices=13)]) == [part]
    low = series(Phase.PORTAL, slices=26)
    assert chosen([series(Phase.ARTERIAL, slices=120), low]) == [low]
