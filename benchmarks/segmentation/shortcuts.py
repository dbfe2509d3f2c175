"""What step, precision, skipping and the number of lattices change in the masks, and cost."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from lvt_track.core.series import Phase
from lvt_track.core.volume import CLASSES, Volume
from lvt_track.io.discover import read_scan, series_at
from lvt_track.io.images.grids import reorient
from lvt_track.io.images.volumes import read_labels
from lvt_track.segment.infer import EXHAUSTIVE, FAST, segment
from lvt_track.segment.models import load_model
from pages.markdown import markdown_table
from scans.phantoms import phantom_labels, phantom_scan
from scans.real import KNOWN_LIVERS
from segmentation.overlap import Truth, all_known, overlaps

SHORTCUTS = {
    "skipping, half precision": replace(FAST, overlap=EXHAUSTIVE.overlap),
    "and overlap by a quarter: as used": FAST,
    "and one lattice": replace(FAST, lattices=1),
}
PHANTOM_SEEDS = (80_000, 80_001, 80_003)


def compare_shortcuts(data: Path) -> str:
    """A table: Dice with the exhaustive sweep, and what a shortcut changes of that with truth."""
    model, rows = load_model(), []
    for name, (volume, truth) in judged_scans(data).items():
        sweep = segment(volume, model, "cpu", effort=EXHAUSTIVE)
        known = overlaps(sweep.masks, truth)
        cells = ["–" if value is None else f"{value:.4f}" for value in known]
        rows.append([name, "exhaustive", *["–"] * 3, *cells, "1 ×"])
        for shortcut, effort in SHORTCUTS.items():
            found = segment(volume, model, "cpu", effort=effort)
            same = [f"{value:.4f}" for value in overlaps(found.masks, all_known(sweep.masks))]
            change = [
                "–" if one is None or other is None else f"{one - other:+.4f}"
                for one, other in zip(overlaps(found.masks, truth), known, strict=True)
            ]
            speed = sum(sweep.seconds.values()) / sum(found.seconds.values())
            rows.append([name, shortcut, *same, *change, f"{speed:.1f} ×"])
            print(rows[-1], flush=True)
    header = ["scan", "", *(f"{name}, same" for name in CLASSES)]
    header += [*(f"{name}, Dice" for name in CLASSES), "faster"]
    return (
        "The exhaustive sweep runs all windows in float32, overlapping by half. *Same*: Dice with "
        "its masks. *Dice*: with the truth; of the sweep, and below it what a shortcut changes of "
        "that.\n\n" + markdown_table(header, rows)
    )


def judged_scans(data: Path) -> dict[str, tuple[Volume, Truth]]:
    """Phantoms and real scans, and what is known of them."""
    scans: dict[str, tuple[Volume, Truth]] = {}
    for seed in PHANTOM_SEEDS:
        labels = phantom_labels(seed, Path(tempfile.gettempdir()) / "thresholds")
        volume, masks = phantom_scan(labels, seed, Phase.PORTAL, 2)
        scans[f"phantom {seed}"] = volume, all_known(masks)
    for name, (path, liver, label) in KNOWN_LIVERS.items():
        if liver is not None and (data / path).exists():
            volume, truth = read_scan(series_at(data / path)), {}
            labels, grid = read_labels(data / liver)
            own = reorient(labels, grid, volume.geometry)
            if own is not None:
                truth["liver"] = own == label
            scans[name] = volume, truth
    return scans
