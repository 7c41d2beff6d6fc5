"""Live codes (活码) in the shop: where one leads now, by HQ's last word, with the uplink cut too; counted; printed on a slip.

A code that HQ signed but has not told this store of (yet) leads to the form to join: the paper is real, and what it is HQ knows.
"""

import threading
from collections.abc import Callable
from typing import Annotated, Literal

import msgspec

from drivers.document import ReceiptDoc
from edge.db import live_codes as rows
from edge.db.print_jobs import Job, NewSlip
from edge.db.staff import Session
from edge.domain import slip_rules
from edge.domain.device_rows import RECEIPT
from edge.domain.refusal import Refused
from edge.domain.roles import Action
from edge.receipts import live_code
from edge.receipts.receipt import Heading
from edge.services import deeds
from edge.services.deeds import Deed, Done
from edge.services.guests import table_codes
from edge.services.house.lan import Lan
from edge.services.node import Node
from edge.services.ordering import floor as floors
from edge.services.people import permit
from sync.contract import live_codes as contract
from sync.contract import streams
from sync.contract.live_codes import CodePlace, LiveCode, LiveCodeScanned, TargetKind
from sync.contract.words import Name
from sync.node import keys
from sync.node.allowance import Allowance
from sync.node.database import Tx

BY = "@"
"""Between the parts of a slip's subject: the code's id, the request, and what the address begins with (empty = HQ's)."""


class Led(msgspec.Struct, frozen=True, kw_only=True):
    """Where a code leads. `live` is None for one that this store was not told of."""

    code_id: str
    place: CodePlace
    at: str = ""
    leads: TargetKind = "join"
    live: LiveCode | None = None


class LiveCodeShown(msgspec.Struct, frozen=True, kw_only=True):
    """A code of this store that holds."""

    code_id: str
    short: str
    place: CodePlace
    at: str
    label: Name
    leads: TargetKind


class LiveCodesShown(msgspec.Struct, frozen=True, kw_only=True):
    """The codes of this store that hold; `here` says whether phones in the shop's network reach the node now."""

    codes: tuple[LiveCodeShown, ...]
    here: bool


class PrintLiveCommand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A slip with a code: for phones that have the internet (`hub`), or for those in the shop's network (`house`)."""

    request_id: Annotated[str, msgspec.Meta(min_length=32, max_length=32)]
    where: Literal["hub", "house"] = "hub"


class LivePrinted(msgspec.Struct, frozen=True, kw_only=True):
    """The slip that was queued."""

    job_id: str


class _Named(msgspec.Struct, frozen=True):
    code_id: str
    asked: PrintLiveCommand


def read(node: Node, text: str) -> Led | Refused:
    """Say where a code leads.

    Returns:
        `live_code_wrong` for one that HQ never signed, `live_code_stopped`, `live_code_off` for one that leads nowhere just now.
    """
    grant = node.enrolment
    code = contract.find(text)
    apart = None if code is None else contract.take_apart(code)
    if apart is None or grant is None:
        return Refused("live_code_wrong")
    claims = apart.claims
    with node.db.read() as reader:
        live = rows.one(reader, _stream(grant.store), claims.code_id.hex())
    if live is None or live.code != code:
        if not keys.verified(grant.hub_signing_key, apart.signed, apart.signature):
            return Refused("live_code_wrong")
        return Led(code_id=claims.code_id.hex(), place=claims.place)
    if live.stopped:
        return Refused("live_code_stopped")
    if live.target.kind == "off":
        return Refused("live_code_off")
    return Led(code_id=live.code_id, place=live.place, at=live.at, leads=live.target.kind, live=live)


def table_path(node: Node, led: Led) -> str:
    """Give the address of the page on which a table's guests ask for dishes; empty where the code is at no table of the plan."""
    if led.place != "table" or not led.at:
        return ""
    with node.db.read() as reader:
        plan = floors.plan(reader)
    named = [table for area in plan.areas for table in area.tables if led.at in (table.id, table.name)]
    # An id says it for certain; a name only where one table has it.
    exact = [table for table in named if table.id == led.at] or named
    if len(exact) != 1:
        return ""
    code = table_codes.code_now(node, exact[0].id)
    return f"/T/{code}"


def listed(node: Node, lan: Lan) -> LiveCodesShown:
    """List the codes of this store that hold, as they stand in the shop."""
    grant = node.enrolment
    found: list[LiveCode] = []
    if grant is not None:
        with node.db.read() as reader:
            found = rows.listed(reader, _stream(grant.store))
    standing = sorted(
        (one for one in found if not one.stopped),
        key=lambda one: (contract.PLACES.index(one.place), one.at, one.code_id),
    )
    return LiveCodesShown(
        codes=tuple(
            LiveCodeShown(
                code_id=one.code_id,
                short=contract.short(one.code_id),
                place=one.place,
                at=one.at,
                label=one.label,
                leads=one.target.kind,
            )
            for one in standing
        ),
        here=bool(lan.guest_base()),
    )


def print_slip(node: Node, lan: Lan, who: Session, code_id: str, asked: PrintLiveCommand) -> Done | Refused:
    """Print a code on a slip. The answer is `LivePrinted`.

    Returns:
        `not_found` where there is no such code or no printer, `live_code_stopped`, `guests_not_served` where phones in the shop's
        network would find nobody.
    """

    def work(deed: Deed) -> LivePrinted | Refused:
        permitted = permit.permit(deed, Action.TABLES, code_id)
        if isinstance(permitted, Refused):
            return permitted
        live = rows.one(deed.tx, _stream(deed.place.store), code_id)
        row = node.devices.printer_for(RECEIPT, who.till)
        if live is None or row is None:
            return Refused("not_found", {"code": code_id[:32]} if live is None else {"printer": RECEIPT})
        if live.stopped:
            return Refused("live_code_stopped")
        base = lan.guest_base() if asked.where == "house" else ""
        if asked.where == "house" and not base:
            return Refused("guests_not_served")
        # Each slip is one of its own, and none a repeat of another: nothing on it is money.
        subject = BY.join((code_id, asked.request_id, base))
        deed.print(NewSlip(asked.request_id, slip_rules.LIVE_CODE, subject, live.label.zh, RECEIPT, row.id))
        return LivePrinted(job_id=asked.request_id)

    return deeds.transact(node, who, asked.request_id, _Named(code_id, asked), work)


def paper(node: Node, job: Job, heading: Heading) -> ReceiptDoc:
    """Build the slip of a code.

    Raises:
        LookupError: HQ took the code out of this store's stream since.
    """
    code_id, _, base = job.subject.split(BY, 2)
    assert node.enrolment is not None
    with node.db.read() as reader:
        live = rows.one(reader, _stream(node.enrolment.store), code_id)
    if live is None:
        raise LookupError(f"slip {job.job_id} names no code")
    return live_code.slip(live, base or heading.guest_url, heading, job.copy, node.store_rules.languages[0])


MAKERS: dict[str, Callable[[Node, Job, Heading], ReceiptDoc]] = {slip_rules.LIVE_CODE: paper}


class ScanCounter:
    """Counts openings of codes and tells HQ: one fact a code at a time, and no more than one a second for the house.

    What comes faster is counted on and told with the next; what waits when the node stops is not told.
    """

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lock = threading.Lock()
        self._waiting: dict[tuple[str, CodePlace], int] = {}
        self._allowance = Allowance(at_once=30, every_ms=1_000)

    def count(self, led: Led) -> None:
        """Count one opening. A node whose facts do not count (training, fenced, full) counts none."""
        node = self._node
        if deeds.standing(node) is not None:
            return
        key = led.code_id, led.place
        with self._lock:
            self._waiting[key] = self._waiting.get(key, 0) + 1
            if self._allowance.take("", node.clock.monotonic_ms()):
                return
            told, self._waiting = self._waiting, {}
        place = node.place()

        def write(tx: Tx) -> None:
            for (code_id, at), scans in told.items():
                body = LiveCodeScanned(code_id=code_id, place=at, scans=min(scans, contract.SCANS_MAX))
                Deed(node, tx, place, None).write(contract.SCANNED, body)

        node.db.write(write)
        node.committed.notify()


def _stream(store: str) -> str:
    return streams.own(streams.LIVE_CODES, store)
