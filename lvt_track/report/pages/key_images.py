"""The pages of key images: a row for each tumour, a column for each visit."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from lvt_track.core.course import Course, KeyImage
from lvt_track.report.content import Images, by_track_and_visit
from lvt_track.report.drawing.panels import WINDOW_LEVEL_HU, WINDOW_WIDTH_HU, draw_key_image
from lvt_track.report.drawing.style import BODY_PT, MUTED, NOTICE, SMALL_PT, SMALLEST_PT
from lvt_track.report.pages.flow import Drawing, draw_heading
from lvt_track.report.pages.sections import chunks
from lvt_track.report.pages.typesetting import BOTTOM_MM, LEFT_MM, TEXT_MM, TOP_MM, Page
from lvt_track.report.timelines import Presence, Timeline, pictured_tracks, timelines
from lvt_track.report.wording import STATE_NAMES

__all__ = ["image_pages", "images_note", "missing_reason"]

_MOST_COLUMNS = 5
_GAP_MM = 2.0
_NAME_MM = 20.0
_CAPTION_MM = 8.0
_LARGEST_MM = 44.0
_HEAD_MM = 7.0
_GRID_TOP_MM = TOP_MM + 17.0


def image_pages(course: Course, key_images: Sequence[KeyImage]) -> list[Drawing]:
    """Plan the pages of key images; none without any image or any track."""
    chosen = set(pictured_tracks(course))
    lines = [line for line in timelines(course) if line.track.number in chosen]
    images = by_track_and_visit(key_images)
    if not lines or not images:
        return []
    left_out = len(course.tracks) - len(lines)
    drawings: list[Drawing] = []
    visit_parts = chunks(len(course.visits), _MOST_COLUMNS)
    widest = max(len(visits) for visits in visit_parts)
    side = min((TEXT_MM - _NAME_MM) / widest - _GAP_MM, _LARGEST_MM)
    # Rather a little smaller than the width allows than a page that is not filled.
    room = BOTTOM_MM - _GRID_TOP_MM - _HEAD_MM
    most_rows = round(room / (side + _CAPTION_MM))
    side = min(side, room / most_rows - _CAPTION_MM)
    for rows in chunks(len(lines), most_rows):
        drawings += [
            partial(
                _draw_images,
                course=course,
                images=images,
                lines=[lines[i] for i in rows],
                visits=visits,
                side=side,
                left_out=left_out,
            )
            for visits in visit_parts
        ]
    return drawings


def images_note(left_out: int) -> str:
    """How to read the key images, and how many tumours have none."""
    note = (
        "Yellow: this tumour; blue: other tumours; red: long axis; green: short axis; dashed ring: "
        "where a tumour that is not seen would be. "
        f"R: the patient's right. Level {WINDOW_LEVEL_HU:.0f} HU, width {WINDOW_WIDTH_HU:.0f} HU."
    )
    if left_out:
        note += f" The {left_out} smallest, least changing tumours are left out."
    return note


def missing_reason(presence: Presence) -> str:
    """Why there is no picture of a tumour at a visit."""
    reasons = {Presence.NOT_YET: "not seen yet", Presence.NOT_SEEN: "not seen"}
    return reasons.get(presence, "no image")


def _draw_images(
    page: Page,
    course: Course,
    images: Images,
    lines: Sequence[Timeline],
    visits: range,
    side: float,
    left_out: int,
) -> None:
    note = images_note(left_out)
    draw_heading(page, TOP_MM, "Key images", note)
    for column, visit in enumerate(visits):
        x = LEFT_MM + _NAME_MM + column * (side + _GAP_MM)
        name = course.visits[visit].visit.name
        page.text(x, _GRID_TOP_MM + 4.5, name, size_pt=SMALL_PT, is_bold=True)
    for row, line in enumerate(lines):
        top = _GRID_TOP_MM + _HEAD_MM + row * (side + _CAPTION_MM)
        page.text(LEFT_MM, top + 4.0, line.name, size_pt=BODY_PT + 1.0, is_bold=True)
        state = STATE_NAMES[line.track.state]
        page.paragraph(LEFT_MM, top + 5.5, _NAME_MM - 3.0, state, size_pt=SMALLEST_PT, color=MUTED)
        for column, visit in enumerate(visits):
            x = LEFT_MM + _NAME_MM + column * (side + _GAP_MM)
            image = images.get((line.track.number, visit))
            if image is None:
                _draw_missing(page, x, top, side, line.sightings[visit].presence)
            else:
                draw_key_image(page.axes(x, top, side, side), image)
                page.paragraph(
                    x, top + side + 0.6, side + _GAP_MM, image.caption, size_pt=SMALLEST_PT
                )


def _draw_missing(page: Page, x: float, top: float, side: float, presence: Presence) -> None:
    page.box(x, top, side, side, NOTICE)
    middle = top + side / 2.0 + 1.0
    page.text(
        x + side / 2.0,
        middle,
        missing_reason(presence),
        size_pt=SMALL_PT,
        color=MUTED,
        align="center",
    )
