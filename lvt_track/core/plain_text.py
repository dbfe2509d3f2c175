"""Text from files, safe to show: headers and tables hold whatever somebody put there."""

from __future__ import annotations

import re

__all__ = ["encodable", "guarded_cell", "printable"]

# C0 and C1 controls but for tab and line feed, and marks that turn the direction of writing.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_FORMULA = re.compile(r"[=+\-@\t]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def printable(text: str) -> str:
    """The text with control characters written out, such as `\\x1b`, so that no terminal obeys."""
    return _CONTROL.sub(lambda match: ascii(match[0])[1:-1], encodable(text))


def encodable(text: str) -> str:
    """The text with what UTF-8 cannot hold written out, as bytes of a file's name may be.

    Linux names files by bytes; those that are no UTF-8 reach Python as lone surrogates, and would
    end whatever writes them.
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def guarded_cell(text: str) -> str:
    """The text as a cell of a CSV file that no spreadsheet takes for a formula.

    What starts as a formula does gets a quote before it, but for numbers; a reader takes it away
    (OWASP, CSV injection).
    """
    text = printable(text)
    if _FORMULA.match(text) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text
