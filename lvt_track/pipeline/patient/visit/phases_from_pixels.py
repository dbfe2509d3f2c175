"""Contrast phases that headers and names do not say, told from the pixels."""

from __future__ import annotations

from dataclasses import replace

from lvt_track.core.series import Phase, Series
from lvt_track.errors import InputError
from lvt_track.io.discover import Discovery, read_scan
from lvt_track.io.tracked_series import choose_tracked
from lvt_track.io.visits import phase_warnings
from lvt_track.measure.phase_from_hu import phase_from_hu

__all__ = ["with_phases_from_pixels"]

# Brightness of organs needs no thin slices: of a DICOM series every so many are enough.
_SLICES_MM = 3.0


def with_phases_from_pixels(discovery: Discovery, *, of_choices_only: bool = False) -> Discovery:
    """What was found, with the phases that only pixels tell, and the series to follow by them.

    A phase that header or name says is never changed. A series that cannot be read, or whose phase
    cannot be told, stays as it is.

    Args:
        discovery: by headers alone.
        of_choices_only: leave visits of one series alone, where no choice rests on the phase.
    """
    series = [
        [
            _with_phase(one) if len(visit.series) > 1 or not of_choices_only else one
            for one in visit.series
        ]
        for visit in discovery.visits
    ]
    if all(tuple(new) == visit.series for new, visit in zip(series, discovery.visits, strict=True)):
        return discovery
    tracked = choose_tracked(series)
    visits = tuple(
        replace(visit, series=tuple(new), tracked=choice)
        for visit, new, choice in zip(discovery.visits, series, tracked, strict=True)
    )
    before = phase_warnings(discovery.visits)
    warnings = (text for text in discovery.warnings if text not in before)
    return replace(discovery, visits=visits, warnings=(*warnings, *phase_warnings(visits)))


def _with_phase(series: Series) -> Series:
    """A series with the phase of its pixels, where nothing else says it."""
    if series.phase is not Phase.UNKNOWN:
        return series
    try:
        reading = phase_from_hu(read_scan(_sparse(series)))
    except InputError:
        return series  # reading it in full says what is wrong, should it be needed
    if reading.phase is Phase.UNKNOWN:
        return series
    return replace(series, phase=reading.phase, phase_confidence=reading.confidence)


def _sparse(series: Series) -> Series:
    """As many of its slices as brightness needs."""
    step = max(1, round(_SLICES_MM / series.spacing_mm[0]))
    if not series.is_dicom or series.frames or len(series.files) // step < 2:
        return series
    return replace(series, files=series.files[::step])
