"""What a user says is to be taken: `right`, `5,6`, `T1`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lvt_track.errors import UsageError
from lvt_track.planning.resection.remnant import LEFT, RIGHT

__all__ = ["Resection", "mask_resection", "read_resection", "wedge_resection"]

_REMEDY = "Say for example --resect 5,6,7,8, --resect right, --resect left,T2 or --wedge T1"


@dataclass(frozen=True)
class Resection:
    """One plan; its parts are taken together.

    Attributes:
        name: in tables.
        segments: that are taken.
        tracks: tumours taken with a margin around them.
        margin_mm: of those.
        mask: a file of what is taken; None for none.
    """

    name: str
    segments: tuple[int, ...] = ()
    tracks: tuple[int, ...] = ()
    margin_mm: float = 10.0
    mask: Path | None = None


def read_resection(text: str, margin_mm: float) -> Resection:
    """Understand `--resect`.

    Raises:
        UsageError: when a part is no segment, side or tumour.
    """
    segments: list[int] = []
    tracks: list[int] = []
    for part in (p.strip().lower() for p in text.split(",")):
        if part in ("right", "left"):
            segments += RIGHT if part == "right" else LEFT
        elif part.isdigit() and 1 <= int(part) <= 8:
            segments.append(int(part))
        elif part.startswith("t") and part[1:].isdigit():
            tracks.append(int(part[1:]))
        else:
            raise UsageError(
                f"{part!r} is no segment (1 to 8), side (right, left) or tumour (T1)",
                remedy=_REMEDY,
            )
    _check_margin(margin_mm)
    taken = tuple(dict.fromkeys(segments))
    return Resection(text.replace(" ", ""), taken, tuple(dict.fromkeys(tracks)), margin_mm)


def wedge_resection(text: str, margin_mm: float) -> Resection:
    """Understand `--wedge`: one tumour or several.

    Raises:
        UsageError: when a part is no tumour, or the margin no length.
    """
    plan = read_resection(text, margin_mm)
    if plan.segments or not plan.tracks:
        raise UsageError(f"{text!r} is no tumour", remedy="Say for example --wedge T1 or T1,T3")
    return Resection(f"wedge {plan.name}", (), plan.tracks, margin_mm)


def mask_resection(path: Path) -> Resection:
    """A resection drawn by hand."""
    return Resection(f"mask {path.name}", mask=path)


def _check_margin(margin_mm: float) -> None:
    if not 0 <= margin_mm <= 100:
        raise UsageError(f"a margin is 0 to 100 mm, not {margin_mm:g}")
