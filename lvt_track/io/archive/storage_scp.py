"""What takes C-STORE requests: over the connection we opened (C-GET), or from outside (C-MOVE)."""

from __future__ import annotations

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

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
from pynetdicom import AE, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # made at import
    ComprehensiveSRStorage,
    CTImageStorage,
    EnhancedCTImageStorage,
    EnhancedSRStorage,
    LegacyConvertedEnhancedCTImageStorage,
    SegmentationStorage,
    Verification,
)

from lvt_track.errors import UsageError
from lvt_track.io.archive.archive import Receive
from lvt_track.io.archive.errors import UNDECODABLE, InstanceError

__all__ = [
    "COMPRESSED",
    "CT_CLASSES",
    "PLAIN",
    "STORAGE_CLASSES",
    "Intake",
    "ListeningPlace",
    "StorageServer",
]

PLAIN: list[str | UID] = [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
COMPRESSED: list[str | UID] = [
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEG2000Lossless,
    RLELossless,
    DeflatedExplicitVRLittleEndian,
]
CT_CLASSES = (CTImageStorage, EnhancedCTImageStorage, LegacyConvertedEnhancedCTImageStorage)
STORAGE_CLASSES = (
    *CT_CLASSES,
    SegmentationStorage,
    ComprehensiveSRStorage,
    EnhancedSRStorage,
    "1.2.840.10008.5.1.4.1.1.66.7",  # Label Map Segmentation Storage
    "1.2.840.10008.5.1.4.1.1.88.34",  # Comprehensive 3D SR Storage
)
_WRITTEN, _NOT_WRITTEN, _NOT_UNDERSTOOD = 0x0000, 0xA700, 0xC000
_LOOK_S = 0.02


@dataclass
class Intake:
    """Hands instances on, one at a time, and keeps for the waiting thread what went wrong.

    Attributes:
        receive: takes each instance.
        count: how many were handed on.
        failure: of receiving; none is taken after it.
        undecodable: how many arrived that are no DICOM.
        latest_s: when the latest arrived, on the monotonic clock.
    """

    receive: Receive
    count: int = 0
    failure: Exception | None = None
    undecodable: int = 0
    latest_s: float = field(default_factory=time.monotonic)
    _lock: Lock = field(default_factory=Lock, repr=False)

    def store(self, event: evt.Event) -> int:
        """Handle a C-STORE request; the status to answer."""
        with self._lock:
            self.latest_s = time.monotonic()
            if self.failure is not None:
                return _NOT_WRITTEN
            try:
                dataset = event.dataset
                dataset.file_meta = event.file_meta
            except UNDECODABLE:
                self.undecodable += 1
                return _NOT_UNDERSTOOD
            try:
                self.receive(dataset)
            except Exception as error:  # told by `check`, outside the library's thread
                self.failure = error
                return _NOT_WRITTEN
            self.count += 1
        return _WRITTEN

    def check(self) -> None:
        """Raise what went wrong, if anything did.

        Raises:
            InstanceError: when some could not be decoded; all others were handed on.
        """
        if self.failure is not None:
            raise self.failure
        if self.undecodable:
            raise InstanceError("what arrived for them is no DICOM")


@dataclass(frozen=True)
class ListeningPlace:
    """Where a storage provider listens.

    Attributes:
        title: the application entity title by which it is called.
        host, port: where it listens.
        timeout_s: of silence after which a sender is given up.
        tls: context of a server; None for connections in the clear.
    """

    title: str
    host: str
    port: int
    timeout_s: float
    tls: ssl.SSLContext | None = None


class StorageServer:
    """A storage provider for the time of a retrieval; what nobody waits for is refused."""

    def __init__(self, place: ListeningPlace) -> None:
        self._place = place
        self._entity = AE(ae_title=place.title)
        self._entity.require_called_aet = True
        self._entity.acse_timeout = self._entity.dimse_timeout = place.timeout_s
        self._entity.network_timeout = place.timeout_s
        self._entity.add_supported_context(Verification)
        for uid in STORAGE_CLASSES:
            syntaxes = [*PLAIN, *COMPRESSED] if uid in CT_CLASSES else PLAIN
            self._entity.add_supported_context(uid, syntaxes)
        self._is_listening = False
        self._intake: Intake | None = None

    @contextmanager
    def taking(self, intake: Intake) -> Iterator[None]:
        """Hand on what arrives meanwhile; listens from the first call until `close`.

        Raises:
            UsageError: when the port cannot be listened on.
        """
        if not self._is_listening:
            self._listen()
        self._intake = intake
        try:
            yield
        finally:
            self._intake = None

    def wait(self, intake: Intake, expected: int) -> None:
        """Until so many arrived and nobody sends any more, or there was silence for too long.

        Some archives call a C-MOVE ended while they send, or before.
        """
        since = time.monotonic()
        while intake.failure is None:
            arrived = intake.count + intake.undecodable
            if arrived >= expected and not self._entity.active_associations:
                return
            if time.monotonic() - max(since, intake.latest_s) > self._place.timeout_s:
                return
            time.sleep(_LOOK_S)

    def close(self) -> None:
        """Listen no more."""
        self._entity.shutdown()
        self._is_listening = False

    def _listen(self) -> None:
        place = self._place
        try:
            self._entity.start_server(
                (place.host, place.port),
                block=False,
                evt_handlers=[(evt.EVT_C_STORE, self._store)],
                ssl_context=place.tls,
            )
        except OSError as error:
            raise UsageError(
                f"port {place.port} of this machine cannot be listened on ({error.strerror})",
                remedy="Give another --move-port, and enter it at the archive",
            ) from error
        self._is_listening = True

    def _store(self, event: evt.Event) -> int:
        intake = self._intake
        return _NOT_WRITTEN if intake is None else intake.store(event)
