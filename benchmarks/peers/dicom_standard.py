"""The DICOM standard's tables, as `dicom-validator` reads them, out of a package.

`dicom-validator` fetches the standard from the network. PyPI's `dicom-standard` 0.1.0 (MIT) holds
its attributes, modules and functional groups as JSON, in the edition of early 2020: older than
label maps. This makes the parts 3, 4 and 6 of it anew, as far as the IODs below need them.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ElementTree, register_namespace

__all__ = ["EDITION", "write_docbook"]

EDITION = "2020a"
_IODS = {
    "comprehensive-sr": ("A.35.3", "Comprehensive SR", "1.2.840.10008.5.1.4.1.1.88.33"),
    "segmentation": ("A.51", "Segmentation", "1.2.840.10008.5.1.4.1.1.66.4"),
}
_NAMESPACE = "http://docbook.org/ns/docbook"
_CONTENT_SEQUENCE, _RELATIONSHIP = "0040a730", ("0040a010", "0040db73")
_FUNCTIONAL_GROUPS = ("52009229", "52009230")

Row = Mapping[str, Any]


def write_docbook(standard: Path, out: Path) -> None:
    """Write `editions.json` and the parts of the standard for `validate_iods --standard-path`.

    Args:
        standard: folder of the package's JSON files.
        out: folder to write.
    """
    tables = {path.stem: json.loads(path.read_text()) for path in standard.glob("*.json")}
    attributes = {row["tag"]: row for row in tables["attributes"]}
    book = _Part3(tables, attributes)
    folder = out / EDITION / "docbook"
    folder.mkdir(parents=True, exist_ok=True)
    register_namespace("", _NAMESPACE)
    iods = [book.iod(*item) for item in _IODS.items()]
    intro = _element("section", _element("title", text="Introduction"), label="A.1")
    _write(folder / "part03.xml", _chapter("A", intro, *iods), _chapter("C", *book.sections))
    classes = (
        _row(_cell(title), _cell(uid), _cell_of(_element("olink", targetptr=f"sect_{number}")))
        for number, title, uid in _IODS.values()
    )
    _write(folder / "part04.xml", _chapter("B", _element("section", _table(*classes), label="B.5")))
    names = ("tag", "name", "keyword", "valueRepresentation", "valueMultiplicity")
    elements = (
        _row(*(_cell(row[name]) for name in names), _cell("RET" if row["retired"] == "Y" else ""))
        for row in attributes.values()
    )
    uids = (
        _row(_cell(uid), _cell(f"{title} Storage"), _cell("SOP Class"), _cell("PS3.4"))
        for _, title, uid in _IODS.values()
    )
    _write(folder / "part06.xml", _chapter("6", _table(*elements)), _chapter("A", _table(*uids)))
    (out / "editions.json").write_text(json.dumps([EDITION]))


@dataclass
class _Part3:
    """Part 3: the modules and macros that were asked for, each a section of chapter C."""

    tables: Mapping[str, Any]
    attributes: Mapping[str, Row]
    sections: list[Element] = field(default_factory=list)
    numbers: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rows: dict[str, list[Row]] = defaultdict(list)
        for kind in ("module", "macro"):
            for row in self.tables[f"{kind}_to_attributes"]:
                self.rows[row[f"{kind}Id"]].append(row)
        self.names = {
            row["id"]: row["name"] for kind in ("modules", "macros") for row in self.tables[kind]
        }

    def iod(self, name: str, facts: tuple[str, str, str]) -> Element:
        """The section of an IOD: its modules, and its functional groups."""
        number, title, _ = facts
        modules = [row for row in self.tables["ciod_to_modules"] if row["ciodId"] == name]
        groups = [row for row in self.tables["ciod_to_fg_macros"] if row["ciodId"] == name]
        whole = _element("section", _element("title", text=f"{title} IOD"), label=number)
        rows = (
            _row(
                _cell(row["informationEntity"], rowspan="1"), *self._reference(row["moduleId"], row)
            )
            for row in modules
        )
        heading = _element("title", text=f"{title} IOD Module Table")
        whole.append(_element("section", heading, _table(*rows), label=f"{number}.3"))
        if groups:
            rows = (_row(*self._reference(row["macroId"], row)) for row in groups)
            heading = _element("title", text=f"{title} Functional Group Macros")
            whole.append(_element("section", heading, _table(*rows), label=f"{number}.5"))
        return whole

    def _reference(self, name: str, row: Row) -> tuple[Element, Element, Element]:
        """Name, section and usage of a module or macro, which is written where it is not yet."""
        if name not in self.numbers:
            self.numbers[name] = f"C.{len(self.numbers) + 1}"
            lines = self._lines(name, _tree(self.rows[name]), ())
            self.sections.append(_element("section", _table(*lines), label=self.numbers[name]))
        usage = " - ".join(filter(None, (row["usage"], row["conditionalStatement"])))
        link = _element("xref", linkend=f"sect_{self.numbers[name]}")
        return _cell(self.names.get(name, name)), _cell_of(link), _cell(usage)

    def _lines(
        self, name: str, tree: Mapping[str, Any], path: tuple[str, ...]
    ) -> Iterator[Element]:
        """The lines of a table, those in sequences below them, `>` for each level."""
        depth = ">" * len(path)
        for number, (row, below) in tree.items():
            known = self.attributes.get(row["tag"]) if row else None
            if row is None or known is None:
                continue
            # Of report items the package lost which macro is for which value type.
            is_any = name == "sr-document-content" and path in ((), (_CONTENT_SEQUENCE,))
            is_free = is_any and number != _CONTENT_SEQUENCE
            kind = "3" if is_free or row["type"] == "None" else row["type"]
            said = _element("td") if is_free else _description(row["description"])
            yield _row(_cell(depth + known["name"]), _cell(row["tag"]), _cell(kind), said)
            inner = (*path, number)
            if is_any and number == _CONTENT_SEQUENCE:
                relations = {key: below[key] for key in _RELATIONSHIP if key in below}
                yield from self._lines(name, relations, inner)
                link = _element("xref", linkend=f"sect_{self.numbers[name]}")
                include = _cell(f"{depth}>Include ")
                include[0].append(_element("emphasis", link))
                yield _row(include)
            elif number in _FUNCTIONAL_GROUPS:
                yield _row(_cell(f"{depth}>Include one or more Functional Group Macros"))
            else:
                yield from self._lines(name, below, inner)


def _tree(rows: list[Row]) -> dict[str, Any]:
    """Rows by the tags of their paths: row and what is below it."""
    tree: dict[str, Any] = {}
    for row in rows:
        below = tree
        *above, last = row["path"].split(":")[1:]
        for tag in above:
            below = below.setdefault(tag, [None, {}])[1]
        entry = below.setdefault(last, [None, {}])
        entry[0] = entry[0] or row
    return tree


def _description(html: str) -> Element:
    """Paragraphs, and lists of values, from the package's HTML."""
    cell = _element("td")
    outside = re.sub(r"<div>.*?</div>", "", html, flags=re.S)
    for paragraph in re.findall(r"<p>(.*?)</p>", outside, flags=re.S):
        if _plain(paragraph):
            cell.append(_element("para", text=_plain(paragraph)))
    for block in re.findall(r"<div>(.*?)</div>", html, flags=re.S):
        title = re.search(r"<strong>(.*?)</strong>", block, flags=re.S)
        if title:
            values = _element("variablelist", _element("title", text=_plain(title[1])))
            for term in re.findall(r"<dt>(.*?)</dt>", block, flags=re.S):
                values.append(_element("varlistentry", _element("term", text=_plain(term))))
            cell.append(values)
    return cell


def _plain(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", "", html).split())


def _element(tag: str, *children: Element, text: str | None = None, **facts: str) -> Element:
    node = Element(f"{{{_NAMESPACE}}}{tag}", facts)
    node.text = text
    node.extend(children)
    return node


def _cell(text: str, **facts: str) -> Element:
    return _element("td", _element("para", text=" ".join(text.split())), **facts)


def _cell_of(child: Element) -> Element:
    return _element("td", _element("para", child))


def _row(*cells: Element) -> Element:
    return _element("tr", *cells)


def _table(*rows: Element) -> Element:
    return _element("table", _element("tbody", *rows))


def _chapter(label: str, *children: Element) -> Element:
    return _element("chapter", *children, label=label)


def _write(path: Path, *chapters: Element) -> None:
    ElementTree(_element("book", *chapters)).write(path, encoding="utf-8", xml_declaration=True)
