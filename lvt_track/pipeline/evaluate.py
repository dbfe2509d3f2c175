"""The job of `lvt evaluate`: masks and the true ones in, scores out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lvt_track.core.volume import CLASSES
from lvt_track.errors import InputError, UsageError
from lvt_track.evaluate.pooled import Score, case_rows, pooled_rows
from lvt_track.evaluate.scores import ClassScores, score_class
from lvt_track.io.images.volumes import read_labels, read_mask, stem_of
from lvt_track.pipeline.run.progress import Progress

__all__ = ["SCORE_COLUMNS", "Evaluation", "evaluate_paths", "score_rows"]

SCORE_COLUMNS = ("case", "class", "measure", "lesions", "value", "low", "high", "count")

_Cases = Mapping[str, Mapping[str, Path]]
"""Mask files by case and class."""


@dataclass(frozen=True)
class Evaluation:
    """Scores of predicted masks.

    Attributes:
        scores: case by case, then over all cases where there are several.
        remarks: what was not scored, since there is nothing to score or to score against.
        failures: what should have been scored and could not be.
    """

    scores: tuple[Score, ...]
    remarks: tuple[str, ...]
    failures: tuple[str, ...]


@dataclass(frozen=True)
class _Pair:
    """A predicted mask, or none, and the reference it is scored against."""

    case: str
    name: str
    predicted: Path | None
    reference: Path


def evaluate_paths(
    predicted: Path, reference: Path, progress: Progress, class_name: str | None = None
) -> Evaluation:
    """Score predicted masks against reference masks.

    Args:
        predicted, reference: both a mask file, a folder with masks named by class, or a folder of
            such folders, one per case.
        progress: told of each mask.
        class_name: of two mask files, the class, where their names do not say it.

    Raises:
        InputError: when nothing can be scored, or the only case cannot.
        UsageError: when the two paths are not of one kind, or the class is not known.
    """
    pairs, remarks = _plan(predicted, reference, class_name)
    is_single = len({pair.case for pair in pairs}) == 1
    rows: list[Score] = []
    failures: list[str] = []
    scored: dict[str, list[ClassScores]] = defaultdict(list)
    progress.stage("evaluate", len(pairs))
    for pair in pairs:
        try:
            scores = _score(pair)
        except InputError as error:
            if is_single:
                raise
            failures.append(f"case {pair.case}: {error}")
        else:
            scored[pair.name].append(scores)
            rows += case_rows(pair.case, pair.name, scores)
        progress.step(f"{pair.case} {pair.name}")
    if not scored:
        raise InputError("nothing could be scored: " + " ".join(failures), path=predicted)
    if not is_single:
        for name, cases in scored.items():
            rows += pooled_rows(name, cases)
    return Evaluation(tuple(rows), remarks, tuple(failures))


def score_rows(evaluation: Evaluation) -> list[dict[str, object]]:
    """One row per score, by the names of `SCORE_COLUMNS`."""
    return [
        {
            "case": score.case,
            "class": score.name,
            "measure": score.measure,
            "lesions": score.lesions or None,
            "value": f"{score.value:.4f}",
            "low": None if score.low is None else f"{score.low:.4f}",
            "high": None if score.high is None else f"{score.high:.4f}",
            "count": score.count,
        }
        for score in evaluation.scores
    ]


def _score(pair: _Pair) -> ClassScores:
    if pair.predicted is None:
        raise InputError(f"{pair.name} is not among its predicted masks")
    labels, geometry = read_labels(pair.reference)
    predicted = read_mask(pair.predicted, geometry)
    return score_class(pair.name, predicted, labels != 0, geometry)


def _plan(
    predicted: Path, reference: Path, class_name: str | None
) -> tuple[list[_Pair], tuple[str, ...]]:
    """What is scored against what, and what cannot be."""
    if predicted.is_file() and reference.is_file():
        name = _class_of(predicted, reference, class_name)
        return [_Pair(_case_of(predicted), name, predicted, reference)], ()
    if class_name is not None:
        raise UsageError("--class is for two mask files; folders name their masks by class")
    ours, theirs = _cases(predicted), _cases(reference)
    if len(ours) == len(theirs) == 1:
        # One case each: what the folders are called does not matter.
        ours = dict(zip(theirs, ours.values(), strict=True))
    pairs = []
    known, wanted = _classes(ours), _classes(theirs)
    for case, files in theirs.items():
        pairs += [
            _Pair(case, name, ours.get(case, {}).get(name), files[name])
            for name in CLASSES
            if name in files and name in known
        ]
    if not pairs:
        raise InputError(
            f"predicted are {_listed(known)}, annotated are {_listed(wanted)}: nothing to score",
            path=predicted,
        )
    remarks = [f"{name}: not annotated, not scored" for name in sorted(known - wanted)]
    remarks += [f"{name}: not predicted at all, not scored" for name in sorted(wanted - known)]
    remarks += [f"case {case}: no reference, not scored" for case in sorted(ours.keys() - theirs)]
    return pairs, tuple(remarks)


def _cases(folder: Path) -> _Cases:
    """The masks in a folder, or in each folder below it.

    Raises:
        InputError: when there are none.
    """
    if not folder.is_dir():
        raise InputError("there is no such folder of masks", path=folder)
    masks_here = _masks_in(folder)
    if masks_here:
        return {_case_of(folder): masks_here}
    below = {path.name: _masks_in(path) for path in sorted(folder.iterdir()) if path.is_dir()}
    cases = {name: masks for name, masks in below.items() if masks}
    if not cases:
        raise InputError(
            f"no masks named {_listed(CLASSES)}, here or one folder below",
            path=folder,
            remedy="Name them liver.nii.gz, vessels.nii.gz, tumors.nii.gz",
        )
    return cases


def _masks_in(folder: Path) -> dict[str, Path]:
    return {name: path for path in sorted(folder.iterdir()) if (name := stem_of(path)) in CLASSES}


def _class_of(predicted: Path, reference: Path, class_name: str | None) -> str:
    """The class of two mask files.

    Raises:
        UsageError: when it is not known.
    """
    if class_name is not None and class_name not in CLASSES:
        raise UsageError(f"class {class_name!r} is none of {_listed(CLASSES)}")
    named = {
        name
        for path in (predicted, reference)
        for name in CLASSES
        if (stem_of(path) or "").lower().endswith(name)
    }
    if class_name is None and len(named) != 1:
        raise UsageError(
            f"the files' names do not say which of {_listed(CLASSES)} they are",
            remedy="Say it with --class",
        )
    return class_name or named.pop()


def _case_of(path: Path) -> str:
    return stem_of(path) or path.resolve().name


def _classes(cases: _Cases) -> set[str]:
    return {name for files in cases.values() for name in files}


def _listed(names: Sequence[str] | set[str]) -> str:
    return ", ".join(name for name in CLASSES if name in names)
