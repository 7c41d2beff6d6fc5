"""Opening the cash drawer that hangs on a printer: one pulse, within seconds or not at all, and never a second try.

A pulse that comes late opens the drawer when nobody stands there, and one that is repeated opens it twice. So:

1. No connection, no answer, or the time is over before the pulse: `held`. Not one byte of it left us, and none will.
2. Some of its bytes were taken and then the connection failed, or the printer fell silent: `unknown`. Nobody tries again; a
   person looks at the drawer.
3. Taken by a printer that still answers: `sent`. Whether the drawer moved is not known.
4. The sensor says that it is open: `sensed_open`, where a drawer has a sensor and the settings say which level means open.

A printer that is connected but cannot print (paper out, cover open) gets the pulse as a real-time command, which needs no
paper (drivers.md §2.3, §2.5).
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

from drivers.errors import DeviceRejected, DeviceUnavailable
from drivers.escpos.profile import PrinterProfile
from drivers.printer.limits import Timeouts
from drivers.printer.talk import Status, Talk
from drivers.transport.port import Clock, Port, PortFactory

KickState = Literal["sent", "sensed_open", "held", "unknown"]
Pin = Literal[2, 5]

LIFE_MS: Final = 5_000
"""How long a wish to open the drawer is good for, from the moment it was made."""

DEFAULT_TIMEOUTS: Final = Timeouts(connect_ms=2_000, status_ms=500, write_ms=1_000, drain_ms=500)

_OFFLINE_YET_CONNECTED: Final = frozenset({"paper_out", "cover_open", "error"})
_TURN: Final[dict[Pin, int]] = {2: 0, 5: 1}
_SENSE_MS: Final = 1_500
"""How long a drawer may take to spring open far enough for its sensor."""
_SENSE_EVERY_MS: Final = 100


@dataclass(frozen=True, slots=True)
class KickOutcome:
    """What became of a pulse.

    Attributes:
        state: see the head of this module.
        reason: `opened` or `was_open` when sensed; `not_sensed` or empty when sent; otherwise why: stale, not_answering,
            unknown, disconnected, stalled, no_confirmation.
        status: what the printer said before the pulse; None when it was not asked.
    """

    state: KickState
    reason: str = ""
    status: Status | None = None


def pulse(pin: Pin) -> bytes:
    """Build ESC p: 50 ms on, 500 ms off; obeyed in order with the print data."""
    return b"\x1bp" + bytes((_TURN[pin],)) + b"\x19\xfa"


def real_time_pulse(pin: Pin) -> bytes:
    """Build DLE DC4 1: 100 ms on and off; obeyed at once, with the paper out or the buffer full too."""
    return b"\x10\x14\x01" + bytes((_TURN[pin],)) + b"\x01"


def kick(
    port_factory: PortFactory,
    profile: PrinterProfile,
    clock: Clock,
    *,
    pin: Pin = 2,
    deadline_ms: int = LIFE_MS,
    open_pin_high: bool | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    on_open: bytes = b"",
) -> KickOutcome:
    """Open the drawer, once. Never raises for what a printer or network can do.

    Do not call it while a job of the same printer is under way; one thread per printer is the rule.

    Args:
        port_factory: makes the port to the printer; one connection for this pulse alone.
        profile: what kind of printer it is.
        clock: for the deadlines.
        pin: of the drawer connector, 2 for the first drawer, 5 for the second.
        deadline_ms: what is left of the wish's life, at most 5,000; the first byte of the pulse leaves before it is over.
        open_pin_high: the level of the drawer's sensor when it is open; None = no sensor, or nobody knows.
        timeouts: the time limits, cut to the life that is left.
        on_open: as in `printing.print_through`.

    Raises:
        DeviceRejected: the profile says that no drawer can hang on this printer; a mistake in the settings.
    """
    if not profile.drawer:
        raise DeviceRejected(f"{profile.name} has no drawer connector: name another printer in the drawer's row")
    life_ms = min(deadline_ms, LIFE_MS)
    if life_ms <= 0:
        return KickOutcome("held", "stale")
    until = clock.monotonic_ms() + life_ms
    # A full buffer is not waited for: what it takes later comes too late.
    limits = replace(
        timeouts,
        connect_ms=min(timeouts.connect_ms, life_ms),
        write_ms=min(timeouts.write_ms, life_ms),
        confirm_ms=0,
    )
    port = port_factory()
    status: Status | None = None
    try:
        port.open(limits.connect_ms)
        talk = Talk(port, clock, limits, open_pin_high=open_pin_high)
        status = talk.status_after(on_open) if profile.answers else None
        if status is not None and status.state not in {"ready", *_OFFLINE_YET_CONNECTED}:
            return KickOutcome("held", status.state, status)
        at_once = status is not None and status.state != "ready"
        if on_open and status is None:
            talk.send(on_open)
        if clock.monotonic_ms() >= until:
            return KickOutcome("held", "stale", status)
        taken, trouble = talk.hand_over(real_time_pulse(pin) if at_once else pulse(pin))
        if taken == 0:
            return KickOutcome("held", trouble or "stalled", status)
        if trouble is not None:
            return KickOutcome("unknown", trouble, status)
        return _found_out(port, talk, status, clock, limits)
    except DeviceUnavailable as error:
        return KickOutcome("held", error.code, status)
    finally:
        port.close()


def _found_out(port: Port, talk: Talk, status: Status | None, clock: Clock, limits: Timeouts) -> KickOutcome:
    """Find out what can be known of a pulse that was taken."""
    if status is None:
        port.drain(limits.drain_ms)
        return KickOutcome("sent")
    until = clock.monotonic_ms() + _SENSE_MS
    try:
        while True:
            answered, is_open = talk.drawer_open()
            if not answered:
                return KickOutcome("unknown", "no_confirmation", status)
            if is_open:
                return KickOutcome("sensed_open", "was_open" if status.drawer_open else "opened", status)
            if is_open is None or clock.monotonic_ms() >= until:
                break
            talk.hear(_SENSE_EVERY_MS)
        port.drain(limits.drain_ms)
    except DeviceUnavailable as error:
        return KickOutcome("unknown", error.code, status)
    return KickOutcome("sent", "" if is_open is None else "not_sensed", status)
