"""Text tables: CSV in the ways that spreadsheets and people write it."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

from lvt_track.errors import InputError
from lvt_track.io.spreadsheets.lines import Lines

__all__ = ["decoded", "read_delimited", "unguarded"]

_DELIMITERS = ";\t,|"
_SEPARATOR_LINE = re.compile(r'\s*"?sep=(.)"?[^\n]*\r?\n', re.IGNORECASE)


def read_delimited(path: Path) -> list[Lines]:
    """The lines of a text table, once for each delimiter that its first lines hold.

    The one that stands there most often comes first; a line `sep=;`, as Excel writes it, decides.

    Raises:
        InputError: when it is no text, or no table.
        OSError: when it cannot be read.
    """
    text = decoded(path.read_bytes(), path)
    separator = _SEPARATOR_LINE.match(text)
    skipped = 0
    if separator:
        text, skipped = text[separator.end() :], 1
        delimiters = [separator[1]]
    else:
        header = next((line for line in text.splitlines() if line.strip()), "")
        top = "\n".join(text.splitlines()[:40])
        delimiters = sorted(
            (d for d in _DELIMITERS if d in top), key=lambda d: (-header.count(d), -top.count(d))
        )
    return [_split(path, text, delimiter, skipped) for delimiter in delimiters or [","]]


def decoded(raw: bytes, path: Path) -> str:
    """The text of a file: UTF-8, UTF-16 with its mark, else Windows' western letters.

    Raises:
        InputError: when it holds bytes that no text has.
    """
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return raw.decode("utf-16")
        except UnicodeDecodeError:
            raise InputError("not a text table", path=path, remedy="Save it as CSV") from None
    if b"\0" in raw:
        raise InputError("not a text table", path=path, remedy="Save it as CSV (UTF-8) or as .xlsx")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def unguarded(cell: str) -> str:
    """A cell without the quote that keeps spreadsheets from taking it for a formula."""
    return cell[1:] if re.match(r"'[=+\-@]", cell) else cell


def _split(path: Path, text: str, delimiter: str, skipped: int) -> Lines:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows = []
    try:
        for cells in reader:
            stripped = [unguarded(cell.strip()) for cell in cells]
            if any(stripped):
                rows.append((reader.line_num + skipped, stripped))
    except csv.Error as error:
        raise InputError(f"not a table ({error})", path=path) from error
    return Lines(rows, delimiter=delimiter)
