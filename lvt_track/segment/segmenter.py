"""What draws in a scan: the parts that the default model and other people's models share.

A segmenter brings a scan to what its network learned from, runs it in windows near the liver, and
returns masks on the scan's own voxels. The locator, which finds the liver, is the default model's.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from lvt_track.core.geometry import Box
from lvt_track.core.volume import BoolArray
from lvt_track.segment.cards import Part
from lvt_track.segment.device import torch_version
from lvt_track.segment.engine.choice import OPENVINO, Engine, after_failure, network_on
from lvt_track.segment.engine.layers import can_lay
from lvt_track.segment.grid import Image, extent_of, resample, shape_at
from lvt_track.segment.network.weights import Network
from lvt_track.segment.scan import Scan
from lvt_track.segment.windows import Blend, blended
from lvt_track.segment.world_grid import Lattice, Reach, widened

if TYPE_CHECKING:
    from lvt_track.segment.network.batches import Forward

__all__ = ["Coarse", "Drawing", "Effort", "Report", "Run", "Segmenter"]

_MAYBE = 0.05

Report = Callable[[str, float], None]
"""Called with the name of a stage and the share of it that is done."""


@dataclass(frozen=True)
class Effort:
    """How much is computed.

    Attributes:
        overlap: share of a window that its neighbour covers too; None for what the kind of model
            needs: half with nnU-Net's, a quarter with ours, which look more than once.
        precision: of convolutions: `auto` for bfloat16 where it is fast and sound, `float32`,
            `bfloat16`, or `int8`.
        skips: read the liver's surroundings only, instead of the whole scan.
        lattices: 1, or 2 whose cells lie half a cell apart and whose answers are averaged: what is
            drawn then hangs less on where the cells fall. Not for imported models.
        finer: look once more on finer cells, where the model's card asks for it.
    """

    overlap: float | None = None
    precision: str = "auto"
    skips: bool = True
    lattices: int = 2
    finer: bool = True

    def overlap_or(self, usual: float) -> float:
        """The overlap, or what is usual for a kind of model."""
        return usual if self.overlap is None else self.overlap


@dataclass(frozen=True, eq=False)
class Coarse:
    """What the locator saw in the whole scan.

    Attributes:
        probability: of liver, on coarse cells over the scan.
        liver: its largest piece above the threshold; empty where there is no liver.
        lattice: the cells.
    """

    probability: Image
    liver: BoolArray
    lattice: Lattice

    def seen_in(self, fine: Lattice) -> Image:
        """The probability on finer cells."""
        return resample(self.probability, fine.shape, self.lattice.spans(fine.reach))

    def touches(self, reach: Reach) -> bool:
        """Whether something that may be liver lies in a part of the world."""
        return bool((self.probability[self.lattice.box_of(reach)] > _MAYBE).any())

    def near_liver(self, margin_mm: float, scan: Scan) -> BoolArray:
        """Where a scan is within a distance of the liver; coarse, over the scan's whole extent."""
        from scipy import ndimage

        near = self.liver
        if near.any():
            near = (
                ndimage.distance_transform_edt(~self.liver, sampling=self.lattice.step_mm)
                <= margin_mm
            )
        shape = shape_at(scan.shape, scan.spacing_mm, self.lattice.step_mm)
        share = scan.back(near.astype(np.float32), self.lattice, scan.whole, shape)
        touched: BoolArray = share > 0.0
        return touched

    def reach_around(self, margin_mm: float) -> Reach:
        """Around the liver; all cells where there is none."""
        if not self.liver.any():
            return self.lattice.reach
        cuts = []
        for axis in range(3):
            hit = np.flatnonzero(self.liver.any(axis=tuple(a for a in range(3) if a != axis)))
            cuts.append(slice(int(hit[0]), int(hit[-1]) + 1))
        return widened(self.lattice.reach_of((cuts[0], cuts[1], cuts[2])), margin_mm)


@dataclass(frozen=True, eq=False)
class Drawing:
    """Classes as a segmenter draws them in a box of the scan, along the patient's axes.

    Attributes:
        masks: bool (z, y, x) by class name.
        probabilities: float16 (z, y, x) by class name, where asked for.
        warnings: what a reader must know of them.
    """

    masks: dict[str, BoolArray] = field(default_factory=dict)
    probabilities: dict[str, NDArray[np.float16]] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


class Segmenter(Protocol):
    """Draws some of the classes."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes it draws."""

    def draw(self, scan: Scan, coarse: Coarse, box: Box, run: Run) -> Drawing:
        """Its classes in a box of the scan.

        Args:
            scan: the whole scan.
            coarse: where the liver is.
            box: part of the scan, along the patient's axes, that is wanted.
            run: where and how the networks run.
        """


@dataclass(eq=False)
class Run:
    """One scan's way through the networks.

    Attributes:
        device: where they run.
        engine: what runs the default kind, and in which precision all run.
        effort: how much is computed.
        keep_probabilities: classes whose probabilities drawings hold.
        progress: called as the job goes on.
        seconds: time per stage, so far.
        notes: what happened that is worth knowing, in words.
        engines: what ran windows so far, in the order in which they came.
    """

    device: str
    engine: Engine
    effort: Effort
    keep_probabilities: Collection[str] = ()
    progress: Report | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    engines: dict[str, None] = field(default_factory=dict)

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[Callable[[float], None]]:
        """Count the time of the block towards `name`; gives what to report the share done to."""
        start = time.perf_counter()
        progress = self.progress
        yield lambda share: progress(name, share) if progress else None
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - start

    def classify(
        self,
        part: Part,
        network: Network,
        image: Image,
        boxes: list[Box],
        report: Callable[[float], None],
    ) -> Blend:
        """Probabilities by a network of the default kind, with this run's engine.

        Where OpenVINO fails on the way, torch goes on for the rest of the run.

        Args:
            part: what the card says of the network.
            network: its weights.
            image: what it sees (z, y, x).
            boxes: the windows, of the part's size.
            report: called with the share that is done.
        """
        outputs = part.network.outputs
        while self.engine.name == OPENVINO and boxes and can_lay(network.size):
            shape = (outputs, *extent_of(image))
            try:
                values = network_on(self.engine, network, part.patch).run(image, boxes)
                blend = blended(values, boxes, shape, report)
            except (RuntimeError, MemoryError) as error:
                self.engine = after_failure(self.engine, error)
                self.notes.append(self.engine.remark)
            else:
                self.engines[str(self.engine)] = None
                return blend
        moved = network.module.to(self.device)
        return self.predict(lambda x: moved(x).float().sigmoid(), image, boxes, outputs, report)

    def predict(
        self,
        network: Forward,
        image: Image,
        boxes: list[Box],
        outputs: int,
        report: Callable[[float], None],
        may_halve: bool = True,
    ) -> Blend:
        """See `network.batches.predict`.

        Args:
            network: on the device.
            image: what it sees (z, y, x).
            boxes: the windows.
            outputs: channels of the network.
            report: called with the share that is done.
            may_halve: whether bfloat16 is sound for this network.
        """
        from lvt_track.segment.network.batches import predict, windows_at_once

        half = self.engine.float_precision == "bfloat16" and may_halve
        self.engines[f"torch {torch_version()}, {'bfloat16' if half else 'float32'}"] = None
        z, y, x = ((cut.stop - cut.start) for cut in boxes[0]) if boxes else (1, 1, 1)
        return predict(
            network,
            image,
            boxes,
            outputs,
            device=self.device,
            at_once=windows_at_once(self.device, (z, y, x)),
            half_precision=half,
            progress=report,
            notify=self.notes.append,
        )
