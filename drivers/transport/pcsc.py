"""Card readers of the PC/SC service (NFC readers such as the ACR122U), as records of bytes.

A record is its kind (1 byte), the length of what follows (2 bytes, big endian) and the payload: `I` + ATR when a card came,
`O` when it went, `A` + the answer to an APDU (its two status bytes included; empty when the card did not answer).
`write` takes one whole APDU. What passes through here may identify a person, so no error and no log repeats it.
"""

from collections import deque
from typing import Any, Final, Protocol

from drivers.errors import Absent, DeviceRejected, Disconnected, InUse, NotSupported, Stalled, Unreachable
from drivers.transport.address import PcscAddress
from drivers.transport.wait import SLICE_MS, pause

# Return codes and states of winscard.h.
SUCCESS: Final = 0
INVALID_HANDLE: Final = 0x80100003
UNKNOWN_READER: Final = 0x80100009
TIMEOUT: Final = 0x8010000A
SHARING_VIOLATION: Final = 0x8010000B
COMM_ERROR: Final = 0x80100013
READER_UNAVAILABLE: Final = 0x80100017
NO_SERVICE: Final = 0x8010001D
SERVICE_STOPPED: Final = 0x8010001E
NO_READERS: Final = 0x8010002E
RESET_CARD: Final = 0x80100068
SECURITY_VIOLATION: Final = 0x8010006A

STATE_UNKNOWN: Final = 0x0004
STATE_UNAVAILABLE: Final = 0x0008
STATE_PRESENT: Final = 0x0020
STATE_MUTE: Final = 0x0200
_STATE_CHANGED: Final = 0x0002

_READER_GONE: Final = (UNKNOWN_READER, READER_UNAVAILABLE, NO_READERS)
_SERVICE_GONE: Final = (INVALID_HANDLE, COMM_ERROR, NO_SERVICE, SERVICE_STOPPED)
_MOST_APDU_BYTES: Final = 65_544
"""Of an extended APDU; a short one has 261."""


class CardService(Protocol):
    """What is used of the PC/SC service; every call gives the service's return code first, as an unsigned number."""

    def establish(self) -> tuple[int, Any]:
        """Get a context."""
        ...

    def release(self, context: Any) -> None:  # noqa: ANN401 - the service's own handle
        """Give the context back."""
        ...

    def readers(self, context: Any) -> tuple[int, list[str]]:  # noqa: ANN401 - as above
        """Name the readers."""
        ...

    def status(self, context: Any, timeout_ms: int, reader: str, known: int) -> tuple[int, int, bytes]:  # noqa: ANN401 - as above
        """Wait until the reader's state is another than the known one; give it, and the ATR of the card."""
        ...

    def connect(self, context: Any, reader: str) -> tuple[int, Any, int]:  # noqa: ANN401 - as above
        """Open the card; give a handle and the protocol."""
        ...

    def transmit(self, card: Any, protocol: int, apdu: bytes) -> tuple[int, bytes]:  # noqa: ANN401 - as above
        """Send one APDU to the card and give its answer."""
        ...

    def disconnect(self, card: Any) -> None:  # noqa: ANN401 - as above
        """Leave the card as it is."""
        ...


class PcscPort:
    """One card reader; see `Port`."""

    def __init__(self, address: PcscAddress, service: CardService | None = None) -> None:
        self._address = address
        self._service = service
        self._context: Any = None
        self._card: Any = None
        self._protocol = 0
        self._reader = ""
        self._known = 0
        self._present = False
        self._records: deque[bytes] = deque()

    def open(self, timeout_ms: int) -> None:  # noqa: ARG002 - `Port`'s form
        """Reach the service and find the reader; a card that lies there already comes as the first record; see `Port`."""
        assert self._context is None, "a port is opened once"
        if self._service is None:
            self._service = system_service()
        code, context = self._service.establish()
        if code != SUCCESS:
            raise _no_service(str(self._address), code)
        try:
            self._reader = self._chosen(self._service, context)
        except Unreachable:
            self._service.release(context)
            raise
        self._context = context

    def write(self, data: bytes, timeout_ms: int) -> int:  # noqa: ARG002 - `Port`'s form
        """Send one APDU to the card; its answer is read as a record; see `Port`. The service has its own time limit.

        A card that went meanwhile is no error: its `O` record tells.
        """
        assert self._service is not None, "open the port first"
        assert self._context is not None, "open the port first"
        if not 4 <= len(data) <= _MOST_APDU_BYTES:
            raise DeviceRejected("an APDU has 4 bytes at least and is written whole")
        # A second try only after a reset by another program, which the card survives.
        for _ in range(2):
            if not self._connected(self._service):
                return len(data)
            code, answer = self._service.transmit(self._card, self._protocol, data)
            self._check(code)
            if code == SUCCESS:
                self._records.append(_record(b"A", answer))
                return len(data)
            self._forget_card()
            if code != RESET_CARD:
                break
        self._records.append(_record(b"A", b""))
        return len(data)

    def read(self, timeout_ms: int) -> bytes:
        """Give what happened to the card, or wait for something to happen; whole records; see `Port`."""
        assert self._service is not None, "open the port first"
        assert self._context is not None, "open the port first"
        if not self._records:
            code, state, atr = self._service.status(self._context, max(timeout_ms, 1), self._reader, self._known)
            self._check(code)
            if code == SUCCESS:
                self._take(state, atr)
            elif code != TIMEOUT:
                pause(min(timeout_ms, SLICE_MS))  # something new to us must not become a busy loop
        answer = b"".join(self._records)
        self._records.clear()
        return answer

    def drain(self, timeout_ms: int) -> None:
        """Do nothing: an APDU is answered when it was written; see `Port`."""

    def identity(self) -> str:
        """Give the reader's full name; see `Port`."""
        return self._reader if self._context is not None else ""

    def close(self) -> None:
        """Leave card and service; see `Port`."""
        context, self._context = self._context, None
        self._records.clear()
        if context is None or self._service is None:
            return
        self._forget_card()
        self._service.release(context)

    def _chosen(self, service: CardService, context: Any) -> str:  # noqa: ANN401 - the service's own handle
        code, names = service.readers(context)
        if code not in (SUCCESS, *_READER_GONE):
            raise _no_service(str(self._address), code)
        wanted = self._address.reader.casefold()
        fitting = [name for name in names if name == self._address.reader] or [
            name for name in names if wanted in name.casefold()
        ]
        if len(fitting) == 1:
            return fitting[0]
        listed = ", ".join(str(PcscAddress(name)) for name in sorted(fitting or names))
        if fitting:
            raise Unreachable(f"{self._address} could be any of {len(fitting)} readers; write which one: {listed}")
        there = f"; there is {listed}" if listed else ""
        raise Absent(f"{self._address}: no such card reader{there}; plug it in, or mend the address")

    def _take(self, state: int, atr: bytes) -> None:
        """Turn a new state of the reader into records."""
        if state & (STATE_UNKNOWN | STATE_UNAVAILABLE):
            raise Disconnected(f"{self._address}: the card reader was pulled out; plug it in again")
        # A card that does not answer (a mute one) is as good as none. The upper half of a state counts insertions and
        # removals: a card changed between two looks has the same flags and another count.
        present = bool(state & STATE_PRESENT) and not state & STATE_MUTE
        swapped = present and self._present and state >> 16 != self._known >> 16
        self._known = state & ~_STATE_CHANGED
        if self._present and (swapped or not present):
            self._forget_card()
            self._records.append(_record(b"O", b""))
        if present and (swapped or not self._present):
            self._records.append(_record(b"I", atr))
        self._present = present

    def _connected(self, service: CardService) -> bool:
        """Open the card that lies there; False when none does, or when it does not let itself be opened."""
        if not self._present:
            return False
        if self._card is None:
            code, card, protocol = service.connect(self._context, self._reader)
            self._check(code)
            if code == SHARING_VIOLATION:
                raise Stalled(f"{self._address}: another program holds the card; stop that program")
            if code != SUCCESS:
                self._records.append(_record(b"A", b""))
                return False
            self._card, self._protocol = card, protocol
        return True

    def _forget_card(self) -> None:
        card, self._card = self._card, None
        if card is not None and self._service is not None:
            self._service.disconnect(card)

    def _check(self, code: int) -> None:
        """Raise Disconnected when reader or service is gone."""
        if code in _READER_GONE:
            raise Disconnected(f"{self._address}: the card reader was pulled out; plug it in again")
        if code in _SERVICE_GONE:
            # pcscd was restarted: no handle of ours means anything to the new one.
            raise Disconnected(f"{self._address}: the card service ended or was started anew (code {code:#010x})")


def _record(kind: bytes, payload: bytes) -> bytes:
    return kind + len(payload).to_bytes(2, "big") + payload


def _no_service(shown: str, code: int) -> Unreachable:
    if code == SECURITY_VIOLATION:
        return InUse(f"{shown}: the card service refuses this account; allow it in the service's polkit rule")
    return NotSupported(f"{shown}: the card service does not run (code {code:#010x}); install and start pcscd")


def system_service() -> CardService:
    """Give the PC/SC service of this machine.

    Raises:
        NotSupported: pyscard is not installed.
    """
    try:
        from smartcard import scard  # noqa: PLC0415 - an extra of its own; only who has such a reader needs it
    except ImportError as error:
        raise NotSupported("pyscard is missing; install zhanggui[pcsc]") from error
    return ScardService(scard)


def reader_names(service: CardService | None = None) -> list[str]:
    """Name the card readers there are; none when there is no service or no library."""
    try:
        service = service or system_service()
    except NotSupported:
        return []
    code, context = service.establish()
    if code != SUCCESS:
        return []
    try:
        code, names = service.readers(context)
    finally:
        service.release(context)
    return names if code == SUCCESS else []


class ScardService:
    """`CardService` by pyscard's thin layer over the C library; its codes come signed and leave unsigned."""

    def __init__(self, scard: Any) -> None:  # noqa: ANN401 - pyscard has no types
        self._scard = scard

    def establish(self) -> tuple[int, Any]:
        """See `CardService`."""
        code, context = self._scard.SCardEstablishContext(self._scard.SCARD_SCOPE_USER)
        return code & 0xFFFFFFFF, context

    def release(self, context: Any) -> None:  # noqa: ANN401 - the service's own handle
        """See `CardService`."""
        self._scard.SCardReleaseContext(context)

    def readers(self, context: Any) -> tuple[int, list[str]]:  # noqa: ANN401 - as above
        """See `CardService`."""
        code, names = self._scard.SCardListReaders(context, [])
        return code & 0xFFFFFFFF, list(names)

    def status(self, context: Any, timeout_ms: int, reader: str, known: int) -> tuple[int, int, bytes]:  # noqa: ANN401 - as above
        """See `CardService`."""
        code, states = self._scard.SCardGetStatusChange(context, timeout_ms, [(reader, known)])
        if not states:
            return code & 0xFFFFFFFF, known, b""
        _, state, atr = states[0]
        return code & 0xFFFFFFFF, int(state), bytes(atr)

    def connect(self, context: Any, reader: str) -> tuple[int, Any, int]:  # noqa: ANN401 - as above
        """See `CardService`."""
        both = self._scard.SCARD_PROTOCOL_T0 | self._scard.SCARD_PROTOCOL_T1
        code, card, protocol = self._scard.SCardConnect(context, reader, self._scard.SCARD_SHARE_SHARED, both)
        return code & 0xFFFFFFFF, card, int(protocol)

    def transmit(self, card: Any, protocol: int, apdu: bytes) -> tuple[int, bytes]:  # noqa: ANN401 - as above
        """See `CardService`."""
        code, answer = self._scard.SCardTransmit(card, protocol, list(apdu))
        return code & 0xFFFFFFFF, bytes(answer)

    def disconnect(self, card: Any) -> None:  # noqa: ANN401 - as above
        """See `CardService`."""
        self._scard.SCardDisconnect(card, self._scard.SCARD_LEAVE_CARD)
