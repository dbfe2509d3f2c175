"""Which model makes masks, and where it runs."""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lvt_track.core.volume import Volume

if TYPE_CHECKING:
    from lvt_track.segment.infer import Segmentation
    from lvt_track.segment.models import Model
    from lvt_track.segment.segmenter import Effort
    from lvt_track.segment.totalsegmentator import TotalSegmentator

__all__ = ["ModelChoice"]


@dataclass(frozen=True)
class ModelChoice:
    """Which model makes masks, and where it runs; loaded when it is first needed.

    Attributes:
        name: of the model.
        device: `auto`, `cpu`, `cuda` or `cuda:N`.
        exhaustive: whether every window of the scan is run, in float32.
        precision: `auto` (the fastest that is sound), `float32`, `bfloat16` or `int8`.
    """

    name: str = "default"
    device: str = "auto"
    exhaustive: bool = False
    precision: str = "auto"

    def facts(self) -> dict[str, object]:
        """The choice as plain values, for the manifest."""
        facts: dict[str, object] = {
            "model": self.name,
            "device": self.device,
            "exhaustive": self.exhaustive,
        }
        return facts if self.precision == "auto" else facts | {"precision": self.precision}

    @functools.cached_property
    def model(self) -> Model | TotalSegmentator:
        """The model itself; a process that follows many patients loads and compiles it once.

        Raises:
            InputError: when there is none of that name, or its weights are not what they claim.
            UsageError: when it needs what is not installed, or draws no liver.
        """
        from lvt_track.segment.models import card_of
        from lvt_track.segment.totalsegmentator import TOTALSEGMENTATOR, TotalSegmentator

        if self.name == TOTALSEGMENTATOR:
            return TotalSegmentator.installed()
        return _loaded(self.name, tuple(repr(card_of(part)) for part in self.name.split("+")))

    def prepare(self) -> None:
        """Load the model and compile its networks, which goes well beside reading a scan.

        Raises:
            InputError, UsageError: as `model`, and when the machine cannot do what is asked for.
        """
        from lvt_track.segment.infer import prepare
        from lvt_track.segment.models import Model

        if isinstance(self.model, Model):
            prepare(self.model, self.device, self._effort)

    @property
    def conduct(self) -> str:
        """What decides masks: the model, and what computes it in which precision here.

        Versions of what computes are left out: they change the last bit of a few voxels.

        Raises:
            InputError, UsageError: as `model`, and when the machine cannot do what is asked for.
        """
        from lvt_track.segment.device import pick_device
        from lvt_track.segment.engine.choice import pick_engine
        from lvt_track.segment.models import Model

        if not isinstance(self.model, Model):
            return self.model.conduct_sha256
        engine = pick_engine(pick_device(self.device), self.precision)
        words = [self.model.conduct_sha256, engine.name, engine.precision]
        return " ".join([*words, self.model.peaks_sha256] if engine.precision == "int8" else words)

    def check(self) -> None:
        """Notice a name that no model has, or a precision that is none, without loading a model.

        Raises:
            InputError: when there is no such model, or its card cannot be read.
            UsageError: when there is no such precision.
        """
        from lvt_track.segment.engine.choice import check_precision
        from lvt_track.segment.models import card_of
        from lvt_track.segment.totalsegmentator import TOTALSEGMENTATOR

        check_precision(self.precision)
        if self.name != TOTALSEGMENTATOR:
            for part in self.name.split("+"):
                card_of(part)

    def segment(self, volume: Volume, keep_probabilities: Collection[str] = ()) -> Segmentation:
        """What the model sees in a scan; a package that gives no probabilities keeps none."""
        from lvt_track.segment.infer import segment
        from lvt_track.segment.models import Model

        if isinstance(self.model, Model):
            return segment(
                volume,
                self.model,
                self.device,
                keep_probabilities=keep_probabilities,
                effort=self._effort,
            )
        return self.model.segment(volume, self.device)

    @property
    def _effort(self) -> Effort:
        from lvt_track.segment.infer import EXHAUSTIVE, FAST

        return EXHAUSTIVE if self.exhaustive else replace(FAST, precision=self.precision)


@functools.lru_cache(maxsize=1)
def _loaded(name: str, cards: tuple[str, ...]) -> Model:
    """The model, kept with its compiled networks until another is asked for.

    Args:
        name: of the model.
        cards: as they are now: what is installed anew under the same name is another.
    """
    from lvt_track.segment.models import load_model

    return load_model(name)
