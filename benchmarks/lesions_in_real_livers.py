"""Lesions drawn into real CT and looked for there: real noise, vessels and organs, known truth.

    python benchmarks/lesions_in_real_livers.py [--draws 8] [--model NAME ...] [--data FOLDER]

Nothing is learned from these scans. Writes docs/results/lesions-in-real-livers.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cc3d
import numpy as np
import torch

from lesions.inserted import Inserted, insert_lesions
from lvt_track.core.volume import Masks
from lvt_track.evaluate.detection import dice
from lvt_track.io.discover import read_scan, series_at
from lvt_track.phantom.image.visibility import SEEN, LesionMaps, conspicuity
from lvt_track.segment.infer import segment
from lvt_track.segment.models import Model, load_model
from pages.markdown import markdown_table, write_page
from scans.real import REAL

SCANS = ("lits0/dicom", "ircad19/dicom", "totalseg/dicom_20_slices")
SIZES_MM = (5.0, 10.0, 20.0, 40.0, np.inf)
CONTRASTS_HU = (-np.inf, 0.0, 30.0, 50.0, np.inf)
COVERED, LEAST_MM3 = 0.1, 60.0
SMALL_MM, MIDDLE_MM = (5.0, 10.0), (10.0, 40.0)
RESAMPLED = 2000


@dataclass(frozen=True)
class Sought:
    """One lesion: mean diameter, HU below its liver (above: less than none), share drawn.

    It is shown where it stands out of its liver by `SEEN` times the noise of its own size.
    """

    diameter_mm: float
    contrast_hu: float
    is_shown: bool
    covered: float


@dataclass(frozen=True)
class Outcome:
    """One scan with lesions: what became of them and of the liver, and what was drawn besides.

    `cysts` are the shares of the cysts that are drawn as tumour.
    """

    scan: str
    has_mass: bool
    sought: tuple[Sought, ...]
    tumors_dice: float
    liver_dice: float
    false: int
    cysts: tuple[float, ...]


def stand_out(inserted: Inserted, room: Masks) -> np.ndarray:
    """Conspicuity of the lesions by number, each as a whole; of the liver that they lie in.

    Args:
        inserted: the scan with them.
        room: its liver, vessels and tumours without them.
    """
    drawn = (inserted.number > 0) | (inserted.cyst > 0)
    volume, number = inserted.volume, torch.from_numpy(inserted.number.astype(np.int16))
    return conspicuity(
        torch.from_numpy(volume.hu.astype(np.float32)),
        LesionMaps(
            number,
            torch.zeros_like(number),
            torch.from_numpy(room.liver & ~room.vessels & ~room.tumors & ~drawn),
            torch.from_numpy(room.liver | drawn),
        ),
        volume.geometry.spacing_mm,
    ).numpy()


def look(
    inserted: Inserted,
    stands_out: np.ndarray,
    scan: str,
    before: Masks,
    has_mass: bool,
    model: Model,
) -> Outcome:
    """Segment a scan with lesions; what the model draws without them does not count.

    Nor do cysts, but by themselves.
    """
    found = segment(inserted.volume, model, "cpu").masks
    truth, fluid = inserted.number > 0, inserted.cyst > 0
    drawn = cc3d.connected_components(found.tumors, connectivity=26).ravel()
    sizes_mm3 = 1000.0 * before.geometry.voxel_volume_ml * np.bincount(drawn)
    is_new = np.bincount(drawn, (truth | fluid | before.tumors).ravel()) == 0
    voxels = np.bincount(inserted.number.ravel())
    covered = np.bincount(inserted.number.ravel(), found.tumors.ravel()) / np.maximum(voxels, 1)
    sought = (
        Sought(
            lesion.diameter_mm,
            lesion.contrast_hu,
            bool(stands_out[number] >= SEEN),
            float(covered[number]),
        )
        for number, lesion in enumerate(inserted.lesions, start=1)
        if number < len(voxels) and voxels[number]
    )
    return Outcome(
        scan,
        has_mass,
        tuple(sought),
        dice(found.tumors & (truth | ~(before.tumors | fluid)), truth) or 0.0,
        dice(found.liver, before.liver | truth | fluid) or 0.0,
        int(np.count_nonzero(is_new & (sizes_mm3 >= LEAST_MM3))),
        tuple(
            float(found.tumors[inserted.cyst == number].mean())
            for number in np.unique(inserted.cyst[fluid])
        ),
    )


def outcomes_of(
    models: Sequence[Model], reference: Model, data: Path, draws: int
) -> list[list[Outcome]]:
    """Of each model, on the same scans with the same lesions, clear of what the reference draws."""
    outcomes: list[list[Outcome]] = [[] for _ in models]
    for place, name in enumerate(SCANS):
        volume = read_scan(series_at(data / name))
        room = segment(volume, reference, "cpu").masks
        before = [segment(volume, model, "cpu").masks for model in models]
        for draw in range(draws):
            has_mass = draw % 2 == 1
            rng = np.random.default_rng([place, draw])
            inserted = insert_lesions(volume, room, rng, has_mass)
            stands_out, scan = stand_out(inserted, room), name.split("/")[0]
            for k, model in enumerate(models):
                outcome = look(inserted, stands_out, scan, before[k], has_mass, model)
                outcomes[k].append(outcome)
                print(draw, k, outcome, flush=True)
    return outcomes


def label(model: Model) -> str:
    """Version and weights: the same weights may be looked through in more than one way."""
    return f"{model.parts[0].card.version}, {model.sha256[:12]}"


def found(lesions: Sequence[Sought]) -> str:
    """How many were found, and how much of a lesion is drawn on average."""
    if not lesions:
        return "–"
    hits = sum(lesion.covered >= COVERED for lesion in lesions)
    return f"{hits} of {len(lesions)}, {np.mean([lesion.covered for lesion in lesions]):.2f}"


def lesion_row(outcomes: Sequence[Outcome]) -> list[str]:
    """By size, once more of those shown, and by contrast of those above 10 mm."""
    lesions = [lesion for outcome in outcomes for lesion in outcome.sought]
    by_size = [
        [lesion for lesion in lesions if low <= lesion.diameter_mm < high]
        for low, high in pairwise(SIZES_MM)
    ]
    by_size += [[lesion for lesion in some if lesion.is_shown] for some in by_size[:2]]
    large = [lesion for lesion in lesions if lesion.diameter_mm >= SIZES_MM[1]]
    by_contrast = [
        [lesion for lesion in large if low <= lesion.contrast_hu < high]
        for low, high in pairwise(CONTRASTS_HU)
    ]
    return [found(some) for some in (*by_size, *by_contrast)]


def scan_row(outcomes: Sequence[Outcome]) -> list[str]:
    """Dice of tumours and liver without and with a mass; false ones; cysts called tumours."""
    groups = [[o for o in outcomes if o.has_mass is has_mass] for has_mass in (False, True)]
    tumors = [f"{np.mean([o.tumors_dice for o in some]):.2f}" for some in groups]
    liver = [
        f"{np.mean([o.liver_dice for o in some]):.3f}, {min(o.liver_dice for o in some):.3f}"
        for some in groups
    ]
    cysts = [share for outcome in outcomes for share in outcome.cysts]
    called = f"{sum(share >= COVERED for share in cysts)} of {len(cysts)}, {np.mean(cysts):.2f}"
    return [*tumors, *liver, f"{np.mean([o.false for o in outcomes]):.2f}", called]


def sums(outcome: Outcome) -> list[float]:
    """What `shares` are made of: pairs of a sum and a count."""
    lesions = outcome.sought
    pairs = [
        [float(x.covered >= COVERED) for x in lesions if low <= x.diameter_mm < high]
        for low, high in (SMALL_MM, MIDDLE_MM)
    ]
    pairs.append([x.covered for x in lesions if x.diameter_mm >= MIDDLE_MM[1]])
    pairs.append([outcome.tumors_dice])
    return [value for values in pairs for value in (sum(values), len(values))]


def shares(outcomes: np.ndarray) -> np.ndarray:
    """Found of 5 to 10 mm and of 10 to 40 mm, drawn of masses, Dice: from sums of all scans."""
    total = outcomes.sum(axis=-2)
    ratio: np.ndarray = total[..., ::2] / np.maximum(total[..., 1::2], 1)
    return ratio


def summary_rows(models: Sequence[Model], outcomes: Sequence[Sequence[Outcome]]) -> list[list[str]]:
    """Of each model, and what it differs from the first: with intervals over the scans drawn.

    Scans with a mass and those without are resampled each among themselves.
    """
    values = np.array([[sums(outcome) for outcome in some] for some in outcomes])
    rng = np.random.default_rng(0)
    has_mass = np.array([outcome.has_mass for outcome in outcomes[0]])
    strata = (np.flatnonzero(has_mass == kind) for kind in (False, True))
    drawn = np.hstack([rng.choice(some, size=(RESAMPLED, len(some))) for some in strata])
    mean, spread = shares(values), shares(values[:, drawn])
    rows = []
    for k, model in enumerate(models):
        name = label(model)
        rows.append([name, *_with_intervals(mean[k], spread[k], "{:.2f}")])
        if k:
            differs = _with_intervals(mean[k] - mean[0], spread[k] - spread[0], "{:+.2f}")
            rows.append([f"{name}, less {label(models[0])}", *differs])
    return rows


def _with_intervals(values: np.ndarray, resampled: np.ndarray, form: str) -> list[str]:
    low, high = np.quantile(resampled, [0.025, 0.975], axis=0)
    return [
        f"{form.format(value)} ({form.format(a)} to {form.format(b)})"
        for value, a, b in zip(values, low, high, strict=True)
    ]


def main() -> None:
    """Insert, segment, count, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=8, help="for each scan; at least 2")
    parser.add_argument("--model", nargs="+", default=["default"], help="names or folders")
    parser.add_argument("--data", type=Path, default=REAL)
    chosen = parser.parse_args()
    if chosen.draws < 2:
        parser.error("--draws must be at least 2: every second draw has a mass")
    models, reference = [load_model(name) for name in chosen.model], load_model("default")
    lesion_rows, scan_rows = [], []
    all_outcomes = outcomes_of(models, reference, chosen.data, chosen.draws)
    for model, outcomes in zip(models, all_outcomes, strict=True):
        for scan in (*(name.split("/")[0] for name in SCANS), "all"):
            some = [o for o in outcomes if scan in (o.scan, "all")]
            head = [label(model), scan]
            lesion_rows.append([*head, *lesion_row(some)])
            scan_rows.append([*head, *scan_row(some)])
    page = write_page(
        "lesions-in-real-livers",
        "Lesions drawn into real CT",
        f"python benchmarks/lesions_in_real_livers.py --draws {chosen.draws} --model "
        + " ".join(chosen.model),
        f"{chosen.draws} times in each of {len(SCANS)} portal venous scans: six lesions of 5.5 to "
        "38 mm, and every second time a mass of 40 to 100 mm too: four of five 15 to 80 HU darker "
        "than their liver (down to 30 HU, necrosis to 18), even, with a dark core or a rim half "
        "as dark, the fifth 15 to 45 HU brighter, some with a dark core; and two cysts of 8 to 35 "
        "mm and 0 to 15 HU; the scan's noise stays. Shown is a lesion whose mean lies "
        f"{SEEN:g} times the noise of its own size away from the liver around it. Found, or "
        "called tumour, is what is covered by a tenth; after the comma, how much of a lesion is "
        "drawn on average. Contrast is that of "
        "lesions above 10 mm. The liver is compared with what the same weights draw without the "
        "lesions, not with a reader's; a lesion is false where neither one was drawn in nor these "
        "weights see one without them; cysts are counted by themselves. Lesions keep clear "
        f"of tumours that {label(reference)}, the embedded model, draws. The shapes are "
        "those of phantoms, so this is easier than life; noise, vessels and organs are real.",
        markdown_table(
            [
                "weights",
                "scan",
                *("5–10 mm", "10–20 mm", "20–40 mm", "over 40 mm"),
                *("5–10 mm, shown", "10–20 mm, shown"),
                *("brighter", "15–30 HU darker", "30–50 HU", "over 50 HU"),
            ],
            lesion_rows,
        ),
        markdown_table(
            [
                "weights",
                "scan",
                *("tumour Dice", "with a mass", "liver Dice, least", "with a mass"),
                *("false a scan", "cysts called tumours"),
            ],
            scan_rows,
        ),
        "In brackets 95 % intervals, bootstrapped over the scans with lesions; three patients are "
        "behind them, so that they are narrower than those over patients would be.",
        markdown_table(
            [
                "weights",
                *("found of 5–10 mm", "found of 10–40 mm", "drawn of masses", "tumour Dice"),
            ],
            summary_rows(models, all_outcomes),
        ),
    )
    print(page)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
