from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from lvt_track.errors import InputError, OutputError
from lvt_track.io.files import sha256_of, write_whole


def test_a_file_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "a.nii.gz"
    with write_whole(target) as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.endswith(".nii.gz")
        temporary.write_text("done")
        assert not target.exists()
    assert target.read_text() == "done"
    assert list(tmp_path.iterdir()) == [target]


def test_the_old_file_survives_a_failure(tmp_path: Path) -> None:
    target = tmp_path / "table.csv"
    target.write_text("old")
    with pytest.raises(RuntimeError), write_whole(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_permissions_are_those_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with write_whole(tmp_path / "whole") as temporary:
        temporary.write_text("x")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_full_disk_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"No space left.*[Ff]ree some space") as caught:  # noqa: SIM117
        with write_whole(tmp_path / "a"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.path == tmp_path / "a"
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="Make the folder first"):  # noqa: SIM117
        with write_whole(tmp_path / "none" / "a"):
            pass


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="Permission denied"):  # noqa: SIM117
        with write_whole(tmp_path / "a"):
            pass
    tmp_path.chmod(0o700)


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"liver" * 100_000)
    assert sha256_of(tmp_path / "a") == hashlib.sha256(b"liver" * 100_000).hexdigest()
    with pytest.raises(InputError, match="cannot be read"):
        sha256_of(tmp_path / "b")
