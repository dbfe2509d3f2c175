"""The names of columns as people write them: case, blanks, units in brackets, other words."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from lvt_track.core.response.sites import plain_words
from lvt_track.errors import InputError
from lvt_track.io.spreadsheets.sheet import Sheet
from lvt_track.response.tables.cells import (
    LENGTH_UNITS_MM,
    VOLUME_UNITS_ML,
    Problem,
    unit_symbol,
)
from lvt_track.response.tables.unused import columns_of_roles, has_roles, telling_cells

__all__ = ["LENGTHS", "Columns", "SizeColumn", "read_columns", "size_name", "text_name"]

LENGTHS = ("long_axis", "short_axis", "enhancing", "enhancing_short", "slice_thickness")

_POSITION = ("x_mm", "y_mm", "z_mm")
_OURS = ("track", "slice", "series", "x_pixel", "y_pixel", "long_axis_3d_mm")
_OURS_ONLY = ("cut", "voxels", "drawn_long_axis_mm")
_BESIDE = re.compile(
    r"(long|short)_axis_(start|end)_[xyz]_mm|(long_axis|short_axis|volume)_(low|high)_m[ml]|"
    r"viable_ml|necrosis_percent|viability_note|parts|segments|doubt"
)
_TEXT: Mapping[str, str] = {
    "date": "scan date, visit date, study date, exam date, examination date, assessment date, "
    "datum, untersuchungsdatum, ct datum, fecha, dato, date examen, date d examen, "
    "date de l examen, fecha de examen, undersokelsesdato, data, data do exame, data esame",
    "lesion": "lesion id, lesion name, lesion no, lesion nr, lesion number, lesion label, tumor, "
    "tumour, tumor id, tumour id, lasion, lesjon, laesjon, herd, lasion nr, lesion numero, "
    "lesao, lesione",
    "patient": "patient id, patientid, subject, subject id, subjid, usubjid, pat id, paciente, "
    "pasient, patienten id",
    "role": "lesion role, lesion type, target type, target status, rolle, rol, role de la lesion, "
    "type de lesion, tipo de lesion",
    "site": "organ, location, localisation, localization, anatomical site, anatomic site, "
    "lesion site, lesion location, lokalisation, siege, organe, localizacion, organo, sted, "
    "lokalisasjon",
    "status": "lesion status, state, lesion state, statut, etat, estado, befund, zustand, "
    "tilstand, stato",
    "derived_from": "",
    "phase": "contrast phase",
    "mean_hu": "hu, mean attenuation, mean density, attenuation hu, density hu",
    "visit": "visit name, timepoint, time point, visite, besuch, zeitpunkt, visita, besok, "
    "tidspunkt",
    "new_lesion": "new lesions, new, new lesion present, any new lesion, neue lasion, "
    "neue lasionen, nouvelle lesion, nouvelles lesions, nueva lesion, nuevas lesiones, "
    "lesion nueva, ny lesjon, nye lesjoner, nova lesao, nuova lesione",
    "reader": "reader id, reader name, radiologist, read by, reading radiologist, evaluator, "
    "observer, befunder, auswerter, lecteur, lector, lettore",
    "unit": "units, einheit, unite, unidad, enhet, unidade, unita",
}
_SIZES: Mapping[str, str] = {
    "long_axis": "longaxis, long axis diameter, long diameter, longest diameter, longest axis, "
    "longest, diameter, max diameter, maximum diameter, maximal diameter, largest diameter, size, "
    "lesion size, tumor size, tumour size, ld, lad, ldiam, major axis, recist diameter, "
    "lange achse, langster durchmesser, grosster durchmesser, langsachse, durchmesser, grand axe, "
    "grand diametre, diametre, diametro, diametro mayor, eje largo, eje mayor, lengste diameter, "
    "langakse, lengdeakse, storste diameter, maior diametro, maior eixo, diametro maggiore, "
    "asse maggiore",
    "short_axis": "shortaxis, short axis diameter, short diameter, shortest diameter, sad, lperp, "
    "perpendicular, perpendicular diameter, minor axis, kurze achse, kurzachse, "
    "querdurchmesser, kleinster durchmesser, petit axe, petit diametre, eje corto, eje menor, "
    "diametro menor, kortakse, menor diametro, menor eixo, diametro minore, asse minore",
    "enhancing": "enhancing diameter, viable, viable diameter, viable tumor, viable tumour, "
    "viable long axis, mrecist diameter",
    "enhancing_short": "enhancing short axis, enhancing perpendicular, viable short axis",
    "slice_thickness": "thickness",
    "volume": "vol, lesion volume, tumor volume, tumour volume, volumen, volum",
}
_UNITS = {"mm", "cm", "ml", "cc", "ccm", "cm3", "mm3", "ul", "l"}
_NO_UNITS = {"in", "inch", "inches", "m", "px", "pixel", "pixels", "voxel", "voxels", "um"}


def _spellings(words: Mapping[str, str]) -> dict[str, str]:
    return {
        spelling: name
        for name, others in words.items()
        for spelling in (plain_words(name), *(plain_words(other) for other in others.split(",")))
        if spelling
    }


_TEXT_SPELLINGS, _SIZE_SPELLINGS = _spellings(_TEXT), _spellings(_SIZES)


_ORGAN_WORDS = ("organ", "organe", "organo")


@dataclass(frozen=True)
class SizeColumn:
    """A column of sizes.

    Attributes:
        name: as written.
        unit: mm or mL that one of its units is; None where the name states no unit.
    """

    name: str
    unit: float | None


@dataclass(frozen=True)
class Columns:
    """Which column of a table holds what.

    Attributes:
        text: columns of words and positions, by our name.
        sizes: columns by what they measure: one of `LENGTHS`, or `volume`.
        problems: columns that are not used, or not understood.
    """

    text: Mapping[str, str]
    sizes: Mapping[str, tuple[SizeColumn, ...]]
    problems: tuple[Problem, ...]


def read_columns(sheet: Sheet) -> Columns:
    """Match the columns of a table to what a measurement has.

    A column that bears our own name goes before one of another word for the same.

    Raises:
        InputError: when two columns mean the same, or date or lesion are missing.
    """
    text: dict[str, list[str]] = defaultdict(list)
    sizes: dict[str, list[SizeColumn]] = defaultdict(list)
    problems: list[Problem] = []
    unused: list[str] = []
    for name in filter(None, sheet.columns):
        key = re.sub(r"[\s_]+", "_", name.lower())
        kind = text_name(name)
        size = None if kind else size_name(name)
        if kind is not None:
            text[kind].append(name)
        elif key in (*_POSITION, *_OURS, *_OURS_ONLY):
            text[key].append(name)
        elif size is not None:
            sizes[size[0]].append(SizeColumn(name, size[1]))
        elif not _BESIDE.fullmatch(key):
            unused.append(name)
    unused += _without_roles(text, sheet)
    if "role" not in text and (roles := columns_of_roles(unused, sheet)):
        text["role"] = roles
        problems += [Problem(None, f"column {name} is read as the role", False) for name in roles]
        unused = [name for name in unused if name not in roles]
    problems += [_unused(name) for name in unused]
    problems += telling_cells(unused, sheet)
    single = {kind: _best(kind, names, sheet, problems) for kind, names in text.items()}
    measured = {kind: _measured(kind, columns, sheet, problems) for kind, columns in sizes.items()}
    lacking = [name for name in ("date", "lesion") if name not in single]
    if lacking:
        raise InputError(
            f"the table has no column {' and none '.join(lacking)}",
            path=sheet.path,
            remedy=f"It has {', '.join(filter(None, sheet.columns))}",
        )
    return Columns(single, measured, tuple(problems))


def _without_roles(text: dict[str, list[str]], sheet: Sheet) -> list[str]:
    """Columns such as `Lesion type` that say something else than a role; they leave `text`."""
    strange = [
        name
        for name in text.get("role", ())
        if plain_words(name) != "role" and not has_roles(name, sheet)
    ]
    if strange:
        text["role"] = [name for name in text["role"] if name not in strange]
        if not text["role"]:
            del text["role"]
    return strange


def text_name(name: str) -> str | None:
    """Which column of words it is; None for others."""
    return _TEXT_SPELLINGS.get(plain_words(name))


def size_name(name: str) -> tuple[str, float | None] | None:
    """What a column measures, and its unit; None for other columns and units.

    Raises nothing: a size in inches or pixels is told as a column that is not understood.
    """
    plain = name.lower().replace("³", "3").replace("^3", "3").replace("µ", "u")
    words = plain_words(plain).split()
    unit: str | None = None
    if words and unit_symbol(words[-1]) in _UNITS:
        unit = unit_symbol(words.pop())
        if words and words[-1] in ("in", "en", "i"):
            words.pop()
    kind = _SIZE_SPELLINGS.get(" ".join(words))
    if kind is None:
        return None
    known = VOLUME_UNITS_ML if kind == "volume" else LENGTH_UNITS_MM
    if unit is not None and unit not in known:
        return None
    return kind, None if unit is None else known[unit]


def _unused(name: str) -> Problem:
    words = plain_words(name).split()
    if words and words[-1] in (_UNITS | _NO_UNITS):
        kind = _SIZE_SPELLINGS.get(" ".join(words[:-1]))
        if kind is not None:
            what = f"column {name} is not used: its unit is none of mm, cm (mL, cm3, mm3)"
            return Problem(None, what, True)
    return Problem(None, f"column {name} is not used", False)


def _best(kind: str, names: list[str], sheet: Sheet, problems: list[Problem]) -> str:
    exact = [name for name in names if plain_words(name) == plain_words(kind)]
    # Beside the organ, a location says where in it.
    organs = [name for name in names if kind == "site" and plain_words(name) in _ORGAN_WORDS]
    chosen = exact or organs or names
    if len(chosen) > 1:
        raise InputError(
            f"columns {chosen[0]} and {chosen[1]} mean the same",
            path=sheet.path,
            remedy=f"Call one of them {kind}, or keep only one",
        )
    problems += [
        Problem(None, f"column {name} is not used, {chosen[0]} is", False)
        for name in names
        if name != chosen[0]
    ]
    return chosen[0]


def _measured(
    kind: str, columns: list[SizeColumn], sheet: Sheet, problems: list[Problem]
) -> tuple[SizeColumn, ...]:
    """The columns of one size: one of each unit; those without a unit only where none has one."""

    def is_exact(column: SizeColumn) -> bool:
        words = plain_words(column.name).split()
        return " ".join(words[:-1]) == plain_words(kind) and words[-1] in _UNITS

    with_unit = [column for column in columns if column.unit is not None]
    usable = [c for c in with_unit if is_exact(c)] or with_unit or columns
    units = [column.unit for column in usable]
    for column in usable:
        if units.count(column.unit) > 1:
            raise InputError(
                f"columns {usable[0].name} and {usable[1].name} mean the same",
                path=sheet.path,
                remedy="Keep only one of them",
            )
    problems += [
        Problem(None, f"column {column.name} is not used, {usable[0].name} is", False)
        for column in columns
        if column not in usable
    ]
    return tuple(usable)
