"""An archive by DICOMweb: QIDO-RS to find, WADO-RS to fetch, STOW-RS to store."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from pydicom.dataset import Dataset

from lvt_track.errors import UsageError
from lvt_track.io.archive.address import WebAddress
from lvt_track.io.archive.archive import FIELDS, Level, Receive, SeriesKey
from lvt_track.io.archive.credentials import Credentials
from lvt_track.io.archive.errors import (
    UNDECODABLE,
    ArchiveBusyError,
    ArchiveError,
    InstanceError,
)

try:
    import requests
    from dicomweb_client.web import DICOMwebClient
    from retrying import RetryError
except ImportError:
    raise UsageError(
        "DICOMweb needs the extra pacs", remedy="pip install 'lvt-track[pacs]'"
    ) from None

__all__ = ["WebArchive"]

_AS_STORED = (("application/dicom", "*"),)
_ATTEMPTS, _FIRST_PAUSE_MS = 3, 500
_BUSY = (408, 425, 429, 500, 502, 503, 504)
_PAGE = 1000
_ARGUMENTS = {
    "StudyInstanceUID": "study_instance_uid",
    "SeriesInstanceUID": "series_instance_uid",
}


class _Bearer(requests.auth.AuthBase):
    """A token; as `auth`, so that no file of the user's home takes its place."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class _Session(requests.Session):
    """Follows an archive to no other place that would be sent data, or anything in the clear."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Where an answer leads.

        Raises:
            ArchiveError: when it leads where nothing is to be sent.
        """
        target = super().get_redirect_target(resp)
        if target is None:
            return None
        here, there = urlsplit(resp.url), urlsplit(urljoin(resp.url, target))
        is_elsewhere = (here.scheme, here.netloc) != (there.scheme, there.netloc)
        if is_elsewhere and (there.scheme != "https" or resp.request.method != "GET"):
            raise ArchiveError(
                f"{here.scheme}://{here.netloc} leads to {there.scheme}://{there.netloc}",
                remedy="Give that address, if it is the archive's",
            )
        return target


class WebArchive:
    """See `Archive`."""

    def __init__(self, address: WebAddress, credentials: Credentials, timeout_s: float) -> None:
        self._address, self._session = address, _session(address, credentials)
        self._client = DICOMwebClient(address.url, session=self._session, timeout=timeout_s)
        # Its messages are tracebacks; ours say what went wrong.
        logging.getLogger("retrying").setLevel(logging.CRITICAL + 1)
        self._client.set_http_retry_params(
            max_attempts=_ATTEMPTS, wait_exponential_multiplier=_FIRST_PAUSE_MS
        )

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Dataset]:
        """What matches; page by page, as archives limit what they answer at once."""
        above = list(_ARGUMENTS)[: list(Level).index(level)]
        place = {_ARGUMENTS[key]: keys[key] for key in above if key in keys}
        filters = {key: value for key, value in keys.items() if key not in above}
        with self._errors_translated():
            answers: list[Dataset] = []
            while True:
                page = self._page(level, place, filters, len(answers))
                read = [Dataset.from_json(item) for item in page]
                # Some archives give everything at once, whatever is asked, and again.
                is_repeated = bool(answers) and read == answers[-len(read) :]
                if not is_repeated:
                    answers += read
                if is_repeated or len(page) < _PAGE:
                    return self._completed(level, answers)

    def fetch(self, series: SeriesKey, instances: Sequence[str], receive: Receive) -> None:
        """Stream a series, or bring instances one by one; as they were stored, not decompressed."""
        if not instances:
            with self._errors_translated():
                for dataset in self._client.iter_series(
                    series.study_uid, series.series_uid, media_types=_AS_STORED
                ):
                    receive(dataset)
        failures = []
        for uid in instances:
            try:
                with self._errors_translated():
                    dataset = self._client.retrieve_instance(
                        series.study_uid, series.series_uid, uid, media_types=_AS_STORED
                    )
                receive(dataset)
            except InstanceError as error:
                failures.append(error)
        if failures:
            raise failures[0]

    def store(self, path: Path) -> None:
        """Store one object, and read what the archive says of it."""
        import pydicom

        with self._errors_translated():
            answer = self._client.store_instances([pydicom.dcmread(path)])
        failed = answer.get("FailedSOPSequence")
        if failed:
            reason = int(failed[0].get("FailureReason", 0))
            raise ArchiveError(f"{self._address} refuses {path.name} (reason {reason:04X})")

    def close(self) -> None:
        """Close the session."""
        self._session.close()

    def _page(
        self, level: Level, place: dict[str, str], filters: dict[str, str], offset: int
    ) -> list[dict[str, dict[str, Any]]]:
        asked: dict[str, Any] = {
            **place,
            "fields": list(FIELDS[level]),
            "search_filters": filters,
            "limit": _PAGE,
            "offset": offset,
        }
        if level is Level.STUDY:
            return self._client.search_for_studies(**asked)
        if level is Level.SERIES:
            return self._client.search_for_series(**asked)
        return self._client.search_for_instances(**asked)

    def _completed(self, level: Level, answers: list[Dataset]) -> list[Dataset]:
        """With what tells the kind of image, which some archives do not search by."""
        if level is Level.IMAGE and answers and "Rows" not in answers[0]:
            first = answers[0]
            metadata = self._client.retrieve_instance_metadata(
                first.StudyInstanceUID, first.SeriesInstanceUID, first.SOPInstanceUID
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                answers[0] = Dataset.from_json(metadata)
        return answers

    @contextmanager
    def _errors_translated(self) -> Iterator[None]:
        """Turn what the libraries raise into what a user can act on."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of values that break the standard
                yield
        except requests.exceptions.SSLError:
            raise ArchiveError(
                f"the certificates of {self._address} and of this machine do not fit",
                remedy="Name who signed its certificate as ca, and the client's as client_cert",
            ) from None
        except requests.exceptions.HTTPError as error:
            raise self._refusal(error.response.status_code) from None
        except (requests.exceptions.Timeout, RetryError):
            raise ArchiveBusyError(
                f"{self._address} answers too slowly", remedy="Try later, or raise --timeout"
            ) from None
        except requests.exceptions.JSONDecodeError:
            raise InstanceError(
                f"{self._address} answers what is no DICOM",
                remedy="Check the address: this may be the page for its users",
            ) from None
        except requests.exceptions.RequestException:
            raise ArchiveBusyError(
                f"no archive answers at {self._address}, or it ended the connection",
                remedy="Check the address, and that the archive runs",
            ) from None
        except UNDECODABLE as error:
            raise InstanceError(f"{self._address} answers what is no DICOM ({error})") from error

    def _refusal(self, status: int) -> ArchiveError:
        if status == 401:
            return ArchiveError(
                f"{self._address} does not accept the credentials, or wants some",
                remedy="Give them by --auth-file or LVT_ARCHIVE_TOKEN, _USER and _PASSWORD",
            )
        if status == 403:
            return ArchiveError(f"{self._address} refuses this to this user")
        if status == 404:
            return InstanceError(
                f"there is no DICOMweb at {self._address}, or it has not what was asked for",
                remedy="Its address often ends in /dicom-web, /dicomWeb or /rs",
            )
        kind = ArchiveBusyError if status in _BUSY else ArchiveError
        return kind(f"{self._address} answers with status {status}")


def _session(address: WebAddress, credentials: Credentials) -> requests.Session:
    session = _Session()
    session.trust_env = not address.is_loopback  # a proxy does not lead to this machine
    if credentials.token:
        session.auth = _Bearer(credentials.token)
    elif credentials.user:
        session.auth = (credentials.user, credentials.password)
    if credentials.client_cert is not None:
        cert = str(credentials.client_cert)
        session.cert = (cert, str(credentials.client_key)) if credentials.client_key else cert
    if credentials.ca is not None:
        session.verify = str(credentials.ca)
    return session
