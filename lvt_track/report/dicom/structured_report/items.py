"""Content items, by value type, and how they are put below another one."""

from __future__ import annotations

from highdicom import sr
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code

__all__ = ["add_below", "code_item", "number_item", "significant", "text_item", "uid_item"]


def text_item(name: Code, value: str, relation: str = "CONTAINS") -> sr.TextContentItem:
    """Words."""
    return sr.TextContentItem(name=name, value=value, relationship_type=relation)


def code_item(name: Code, value: Code, relation: str = "CONTAINS") -> sr.CodeContentItem:
    """A coded answer."""
    return sr.CodeContentItem(name=name, value=value, relationship_type=relation)


def uid_item(name: Code, value: str, relation: str = "CONTAINS") -> sr.UIDRefContentItem:
    """A UID."""
    return sr.UIDRefContentItem(name=name, value=value, relationship_type=relation)


def number_item(
    name: Code, value: float, unit: Code, relation: str = "CONTAINS"
) -> sr.NumContentItem:
    """A number with its unit."""
    return sr.NumContentItem(
        name=name, value=significant(value), unit=unit, relationship_type=relation
    )


def significant(value: float) -> float:
    """Six digits that count: what a decimal string of DICOM surely holds."""
    return float(f"{value:.6g}")


def add_below(parent: Dataset, *children: sr.ContentItem) -> None:
    """Put items below another, after those that are there."""
    parent.ContentSequence = [*parent.get("ContentSequence", ()), *children]
