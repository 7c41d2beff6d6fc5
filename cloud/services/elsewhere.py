"""A sale of one store is given back at another: the hub shows the sale, passes the wish on, and tells what the sale's store said.

It decides nothing (`sync.contract.elsewhere` says why): the wish goes to the sale's store as a command under the refund's own id, and only
that store's fact `refund.ceded` makes an answer. Until it is here the answer is `waiting`, which is kept nowhere.
"""

from collections.abc import Callable

import msgspec

from cloud.db import commands, money, sales, stores
from cloud.db.commands import CommandRow
from cloud.db.engine import Reader, Tx
from cloud.services import streams
from cloud.services.invites import Invites
from cloud.services.questions import DONE, REFUSED, WAITING, Handler, Verdict
from sync.contract import elsewhere as wire
from sync.contract import receipts, steering, times
from sync.contract import streams as contract
from sync.contract.codes import Verdict as Word
from sync.contract.elsewhere import Drop, GoneBack, Leave, Look, Reserve, SaleThere, Wanted
from sync.contract.refunds import RefundCeded, SaleRefunded
from sync.contract.steering import Command
from sync.contract.words import Name
from sync.node import packing
from sync.node.ports import Clock

CEDE_LIVES_MS = 15 * 60_000
"""A store that hears of a wish later than this leaves nothing: the guest is gone."""
REGAIN_LIVES_MS = 30 * times.DAY_MS
_LOOK = msgspec.json.Decoder(Look)
_RESERVE = msgspec.json.Decoder(Reserve)
_WANTED = msgspec.json.Decoder(Wanted)
_DROP = msgspec.json.Decoder(Drop)
_REFUNDED = msgspec.json.Decoder(SaleRefunded)
_CEDED = msgspec.json.Decoder(RefundCeded)


class Elsewhere:
    """Answers what stores ask of each other's sales. Called in the transaction that keeps the answer."""

    def __init__(self, clock: Clock, invites: Invites, on_stream: Callable[[], None] | None = None) -> None:
        self._clock = clock
        self._invites = invites
        self._on_stream = on_stream or (lambda: None)

    def handlers(self) -> dict[str, Handler]:
        """Give the questions by name."""
        return {wire.LOOK: self.look, wire.RESERVE: self.reserve, wire.DROP: self.drop}

    def look(self, tx: Tx, store: str, _epoch: int, body: bytes) -> Verdict:
        """Show the sale that a receipt is of: whoever holds the receipt may see it, and nobody finds one without."""
        place = self._place(tx, _LOOK.decode(body).text)
        if isinstance(place, str):
            return _refused(place)
        if place[0] == store:
            return _refused("own_sale")
        held, row = stores.store_by_id(tx, place[0]), sales.sale_by_id(tx, *place)
        if held is None or row is None:
            return _refused("unknown_sale")
        there = SaleThere(
            store=row.store,
            store_name=Name(held.name_zh, held.name_en),
            day=row.day,
            at_ms=row.at_ms,
            sale=packing.pack(row.body),
            gone=tuple(gone_back(tx, *place)),
            deposit_kinds=money.deposit_kinds(tx, *place),
        )
        return Verdict(DONE, msgspec.json.encode(there))

    def reserve(self, tx: Tx, store: str, _epoch: int, body: bytes) -> Verdict:
        """Pass a wish on to the sale's store once, and tell what that said as soon as it is here."""
        asked = _RESERVE.decode(body)
        _WANTED.decode(asked.wanted)
        if asked.store == store:
            return _refused("own_sale")
        given = commands.command_by_id(tx, asked.refund_id)
        if given is None:
            if sales.sale_by_id(tx, asked.store, asked.sale_id) is None:
                return _refused("unknown_sale")
            args = {"refund": asked.refund_id, "sale": asked.sale_id, "to": store, "asked": asked.wanted}
            self._give(tx, asked.store, asked.refund_id, (steering.CEDE_REFUND, args), CEDE_LIVES_MS, store)
            return Verdict(WAITING, b"")
        if given.store != asked.store or given.made_by != _by(store):
            return _refused("id_reused")
        if given.name != steering.CEDE_REFUND:
            return _refused("dropped")
        ceded = money.ceded(tx, asked.store, asked.refund_id)
        if ceded is not None:
            if ceded.regained or ceded.to_store != store:
                return _refused("dropped")
            return Verdict(DONE, msgspec.json.encode(Leave(ceded=_CEDED.decode(ceded.body))))
        result = commands.results_of(tx, asked.store, [asked.refund_id]).get(asked.refund_id)
        if result is None or result.outcome == "done":
            # Its fact comes in the other lane.
            return Verdict(WAITING, b"")
        return _refused(result.reason or result.outcome)

    def drop(self, tx: Tx, store: str, _epoch: int, body: bytes) -> Verdict:
        """Have the sale's store count back what will never be given; a wish that never came is closed for good."""
        asked = _DROP.decode(body)
        given = commands.command_by_id(tx, asked.refund_id)
        if given is not None and given.made_by != _by(store):
            return _refused("id_reused")
        if given is not None and given.name != steering.CEDE_REFUND:
            return Verdict(DONE, b"{}")
        command_id = asked.refund_id if given is None else asked.drop_id
        if stores.store_by_id(tx, asked.store) is not None and commands.command_by_id(tx, command_id) is None:
            args = {"refund": asked.refund_id}
            self._give(tx, asked.store, command_id, (steering.REGAIN_REFUND, args), REGAIN_LIVES_MS, store)
        return Verdict(DONE, b"{}")

    def _place(self, tx: Tx, text: str) -> tuple[str, str] | str:
        """Give the store and id of a receipt's sale, or why not."""
        if (named := receipts.place(text.strip())) is not None:
            return named
        told = self._invites.judge(tx, text)
        if told.verdict in (Word.FORGED, Word.UNKNOWN_STORE) or told.store is None:
            return str(told.verdict)
        return "unknown_sale" if told.sale_id is None else (told.store, told.sale_id)

    def _give(
        self, tx: Tx, store: str, command_id: str, what: tuple[str, dict[str, str]], life_ms: int, asker: str
    ) -> None:
        now_ms = self._clock.now_ms()
        name, args = what
        command = Command(id=command_id, name=name, args=args, made_ms=now_ms, expires_ms=now_ms + life_ms)
        streams.append(
            tx, contract.own(contract.COMMANDS, store), op="put", key=command_id, value=msgspec.json.encode(command)
        )
        text = msgspec.json.encode(args).decode()
        commands.insert_command(tx, CommandRow(command_id, store, name, text, now_ms, command.expires_ms, _by(asker)))
        self._on_stream()


def gone_back(reader: Reader, store: str, sale_id: str) -> list[GoneBack]:
    """List what is known to have gone back of a sale: by its own store, and what that left to others."""
    found = [
        GoneBack(amount_fen=body.amount_fen, tip_fen=body.tip_fen, lines=body.lines, tenders=body.tenders)
        for body in (_REFUNDED.decode(row.body) for row in money.refunds_of(reader, store, sale_id))
    ]
    # A refund that another store gave is the one that was left to it: it counts once.
    return found + [
        GoneBack(amount_fen=body.amount_fen, tip_fen=body.tip_fen, lines=body.lines, tenders=body.tenders)
        for body in (_CEDED.decode(row.body) for row in money.ceded_of(reader, store, sale_id) if not row.regained)
    ]


def _by(store: str) -> str:
    return f"store {store}"


def _refused(reason: str) -> Verdict:
    return Verdict(REFUSED, msgspec.json.encode({"reason": reason}))
