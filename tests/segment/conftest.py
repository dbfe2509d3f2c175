"""Results folders as nnU-Net v2 writes them, with networks small enough for a test."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

ARCHITECTURES = "dynamic_network_architectures.architectures.unet"
ARGUMENTS: dict[str, Any] = {
    "n_stages": 2,
    "features_per_stage": [4, 8],
    "conv_op": "torch.nn.modules.conv.Conv3d",
    "kernel_sizes": [[3, 3, 3], [3, 3, 3]],
    "strides": [[1, 1, 1], [2, 2, 2]],
    "n_conv_per_stage": [1, 1],
    "n_conv_per_stage_decoder": [1],
    "conv_bias": True,
    "norm_op": "torch.nn.modules.instancenorm.InstanceNorm3d",
    "norm_op_kwargs": {"eps": 1e-05, "affine": True},
    "dropout_op": None,
    "dropout_op_kwargs": None,
    "nonlin": "torch.nn.LeakyReLU",
    "nonlin_kwargs": {"inplace": True},
}
RESIDUAL = {k: v for k, v in ARGUMENTS.items() if k != "n_conv_per_stage"} | {
    "n_blocks_per_stage": [1, 1]
}

WriteResults = Callable[..., Path]


def plans_of(
    configuration: str,
    spacing_mm: list[float],
    architecture: str,
    old: bool,
    changes: Mapping[str, Any],
) -> dict[str, Any]:
    """plans.json, as the versions from 2.4 on write it, or the ones before."""
    chosen: dict[str, Any] = {
        "data_identifier": f"nnUNetPlans_{configuration}",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": [16, 16, 16],
        "median_image_size_in_voxels": [40.0, 60.0, 60.0],
        "spacing": spacing_mm,
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_seg": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": {
            "is_seg": False,
            "order": 3,
            "order_z": 0,
            "force_separate_z": None,
        },
        "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
        "resampling_fn_probabilities_kwargs": {
            "is_seg": False,
            "order": 1,
            "order_z": 0,
            "force_separate_z": None,
        },
        "batch_dice": True,
    }
    if old:
        chosen |= {
            "UNet_class_name": architecture,
            "UNet_base_num_features": 4,
            "n_conv_per_stage_encoder": [1, 1],
            "n_conv_per_stage_decoder": [1],
            "num_pool_per_axis": [1, 1, 1],
            "pool_op_kernel_sizes": [[1, 1, 1], [2, 2, 2]],
            "conv_kernel_sizes": [[3, 3, 3], [3, 3, 3]],
            "unet_max_num_features": 320,
        }
    else:
        chosen["architecture"] = {
            "network_class_name": f"{ARCHITECTURES}.{architecture}",
            "arch_kwargs": ARGUMENTS if architecture == "PlainConvUNet" else RESIDUAL,
            "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
        }
    return {
        "dataset_name": "Dataset501_Toy",
        "plans_name": "nnUNetPlans",
        "original_median_spacing_after_transp": spacing_mm,
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {
            "base": chosen,
            configuration: {"inherits_from": "base"} | dict(changes),
        },
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {
            "0": {
                "max": 900.0,
                "mean": 100.0,
                "median": 102.0,
                "min": -500.0,
                "percentile_00_5": -60.0,
                "percentile_99_5": 220.0,
                "std": 40.0,
            }
        },
    }


@pytest.fixture
def write_results() -> WriteResults:
    """Write a results folder; `write(folder, ...)` returns the folder of the configuration."""
    unet = pytest.importorskip(ARCHITECTURES)

    def write(
        folder: Path,
        labels: Mapping[str, Any],
        trainer: str = "nnUNetTrainer",
        configuration: str = "3d_fullres",
        spacing_mm: tuple[float, ...] = (3.0, 2.5, 2.5),
        architecture: str = "PlainConvUNet",
        folds: int = 1,
        old: bool = False,
        changes: Mapping[str, Any] | None = None,
        facts: Mapping[str, Any] | None = None,
        checkpoint: str = "checkpoint_final.pth",
    ) -> Path:
        plans = plans_of(configuration, list(spacing_mm), architecture, old, changes or {})
        regions = any(isinstance(v, list) and len(v) > 1 for v in labels.values())
        dataset = {
            "channel_names": {"0": "CT"},
            "labels": dict(labels),
            "numTraining": 3,
            "file_ending": ".nii.gz",
        } | dict(facts or {})
        place = folder / f"{trainer}__nnUNetPlans__{configuration}"
        place.mkdir(parents=True)
        (place / "plans.json").write_text(json.dumps(plans))
        (place / "dataset.json").write_text(json.dumps(dataset))
        known = copy.deepcopy(ARGUMENTS if architecture == "PlainConvUNet" else RESIDUAL)
        known |= {
            "conv_op": torch.nn.Conv3d,
            "norm_op": torch.nn.InstanceNorm3d,
            "nonlin": torch.nn.LeakyReLU,
        }
        for fold in range(folds):
            torch.manual_seed(fold)
            network = getattr(unet, architecture)(
                1, num_classes=len(labels) - regions, deep_supervision=True, **known
            )
            optimizer = torch.optim.SGD(network.parameters(), 0.01, momentum=0.99, nesterov=True)
            (place / f"fold_{fold}").mkdir()
            held = {
                "network_weights": network.state_dict(),
                "optimizer_state": optimizer.state_dict(),
                "grad_scaler_state": None,
                "logging": {"mean_fg_dice": [np.float64(0.5)], "train_losses": [np.float32(1.0)]},
                "_best_ema": np.float64(0.5),
                "current_epoch": 1000,
                "init_args": {
                    "plans": plans,
                    "configuration": configuration,
                    "fold": fold,
                    "dataset_json": dataset,
                    "device": torch.device("cpu"),
                },
                "trainer_name": trainer,
                "inference_allowed_mirroring_axes": (0, 1, 2),
            }
            torch.save(held, place / f"fold_{fold}" / checkpoint)
        return place

    return write


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of imported models."""
    folder = tmp_path / "models"
    monkeypatch.setenv("LVT_MODELS", str(folder))
    return folder


@pytest.fixture
def tiny_arguments() -> dict[str, Any]:
    """What a tiny network of nnU-Net is built with."""
    pytest.importorskip(ARCHITECTURES)
    return copy.deepcopy(ARGUMENTS)
