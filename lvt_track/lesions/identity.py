"""Identity belongs to the tumour: its number and its UID outlive corrections and repainted masks.

A run remembers its tumours in a ledger: for each the number, the UID and its lesions, by scan,
voxels and place. The next run of the same folder follows lesions anew, and each track inherits from
the tumour whose lesions it holds. A tumour that falls apart stays with the part that holds its
first lesion; one that is joined to another is retired, and is itself again when they are parted. A
number or UID is never given twice.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from lvt_track.core.lesion.lesion import Lesion, Track
from lvt_track.lesions.corrections.lesion_names import LesionName, identify, name_of

__all__ = ["SCAN_DIGITS", "KnownTumor", "KnownVisit", "Member", "identified", "remembered"]

SCAN_DIGITS = 16
"""Digits of a scan's digest that are kept: enough that no two scans share them."""

Key = tuple[int, int]


@dataclass(frozen=True)
class Member:
    """One lesion of a tumour.

    Attributes:
        scan: digest of the voxels of the scan that shows it.
        name: its visit, number, place, volume and voxels.
    """

    scan: str
    name: LesionName


@dataclass(frozen=True)
class KnownTumor:
    """One entry of the ledger.

    Attributes:
        number: of its track.
        uid: DICOM UID, of the root 2.25.
        members: its lesions by date; also those of visits that are not at hand now.
        is_retired: whether its lesions belong to other tumours, or are gone.
    """

    number: int
    uid: str
    members: tuple[Member, ...]
    is_retired: bool = False

    def facts(self) -> dict[str, Any]:
        """The entry as plain values; places to a hundredth of a millimetre."""
        return {
            "number": self.number,
            "uid": self.uid,
            "is_retired": self.is_retired,
            "lesions": [
                {
                    "date": member.name.date.isoformat(),
                    "scan": member.scan,
                    "lesion": member.name.label,
                    "place_mm": [round(value, 2) for value in member.name.place_mm or ()],
                    "volume_ml": round(member.name.volume_ml or 0.0, 4),
                    "voxels": member.name.voxels,
                }
                for member in self.members
            ],
        }

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Self:
        """An entry as `facts` gives it.

        Raises:
            KeyError, TypeError, ValueError: when it is none.
        """
        members = []
        for lesion in facts["lesions"]:
            x, y, z = (float(value) for value in lesion["place_mm"])
            name = LesionName(
                dt.date.fromisoformat(lesion["date"]),
                int(lesion["lesion"]),
                (x, y, z),
                float(lesion["volume_ml"]),
                str(lesion["voxels"]),
            )
            members.append(Member(str(lesion["scan"]), name))
        number, uid = int(facts["number"]), str(facts["uid"])
        if number < 1 or not uid.startswith("2.25."):
            raise ValueError(f"tumour {number} with UID {uid!r} is none of this program's")
        return cls(number, uid, tuple(members), bool(facts["is_retired"]))


@dataclass(frozen=True)
class KnownVisit:
    """A visit as the ledger knows it.

    Attributes:
        date: of the visit.
        scan: digest of the voxels of its scan.
        lesions: its lesions.
    """

    date: dt.date
    scan: str
    lesions: tuple[Lesion, ...]


def identified(
    tracks: Sequence[Track],
    visits: Sequence[KnownVisit],
    ledger: Sequence[KnownTumor],
    patient: str,
) -> tuple[Track, ...]:
    """The tracks with the numbers and UIDs of the tumours that they hold, by number.

    A UID is minted from the patient's name, the scan and the voxels of the first lesion, so that
    the same inputs give the same, and no two tumours do.

    Args:
        tracks: as matching numbers them.
        visits: by index.
        ledger: what an earlier run remembered; empty for none.
        patient: name of the patient.
    """
    heirs = _heirs(tracks, visits, ledger)
    free = max((known.number for known in ledger), default=0) + 1
    taken = {known.uid for known in ledger}
    named = []
    for track in sorted(tracks, key=lambda track: track.number):
        known = heirs.get(track.number)
        if known is None:
            number, free = free, free + 1
            uid = _minted(_first_member(track, visits), patient, taken)
            taken.add(uid)
        else:
            number, uid = known.number, known.uid
        named.append(replace(track, number=number, uid=uid))
    return tuple(sorted(named, key=lambda track: track.number))


def remembered(
    tracks: Sequence[Track], visits: Sequence[KnownVisit], ledger: Sequence[KnownTumor]
) -> tuple[KnownTumor, ...]:
    """The ledger after a run, by number.

    Args:
        tracks: as `identified` gives them.
        visits: by index.
        ledger: what was known before the run.
    """
    current = {visit.scan for visit in visits} | {visit.date for visit in visits}
    known = {tumor.number: replace(tumor, is_retired=True) for tumor in ledger}
    for track in tracks:
        members = [_member(key, visits) for key in track.lesions]
        before = known[track.number].members if track.number in known else ()
        members += [m for m in before if m.scan not in current and m.name.date not in current]
        members.sort(key=lambda member: (member.name.date, member.name.label))
        known[track.number] = KnownTumor(track.number, track.uid, tuple(members))
    return tuple(known[number] for number in sorted(known))


def _heirs(
    tracks: Sequence[Track], visits: Sequence[KnownVisit], ledger: Sequence[KnownTumor]
) -> dict[int, KnownTumor]:
    """By number of the track, the tumour it inherits from.

    Claims are settled in order: tumours that were there before retired ones, the part with the
    tumour's first lesion before others, older tumours before younger ones, larger parts first.
    """
    track_of = {key: track.number for track in tracks for key in track.lesions}
    claims = []
    for known in ledger:
        parts: dict[int, list[tuple[dt.date, float]]] = {}
        for member in known.members:
            key = _lesion_now(member, visits)
            if key in track_of:
                held = (member.name.date, member.name.volume_ml or 0.0)
                parts.setdefault(track_of[key], []).append(held)
        start = min((date for part in parts.values() for date, _ in part), default=None)
        for number, part in parts.items():
            first = min(date for date, _ in part)
            size = sum(volume_ml for _, volume_ml in part)
            order = (known.is_retired, first != start, first, known.number, -size, number)
            claims.append((order, number, known))
    heirs: dict[int, KnownTumor] = {}
    settled: set[int] = set()
    for _, number, known in sorted(claims, key=lambda claim: claim[0]):
        if number not in heirs and known.number not in settled:
            heirs[number] = known
            settled.add(known.number)
    return heirs


def _lesion_now(member: Member, visits: Sequence[KnownVisit]) -> Key | None:
    """The lesion that a remembered one is now; scans are known by their voxels, else by date."""
    same_scan = [k for k, visit in enumerate(visits) if visit.scan == member.scan]
    same_date = [k for k, visit in enumerate(visits) if visit.date == member.name.date]
    for k in (*same_scan, *same_date):
        lesion = identify(member.name, visits[k].lesions)
        return None if lesion is None else (k, lesion.label)
    return None


def _member(key: Key, visits: Sequence[KnownVisit]) -> Member:
    visit = visits[key[0]]
    lesion = next(one for one in visit.lesions if one.label == key[1])
    return Member(visit.scan, name_of(lesion, visit.date))


def _first_member(track: Track, visits: Sequence[KnownVisit]) -> Member:
    """The largest lesion of a track at its first visit."""
    first = [_member(key, visits) for key in track.lesions if key[0] == track.lesions[0][0]]
    return max(first, key=lambda member: (member.name.volume_ml or 0.0, -member.name.label))


def _minted(member: Member, patient: str, taken: Iterable[str]) -> str:
    """A UID of the root 2.25 (a UUID as a number, DICOM PS3.5 B.2) that none has yet."""
    for attempt in range(1000):
        source = "\n".join(("lvt tumour", patient, member.scan, member.name.voxels, str(attempt)))
        if not member.name.voxels:
            source += f"\n{member.name}"
        digest = hashlib.sha256(source.encode()).digest()
        uid = f"2.25.{uuid.UUID(bytes=digest[:16], version=5).int}"
        if uid not in taken:
            return uid
    raise RuntimeError("no UID is left for this tumour")
