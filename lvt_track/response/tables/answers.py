"""The table of responses that people get, and the same as CDISC SDTM's disease response (RS)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lvt_track.core.records import Category, Response
from lvt_track.response.tables.readings import Trial

__all__ = ["RESPONSE_COLUMNS", "RS_COLUMNS", "response_row", "response_rows", "rs_rows"]

RESPONSE_COLUMNS = (
    "patient",
    "date",
    "criterion",
    "sum_mm",
    "nadir_mm",
    "change_from_baseline_percent",
    "change_from_nadir_percent",
    "target",
    "non_target",
    "new_lesion",
    "category",
    "reason",
    "sum_ml",
    "nadir_ml",
    "sum_mm2",
    "nadir_mm2",
)
RS_COLUMNS = (
    "STUDYID",
    "DOMAIN",
    "USUBJID",
    "RSSEQ",
    "RSTESTCD",
    "RSTEST",
    "RSCAT",
    "RSORRES",
    "RSSTRESC",
    "RSEVAL",
    "RSEVALID",
    "VISITNUM",
    "VISIT",
    "RSDTC",
)
_RS_TESTS = (
    ("TRGRESP", "Target Response", "target"),
    ("NTRGRESP", "Non-target Response", "non_target"),
    ("NEWLIND", "New Lesion Indicator", "new_lesion"),
    ("OVRLRESP", "Overall Response", "category"),
)


def response_rows(
    responses: Mapping[str, Sequence[Response]],
) -> list[dict[str, object]]:
    """One row per patient and visit, by the names of `RESPONSE_COLUMNS`."""
    return [
        {"patient": patient, **response_row(response)}
        for patient, own in responses.items()
        for response in own
    ]


def response_row(response: Response) -> dict[str, object]:
    """The response of one visit, by the names of `RESPONSE_COLUMNS` but the patient's."""
    return {name: getattr(response, name) for name in RESPONSE_COLUMNS if name != "patient"}


def rs_rows(
    responses: Mapping[str, Sequence[Response]], trial: Trial | None = None
) -> list[dict[str, object]]:
    """Records of an RS domain, by the names of `RS_COLUMNS`; the baseline has none.

    Args:
        responses: by patient.
        trial: what the TR domain says of study, visits and evaluator; None where there was none.
    """
    trial = trial or Trial({}, {}, ("", ""))
    records: list[dict[str, object]] = []
    for patient, own in responses.items():
        number = 0
        for response in own:
            if response.category == Category.BASELINE:
                continue
            visit_number, visit = trial.visits.get((patient, response.date), ("", ""))
            for code, test, name in _RS_TESTS:
                value = getattr(response, name)
                if isinstance(value, bool):
                    value = "Y" if value else "N"
                if not value:
                    continue
                number += 1
                result = value.upper()
                records.append(
                    {
                        "STUDYID": trial.studies.get(patient, ""),
                        "DOMAIN": "RS",
                        "USUBJID": patient,
                        "RSSEQ": number,
                        "RSTESTCD": code,
                        "RSTEST": test,
                        "RSCAT": response.criterion.upper(),
                        "RSORRES": result,
                        "RSSTRESC": result,
                        "RSEVAL": trial.evaluator[0],
                        "RSEVALID": trial.evaluator[1],
                        "VISITNUM": visit_number,
                        "VISIT": visit,
                        "RSDTC": response.date.isoformat(),
                    }
                )
    return records
