"""What people call a liver, its vessels and its tumours when they draw them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Kind", "Structure", "is_elsewhere", "is_one_tree", "is_unnamed", "structure_of_name"]


class Kind(StrEnum):
    """What a drawn structure is, as far as it matters here."""

    LIVER = "liver"
    VESSELS = "vessels"
    TUMORS = "tumors"
    PART = "part"
    """Something of the liver that is none of these: a cyst, a lobe."""
    BACKGROUND = "background"


@dataclass(frozen=True)
class Structure:
    """What a structure is called.

    Attributes:
        kind: what it is.
        is_hepatic: whether the name says that it is the liver's; a bare “tumour” may be another's.
    """

    kind: Kind
    is_hepatic: bool = False


_LIVER = r"(liver|leber|foie|higado|figado|fegato|lever|hepar)"
_OF_LIVER = r"(intra)?(liver|hepati(c|que|sch\w*)|h?epatic[oa]|leber|lever)"
_IN_LIVER = r"(hepati(c|que)s?|h?epatic[oa]s?|(du|de|del|della|di|do|of( the)?|in( the)?) " + _LIVER
_IN_LIVER += r"|liver)"
_WORDS = {
    Kind.TUMORS: (
        r"(tumou?r(e[ns]?|es|i|s)?|tumeurs?|l(a|ae|e)s(ion(e[ns]?|es|i|s)?|ies?)|metasta(se[nrs]?|ses|si|sis)|"
        r"mets?|crlms?|hcc|icc|((hepatocellular )?|cholangio)carcinomas?|(non )?target lesions?|"
        r"cancers?|neoplasms?|mass(es)?|(rund)?herde?|"
        r"svulst(er)?|neoplasm (primary|secondary)|malignant neoplasm)"
    ),
    Kind.VESSELS: r"((blood )?vessels?|gefasse?|vaisseaux|vasos( sanguineos)?|vasi|kar)",
    Kind.PART: (
        r"(cysts?|zysten?|kystes?|quistes?|cisti|ha?emangiomas?|hamangiome?|fnh|ablation( zone)?|"
        r"(left|right|caudate) lobe|segments?|parenchyma|remnant|flr)"
    ),
}
_VEINS = (
    r"(hepatic (portal )?|portal )veins?|portal venous system|(lebervene|pfortader)n?|vena porta|"
    r"veine porte|veines (sus )?hepatiques"
)
_BACKGROUND = re.compile(r"background|hintergrund|clear label")
_COUINAUD = re.compile(r" (in )?(seg(ment)?|sg|s) ?(\d[ab]?|i{1,3}|iv[ab]?|vi{0,3})$")
_NUMBER = re.compile(r"[ #]*\d+[a-z]?$")
_UNNAMED = re.compile(
    r"((segment(ation)?|roi|region|structure|label|untitled|unnamed|contour|tissue|object|mask)"
    r"([ #]*\d+)?|\d*)"
)
# Organs and sites whose tumours are none of the liver's.
_ELSEWHERE = re.compile(
    r"kidney|renal|niere|lung|pulmo|thora|splen|spleen|milz|pancrea|pankrea|adrenal|nebenniere|lymph|"
    r"node|nodal|bone|osse|knochen|verteb|wirbel|\brib|muscle|muskel|gastr|stomach|magen|colo|bowel|"
    r"darm|intestin|duoden|esoph|brain|hirn|breast|mamma|prostat|bladder|blase|ovar|uter|heart|"
    r"cardiac|herz|aort|cava|perito|skin|spine|spinal"
)


def structure_of_name(name: str) -> Structure | None:
    """What a name says a structure is; None where it says nothing that is known.

    Case, accents, separators and the number of a piece (“Lesion 2”, “T1”) do not count.
    """
    plain = _plain(name)
    if re.fullmatch(r"t ?\d{1,2}", plain):
        return Structure(Kind.TUMORS)
    bare = _NUMBER.sub("", plain)
    if _BACKGROUND.fullmatch(bare):
        return Structure(Kind.BACKGROUND)
    if re.fullmatch(rf"(whole )?{_LIVER}", bare):
        return Structure(Kind.LIVER, is_hepatic=True)
    for kind, words in _WORDS.items():
        text = _NUMBER.sub("", _COUINAUD.sub("", plain)) if kind is Kind.TUMORS else bare
        if re.fullmatch(rf"{_OF_LIVER} ?{words}|{words} {_IN_LIVER}", text):
            return Structure(kind, is_hepatic=True)
        if re.fullmatch(words, text) and not is_unnamed(text):
            return Structure(kind)
    return Structure(Kind.VESSELS) if re.fullmatch(_VEINS, bare) else None


def is_unnamed(name: str) -> bool:
    """Whether a name is the one that a program gives by itself: `Segment_1`, `ROI 2`."""
    return _UNNAMED.fullmatch(_plain(name)) is not None


def is_one_tree(name: str) -> bool:
    """Whether a name speaks of the veins of one kind, which are not all vessels of the liver."""
    return re.fullmatch(_VEINS, _NUMBER.sub("", _plain(name))) is not None


def is_elsewhere(name: str) -> bool:
    """Whether a name speaks of another organ than the liver."""
    return _ELSEWHERE.search(_plain(name)) is not None


def _plain(name: str) -> str:
    bare = "".join(
        letter
        for letter in unicodedata.normalize("NFKD", name.casefold())
        if not unicodedata.combining(letter)
    )
    return re.sub(r"[\s_\-.:,;/()]+", " ", bare).strip()
