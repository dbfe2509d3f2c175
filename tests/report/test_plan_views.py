"""Pictures of a plan: bodies lie where they are, and a kept picture is read as it was written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lvt_track.planning.meshes import Mesh
from lvt_track.report.drawing.plan_views import PlanView, read_view, write_view
from lvt_track.report.drawing.solid_views import FROM_BELOW, FROM_FRONT, Part, View, draw_view


def ball(centre: tuple[float, float, float], radius_mm: float) -> Mesh:
    """A ball of 32 x 64 quadrangles."""
    turn, rise = np.meshgrid(np.linspace(0, 2 * np.pi, 65)[:-1], np.linspace(0, np.pi, 33))
    unit = np.stack([np.sin(rise) * np.cos(turn), np.sin(rise) * np.sin(turn), np.cos(rise)], -1)
    at = np.arange(33 * 64).reshape(33, 64)
    a, b = at[:-1], np.roll(at[:-1], -1, axis=1)
    c, d = at[1:], np.roll(at[1:], -1, axis=1)
    faces = np.concatenate([np.stack([a, c, b], -1), np.stack([b, c, d], -1)]).reshape(-1, 3)
    return Mesh("ball", unit.reshape(-1, 3) * radius_mm + centre, faces)


@pytest.mark.parametrize(
    ("view", "column", "row"), [(FROM_FRONT, 30.0, -20.0), (FROM_BELOW, 30.0, 10.0)]
)
def test_a_ball_is_a_disc_at_its_place(view: View, column: float, row: float) -> None:
    body = Part("liver", (ball((0, 0, 0), 60.0),), "#c9a68f", is_glass=True)
    tumor = Part("tumours", (ball((30, 10, 20), 8.0),), "#d55e00")
    picture = draw_view([body, tumor], view, 1.0)
    red = picture.rgb[..., 0].astype(int) - picture.rgb[..., 2] > 60
    assert red.sum() == pytest.approx(np.pi * 64, rel=0.06)
    middle = np.argwhere(red).mean(axis=0)[::-1] + 0.5
    np.testing.assert_allclose(middle + picture.corner_mm, (column, row), atol=1.0)
    np.testing.assert_allclose(picture.pixel_of(np.array([30.0, 10, 20])), middle, atol=1.0)
    assert (picture.rgb[0] == 255).all()


def test_what_is_before_hides_what_is_behind() -> None:
    near = Part("near", (ball((0, -30, 0), 10.0),), "#0000ff")
    far = Part("far", (ball((0, 30, 0), 10.0),), "#ff0000")
    middle = draw_view([near, far], FROM_FRONT, 1.0).rgb
    blue, red = middle[..., 2].astype(int), middle[..., 0].astype(int)
    assert (blue > red).sum() > 250 and (red > blue + 40).sum() == 0


def test_a_kept_picture_is_read_as_it_was(tmp_path: Path) -> None:
    rgb = np.arange(5 * 4 * 3, dtype=np.uint8).reshape(5, 4, 3)
    view = PlanView(
        "front", "from the front", rgb, 1.5, ("R", "L"), (("a", "#000000"),), (1, 2, 3, 4)
    )
    write_view(view, tmp_path / "front.png")
    read = read_view(tmp_path / "front.png")
    assert read is not None and (read.rgb == rgb).all()
    for name in ("key", "title", "pixel_mm", "sides", "legend", "gap"):
        assert getattr(read, name) == getattr(view, name)
    (tmp_path / "other.png").write_bytes(b"none")
    assert read_view(tmp_path / "other.png") is None
