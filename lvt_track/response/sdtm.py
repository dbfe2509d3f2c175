"""CDISC SDTM: tumour results (TR) and identification (TU) in, disease response (RS) out.

SDTM Implementation Guide 3.4, oncology domains. TR holds one record per lesion, visit and test;
TU tells once per lesion what it is and where.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lvt_track.core.assessment import Assessment, Role, Status
from lvt_track.core.records import Response
from lvt_track.errors import InputError
from lvt_track.io.spreadsheets import Sheet, SheetRow
from lvt_track.response.cell_parsing import (
    CellError,
    Problem,
    parse_date,
    parse_length_mm,
    parse_number,
)
from lvt_track.response.checks import check_rows, refuse_if_fatal
from lvt_track.response.tables import Readings, with_origins

__all__ = ["RS_COLUMNS", "is_tr", "read_tr", "rs_rows"]

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
    "RSDTC",
)

_LONG = ("LDIAM", "DIAMETER")
_TESTS = (*_LONG, "LPERP", "VOLUME", "TUMSTATE")
_STATES = {
    "PRESENT": Status.MEASURED,
    "ABSENT": Status.ABSENT,
    "EQUIVOCAL": Status.EQUIVOCAL,
    "UNEQUIVOCAL PROGRESSION": Status.PROGRESSION,
    "UNEQUIVOCAL": Status.MEASURED,
    "TOO SMALL TO MEASURE": Status.TOO_SMALL,
    "NOT EVALUABLE": Status.NOT_DONE,
    "NOT ASSESSED": Status.NOT_DONE,
    "DISAPPEARED": Status.ABSENT,
}
_RS_TESTS = (
    ("TRGRESP", "Target Response", "target"),
    ("NTRGRESP", "Non-target Response", "non_target"),
    ("NEWLIND", "New Lesion Indicator", "new_lesion"),
    ("OVRLRESP", "Overall Response", "category"),
)


@dataclass(frozen=True)
class _Identity:
    """What TU says of a lesion."""

    role: Role | None
    site: str


def is_tr(sheet: Sheet) -> bool:
    """Whether a table is a TR domain, by its columns."""
    return {"TRTESTCD", "TRLNKID", "USUBJID"} <= set(sheet.columns)


def read_tr(tr: Sheet, tu: Sheet | None = None, evaluator: str | None = None) -> Readings:
    """Rows of measurements from a TR domain, and the TU domain that belongs to it.

    Lesions of one visit are dated by its first day. Without TU, the role follows from TRGRPID
    and every site is the liver.

    Args:
        tr, tu: the two domains.
        evaluator: TREVALID or TREVAL whose records count; needed where there are several.

    Raises:
        InputError: for missing columns, several evaluators, or records that cannot be used; each
            with its line.
    """
    lacking = [name for name in ("TRORRES", "TRDTC") if name not in tr.columns]
    if lacking:
        raise InputError(f"the TR domain has no {', '.join(lacking)}", path=tr.path)
    records = _of_evaluator(tr, evaluator)
    problems: list[Problem] = []
    identities = {} if tu is None else _identities(tu, problems)
    groups: dict[tuple[str, str, str], list[tuple[SheetRow, dt.date]]] = defaultdict(list)
    for record in records:
        cells = record.cells
        test = cells["TRTESTCD"].upper()
        if test not in _TESTS:
            continue
        if not cells["TRLNKID"]:
            problems.append(Problem(record.line, f"{test} without TRLNKID", True))
            continue
        try:
            date = parse_date(cells["TRDTC"])
        except CellError as error:
            problems.append(Problem(record.line, str(error), True))
            continue
        visit = cells.get("VISITNUM") or cells.get("VISIT") or date.isoformat()
        groups[cells["USUBJID"], visit, cells["TRLNKID"]].append((record, date))
    dates: dict[tuple[str, str], dt.date] = {}
    for (patient, visit, _), group in groups.items():
        first = min(date for _, date in group)
        dates[patient, visit] = min(first, dates.get((patient, visit), first))
    rows = []
    for (patient, visit, lesion), group in groups.items():
        row, wrong = _assessment(
            patient,
            lesion,
            dates[patient, visit],
            [record for record, _ in group],
            identities.get((patient, lesion)),
        )
        problems += wrong
        if row is not None:
            rows.append(row)
    rows = with_origins(rows)
    problems += check_rows(rows)
    if not rows and not any(problem.is_fatal for problem in problems):
        raise InputError(f"no records of {', '.join(_TESTS)}", path=tr.path)
    return Readings(tuple(rows), refuse_if_fatal(problems, tr.path))


def rs_rows(
    responses: Mapping[str, Sequence[Response]], study: str = ""
) -> list[dict[str, object]]:
    """Records of an RS domain, by the names of `RS_COLUMNS`; the baseline has none.

    Args:
        responses: by patient.
        study: STUDYID.
    """
    records: list[dict[str, object]] = []
    for patient, own in responses.items():
        number = 0
        for response in own[1:]:
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
                        "STUDYID": study,
                        "DOMAIN": "RS",
                        "USUBJID": patient,
                        "RSSEQ": number,
                        "RSTESTCD": code,
                        "RSTEST": test,
                        "RSCAT": response.criterion.upper(),
                        "RSORRES": result,
                        "RSSTRESC": result,
                        "RSDTC": response.date.isoformat(),
                    }
                )
    return records


def _of_evaluator(tr: Sheet, evaluator: str | None) -> list[SheetRow]:
    """The records of one evaluator, without those that adjudication did not accept."""
    accepted = [row for row in tr.rows if row.cells.get("TRACPTFL", "").upper() != "N"]

    def name(row: SheetRow) -> str:
        return row.cells.get("TREVALID") or row.cells.get("TREVAL", "")

    names = sorted({name(row) for row in accepted})
    if evaluator is not None:
        found = [row for row in accepted if evaluator in (name(row), row.cells.get("TREVAL", ""))]
        if not found:
            raise InputError(
                f"no records of evaluator {evaluator}", path=tr.path, remedy=f"There are {names}"
            )
        names = sorted({name(row) for row in found})
        accepted = found
    if len(names) > 1:
        raise InputError(
            f"records of several evaluators: {', '.join(n or '(none)' for n in names)}",
            path=tr.path,
            remedy="Choose one with --evaluator",
        )
    return accepted


def _identities(tu: Sheet, problems: list[Problem]) -> dict[tuple[str, str], _Identity]:
    """What each lesion of each patient is; what TU says otherwise later is noted as a problem."""
    if not {"TULNKID", "USUBJID", "TUORRES"} <= set(tu.columns):
        raise InputError("a TU domain needs USUBJID, TULNKID and TUORRES", path=tu.path)
    found: dict[tuple[str, str], _Identity] = {}
    for row in tu.rows:
        cells = row.cells
        if cells.get("TUTESTCD", "TUMIDENT").upper() != "TUMIDENT":
            continue
        key = (cells["USUBJID"], cells["TULNKID"])
        said = _Identity(_role(cells["TUORRES"]), cells.get("TULOC") or "liver")
        first = found.setdefault(key, said)
        if said.site.lower() != first.site.lower():
            what = f"TU line {row.line}: {key[1]} is in {said.site}, before it was in {first.site}"
            problems.append(Problem(None, f"{what}: kept so", False))
    return found


def _role(text: str) -> Role | None:
    """TARGET, NON-TARGET or NEW, also inside a longer text."""
    word = text.upper().replace("_", "-")
    if "NON" in word:
        return Role.NON_TARGET
    if "NEW" in word:
        return Role.NEW
    return Role.TARGET if "TARGET" in word else None


def _assessment(
    patient: str,
    lesion: str,
    date: dt.date,
    records: Sequence[SheetRow],
    identity: _Identity | None,
) -> tuple[Assessment | None, list[Problem]]:
    """One lesion at one visit from its records."""
    problems: list[Problem] = []
    sizes: dict[str, float] = {}
    status = Status.MEASURED
    line = min(record.line for record in records)
    for record in records:
        cells, test = record.cells, record.cells["TRTESTCD"].upper()
        result = cells["TRORRES"].upper()
        if cells.get("TRSTAT", "").upper() == "NOT DONE":
            status = Status.NOT_DONE
        elif result in _STATES:
            status = _STATES[result]
        elif test == "TUMSTATE":
            problems.append(Problem(record.line, f"tumour state {result!r} is not known", True))
        else:
            name = "long" if test in _LONG else test
            if name in sizes:
                problems.append(Problem(record.line, f"{test} of {lesion} stands twice", True))
            try:
                sizes[name] = _size(record, test)
            except CellError as error:
                problems.append(Problem(record.line, f"{test}: {error}", True))
    role = identity.role if identity else _role(records[0].cells.get("TRGRPID", ""))
    zero = [name for name, size in sizes.items() if size == 0]
    if zero:
        problems.append(Problem(line, f"{lesion} has a size of 0: taken as absent", False))
        status, sizes = Status.ABSENT, {}
    if "LPERP" in sizes and sizes.get("long", sizes["LPERP"]) < sizes["LPERP"]:
        problems.append(Problem(line, f"{lesion}: LPERP is longer than LDIAM", True))
    if any(size < 0 for size in sizes.values()):
        problems.append(Problem(line, f"{lesion} has a negative size", True))
    if sizes and status in (Status.NOT_DONE, Status.ABSENT):
        problems.append(Problem(line, f"{lesion} is {status.value}, but has a size", True))
    if role is Role.TARGET and not sizes and status is Status.MEASURED:
        problems.append(Problem(line, f"target {lesion} has no size", True))
    if any(problem.is_fatal for problem in problems):
        return None, problems
    row = Assessment(
        date=date,
        lesion=lesion,
        patient=patient,
        role=role,
        site=identity.site if identity else "liver",
        long_axis_mm=sizes.get("long"),
        short_axis_mm=sizes.get("LPERP"),
        volume_ml=sizes.get("VOLUME"),
        status=status,
        line=line,
    )
    return row, problems


def _size(record: SheetRow, test: str) -> float:
    """A size in mm or mL: the standard result where there is one, else the original."""
    cells = record.cells
    text, unit = cells.get("TRSTRESN", ""), cells.get("TRSTRESU", "")
    if not text:
        text, unit = cells["TRORRES"], cells.get("TRORRESU", "")
    unit = unit.lower()
    if test == "VOLUME":
        factors = {"ml": 1.0, "cm3": 1.0, "": 1.0, "mm3": 0.001}
        if unit not in factors:
            raise CellError(f"unit {unit!r} is not mL, cm3 or mm3")
        return parse_number(text) * factors[unit]
    if unit not in ("mm", "cm", ""):
        raise CellError(f"unit {unit!r} is not mm or cm")
    return parse_length_mm(text, 10.0 if unit == "cm" else 1.0)
