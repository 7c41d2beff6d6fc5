"""What a stored fact means for the read models, as a pure function of its bytes and its place.

Nothing here refuses a fact: it is stored already. What cannot be read is parked under a reason and blocks nothing.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from datetime import date, tzinfo

import msgspec

from sync.contract import codes, facts, ids, kinds, limits, live_codes, member_doors, members, operations, times, trade
from sync.contract.facts import ContractError, Fact, UnknownKind
from sync.contract.live_codes import LiveCodeScanned
from sync.contract.operations import AlarmChanged, CommandSettled, DrillDone, PrintSettled
from sync.contract.payments import (
    DepositReturned,
    DepositTaken,
    PaymentDoubted,
    PaymentReturned,
    PaymentTaken,
    RefundSettled,
)
from sync.contract.refunds import RefundCeded, RefundRegained, SaleRefunded
from sync.contract.shifts import TillClosed
from sync.contract.trade import InviteIssued, SalePaid
from sync.contract.words import LOCALES

MoneyBody = (
    SaleRefunded
    | RefundCeded
    | RefundRegained
    | TillClosed
    | PaymentTaken
    | PaymentReturned
    | PaymentDoubted
    | DepositTaken
    | DepositReturned
    | RefundSettled
)
"""What the read models of money are made of, besides sales."""
AT_MS_MAX = 4_102_444_800_000
"""The year 2100: a wall time beyond it is a broken clock, and beyond 64 bits it would not even fit a column."""

_FACT_ID = re.compile(r"[0-9a-f]{32}")
_MEMBER_IDS = frozenset({"member_id", "grant_id", "friend", "referrer", "post_id"})
_REFERENCES = frozenset({"idem", "ref", "invite_id"})
_REFERENCE = re.compile(r"[A-Za-z0-9:._+~-]{0,120}")
_ALARM_CODE = re.compile(r"[a-z_]{1,24}(\.[a-z_]{1,24}){0,2}")
_IDS = ("refund_id", "sale_id", "payment_id", "deposit_id")
_FEN_MAX = 2**53
_CODE_CHARS_TO_ID = 32
"""Base 32 of the first 20 bytes of a code: version, kind, key id, invite id (`sync.contract.codes`)."""


def fingerprint() -> str:
    """Name what this code understands: another one when a kind was added."""
    known = sorted(kind for lane in kinds.KINDS.values() for kind in lane)
    return hashlib.sha256("\n".join(known).encode()).hexdigest()[:16]


_OUTCOMES = {
    operations.PRINT_CONFIRMED: "printed",
    operations.PRINT_PARKED: "print_parked",
    operations.PRINT_DISCARDED: "print_discarded",
}


@dataclass(frozen=True)
class Sold:
    """A sale, and the local hour that it counts in."""

    fact: Fact
    sale: SalePaid
    hour: int


@dataclass(frozen=True)
class Invited:
    """An invite that was issued."""

    fact: Fact
    invite: InviteIssued


@dataclass(frozen=True)
class Printed:
    """What became of a slip of a sale: `outcome` is `printed`, `print_parked` or `print_discarded`."""

    fact: Fact
    slip: PrintSettled
    outcome: str


@dataclass(frozen=True)
class Commanded:
    """What became of a command of ours."""

    fact: Fact
    settled: CommandSettled
    outcome: str


@dataclass(frozen=True)
class Alarmed:
    """Something that a person must look at, at a store: it began, or it is over."""

    fact: Fact
    alarm: AlarmChanged
    is_open: bool


@dataclass(frozen=True)
class Drilled:
    """A store proved that its copy comes back."""

    fact: Fact


@dataclass(frozen=True)
class Moved:
    """Money beside a sale: it went back, was taken before its sale, or was counted at the end of a shift."""

    fact: Fact
    body: MoneyBody


@dataclass(frozen=True)
class Scanned:
    """A live code was opened in a store's network."""

    fact: Fact
    scanned: LiveCodeScanned


@dataclass(frozen=True)
class Noted:
    """Understood; no read model takes it."""


@dataclass(frozen=True)
class Parked:
    """Stored, not understood, and why."""

    reason: str


Meaning = Sold | Invited | Printed | Commanded | Alarmed | Drilled | Moved | Scanned | Noted | Parked


@dataclass(frozen=True)
class Place:
    """Where a fact lies, as the hub stored it; `repeats` says that its id stood in another place before."""

    store: str
    epoch: int
    lane: int
    seq: int
    repeats: bool


def fact_id_bytes(text: str) -> bytes | None:
    """Give the 16 bytes of a fact's id, None where the text is not 32 lower-case hex digits."""
    return bytes.fromhex(text) if _FACT_ID.fullmatch(text) is not None else None


def read(raw: bytes, place: Place, zone: tzinfo) -> Meaning:
    """Say what a fact means."""
    fact = sound(raw, place)
    return fact if isinstance(fact, Parked) else _read_body(fact, zone)


def sound(raw: bytes, place: Place) -> Fact | Parked:
    """Read a fact as far as every part of the hub needs it: it is one, it lies in its own place, its time is a time."""
    try:
        fact = facts.decode(raw)
    except ContractError:
        return Parked("not_a_fact")
    if (fact.store, fact.epoch, fact.lane, fact.seq) != (place.store, place.epoch, place.lane, place.seq):
        return Parked("another_place")
    if fact_id_bytes(fact.id) is None:
        return Parked("bad_id")
    if place.repeats:
        return Parked("repeated_id")
    if not 0 <= fact.at_ms <= AT_MS_MAX:
        return Parked("bad_time")
    if not _is_day(fact.day):
        return Parked("bad_day")
    return fact


def member_body(fact: Fact) -> msgspec.Struct | None:
    """Read what the booker books: a fact of members, a sale or a refund; None where it says nothing that can be used."""
    try:
        body = kinds.read(fact)
    except ContractError:
        return None
    return body if ids_fit(body) else None


def ids_fit(body: msgspec.Struct) -> bool:
    """Say whether the ids in a fact of members are ids: they name accounts, and are text from outside."""
    for name in _MEMBER_IDS & set(body.__struct_fields__):
        value = getattr(body, name)
        if value and _FACT_ID.fullmatch(value) is None:
            return False
    for name in _REFERENCES & set(body.__struct_fields__):
        if not _REFERENCE.fullmatch(getattr(body, name)):
            return False
    days = [value for name in ("from_day", "last_day") if (value := getattr(body, name, ""))]
    return all(_is_day(day) for day in days)


def _read_body(fact: Fact, zone: tzinfo) -> Meaning:
    try:
        body = kinds.read(fact)
    except UnknownKind:
        return Parked("unknown_kind")
    except ContractError:
        return Parked("bad_body")
    match body:
        case SalePaid():
            return _sold(fact, body, zone)
        case InviteIssued():
            return Invited(fact, body) if _names_itself(body) else Parked("bad_value")
        case PrintSettled():
            return _printed(fact, body)
        case CommandSettled():
            fits = ids.is_uuid7_hex(body.command_id)
            return Commanded(fact, body, fact.kind.removeprefix("command.")) if fits else Parked("bad_value")
        case AlarmChanged():
            fits = _ALARM_CODE.fullmatch(body.code) is not None
            return Alarmed(fact, body, fact.kind == operations.ALARM_RAISED) if fits else Parked("bad_value")
        case DrillDone(ok=True):
            return Drilled(fact)
        case LiveCodeScanned():
            return Scanned(fact, body) if live_codes.is_code_id(body.code_id) else Parked("bad_value")
        case _ if fact.kind in members.KINDS or fact.kind in member_doors.KINDS:
            return Noted() if ids_fit(body) else Parked("bad_value")
        case (
            SaleRefunded()
            | RefundCeded()
            | RefundRegained()
            | TillClosed()
            | PaymentTaken()
            | PaymentReturned()
            | PaymentDoubted()
            | DepositTaken()
            | DepositReturned()
            | RefundSettled()
        ):
            return Moved(fact, body) if _is_money(body) else Parked("bad_value")
        case _:
            return Noted()


def _sold(fact: Fact, sale: SalePaid, zone: tzinfo) -> Sold | Parked:
    fits = (
        ids.is_uuid7_hex(sale.sale_id)
        and ids.TILL_ID.fullmatch(sale.till) is not None
        and sale.number >= 1
        and sale.receipt_no == trade.receipt_no(sale.till, fact.epoch, sale.number)
        and 0 <= sale.total_fen <= limits.SALE_TOTAL_FEN_MAX
        and sale.locale in LOCALES
        and len(sale.currency) == len("CNY")
        and sale.currency.isascii()
        and sale.currency.isupper()
    )
    return Sold(fact, sale, times.local_hour(fact.at_ms, zone)) if fits else Parked("bad_value")


def _is_money(body: MoneyBody) -> bool:
    """Say whether ids, tills and amounts are such as a column holds and a page shows."""
    told = msgspec.structs.asdict(body)
    return (
        all(ids.is_uuid7_hex(told[name]) for name in _IDS if name in told)
        and all(ids.STORE_ID.fullmatch(told[name]) is not None for name in ("sale_store", "to_store") if name in told)
        and (told.get("till") is None or ids.TILL_ID.fullmatch(told["till"]) is not None)
        and all(-_FEN_MAX <= amount <= _FEN_MAX for name, amount in told.items() if name.endswith("_fen"))
        and all("\0" not in told[name] for name in ("receipt_no", "refund_no") if name in told)
        and 0 <= told.get("z", 1) <= _FEN_MAX
    )


def _printed(fact: Fact, slip: PrintSettled) -> Printed | Noted | Parked:
    if slip.document != "receipt":
        return Noted()
    if not ids.is_uuid7_hex(slip.subject) or not 0 <= slip.copy <= limits.LINE_QTY_MAX:
        return Parked("bad_value")
    return Printed(fact, slip, _OUTCOMES[fact.kind])


def _names_itself(invite: InviteIssued) -> bool:
    """Say whether an invite's code is the one of its id.

    Only as much of the code is read as holds the id: its signature is judged when somebody shows it, and reading all of
    it would cost more than everything else about a sale.
    """
    if codes.find(invite.code) != invite.code:
        return False
    invite_id = base64.b32decode(invite.code[:_CODE_CHARS_TO_ID])[-codes.INVITE_ID_BYTES :]
    return (
        invite_id.hex() == invite.invite_id
        and codes.short_code(invite_id) == invite.short
        and ids.is_uuid7_hex(invite.sale_id)
        and _is_day(invite.expires_day)
    )


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False
