"""Pseudonyms of patients, files and folders: the same name has the same one, and none leads back.

An HMAC (RFC 2104, SHA-256) of the name under a secret key. Ids of patients are short numbers: a
plain digest, or one whose salt is known, is undone by trying them all.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from lvt_track.errors import UsageError
from lvt_track.io.dates import date_in_name

__all__ = ["KEY_VARIABLE", "Pseudonyms", "default_pseudonyms", "names_nobody"]

KEY_VARIABLE = "LVT_PSEUDONYM_KEY"
"""Environment variable with the key, for machines that are to give the same pseudonyms."""

_LEAST_KEY = 16
_PATIENT, _PLACE = re.compile(r"P-[A-Z2-7]{10}"), re.compile(r"[df]-[A-Z2-7]{8}(\.[a-z0-9.]+)?")
_DATE = re.compile(r"(?<!\d)\d{4}([-_.]?)\d{2}\1\d{2}(?!\d)")
# Words that layouts are made of, see docs/use/inputs.md: they name nobody.
_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
        ct portal venous arterial native delayed unknown late pv art nc liver vessels vessel
        tumors tumours tumor tumour lesions cysts label labels mask masks scan scans image images
        series study studies slice slices dicom dicomdir sessions visit visits patient
        """,
    )
)
# Names that scanners, archives and exports give to slices and series: IM_0007, slice003, UIDs.
_COUNTED = re.compile(
    r"(im|img|i|image|slice|ct|s|se|ser|series|st|study|scan|dcm|file|z|vol)[-_ ]?\d{1,6}"
    r"|\d+(\.\d+){4,}",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\d{1,3}|0\d{1,5}")
_SUFFIX = re.compile(
    r"(\.(nii|mha|mhd|nrrd|nhdr|hdr|img|raw|zraw|dcm|ima|dicom|csv|tsv|xlsx|zip|tar))?(\.gz)?$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Pseudonyms:
    """Gives pseudonyms.

    Attributes:
        key: the secret.
    """

    key: bytes = field(repr=False)

    @staticmethod
    def stand_in(text: str) -> bool:
        """Whether a text shows the pseudonym of a file or folder."""
        return _PLACE.search(text) is not None

    def patient(self, name: str) -> str:
        """Of a patient, by the id; case and blanks around it do not count: `P-` and 50 bits."""
        return f"P-{self._digits(f'patient {name.strip().casefold()}', 10)}"

    @staticmethod
    def is_of_patient(name: str) -> bool:
        """Whether a name looks like the pseudonym of a patient, under whatever key."""
        return _PATIENT.fullmatch(name) is not None

    def folder(self, name: str) -> str:
        """Of a folder; dates, words of layouts and counts stay, and a date inside a name does."""
        stays = names_nobody(name) or _COUNTED.fullmatch(name)
        return name if stays else self._place("d", name, "")

    def file(self, name: str) -> str:
        """Of a file, with the ending that says its format; the same stays, and a slice's number."""
        match = _SUFFIX.search(name)
        suffix = match[0] if match else ""
        stem = name[: len(name) - len(suffix)]
        is_number = suffix and _NUMBERED.fullmatch(stem)
        stays = names_nobody(stem) or _COUNTED.fullmatch(stem) or is_number
        return name if stays else self._place("f", name, suffix.lower())

    def _place(self, kind: str, name: str, suffix: str) -> str:
        if _PLACE.fullmatch(name):
            return name
        date = date_in_name(name)
        head = "" if date is None else f"{date.isoformat()}_"
        if head and _PLACE.fullmatch(name.removeprefix(head)):
            return name
        return f"{head}{kind}-{self._digits(f'place {name}', 8)}{suffix}"

    def _digits(self, text: str, count: int) -> str:
        content = text.encode("utf-8", "surrogateescape")
        digest = hmac.new(self.key, content, hashlib.sha256).digest()
        return base64.b32encode(digest).decode("ascii")[:count]


def default_pseudonyms() -> Pseudonyms:
    """Those of this user: by the variable, else by a key that is drawn once and kept in a file.

    The file is `lvt/pseudonym.key` below `$XDG_CONFIG_HOME` or `~/.config`, and nobody else can
    read it. Where it cannot be written, the key lasts as long as the process.

    Raises:
        UsageError: for a key that is too short to be one.
    """
    given = os.environ.get(KEY_VARIABLE, "")
    if given:
        if len(given) < _LEAST_KEY:
            what = f"{KEY_VARIABLE} has fewer than {_LEAST_KEY} characters, and could be guessed"
            raise UsageError(what, remedy="Give it a long random text")
        return Pseudonyms(given.encode("utf-8", "surrogateescape"))
    return Pseudonyms(_kept_key())


_of_process = secrets.token_bytes(32)


def _kept_key() -> bytes:
    """The key in the user's file, which is made where there is none."""
    try:
        home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
        path = Path(home) / "lvt" / "pseudonym.key"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            # Whoever comes first makes it, whole: a link fails where the name is taken.
            draft = path.with_name(f".{secrets.token_hex(8)}")
            with os.fdopen(
                os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w"
            ) as file:
                file.write(secrets.token_hex(32) + "\n")
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
            draft.unlink()
        key = path.read_text(encoding="ascii").strip()
    except (OSError, RuntimeError, ValueError):
        return _of_process
    return key.encode() if len(key) >= _LEAST_KEY else _of_process


def names_nobody(name: str) -> bool:
    """Whether a name is made of a date and of words that layouts are made of."""
    rest = _DATE.sub("", name, count=1) if date_in_name(name) is not None else name
    words = re.split(r"[-_. ]+", rest.casefold())
    return all(word in _WORDS for word in words if word)
