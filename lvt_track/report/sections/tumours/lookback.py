"""Section: looking back: where tumours that were found later lie in the scans before."""

from __future__ import annotations

from collections.abc import Sequence

from lvt_track.core.course import Course, KeyImage, LookBack, Visibility
from lvt_track.core.lesion.caliper import Point
from lvt_track.lesions.lookback.controls import FEWEST_CONTROLS
from lvt_track.lesions.lookback.search import LEAST_CONTRAST_HU, VISIBLE_RATE
from lvt_track.report.blocks import Block, Panel, PictureRow, Pictures, Text
from lvt_track.report.content import Images, ReportContent, by_track_and_visit
from lvt_track.report.drawing.key_images import LabelledVolume, Subject, key_image, width_for
from lvt_track.report.drawing.style import ACCENT, ALARM, INK, MUTED
from lvt_track.report.timelines import MOST_PICTURED_TRACKS
from lvt_track.report.wording import typeset

__all__ = ["lookback_images", "looking_back"]


_WIDTH_MM = 60.0
_MOST_EARLIER = 4
_COLORS = {
    Visibility.VISIBLE: ALARM,
    Visibility.DOUBTFUL: ACCENT,
    Visibility.NOT_VISIBLE: MUTED,
    Visibility.NOT_COVERED: MUTED,
}


def lookback_images(course: Course, visit: int, scan: LabelledVolume) -> tuple[KeyImage, ...]:
    """Pictures of one visit for this section: places of later tumours, and tumours first found.

    Args:
        course: with its looks back.
        visit: index of the visit.
        scan: its CT or a part of it, with its lesions.
    """
    images = []
    for looks in _shown(course):
        first = looks[0]
        place: Point | None = next(
            (look.place_mm for look in _pictured(looks) if look.visit == visit), None
        )
        lesion = course.lesion(first.lesion)
        target = lesion if lesion.visit == visit else place
        if target is not None:
            width_mm = width_for([lesion], _WIDTH_MM)
            subject = Subject(first.track, visit, width_mm=width_mm)
            images.append(key_image(scan, target, subject))
    return tuple(images)


def looking_back(content: ReportContent) -> Sequence[Block]:
    """The last scans before each tumour was found, then the one it is in; nothing where all
    tumours were there from the first visit on."""
    course = content.course
    images = by_track_and_visit(content.looks)
    rows = tuple(
        PictureRow(f"T{looks[0].track}", "", _panels(course, looks, images))
        for looks in _shown(course)
    )
    return [Text(_note(course), tells_window=True), Pictures(rows)] if rows else []


def _panels(course: Course, looks: Sequence[LookBack], images: Images) -> tuple[Panel, ...]:
    first = looks[0]

    def panel(visit: int, title: str, color: str, lines: tuple[str, ...]) -> Panel:
        image = images.get((first.track, visit))
        name = course.visits[visit].visit.name
        return Panel(name, image, title=title, color=color, lines=lines)

    before = (
        panel(look.visit, look.verdict.value, _COLORS[look.verdict], _lines(look))
        for look in _pictured(looks)
    )
    return (*before, panel(first.lesion[0], "found", INK, _conclusion(course, first)))


def _by_track(course: Course) -> list[tuple[LookBack, ...]]:
    tracks = dict.fromkeys(look.track for look in course.lookbacks)
    return [tuple(look for look in course.lookbacks if look.track == track) for track in tracks]


def _shown(course: Course) -> list[tuple[LookBack, ...]]:
    """The looks of each tumour that has a picture, in order of number; visible ones come first."""
    ranked = sorted(
        _by_track(course), key=lambda looks: all(x.verdict is not Visibility.VISIBLE for x in looks)
    )
    return sorted(ranked[:MOST_PICTURED_TRACKS], key=lambda looks: looks[0].track)


def _pictured(looks: Sequence[LookBack]) -> list[LookBack]:
    """The last scans before detection, by date."""
    return sorted(looks, key=lambda look: look.visit)[-_MOST_EARLIER:]


def _note(course: Course) -> str:
    """What the verdicts mean, and how many of them chance alone would give."""
    judged = [x for x in course.lookbacks if x.verdict is not Visibility.NOT_COVERED]
    expected = VISIBLE_RATE * len(judged)
    rate = f"{100 * VISIBLE_RATE:.0f} %"
    left_out = len(_by_track(course)) - len(_shown(course))
    note = (
        "Tumours that the first visit does not show, and their place (dashed ring) in the scans "
        f"before they were found. Visible means: at most {rate} of the control places "
        f"look as much like a lesion, there are {FEWEST_CONTROLS} of them or more, and the spot "
        f"has the sign of the lesion's contrast and {LEAST_CONTRAST_HU:.0f} HU of it or more; "
        "where one of these is missing it is doubtful, and the reason says which. Control places "
        "are random places of the same liver in the same scan, "
        "as far from its edge and from vessels, and searched in the same way. The false alarm "
        f"rate is therefore {rate}: where there is nothing, {expected:.2g} of the "
        f"{len(judged)} looks at this patient would be called visible by chance alone. Do not "
        "expect much: in one series of 88 liver metastases the scan before showed 15 %."
    )
    if left_out:
        note += f" {left_out} more tumours are in lookback.csv."
    return note


def _lines(look: LookBack) -> tuple[str, ...]:
    before = f"{look.days_earlier} days before"
    if look.contrast_hu is None or look.cnr is None or look.false_alarm_rate is None:
        return before, look.reason
    contrast = f"{round(look.contrast_hu):+d}" if round(look.contrast_hu) else "0"
    numbers = typeset(f"{contrast} HU, {abs(look.cnr):.1f} × noise")
    lines = [before, numbers, f"controls like it: {100 * look.false_alarm_rate:.1f} %"]
    if look.probability is not None:
        lines.append(f"model: {100 * look.probability:.0f} %")
    if look.verdict is Visibility.VISIBLE and look.size_mm is not None:
        lines.append(f"about {look.size_mm:.0f} mm")
    return tuple(lines)


def _conclusion(course: Course, look: LookBack) -> tuple[str, ...]:
    size = course.lesion(look.lesion).measurement
    axes = f"{size.long_axis.length_mm:.1f} × {size.short_axis.length_mm:.1f} mm"
    first = course.first_visible(look.track)
    if first is None:
        of_track = [x for x in course.lookbacks if x.track == look.track]
        is_covered = any(x.verdict is not Visibility.NOT_COVERED for x in of_track)
        return axes, "not seen earlier" if is_covered else "no earlier scan covers the place"
    return axes, f"could have been seen {first.days_earlier} days earlier"
