"""A run's alignments are taken up again where they would be found again, and nowhere else."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from lvt_track.core.course import RegistrationQuality
from lvt_track.core.geometry import Geometry
from lvt_track.pipeline.run.saved_alignments import (
    alignment_digest,
    read_alignment,
    write_alignment,
)
from lvt_track.register.affine import Affine
from lvt_track.register.align import Alignment
from lvt_track.register.displacement import Displacement
from lvt_track.register.liver_image import LiverImage, liver_image
from tests.conftest import draw_visit


@pytest.fixture(scope="module")
def images() -> tuple[LiverImage, LiverImage]:
    first, second = (liver_image(*draw_visit(visit), spacing_mm=12.0) for visit in (0, 1))
    return first, second


@pytest.fixture
def alignment(images: tuple[LiverImage, LiverImage]) -> Alignment:
    rng = np.random.default_rng(1)
    grid = Geometry.axial((5, 6, 7), (3.0, 3.0, 3.0), (0.1, -1 / 3, 2e-7))
    there, back = (
        Displacement(rng.normal(size=(3, *grid.shape)).astype(np.float32), grid) for _ in range(2)
    )
    affine = Affine(rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3))
    quality = RegistrationQuality(0, "deformable", 1 / 3, float("inf"), 0.0, 0.1, True, "as is")
    return Alignment(affine, there, back, images[1].scan, quality)


def test_it_is_read_as_it_was_written(
    alignment: Alignment, images: tuple[LiverImage, LiverImage], tmp_path: Path
) -> None:
    path, digest = tmp_path / "a_to_b.npz", alignment_digest(*images)
    write_alignment(alignment, digest, path)
    again = read_alignment(path, digest, 2, images[1].scan)
    assert again is not None and again.quality == replace(alignment.quality, reference=2)
    for name in ("displacement", "reverse"):
        field, expected = getattr(again, name), getattr(alignment, name)
        assert field.field_mm.tobytes() == expected.field_mm.tobytes()
        assert field.geometry.origin_mm == expected.geometry.origin_mm
    for part in fields(Affine):
        np.testing.assert_array_equal(*(getattr(a.affine, part.name) for a in (again, alignment)))
    without = replace(alignment, displacement=None, reverse=None)
    write_alignment(without, "other", path)
    again = read_alignment(path, "other", 0, images[1].scan)
    assert again is not None and again.displacement is None is again.reverse


def test_it_is_found_anew_where_anything_differs(
    alignment: Alignment,
    images: tuple[LiverImage, LiverImage],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fixed, moving = images
    path, digest = tmp_path / "a_to_b.npz", alignment_digest(fixed, moving)
    write_alignment(alignment, digest, path)
    one_voxel = fixed.tumors.copy()
    one_voxel[0, 0, 0] ^= True
    others = [
        alignment_digest(moving, fixed),
        alignment_digest(replace(fixed, tumors=one_voxel), moving),
        alignment_digest(fixed, replace(moving, hu=moving.hu + np.int16(1))),
        alignment_digest(fixed, replace(moving, scan=fixed.geometry)),
    ]
    assert len({digest, *others}) == 5
    assert all(read_alignment(path, other, 0, moving.scan) is None for other in others)
    whole = path.read_bytes()
    for content in (b"", b"not a zip", whole[: len(whole) // 2]):
        path.write_bytes(content)
        assert read_alignment(path, digest, 0, moving.scan) is None
    flipped = bytearray(whole)
    flipped[len(whole) // 3] ^= 0xFF
    path.write_bytes(flipped)
    assert read_alignment(path, digest, 0, moving.scan) is None
    path.unlink()
    assert read_alignment(path, digest, 0, moving.scan) is None
