"""Section: key images, a row for each tumour, a picture for each visit."""

from __future__ import annotations

from collections.abc import Sequence

from lvt_track.core.course import KeyImage
from lvt_track.report.blocks import Block, Panel, PictureRow, Pictures, Text
from lvt_track.report.content import Images, ReportContent, by_track_and_visit
from lvt_track.report.timelines import Presence, Timeline, pictured_tracks, timelines
from lvt_track.report.wording import state_name, typeset

__all__ = ["key_images"]

_MISSING = {Presence.NOT_YET: "not seen yet", Presence.NOT_SEEN: "not seen"}


def key_images(content: ReportContent) -> Sequence[Block]:
    """The pictured tumours; nothing without any picture."""
    course = content.course
    images = by_track_and_visit(content.key_images)
    chosen = set(pictured_tracks(course)) if images else set()
    lines = [line for line in timelines(course) if line.track.number in chosen]
    if not lines:
        return []
    rows = tuple(
        PictureRow(
            line.name, state_name(content.course, line.track.state), _panels(content, line, images)
        )
        for line in lines
    )
    note = Text(_note(len(course.tracks) - len(lines)), tells_window=True)
    return [note, Pictures(rows)]


def _panels(content: ReportContent, line: Timeline, images: Images) -> tuple[Panel, ...]:
    panels = []
    for visit, findings in enumerate(content.course.visits):
        image = images.get((line.track.number, visit))
        missing = _MISSING.get(line.sightings[visit].presence, "no image")
        lines = (image.caption, *_slice(content, image)) if image else ()
        panels.append(Panel(findings.visit.name, image, missing, lines=lines))
    return tuple(panels)


def _slice(content: ReportContent, image: KeyImage) -> tuple[str, ...]:
    """Where another viewer shows the slice: its position, and its InstanceNumber if it has one."""
    if image.slice_index is None:
        return ()
    geometry = content.course.visits[image.visit].geometry
    _, rows, columns = geometry.shape
    middle = geometry.to_world((image.slice_index, (rows - 1) / 2, (columns - 1) / 2))
    place = typeset(f"z {round(float(middle[2]), 1) + 0.0:.1f} mm")
    numbers = content.slice_numbers.get(image.visit)
    return (f"{place}, image {numbers[image.slice_index]}" if numbers else place,)


def _note(left_out: int) -> str:
    """How to read the key images, and how many tumours have none."""
    note = (
        "Yellow: this tumour; blue: other tumours; red: long axis; green: short axis; dashed ring: "
        "where a tumour that is not seen would be. "
        "R: the patient's right."
    )
    if left_out:
        note += (
            f" Without a picture here: the smallest, least changing tumours ({left_out}); the "
            "interactive page shows all."
        )
    return note
