"""Measure on phantoms what `--precision int8` needs to know of the embedded model, and keep it.

    python benchmarks/int8_peaks.py [--model lvt_track/segment/weights/default]

Writes `segmenter_peaks.safetensors` beside the weights and names it in the card. No real scan is
read, and the phantoms are none that other benchmarks look at. To be run again with new weights.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save

from lvt_track.core.series import Phase
from lvt_track.segment.cards import Part
from lvt_track.segment.engine.peaks import measured_peaks
from lvt_track.segment.models import CARD, EMBEDDED, load_model
from lvt_track.segment.network.intensity import normalise
from lvt_track.segment.scan import Scan
from lvt_track.segment.windows import extend
from lvt_track.segment.world_grid import Lattice
from scans.phantoms import phantom_labels, phantom_scan

PHANTOMS = ((70_100, Phase.PORTAL), (70_101, Phase.ARTERIAL))
WINDOWS = 4
FILE = "segmenter_peaks.safetensors"


def windows(part: Part) -> Iterator[torch.Tensor]:
    """Windows around places in the liver, on each kind of cells that the model looks at."""
    rng = np.random.default_rng(0)
    looks = [(part.spacing_mm, 0.0), (part.spacing_mm, 0.5)]
    if part.finer_mm is not None:
        looks.append((part.finer_mm, 0.0))
    for seed, phase in PHANTOMS:
        labels = phantom_labels(seed, Path(tempfile.gettempdir()) / "thresholds")
        volume, truth = phantom_scan(labels, seed, phase, 2)
        upright = Scan.of(volume)
        liver_mm = volume.geometry.to_world(np.argwhere(truth.liver))[:, ::-1]
        for step_mm, shift in looks:
            cells = Lattice.within(upright.reach, step_mm, shift)
            image, inner = extend(normalise(upright.on(cells), part.window_hu), part.patch)
            places = (liver_mm - cells.corner_mm) / step_mm + [cut.start for cut in inner]
            for place in rng.choice(places, WINDOWS):
                first = np.rint(place - np.array(part.patch) / 2).astype(int)
                first = first.clip(0, np.array(image.shape) - part.patch)
                z, y, x = (slice(a, a + n) for a, n in zip(first, part.patch, strict=True))
                yield torch.from_numpy(np.ascontiguousarray(image[z, y, x]))


def main() -> None:
    """Measure, write, say what was written."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, default=EMBEDDED / "default")
    folder = parser.parse_args().model
    drawn = load_model(str(folder)).parts[0]
    peaks = measured_peaks(drawn.segmenter.network.module, windows(drawn.card.segmenter))
    content = save({name: peak.astype(np.float32) for name, peak in peaks.items()})
    (folder / FILE).write_bytes(content)
    card = folder / CARD
    facts = json.loads(card.read_text(encoding="utf-8"))
    named = {"peaks_file": FILE, "peaks_sha256": hashlib.sha256(content).hexdigest()}
    facts["segmenter"] |= named
    card.write_text(json.dumps(facts, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(folder / FILE, len(peaks), "convolutions,", len(content), "bytes")


if __name__ == "__main__":
    main()
