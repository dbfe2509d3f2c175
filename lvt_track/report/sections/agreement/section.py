"""Section: the course beside a radiologist's own table."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import isfinite

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
from lvt_track.agreement.strands import Strand
from lvt_track.core.response.assessment import Assessment, Status
from lvt_track.report.blocks import (
    TEXT_WIDTH_MM,
    Block,
    Cell,
    Chart,
    Charts,
    Column,
    Table,
    Text,
)
from lvt_track.report.content import ReportContent
from lvt_track.report.drawing.agreement import (
    draw_differences_mm,
    draw_differences_percent,
    draw_identity,
    draw_sums,
)
from lvt_track.report.drawing.category_style import category_color
from lvt_track.report.drawing.style import ALARM, INK
from lvt_track.report.sections.agreement.statistics import (
    readers_percent,
    statistics_table,
    trend_words,
)
from lvt_track.report.wording import percent

__all__ = ["agreement"]

_PLOT_MM = 44.0
_LEAST_COLUMN_MM = 19.0
_DRAWN = (Quantity.LONG_AXIS, Quantity.SHORT_AXIS, Quantity.SUM)

_PLURAL = {
    Quantity.LONG_AXIS: "long axes",
    Quantity.SHORT_AXIS: "short axes",
    Quantity.VOLUME: "volumes",
}

_NB = "\u00a0"


def agreement(content: ReportContent) -> Sequence[Block]:
    """Plots, statistics, responses side by side, and every lesion of both sides."""
    comparison = content.comparison
    if comparison is None:
        return []
    plots = [_plots(comparison, quantity) for quantity in _drawn(comparison)]
    return [
        Text(_plots_note(comparison) if plots else _counted(comparison)),
        *plots,
        *_statistics(comparison),
        *_responses(comparison),
        *_lesions(comparison),
        *_unpaired(comparison),
        *_remarks(comparison),
    ]


def _drawn(comparison: ReaderComparison) -> list[Quantity]:
    return [quantity for quantity in _DRAWN if quantity in comparison.agreements.of]


def _plots_note(comparison: ReaderComparison) -> str:
    """How many lesions were paired, and how to read the plots."""
    low, high = (percent(p) for p in READERS_PERCENT)
    sum_low, sum_high = (percent(p) for p in READERS_SUM_PERCENT)
    return (
        f"{_counted(comparison)} Line: bias; dashed: 95 % limits of agreement; bars at the right "
        "end: their 95 % intervals. Grey: where two radiologists differ from each other, "
        f"{low} to {high} for one lesion, {sum_low} to {sum_high} for a sum (95 % limits over "
        "twelve studies: Yoon et al., Eur J Cancer 2016)."
    )


def _plots(comparison: ReaderComparison, quantity: Quantity) -> Charts:
    agreement = comparison.agreements.of[quantity]
    sizes = [size for size in comparison.sizes if size.quantity is quantity]
    title = quantity.value.capitalize()
    if quantity is Quantity.SUM:
        title = f"{title}, lesions {sizes[0].reader_lesion}"
    readers = readers_percent(quantity)
    draws: list[Callable[..., None]] = [
        draw_sums if quantity is Quantity.SUM else partial(draw_identity, readers=readers),
        partial(draw_differences_mm, limits=agreement.difference, readers=readers),
        partial(draw_differences_percent, limits=agreement.difference_percent, readers=readers),
    ]
    charts = tuple(
        Chart(title, partial(draw, sizes=sizes), _PLOT_MM, _PLOT_MM, left_mm=8.0, right_mm=6.5)
        for draw in draws
    )
    return Charts(charts, title, _sentence(quantity, agreement), is_titled=False)


def _counted(comparison: ReaderComparison) -> str:
    """How many lesions and sizes were paired, and what is left over."""
    pairing = comparison.pairing
    total = len(pairing.reader_strands)
    paired = total - len(pairing.only_reader)
    text = f"{paired} of {total} lesions of {comparison.table} were paired"
    if pairing.only_computed:
        text += f", {len(pairing.only_computed)} of lvt's are not in it"
    counts = []
    for quantity, missing in comparison.agreements.unpaired.items():
        paired_sizes = sum(size.quantity is quantity for size in comparison.sizes)
        if paired_sizes or missing:
            counts.append(
                f"{paired_sizes} {_PLURAL[quantity]} are compared, {missing} have no partner"
            )
    return f"{text}. {'; '.join(counts)}. All are listed below."


def _sentence(quantity: Quantity, agreement: Agreement) -> str:
    """The result in words, with what a few pairs cannot tell."""
    bias, shares = agreement.difference.bias, agreement.difference_percent
    amount = f"{abs(bias.value):.1f}"
    if float(amount) == 0:
        mean = "the same on average"
    else:
        mean = f"{amount} {quantity.unit} {'more' if bias.value > 0 else 'less'} on average"
    text = (
        f"{_evidence(quantity, agreement)}: lvt measures {mean}; 95 % limits of agreement "
        f"{percent(shares.lower.value)} to {percent(shares.upper.value)}"
    )
    if not isfinite(bias.low):
        return f"{text}. {_why_none(quantity, agreement)}"
    low, high = readers_percent(quantity)
    is_closer = low <= shares.lower.value and shares.upper.value <= high
    chance = "may be" if bias.low <= 0 <= bias.high else "is more than"
    return (
        f"{text}, {'closer together' if is_closer else 'wider apart'} than those of two "
        f"radiologists. The mean difference {chance} chance."
    )


def _evidence(quantity: Quantity, agreement: Agreement) -> str:
    if quantity is Quantity.SUM:
        return f"{agreement.pairs} visits"
    lesions = "1 lesion" if agreement.clusters == 1 else f"{agreement.clusters} lesions"
    return f"{agreement.pairs} pairs of {lesions}"


def _why_none(quantity: Quantity, agreement: Agreement) -> str:
    """Why there is no interval."""
    if quantity is Quantity.SUM:
        return (
            "No intervals: visits of one patient are one piece of evidence. The numbers describe "
            "this patient."
        )
    return (
        f"No intervals: {agreement.clusters} lesions are too few, {LEAST_FOR_INTERVAL} are needed. "
        "The numbers describe these pairs, not what others would show."
    )


def _statistics(comparison: ReaderComparison) -> list[Block]:
    agreements = comparison.agreements
    if not agreements.of:
        few = f"Fewer than {LEAST_PAIRS} sizes are paired: too few to compute any agreement of."
        return [Text(f"{few} {trend_words(agreements)}".strip())]
    note = "lvt minus radiologist; below each value its 95 % interval, where there is one."
    return [
        Text(f"{note} {trend_words(agreements)}".strip(), "Statistics of agreement"),
        statistics_table(agreements),
    ]


def _responses(comparison: ReaderComparison) -> list[Block]:
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
        Column("The same lesions, radiologist and lvt (mm)", TEXT_WIDTH_MM - 120.0, "right"),
    )
    rows = tuple(_response_row(visit, sums.get(visit.date)) for visit in comparison.visits)
    note = (
        "RECIST 1.1, each side by its own target lesions. The last column adds up the "
        f"radiologist's target lesions, as far as they were paired. {_kappa_words(comparison)}"
    )
    return [Text(note, "Response, side by side"), Table(columns, rows)]


def _response_row(visit: JudgedVisit, same: PairedSize | None) -> tuple[Cell, ...]:
    def category(name: str) -> Cell:
        return Cell((name,), category_color(name, INK), is_bold=True)

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
    agreements = comparison.agreements
    same, compared = agreements.categories
    if not compared:
        return ""
    text = f"The same response at {same} of {compared} visits after the baseline."
    if agreements.kappa is None:
        return f"{text} Too few visits for a kappa."
    if not isfinite(agreements.kappa.value):
        return f"{text} Kappa is not defined: there is one category only."
    return (
        f"{text} Weighted kappa {agreements.kappa.value:.2f} over {agreements.graded} visits, "
        "without interval: the visits of one patient are one piece of evidence."
    )


def _lesions(comparison: ReaderComparison) -> list[Block]:
    """Every lesion of both sides, with both sizes at every visit; those not paired last."""
    pairing = comparison.pairing
    names: list[tuple[str | None, str | None]] = [(p.reader, p.computed) for p in pairing.pairs]
    names += [(reader, None) for reader, _ in pairing.single]
    names += [(name, None) for name in pairing.only_reader]
    names += [(None, name) for name in pairing.only_computed]
    how = {p.reader: (p.by, f"confidence {p.confidence:.2f}") for p in pairing.pairs}
    how |= {
        reader: ("place, at single visits", f"T{computed}") for reader, computed in pairing.single
    }
    dates = sorted({row.date for row in comparison.rows})
    theirs, ours = pairing.reader_strands, pairing.computed_strands
    width = min(max((TEXT_WIDTH_MM - 62.0) / len(dates), _LEAST_COLUMN_MM), 30.0)
    columns = (
        Column("Radiologist", 20.0),
        Column("lvt", 16.0),
        Column("Paired by", 26.0),
        *(Column(date.isoformat(), width, "right") for date in dates),
    )
    rows = tuple(
        (
            Cell((reader or "–",), is_bold=reader is not None),
            Cell((f"T{computed}" if computed else "–",), is_bold=computed is not None),
            Cell(how[reader]) if reader in how else Cell(("not paired",), ALARM),
            *(_sizes_cell(reader, computed, date, theirs, ours) for date in dates),
        )
        for reader, computed in names
    )
    note = (
        "Long × short axis in mm: above the radiologist's, below lvt's. Numbers of lvt are "
        "those of its tracks, with a letter for one of several. What has split stands with "
        "plus signs, what has merged with each that merged."
    )
    return [Text(note, "Every lesion of both sides"), Table(columns, rows, repeated=(0, 1, 2))]


def _unpaired(comparison: ReaderComparison) -> list[Block]:
    """Sizes that only one side gave."""
    by_lesion: dict[tuple[bool, str, dt.date], list[str]] = {}
    for size in comparison.unpaired:
        key = (not size.is_readers, size.lesion, size.date)
        decimals = 2 if size.quantity is Quantity.VOLUME else 1
        words = f"{size.quantity.value} {size.value:.{decimals}f}{_NB}{size.quantity.unit}"
        by_lesion.setdefault(key, []).append(words)
    if not by_lesion:
        return []
    columns = (
        Column("Measured by", 26.0),
        Column("Lesion", 26.0),
        Column("Date", 24.0),
        Column("Sizes", TEXT_WIDTH_MM - 76.0),
    )
    rows = tuple(
        (
            Cell(("lvt" if is_ours else "radiologist",)),
            Cell((f"T{lesion}" if is_ours else lesion,), is_bold=True),
            Cell((date.isoformat(),)),
            Cell((", ".join(sizes),)),
        )
        for (is_ours, lesion, date), sizes in sorted(by_lesion.items())
    )
    note = "At visits that both have; none of these enters a statistic."
    return [Text(note, "Sizes without a partner"), Table(columns, rows)]


def _remarks(comparison: ReaderComparison) -> list[Block]:
    """What was odd in the reader's table, and was used all the same."""
    if not comparison.remarks:
        return []
    rows = tuple((Cell((remark,)),) for remark in comparison.remarks)
    return [
        Text("", f"What was odd in {comparison.table}"),
        Table((Column("", TEXT_WIDTH_MM),), rows),
    ]


_Rows = Mapping[str, Strand]


def _sizes_cell(
    reader: str | None, computed: str | None, date: dt.date, theirs: _Rows, ours: _Rows
) -> Cell:
    lines = []
    if reader is not None:
        lines.append(_sizes_words(theirs[reader].get(date, ())))
    if computed is not None:
        lines.append(_sizes_words(ours[computed].get(date, ())))
    return Cell(tuple(lines) if set(lines) != {"–"} else ("–",))


def _sizes_words(rows: Sequence[Assessment]) -> str:
    return " + ".join(_size_words(row) for row in rows) or "–"


def _size_words(row: Assessment) -> str:
    sizes = [f"{v:.1f}" for v in (row.long_axis_mm, row.short_axis_mm) if v is not None]
    if sizes:
        return f"{_NB}×{_NB}".join(sizes)
    return "present" if row.status is Status.MEASURED else row.status.value
