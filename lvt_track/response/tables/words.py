"""Words of tables for roles, for what was found of a lesion, and for what is no lesion.

In English, German, French, Spanish, Norwegian, Portuguese and Italian; without accents, case and
blanks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from lvt_track.core.response.assessment import Role, Status
from lvt_track.core.response.sites import plain_words

__all__ = ["ROLE_WORDS", "STABLE_WORDS", "STATUS_WORDS", "is_sum", "word_key"]

_Word = TypeVar("_Word")


def word_key(text: str) -> str:
    """A word without accents, case and blanks, as the words below are listed."""
    return plain_words(text).replace(" ", "")


def _by_word(words: Mapping[_Word, str]) -> dict[str, _Word]:
    return {word_key(word): value for value, listed in words.items() for word in listed.split(",")}


_STABLE = (
    "stable, unchanged, unverändert, stabil, inchangée, inchangé, estable, sin cambios, uendret, "
    "estável, inalterada, stabile, invariata, no progression, not progressed, non-pd, "
    "non-cr/non-pd, keine progression, nicht progredient, pas de progression, sin progresión, "
    "ingen progresjon"
)
STABLE_WORDS = frozenset(map(word_key, _STABLE.split(",")))
"""Words by which a reader says that a lesion is there and has not progressed."""

STATUS_WORDS = _by_word(
    {
        Status.MEASURED: "measured, present, persists, persistent, gemessen, messbar, vorhanden, "
        "mesurée, mesuré, mesurable, présente, présent, medida, medido, medible, presente, målt, "
        f"tilstede, {_STABLE}",
        Status.ABSENT: "absent, gone, disappeared, resolved, not seen, no longer seen, "
        "not visible, no longer visible, verschwunden, nicht mehr nachweisbar, "
        "nicht mehr abgrenzbar, nicht mehr sichtbar, nicht sichtbar, disparue, disparu, absente, "
        "non visible, plus visible, desaparecida, desaparecido, ausente, no visible, borte, "
        "forsvunnet, ikke synlig, não visível, desaparecida, scomparsa, assente, non visibile",
        Status.TOO_SMALL: "too small, too small to measure, tstm, zu klein, trop petite, "
        "trop petit, demasiado pequeña, demasiado pequeño, for liten, "
        "muito pequena, troppo piccola",
        Status.NOT_DONE: "not done, not evaluable, ne, not assessed, not evaluated, "
        "not assessable, unevaluable, inevaluable, unable to evaluate, nd, nicht beurteilbar, "
        "nicht auswertbar, nicht untersucht, nicht durchgeführt, non évaluable, non évaluée, "
        "non fait, no evaluable, no evaluada, no realizado, ikke evaluerbar, ikke vurderbar, "
        "ikke utført, não avaliável, non valutabile",
        Status.PROGRESSION: "progression, unequivocal progression, unequivocal, progressed, "
        "eindeutiger progress, eindeutige progression, progression indiscutable, "
        "progression non équivoque, progresión inequívoca, utvetydig progresjon",
        Status.EQUIVOCAL: "equivocal, unklar, fraglich, équivoque, douteuse, equívoca, dudosa, "
        "usikker",
    }
)
ROLE_WORDS = _by_word(
    {
        Role.TARGET: "target, target lesion, tl, t, target lesions, zielläsion, ziel, cible, "
        "lésion cible, diana, lesión diana, målslesjon, mållesjon, alvo, lesão alvo, bersaglio",
        Role.NON_TARGET: "nontarget, non-target lesion, ntl, nt, nontarget lesions, "
        "nicht-zielläsion, nichtziel, non cible, lésion non cible, no diana, lesión no diana, "
        "ikke-mållesjon, não alvo, lesão não alvo, non bersaglio",
        Role.NEW: "new, new lesion, nl, new lesions, neu, neue läsion, nouvelle, "
        "nouvelle lésion, nueva, nueva lesión, lesión nueva, ny, ny lesjon, "
        "nova, nova lesão, nuova, nuova lesione",
    }
)

_SUMS = frozenset(
    plain_words(
        """sum sums total totals subtotal SLD SOD mean average nadir change
        changes response burden Σ Summe Gesamt Gesamtsumme Mittelwert Veränderung Ansprechen
        somme moyenne réponse suma media respuesta soma totale gjennomsnitt respons"""
    ).split()
)
_BESIDE_SUMS = frozenset(
    plain_words(
        """of the all overall best target targets non nontarget lesion lesions tumor tumors tumour
        tumours diameter diameters longest long short axis axes size sizes RECIST TL NTL from since
        baseline previous percent in to vs mm cm and score
        der die aller Durchmesser Zielläsionen zur zum und
        de des du la las les los diamètres diámetros lesiones av diametre mållesjoner lesjoner"""
    ).split()
)


def is_sum(lesion: str) -> bool:
    """Whether the name of a row says that it adds up others, and is no lesion itself.

    >>> is_sum("Sum of target lesions (mm)"), is_sum("% change from baseline"), is_sum("T1")
    (True, True, False)
    """
    words = plain_words(lesion.replace("∑", "Σ")).split()
    return bool(_SUMS.intersection(words)) and _BESIDE_SUMS.union(_SUMS).issuperset(words)
