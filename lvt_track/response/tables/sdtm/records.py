"""CDISC SDTM: tumour results (TR) and identification (TU).

SDTM Implementation Guide 3.4, oncology domains, and CDISC's Disease Response Supplement for
RECIST 1.1. TR holds one record per lesion, visit and test; TU tells once per lesion what it is
and where.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from lvt_track.core.response.assessment import NODE, Assessment, Status
from lvt_track.errors import InputError
from lvt_track.io.spreadsheets.sheet import Sheet, SheetRow
from lvt_track.response.tables.cells import CellError, Problem, folded
from lvt_track.response.tables.dates import parse_date
from lvt_track.response.tables.readings import Readings, ReadOptions, Trial, checked_readings
from lvt_track.response.tables.sdtm.lesion import TESTS, Finding, Identity, assess, role_of

__all__ = ["is_tr", "is_tr_header", "read_tr"]

_LINK = ("TRLNKID", "TRLINKID")

# A visit's scans lie days apart; records of one VISITNUM four weeks apart are of two visits,
# as unscheduled ones often share a number. RECIST 1.1 asks so much between two assessments.
_VISIT_DAYS = 28


@dataclass(frozen=True)
class _Record:
    """A record of TR with its columns in capitals."""

    line: int
    cells: Mapping[str, str]
    patient: str
    link: str
    visit: str
    date: dt.date

    @property
    def key(self) -> tuple[str, str, dt.date]:
        """Patient, visit and day."""
        return self.patient, self.visit, self.date

    @property
    def test(self) -> str:
        return self.cells.get("TRTESTCD", "").upper()


_Starts = dict[tuple[str, str, dt.date], dt.date]
"""The first day of its visit by the key of a record."""


def is_tr_header(cells: Sequence[str]) -> bool:
    """Whether a line names the columns of a TR domain."""
    names = {cell.upper() for cell in cells}
    return {"TRTESTCD", "USUBJID"} <= names and bool(names & set(_LINK))


def is_tr(sheet: Sheet) -> bool:
    """Whether a table is a TR domain, by its columns."""
    return is_tr_header(sheet.columns)


def read_tr(
    tr: Sheet,
    tu: Sheet | None = None,
    evaluator: str | None = None,
    options: ReadOptions | None = None,
) -> Readings:
    """Rows of measurements from a TR domain, and the TU domain that belongs to it.

    Lesions of one visit are dated by its first day. Without TU, the role follows from TRGRPID
    and every site is the liver, but for a lesion with LNSTATE, which is a node.

    Args:
        tr, tu: the two domains.
        evaluator: TREVALID or TREVAL whose records count; needed where there are several.
        options: how tables are read; by default as `lvt respond` does.

    Raises:
        InputError: for missing columns, several evaluators, or records that cannot be used; each
            with its line.
    """
    columns = {name.upper() for name in tr.columns}
    lacking = [name for name in ("TRORRES", "TRDTC") if name not in columns]
    if lacking:
        raise InputError(f"the TR domain has no {', '.join(lacking)}", path=tr.path)
    accepted, evaluators = _of_evaluator(tr, evaluator)
    problems = [Problem(None, remark, False) for remark in tr.remarks]
    records = _records(accepted, problems)
    whole_visits = [record for record in records if not record.link]
    lesions = [record for record in records if record.link and record.test in TESTS]
    if not lesions and not any(problem.is_fatal for problem in problems):
        raise InputError(f"no records of {', '.join(TESTS)}", path=tr.path)
    identities = {} if tu is None else _identities(tu, evaluators, problems)
    starts = _visit_starts([*lesions, *whole_visits])
    rows: list[Assessment] = []
    groups: dict[tuple[str, dt.date, str], list[_Record]] = defaultdict(list)
    for record in lesions:
        groups[record.patient, starts[record.key], record.link].append(record)
    inferred = _inferred(lesions, identities, problems, tu is not None)
    for (patient, date, link), group in groups.items():
        key = folded(patient), folded(link)
        finding = Finding(patient, link, date, identities.get(key) or inferred[key])
        row, wrong = assess(finding, [SheetRow(r.line, r.cells) for r in group])
        problems += wrong
        if row is not None:
            rows.append(row)
    rows = _without_merged(rows, groups)
    rows += _not_done(whole_visits, starts, rows, problems)
    readings = checked_readings(rows, problems, tr.path, options or ReadOptions())
    return replace(readings, trial=_trial(records, starts))


def evaluators_of(tr: Sheet) -> tuple[str, ...]:
    """The names of those whose records a TR domain holds, but for what was not accepted."""
    return tuple(sorted({_name(row) for row in _accepted(tr)}))


def _accepted(tr: Sheet) -> list[SheetRow]:
    """The records by upper-case names, without those that adjudication did not accept."""
    rows = [
        SheetRow(row.line, {name.upper(): text for name, text in row.cells.items()})
        for row in tr.rows
    ]
    return [row for row in rows if row.cells.get("TRACPTFL", "").upper() != "N"]


def _of_evaluator(tr: Sheet, evaluator: str | None) -> tuple[list[SheetRow], set[str]]:
    """The accepted records of one evaluator; its names."""
    accepted = _accepted(tr)
    if evaluator is not None:
        chosen = [
            row for row in accepted if folded(evaluator) in {*_names(row, "TR"), folded(_name(row))}
        ]
        if not chosen:
            raise InputError(
                f"no records of evaluator {evaluator}",
                path=tr.path,
                remedy=f"There are {', '.join(evaluators_of(tr))}",
            )
        accepted = chosen
    names = sorted({_name(row) for row in accepted})
    if len(names) > 1:
        raise InputError(
            f"records of several evaluators: {', '.join(names)}",
            path=tr.path,
            remedy="Choose one with --evaluator",
        )
    return accepted, set().union(*(_names(row, "TR") for row in accepted))


def _name(row: SheetRow) -> str:
    return row.cells.get("TREVALID") or row.cells.get("TREVAL", "") or "(none)"


def _names(row: SheetRow, domain: str) -> set[str]:
    """Both names of a record's evaluator, as they are compared."""
    texts = (row.cells.get(f"{domain}EVALID", ""), row.cells.get(f"{domain}EVAL", ""))
    return {folded(text) for text in texts if text}


def _records(rows: Sequence[SheetRow], problems: list[Problem]) -> list[_Record]:
    """Records that are read; what cannot be used is told.

    What was not done has the date of its visit where it has none itself.
    """
    days: dict[tuple[str, str], list[dt.date]] = defaultdict(list)
    dates: dict[int, dt.date] = {}
    used = [row for row in rows if _test(row) in TESTS or _is_not_done(row)]
    for row in used:
        try:
            if row.cells["TRDTC"] or not _is_not_done(row):
                dates[row.line] = parse_date(row.cells["TRDTC"])
        except CellError as error:
            problems.append(Problem(row.line, str(error), True))
        if row.line in dates and _visit(row):
            days[row.cells["USUBJID"], _visit(row)].append(dates[row.line])
    records = []
    for row in used:
        link = next((row.cells[name] for name in _LINK if row.cells.get(name)), "")
        if not link and not _is_not_done(row):
            problems.append(Problem(row.line, f"{_test(row)} without TRLNKID", True))
            continue
        patient = row.cells["USUBJID"]
        date = dates.get(row.line)
        if date is None and not row.cells["TRDTC"] and _is_not_done(row):
            date = min(days.get((patient, _visit(row)), ()), default=None)
            if date is None:
                problem = f"{_test(row)} not done, without a date, nor has its visit one: left out"
                problems.append(Problem(row.line, problem, False))
        if date is not None:
            visit = _visit(row) or date.isoformat()
            records.append(_Record(row.line, row.cells, patient, link, visit, date))
    return records


def _test(row: SheetRow) -> str:
    return row.cells.get("TRTESTCD", "").upper()


def _visit(row: SheetRow) -> str:
    """The number of the visit, else its name; empty where neither is said."""
    return row.cells.get("VISITNUM") or row.cells.get("VISIT") or ""


def _is_not_done(row: SheetRow) -> bool:
    return row.cells.get("TRSTAT", "").upper() == "NOT DONE"


def _visit_starts(records: Sequence[_Record]) -> _Starts:
    """Days of one VISITNUM are one visit, unless they lie far apart or repeat a measurement."""
    days: dict[tuple[str, str], dict[dt.date, set[tuple[str, str]]]] = defaultdict(
        lambda: defaultdict(set)
    )
    for record in records:
        days[record.patient, record.visit][record.date].add((record.link, record.test))
    starts: _Starts = {}
    for (patient, visit), by_date in days.items():
        start: dt.date | None = None
        seen: set[tuple[str, str]] = set()
        for date in sorted(by_date):
            measured = by_date[date]
            if start is None or (date - start).days > _VISIT_DAYS or measured & seen:
                start, seen = date, set()
            seen |= measured
            starts[patient, visit, date] = start
    return starts


def _without_merged(
    rows: Sequence[Assessment], groups: Mapping[tuple[str, dt.date, str], Sequence[_Record]]
) -> list[Assessment]:
    """Rows without lesions that another row of the day, named of both, already counts."""
    joined: dict[tuple[str, dt.date], set[str]] = defaultdict(set)
    for patient, date, link in groups:
        parts = link.replace("+", "/").split("/")
        if len(parts) > 1:
            joined[patient, date] |= {folded(part) for part in parts}
    return [
        row
        for row in rows
        if row.status is not Status.NOT_DONE
        or folded(row.lesion) not in joined[row.patient, row.date]
    ]


def _not_done(
    records: Sequence[_Record],
    starts: _Starts,
    rows: Sequence[Assessment],
    problems: list[Problem],
) -> list[Assessment]:
    """Lesions of a group whose whole visit was not done (TRALL): not evaluable then."""
    known: dict[str, dict[str, Assessment]] = defaultdict(dict)
    recorded = {(row.patient, row.lesion, row.date) for row in rows}
    for row in sorted(rows, key=lambda row: row.date):
        known[row.patient].setdefault(row.lesion, row)
    result = []
    for record in records:
        role, date = role_of(record.cells.get("TRGRPID", "")), starts[record.key]
        lesions = [
            row
            for row in known[record.patient].values()
            if row.date < date and (role is None or row.role is None or row.role is role)
        ]
        if not lesions:
            what = f"{record.test} not done, but no lesion is known before {date}: left out"
            problems.append(Problem(record.line, what, False))
        for row in lesions:
            if (row.patient, row.lesion, date) not in recorded:
                recorded.add((row.patient, row.lesion, date))
                result.append(
                    Assessment(
                        date,
                        row.lesion,
                        patient=row.patient,
                        role=row.role,
                        site=row.site,
                        status=Status.NOT_DONE,
                        line=record.line,
                    )
                )
    return result


def _identities(
    tu: Sheet, evaluators: set[str], problems: list[Problem]
) -> dict[tuple[str, str], Identity]:
    """What each lesion of each patient is, by the evaluator's own records where there are some."""
    problems += [Problem(None, f"TU: {remark}", False) for remark in tu.remarks]
    names = {name.upper() for name in tu.columns}
    if not {"USUBJID", "TUORRES"} <= names or not names & {"TULNKID", "TULINKID"}:
        raise InputError("a TU domain needs USUBJID, TULNKID and TUORRES", path=tu.path)
    rows = [
        SheetRow(row.line, {name.upper(): text for name, text in row.cells.items()})
        for row in tu.rows
    ]
    rows = [row for row in rows if row.cells.get("TUTESTCD", "TUMIDENT").upper() == "TUMIDENT"]
    identities: dict[tuple[str, str], Identity] = {}
    is_evaluators: dict[tuple[str, str], bool] = {}
    for row in rows:
        cells = row.cells
        link = cells.get("TULNKID") or cells.get("TULINKID", "")
        key = (folded(cells["USUBJID"]), folded(link))
        identity = Identity(role_of(cells["TUORRES"]), cells.get("TULOC") or "liver")
        is_by_evaluator = (
            not _names(row, "TU") or not evaluators or bool(_names(row, "TU") & evaluators)
        )
        if key not in identities or (is_by_evaluator and not is_evaluators[key]):
            identities[key], is_evaluators[key] = identity, is_by_evaluator
        elif (
            is_by_evaluator == is_evaluators[key]
            and identity.site.lower() != identities[key].site.lower()
        ):
            before = identities[key].site
            what = f"TU line {row.line}: {link} is in {identity.site}, before it was in {before}"
            problems.append(Problem(None, f"{what}: kept so", False))
    others = sum(not is_by_evaluator for is_by_evaluator in is_evaluators.values())
    if others:
        what = f"TU: {others} lesions are identified by another evaluator alone: taken from there"
        problems.append(Problem(None, what, False))
    return identities


def _inferred(
    records: Sequence[_Record],
    identities: Mapping[tuple[str, str], Identity],
    problems: list[Problem],
    has_tu: bool,
) -> dict[tuple[str, str], Identity]:
    """What lesions without a record in TU are: nodes by their tests, else in the liver."""
    tests: dict[tuple[str, str], set[str]] = defaultdict(set)
    first: dict[tuple[str, str], _Record] = {}
    for record in records:
        key = folded(record.patient), folded(record.link)
        if key not in identities:
            first.setdefault(key, record)
            if record.cells.get("TRSTAT", "").upper() != "NOT DONE":
                tests[key].add(record.test)
    inferred = {}
    for key, record in first.items():
        sizes = tests[key] & {"LDIAM", "DIAMETER", "LPERP", "SAXIS"}
        is_node = "LNSTATE" in tests[key] or (bool(sizes) and sizes <= {"LPERP", "SAXIS"})
        site = NODE if is_node else "liver"
        inferred[key] = Identity(None, site)
        if has_tu:
            remark = f"TU has no record of {record.link}: its role is that of TRGRPID, its site"
            problems.append(Problem(record.line, f"{remark} the {site}", False))
        elif is_node and "LNSTATE" not in tests[key]:
            remark = (
                f"{record.link} has a short axis alone: taken as a {site} (--tu says what it is)"
            )
            problems.append(Problem(record.line, remark, False))
    return inferred


def _trial(records: Sequence[_Record], starts: _Starts) -> Trial:
    studies: dict[str, str] = {}
    visits: dict[tuple[str, dt.date], tuple[str, str]] = {}
    for record in records:
        cells = record.cells
        studies.setdefault(record.patient, cells.get("STUDYID", ""))
        visits.setdefault(
            (record.patient, starts[record.key]),
            (cells.get("VISITNUM", ""), cells.get("VISIT", "")),
        )
    first = records[0].cells if records else {}
    return Trial(studies, visits, (first.get("TREVAL", ""), first.get("TREVALID", "")))
