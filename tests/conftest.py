"""A tiny patient of plain shapes, whose truth can be worked out by hand."""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from lvt_track.core.geometry import Geometry
from lvt_track.core.series import Series
from lvt_track.core.volume import CLASSES, Masks, Volume
from lvt_track.io.files import write_whole
from lvt_track.io.images.volumes import read_mask, write_mask, write_volume
from lvt_track.pipeline.masks import SegmentedScan
from lvt_track.pipeline.run.model_choice import ModelChoice
from lvt_track.pipeline.run.progress import Progress

if TYPE_CHECKING:
    import torch

    from lvt_track.register.align import Alignment
    from lvt_track.register.liver_image import LiverImage

ROOT = Path(__file__).parents[1]

# No test leaves a key in the home of whoever runs it; processes that tests start inherit it.
os.environ["LVT_PSEUDONYM_KEY"] = "a key that is only for tests"

SPACING_MM = (4.0, 3.0, 3.0)
SHAPE = (40, 72, 88)
LIVER_CENTRE_MM = np.array([105.0, 108.0, 80.0])
LIVER_RADII_MM = np.array([75.0, 60.0, 52.0])


@dataclass(frozen=True)
class Ball:
    """A tumour: its centre from the liver's, and its radius at each visit (0 = not there)."""

    offset_mm: tuple[float, float, float]
    radii_mm: tuple[float, ...]


BALLS = (
    Ball((-30.0, 0.0, 0.0), (10.0, 12.0, 15.0)),
    Ball((25.0, 15.0, 8.0), (9.0, 8.0, 0.0)),
    Ball((10.0, -25.0, -12.0), (0.0, 0.0, 11.0)),
)
DATES = ("2024-01-15", "2024-04-20", "2024-08-01")
SHIFTS_MM = ((0.0, 0.0, 0.0), (6.0, -3.0, 8.0), (-3.0, 4.0, -8.0))


def draw_visit(visit: int) -> tuple[Volume, Masks]:
    """HU and masks of one visit of the tiny patient."""
    geometry = Geometry.axial(SHAPE, SPACING_MM, (-100.0, -100.0, 50.0))
    z, y, x = np.meshgrid(
        *(np.arange(n) * s for n, s in zip(SHAPE, SPACING_MM, strict=True)), indexing="ij"
    )
    shift = np.array(SHIFTS_MM[visit])

    def ball(
        centre_mm: NDArray[np.float64], radii_mm: NDArray[np.float64] | float
    ) -> NDArray[np.bool_]:
        cx, cy, cz = centre_mm + shift
        rx, ry, rz = np.broadcast_to(radii_mm, 3)
        inside: NDArray[np.bool_] = (
            ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 + ((z - cz) / rz) ** 2
        ) <= 1
        return inside

    body = ((x - 130) / 125) ** 2 + ((y - 108) / 100) ** 2 <= 1
    liver = ball(LIVER_CENTRE_MM, LIVER_RADII_MM)
    vessels = liver & (np.hypot(x - 100 - shift[0], z - 80 - shift[2]) < 5)
    tumors = np.zeros(SHAPE, bool)
    for tumor in BALLS:
        if tumor.radii_mm[visit] > 0:
            tumors |= ball(LIVER_CENTRE_MM + tumor.offset_mm, tumor.radii_mm[visit])
    vessels &= ~tumors

    hu = np.where(body, 40.0, -1000.0)
    hu[liver] = 105
    hu[vessels] = 165
    hu[tumors] = 55
    noise = np.random.default_rng(visit).normal(0, 8, SHAPE)
    hu = ndimage.gaussian_filter(hu, 0.6) + noise
    return Volume(hu.round().astype(np.int16), geometry), Masks(liver, vessels, tumors, geometry)


def write_visit(folder: Path, visit: int, masks: bool = True) -> Path:
    """Write a visit as `<date>/portal.nii.gz`, with its masks beside it."""
    place = folder / DATES[visit]
    place.mkdir(parents=True, exist_ok=True)
    volume, truth = draw_visit(visit)
    write_volume(volume, place / "portal.nii.gz")
    if masks:
        for name in ("liver", "vessels", "tumors"):
            write_mask(getattr(truth, name), truth.geometry, place / f"{name}.nii.gz")
    return place


@pytest.fixture(scope="session")
def registrations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Equal pairs of visits are registered once in a session, by whichever worker comes first.

    Dozens of tests follow the tiny patient, and most of their time would go into the same two
    registrations. A test of registration itself, or of its being the same each time, asks for
    `registering_anew`.
    """
    from lvt_track.register import course
    from lvt_track.register.align import align

    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base) / "registrations"
    shared.mkdir(exist_ok=True)

    def remembered(
        fixed: LiverImage, moving: LiverImage, reference: int, device: torch.device | str = "cpu"
    ) -> Alignment:
        images = [[getattr(one, f.name) for f in fields(one)] for one in (fixed, moving)]
        key = sha256(pickle.dumps((images, reference, str(device)))).hexdigest()
        kept = shared / f"{key}.pickle"
        if not kept.exists():
            alignment = align(fixed, moving, reference, device)
            with write_whole(kept) as path:
                path.write_bytes(pickle.dumps(alignment))
        result: Alignment = pickle.loads(kept.read_bytes())
        return result

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(course, "align", remembered)
        yield


@pytest.fixture
def registering_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pair of visits is registered, whether it was before or not."""
    from lvt_track.register import course
    from lvt_track.register.align import align

    monkeypatch.setattr(course, "align", align)


@pytest.fixture(scope="session")
def tiny_patient(tmp_path_factory: pytest.TempPathFactory, registrations: None) -> Path:
    """Folder of the tiny patient: three visits with given masks. Do not write to it."""
    folder = tmp_path_factory.mktemp("tiny")
    for visit in range(len(DATES)):
        write_visit(folder, visit)
    return folder


@pytest.fixture(scope="session")
def stand_in(
    tiny_patient: Path,
) -> Callable[[Callable[[str, Masks], SegmentedScan]], Callable[..., SegmentedScan]]:
    """A model for the tiny patient: `stand_in(draw)` takes the place of `masks_of`.

    `draw(date, masks)` makes what the model sees of a visit from its true masks.
    """

    def standing_in(draw: Callable[[str, Masks], SegmentedScan]) -> Callable[..., SegmentedScan]:
        def model(
            series: Series,
            volume: Volume,
            choice: ModelChoice,
            progress: Progress,
            keep_probabilities: Collection[str] = (),
        ) -> SegmentedScan:
            assert tuple(keep_probabilities) == ("tumors",)
            date = series.files[0].parent.name
            files = (tiny_patient / date / f"{name}.nii.gz" for name in CLASSES)
            masks = Masks(*(read_mask(file, volume.geometry) for file in files), volume.geometry)
            return draw(date, masks)

        return model

    return standing_in


@pytest.fixture
def blind_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that sees nothing, at once: for tests that are not about what it sees."""
    from lvt_track.segment.infer import Segmentation

    def sees_nothing(self: ModelChoice, volume: Volume, keep: Collection[str] = ()) -> Segmentation:
        none = np.zeros(volume.geometry.shape, bool)
        masks = Masks(none, none, none, volume.geometry)
        probabilities = {name: none.astype(np.float16) for name in keep}
        return Segmentation(masks, "cpu", {}, {}, probabilities=probabilities)

    monkeypatch.setattr(ModelChoice, "segment", sees_nothing)


@pytest.fixture
def make_visit(registrations: None) -> Callable[..., Path]:
    """Write one visit of the tiny patient: `make_visit(folder, visit, masks=True)`."""
    return write_visit


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real scans; the test is skipped where there is none."""
    folder = ROOT.parent / "shared" / "data" / "real"
    if not folder.is_dir():
        pytest.skip("the real scans are not on this machine")
    return folder
