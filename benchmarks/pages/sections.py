"""Pages of which every command makes a section of its own."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

__all__ = ["write_section"]


def write_section(
    page: Path, title: str, text: str, *, heading: str = "", order: Sequence[str] = ()
) -> None:
    """Put a section into a page, in the place of an older one of that title.

    Args:
        page: Markdown; made where it does not exist.
        title: of the section.
        text: what stands below the title.
        heading: of a page that is made, a line without marks.
        order: of all sections; without it a new one comes last.
    """
    whole = page.read_text(encoding="utf-8") if page.exists() else f"# {heading}\n"
    head, *parts = re.split(r"^## ", whole, flags=re.MULTILINE)
    sections = {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in parts}
    sections[title] = text.strip()
    names = [name for name in order if name in sections] or list(sections)
    blocks = [head.strip(), *(f"## {name}\n\n{sections[name]}" for name in names)]
    page.write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
