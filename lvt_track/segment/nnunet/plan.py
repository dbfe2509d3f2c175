"""What an nnU-Net v2 results folder says of its model: plans.json and dataset.json.

Layout and meaning follow nnunetv2/utilities (plans_handling, label_handling), version 2.8.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lvt_track.errors import InputError
from lvt_track.segment.cards import Normalisation
from lvt_track.segment.nnunet.splines import SplineOrder

__all__ = ["Plan", "read_json"]

_RESAMPLING = "resample_data_or_seg_to_shape"
_PREPROCESSOR = "DefaultPreprocessor"


@dataclass(frozen=True)
class Plan:
    """The configuration of one trained model.

    Attributes:
        dataset: its name.
        labels: of the dataset, by name: a number, or the numbers of a region.
        regions: whether its labels are regions, told each for itself.
        outputs: channels of the network.
        architecture: class name of its network.
        arguments: what that class is built with.
        spacing_mm: voxel spacing of its own axes.
        patch: size of its windows.
        normalisation: of HU.
        transpose: order of the stored axes.
        input_order: of the spline by which scans are resampled.
    """

    dataset: str
    labels: Mapping[str, int | tuple[int, ...]]
    regions: bool
    outputs: int
    architecture: str
    arguments: Mapping[str, Any]
    spacing_mm: tuple[float, float, float]
    patch: tuple[int, int, int]
    normalisation: Normalisation
    transpose: tuple[int, int, int]
    input_order: SplineOrder

    @classmethod
    def read(cls, folder: Path, configuration: str) -> Plan:
        """The plan of a results folder.

        Raises:
            InputError: when a file is missing or damaged, or plans what is not run here.
        """
        path = folder / "plans.json"
        plans, dataset = read_json(path), read_json(folder / "dataset.json")
        try:
            return cls._parse(plans, dataset, configuration)
        except (KeyError, TypeError, AttributeError, IndexError) as error:
            raise InputError(f"not a plan of nnU-Net v2 ({error!r})", path=path) from error
        except ValueError as error:
            raise InputError(f"this model cannot be run here: {error}", path=path) from error

    @classmethod
    def _parse(
        cls, plans: Mapping[str, Any], dataset: Mapping[str, Any], configuration: str
    ) -> Plan:
        chosen = _inherited(plans["configurations"], configuration)
        if "previous_stage" in chosen:
            raise ValueError(f"{configuration} is the second stage of a cascade")
        if len(chosen["patch_size"]) != 3:
            raise ValueError(f"{configuration} is two-dimensional")
        channels = dataset.get("channel_names") or dataset["modality"]
        if len(channels) != 1:
            raise ValueError(f"it needs {len(channels)} images of a scan, not one CT")
        for key, known in (
            ("preprocessor_name", _PREPROCESSOR),
            ("resampling_fn_data", _RESAMPLING),
            ("resampling_fn_probabilities", _RESAMPLING),
        ):
            if chosen[key] != known:
                raise ValueError(f"its {key} is {chosen[key]}; only {known} is known")
        labels = {
            name: tuple(value) if isinstance(value, list) else int(value)
            for name, value in dataset["labels"].items()
            if name != "ignore"
        }
        regions = any(isinstance(value, tuple) and len(value) > 1 for value in labels.values())
        architecture, arguments = _architecture(chosen)
        z, y, x = (int(axis) for axis in plans["transpose_forward"])
        return cls(
            dataset=plans["dataset_name"],
            labels=labels,
            regions=regions,
            outputs=len(labels) - 1 if regions else len(labels),
            architecture=architecture,
            arguments=arguments,
            spacing_mm=tuple(float(step) for step in chosen["spacing"]),  # type: ignore[arg-type]
            patch=tuple(int(size) for size in chosen["patch_size"]),  # type: ignore[arg-type]
            normalisation=_normalisation(plans, chosen),
            transpose=(z, y, x),
            input_order=_spline_order(chosen["resampling_fn_data_kwargs"]),
        )

    def channels(self, labels: tuple[str | int, ...]) -> tuple[int, ...]:
        """The network's channels of some labels, by name or number.

        Raises:
            InputError: when there is no such label.
        """
        names = list(self.labels)
        foreground = [name for name in names if self.labels[name] not in (0, (0,))]
        channels = []
        for label in labels:
            name = label if isinstance(label, str) else self._name(label)
            if name not in foreground:
                raise InputError(
                    f"the model has no label {label!r}; it has {', '.join(foreground)}"
                )
            value = self.labels[name]
            if self.regions:
                channels.append(foreground.index(name))
            else:
                channels.append(value[0] if isinstance(value, tuple) else value)
        return tuple(channels)

    def _name(self, number: int) -> str:
        return next(
            (name for name, value in self.labels.items() if value in (number, (number,))), ""
        )


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        InputError: when there is none.
    """
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            "missing, so this is not a results folder of nnU-Net v2",
            path=path,
            remedy="Give the folder that holds dataset.json, plans.json and fold_0",
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read ({error})", path=path) from error
    if not isinstance(facts, dict):
        raise InputError("holds no JSON object", path=path)
    return facts


def _inherited(configurations: Mapping[str, Any], name: str, depth: int = 0) -> dict[str, Any]:
    """A configuration with what it inherits."""
    configuration = configurations[name]
    if "inherits_from" not in configuration:
        return dict(configuration)
    if depth > len(configurations):
        raise ValueError(f"{name} inherits from itself")
    return {
        **_inherited(configurations, configuration["inherits_from"], depth + 1),
        **configuration,
    }


def _spline_order(arguments: Mapping[str, Any]) -> SplineOrder:
    order = arguments.get("order", 3)
    if order not in (0, 1, 3) or arguments.get("order_z", 0) != 0:
        raise ValueError(f"it resamples with {dict(arguments)}")
    known: SplineOrder = order
    return known


def _architecture(chosen: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Class and arguments of the network, from plans of today and of before version 2.4."""
    if "architecture" in chosen:
        named = chosen["architecture"]["network_class_name"].rsplit(".", 1)[-1]
        return named, dict(chosen["architecture"]["arch_kwargs"])
    named = chosen["UNet_class_name"]
    levels = len(chosen["n_conv_per_stage_encoder"])
    most = chosen["unet_max_num_features"]
    per_level = "n_conv_per_stage" if named == "PlainConvUNet" else "n_blocks_per_stage"
    return named, {
        "n_stages": levels,
        "features_per_stage": [
            min(chosen["UNet_base_num_features"] * 2**level, most) for level in range(levels)
        ],
        "conv_op": "torch.nn.modules.conv.Conv3d",
        "kernel_sizes": chosen["conv_kernel_sizes"],
        "strides": chosen["pool_op_kernel_sizes"],
        per_level: chosen["n_conv_per_stage_encoder"],
        "n_conv_per_stage_decoder": chosen["n_conv_per_stage_decoder"],
        "conv_bias": True,
        "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
        "norm_op_kwargs": {"eps": 1e-5, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }


def _normalisation(plans: Mapping[str, Any], chosen: Mapping[str, Any]) -> Normalisation:
    (scheme,) = chosen["normalization_schemes"]
    if scheme != "CTNormalization":
        if chosen["use_mask_for_norm"][0]:
            raise ValueError(
                "it normalises within the non-zero voxels only, which CT does not have"
            )
        return Normalisation(scheme)
    key = "foreground_intensity_properties_per_channel"
    older = "foreground_intensity_properties_by_modality"
    numbers = plans[key if key in plans else older]["0"]
    return Normalisation(
        scheme,
        float(numbers["percentile_00_5"]),
        float(numbers["percentile_99_5"]),
        float(numbers["mean"]),
        float(numbers["std"]),
    )
