"""The pages of looking back: where tumours that were found later lie in the scans before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from lvt_track.core.course import Course, KeyImage, LookBack, Visibility
from lvt_track.core.records import Point
from lvt_track.core.volume import LabelArray, Volume
from lvt_track.lesions.lookback import VISIBLE_RATE
from lvt_track.report.content import Images, by_track_and_visit
from lvt_track.report.drawing.key_images import key_image, width_for
from lvt_track.report.drawing.panels import draw_key_image
from lvt_track.report.drawing.style import (
    ACCENT,
    ALARM,
    BODY_PT,
    INK,
    MUTED,
    NOTICE,
    SMALL_PT,
    SMALLEST_PT,
)
from lvt_track.report.pages.flow import Drawing, draw_heading, heading_height_mm
from lvt_track.report.pages.sections import chunks
from lvt_track.report.pages.typesetting import BOTTOM_MM, LEFT_MM, TEXT_MM, TOP_MM, Page
from lvt_track.report.timelines import MOST_PICTURED_TRACKS
from lvt_track.report.wording import typeset

__all__ = ["LookPanel", "lookback_images", "lookback_note", "lookback_pages", "lookback_rows"]


_WIDTH_MM = 60.0
_MOST_EARLIER = 4
_NAME_MM = 12.0
_GAP_MM = 2.5
_HEAD_MM = 4.5
_CAPTION_MM = 22.0
_SIDE_MM = (TEXT_MM - _NAME_MM) / (_MOST_EARLIER + 1) - _GAP_MM
_ROW_MM = _HEAD_MM + _SIDE_MM + _CAPTION_MM
_COLORS = {
    Visibility.VISIBLE: ALARM,
    Visibility.DOUBTFUL: ACCENT,
    Visibility.NOT_VISIBLE: MUTED,
    Visibility.NOT_COVERED: MUTED,
}


@dataclass(frozen=True)
class LookPanel:
    """One picture of a tumour's row: a scan before it was found, or the one that found it.

    Attributes:
        track, visit: of the picture.
        title: the verdict, or `found`.
        color: of the title.
        lines: what is said below it.
    """

    track: int
    visit: int
    title: str
    color: str
    lines: tuple[str, ...]


def lookback_images(
    course: Course, visit: int, volume: Volume, labels: LabelArray
) -> tuple[KeyImage, ...]:
    """Pictures of one visit for these pages: places of later tumours, and tumours first found.

    Args:
        course: with its looks back.
        visit: index of the visit.
        volume: its CT or a part of it.
        labels: its lesion labels (z, y, x).
    """
    images = []
    for looks in _shown(course):
        first = looks[0]
        found: Point | None = next(
            (look.place_mm for look in _pictured(looks) if look.visit == visit), None
        )
        lesion = course.lesion(first.lesion)
        target = lesion if lesion.visit == visit else found
        if target is not None:
            images.append(
                key_image(
                    volume,
                    labels,
                    target,
                    track=first.track,
                    visit=visit,
                    width_mm=width_for([lesion], _WIDTH_MM),
                )
            )
    return tuple(images)


def lookback_rows(course: Course) -> list[tuple[LookPanel, ...]]:
    """The pictures of every tumour that has any: the last scans before, then the one it is in."""
    return [
        (
            *(
                LookPanel(
                    look.track, look.visit, look.verdict.value, _COLORS[look.verdict], _lines(look)
                )
                for look in _pictured(looks)
            ),
            LookPanel(
                looks[0].track, looks[0].lesion[0], "found", INK, _conclusion(course, looks[0])
            ),
        )
        for looks in _shown(course)
    ]


def lookback_pages(course: Course, pictures: Sequence[KeyImage]) -> list[Drawing]:
    """Plan the pages; none where every tumour was there from the first visit on."""
    panels = lookback_rows(course)
    if not panels:
        return []
    images = by_track_and_visit(pictures)
    note = lookback_note(course)
    room = BOTTOM_MM - TOP_MM - heading_height_mm(note)
    return [
        partial(_draw, course=course, images=images, rows=[panels[i] for i in rows], note=note)
        for rows in chunks(len(panels), max(1, int(room // _ROW_MM)))
    ]


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


def lookback_note(course: Course) -> str:
    """What the verdicts mean, and how many of them chance alone would give."""
    judged = [x for x in course.lookbacks if x.verdict is not Visibility.NOT_COVERED]
    expected = VISIBLE_RATE * len(judged)
    rate = f"{100 * VISIBLE_RATE:.0f} %"
    left_out = len(_by_track(course)) - len(_shown(course))
    note = (
        "Tumours that the first visit does not show, and their place (dashed ring) in the scans "
        f"before they were found. Visible means: at most {rate} of the control places "
        "look as much like a lesion. These are random places of the same liver in the same scan, "
        "as far from its edge and from vessels, and searched in the same way. The false alarm "
        f"rate is therefore {rate}: where there is nothing, {expected:.2g} of the "
        f"{len(judged)} looks at this patient would be called visible by chance alone. Do not "
        "expect much: in one series of 88 liver metastases the scan before showed 15 %."
    )
    if left_out:
        note += f" {left_out} more tumours are in lookback.csv."
    return note


def _draw(
    page: Page,
    course: Course,
    images: Images,
    rows: Sequence[Sequence[LookPanel]],
    note: str,
) -> None:
    top = draw_heading(page, TOP_MM, "Looking back", note)
    for panels in rows:
        name = f"T{panels[0].track}"
        page.text(LEFT_MM, top + _HEAD_MM + 3.5, name, size_pt=BODY_PT + 1.0, is_bold=True)
        for column, panel in enumerate(panels):
            x = LEFT_MM + _NAME_MM + column * (_SIDE_MM + _GAP_MM)
            _draw_panel(page, x, top, course, images, panel)
        top += _ROW_MM


def _draw_panel(
    page: Page, x: float, top: float, course: Course, images: Images, panel: LookPanel
) -> None:
    name = course.visits[panel.visit].visit.name
    page.text(x, top + 3.2, name, size_pt=SMALL_PT, is_bold=True)
    image = images.get((panel.track, panel.visit))
    if image is None:
        page.box(x, top + _HEAD_MM, _SIDE_MM, _SIDE_MM, NOTICE)
    else:
        draw_key_image(page.axes(x, top + _HEAD_MM, _SIDE_MM, _SIDE_MM), image)
    y = top + _HEAD_MM + _SIDE_MM + 0.6
    y = page.paragraph(
        x, y, _SIDE_MM, panel.title, size_pt=SMALL_PT, color=panel.color, is_bold=True
    )
    for line in panel.lines:
        y = page.paragraph(x, y, _SIDE_MM + _GAP_MM - 0.5, line, size_pt=SMALLEST_PT - 0.5)


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
        own = [x for x in course.lookbacks if x.track == look.track]
        is_covered = any(x.verdict is not Visibility.NOT_COVERED for x in own)
        return axes, "not seen earlier" if is_covered else "no earlier scan covers the place"
    return axes, f"could have been seen {first.days_earlier} days earlier"
