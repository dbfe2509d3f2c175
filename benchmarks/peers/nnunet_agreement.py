"""A tiny nnU-Net trained on phantoms: does it say the same here as in nnU-Net itself?"""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import Phase
from lvt_track.core.volume import Volume
from lvt_track.io.images.volumes import read_labels, read_volume, write_labels, write_volume
from lvt_track.phantom.body.tissues import LIVER_TISSUES, TUMOR_TISSUES, VESSEL_TISSUES
from lvt_track.phantom.image.synthesis import Scanner, TissueMap, synthesise_image
from lvt_track.segment.engine.choice import pick_engine
from lvt_track.segment.grid import resample, shape_at
from lvt_track.segment.models import load_model
from lvt_track.segment.nnunet.importer import import_nnunet
from lvt_track.segment.scan import Scan
from lvt_track.segment.segmenter import Coarse, Effort, Run
from lvt_track.segment.world_grid import Lattice
from lvt_track.training.synthetic.subjects import draw_subject
from pages.markdown import markdown_table
from segmentation.command import run_command
from segmentation.overlap import dice

NAME, DATASET = "tiny-nnunet", "Dataset501_Phantoms"
LABELS = {"background": 0, "liver": 1, "vessels": 2, "tumors": 3}
MEANS = {"liver": (1, 2, 3), "vessels": (2,), "tumors": (3,)}
TRAINING_SEEDS, TEST_SEED = (11, 12, 13, 15), 14
HALF, STEP_MM = 48, 3.0
# So plain that a tiny network learns them in minutes: thick bright vessels, large dark tumours.
VESSEL_HU, TUMOR_HU, NOISE_HU = 230.0, 10.0, 12.0
TUMOR_RADII_MM = (12.0, 16.0, 21.0)
TEST_SPACINGS_MM = ((3.0, 3.0, 3.0), (5.0, 2.2, 2.2), (2.2, 2.2, 2.2))


def agreement(python: Path, work: Path) -> str:
    """Train, predict there, import, predict here; Dice per class, and seconds of both."""
    write_dataset(work / "raw" / DATASET)
    results = work / "results" / DATASET
    if not list(results.glob("*/fold_0/checkpoint_final.pth")):
        script = Path(__file__).with_name("nnunet_train.py")
        subprocess.run([python, script, work], check=True)
    seconds = predict_there(python, work)
    os.environ["LVT_MODELS"] = str(work / "models")
    if not (work / "models" / NAME).exists():
        import_nnunet(results, NAME)
    rows = []
    for k, spacing in enumerate(TEST_SPACINGS_MM):
        scan = work / "raw" / DATASET / "imagesTs" / f"case{k}_0000.nii.gz"
        labels, _ = read_labels(work / "predicted" / f"case{k}.nii.gz")
        found = draw_here(read_volume(scan))
        cells = []
        for name, values in MEANS.items():
            theirs = np.isin(labels, values)
            cells.append(f"{dice(found[name], theirs):.4f} ({np.count_nonzero(theirs)} voxels)")
        mine = run_command(scan, work / "masks", "--model", NAME)
        rows.append([" × ".join(f"{s:g}" for s in spacing), *cells, f"{mine.seconds:.1f} s"])
    table = markdown_table(["spacing, mm", *MEANS, "`lvt segment`, whole command"], rows)
    return (
        "Dice with `nnUNetv2_predict --disable_tta` for the same network (trained for minutes on "
        f"{len(TRAINING_SEEDS)} phantoms), labels before our hierarchy, all windows, float32.\n\n"
        f"{table}\n\n`nnUNetv2_predict` took {seconds:.1f} s for the three scans, start-up "
        f"included: {seconds / len(rows):.1f} s each."
    )


def write_dataset(folder: Path) -> None:
    """Phantoms in nnU-Net's layout: some to train on, one to predict on several grids."""
    for name in ("imagesTr", "labelsTr", "imagesTs"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for k, seed in enumerate(TRAINING_SEEDS):
        volume, labels = phantom(seed)
        write_volume(volume, folder / "imagesTr" / f"train{k}_0000.nii.gz")
        write_labels(labels, volume.geometry, folder / "labelsTr" / f"train{k}.nii.gz")
    volume, _ = phantom(TEST_SEED)
    for k, spacing in enumerate(TEST_SPACINGS_MM):
        shape = shape_at(volume.geometry.shape, volume.geometry.spacing_mm, spacing)
        hu = resample(volume.hu, shape).round().astype(np.int16)
        path = folder / "imagesTs" / f"case{k}_0000.nii.gz"
        write_volume(Volume(hu, Geometry.axial(shape, spacing)), path)
    facts = {
        "channel_names": {"0": "CT"},
        "labels": LABELS,
        "numTraining": len(TRAINING_SEEDS),
        "file_ending": ".nii.gz",
    }
    (folder / "dataset.json").write_text(json.dumps(facts))


def phantom(seed: int) -> tuple[Volume, np.ndarray]:
    """A patient around the liver, about 96 voxels wide, and its labels."""
    tissues = draw_subject(seed, STEP_MM, "upper")
    generator = torch.Generator().manual_seed(seed)
    hu = synthesise_image(
        TissueMap(torch.from_numpy(tissues)), STEP_MM, Phase.PORTAL, Scanner(), generator
    )
    liver = np.isin(tissues, list(LIVER_TISSUES | VESSEL_TISSUES | TUMOR_TISSUES))
    vessels = liver & ndimage.binary_dilation(np.isin(tissues, list(VESSEL_TISSUES)))
    tumors = liver & large_balls(liver, np.random.default_rng(seed))
    labels = liver.astype(np.int32)
    image = hu.numpy()
    for value, mask, mean_hu in ((2, vessels, VESSEL_HU), (3, tumors, TUMOR_HU)):
        labels[mask] = value
        noise = torch.randn(int(mask.sum()), generator=generator).numpy()
        image[mask] = mean_hu + NOISE_HU * noise
    z, y, x = (
        slice(max(0, int(where.mean()) - HALF), min(n, int(where.mean()) + HALF))
        for where, n in zip(np.nonzero(labels), labels.shape, strict=True)
    )
    geometry = Geometry.axial(labels.shape, (STEP_MM,) * 3).crop((z, y, x))
    return Volume(image[z, y, x].round().astype(np.int16), geometry), labels[z, y, x]


def large_balls(liver: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Balls of `TUMOR_RADII_MM` around places in the liver."""
    places = np.argwhere(ndimage.binary_erosion(liver, iterations=3))
    balls = np.zeros_like(liver)
    grid = np.indices(liver.shape)
    for radius_mm in TUMOR_RADII_MM:
        middle = places[rng.integers(len(places))].reshape(3, 1, 1, 1)
        balls |= ((grid - middle) ** 2).sum(axis=0) < (radius_mm / STEP_MM) ** 2
    return balls


def predict_there(python: Path, work: Path) -> float:
    """Wall seconds of nnUNetv2_predict."""
    environment = os.environ | {
        f"nnUNet_{name}": str(work / name) for name in ("raw", "preprocessed", "results")
    }
    command = [
        python.with_name("nnUNetv2_predict"), "-i", work / "raw" / DATASET / "imagesTs",
        "-o", work / "predicted", "-d", "501", "-c", "3d_fullres", "-f", "0",
        "-device", "cpu", "-npp", "1", "-nps", "1", "--disable_tta",
    ]  # fmt: skip
    start = time.perf_counter()
    subprocess.run([str(part) for part in command], env=environment, check=True)
    return time.perf_counter() - start


def draw_here(volume: Volume) -> dict[str, np.ndarray]:
    """The imported network's labels as they are, every window of the scan, float32."""
    segmenter = load_model(NAME).parts[0].segmenter
    run = Run(
        "cpu",
        pick_engine("cpu", "float32"),
        Effort(precision="float32", skips=False),
    )
    scan = Scan.of(volume)
    cells = Lattice((1.0, 1.0, 1.0), (0, 0, 0), (2, 2, 2))
    nowhere = Coarse(np.zeros(cells.shape, np.float32), np.zeros(cells.shape, dtype=bool), cells)
    drawing = segmenter.draw(scan, nowhere, scan.whole, run)
    back = scan.upright.inverse
    return {name: back.apply(mask) for name, mask in drawing.masks.items()}
