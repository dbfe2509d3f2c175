"""Response categories. Each criterion declares those of its own; what they stand for is shared."""

from __future__ import annotations

from enum import Enum
from typing import ClassVar

__all__ = ["Category", "Standing"]


class Standing(Enum):
    """What a category stands for, whatever a criterion calls it; from best to worst."""

    COMPLETE = "complete response"
    PARTIAL = "partial response"
    STABLE = "stable disease"
    NEITHER = "neither gone nor progressing, without targets"
    PROGRESSION = "progression"
    UNCONFIRMED = "progression that awaits confirmation"
    UNKNOWN = "not evaluable"
    BASELINE = "baseline"
    NONE = "nothing to judge"


class Category(str):
    """Category of a visit, of its target or of its non-target lesions: the word that is written.

    A word is declared once, at import, by the file of the criterion that uses it; declaring it
    again gives the same object, so that `is` compares categories.

    Args:
        word: as it stands in tables and reports.
        standing: what it stands for.
        family: of categories that belong together, such as `iRECIST`; empty for those of RECIST.

    Raises:
        ValueError: for a word that stands for something else already.
    """

    standing: Standing
    family: str
    _declared: ClassVar[dict[str, Category]] = {}

    BASELINE: ClassVar[Category]
    CR: ClassVar[Category]
    PR: ClassVar[Category]
    SD: ClassVar[Category]
    PD: ClassVar[Category]
    NE: ClassVar[Category]
    NON_CR_NON_PD: ClassVar[Category]
    NONE: ClassVar[Category]

    def __new__(cls, word: str, standing: Standing, family: str = "") -> Category:
        """See the class."""
        known = cls._declared.get(word)
        if known is None:
            known = super().__new__(cls, word)
            known.standing, known.family = standing, family
            cls._declared[word] = known
        elif (known.standing, known.family) != (standing, family):
            raise ValueError(f"{word!r} is a category already, {known.standing.value}")
        return known

    def __reduce__(self) -> tuple[type[Category], tuple[str, Standing, str]]:
        """Copies, also those in other processes, are declared anew: they are the same object."""
        return Category, (str(self), self.standing, self.family)

    @classmethod
    def of(cls, word: str) -> Category:
        """The category that is written so.

        Raises:
            ValueError: when no criterion has declared it.
        """
        if word not in cls._declared:
            raise ValueError(f"no category is called {word!r}")
        return cls._declared[word]

    def sibling(self, standing: Standing) -> Category:
        """The category of the same family that stands for something else.

        Raises:
            ValueError: when the family has none.
        """
        for other in self._declared.values():
            if other.family == self.family and other.standing is standing:
                return other
        raise ValueError(f"no category beside {str(self)!r} is {standing.value}")


Category.BASELINE = Category("Baseline", Standing.BASELINE)
Category.CR = Category("CR", Standing.COMPLETE)
Category.PR = Category("PR", Standing.PARTIAL)
Category.SD = Category("SD", Standing.STABLE)
Category.PD = Category("PD", Standing.PROGRESSION)
Category.NE = Category("NE", Standing.UNKNOWN)
Category.NON_CR_NON_PD = Category("Non-CR/Non-PD", Standing.NEITHER)
Category.NONE = Category("", Standing.NONE)
