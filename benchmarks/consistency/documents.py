"""What a run's PDF and HTML print, held against its tables: cell by cell, number by number."""

from __future__ import annotations

import math
import re
import subprocess
from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd

__all__ = ["documents"]

Tables = Mapping[str, pd.DataFrame]
Row = list[list[str]]

# A number with a unit, as sentences, tables and captions print them.
_MEASURED = re.compile(r"(?<![\w.])([−+]?\d[\d.,]*)\s?(mm|mL|%)(?!\w)")
# Lengths of the rulers in pictures.
_RULERS = ("10 mm", "50 mm")
_CATEGORIES = ("CR", "PR", "SD", "PD", "NE", "Non-CR/Non-PD", "Baseline")


class _Page(HTMLParser):
    """The tables of a page by section, each a list of rows of cells of lines; and all its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tables: dict[str, list[list[Row]]] = {}
        self.counts: dict[str, int] = {}
        self.text: list[str] = []
        self._section, self._cell, self._line, self._silent = "", False, "", 0
        self._tag = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._tag = tag
        if tag in ("script", "style"):
            self._silent += 1
        elif tag == "section":
            self._section = dict(attrs).get("id") or ""
        elif tag == "table":
            self.tables.setdefault(self._section, []).append([])
        elif tag == "tr":
            self.tables[self._section][-1].append([])
        elif tag in ("td", "th"):
            self.tables[self._section][-1][-1].append([])
            self._cell, self._line = True, ""
        elif tag == "br":
            self._end_line()
        elif tag in ("p", "li", "div", "figcaption", "text", "tspan"):
            self.text.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._silent -= 1
        elif tag in ("td", "th"):
            self._end_line()
            self._cell = False

    def handle_data(self, data: str) -> None:
        if self._silent:
            return
        self.text.append(data)
        if self._cell:
            self._line += data
        elif self._tag == "b" and data.strip().isdigit():
            self._count = int(data)
            self._tag = "counted"
        elif self._tag == "counted" and data.strip():
            self.counts[data.strip()] = self._count
            self._tag = ""

    def _end_line(self) -> None:
        self.text.append("\n")
        if self._cell and self._line.strip():
            self.tables[self._section][-1][-1][-1].append(plain(self._line))
        self._line = ""


def plain(text: str) -> str:
    """Text with single spaces and no hard ones."""
    return re.sub(r"\s+", " ", text.replace("\u00a0", " ")).strip()


def documents(folder: Path, tables: Tables, with_paper: bool) -> Iterator[str]:
    """Complaints about `report.html` and `report.pdf` of a run.

    Args:
        folder: of the run.
        tables: its tables by name.
        with_paper: whether to read the PDF, which needs `pdftotext` of poppler-utils.
    """
    page = _Page()
    page.feed((folder / "report.html").read_text(encoding="utf-8"))
    for check in (_counts, _key_figures, _tumors, _responses, _phases, _scans):
        yield from check(page, tables)
    if with_paper:
        yield from _printed(folder, page, tables)


def _rounded(value: float, decimals: int, table_decimals: int = 9) -> set[str]:
    """How a number of a table may be printed, with a true minus.

    The table has rounded it already: what lay on either side of a half may go either way.
    """
    number, unit = Decimal(repr(float(value))), Decimal(1).scaleb(-decimals)
    slack = Decimal("0.5").scaleb(-table_decimals)
    near = (number - slack, number, number + slack)
    return {str(one.quantize(unit, ROUND_HALF_EVEN)).replace("-", "−") for one in near}


def _volume(value: float) -> set[str]:
    """A volume in mL, to three digits where it is below 100."""
    decimals = 1
    if 0 < abs(value) < 100:
        decimals = 2 - Decimal(repr(float(value))).adjusted()
    return {f"{text} mL" for text in _rounded(value, decimals, max(3, decimals + 1))}


def _percent(value: float) -> set[str]:
    texts = _rounded(value, 0, 1)
    signed = {text if text.startswith("−") else f"+{text}" for text in texts}
    return {"0 %" if text in ("+0", "−0") else f"{text} %" for text in signed}


def _expect(where: str, told: str, allowed: set[str]) -> Iterator[str]:
    if told not in allowed:
        yield f"report.html {where}: says {told!r}, the tables {' or '.join(sorted(allowed))!r}"


def _counts(page: _Page, tables: Tables) -> Iterator[str]:
    names = {
        "persistent": "persistent",
        "new": "new since the first scan",
        "disappeared": "not seen any more",
        "reappeared": "seen again",
        "split": "split",
        "merged": "merged",
        "uncertain": "uncertain",
    }
    states = tables["tracks"]["state"].value_counts()
    if len(tables["visits"]) == 1:  # nothing can persist
        states = states.drop("persistent", errors="ignore")
    true = {names[state]: int(count) for state, count in states.items()}
    true["tumours in all"] = len(tables["tracks"])
    for name, count in page.counts.items():
        yield from _expect(f"summary, {name}", str(count), {str(true.get(name, 0))})
    for name in true.keys() - page.counts.keys():
        yield f"report.html summary: nothing of {true[name]} {name}"


def _key_figures(page: _Page, tables: Tables) -> Iterator[str]:
    visits = tables["visits"].set_index("date")
    head, *rows = page.tables["summary"][0]
    for row in rows:
        name = row[0][0]
        for title, cell in zip(head[1:], row[1:], strict=True):
            date = title[0][-10:]
            visit = visits.loc[date]
            where = f"summary, {name} of {date}"
            if name.startswith("Sum of diameters"):
                yield from _expect(where, cell[0], _sum(visit["sum_of_diameters_mm"], "mm"))
            elif name == "Lesions":
                yield from _expect(where, cell[0], {str(visit["lesions"])})
            elif name == "Tumour burden":
                if visit["liver_ml"] > 0:
                    share = 100 * visit["tumors_ml"] / visit["liver_ml"]
                    yield from _expect(where, cell[0], {f"{x} %" for x in _rounded(share, 2, 3)})
            else:
                column, decimals = {
                    "Tumour volume": ("tumors_ml", 2),
                    "Liver volume": ("liver_ml", 0),
                }[name]
                texts = _rounded(visit[column], decimals, 3)
                yield from _expect(where, cell[0], {f"{text} mL" for text in texts})


def _sum(value: float, unit: str) -> set[str]:
    if pd.isna(value):
        return {"–"}
    return _volume(value) if unit == "mL" else {f"{text} mm" for text in _rounded(value, 1)}


def _tumors(page: _Page, tables: Tables) -> Iterator[str]:
    lesions, tracks = tables["lesions"], tables["tracks"].set_index("track")
    if tracks.empty:
        return
    head, *rows = page.tables["tumours"][0]
    if len(rows) != len(tracks):
        yield f"report.html tumours: {len(rows)} rows for {len(tracks)} tracks"
    for row in rows:
        number = int(row[0][0][1:])
        for title, cell in zip(head[1:-1], row[1:-1], strict=True):
            where = f"tumours, T{number} of {title[0]}"
            here = lesions[(lesions["track"] == number) & (lesions["date"] == title[0])]
            here = here.sort_values(["volume_ml", "lesion"], ascending=[False, True])
            if here.empty:
                yield from _expect(where, cell[0], {"–", "not seen"})
                continue
            sizes = [
                f"{a:.1f} × {b:.1f}" for a, b in here[["long_axis_mm", "short_axis_mm"]].values
            ]
            told = [line.removeprefix("+ ") for line in cell if "×" in line]
            if told != sizes[:3]:
                yield f"report.html {where}: says {told}, lesions.csv {sizes[:3]}"
            volume = next(line for line in cell if line.endswith("mL"))
            yield from _expect(where, volume, _volume(round(here["volume_ml"].sum(), 5)))
        track = tracks.loc[number]
        for line in row[-1]:
            where = f"tumours, change of T{number}"
            if line.endswith("diameter"):
                value = track["diameter_change_percent"]
            elif line.endswith("volume"):
                value = track["volume_change_percent"]
            elif line.startswith("doubles"):
                days = {f"doubles in {x} d" for x in _rounded(track["doubling_time_days"], 0, 1)}
                yield from _expect(where, line, days)
                continue
            else:
                continue
            words = line.removeprefix("before: ").rsplit(" ", 1)[0]
            yield from _expect(where, words, {"–"} if pd.isna(value) else _percent(value))


def _responses(page: _Page, tables: Tables) -> Iterator[str]:
    response = tables["response"].set_index(["criterion", "date"])
    for head, *rows in page.tables.get("response", []):
        criterion = head[2][0]
        for date, total, category, reason in rows:
            where = f"response, {criterion} of {date[0]}"
            true = response.loc[(criterion, date[0])]
            unit = next((u for u in ("mm", "ml", "mm2") if pd.notna(true.get(f"sum_{u}"))), "mm")
            if unit != "mm2":
                name = {"mm": "mm", "ml": "mL"}[unit]
                yield from _expect(where, total[0], _sum(true[f"sum_{unit}"], name))
            for line in total[1:]:
                change, since = line.split(" from ")
                value = true[f"change_from_{since}_percent"]
                yield from _expect(f"{where}, from {since}", change, _percent(value))
            yield from _expect(where, category[0], {true["category"]})
            if ("new lesion" in category) != bool(true["new_lesion"]):
                yield f"report.html {where}: new lesion is {'new lesion' in category}"
            yield from _reason(where, reason[0], true, tables)
            yield from _doubt(where, reason[1:], true)


def _reason(where: str, told: str, true: pd.Series, tables: Tables) -> Iterator[str]:
    """The words are those of the table; their numbers follow from it and from the lesions."""
    typeset = re.sub(r"(?<![\w.])-(?=\d)", "−", plain(true["reason"]))
    yield from _expect(f"{where}, reason", told, {typeset})
    date = true.name[1]
    volumes = tables["visits"].set_index("date")["tumors_ml"]
    for burden in re.findall(r"all lesions ([\d.]+ mL)", told):
        yield from _expect(f"{where}, all lesions", burden, _volume(volumes[date]))
    for total in re.findall(r"\bsum ([\d.]+) mm\b", told):
        yield from _expect(f"{where}, sum", total, _rounded(true["sum_mm"], 1))
    sizes = tables["lesions"].groupby(["date", "track"])["long_axis_mm"].sum().round(1)
    own = {f"{size:.1f}" for (day, _), size in sizes.items() if day <= date}
    own |= {f"{size:.1f}" for size in tables["lesions"]["long_axis_mm"]}
    for pair in re.findall(r"\(([\d.]+) to ([\d.]+) mm\)", told):
        for size in set(pair) - own:
            yield f"report.html {where}, reason: no lesion or tumour of {size} mm is in the tables"


def _doubt(where: str, told: list[str], true: pd.Series) -> Iterator[str]:
    """How sure a category is, and what would settle it, from the columns of the table."""
    shares = {name[2:].upper(): true[name] for name in ("p_cr", "p_pr", "p_sd", "p_pd")}
    if told and true["category"] in shares:
        share = shares[true["category"]]
        part = "all" if share == 1 else f"{math.floor(round(100 * share, 6))} %"
        words = [f"{true['category']} in {part} of {int(true['draws']):,} draws"]
        if pd.notna(true["target_choices"]):
            counts = [int(true[name]) for name in ("target_choices_alike", "target_choices")]
            words.append(f"in {counts[0]} of {counts[1]} admissible choices of targets")
        yield from _expect(
            f"{where}, doubt", re.sub(r" sampled of [\d,]+", "", told[0]), {"; ".join(words) + "."}
        )
    settled = plain(true["settled_by"]) if pd.notna(true["settled_by"]) else ""
    expected = [f"{settled[0].upper()}{settled[1:]}."] if settled else []
    yield from _expect(f"{where}, settled by", " ".join(told[1:]), {" ".join(expected)})


def _phases(page: _Page, tables: Tables) -> Iterator[str]:
    table = tables["phases"]
    rows = page.tables["phases"][0][1:] if len(table) else []
    if len(rows) != len(table):
        yield f"report.html phases: {len(rows)} rows for {len(table)} phases"
    for cells, (_, true) in zip(rows, table.iterrows(), strict=False):
        where = f"phases, {true['phase']} of {true['date']}"
        yield from _expect(where, cells[0][0], {true["date"]})
        yield from _expect(where, cells[4][0], _rounded(true["liver_ml"], 0, 3))
        yield from _expect(where, cells[6][0], _rounded(true["tumors_ml"], 2, 3))
        changes = (
            (cells[4][1], "deviation_percent"),
            (cells[5][0], "deviation_from_mean_percent"),
            (cells[6][1], "tumors_deviation_percent"),
        )
        for said, column in changes:
            value = true[column]
            texts = {"–"} if pd.isna(value) else _rounded(value, 1, 2)
            signed = {text if text[0] in "−–" else f"+{text}" for text in texts}
            allowed = {text.replace("−0.0", "+0.0") for text in signed}
            allowed = {text if text == "–" else f"{text} %" for text in allowed}
            if said != "reference":
                yield from _expect(f"{where}, {column}", said, allowed)


def _scans(page: _Page, tables: Tables) -> Iterator[str]:
    visits = tables["visits"].set_index("date")
    for cells in page.tables["scans"][0][1:]:
        date = cells[0][0]
        true = visits.loc[date]
        yield from _expect(
            f"scans, {date}", cells[2][0], {true["spacing_mm"].replace(" x ", " × ")}
        )
        for line in cells[3]:
            name, volume = re.match(r"(\w+) ([\d.]+),", line).groups()  # type: ignore[union-attr]
            column = {"tumours": "tumors_ml"}.get(name, f"{name}_ml")
            yield from _expect(f"scans, {name} of {date}", volume, _rounded(true[column], 1, 3))


def _in_charts(tables: Tables) -> set[str]:
    """What labels of charts may say, which the page has as drawings: sizes, burdens, limits."""
    tracks, visits = tables["tracks"], tables["visits"]
    texts = {"−30 %", "+20 %", *_RULERS}
    sums = tables["lesions"].groupby(["date", "track"])[["long_axis_mm", "volume_ml"]].sum()
    for lengths in (sums["long_axis_mm"], visits["sum_of_diameters_mm"].dropna()):
        texts |= {f"{text} mm" for value in lengths for text in _rounded(round(value, 1), 1)}
    for volumes in (sums["volume_ml"], tracks["last_volume_ml"], visits["tumors_ml"]):
        for value in volumes:
            texts |= {f"{x} mL" for x in _rounded(round(value, 4), 1, 3)} | _volume(round(value, 4))
    texts |= {f"{x} mL" for value in visits["liver_ml"] for x in _rounded(value, 0, 3)}
    shares = (100 * visits["tumors_ml"] / visits["liver_ml"].where(visits["liver_ml"] > 0)).dropna()
    return texts | {f"{x} %" for value in shares for x in _rounded(value, 1, 3)}


def _printed(folder: Path, page: _Page, tables_of_run: Tables) -> Iterator[str]:
    """Every measured number of the PDF's text stands on the HTML page, and those of its tables
    on paper."""
    pdf = subprocess.run(
        ["pdftotext", "-layout", folder / "report.pdf", "-"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    html = plain(" ".join(page.text))
    paper = plain(pdf)
    on_screen = {" ".join(pair) for pair in _MEASURED.findall(html)}
    on_paper = {" ".join(pair) for pair in _MEASURED.findall(paper)}
    for number in sorted(on_paper - on_screen - _in_charts(tables_of_run)):
        yield f"report.pdf: {number} is neither in report.html nor in the tables"
    # A line may break between a number and its unit, so numbers alone are sought.
    numbers = set(re.findall(r"[−+]?\d+(?:\.\d+)?", paper))
    for section, tables in page.tables.items():
        for table in tables:
            for row in table[1:]:
                for cell in row:
                    for line in cell:
                        for number, unit in _MEASURED.findall(line):
                            if number not in numbers:
                                yield f"report.pdf: {number} {unit} of {section} is not on paper"
    for name in _CATEGORIES:
        if re.search(rf"(?<!\w){name}(?!\w)", html) and name not in paper:
            yield f"report.pdf: {name} is not on paper"
