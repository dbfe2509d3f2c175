"""A course beside a radiologist's own table: what both found, and how far they agree."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from lvt_track.agreement.coefficients import Estimate
from lvt_track.agreement.limits import Agreement
from lvt_track.agreement.pairing import Pairing
from lvt_track.core.response.assessment import Assessment

__all__ = [
    "Agreements",
    "ComparedPatient",
    "JudgedVisit",
    "PairedSize",
    "Quantity",
    "ReaderComparison",
    "UnpairedSize",
]


class Quantity(StrEnum):
    """What both sides measured."""

    LONG_AXIS = "long axis"
    SHORT_AXIS = "short axis"
    VOLUME = "volume"
    SUM = "sum of diameters"

    @property
    def unit(self) -> str:
        """Unit of its values."""
        return "mL" if self is Quantity.VOLUME else "mm"


@dataclass(frozen=True)
class PairedSize:
    """One size as the reader and as lvt measured it.

    Attributes:
        date: of the visit.
        quantity: what was measured.
        reader_lesion, lesion: the lesion's name on both sides; of a sum, all its lesions, and of
            what one side measured in pieces, all of these.
        reader_value, value: mm or mL, above zero; of pieces their sum.
        cluster: the reader's name of the lesion as it began: sizes of one are no independent
            evidence.
    """

    date: dt.date
    quantity: Quantity
    reader_lesion: str
    lesion: str
    reader_value: float
    value: float
    cluster: str

    @property
    def difference(self) -> float:
        """How much more lvt measured, mm or mL."""
        return self.value - self.reader_value

    @property
    def mean(self) -> float:
        """Mean of both, mm or mL."""
        return (self.value + self.reader_value) / 2

    @property
    def difference_percent(self) -> float:
        """The difference in percent of the mean of both."""
        return 100 * self.difference / self.mean


@dataclass(frozen=True)
class UnpairedSize:
    """A size that only one side gave, at a visit that both have.

    Attributes:
        date: of the visit.
        quantity: what was measured.
        lesion: its name.
        value: mm or mL.
        is_readers: whether the reader measured it, or lvt.
    """

    date: dt.date
    quantity: Quantity
    lesion: str
    value: float
    is_readers: bool


@dataclass(frozen=True)
class JudgedVisit:
    """The RECIST 1.1 response of one visit on both sides, each by its own target lesions.

    Attributes:
        date: of the visit.
        reader_sum_mm, sum_mm: sums of diameters; None where one cannot be formed.
        reader_category, category: overall response; `Baseline` at the first visit.
    """

    date: dt.date
    reader_sum_mm: float | None
    sum_mm: float | None
    reader_category: str
    category: str


@dataclass(frozen=True)
class ComparedPatient:
    """What was compared of one patient.

    Attributes:
        sizes: paired sizes, by quantity, lesion and date.
        unpaired: sizes that only one side gave.
        visits: responses at the visits both have, by date; empty where the reader's table cannot
            be judged.
    """

    sizes: tuple[PairedSize, ...]
    unpaired: tuple[UnpairedSize, ...]
    visits: tuple[JudgedVisit, ...]


@dataclass(frozen=True)
class Agreements:
    """Statistics of the comparison of one patient, or of several.

    Attributes:
        patients: how many.
        of: agreement by quantity, for those with pairs enough.
        lesions: how many lesions the pairs of a quantity belong to; not of sums.
        trend: changes of the long axis from visit to visit of which both say the same, and all.
        categories: visits after the baseline with the same overall response, and all.
        graded: those of them at which both sides have one of CR, PR, SD and PD.
        kappa: linearly weighted kappa of these; None below three.
        unpaired: sizes of the reader by quantity that enter no comparison; not of sums.
    """

    patients: int
    of: Mapping[Quantity, Agreement]
    lesions: Mapping[Quantity, int]
    trend: tuple[int, int]
    categories: tuple[int, int]
    graded: int
    kappa: Estimate | None
    unpaired: Mapping[Quantity, int]


@dataclass(frozen=True)
class ReaderComparison:
    """Everything the two tables of one patient say of each other.

    Attributes:
        table: name of the reader's file.
        reader_rows, rows: what either side says of its lesions.
        pairing: which lesion is which, and which are left over on either side.
        compared: sizes, sums and responses.
        agreements: the statistics.
        remarks: what was odd in the reader's table.
        reader: who, of a table by several; empty for one by one.
    """

    table: str
    reader_rows: tuple[Assessment, ...]
    rows: tuple[Assessment, ...]
    pairing: Pairing
    compared: ComparedPatient
    agreements: Agreements
    remarks: tuple[str, ...]
    reader: str = ""

    @property
    def sizes(self) -> tuple[PairedSize, ...]:
        """Paired sizes, by quantity, lesion and date."""
        return self.compared.sizes

    @property
    def unpaired(self) -> tuple[UnpairedSize, ...]:
        """Sizes that only one side gave."""
        return self.compared.unpaired

    @property
    def visits(self) -> tuple[JudgedVisit, ...]:
        """Responses at the visits both have."""
        return self.compared.visits
