"""How the lesions of a track are named at a visit: one rule for courses and for `lesions.csv`."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["baseline_names", "merged_name", "piece_names", "track_name"]


def track_name(track: int | str) -> str:
    """A track as figures, tables and reasons call it.

    >>> track_name(3)
    'T3'
    """
    return f"T{track}"


def baseline_names(name: str, count: int) -> list[str]:
    """Names of the lesions that a track has at baseline: a to z, then aa, ab and on.

    >>> baseline_names("T3", 1), baseline_names("T3", 2), baseline_names("T3", 28)[25:]
    (['T3'], ['T3a', 'T3b'], ['T3z', 'T3aa', 'T3ab'])
    """
    return [name] if count == 1 else [f"{name}{_letters(k)}" for k in range(count)]


def piece_names(name: str, count: int) -> list[str]:
    """Names of the pieces of what was one lesion.

    >>> piece_names("T3", 1), piece_names("T3", 2)
    (['T3'], ['T3.1', 'T3.2'])
    """
    return [name] if count == 1 else [f"{name}.{k}" for k in range(1, count + 1)]


def merged_name(names: Sequence[str]) -> str:
    """Name of what several lesions have merged into.

    >>> merged_name(["T3a", "T3b"])
    'T3a+T3b'
    """
    return "+".join(names)


def _letters(k: int) -> str:
    head = _letters(k // 26 - 1) if k >= 26 else ""
    return head + chr(ord("a") + k % 26)
