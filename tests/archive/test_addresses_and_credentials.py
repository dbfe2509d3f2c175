"""Addresses and credentials: what is refused, and that no secret is ever shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from lvt_track.errors import InputError, UsageError
from lvt_track.io.archive.address import DimseAddress, WebAddress, parse_address
from lvt_track.io.archive.credentials import read_credentials


def test_addresses() -> None:
    assert parse_address("https://host/dicom-web/") == WebAddress("https://host/dicom-web", "host")
    assert parse_address("http://127.0.0.1:8042/dicom-web") == WebAddress(
        "http://127.0.0.1:8042/dicom-web", "127.0.0.1"
    )
    assert parse_address("dicom://PACS@host:104") == DimseAddress("host", 104, "PACS")
    assert parse_address("dicoms://PACS@host:2762/ME") == DimseAddress(
        "host", 2762, "PACS", "ME", True
    )


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("https://jo:s3cret@host/dicom-web", "carries no password"),
        ("https://host/dicom-web?token=s3cret", "carries no password"),
        ("dicom://PACS:s3cret@host:104", "carries no password"),
        ("https://jo@host/dicom-web", "user's name"),
        ("http://host/dicom-web", "in the clear"),
        ("dicom://host:104", "no address of an archive"),
        ("dicom://PACS@host", "no address of an archive"),
        ("dicom://PACS@host:99999", "no address of an archive"),
        ("dicom://A-TITLE-THAT-IS-TOO-LONG@host:104", "entity title"),
        ("results", "no address of an archive"),
    ],
)
def test_addresses_that_are_refused(text: str, what: str) -> None:
    with pytest.raises(UsageError, match=what) as refusal:
        parse_address(text)
    assert "s3cret" not in str(refusal.value)


def test_a_file_goes_before_the_environment_and_nothing_is_shown(tmp_path: Path) -> None:
    file, ca = tmp_path / "auth.toml", tmp_path / "ca.pem"
    ca.touch()
    file.write_text('user = "jo"\npassword = "s3cret"\nca = "ca.pem"\n')
    file.chmod(0o600)
    read = read_credentials(file, {"LVT_ARCHIVE_TOKEN": "t0ken", "LVT_ARCHIVE_PASSWORD": "other"})
    assert (read.token, read.user, read.password, read.ca) == ("", "jo", "s3cret", ca)
    assert "s3cret" not in repr(read)
    assert read_credentials(None, {"LVT_ARCHIVE_TOKEN": "t0ken"}).token == "t0ken"


@pytest.mark.parametrize(
    ("content", "mode", "what"),
    [
        ('password = "s3cret', 0o600, "is no TOML"),
        ('pasword = "s3cret"', 0o600, "knows token, user"),
        ("password = 12345678", 0o600, "each a text"),
        ('password = "s3cret"', 0o644, "others may read it"),
        ('client_cert = "none.pem"', 0o600, "no such certificate"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, content: str, mode: int, what: str) -> None:
    file = tmp_path / "auth.toml"
    file.write_text(content)
    file.chmod(mode)
    with pytest.raises(InputError, match=what) as refusal:
        read_credentials(file, {})
    assert "s3cret" not in str(refusal.value)
    assert "12345678" not in str(refusal.value)
