from __future__ import annotations

import time

import numpy as np
import pytest
import SimpleITK as sitk

from lvt_track.errors import InputError, OutputError
from lvt_track.io.transforms import read_transform, write_transform


def elastic():
    field = np.random.default_rng(0).normal(size=(5, 6, 7, 3))
    image = sitk.GetImageFromArray(field, isVector=True)
    image.SetSpacing((3, 3, 3))
    affine = sitk.AffineTransform(3)
    affine.SetTranslation((4, 5, 6))
    return sitk.CompositeTransform([affine, sitk.DisplacementFieldTransform(image)])


@pytest.mark.parametrize("name", ["pair.h5", "pair.tfm"])
def test_a_transform_comes_back_as_it_was(tmp_path, name):
    transform = elastic()
    write_transform(transform, tmp_path / name)
    again = read_transform(tmp_path / name)
    for place in ((3.0, 4.0, 5.0), (7.5, 2.0, 11.0), (90.0, 0.0, 0.0)):
        assert again.TransformPoint(place) == pytest.approx(transform.TransformPoint(place))
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_the_same_transform_is_the_same_file_whenever_it_is_written(tmp_path):
    write_transform(elastic(), tmp_path / "one.h5")
    time.sleep(1.1)  # HDF5 notes seconds
    write_transform(elastic(), tmp_path / "two.h5")
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()
    point = (31.0, 22.0, 13.0)
    expected = elastic().TransformPoint(point)
    assert read_transform(tmp_path / "one.h5").TransformPoint(point) == pytest.approx(expected)


def test_what_is_no_transform_is_named(tmp_path):
    with pytest.raises(InputError, match="no such transform"):
        read_transform(tmp_path / "none.h5")
    wrong = tmp_path / "wrong.tfm"
    wrong.write_text("not a transform")
    with pytest.raises(InputError, match="cannot be read as a transform"):
        read_transform(wrong)


def test_a_missing_folder_is_an_output_error(tmp_path):
    with pytest.raises(OutputError):
        write_transform(sitk.AffineTransform(3), tmp_path / "nowhere" / "pair.tfm")
