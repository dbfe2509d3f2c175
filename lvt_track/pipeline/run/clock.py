"""What time it is, as results state it."""

from __future__ import annotations

import datetime as dt
import os

from lvt_track.errors import UsageError

__all__ = ["time_now"]

_FIXED = "SOURCE_DATE_EPOCH"


def time_now() -> str:
    """The local time in ISO 8601, to the second.

    Where the environment variable SOURCE_DATE_EPOCH is set, it is that many seconds after 1970 in
    UTC instead, so that two runs give the same bytes (reproducible-builds.org/specs).

    Raises:
        UsageError: when the variable holds no such number.
    """
    fixed = os.environ.get(_FIXED)
    if not fixed:
        return dt.datetime.now().isoformat(timespec="seconds")
    try:
        moment = dt.datetime.fromtimestamp(int(fixed), dt.UTC)
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"the environment variable {_FIXED} must be a number of seconds, got {fixed!r}",
            remedy="Unset it",
        ) from None
    return moment.replace(tzinfo=None).isoformat(timespec="seconds")
