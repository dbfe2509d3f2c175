"""An archive by DIMSE: C-FIND, C-GET or C-MOVE, and C-STORE, over one association each.

C-GET brings images over the connection we opened, so that no port of this machine has to be open
and the archive needs no entry for it. C-MOVE, for archives that refuse C-GET, needs both.
"""

from __future__ import annotations

import logging
import ssl
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydicom.dataset import Dataset

from lvt_track.errors import UsageError
from lvt_track.io.archive.address import DimseAddress
from lvt_track.io.archive.archive import FIELDS, Level, Receive, SeriesKey
from lvt_track.io.archive.credentials import Credentials
from lvt_track.io.archive.errors import ArchiveBusyError, ArchiveError

try:
    from pynetdicom import AE, build_context, build_role, evt
    from pynetdicom.association import Association
    from pynetdicom.pdu_primitives import (
        UserIdentityNegotiation,
    )
    from pynetdicom.presentation import PresentationContext
    from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at import
        StudyRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelGet,
        StudyRootQueryRetrieveInformationModelMove,
    )

    from lvt_track.io.archive.storage_scp import (
        COMPRESSED,
        CT_CLASSES,
        PLAIN,
        STORAGE_CLASSES,
        Intake,
        ListeningPlace,
        StorageServer,
    )
except ImportError:
    raise UsageError("DIMSE needs the extra pacs", remedy="pip install 'lvt-track[pacs]'") from None

__all__ = ["DimseArchive"]

_PENDING, _SUCCESS = (0xFF00, 0xFF01), 0x0000
_PARTLY, _DESTINATION_UNKNOWN = 0xB000, 0xA801
_AT_ONCE = 200  # UIDs in one request


class DimseArchive:
    """See `Archive`.

    Args:
        address: of the archive.
        credentials: what it may ask for.
        timeout_s: after which it is given up when silent.
        move_port: where it sends to by C-MOVE, at which it knows us; None for C-GET.

    Raises:
        UsageError: when it would have to send over TLS and there is no certificate of ours.
    """

    def __init__(
        self,
        address: DimseAddress,
        credentials: Credentials,
        timeout_s: float,
        move_port: int | None = None,
    ) -> None:
        self._address, self._credentials, self._timeout_s = address, credentials, timeout_s
        self._entity = AE(ae_title=address.calling_title)
        self._entity.acse_timeout = self._entity.connection_timeout = timeout_s
        self._entity.dimse_timeout = self._entity.network_timeout = timeout_s
        # Its messages repeat what is sent; ours say what went wrong.
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)
        self._server = (
            None if move_port is None else StorageServer(self._listening_place(move_port))
        )

    def find(self, level: Level, keys: Mapping[str, str]) -> list[Dataset]:
        """What matches, by C-FIND of the study root."""
        model = StudyRootQueryRetrieveInformationModelFind
        query = _query(level, dict.fromkeys(FIELDS[level], "") | dict(keys))
        answers = []
        with self._association([build_context(model)]) as association:
            for status, answer in association.send_c_find(query, model):
                if self._code(status) in _PENDING and answer is not None:
                    answers.append(answer)
                elif self._code(status) != _SUCCESS:
                    raise ArchiveError(f"{self._address} refuses to search ({status.Status:04X})")
        return answers

    def fetch(self, series: SeriesKey, instances: Sequence[str], receive: Receive) -> None:
        """A series, or some of its instances, by C-GET or C-MOVE."""
        for query in _queries(series, instances):
            intake = Intake(receive)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of values that break the standard
                if self._server is None:
                    self._get(query, intake)
                else:
                    self._move(query, intake, self._server)
            intake.check()

    def store(self, path: Path) -> None:
        """Store one object by C-STORE."""
        import pydicom

        dataset = pydicom.dcmread(path)
        with self._association([build_context(dataset.SOPClassUID, PLAIN)]) as association:
            status = association.send_c_store(dataset)
            # 0xBxxx: stored, with values changed to the archive's liking.
            if self._code(status) >> 12 not in (0x0, 0xB):
                raise ArchiveError(
                    f"{self._address} refuses {path.name} (status {status.Status:04X})"
                )

    def close(self) -> None:
        """Listen no more; every request has an association of its own."""
        if self._server is not None:
            self._server.close()

    def _get(self, query: Dataset, intake: Intake) -> None:
        model = StudyRootQueryRetrieveInformationModelGet
        contexts = [build_context(model), *(build_context(uid, PLAIN) for uid in STORAGE_CLASSES)]
        contexts += [build_context(uid, syntax) for uid in CT_CLASSES for syntax in COMPRESSED]
        remedy = (
            f"Allow C-GET for {self._address.calling_title} there, or use its DICOMweb address, or "
            "--move-port"
        )
        with self._association(contexts, intake, remedy) as association:
            for status, _ in association.send_c_get(query, model):
                code = self._code(status, "" if intake.count else remedy)
                if intake.failure is not None:
                    association.abort()
                    break
                if code not in (*_PENDING, _SUCCESS, _PARTLY):
                    raise ArchiveError(
                        f"{self._address} refuses to send (status {code:04X})", remedy=remedy
                    )

    def _move(self, query: Dataset, intake: Intake, server: StorageServer) -> None:
        model = StudyRootQueryRetrieveInformationModelMove
        title = self._address.calling_title
        remedy = f"Enter {title} there, with this machine's address and the port of --move-port"
        least = 0
        with server.taking(intake):
            try:
                with self._association([build_context(model)], remedy=remedy) as association:
                    for status, _ in association.send_c_move(query, title, model):
                        code = self._code(status, "" if intake.count else remedy)
                        if intake.failure is not None:
                            association.abort()
                            break
                        least = int(status.get("NumberOfCompletedSuboperations") or 0)
                        if code not in (*_PENDING, _SUCCESS) and not least:
                            raise ArchiveError(self._refusal(code), remedy=remedy)
                least = max(least, 1)  # some say that they have ended before they begin
            finally:
                server.wait(intake, least)

    def _refusal(self, code: int) -> str:
        """What the status of a C-MOVE says that has brought nothing."""
        title = self._address.calling_title
        if code == _DESTINATION_UNKNOWN:
            return f"{self._address} does not know {title}"
        return f"{self._address} cannot send to {title} (status {code:04X})"

    def _code(self, status: Dataset, remedy: str = "") -> int:
        """The status; the library gives an empty one when the connection ended or timed out."""
        if "Status" not in status:
            raise ArchiveBusyError(
                f"{self._address} ended the connection, or answers too slowly", remedy=remedy
            )
        return int(status.Status)

    @contextmanager
    def _association(
        self, contexts: list[PresentationContext], intake: Intake | None = None, remedy: str = ""
    ) -> Iterator[Association]:
        """An association for a request; `remedy` of an archive that does not offer it."""
        roles = [build_role(uid, scp_role=True) for uid in STORAGE_CLASSES]
        association = self._entity.associate(
            self._address.host,
            self._address.port,
            contexts=contexts,
            ae_title=self._address.title,
            ext_neg=[*([] if intake is None else roles), *self._identity()],
            evt_handlers=None if intake is None else [(evt.EVT_C_STORE, intake.store)],
            tls_args=self._tls(),
        )
        if association.is_rejected:
            raise ArchiveError(
                f"{self._address} does not accept {self._address.calling_title}",
                remedy="Check both titles, the credentials, and that the archive knows ours",
            )
        if not association.is_established:
            raise ArchiveBusyError(
                f"no archive answers at {self._address}",
                remedy="Check the address, and that the archive runs",
            )
        try:
            yield association
        except ValueError as error:
            # Of a context that was not accepted.
            raise ArchiveError(
                f"{self._address} does not offer this ({error})", remedy=remedy
            ) from error
        except RuntimeError as error:
            # Of a request after the archive has ended the association.
            raise ArchiveBusyError(
                f"{self._address} ended the connection", remedy=remedy
            ) from error
        finally:
            if association.is_established:
                association.release()

    def _tls(self) -> tuple[ssl.SSLContext, str] | None:
        if not self._address.tls:
            return None
        credentials = self._credentials
        context = ssl.create_default_context(
            cafile=None if credentials.ca is None else str(credentials.ca)
        )
        if credentials.client_cert is not None:
            context.load_cert_chain(credentials.client_cert, credentials.client_key)
        return context, self._address.host

    def _listening_place(self, port: int) -> ListeningPlace:
        """Where the archive's connections of a C-MOVE are expected.

        Raises:
            UsageError: when they are to be over TLS and there is no certificate of ours.
        """
        address, credentials = self._address, self._credentials
        context = None
        if address.tls:
            if credentials.client_cert is None:
                raise UsageError(
                    "C-MOVE over TLS needs a certificate of this machine",
                    remedy="Name it as client_cert and client_key, or take C-GET",
                )
            ca = None if credentials.ca is None else str(credentials.ca)
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=ca)
            context.verify_mode = ssl.CERT_REQUIRED  # so that no one else sends to us
            context.load_cert_chain(credentials.client_cert, credentials.client_key)
        host = address.host if address.is_loopback else "0.0.0.0"
        return ListeningPlace(address.calling_title, host, port, self._timeout_s, context)

    def _identity(self) -> list[UserIdentityNegotiation]:
        if not self._credentials.user:
            return []
        item = UserIdentityNegotiation()
        item.user_identity_type = 2 if self._credentials.password else 1
        item.primary_field = self._credentials.user.encode()
        if self._credentials.password:
            item.secondary_field = self._credentials.password.encode()
        return [item]


def _queries(series: SeriesKey, instances: Sequence[str]) -> Iterator[Dataset]:
    """For a series, or for some of its instances in as few requests as are reasonable."""
    above = {"StudyInstanceUID": series.study_uid, "SeriesInstanceUID": series.series_uid}
    if not instances:
        yield _query(Level.SERIES, above)
    for k in range(0, len(instances), _AT_ONCE):
        query = _query(Level.IMAGE, above)
        query.SOPInstanceUID = list(instances[k : k + _AT_ONCE])
        yield query


def _query(level: Level, keys: Mapping[str, str]) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = level.value
    if not all(value.isascii() for value in keys.values()):
        query.SpecificCharacterSet = "ISO_IR 192"
    for key, value in keys.items():
        setattr(query, key, value or None)
    return query
