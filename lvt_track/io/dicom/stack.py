"""Slices to a volume's grid: order, spacing, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lvt_track.core.geometry import FloatArray, Geometry
from lvt_track.errors import InputError
from lvt_track.io.dicom.header import SliceHeader

__all__ = [
    "SAME_PLACE_MM",
    "SPACING_TOLERANCE",
    "NotAVolumeError",
    "SlicesMissingError",
    "Stack",
    "stack_slices",
]

SAME_PLACE_MM = 0.01
"""Positions are written with 3 to 6 decimals; closer than this is the same place."""

SPACING_TOLERANCE = 1e-3
"""Pixel spacings of one volume agree to this share: writers differ in the last digits."""

# A slice this far from its place in a regular stack is reported, and beyond the limit refused.
_JITTER_REPORTED = 0.02
_JITTER_LIMIT = 0.10
_ORTHONORMAL_TOLERANCE = 1e-3
_ROUNDING_MM = 0.51
_EXPORT_AGAIN = "Export the whole series again"
_PLACES_NAMED = 4


class NotAVolumeError(InputError):
    """The slices are whole, but were not made to form one regular volume."""


class SlicesMissingError(InputError):
    """The slices form a regular volume but for gaps in it."""


@dataclass(frozen=True)
class Stack:
    """Slices of one volume in order.

    Attributes:
        headers: one per slice, along the slice normal.
        geometry: the volume's grid.
        warnings: what is odd, but does not forbid reading.
    """

    headers: tuple[SliceHeader, ...]
    geometry: Geometry
    warnings: tuple[str, ...]

    @property
    def slice_thickness_mm(self) -> float:
        """As the header states it, else the distance of slices."""
        return self.headers[0].slice_thickness_mm or self.geometry.spacing_mm[0]


def stack_slices(headers: Sequence[SliceHeader]) -> Stack:
    """Put slices of equal size and orientation in order and check that they form a volume.

    Args:
        headers: headers of one series, in any order.

    Raises:
        InputError: when they do not: no positions, one slice, slices missing or doubled, mixed
            spacing, a tilted gantry, a file cut short.
    """
    _check_each(headers)
    at_zero = [h for h in headers if h.position_mm is not None and not h.position_mm.any()]
    try:
        return _stack(headers, ())
    except InputError:
        # Some exporters leave the position of a single file at zero.
        if len(at_zero) != 1 or len(headers) < 3:
            raise
        rest = [h for h in headers if h is not at_zero[0]]
        return _stack(rest, (f"{at_zero[0].path.name} has no position (0, 0, 0) and is left out",))


def _check_each(headers: Sequence[SliceHeader]) -> None:
    folder = headers[0].folder
    for header in headers:
        if header.fault:
            raise InputError(header.fault, path=header.path, remedy="Copy or export the file again")
    unplaced = [h for h in headers if h.position_mm is None or h.orientation is None]
    if unplaced:
        raise InputError(
            f"{len(unplaced)} of {len(headers)} slices have no position or orientation",
            path=folder,
            remedy=_EXPORT_AGAIN,
        )
    if any(h.pixel_spacing_mm is None or min(h.pixel_spacing_mm) <= 0 for h in headers):
        raise InputError("slices without pixel spacing", path=folder, remedy=_EXPORT_AGAIN)
    spacings = np.array([h.pixel_spacing_mm for h in headers])
    is_one_size = len({(h.rows, h.columns) for h in headers}) == 1
    if not is_one_size or np.ptp(spacings, axis=0).max() > SPACING_TOLERANCE * spacings.min():
        raise NotAVolumeError("slices of different sizes or pixel spacings", path=folder)
    if len(headers) < 2:
        raise NotAVolumeError(
            "one slice only, not a volume", path=headers[0].path, remedy="Give the whole series"
        )


def _stack(headers: Sequence[SliceHeader], warnings: tuple[str, ...]) -> Stack:
    folder = headers[0].folder
    axes = _axes(headers)
    positions = np.array([h.position_mm for h in headers])
    along, rounding = _exact_heights(headers, positions @ axes[:, 2])
    warnings += rounding
    order = np.argsort(along, kind="stable")
    ordered = tuple(headers[i] for i in order)
    positions, along = positions[order], along[order]
    steps = np.diff(along)
    _check_doubles(ordered, positions, steps)
    step = float(np.median(steps))
    multiples = np.rint(steps / step)
    gaps = np.flatnonzero(multiples > 1)
    # Whole multiples of the step are gaps; other distances were never one volume.
    if len(gaps) and np.abs(steps - multiples * step).max() <= _JITTER_LIMIT * step:
        missing = int((multiples[gaps] - 1).sum())
        raise SlicesMissingError(
            f"about {missing} slices are missing, after {_places(positions[gaps])}",
            path=folder,
            remedy=_EXPORT_AGAIN,
        )
    regular = np.linspace(along[0], along[-1], len(along))
    jitter = float(np.abs(along - regular).max())
    spacing = float(along[-1] - along[0]) / (len(along) - 1)
    # Positions are decimal text; their differences should not carry its last digits.
    spacing = round(spacing, 6)
    if jitter > _JITTER_LIMIT * spacing and jitter > SAME_PLACE_MM:
        raise NotAVolumeError(
            f"slices are {steps.min():.2f} to {steps.max():.2f} mm apart (mixed spacing)",
            path=folder,
            remedy="Give a reconstruction with one slice distance",
        )
    if jitter > _JITTER_REPORTED * spacing and jitter > SAME_PLACE_MM:
        warnings += (f"slices lie up to {jitter:.2f} mm beside their place",)
    _check_straight(ordered, positions, axes[:, 2], along)
    first = positions[0]
    row_mm, column_mm = np.median([h.pixel_spacing_mm for h in ordered], axis=0)
    geometry = Geometry(
        (len(ordered), ordered[0].rows, ordered[0].columns),
        (spacing, float(row_mm), float(column_mm)),
        (float(first[0]), float(first[1]), float(first[2])),
        axes,
    )
    return Stack(ordered, geometry, warnings + _remarks(ordered, spacing))


def _axes(headers: Sequence[SliceHeader]) -> FloatArray:
    """3 x 3 direction, columns x, y, z of the array."""
    orientations = np.array([h.orientation for h in headers])
    row, column = orientations[0]
    if np.abs(orientations - orientations[0]).max() > _ORTHONORMAL_TOLERANCE:
        raise NotAVolumeError("slices of different orientations", path=headers[0].folder)
    axes = np.column_stack([row, column, np.cross(row, column)]) + 0.0
    if not np.allclose(axes.T @ axes, np.eye(3), atol=_ORTHONORMAL_TOLERANCE):
        raise InputError(
            f"impossible orientation ({', '.join(f'{v:g}' for v in orientations[0].ravel())})",
            path=headers[0].path,
            remedy=_EXPORT_AGAIN,
        )
    return axes


def _exact_heights(
    headers: Sequence[SliceHeader], along: FloatArray
) -> tuple[FloatArray, tuple[str, ...]]:
    """Heights of slices; those of SliceLocation where positions were rounded to whole mm."""
    if len(headers) < 3 or np.abs(along - np.rint(along)).max() > 1e-6:
        return along, ()
    for located in _stated_heights(headers, along):
        steps = np.diff(np.sort(located))
        is_even = np.ptp(steps) < SAME_PLACE_MM and steps.min() > SAME_PLACE_MM
        off = np.abs(along - located).max()
        if is_even and SAME_PLACE_MM < off <= _ROUNDING_MM:
            text = "positions are rounded to whole millimetres; the exact slice distance was taken"
            return located, (text,)
    return along, ()


def _stated_heights(headers: Sequence[SliceHeader], along: FloatArray) -> Iterator[FloatArray]:
    """Heights by SliceLocation, and by counting slices in steps of SpacingBetweenSlices."""
    locations = np.array([np.nan if h.location_mm is None else h.location_mm for h in headers])
    candidates = [locations, -locations]
    between = headers[0].spacing_between_mm
    numbers = np.array([h.instance_number for h in headers], dtype=np.float64)
    if between:
        candidates += [numbers * abs(between), -numbers * abs(between)]
    for heights in candidates:
        if np.isfinite(heights).all():
            # Rounded halves go up or to the even: the middle of the deviations is the shift.
            off = along - heights
            yield heights + (off.max() + off.min()) / 2


def _check_doubles(
    headers: Sequence[SliceHeader], positions: FloatArray, steps: FloatArray
) -> None:
    double = np.flatnonzero(steps < SAME_PLACE_MM)
    if not len(double):
        return
    if len(double) == len(steps):
        what = f"all {len(headers)} slices have the same position"
        if not positions.any():
            what = f"the positions of all {len(headers)} slices are zero"
        raise NotAVolumeError(what, path=headers[0].folder, remedy=_EXPORT_AGAIN)
    names = f"{headers[double[0]].path.name} and {headers[double[0] + 1].path.name}"
    raise NotAVolumeError(
        f"{len(double)} places have more than one slice, such as {names}",
        path=headers[0].folder,
        remedy="Give one reconstruction of one acquisition per series",
    )


def _check_straight(
    headers: Sequence[SliceHeader], positions: FloatArray, normal: FloatArray, along: FloatArray
) -> None:
    """Every slice right above the first, which a tilted gantry or a moved table breaks."""
    offset = positions - positions[0]
    lateral = offset - np.outer(along - along[0], normal)
    drift = float(np.linalg.norm(lateral, axis=1).max())
    pixel = min(headers[0].pixel_spacing_mm or (0.0,))
    if drift <= 0.5 * pixel:
        return
    slope = lateral[-1] / (along[-1] - along[0])
    if np.abs(lateral - np.outer(along - along[0], slope)).max() <= 0.5 * pixel:
        angle = float(np.degrees(np.arctan(np.linalg.norm(slope))))
        raise NotAVolumeError(
            f"the gantry was tilted by {angle:.1f}°, so the slices form a sheared block: "
            "run dcm2niix on it and give its NAME_Tilt_1.nii.gz instead",
            path=headers[0].folder,
        )
    raise NotAVolumeError(
        f"slices are shifted against each other by up to {drift:.1f} mm",
        path=headers[0].folder,
        remedy="Give one reconstruction of one acquisition per series",
    )


def _remarks(headers: Sequence[SliceHeader], spacing_mm: float) -> tuple[str, ...]:
    remarks = []
    thickness = headers[0].slice_thickness_mm
    if thickness is not None and spacing_mm > 1.2 * thickness:
        remarks.append(
            f"slices of {thickness:g} mm lie {spacing_mm:g} mm apart: tissue between is unseen"
        )
    frames = {header.frame_of_reference for header in headers} - {""}
    if 1 < len(frames) < len(headers):
        remarks.append(f"slices of {len(frames)} frames of reference: their places may not compare")
    lossy = next((h.lossy for h in headers if h.lossy), "")
    if lossy:
        remarks.append(f"compressed with loss{lossy}: small lesions may be blurred or made up")
    if any(h.rescale[0] == 0 for h in headers):
        remarks.append("a rescale slope of 0, which cannot be: taken as 1")
    if not all(h.has_rescale for h in headers):
        remarks.append("no rescale slope and intercept in the header: taken as 1 and 0")
    return tuple(remarks)


def _places(positions: FloatArray) -> str:
    named = ", ".join(f"z = {z:.1f} mm" for z in positions[:_PLACES_NAMED, 2])
    return named + (", …" if len(positions) > _PLACES_NAMED else "")
