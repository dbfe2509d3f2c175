"""The embedded model on a labelled public dataset, as downloaded.

    python benchmarks/public.py NAME FOLDER [--work DIR] [--model NAME]

NAME is a dataset that `lvt prepare --list` names (3d-ircadb-01, lits, chaos-ct, …) or the
.toml file of one of your own; FOLDER is what was unpacked. Every case is read, segmented and scored
by what its annotation knows; each is kept below `--work`, so that the same command goes on where it
stopped. Writes docs/results/public-NAME.md; ends with 4 where a case could not be used, and with 3
and no page where none could.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cc3d
import numpy as np
from scipy import ndimage

from lvt_track.core.volume import CLASSES, BoolArray, Masks, Volume
from lvt_track.errors import InputError, LvtError
from lvt_track.evaluate.detection import Detection, covered_lesions
from lvt_track.evaluate.pooled import pooled_rows
from lvt_track.evaluate.scores import ClassScores, score_class
from lvt_track.io.files import write_whole
from lvt_track.pipeline.run.model_choice import ModelChoice
from lvt_track.training.datasets.conform import cut_to_liver
from lvt_track.training.datasets.descriptor import Descriptor, find_descriptor
from lvt_track.training.datasets.prepared import BITS, IGNORE
from lvt_track.training.datasets.reading import read_case
from lvt_track.training.datasets.sources import CaseSource, find_cases
from pages.markdown import markdown_table, write_page

Segment = Callable[[Volume], Masks]

# A ring of liver around a lesion, from which its contrast is told.
_RING_MM = (2.0, 10.0)
_SIZES_MM = ((0.0, 5.0), (5.0, 10.0), (10.0, 20.0), (20.0, np.inf))
_CONTRASTS_HU = ((-np.inf, -40.0), (-40.0, -20.0), (-20.0, 0.0), (0.0, np.inf))
_SLICES_MM = ((0.0, 1.5), (1.5, 3.0), (3.0, np.inf))
_MEASURES = {
    "dice": "Dice",
    "cldice": "clDice",
    "nsd_2mm": "surface Dice at 2 mm",
    "hd95_mm": "95 % Hausdorff, mm",
    "lesion_sensitivity": "lesions found",
}


@dataclass(frozen=True)
class TrueLesion:
    """An annotated lesion: its size, how it stands out from its liver, whether it was found."""

    diameter_mm: float
    contrast_hu: float
    found: bool


@dataclass(frozen=True)
class Case:
    """What one case gave.

    Attributes:
        name: of the case.
        slices_mm: distance of its slices.
        scores: by class that is annotated everywhere.
        lesions: the true ones, where tumours are annotated.
        failure: why it could not be used; empty where it could.
    """

    name: str
    slices_mm: float = 0.0
    scores: dict[str, ClassScores] | None = None
    lesions: tuple[TrueLesion, ...] = ()
    failure: str = ""


def score_dataset(
    descriptor: Descriptor, folder: Path, work: Path, segment: Segment
) -> tuple[Case, ...]:
    """Every case of a dataset, those that an earlier call finished read from `work`."""
    work.mkdir(parents=True, exist_ok=True)
    cases = []
    for source in find_cases(descriptor, folder):
        kept = work / f"{source.name}.json"
        if kept.exists():
            case = _case_from(json.loads(kept.read_text()))
        else:
            case = _score(descriptor, source, segment)
            if not case.failure:  # what failed is tried again
                with write_whole(kept) as path:
                    path.write_text(json.dumps(asdict(case)))
        print(f"{case.name}: {case.failure or 'scored'}", file=sys.stderr, flush=True)
        cases.append(case)
    return tuple(cases)


def _score(descriptor: Descriptor, source: CaseSource, segment: Segment) -> Case:
    try:
        volume, labels = read_case(descriptor, source)
        cut_to_liver(labels, descriptor)
        if not np.any(labels & BITS["liver"]):
            return Case(source.name, failure="its labels hold no liver to score by")
        masks = segment(volume)
    except LvtError as error:
        return Case(source.name, failure=str(error))
    ignored = (labels & IGNORE) != 0
    truth = {name: ((labels & BITS[name]) != 0) & ~ignored for name in CLASSES}
    drawn = {name: getattr(masks, name) & ~ignored for name in CLASSES}
    scores = {
        name: score_class(name, drawn[name], truth[name], volume.geometry)
        for name in descriptor.knowledge.annotated
    }
    lesions: tuple[TrueLesion, ...] = ()
    if "tumors" in scores:
        lesions = tuple(_lesions(volume, truth, drawn))
    return Case(source.name, volume.geometry.spacing_mm[0], scores, lesions)


def _lesions(
    volume: Volume, truth: dict[str, BoolArray], drawn: dict[str, BoolArray]
) -> Iterable[TrueLesion]:
    voxel_mm3 = volume.geometry.voxel_volume_mm3
    number = cc3d.connected_components(truth["tumors"], connectivity=26)
    found = covered_lesions(number, drawn["tumors"])
    liver = truth["liver"] | drawn["liver"]
    spacing_mm = np.array(volume.geometry.spacing_mm)
    margin = np.ceil(_RING_MM[1] / spacing_mm).astype(int).tolist()
    for k, box in enumerate(ndimage.find_objects(number), start=1):
        near = tuple(
            slice(max(one.start - more, 0), one.stop + more)
            for one, more in zip(box, margin, strict=True)
        )
        lesion = number[near] == k
        away_mm = ndimage.distance_transform_edt(~lesion, sampling=spacing_mm)
        ring = (away_mm > _RING_MM[0]) & (away_mm <= _RING_MM[1])
        ring &= liver[near] & (number[near] == 0) & ~truth["vessels"][near]
        hu = volume.hu[near]
        contrast_hu = float(hu[lesion].mean() - np.median(hu[ring])) if ring.any() else float("nan")
        diameter_mm = float((6 / np.pi * np.count_nonzero(lesion) * voxel_mm3) ** (1 / 3))
        yield TrueLesion(diameter_mm, contrast_hu, bool(found[k - 1]))


def _case_from(facts: dict[str, Any]) -> Case:
    scores = {
        name: ClassScores(
            **{
                **one,
                "detection": Detection(**{k: tuple(v) for k, v in one["detection"].items()})
                if one["detection"]
                else None,
            }
        )
        for name, one in facts["scores"].items()
    }
    lesions = tuple(TrueLesion(**one) for one in facts["lesions"])
    return Case(facts["name"], facts["slices_mm"], scores, lesions)


def page_parts(descriptor: Descriptor, cases: Sequence[Case]) -> list[str]:
    """The page: over all cases with intervals, by size, contrast and slices, case by case."""
    scored = [case for case in cases if case.scores is not None]
    failed = [case for case in cases if case.failure]
    parts = [
        f"{descriptor.title} ({descriptor.licence}). {len(scored)} cases scored, "
        f"{len(failed)} could not be used. Intervals are 95 %, bootstrapped over cases.",
        markdown_table(("class", "measure", "lesions", "value", "interval", "of"), _pooled(scored)),
    ]
    lesions = [lesion for case in scored for lesion in case.lesions]
    if lesions:
        parts += [
            "## Lesions found, by diameter and contrast",
            markdown_table(
                ("diameter of the ball, mm", *(f"{_range(c)} HU" for c in _CONTRASTS_HU), "all"),
                _grid(lesions),
            ),
            "## By distance of slices",
            markdown_table(("slices, mm", "cases", "tumours Dice", "found"), _by_slices(scored)),
        ]
    parts += [
        "## Case by case",
        markdown_table(
            ("case", *(f"{name} Dice" for name in CLASSES), "found", "false"),
            [_case_row(case) for case in scored],
        ),
    ]
    if failed:
        parts += ["## Not used", "\n".join(f"- {case.name}: {case.failure}" for case in failed)]
    return parts


def _pooled(cases: Sequence[Case]) -> list[list[str]]:
    rows = []
    for name in CLASSES:
        of_class = [case.scores[name] for case in cases if case.scores and name in case.scores]
        for score in pooled_rows(name, of_class) if of_class else []:
            if score.measure in _MEASURES:
                interval = "" if score.low is None else f"{score.low:.3f} to {score.high:.3f}"
                rows.append(
                    [
                        name,
                        _MEASURES[score.measure],
                        score.lesions,
                        f"{score.value:.3f}",
                        interval,
                        str(score.count),
                    ]
                )
    return rows


def _range(limits: tuple[float, float]) -> str:
    low, high = limits
    if not np.isfinite(low):
        return f"below {high:g}"
    return f"from {low:g}" if not np.isfinite(high) else f"{low:g} to {high:g}"


def _grid(lesions: Sequence[TrueLesion]) -> list[list[str]]:
    def share(chosen: Sequence[TrueLesion]) -> str:
        return f"{sum(one.found for one in chosen)} of {len(chosen)}" if chosen else "–"

    rows = []
    for size in _SIZES_MM:
        sized = [one for one in lesions if size[0] <= one.diameter_mm < size[1]]
        cells = [
            share([one for one in sized if low <= one.contrast_hu < high])
            for low, high in _CONTRASTS_HU
        ]
        rows.append([_range(size), *cells, share(sized)])
    return rows


def _by_slices(cases: Sequence[Case]) -> list[list[str]]:
    rows = []
    for limits in _SLICES_MM:
        group = [case for case in cases if limits[0] <= case.slices_mm < limits[1]]
        dice = [
            case.scores["tumors"].dice
            for case in group
            if case.scores and "tumors" in case.scores and case.scores["tumors"].dice is not None
        ]
        lesions = [lesion for case in group for lesion in case.lesions]
        mean = f"{np.mean(dice):.3f}" if dice else "–"
        found = f"{sum(one.found for one in lesions)} of {len(lesions)}"
        rows.append([_range(limits), str(len(group)), mean, found])
    return rows


def _case_row(case: Case) -> list[str]:
    scores = case.scores or {}
    dice = [scores[name].dice if name in scores else None for name in CLASSES]
    cells = ["–" if value is None else f"{value:.3f}" for value in dice]
    detection = scores["tumors"].detection if "tumors" in scores else None
    if detection is None:
        return [case.name, *cells, "–", "–"]
    found, true, false = detection.between(0.0, np.inf)
    return [case.name, *cells, f"{found} of {true}", str(false)]


def main() -> int:
    """Read the command line, score, write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("name", help="of the dataset, or the .toml file of one of your own")
    parser.add_argument("folder", type=Path, help="what was unpacked")
    parser.add_argument("--work", type=Path, help="where finished cases are kept")
    parser.add_argument("--model", default="default")
    chosen = parser.parse_args()
    try:
        descriptor = find_descriptor(chosen.name)
        choice = ModelChoice(chosen.model)
        name = f"public-{descriptor.name}"
        digest = choice.model.conduct_sha256[:12]
        work = (chosen.work or Path("runs")) / f"{name}-{digest}"
        cases = score_dataset(
            descriptor, chosen.folder, work, lambda volume: choice.segment(volume).masks
        )
    except LvtError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    if all(case.failure for case in cases):
        print("error: none of the cases could be used; no page was written", file=sys.stderr)
        return InputError.exit_code
    command = f"python benchmarks/public.py {Path(chosen.name).name} FOLDER"
    print(
        write_page(
            name,
            f"Model {choice.model.name} on {descriptor.name}",
            command,
            *page_parts(descriptor, cases),
        )
    )
    return 4 if any(case.failure for case in cases) else 0


if __name__ == "__main__":
    sys.exit(main())
