"""SAS transport files, versions 5 and 8."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

from lvt_track.errors import InputError
from lvt_track.io.spreadsheets.lines import Lines, as_text

__all__ = ["read_transport"]

_RECORD = 80
_HEADER = b"HEADER RECORD*******"
_NAMES_BYTES = 140


def read_transport(path: Path) -> Lines:
    """The lines of a SAS transport file; its header is line 1.

    Raises:
        InputError: when it is none, or a damaged one.
        OSError: when it cannot be read.
    """
    import pandas as pd

    try:
        raw = _as_version_5(path.read_bytes())
        frame = pd.read_sas(io.BytesIO(raw), format="xport", encoding=None)
    except OSError:
        raise
    except Exception as error:
        # pandas raises whatever a damaged header provokes.
        raise InputError(f"not a SAS transport file ({error})", path=path) from error
    rows: Iterable[tuple[object, ...]] = frame.itertuples(index=False, name=None)
    lines = [(k, [_cell(value) for value in row]) for k, row in enumerate(rows, start=2)]
    names = [_cell(name) for name in frame.columns]
    return Lines([(1, names), *((k, cells) for k, cells in lines if any(cells))])


def _cell(value: object) -> str:
    """A value as text; files hold UTF-8, or Windows' western letters in older ones."""
    if not isinstance(value, bytes):
        return as_text(value)
    try:
        return value.decode("utf-8").strip()
    except UnicodeDecodeError:
        return value.decode("cp1252", errors="replace").strip()


def _as_version_5(raw: bytes) -> bytes:
    """A file of version 8 in the records of version 5, whose observations are the same.

    Version 8 has room for longer names and labels, which SDTM does not use: what it keeps of a
    name in the old place is the whole name there (SAS technical note TS-140).
    """
    if not raw.startswith(_HEADER + b"LIBV8"):
        return raw
    result = bytearray()
    position = 0
    while position < len(raw):
        record = raw[position : position + _RECORD]
        if not record.startswith(_HEADER):
            result += record
            position += _RECORD
            continue
        kind = record[len(_HEADER) :][:8].decode("ascii", errors="replace").strip()
        position += _RECORD
        if kind.startswith("LABELV"):
            # Long labels run until the next header.
            position = raw.index(_HEADER, position)
        elif kind == "NAMSTV8":
            count = _variables(record)
            result += _header(b"NAMESTR", f"000000{count:04d}00000000000000000000")
            size = -(-count * _NAMES_BYTES // _RECORD) * _RECORD
            result += raw[position : position + size]
            position += size
        elif kind == "OBSV8":
            result += _header(b"OBS", "0" * 30)
            return bytes(result + raw[position:])
        elif kind == "LIBV8":
            result += _header(b"LIBRARY", "0" * 30)
        elif kind == "MEMBV8":
            result += _header(b"MEMBER", "000000000000000001600000000140")
        elif kind == "DSCPTV8":
            result += _header(b"DSCRPTR", "0" * 30)
            # The member's name has 32 letters in version 8, 8 in version 5.
            first = raw[position : position + _RECORD]
            result += first[:16] + first[40:48] + first[48:64] + b" " * 24 + first[64:80]
            position += _RECORD
        else:
            raise ValueError(f"unknown record {kind}")
    return bytes(result)


def _header(kind: bytes, rest: str) -> bytes:
    return (_HEADER + kind.ljust(8) + b"HEADER RECORD!!!!!!!" + rest.encode()).ljust(_RECORD)


def _variables(record: bytes) -> int:
    """How many variables a header of names announces, in its first ten digits."""
    return int(record[len(_HEADER) + 28 :][:10])
