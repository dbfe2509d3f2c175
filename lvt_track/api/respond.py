"""Response categories from measurements, without images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, overload

from lvt_track.api.arguments import PathOrText, existing_path
from lvt_track.core.response.response import Response

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Responses", "respond"]


@dataclass(frozen=True)
class Responses(Sequence[Response]):
    """The responses of the patients in a table: patient by patient, in order of time.

    Attributes:
        by_patient: the same by the patient's name, empty where the table names none.
        best: best overall response by patient and criterion.
        remarks: what was odd in the table.
    """

    by_patient: Mapping[str, tuple[Response, ...]]
    best: Mapping[str, Mapping[str, str]]
    remarks: tuple[str, ...] = ()

    @overload
    def __getitem__(self, index: int) -> Response: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Response]: ...

    def __getitem__(self, index: int | slice) -> Response | Sequence[Response]:
        return tuple(one for responses in self.by_patient.values() for one in responses)[index]

    def __len__(self) -> int:
        return sum(len(responses) for responses in self.by_patient.values())

    def to_frame(self) -> pd.DataFrame:
        """A table with the columns of `lvt respond`: one row per patient and visit."""
        import pandas as pd

        from lvt_track.response.tables.answers import (
            DOUBT_COLUMNS,
            RESPONSE_COLUMNS,
            response_rows,
        )

        has_doubt = any(response.doubt is not None for response in self)
        columns = [*RESPONSE_COLUMNS, *(DOUBT_COLUMNS if has_doubt else ())]
        return pd.DataFrame(response_rows(self.by_patient), columns=columns)


def respond(table: PathOrText, *, criteria: str = "recist1.1", doubt: bool = False) -> Responses:
    """Say how tumours responded, from a table of measurements.

    Args:
        table: CSV, XLSX or SDTM file, a DICOM structured report, or a folder of such; its columns
            stand in docs/use/measurement-tables.md.
        criteria: names as `lvt respond --criteria` takes them, with commas between: `recist1.1`
            (Eisenhauer et al., Eur J Cancer 2009;45:228-247), `mrecist` (Lencioni & Llovet, Semin
            Liver Dis 2010;30:52-60), `volume` and others.
        doubt: whether to say how sure each category is: `Response.doubt`, and columns of the frame.

    Returns:
        One `Response` per patient, criterion and visit; sums in mm, by volume in mL.

    Raises:
        InputError: when the table cannot be used.
        UsageError: for criteria that are not known.
        TypeError: for what is no path.

    Example:
        >>> import lvt_track as lvt
        >>> answer = lvt.respond("table.csv", criteria="recist1.1")
        >>> [response.category for response in answer]
        ['Baseline', 'PD']
        >>> answer.to_frame()["sum_mm"].tolist()
        [20.0, 30.0]
    """
    from lvt_track.pipeline.respond import respond_to_table

    result = respond_to_table(existing_path(table, "table"), criteria, doubt=doubt)
    return Responses(result.responses, result.best, result.remarks)
