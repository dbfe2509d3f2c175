"""The job behind `lvt phantom`: choices checked before anything is drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from lvt_track.errors import UsageError
from lvt_track.pipeline.phantom import PhantomSettings, write_phantom
from lvt_track.pipeline.run.output import Existing
from lvt_track.pipeline.run.progress import Silent


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"visits": 0}, "1 to 24 visits"),
        ({"visits": 25}, "1 to 24 visits"),
        ({"seed": -1}, "0 or more"),
        ({"protocol": "huge"}, "'huge' is not one of small, clinical"),
        ({"file_format": "jpeg"}, "'jpeg' is not one of nifti, dicom"),
    ],
)
def test_wrong_choices_are_named(choice: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PhantomSettings(**choice)


def test_results_that_are_there_are_kept(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="already holds files"):
        write_phantom(tmp_path, PhantomSettings(), Existing.REFUSE, Silent())
    assert (tmp_path / "notes.txt").read_text() == "mine"
