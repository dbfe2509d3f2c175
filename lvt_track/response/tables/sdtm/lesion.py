"""One lesion at one visit from its records of SDTM's TR domain."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from math import isclose

from lvt_track.core.response.assessment import NODE, Assessment, Role, Status
from lvt_track.core.response.sites import default_site_words
from lvt_track.io.spreadsheets.sheet import SheetRow
from lvt_track.response.tables.cells import (
    CellError,
    Problem,
    parse_length_mm,
    parse_volume_ml,
)

__all__ = ["TESTS", "Finding", "Identity", "assess", "role_of"]

TESTS = ("LDIAM", "DIAMETER", "LPERP", "SAXIS", "VOLUME", "TUMSTATE", "LNSTATE")
"""Test codes that are read."""

_STATES = {
    "PRESENT": Status.MEASURED,
    "STABLE": Status.MEASURED,
    "ABSENT": Status.ABSENT,
    "DISAPPEARED": Status.ABSENT,
    "RESOLVED": Status.ABSENT,
    "EQUIVOCAL": Status.EQUIVOCAL,
    "UNEQUIVOCAL PROGRESSION": Status.PROGRESSION,
    "PROGRESSION": Status.PROGRESSION,
    "UNEQUIVOCAL": Status.PROGRESSION,
    "TOO SMALL TO MEASURE": Status.TOO_SMALL,
    "BELOW LIMIT OF DETECTION": Status.TOO_SMALL,
    "NOT EVALUABLE": Status.NOT_DONE,
    "NOT ASSESSED": Status.NOT_DONE,
    "NOT ASSESSABLE": Status.NOT_DONE,
    "UNABLE TO EVALUATE": Status.NOT_DONE,
}
_NODE_STATES = {
    "PATHOLOGICAL": Status.MEASURED,
    "PATHOLOGIC": Status.MEASURED,
    "NON-PATHOLOGICAL": Status.ABSENT,
    "NON PATHOLOGICAL": Status.ABSENT,
    "NON-PATHOLOGIC": Status.ABSENT,
    "NONPATHOLOGICAL": Status.ABSENT,
    "NORMAL": Status.ABSENT,
}
# The sum of a lesion that merged or split stands in the row of what it became.
_ELSEWHERE = ("MERGED", "COALESCED", "SPLIT")


@dataclass(frozen=True)
class Identity:
    """What TU says of a lesion; its role is None where TU does not say it."""

    role: Role | None
    site: str


@dataclass(frozen=True)
class Finding:
    """Whose lesion, and when.

    Attributes:
        patient, lesion: USUBJID and TRLNKID.
        date: first day of the visit.
        identity: what it is.
    """

    patient: str
    lesion: str
    date: dt.date
    identity: Identity


def role_of(text: str) -> Role | None:
    """TARGET, NON-TARGET or NEW, also inside a longer text; what is new is new first."""
    words = text.upper().replace("_", " ").replace("-", " ").split()
    if "NEW" in words:
        return Role.NEW
    if "NON" in words or any(word.startswith("NONTARGET") for word in words):
        return Role.NON_TARGET
    return Role.TARGET if any(word.startswith("TARGET") for word in words) else None


def assess(
    finding: Finding, records: Sequence[SheetRow]
) -> tuple[Assessment | None, list[Problem]]:
    """The assessment, None where its records cannot be used; and what is wrong with them."""
    identity = finding.identity
    group = records[0].cells.get("TRGRPID", "")
    role = identity.role or role_of(group)
    reader = _RecordReader(finding.lesion, role)
    for record in records:
        reader.read(record)
    line = min(record.line for record in records)
    status = reader.settle(line, default_site_words().organ(identity.site) == NODE)
    if any(problem.is_fatal for problem in reader.problems):
        return None, reader.problems
    row = Assessment(
        date=finding.date,
        lesion=finding.lesion,
        patient=finding.patient,
        role=role,
        site=identity.site,
        long_axis_mm=reader.sizes.get("LDIAM"),
        short_axis_mm=reader.sizes.get("LPERP"),
        volume_ml=reader.sizes.get("VOLUME"),
        status=status,
        line=line,
    )
    return row, reader.problems


class _RecordReader:
    """Collects sizes and states of one lesion at one visit."""

    def __init__(self, lesion: str, role: Role | None) -> None:
        self.lesion, self.role = lesion, role
        self.sizes: dict[str, float] = {}
        self.status: Status | None = None
        self.node_status: Status | None = None
        self.problems: list[Problem] = []

    def read(self, record: SheetRow) -> None:
        """Take in one record."""
        cells, test = record.cells, record.cells["TRTESTCD"].upper()
        result = " ".join((cells["TRORRES"] or cells.get("TRSTRESC", "")).upper().split())
        if cells.get("TRSTAT", "").upper() == "NOT DONE":
            self.status = self.status or Status.NOT_DONE
        elif test == "LNSTATE":
            self.node_status = _NODE_STATES.get(result)
            if self.node_status is None:
                self._refuse(record.line, f"state of a lymph node {result!r} is not known")
        elif any(word in result for word in _ELSEWHERE):
            self.status = Status.NOT_DONE
        elif result in _STATES:
            self.status = _STATES[result]
        elif test == "TUMSTATE":
            self._refuse(record.line, f"tumour state {result!r} is not known")
        else:
            self._add_size(record, "LPERP" if test == "SAXIS" else test)

    def settle(self, line: int, is_node: bool) -> Status:
        """The status, after sizes and states were held against each other."""
        self._one_diameter(line, is_node)
        if self.status is Status.PROGRESSION and self.role is Role.NEW:
            self.status = Status.MEASURED  # an unequivocal new lesion is one that is there
        if self.status is Status.PROGRESSION and self.role is Role.TARGET and self.sizes:
            self.status = None  # a target is judged by its size
        if any(size == 0 for size in self.sizes.values()):
            self._remark(line, f"{self.lesion} has a size of 0: taken as absent")
            self.status, self.sizes = Status.ABSENT, {}
        if self.node_status is not None and self.role is not Role.TARGET:
            self._believe_node_state(line)
        status = self.status or Status.MEASURED
        sizes = self.sizes
        if "LPERP" in sizes and sizes.get("LDIAM", sizes["LPERP"]) < sizes["LPERP"]:
            self._refuse(line, f"{self.lesion}: LPERP is longer than LDIAM")
        if any(size < 0 for size in sizes.values()):
            self._refuse(line, f"{self.lesion} has a negative size")
        if sizes and status in (Status.NOT_DONE, Status.ABSENT):
            self._refuse(line, f"{self.lesion} is {status.value}, but has a size")
        if self.role is Role.TARGET and not sizes and status is Status.MEASURED:
            self._refuse(line, f"target {self.lesion} has no size")
        if self.role is Role.TARGET and not sizes and status is Status.PROGRESSION:
            self._refuse(line, f"target {self.lesion} is judged by its size, not by a word")
        return status

    def _add_size(self, record: SheetRow, test: str) -> None:
        if test in self.sizes:
            self._refuse(record.line, f"{test} of {self.lesion} stands twice")
        try:
            self.sizes[test] = _size(record, test)
        except CellError as error:
            self._refuse(record.line, f"{test}: {error}")

    def _one_diameter(self, line: int, is_node: bool) -> None:
        """DIAMETER is the short axis of a node without one, else the long axis."""
        diameter = self.sizes.pop("DIAMETER", None)
        if diameter is None:
            return
        if is_node and "LPERP" not in self.sizes:
            self.sizes["LPERP"] = diameter
            self._remark(line, f"DIAMETER of node {self.lesion} is taken as its short axis")
            return
        other = self.sizes.get("LPERP" if is_node else "LDIAM")
        if other is None:
            self.sizes["LDIAM"] = diameter
        elif not isclose(other, diameter, rel_tol=0.01):
            name = "LPERP" if is_node else "LDIAM"
            contrast = f"{self.lesion}: DIAMETER {diameter:g} mm, {name} {other:g} mm"
            self._refuse(line, f"{contrast}: which one counts?")

    def _believe_node_state(self, line: int) -> None:
        """A reader's word for a node that is no target goes before its size."""
        if self.node_status is Status.ABSENT:
            self.sizes = {}
            self.status = self.status if self.status is Status.NOT_DONE else Status.ABSENT
        elif 0 < self.sizes.get("LPERP", 0) < 10:
            remark = f"node {self.lesion} is called pathological, its short axis is below 10 mm"
            self._remark(line, f"{remark}: taken as there")
            self.sizes = {}
        elif self.status is Status.ABSENT:
            self._refuse(line, f"node {self.lesion} is pathological and absent")

    def _refuse(self, line: int, what: str) -> None:
        self.problems.append(Problem(line, what, True))

    def _remark(self, line: int, what: str) -> None:
        self.problems.append(Problem(line, what, False))


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
        return parse_volume_ml(text, factors[unit])
    if unit not in ("mm", "cm", ""):
        raise CellError(f"unit {unit!r} is not mm or cm")
    return parse_length_mm(text, 10.0 if unit == "cm" else 1.0)
