"""Train a tiny nnU-Net v2 for a few epochs; runs in an environment that has `nnunetv2`.

    python benchmarks/peers/nnunet_train.py FOLDER

FOLDER/raw holds one dataset in nnU-Net's layout; `benchmarks/segment.py nnunet` makes it. nnU-Net
plans, preprocesses and trains as it always does, but for a network of few features.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

DATASET = 501
EPOCHS, ITERATIONS = 25, 40
PATCH, FEATURES = [48, 48, 48], [8, 16, 32, 48]


def main() -> None:
    """Plan, preprocess, train one fold."""
    folder = Path(sys.argv[1]).resolve()
    for name in ("raw", "preprocessed", "results"):
        (folder / name).mkdir(exist_ok=True)
        os.environ[f"nnUNet_{name}"] = str(folder / name)
    os.environ |= {"nnUNet_n_proc_DA": "1", "nnUNet_compile": "f"}
    # nnU-Net reads its folders from the environment when it is imported.
    import torch
    from nnunetv2.experiment_planning.plan_and_preprocess_api import (
        extract_fingerprints,
        plan_experiments,
        preprocess,
    )
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    torch.manual_seed(0)
    extract_fingerprints([DATASET], num_processes=1)
    plan_experiments([DATASET])
    (place,) = (folder / "preprocessed").glob("Dataset501_*")
    plans = json.loads((place / "nnUNetPlans.json").read_text())
    configuration = plans["configurations"]["3d_fullres"]
    shrink(configuration)
    (place / "nnUNetPlans.json").write_text(json.dumps(plans))
    preprocess([DATASET], configurations=["3d_fullres"], num_processes=[1])

    dataset = json.loads((place / "dataset.json").read_text())
    splits = [{"train": train, "val": train[:1]} for train in [case_names(place)]]
    (place / "splits_final.json").write_text(json.dumps(splits))
    # Augmentation in this process; planning insists on one process at least.
    os.environ |= {"nnUNet_n_proc_DA": "0"}
    plans["continue_training"] = False
    trainer = nnUNetTrainer(plans, "3d_fullres", 0, dataset, device=torch.device("cpu"))
    trainer.num_epochs = EPOCHS
    trainer.num_iterations_per_epoch, trainer.num_val_iterations_per_epoch = ITERATIONS, 1
    trainer.run_training()


def shrink(configuration: dict) -> None:
    """Few features and four levels, instead of what a large GPU would hold."""
    arguments = configuration["architecture"]["arch_kwargs"]
    levels = len(FEATURES)
    arguments |= {
        "n_stages": levels,
        "features_per_stage": FEATURES,
        "kernel_sizes": [[3, 3, 3]] * levels,
        "strides": [[1, 1, 1]] + [[2, 2, 2]] * (levels - 1),
        "n_conv_per_stage": [2] * levels,
        "n_conv_per_stage_decoder": [2] * (levels - 1),
    }
    configuration["patch_size"], configuration["batch_size"] = PATCH, 2


def case_names(place: Path) -> list[str]:
    """Names of the training cases."""
    return sorted({path.name.split(".")[0] for path in (place / "gt_segmentations").iterdir()})


if __name__ == "__main__":
    main()
