"""What leaves a run: results that do not say whose they are, unless the user asks for it.

Messages are made deep down, of paths, headers and names of files. Rather than each knowing who may
read it, all pass here on their way out: paths below the patient's folder become relative, with
pseudonyms for names that are no dates; what a message quotes of a scan (in “ ”) is left out; the
patient's own id and name, and the bare names of files, give way to pseudonyms too.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from lvt_track.core.course import Course, VisitFindings
from lvt_track.core.series import MaskSource, Series, Visit
from lvt_track.errors import LvtError
from lvt_track.io.discover import Discovery
from lvt_track.pipeline.run.progress import Progress
from lvt_track.pipeline.run.pseudonyms import Pseudonyms, names_nobody

if TYPE_CHECKING:  # loads scipy.stats, which segmenting never needs
    from lvt_track.agreement.records import ReaderComparison

__all__ = ["HINT", "THE_FOLDER", "Disclosure"]

THE_FOLDER = "the patient's folder"
HINT = "Names such as f-… stand for real ones: --identify shows them"

# Bare names shorter than this, or than these digits, are words and numbers of messages too.
_LEAST_NAME, _LEAST_DIGITS, _LEAST_ID = 4, 6, 2
_LONGEST_PATH = 1024
# Words of messages and names of options, by which files are called too: they name nobody.
_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        corrections lesion lesions match measurements model phases radiologist reader register
        report reports response results sites table tables track tracks truth
        """,
    )
)
_QUOTED = re.compile("“([^”]*)”")
_UID = re.compile(r"[0-9.]{8,64}")


@dataclass(frozen=True)
class Disclosure:
    """Who is told what.

    Attributes:
        root: the patient's folder, or the file of a single scan.
        pseudonyms: that stand for names; None where the user asks for the real ones.
        patient: the patient's real name in reports; empty where not known yet.
        identities: other names of the patient in the headers.
        tables: files that a reader brings.
        label: how results call the patient, where an earlier run said it.
    """

    root: Path
    pseudonyms: Pseudonyms | None
    patient: str = ""
    identities: tuple[str, ...] = ()
    tables: tuple[Path, ...] = ()
    label: str = ""

    def knowing(self, discovery: Discovery) -> Disclosure:
        """The same, once the scans are known."""
        return replace(self, patient=discovery.patient, identities=discovery.identities)

    def as_before(self, patient: str) -> Disclosure:
        """The same, calling the patient as an earlier run did, if by a pseudonym."""
        return replace(self, label=patient) if Pseudonyms.is_of_patient(patient) else self

    @property
    def shown_patient(self) -> str:
        """How results call the patient."""
        if self.pseudonyms is None:
            return self.patient
        return self.label or self.pseudonyms.patient(self.patient)

    @property
    def shown_scan(self) -> str:
        """How results call a single scan: by its file or folder."""
        name = self.root.name
        if self.pseudonyms is None:
            return name
        return self.pseudonyms.folder(name) if self.root.is_dir() else self.pseudonyms.file(name)

    def path(self, path: Path) -> Path:
        """A path as it may be shown: relative to the patient's folder where it lies below it."""
        if self.pseudonyms is None:
            return path
        for root in self._roots:
            if str(path).startswith(f"{root}/"):
                return Path(self._relative(str(path)[len(root) + 1 :]))
        return Path(self.text(str(path)))

    def text(self, text: str) -> str:
        """A message as it may be shown; one that was shown before stays as it is."""
        if self.pseudonyms is None or not text:
            return text
        for place in self._roots:
            text = self._without_paths(text, place)
        for table in self.tables:
            for written in (str(table.absolute()), str(table), table.name):
                text = _replaced(text, written, self.pseudonyms.file(table.name))
        text = _QUOTED.sub(lambda quoted: f"“{self._quoted(quoted[1])}”", text)
        for name in self._patient_names:
            text = _replaced(text, name, self.shown_patient)
        for name in self._bare_names:
            if name in text:
                text = _replaced(text, name, self._places[name])
        return text

    def error(self, error: LvtError, typed: Sequence[Path] = ()) -> LvtError:
        """An error as it may be shown; what the user mistyped is.

        Args:
            error: of a job.
            typed: tables that were named to a command; its user is told of them by these names.
        """
        if self.pseudonyms is None or not self.root.exists():
            return error
        path = error.path
        if path is not None and path not in typed:
            path = self.path(path)
        what, remedy = self._text_around(error.what, typed), self.text(error.remedy)
        if Pseudonyms.stand_in(f"{what} {path}"):
            remedy = f"{remedy}{'. ' if remedy else ''}{HINT}"
        return type(error)(what, path=path, remedy=remedy)

    def _text_around(self, text: str, typed: Sequence[Path]) -> str:
        """A message as it may be shown, with the paths that were typed as they stand in it."""
        names = "|".join(re.escape(name) for name in sorted(map(str, typed), key=len, reverse=True))
        parts = re.split(rf"(?<!\w)({names})(?!\w)", text) if names else [text]
        return "".join(part if k % 2 else self.text(part) for k, part in enumerate(parts))

    def progress(self, progress: Progress) -> Progress:
        """A listener that is told what may be shown."""
        return progress if self.pseudonyms is None else _Discreet(progress, self)

    def discovery(self, discovery: Discovery) -> Discovery:
        """What was found, as it may be shown."""
        if self.pseudonyms is None:
            return discovery
        reasons = {item.reason for item in discovery.left_out}
        reasons |= {item.reason for item in discovery.files}
        shown = {reason: self.text(reason) for reason in reasons}
        return Discovery(
            self.shown_patient,
            tuple(self._visit(visit, with_files=True) for visit in discovery.visits),
            tuple(
                replace(item, path=self.path(item.path), reason=shown[item.reason], files=())
                for item in discovery.left_out
            ),
            self._texts(discovery.warnings),
            tuple(
                replace(item, path=self.path(item.path), reason=shown[item.reason])
                for item in discovery.files
            ),
        )

    def course(self, course: Course) -> Course:
        """A course as it may be shown; the paths of its files are the real ones."""
        if self.pseudonyms is None:
            return course
        return replace(
            course,
            patient=self.shown_patient,
            visits=tuple(self._findings(findings) for findings in course.visits),
            phases=tuple(
                replace(phase, series="", warnings=self._texts(phase.warnings))
                for phase in course.phases
            ),
            warnings=self._texts(course.warnings),
        )

    def comparison(self, comparison: ReaderComparison) -> ReaderComparison:
        """A comparison with a reader, as it may be shown."""
        table, remarks = self.text(comparison.table), self._texts(comparison.remarks)
        return replace(comparison, table=table, remarks=remarks)

    def _texts(self, texts: Iterable[str]) -> tuple[str, ...]:
        return tuple(self.text(text) for text in texts)

    def _findings(self, findings: VisitFindings) -> VisitFindings:
        visit, warnings = self._visit(findings.visit), self._texts(findings.warnings)
        return replace(findings, visit=visit, warnings=warnings)

    def _visit(self, visit: Visit, with_files: bool = False) -> Visit:
        series = tuple(self._series(one, with_files) for one in visit.series)
        return replace(visit, study=self._uid(visit.study), series=series)

    def _series(self, series: Series, with_files: bool) -> Series:
        shown = replace(
            series,
            uid=self._uid(series.uid),
            description="",
            warnings=self._texts(series.warnings),
        )
        if not with_files:
            return shown
        masks = {
            name: MaskSource.joined(
                [replace(part, path=self.path(part.path)) for part in mask.parts]
            )
            for name, mask in series.masks.items()
        }
        files = tuple(self.path(path) for path in series.files)
        return replace(shown, files=files, masks=masks, frames=())

    def _uid(self, name: str) -> str:
        """What stands for a UID where there is none is made of folders' names."""
        if _UID.fullmatch(name):
            return name
        text = self.text(name)
        return text if text != name or not name else self._relative(name)

    def _is_plain(self, name: str) -> bool:
        """Whether a name is a date or a word of layouts, which stand in messages too."""
        return self.pseudonyms is None or names_nobody(name)

    def _quoted(self, text: str) -> str:
        """What stands for what a message quotes of a scan."""
        if Pseudonyms.is_of_patient(text):
            return text
        return self.shown_patient if text in self._patient_names else self._places.get(text, "…")

    @cached_property
    def _patient_names(self) -> tuple[str, ...]:
        """Names of the patient that are no words or small numbers of messages."""
        assert self.pseudonyms is not None
        # A folder may be called by a word that messages use, such as `empty`.
        folders = {self.patient, self.root.resolve().name if self.root.is_dir() else ""}
        names = {name for name in folders if not (name.isalpha() and name.islower())}
        names.update(self.identities)

        def is_telling(name: str) -> bool:
            least = _LEAST_NAME if name.isdigit() else _LEAST_ID
            return len(name) >= least and not self._is_plain(name)

        return tuple(sorted(filter(is_telling, names), key=len, reverse=True))

    @cached_property
    def _roots(self) -> tuple[str, ...]:
        places = {str(self.root.absolute()), str(self.root.resolve())}
        return tuple(sorted(places, key=len, reverse=True))

    @cached_property
    def _below(self) -> frozenset[str]:
        """Every path below the patient's folder, relative to it."""
        paths: list[str] = []
        for parent, folders, names in os.walk(self.root):
            inside = os.path.relpath(parent, self.root)
            head = "" if inside == "." else f"{inside}/"
            paths += [head + name for name in (*folders, *names)]
        return frozenset(paths)

    @cached_property
    def _places(self) -> dict[str, str]:
        """What stands for each name of a file or folder that says something."""
        assert self.pseudonyms is not None
        names = {part for path in self._below for part in path.split("/")}
        if not self.root.is_dir():
            names.add(self.root.name)
        shown: dict[str, str] = {}
        for name in names:
            is_file = "." in name
            shown[name] = self.pseudonyms.file(name) if is_file else self.pseudonyms.folder(name)
            stem = name.split(".")[0]
            shown.setdefault(stem, self.pseudonyms.file(name).split(".")[0])
        return {name: place for name, place in shown.items() if name != place}

    @cached_property
    def _bare_names(self) -> tuple[str, ...]:
        def is_telling(name: str) -> bool:
            is_long = len(name) >= (_LEAST_DIGITS if name.isdigit() else _LEAST_NAME)
            return is_long and name not in _WORDS

        return tuple(sorted(filter(is_telling, self._places), key=len, reverse=True))

    def _relative(self, path: str) -> str:
        """A path below the root, each name as it may be shown."""
        assert self.pseudonyms is not None
        hidden = self.pseudonyms
        parts = path.split("/")
        return "/".join(hidden.file(part) if "." in part else hidden.folder(part) for part in parts)

    def _without_paths(self, text: str, root: str) -> str:
        """A text with every path at or below the root made relative to it."""
        parts, start = [], 0
        while (at := text.find(root, start)) >= 0:
            parts.append(text[start:at])
            start = at + len(root)
            if text[start : start + 1] != "/":
                is_whole = not re.match(r"[\w.-]*\w", text[start:])
                parts.append(self._shown_root() if is_whole else root)
                continue
            tail = text[start + 1 : start + 1 + _LONGEST_PATH]
            ends = range(len(tail), 0, -1)
            end = next((k for k in ends if tail[:k] in self._below), 0)
            if not end:
                match = re.match(r"[^\s:;,]*", tail)
                end = match.end() if match else 0
            parts.append(self._relative(tail[:end]) or self._shown_root())
            start += 1 + end
        return "".join((*parts, text[start:]))

    def _shown_root(self) -> str:
        assert self.pseudonyms is not None
        return THE_FOLDER if self.root.is_dir() else self.pseudonyms.file(self.root.name)


class _Discreet:
    """Tells another listener what may be shown."""

    def __init__(self, listener: Progress, disclosure: Disclosure) -> None:
        self._listener, self._disclosure = listener, disclosure

    def stage(self, name: str, total: int) -> None:
        """A stage begins."""
        self._listener.stage(name, total)

    def step(self, done: str) -> None:
        """One step is done."""
        self._listener.step(self._disclosure.text(done))

    def note(self, text: str) -> None:
        """Something worth knowing."""
        self._listener.note(self._disclosure.text(text))

    def warn(self, text: str) -> None:
        """Something the reader of the results must know."""
        self._listener.warn(self._disclosure.text(text))


def _replaced(text: str, name: str, by: str) -> str:
    """A text with a name replaced, where it stands as a word of its own."""
    if name not in text:
        return text
    return re.sub(rf"(?<![\w]){re.escape(name)}(?![\w])", lambda _: by, text)
