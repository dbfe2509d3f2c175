"""Train a model from prepared datasets: split, plan, learn, judge, write it with its card."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lvt_track import __version__
from lvt_track.core.volume import CLASSES
from lvt_track.errors import InputError, UsageError
from lvt_track.io.files import write_whole
from lvt_track.io.spreadsheets.writing import csv_text, write_text
from lvt_track.pipeline.run.output import Existing, claim_folder
from lvt_track.pipeline.run.progress import Progress
from lvt_track.training.configuration import TrainingConfiguration
from lvt_track.training.datasets.prepared import read_prepared
from lvt_track.training.datasets.split import Split, split_cases
from lvt_track.training.history import draw_history
from lvt_track.training.loop import CHECKPOINT, METRICS
from lvt_track.training.loop import Progress as Step
from lvt_track.training.processes import processes
from lvt_track.training.session import Session
from lvt_track.training.validation import CURVE, ValidationCurve, mean_scores, watched

__all__ = ["TrainResult", "train_model"]

_CONFIGURATION = "configuration.json"
_VALIDATION = "validation.csv"


@dataclass(frozen=True)
class TrainResult:
    """What `lvt train` made.

    Attributes:
        model: folder of the model.
        steps: that were taken.
        minutes: of training, over all resumed runs.
        scores: mean Dice by class over the validation cases; None without any.
    """

    model: Path
    steps: int
    minutes: float
    scores: Mapping[str, float | None]

    def facts(self) -> dict[str, object]:
        """The result as plain values."""
        return {**asdict(self), "model": str(self.model), "minutes": round(self.minutes, 1)}

    def summary(self) -> str:
        """The result in a few lines."""
        scores = ", ".join(
            f"{name} {'not measured' if value is None else f'{value:.3f}'}"
            for name, value in self.scores.items()
        )
        return (
            f"{self.steps} steps in {self.minutes:.1f} minutes\n"
            f"Dice on validation cases: {scores}\nmodel in {self.model}"
        )


def train_model(
    configuration: TrainingConfiguration,
    out: Path,
    device: str,
    existing: Existing,
    progress: Progress,
) -> TrainResult | None:
    """Train, and write model, metrics and validation into `out`.

    Args:
        configuration: what to train.
        out: folder for the results; RESUME goes on with the training in it.
        device: where to train.
        existing: what to do with what is there.
        progress: told of the course.

    Returns:
        What was made; None in all but the first process of `torchrun`.

    Raises:
        InputError: when a dataset cannot be used, or the folder holds another training.
        UsageError, OutputError: when the options do not suit, or the folder cannot be used.
        LvtError: when the loss is not a number.
    """
    datasets = [read_prepared(folder) for folder in configuration.data]
    split = split_cases(
        datasets,
        configuration.validation_share,
        configuration.seed,
        configuration.held_out,
        configuration.separable,
    )
    with processes() as rank:
        session = Session.planned(configuration, datasets, device)
        if rank == 0:
            claim_folder(out, existing)
            _begin(session, out, existing)
            _note_plan(session, split, progress)
            progress.stage("train", 100)
        if rank != 0:
            session.learn(split.training, out)
            return None

        def draw() -> None:
            if (out / METRICS).exists():
                draw_history(out / METRICS, out / CURVE, out / "metrics.png")

        curve = ValidationCurve(session.judge, watched(split.validation), out / CURVE, draw)
        network = session.learn(split.training, out, _Percent(progress), curve)
        steps, seconds = session.taken(out)
        draw()
        scores = _validate(session, split, network, out, progress)
        facts = {
            "version": __version__,
            "configuration": _plain(session),
            "cases": len(split.training),
            "validation_cases": [f"{case.dataset}/{case.name}" for case in split.validation],
            "steps": steps,
            "minutes": round(seconds / 60.0, 1),
        }
        if session.start is not None:
            facts["start_from"] = session.start.facts()
        used = [data for data in datasets if data.name not in configuration.held_out]
        session.save(network, used, facts, {"validation_dice": scores}, out)
    return TrainResult(out / configuration.name, steps, seconds / 60.0, scores)


class _Percent:
    """Moves a bar of a hundred by the share of the budget that is used."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._shown = 0

    def __call__(self, step: Step) -> None:
        while self._shown < min(100, int(100 * step.share)):
            self._shown += 1
            self._progress.step(f"step {step.step}, loss {step.loss:.3f}")


def _begin(session: Session, out: Path, existing: Existing) -> None:
    """Clear or check what an earlier training left, and write down what is asked for."""
    path = out / _CONFIGURATION
    facts = _plain(session)
    if existing is Existing.FORCE:
        for name in (CHECKPOINT, METRICS, CURVE):
            (out / name).unlink(missing_ok=True)
    elif path.exists():
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"damaged ({error})", path=path) from error
        changed = [key for key in facts if key != "learning" and before.get(key) != facts[key]]
        if changed:
            raise UsageError(
                f"the training in this folder has another {', '.join(changed)}",
                path=out,
                remedy="Resume it as it was begun, or choose another -o",
            )
    with write_whole(path) as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _plain(session: Session) -> dict[str, Any]:
    """What a training is, as plain values; all but `learning` is kept when it is resumed."""
    asked = asdict(session.configuration)
    asked |= {"network": asdict(session.network), "patches": asdict(session.plan)}
    facts: dict[str, Any] = json.loads(json.dumps(asked, default=str))
    return facts


def _note_plan(session: Session, split: Split, progress: Progress) -> None:
    plan = session.plan
    patch = " x ".join(str(n) for n in plan.patch)
    spacing = " x ".join(f"{step:g}" for step in plan.spacing_mm)
    progress.note(
        f"{len(split.training)} cases to learn from, {len(split.validation)} to judge by, "
        f"on {session.device}: patches of {patch} voxels of {spacing} mm, {plan.samples} a step"
    )
    for reason, count in Counter(one.reason for one in split.left_out).items():
        progress.warn(f"{count} cases are left out: {reason}")
    _warn_of_what_is_not_judged(session, split, progress)


def _warn_of_what_is_not_judged(session: Session, split: Split, progress: Progress) -> None:
    """Say at the start which datasets, or whether all, have no case that is kept back."""
    share = session.configuration.validation_share
    judged = {case.dataset for case in split.validation}
    patients: dict[str, set[str]] = defaultdict(set)
    for case in split.training:
        patients[case.dataset].add(case.patient)
    missing = [
        f"{name} (patients: {len(some)})" for name, some in patients.items() if name not in judged
    ]
    if not split.validation:
        progress.warn(
            "no case is kept back to judge by, so how good the model is will not be known: "
            f"{', '.join(missing)}, of which a share of {share:g} is none, or which may share "
            "patients; set validation_share higher, or hold out a dataset"
        )
    elif missing:
        progress.warn(f"no case is kept back to judge by of {', '.join(missing)}")


def _validate(
    session: Session, split: Split, network: Any, out: Path, progress: Progress
) -> dict[str, float | None]:
    """Judge the network on every validation case; a table of them, and the mean per class."""
    progress.stage("validate", len(split.validation))
    rows = []
    for case in split.validation:
        rows.append((case, session.judge(network, case)))
        progress.step(case.name)
    columns = ("dataset", "case", "patient", *(f"dice_{name}" for name in CLASSES))
    cells = [
        (case.dataset, case.name, case.patient, *(_decimals(scores.get(name)) for name in CLASSES))
        for case, scores in rows
    ]
    write_text(csv_text(columns, cells), out / _VALIDATION)
    return mean_scores([scores for _, scores in rows])


def _decimals(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
