"""An archive by DIMSE: C-FIND, C-GET and C-STORE over one association each.

C-GET brings images over the connection we opened, so that no port of this machine has to be open
and the archive needs no entry for it, as C-MOVE would.
"""

from __future__ import annotations

import logging
import ssl
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from pydicom.dataset import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from lvt_track.errors import UsageError
from lvt_track.io.archive.address import DimseAddress
from lvt_track.io.archive.archive import FIELDS, Level, Receive, SeriesKey
from lvt_track.io.archive.credentials import Credentials
from lvt_track.io.archive.errors import ArchiveBusyError, ArchiveError

try:
    from pynetdicom import AE, build_context, build_role, evt
    from pynetdicom.association import Association
    from pynetdicom.pdu_primitives import (
        SCP_SCU_RoleSelectionNegotiation,
        UserIdentityNegotiation,
    )
    from pynetdicom.presentation import PresentationContext
    from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at import
        ComprehensiveSRStorage,
        CTImageStorage,
        EnhancedCTImageStorage,
        EnhancedSRStorage,
        LegacyConvertedEnhancedCTImageStorage,
        SegmentationStorage,
        StudyRootQueryRetrieveInformationModelFind,
        StudyRootQueryRetrieveInformationModelGet,
    )
except ImportError:
    raise UsageError("DIMSE needs the extra pacs", remedy="pip install 'lvt-track[pacs]'") from None

__all__ = ["DimseArchive"]

_PLAIN: list[str | UID] = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
_COMPRESSED = (
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEG2000Lossless,
    RLELossless,
    DeflatedExplicitVRLittleEndian,
)
_CT = (CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage)
_RESULTS = (
    SegmentationStorage,
    ComprehensiveSRStorage,
    EnhancedSRStorage,
    "1.2.840.10008.5.1.4.1.1.66.7",  # Label Map Segmentation Storage
    "1.2.840.10008.5.1.4.1.1.88.34",  # Comprehensive 3D SR Storage
)
_PENDING, _SUCCESS = (0xFF00, 0xFF01), 0x0000
_WRITTEN, _NOT_WRITTEN = 0x0000, 0xA700
_PARTLY = 0xB000
_AT_ONCE = 200  # UIDs in one request


class DimseArchive:
    """See `Archive`."""

    def __init__(self, address: DimseAddress, credentials: Credentials, timeout_s: float) -> None:
        self._address, self._credentials = address, credentials
        self._entity = AE(ae_title=address.calling_title)
        self._entity.acse_timeout = self._entity.connection_timeout = timeout_s
        self._entity.dimse_timeout = self._entity.network_timeout = timeout_s
        # Its messages repeat what is sent; ours say what went wrong.
        logging.getLogger("pynetdicom").setLevel(logging.CRITICAL + 1)

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
        """A series, or some of its instances, by C-GET."""
        above = {"StudyInstanceUID": series.study_uid, "SeriesInstanceUID": series.series_uid}
        if not instances:
            self._get(_query(Level.SERIES, above), receive)
        for k in range(0, len(instances), _AT_ONCE):
            query = _query(Level.IMAGE, above)
            query.SOPInstanceUID = list(instances[k : k + _AT_ONCE])
            self._get(query, receive)

    def store(self, path: Path) -> None:
        """Store one object by C-STORE."""
        import pydicom

        dataset = pydicom.dcmread(path)
        with self._association([build_context(dataset.SOPClassUID, _PLAIN)]) as association:
            status = association.send_c_store(dataset)
            # 0xBxxx: stored, with values changed to the archive's liking.
            if self._code(status) >> 12 not in (0x0, 0xB):
                raise ArchiveError(
                    f"{self._address} refuses {path.name} (status {status.Status:04X})"
                )

    def close(self) -> None:
        """Nothing to do: every request has an association of its own."""

    def _get(self, query: Dataset, receive: Receive) -> None:
        failures: list[Exception] = []

        def take(event: evt.Event) -> int:
            try:
                dataset = event.dataset
                dataset.file_meta = event.file_meta
                receive(dataset)
            except Exception as error:  # told below, outside the library's thread
                failures.append(error)
                return _NOT_WRITTEN
            return _WRITTEN

        model = StudyRootQueryRetrieveInformationModelGet
        classes = (*_CT, *_RESULTS)
        contexts = [build_context(model), *(build_context(uid, _PLAIN) for uid in classes)]
        contexts += [build_context(uid, syntax) for uid in _CT for syntax in _COMPRESSED]
        roles = [build_role(uid, scp_role=True) for uid in classes]
        with (
            warnings.catch_warnings(),
            self._association(contexts, roles, take) as association,
        ):
            warnings.simplefilter("ignore")  # of values that break the standard
            for status, _ in association.send_c_get(query, model):
                code = self._code(status)
                if failures:
                    break
                if code not in (*_PENDING, _SUCCESS, _PARTLY):
                    raise ArchiveError(
                        f"{self._address} refuses to send (status {code:04X})",
                        remedy="Allow C-GET for our title there, or use its DICOMweb address",
                    )
            if failures:
                association.abort()
        if failures:
            raise failures[0]

    def _code(self, status: Dataset) -> int:
        """The status; the library gives an empty one when the connection ended or timed out."""
        if "Status" not in status:
            raise ArchiveBusyError(f"{self._address} ended the connection, or answers too slowly")
        return int(status.Status)

    @contextmanager
    def _association(
        self,
        contexts: list[PresentationContext],
        roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
        take: Callable[[evt.Event], int] | None = None,
    ) -> Iterator[Association]:
        association = self._entity.associate(
            self._address.host,
            self._address.port,
            contexts=contexts,
            ae_title=self._address.title,
            ext_neg=[*roles, *self._identity()],
            evt_handlers=None if take is None else [(evt.EVT_C_STORE, take)],
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
            if not association.accepted_contexts:
                raise ArchiveError(f"{self._address} does not offer what is needed")
            yield association
        except ValueError as error:
            # Of a context that was not accepted.
            raise ArchiveError(f"{self._address} does not offer this ({error})") from error
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

    def _identity(self) -> list[UserIdentityNegotiation]:
        if not self._credentials.user:
            return []
        item = UserIdentityNegotiation()
        item.user_identity_type = 2 if self._credentials.password else 1
        item.primary_field = self._credentials.user.encode()
        if self._credentials.password:
            item.secondary_field = self._credentials.password.encode()
        return [item]


def _query(level: Level, keys: Mapping[str, str]) -> Dataset:
    query = Dataset()
    query.QueryRetrieveLevel = level.value
    if not all(value.isascii() for value in keys.values()):
        query.SpecificCharacterSet = "ISO_IR 192"
    for key, value in keys.items():
        setattr(query, key, value or None)
    return query
