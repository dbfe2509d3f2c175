"""The contrast phase of a series, from words and from the time since injection."""

from __future__ import annotations

import re

from lvt_track.core.records import Phase

__all__ = ["phase_of_delay", "phase_of_text"]

# Words of English, German, French, Italian, Spanish, Portuguese, Dutch and the Nordic languages.
# Phrases for "without contrast" come first, because they contain words for contrast.
_NATIVE = (
    r"nativ\w*|natief|unenhanced|plain|basale|blanco|nc|ncct|nect|non[ -]?con\w*|"
    r"non[ -]?enh\w*|noncontrast|no (?:contrast|cm|iv)|pre ?con\w*|pre ?kontrast|precontraste|"
    r"w ?o|without(?: iv)?(?: contrast)?|ohne(?: i v)?(?: km| kontrast\w*)?|kein km|nativphase|"
    r"sans(?: inj\w*| iv| pdc| contrast\w*| produit)?|non inject\w*|avant inj\w*|"
    r"senza(?: mdc| contrasto)?|sin(?: civ| contraste| cte)|sem(?: contraste| civ)|"
    r"zonder(?: contrast)?|uten(?: kontrast| iv| km)?|utan(?: kontrast)?|uden(?: kontrast)?"
)
_ARTERIAL = r"\w*arteriel\w*|\w*arterial\w*|arterios\w*|\w*artär\w*|art|hap"
_PORTAL = (
    r"\w*portal\w*|porto\w*|pv|pvp|vp|ven|\w*venous|\w*venös\w*|\w*venoes\w*|venos\w*|"
    r"veineu\w*|\w*venøs\w*|\w*veneu\w*|(?:6[05]|7[05]|80|90) ?s(?:ec)?"
)
_DELAYED = (
    r"delay\w*|late|spät\w*|spaet\w*|tardi\w*|equilib\w*|äquilib\w*|laat|laattijdig\w*|"
    r"sen ?fase|excret\w*|ausscheid\w*|wash ?out|"
    r"(?:[2-9]|1[05]) ?min\w*"
)
_WORDS = {
    phase: re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])")
    for phase, words in (
        (Phase.NATIVE, _NATIVE),
        (Phase.ARTERIAL, _ARTERIAL),
        (Phase.PORTAL, _PORTAL),
        (Phase.DELAYED, _DELAYED),
    )
}
_SEPARATORS = re.compile(r"[\W_]+")

# Abdominal protocols scan 20 to 45 s after injection for the late arterial phase, 60 to 90 s for
# the portal venous one, and from 3 min for the delayed one (Kim et al., LI-RADS v2018 technique).
_EARLIEST_S, _ARTERIAL_END_S, _PORTAL_END_S, _LATEST_S = 10.0, 48.0, 130.0, 1800.0


def phase_of_text(text: str) -> Phase:
    """The phase that a series description, protocol or file name speaks of.

    Unknown when it names none, or several that do not go together.
    """
    plain = _SEPARATORS.sub(" ", text.casefold()).strip()
    native = _WORDS[Phase.NATIVE].search(plain)
    if native is not None:
        plain = plain[: native.start()] + plain[native.end() :]
    named = {
        phase
        for phase in (Phase.ARTERIAL, Phase.PORTAL, Phase.DELAYED)
        if _WORDS[phase].search(plain)
    }
    if native is not None:
        return Phase.UNKNOWN if named else Phase.NATIVE
    if named == {Phase.ARTERIAL, Phase.DELAYED}:
        return Phase.ARTERIAL  # "late arterial", "spätarteriell"
    if named == {Phase.PORTAL, Phase.DELAYED}:
        return Phase.PORTAL if "porta" in plain or "porto" in plain else Phase.DELAYED
    return named.pop() if len(named) == 1 else Phase.UNKNOWN


def phase_of_delay(delay_s: float) -> Phase:
    """The phase at a time after the start of injection; unknown where the time cannot be."""
    if not _EARLIEST_S <= delay_s <= _LATEST_S:
        return Phase.UNKNOWN
    if delay_s < _ARTERIAL_END_S:
        return Phase.ARTERIAL
    return Phase.PORTAL if delay_s < _PORTAL_END_S else Phase.DELAYED
