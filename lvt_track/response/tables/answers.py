"""The table of responses that people get, and the same as CDISC SDTM's disease response (RS)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lvt_track.core.response.categories import Category, Standing
from lvt_track.core.response.response import Response
from lvt_track.response.tables.readings import Trial

__all__ = [
    "DOUBT_COLUMNS",
    "RESPONSE_COLUMNS",
    "RS_COLUMNS",
    "cdisc_term",
    "doubt_row",
    "response_row",
    "response_rows",
    "rs_rows",
]

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
DOUBT_COLUMNS = (
    "p_cr",
    "p_pr",
    "p_sd",
    "p_pd",
    "draws",
    "target_choices",
    "target_choices_alike",
    "settled_by",
)
"""How sure a category is; `lvt respond` gives them where it is asked to."""

_SHARES = {
    "p_cr": (Standing.COMPLETE,),
    "p_pr": (Standing.PARTIAL,),
    "p_sd": (Standing.STABLE,),
    "p_pd": (Standing.PROGRESSION, Standing.UNCONFIRMED),
}

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
    """One row per patient and visit, by the names of `RESPONSE_COLUMNS` and `DOUBT_COLUMNS`."""
    return [
        {"patient": patient, **response_row(response), **doubt_row(response)}
        for patient, of_patient in responses.items()
        for response in of_patient
    ]


def response_row(response: Response) -> dict[str, object]:
    """The response of one visit, by the names of `RESPONSE_COLUMNS` but the patient's."""
    return {name: getattr(response, name) for name in RESPONSE_COLUMNS if name != "patient"}


def doubt_row(response: Response) -> dict[str, object]:
    """How sure the category of a visit is, by the names of `DOUBT_COLUMNS`.

    Empty for the baseline, and where doubt was not asked for. What no draw could evaluate, and
    Non-CR/Non-PD, is in none of the four shares.
    """
    doubt = response.doubt
    if doubt is None:
        return dict.fromkeys(DOUBT_COLUMNS)
    return {
        **{
            name: round(doubt.share_of(*(c for c in doubt.shares if _standing(c) in standings)), 3)
            for name, standings in _SHARES.items()
        },
        "draws": doubt.draws,
        "target_choices": doubt.choices or None,
        "target_choices_alike": doubt.choices_alike if doubt.choices else None,
        "settled_by": doubt.settling.words if doubt.settling else None,
    }


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
    for patient, of_patient in responses.items():
        number = 0
        for response in of_patient:
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
                result = cdisc_term(value)
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


def _standing(category: str) -> Standing:
    return Category.of(category).standing


def cdisc_term(value: str) -> str:
    """A result as CDISC's codelist of oncology responses writes it: those of iRECIST keep their i.

    >>> cdisc_term("Non-CR/Non-PD"), cdisc_term("Non-iCR/Non-iUPD"), cdisc_term("iUPD")
    ('NON-CR/NON-PD', 'NON-iCR/NON-iUPD', 'iUPD')
    """
    return value.replace("Non", "NON")
