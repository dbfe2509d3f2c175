"""Import a model that nnU-Net v2 trained: its results folder becomes safetensors and a card.

Checkpoints are pickles. They are read with torch's restricted reader, which builds tensors, plain
values and the few numpy numbers that nnU-Net logs, and refuses everything else before it can run.
"""

from __future__ import annotations

import hashlib
import pickle
import re
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor

from lvt_track.errors import InputError, OutputError, UsageError
from lvt_track.segment.cards import ImportedCard
from lvt_track.segment.models import CARD, list_models, user_folder
from lvt_track.segment.nnunet.mapping import LabelMapping, read_mapping
from lvt_track.segment.nnunet.plan import Plan
from lvt_track.segment.nnunet.segmenter import SHARED_WEIGHTS, build_network, fill_network

__all__ = ["Checkpoint", "import_nnunet", "read_checkpoint"]

_CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_SAME_SPACING = 0.01

_scalar = np._core.multiarray.scalar  # type: ignore[attr-defined]
_HARMLESS: list[Any] = [
    (_scalar, "numpy.core.multiarray.scalar"),
    (_scalar, "numpy._core.multiarray.scalar"),
    np.dtype,
    *(type(np.dtype(kind)) for kind in ("f4", "f8", "i4", "i8", "?")),
    torch.device,
]
"""What nnU-Net's checkpoints hold beside tensors and plain values: numbers, and the device."""


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """One trained fold.

    Attributes:
        path: its file.
        trainer: name of the trainer.
        configuration: for example `3d_fullres`.
        mirror_axes: axes along which windows may be mirrored.
        weights: of the network, each once.
    """

    path: Path
    trainer: str
    configuration: str
    mirror_axes: tuple[int, ...]
    weights: dict[str, Tensor]


def import_nnunet(
    path: Path,
    name: str,
    mapping: str | None = None,
    mirror: bool = False,
    orientation: str | None = None,
) -> ImportedCard:
    """Import a results folder of nnU-Net v2 into the user's folder of models.

    Args:
        path: the folder with dataset.json, plans.json and fold_*; or the dataset's above it.
        name: of the model here.
        mapping: a named mapping or a TOML file; None to go by the names of the labels.
        mirror: whether windows are mirrored too, as far as the training allows: slower by the
            number of mirrorings, up to eight times.
        orientation: axes that scans are turned to; the mapping's where None.

    Returns:
        The card, as written.

    Raises:
        InputError: when the folder is not what it says, or cannot be run here.
        UsageError: when the name is taken, or the labels' meaning is not known.
        OutputError: when the models' folder cannot be written to.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name for a model", remedy="Use letters, digits, . _ -")
    if name in {card.name for card in list_models()}:
        raise UsageError(
            f"there is a model named {name!r} already", remedy=f"Run: lvt models remove {name}"
        )
    folder = _results_folder(Path(path))
    folds = [read_checkpoint(file) for file in _checkpoints(folder)]
    if len({(fold.trainer, fold.configuration) for fold in folds}) > 1:
        raise InputError("the folds were trained in different ways", path=folder)
    plan = Plan.read(folder, folds[0].configuration)
    chosen = (
        LabelMapping.by_names(plan.labels, plan.regions)
        if mapping is None
        else read_mapping(mapping)
    )
    contents = [save(fold.weights) for fold in folds]
    try:
        card = _card(name, plan, chosen, folds, contents)
        card = replace(
            card,
            orientation=orientation or card.orientation,
            mirror_axes=card.mirror_axes if mirror else (),
        )
        for fold in folds:
            network = build_network(card.architecture, card.arguments, card.outputs)
            fill_network(network, fold.weights)
    except ValueError as error:
        raise InputError(f"this model cannot be run here: {error}", path=folder) from error
    except RuntimeError as error:
        raise InputError("the weights do not fit the plan's network", path=folder) from error
    _write(card, contents, user_folder() / name)
    return card


def read_checkpoint(path: Path) -> Checkpoint:
    """One fold's checkpoint, without running anything that is in it.

    Raises:
        InputError: when it holds code, is damaged, or is no checkpoint of nnU-Net.
    """
    try:
        with torch.serialization.safe_globals(_HARMLESS):
            held = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise InputError(
            "refused: it holds more than weights, and reading that could run code",
            path=path,
            remedy="Use it only in nnU-Net itself, and only if you trust where it comes from",
        ) from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, AttributeError) as error:
        raise InputError(f"damaged, or no checkpoint ({error})", path=path) from error
    try:
        weights = {
            key.removeprefix("module.").removeprefix("_orig_mod."): value.contiguous().clone()
            for key, value in held["network_weights"].items()
        }
        return Checkpoint(
            path,
            str(held["trainer_name"]),
            str(held["init_args"]["configuration"]),
            tuple(int(axis) for axis in held.get("inference_allowed_mirroring_axes") or ()),
            {key: value for key, value in weights.items() if not key.startswith(SHARED_WEIGHTS)},
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"no checkpoint of nnU-Net v2 ({error!r})", path=path) from error


def _results_folder(path: Path) -> Path:
    """The folder of one trained configuration."""
    if (path / "plans.json").exists() or not path.is_dir():
        return path
    below = [item.parent for item in sorted(path.glob("*/plans.json"))]
    if len(below) > 1:
        raise UsageError(
            f"several models: {', '.join(item.name for item in below)}",
            path=path,
            remedy="Give the folder of one",
        )
    return below[0] if below else path


def _checkpoints(folder: Path) -> list[Path]:
    """One checkpoint per fold, the final one where there is one."""
    folds = sorted(folder.glob("fold_[0-9]*")) or sorted(folder.glob("fold_all"))
    per_fold = [
        next((fold / name for name in _CHECKPOINTS if (fold / name).exists()), None)
        for fold in folds
    ]
    files = [file for file in per_fold if file is not None]
    if not files:
        raise InputError(
            f"holds no fold_*/{_CHECKPOINTS[0]}",
            path=folder,
            remedy="Give the results folder of a trained nnU-Net v2 model",
        )
    return files


def _card(
    name: str,
    plan: Plan,
    mapping: LabelMapping,
    folds: list[Checkpoint],
    contents: list[bytes],
) -> ImportedCard:
    """What plan, mapping and folds say of the model."""
    wanted = mapping.spacing_mm
    if wanted and not np.allclose(wanted, plan.spacing_mm, rtol=_SAME_SPACING):
        raise ValueError(f"the mapping is for {wanted} mm, the plan for {plan.spacing_mm} mm")
    return ImportedCard(
        name=name,
        version=f"{folds[0].trainer}, {folds[0].configuration}",
        licence=mapping.licence,
        training_data=mapping.training_data or plan.dataset,
        files=tuple(f"fold{k}.safetensors" for k in range(len(folds))),
        digests=tuple(hashlib.sha256(content).hexdigest() for content in contents),
        architecture=plan.architecture,
        arguments=plan.arguments,
        outputs=plan.outputs,
        spacing_mm=plan.spacing_mm,
        patch=plan.patch,
        normalisation=plan.normalisation,
        channels={key: plan.channels(labels) for key, labels in mapping.labels.items()},
        regions=plan.regions,
        transpose=plan.transpose,
        orientation=mapping.orientation,
        crop_mm=mapping.crop_mm,
        input_order=plan.input_order if mapping.input_order is None else mapping.input_order,
        mirror_axes=folds[0].mirror_axes,
        origin={f"{fold.path.parent.name}/{fold.path.name}": _sha256(fold.path) for fold in folds},
    )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(card: ImportedCard, contents: list[bytes], folder: Path) -> None:
    """Write beside the place, and move it there whole."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".importing-"))
        try:
            for file, content in zip(card.files, contents, strict=True):
                (partial / file).write_bytes(content)
            (partial / CARD).write_text(card.to_json(), encoding="utf-8")
            partial.rename(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    except OSError as error:
        raise OutputError(
            f"the model cannot be written ({error.strerror or error})", path=folder
        ) from error
