"""The installed TotalSegmentator package as a model: three of its tasks, one after another.

Its networks run in its own engine. To run its weights in ours, which is faster, import them: see
`segment.nnunet_import`. Tasks and labels are those of TotalSegmentator 2.18, map_to_binary.py.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lvt_track.core.volume import CLASSES, BoolArray, Masks, Volume
from lvt_track.errors import InputError, UsageError
from lvt_track.io.images.volumes import write_volume
from lvt_track.segment.cards import MINIMUM_ML
from lvt_track.segment.device import pick_device
from lvt_track.segment.grid import Orientation
from lvt_track.segment.infer import NO_LIVER, Segmentation, check_hounsfield
from lvt_track.segment.postprocess.hierarchy import clean

__all__ = ["TOTALSEGMENTATOR", "TotalSegmentator"]

TOTALSEGMENTATOR = "totalsegmentator"
"""Name of this model."""

_WEIGHTS = {
    "total": (291,),
    "total_fast": (297,),
    "total_fastest": (298,),
    "liver_vessels": (8,),
    "liver_lesions": (591,),
}
"""Dataset numbers of the weights that the tasks below need, by what downloads them."""


@dataclass(frozen=True)
class _Task:
    name: str
    label: int
    options: Mapping[str, Any]


_TASKS = {
    "liver": _Task("total", 5, {"roi_subset": ["liver"]}),
    "vessels": _Task("liver_vessels", 1, {}),
    "tumors": _Task("liver_lesions", 1, {}),
}


@dataclass(frozen=True)
class TotalSegmentator:
    """The package, as it is installed.

    Attributes:
        version: of the package; its weights have no digest of their own.
    """

    version: str

    @classmethod
    def installed(cls) -> TotalSegmentator:
        """The package of this environment, its weights on disk.

        Nothing is downloaded: the package would fetch missing weights unasked, so they must be
        there before.

        Raises:
            UsageError: when the package or a weight is missing, with what to run.
        """
        try:
            from totalsegmentator.config import get_weights_dir
        except ImportError as error:
            raise UsageError(
                "the package TotalSegmentator is not installed",
                remedy="Run: pip install 'lvt-track[totalsegmentator]'",
            ) from error
        folder = Path(get_weights_dir())
        missing = [
            name
            for name, numbers in _WEIGHTS.items()
            if not all(list(folder.glob(f"Dataset{number:03d}_*")) for number in numbers)
        ]
        if missing:
            commands = " && ".join(f"totalseg_download_weights -t {name}" for name in missing)
            raise UsageError(
                f"TotalSegmentator's weights for {', '.join(missing)} are not on this machine, and "
                "lvt downloads nothing unasked",
                path=folder,
                remedy=f"Run: {commands}",
            )
        return cls(importlib.metadata.version("TotalSegmentator"))

    @property
    def name(self) -> str:
        """Name of the model."""
        return TOTALSEGMENTATOR

    @property
    def minimum_ml(self) -> tuple[float, ...]:
        """Volumes below which components are dropped: liver, vessels, tumours."""
        return MINIMUM_ML

    @property
    def sha256(self) -> str:
        """Names the version, in place of a digest of weights."""
        return f"TotalSegmentator {self.version}"

    @property
    def conduct_sha256(self) -> str:
        """As `models.Model` has it: its version decides all."""
        return self.sha256

    @property
    def digests(self) -> dict[str, str]:
        """As `models.Model` has them."""
        return {self.name: self.sha256}

    @property
    def sources(self) -> dict[str, str]:
        """Who draws each class."""
        return dict.fromkeys(CLASSES, self.name)

    def segment(self, volume: Volume, device: str = "auto") -> Segmentation:
        """Liver, vessels and tumours of a CT scan, brought into our hierarchy.

        Args:
            volume: the scan.
            device: `auto`, `cpu`, `cuda` or `cuda:N`.

        Raises:
            InputError: when the values cannot be Hounsfield units, or the package fails on them.
            UsageError: when there is no such device.
        """
        check_hounsfield(volume)
        place = pick_device(device)
        where = place.replace("cuda", "gpu")
        seconds: dict[str, float] = {}
        drawn: dict[str, BoolArray] = {}
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "ct.nii.gz"
            write_volume(volume, path)
            for name, task in _TASKS.items():
                start = time.perf_counter()
                drawn[name] = _run(path, task, where, volume)
                seconds[name] = time.perf_counter() - start
        upright = Orientation.of(volume.geometry.direction)
        cleaned = clean(
            upright.apply(drawn["liver"]),
            upright.apply(drawn["vessels"]),
            upright.apply(drawn["tumors"]),
            volume.geometry.voxel_volume_ml,
            MINIMUM_ML,
        )
        back = upright.inverse
        turned = {name: np.ascontiguousarray(back.apply(cleaned.masks[name])) for name in CLASSES}
        masks = Masks.of(turned, volume.geometry)
        return Segmentation(
            masks=masks,
            device=where,
            seconds=seconds,
            dropped=cleaned.dropped,
            warnings=() if masks.liver.any() else (NO_LIVER,),
            notes=(
                f"TotalSegmentator {self.version} ran on {where}; it sends anonymous usage "
                "statistics unless that is turned off in its settings",
            ),
        )


def _run(path: Path, task: _Task, where: str, volume: Volume) -> BoolArray:
    """The mask that one task draws, on the scan's grid."""
    from totalsegmentator.python_api import totalsegmentator

    # What it prints belongs to stderr, as results are printed on stdout.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            image = totalsegmentator(
                path, None, task=task.name, ml=True, quiet=True, device=where, **task.options
            )
        except SystemExit as error:
            raise InputError(f"TotalSegmentator ended the task {task.name}") from error
    labels = np.asarray(image.dataobj).T
    if labels.shape != volume.geometry.shape:
        raise InputError(f"TotalSegmentator returned {labels.shape}, not the scan's voxels")
    mask: BoolArray = labels == task.label
    return mask
