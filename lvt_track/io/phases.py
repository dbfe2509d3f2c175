"""The contrast phase of a series, from words and from the time since injection."""

from __future__ import annotations

import re
import unicodedata

from lvt_track.core.series import Phase

__all__ = ["phase_of_delay", "phase_of_text"]

# Words of English, German, French, Italian, Spanish, Portuguese, Dutch and the Nordic languages,
# without accents. Phrases for "without contrast" come first: they contain words for contrast.
_NATIVE = (
    r"nativ\w*|natief|unenhanced|plain|basale|blanco|nc|ncct|nect|non[ -]?con\w*|non[ -]?enh\w*|"
    r"no (?:contrast|cm|iv)|pre ?con\w*|pre ?kontrast|w ?o|without(?: iv)?(?: contrast)?|"
    r"ohne(?: i v)?(?: km| kontrast\w*)?|kein km|sans(?: inj\w*| iv| pdc| contrast\w*| produit)?|"
    r"non inject\w*|avant inj\w*|senza(?: mdc| contrasto)?|sin(?: civ| contraste| cte)|"
    r"sem(?: contraste| civ)|zonder(?: contrast)?|uten(?: kontrast| iv| km)?|utan(?: kontrast)?|"
    r"uden(?: kontrast)?"
)
_ARTERIAL = r"\w*arteriel\w*|\w*arterial\w*|arterios\w*|artar\w*|art|hap"
_PORTAL = (
    r"\w*portal\w*|porto\w*|pv|pvp|vp|ven|\w*venous|\w*venos\w*|\w*venoes\w*|veineu\w*|"
    r"\w*veneu\w*|(?:6[05]|7[05]|80|90) ?s(?:ec)?"
)
_DELAYED = (
    r"delay\w*|late|spat\w*|spaet\w*|tardi\w*|\w?equilib\w*|aquilib\w*|laat|sen ?fase|excret\w*|"
    r"ausscheid\w*|wash ?out|(?:[2-9]|1[05]) ?min\w*"
)
_WITH, _WITHOUT = r"(?:with|w|mit|avec|con)", r"(?:without|w ?o|ohne|sans|senza|sin)"
_JOINED = rf"(?:{_WITH} (?:\w{{1,3}} )?{_WITHOUT}|{_WITHOUT} (?:\w{{1,3}} )?{_WITH})"
_WITH_AND_WITHOUT = re.compile(rf"(?<!\w){_JOINED}(?!\w)")
_WORDS = {
    phase: re.compile(rf"(?<![^\W_])(?:{words})(?![^\W_])")
    for phase, words in (
        (Phase.NATIVE, _NATIVE),
        (Phase.ARTERIAL, _ARTERIAL),
        (Phase.PORTAL, _PORTAL),
        (Phase.DELAYED, _DELAYED),
    )
}
_O_WITH_STROKE = str.maketrans("ø", "o")
_SEPARATORS = re.compile(r"[\W_]+")

# Abdominal protocols scan 20 to 45 s after injection for the late arterial phase, 60 to 90 s for
# the portal venous one, and from 3 min for the delayed one (Kim et al., LI-RADS v2018 technique).
_EARLIEST_S, _ARTERIAL_END_S, _PORTAL_END_S, _LATEST_S = 10.0, 48.0, 130.0, 1800.0


def phase_of_text(text: str) -> Phase:
    """The phase that a series description, protocol or file name speaks of.

    Unknown when it names none, or several that do not go together.
    """
    plain = _SEPARATORS.sub(" ", _without_accents(text.casefold())).strip()
    if _WITH_AND_WITHOUT.search(plain):
        return Phase.UNKNOWN
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


def _without_accents(text: str) -> str:
    parts = unicodedata.normalize("NFKD", text.translate(_O_WITH_STROKE))
    return "".join(part for part in parts if not unicodedata.combining(part))
