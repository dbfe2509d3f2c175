"""The tables that join target, non-target and new lesions into one category.

Eisenhauer et al., Eur J Cancer 2009;45:228-247, tables 1 to 3.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["Category", "overall_response"]


class Category(StrEnum):
    """Category of a visit, of its target or of its non-target lesions."""

    BASELINE = "Baseline"
    CR = "CR"
    PR = "PR"
    SD = "SD"
    PD = "PD"
    NE = "NE"
    NON_CR_NON_PD = "Non-CR/Non-PD"
    NONE = ""


def overall_response(target: Category, non_target: Category, new_lesion: bool) -> Category:
    """Overall response of a visit.

    Args:
        target: CR, PR, SD, PD, NE, or NONE where there were no target lesions at baseline.
        non_target: CR, NON_CR_NON_PD, PD, NE, or NONE where there were none.
        new_lesion: whether an unequivocal new lesion was found.
    """
    if new_lesion or Category.PD in (target, non_target):
        return Category.PD
    if target is Category.NONE:
        return non_target if non_target is not Category.NONE else Category.NE
    if target is Category.CR and non_target not in (Category.CR, Category.NONE):
        return Category.PR
    return target
