"""The pages that hold a course beside a radiologist's own table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import isfinite

from matplotlib.axes import Axes

from lvt_track.agreement.limits import (
    LEAST_FOR_INTERVAL,
    LEAST_PAIRS,
    READERS_PERCENT,
    READERS_SUM_PERCENT,
    Agreement,
)
from lvt_track.agreement.records import (
    JudgedVisit,
    PairedSize,
    Quantity,
    ReaderComparison,
)
from lvt_track.core.assessment import Assessment, Status
from lvt_track.report.drawing.agreement import (
    draw_differences_mm,
    draw_differences_percent,
    draw_identity,
    draw_sums,
)
from lvt_track.report.drawing.style import ALARM, BODY_PT, CATEGORY_COLORS, INK, MUTED, SMALL_PT
from lvt_track.report.pages.agreement_statistics import (
    readers_percent,
    statistics_table,
    trend_words,
)
from lvt_track.report.pages.flow import Drawing, Section, draw_heading, flow
from lvt_track.report.pages.sections import chunks
from lvt_track.report.pages.typesetting import (
    LEFT_MM,
    TEXT_MM,
    TOP_MM,
    Cell,
    Column,
    Page,
    Table,
    shortened,
)
from lvt_track.report.wording import percent

__all__ = [
    "AGREEMENT_TITLE",
    "PlotRow",
    "agreement_pages",
    "agreement_plots",
    "agreement_sections",
    "plots_note",
]

AGREEMENT_TITLE = "Agreement with the radiologist"
_PLOT_MM = 44.0
_PLOT_STEP_MM = 60.5
_AXIS_MM = 8.0
_ROW_MM = 77.0
_MOST_VISITS = 6
_DRAWN = (Quantity.LONG_AXIS, Quantity.SHORT_AXIS, Quantity.SUM)

_NB = "\u00a0"


@dataclass(frozen=True)
class PlotRow:
    """The plots of one quantity.

    Attributes:
        title: the quantity.
        sentence: the result in words.
        draws: one plot each, on square axes.
    """

    title: str
    sentence: str
    draws: tuple[Callable[[Axes], None], ...]


def agreement_pages(comparison: ReaderComparison) -> list[Drawing]:
    """Plots, statistics, responses side by side, and every lesion of both sides."""
    rows = agreement_plots(comparison)
    pages: list[Drawing] = []
    if rows:
        pages.append(partial(_draw_plots, comparison=comparison, rows=rows))
    return [*pages, *flow(agreement_sections(comparison))]


def agreement_plots(comparison: ReaderComparison) -> list[PlotRow]:
    """The plots of every quantity that has pairs enough."""
    return [_plot_row(comparison, quantity) for quantity in _drawn(comparison)]


def agreement_sections(comparison: ReaderComparison) -> list[Section]:
    """The tables."""
    return [
        _statistics_section(comparison, is_first=not _drawn(comparison)),
        *_response_sections(comparison),
        *_lesion_sections(comparison),
        *_remark_sections(comparison),
    ]


def _drawn(comparison: ReaderComparison) -> list[Quantity]:
    return [quantity for quantity in _DRAWN if quantity in comparison.agreements.of]


def plots_note(comparison: ReaderComparison) -> str:
    """How many lesions were paired, and how to read the plots."""
    low, high = (percent(p) for p in READERS_PERCENT)
    sum_low, sum_high = (percent(p) for p in READERS_SUM_PERCENT)
    return (
        f"{_counted(comparison)} Line: bias; dashed: 95 % limits of agreement; bars at the right "
        "end: their 95 % intervals. Grey: where two radiologists differ from each other, "
        f"{low} to {high} for one lesion, {sum_low} to {sum_high} for a sum (95 % limits over "
        "twelve studies: Yoon et al., Eur J Cancer 2016)."
    )


def _plot_row(comparison: ReaderComparison, quantity: Quantity) -> PlotRow:
    found = comparison.agreements.of[quantity]
    sizes = [size for size in comparison.sizes if size.quantity is quantity]
    title = quantity.value.capitalize()
    if quantity is Quantity.SUM:
        title = f"{title}, lesions {sizes[0].reader_lesion}"
    readers = readers_percent(quantity)
    draws: list[Callable[..., None]] = [
        draw_sums if quantity is Quantity.SUM else partial(draw_identity, readers=readers),
        partial(draw_differences_mm, limits=found.difference, readers=readers),
        partial(draw_differences_percent, limits=found.difference_percent, readers=readers),
    ]
    return PlotRow(
        title, _sentence(quantity, found), tuple(partial(draw, sizes=sizes) for draw in draws)
    )


def _draw_plots(page: Page, comparison: ReaderComparison, rows: Sequence[PlotRow]) -> None:
    top = draw_heading(page, TOP_MM, AGREEMENT_TITLE, plots_note(comparison)) + 1.0
    for row in rows:
        title = shortened(row.title, TEXT_MM, BODY_PT)
        page.text(LEFT_MM, top + 3.0, title, size_pt=BODY_PT, is_bold=True)
        end = page.paragraph(
            LEFT_MM, top + 4.4, TEXT_MM, row.sentence, size_pt=SMALL_PT, color=MUTED
        )
        for column, draw in enumerate(row.draws):
            left = LEFT_MM + _AXIS_MM + column * _PLOT_STEP_MM
            draw(page.axes(left, end + 5.0, _PLOT_MM, _PLOT_MM))
        top += _ROW_MM


def _counted(comparison: ReaderComparison) -> str:
    """How many lesions were paired, and how many are left over."""
    pairing = comparison.pairing
    total = len(pairing.pairs) + len(pairing.only_reader)
    text = f"{len(pairing.pairs)} of {total} lesions of {comparison.table} were paired"
    if pairing.only_own:
        text += f", {len(pairing.only_own)} of lvt's are not in it"
    return f"{text}; all are listed below."


def _sentence(quantity: Quantity, found: Agreement) -> str:
    """The result in words, with what a few pairs cannot tell."""
    bias, shares = found.difference.bias, found.difference_percent
    amount = f"{abs(bias.value):.1f}"
    if float(amount) == 0:
        mean = "the same on average"
    else:
        mean = f"{amount} {quantity.unit} {'more' if bias.value > 0 else 'less'} on average"
    text = (
        f"{_evidence(quantity, found)}: lvt measures {mean}; 95 % limits of agreement "
        f"{percent(shares.lower.value)} to {percent(shares.upper.value)}"
    )
    if not isfinite(bias.low):
        return f"{text}. {_why_none(quantity, found)}"
    low, high = readers_percent(quantity)
    is_closer = low <= shares.lower.value and shares.upper.value <= high
    chance = "may be" if bias.low <= 0 <= bias.high else "is more than"
    return (
        f"{text}, {'closer together' if is_closer else 'wider apart'} than those of two "
        f"radiologists. The mean difference {chance} chance."
    )


def _evidence(quantity: Quantity, found: Agreement) -> str:
    if quantity is Quantity.SUM:
        return f"{found.pairs} visits"
    lesions = "1 lesion" if found.clusters == 1 else f"{found.clusters} lesions"
    return f"{found.pairs} pairs of {lesions}"


def _why_none(quantity: Quantity, found: Agreement) -> str:
    """Why there is no interval."""
    if quantity is Quantity.SUM:
        return (
            "No intervals: visits of one patient are one piece of evidence. The numbers describe "
            "this patient."
        )
    return (
        f"No intervals: {found.clusters} lesions are too few, {LEAST_FOR_INTERVAL} are needed. The "
        "numbers describe these pairs, not what others would show."
    )


def _statistics_section(comparison: ReaderComparison, *, is_first: bool) -> Section:
    found = comparison.agreements
    if found.of:
        body = statistics_table(found)
        note = "lvt minus radiologist; below each value its 95 % interval, where there is one."
    else:
        body = Table((Column("", TEXT_MM),), ())
        note = f"Fewer than {LEAST_PAIRS} sizes are paired: too few to compute any agreement of."
    note = f"{note} {trend_words(found)}".strip()
    if is_first:
        return Section(AGREEMENT_TITLE, f"{_counted(comparison)} {note}", body)
    return Section("Statistics of agreement", note, body)


def _response_sections(comparison: ReaderComparison) -> list[Section]:
    """Sum and category of both at each visit."""
    if not comparison.visits:
        return []
    sums = {size.date: size for size in comparison.sizes if size.quantity is Quantity.SUM}
    columns = (
        Column("Date", 22.0),
        Column("Radiologist, sum (mm)", 24.0, "right"),
        Column("Response", 25.0),
        Column("lvt, sum (mm)", 24.0, "right"),
        Column("Response", 25.0),
        Column("The same lesions, radiologist and lvt (mm)", TEXT_MM - 120.0, "right"),
    )
    rows = tuple(_response_row(visit, sums.get(visit.date)) for visit in comparison.visits)
    note = (
        "RECIST 1.1, each side by its own target lesions. The last column adds up the "
        f"radiologist's target lesions, as far as they were paired. {_kappa_words(comparison)}"
    )
    return [Section("Response, side by side", note, Table(columns, rows))]


def _response_row(visit: JudgedVisit, same: PairedSize | None) -> tuple[Cell, ...]:
    def category(name: str) -> Cell:
        return Cell((name,), CATEGORY_COLORS.get(name, INK), is_bold=True)

    lesions = "–"
    if same is not None:
        lesions = (
            f"{same.reader_value:.1f} and {same.value:.1f}, {percent(same.difference_percent)}"
        )
    return (
        Cell((visit.date.isoformat(),)),
        Cell((_sum(visit.reader_sum_mm),)),
        category(visit.reader_category),
        Cell((_sum(visit.sum_mm),)),
        category(visit.category),
        Cell((lesions,)),
    )


def _sum(value_mm: float | None) -> str:
    return "–" if value_mm is None else f"{value_mm:.1f}"


def _kappa_words(comparison: ReaderComparison) -> str:
    found = comparison.agreements
    same, compared = found.categories
    if not compared:
        return ""
    text = f"The same response at {same} of {compared} visits after the baseline."
    if found.kappa is None:
        return f"{text} Too few visits for a kappa."
    if not isfinite(found.kappa.value):
        return f"{text} Kappa is not defined: there is one category only."
    return (
        f"{text} Weighted kappa {found.kappa.value:.2f} over {found.graded} visits, without "
        "interval: the visits of one patient are one piece of evidence."
    )


def _lesion_sections(comparison: ReaderComparison) -> list[Section]:
    """Every lesion of both sides, with both sizes at every visit; those not paired last."""
    pairing = comparison.pairing
    names: list[tuple[str | None, str | None]] = [(p.reader, p.own) for p in pairing.pairs]
    names += [(name, None) for name in pairing.only_reader]
    names += [(None, name) for name in pairing.only_own]
    how = {p.reader: (p.by, f"confidence {p.confidence:.2f}") for p in pairing.pairs}
    dates = sorted({row.date for row in comparison.rows})
    theirs = {(row.lesion, row.date): row for row in comparison.reader_rows}
    ours = {(row.lesion, row.date): row for row in comparison.rows}
    sections = []
    for visits in chunks(len(dates), _MOST_VISITS):
        width = min((TEXT_MM - 62.0) / len(visits), 30.0)
        columns = (
            Column("Radiologist", 20.0),
            Column("lvt", 16.0),
            Column("Paired by", 26.0),
            *(Column(dates[v].isoformat(), width, "right") for v in visits),
        )
        rows = tuple(
            (
                Cell((reader or "–",), is_bold=reader is not None),
                Cell((f"T{own}" if own else "–",), is_bold=own is not None),
                Cell(how[reader]) if reader in how else Cell(("not paired",), ALARM),
                *(_sizes_cell(reader, own, dates[v], theirs, ours) for v in visits),
            )
            for reader, own in names
        )
        note = (
            "Long × short axis in mm: above the radiologist's, below lvt's. Numbers of lvt are "
            "those of its tracks, with a letter or number for a part of one."
        )
        sections.append(Section("Every lesion of both sides", note, Table(columns, rows)))
    return sections


def _remark_sections(comparison: ReaderComparison) -> list[Section]:
    """What was odd in the reader's table, and was used all the same."""
    if not comparison.remarks:
        return []
    rows = tuple((Cell((remark,)),) for remark in comparison.remarks)
    title = f"What was odd in {comparison.table}"
    return [Section(title, "", Table((Column("", TEXT_MM),), rows))]


_Rows = dict[tuple[str, dt.date], Assessment]


def _sizes_cell(
    reader: str | None, own: str | None, date: dt.date, theirs: _Rows, ours: _Rows
) -> Cell:
    lines = []
    if reader is not None:
        lines.append(_size_words(theirs.get((reader, date))))
    if own is not None:
        lines.append(_size_words(ours.get((own, date))))
    return Cell(tuple(lines) if set(lines) != {"–"} else ("–",))


def _size_words(row: Assessment | None) -> str:
    if row is None:
        return "–"
    sizes = [f"{v:.1f}" for v in (row.long_axis_mm, row.short_axis_mm) if v is not None]
    if sizes:
        return f"{_NB}×{_NB}".join(sizes)
    return "present" if row.status is Status.MEASURED else row.status.value
