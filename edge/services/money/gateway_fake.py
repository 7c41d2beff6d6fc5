"""A payment gateway that is shipped with the product: for trials, for teaching, and for everything that is proved about paying by code.

It keeps every promise of the port and has a menu of faults for what happens on the way. It is another party: what it took stands in its
own file, which a killed node does not take along. No money moves and no code is kept; of a code it only looks at who issued it.
"""

import threading
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from edge.domain import bill_file
from edge.domain.bearer import Bearer
from edge.domain.bill_file import BillRow
from edge.domain.gateway import AWAY, Answer, Charge, Outcome
from sync.contract import times
from sync.node.ports import Clock

WECHAT = "wechat"
ALIPAY = "alipay"
_WECHAT_FIRST = "1"


class Faults(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What goes wrong at the fake gateway.

    Attributes:
        away: nothing reaches it.
        lose_answers: so many answers get lost on the way back; what was asked is done all the same.
        refuse: why every charge is refused; empty = none is.
        guest_confirms: a charge waits for the guest's password; it is paid after so many queries, −1 = never.
        fail: so many calls end in a fault of the program that speaks for the gateway.
        late_reverse: it is too late to reverse what was paid.
        refuse_refunds: refunds are refused.
        bill: what is wrong with the bill file: `missing`, `lacks_one`, `has_one_more`, `wrong_amount`; empty = nothing.
    """

    away: bool = False
    lose_answers: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    refuse: Literal["", "funds", "bad_code", "other"] = ""
    guest_confirms: Annotated[int, msgspec.Meta(ge=-1, le=1000)] = 0
    fail: Annotated[int, msgspec.Meta(ge=0, le=1000)] = 0
    late_reverse: bool = False
    refuse_refunds: bool = False
    bill: Literal["", "missing", "lacks_one", "has_one_more", "wrong_amount"] = ""


@dataclass
class _Paid:
    """A payment as the gateway has it: `waiting` for the guest, `paid`, `refused` or `closed`."""

    amount_fen: int
    provider: str
    reference: str
    state: str
    at_ms: int
    queries_left: int
    reason: str
    refunds: dict[str, int]


class FakeGateway:
    """The gateway; thread-safe.

    Args:
        file: where it keeps what it took; None = in memory.
        zone: in which its bill file counts days.
    """

    def __init__(self, clock: Clock, zone: tzinfo, file: Path | None = None) -> None:
        self._clock = clock
        self._zone = zone
        self._file = file
        self._lock = threading.Lock()
        self._payments: dict[str, _Paid] = {}
        self._refund_ms: dict[str, int] = {}
        self._static: list[tuple[int, int, str]] = []
        self._faults = Faults()
        self.charges_seen = 0
        """How often anything was charged, repeats included."""
        if file is not None and file.exists():
            self._load(file)

    @property
    def faults(self) -> Faults:
        """What goes wrong now."""
        return self._faults

    def put_faults(self, faults: Faults) -> None:
        """Switch faults."""
        with self._lock:
            self._faults = faults

    def charge(self, charge: Charge, code: Bearer) -> Answer:
        """Charge a code; see the port."""
        with self._lock:
            if self._faults.away:
                return AWAY
            self._maybe_fail()
            self.charges_seen += 1
            paid = self._payments.get(charge.payment_id)
            if paid is None:
                paid = self._payments[charge.payment_id] = self._new(charge, code)
                self._keep(charge.payment_id)
            elif paid.amount_fen != charge.amount_fen:
                return Answer(Outcome.REFUSED, reason="other")
            return self._answered(self._as_answer(paid))

    def query(self, payment_id: str) -> Answer:
        """Ask for a payment; see the port."""
        with self._lock:
            if self._faults.away:
                return AWAY
            self._maybe_fail()
            paid = self._payments.get(payment_id)
            if paid is None:
                # It may still be on its way: that is no refusal.
                return self._answered(Answer(Outcome.UNKNOWN, reason="no_such_payment"))
            if paid.state == "waiting" and paid.queries_left > 0:
                paid.queries_left -= 1
                if paid.queries_left == 0:
                    paid.state = "paid"
                self._keep(payment_id)
            return self._answered(self._as_answer(paid))

    def reverse(self, payment_id: str) -> Answer:
        """Undo a payment; see the port."""
        with self._lock:
            if self._faults.away:
                return AWAY
            self._maybe_fail()
            paid = self._payments.get(payment_id)
            if paid is not None and paid.state == "paid" and self._faults.late_reverse:
                return self._answered(self._as_answer(paid))
            if paid is None:
                # Nothing came yet: whatever comes later under this number finds it closed.
                paid = self._payments[payment_id] = _Paid(0, "", "", "closed", self._clock.now_ms(), 0, "closed", {})
            paid.state, paid.reason = "closed", "closed"
            self._keep(payment_id)
            return self._answered(Answer(Outcome.REFUSED, reason="closed"))

    def refund(self, payment_id: str, refund_no: str, amount_fen: int) -> Answer:
        """Pay back; see the port."""
        with self._lock:
            if self._faults.away:
                return AWAY
            self._maybe_fail()
            paid = self._payments.get(payment_id)
            if self._faults.refuse_refunds:
                return self._answered(Answer(Outcome.REFUSED, reason="other"))
            if paid is None or paid.state != "paid":
                return self._answered(Answer(Outcome.REFUSED, reason="no_such_payment"))
            if refund_no in paid.refunds:
                same = paid.refunds[refund_no] == amount_fen
                return self._answered(Answer(Outcome.PAID) if same else Answer(Outcome.REFUSED, reason="other"))
            if sum(paid.refunds.values()) + amount_fen > paid.amount_fen:
                return self._answered(Answer(Outcome.REFUSED, reason="too_much"))
            paid.refunds[refund_no] = amount_fen
            self._refund_ms[refund_no] = self._clock.now_ms()
            self._keep(payment_id)
            return self._answered(Answer(Outcome.PAID, paid.provider, paid.reference))

    def bill(self, day: str) -> str | None:
        """Write the bill file of a calendar day; see the port."""
        with self._lock:
            if self._faults.away or self._faults.bill == "missing":
                return None
            rows = [row for at_ms, row in sorted(self._bill_rows(), key=lambda each: each[0]) if row.at.startswith(day)]
            if rows and self._faults.bill == "lacks_one":
                rows.pop()
            if rows and self._faults.bill == "wrong_amount":
                rows[0] = BillRow(**{**vars(rows[0]), "amount_fen": rows[0].amount_fen + 1})
            if self._faults.bill == "has_one_more":
                rows.append(BillRow("pay", "f" * 32, "", WECHAT, "FAKE-STRAY", 100, f"{day} 12:00:00"))
            return bill_file.write(rows)

    def static_came(self, amount_fen: int, reference: str = "") -> None:
        """Let a guest pay by the shop's printed code: no call of ours, it only stands in the bill file."""
        with self._lock:
            self._static.append((self._clock.now_ms(), amount_fen, reference))

    def taken_fen(self) -> int:
        """Give what the gateway holds for the store: paid less refunded."""
        with self._lock:
            return sum(
                paid.amount_fen - sum(paid.refunds.values()) for paid in self._payments.values() if paid.state == "paid"
            )

    def _new(self, charge: Charge, code: Bearer) -> _Paid:
        provider = WECHAT if code.reveal().startswith(_WECHAT_FIRST) else ALIPAY
        reference = f"FAKE{len(self._payments) + 1:010d}"
        state, reason, queries = "paid", "", 0
        if self._faults.refuse:
            state, reason = "refused", self._faults.refuse
        elif self._faults.guest_confirms:
            state, reason, queries = "waiting", "guest_confirms", max(0, self._faults.guest_confirms)
        return _Paid(charge.amount_fen, provider, reference, state, self._clock.now_ms(), queries, reason, {})

    def _as_answer(self, paid: _Paid) -> Answer:
        if paid.state == "paid":
            return Answer(Outcome.PAID, paid.provider, paid.reference)
        if paid.state == "waiting":
            return Answer(Outcome.UNKNOWN, reason=paid.reason)
        return Answer(Outcome.REFUSED, reason=paid.reason)

    def _answered(self, answer: Answer) -> Answer:
        if self._faults.lose_answers > 0:
            self._faults = msgspec.structs.replace(self._faults, lose_answers=self._faults.lose_answers - 1)
            return AWAY
        return answer

    def _maybe_fail(self) -> None:
        if self._faults.fail > 0:
            self._faults = msgspec.structs.replace(self._faults, fail=self._faults.fail - 1)
            raise RuntimeError("the fake gateway was told to fail")

    def _bill_rows(self) -> list[tuple[int, BillRow]]:
        rows: list[tuple[int, BillRow]] = []
        for payment_id, paid in self._payments.items():
            if paid.state != "paid":
                continue
            at = times.local_text(paid.at_ms, self._zone)
            rows.append(
                (paid.at_ms, BillRow("pay", payment_id, "", paid.provider, paid.reference, paid.amount_fen, at))
            )
            for refund_no, fen in paid.refunds.items():
                at_ms = self._refund_ms.get(refund_no, paid.at_ms)
                at = times.local_text(at_ms, self._zone)
                rows.append((at_ms, BillRow("refund", payment_id, refund_no, paid.provider, paid.reference, fen, at)))
        for at_ms, fen, reference in self._static:
            rows.append((at_ms, BillRow("static", "", "", ALIPAY, reference, fen, times.local_text(at_ms, self._zone))))
        return rows

    def _keep(self, payment_id: str) -> None:
        """Add what a payment is now to the end of the file; the last word on an id counts."""
        if self._file is None:
            return
        line = {"id": payment_id, **vars(self._payments[payment_id]), "refund_ms": {
            no: self._refund_ms[no] for no in self._payments[payment_id].refunds if no in self._refund_ms}}  # fmt: skip
        with self._file.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")

    def _load(self, file: Path) -> None:
        raw = file.read_bytes()
        for each in raw.splitlines():
            try:
                line: dict[str, Any] = msgspec.json.decode(each)
            except msgspec.DecodeError:
                # The last line of a process that was killed while it wrote.
                continue
            payment_id = line.pop("id")
            self._refund_ms.update(line.pop("refund_ms"))
            self._payments[payment_id] = _Paid(**line)
        if raw and not raw.endswith(b"\n"):
            with file.open("ab") as end:
                end.write(b"\n")
