"""A blank machine becomes the store again: its facts come from the hub, and everything else is built from them.

In three steps, each of which goes on where a kill left it: (1) the hub's signed word on what there is, kept with where
this file stands; (2) the facts of each lane in pieces, verbatim, chained from the genesis on, sealed anew with this node's
key, each piece one transaction with the lane's head; (3) the tables, in the order in which the facts were once committed,
with the place reached in the same transaction. Only then do the lanes count as acknowledged and the node as itself.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import msgspec

from edge.db import handover as held
from edge.db import journal, menus, projections, sales
from edge.db.handover import LanePlan, Plan
from edge.services.hub.enrolment import Enrolment
from edge.services.hub.handover_door import ReplaceError
from edge.services.members import points
from edge.services.money.book_sale import InviteAnswer, answer_of, read_answer
from sync.contract import codes, envelope, facts, handover, kinds, limits, messages, operations
from sync.contract.envelope import MessageKind
from sync.contract.facts import ContractError, Fact
from sync.contract.handover import Handover, PageOfFacts
from sync.contract.members import PointsEarned, PointsSpent
from sync.contract.operations import MenuImported
from sync.contract.times import epoch_day
from sync.contract.trade import InviteIssued, SalePaid
from sync.node import sealing
from sync.node.database import IntegrityError, Row, Storage, Tx
from sync.node.keys import Identity
from sync.node.ports import Chance, Clock

BUILD_FACTS = 5_000
"""Facts whose tables are built in one transaction."""
_SALE = "sale:"
ASIDE = 1 << 31
"""In the upper half of an epoch's numbers stand facts whose own number another fact has: only a cloned node made such."""

Ask = Callable[[str], bytes]
"""Fetches a path of the hub with this node's signature."""
Send = Callable[[str, bytes], None]
"""Sends a body to a path of the hub, likewise."""
Tell = Callable[[str, int, int], None]
"""Hears how far it is: `facts` or `tables`, done, of how many."""


@dataclass(frozen=True)
class Heir:
    """Who brings back what: the node's grant of the new epoch, its keys, its file, clock and chance."""

    grant: Enrolment
    identity: Identity
    db: Storage
    clock: Clock
    chance: Chance


def bring_back(heir: Heir, ask: Ask, tell: Tell = lambda _stage, _done, _of: None, send: Send | None = None) -> int:
    """Bring the store's facts back and build everything from them.

    Returns:
        How many facts the hub handed over, those of before included.

    Raises:
        ReplaceError: the hub did not answer, refused, or holds another history.
    """
    epoch = heir.grant.epoch
    with heir.db.read() as reader:
        plan = held.plan(reader, epoch)
    if plan is None:
        plan = _begin(heir, ask)
    with heir.db.read() as reader:
        lanes = held.lanes(reader, epoch)
    total = sum(lane.seq for lane in lanes)
    if plan.done:
        return total
    heir.db.write(held.make_room)
    if send is not None:
        _hand_in(heir, send, lanes)
    done = 0
    for lane in lanes:
        for reached in _fetch(heir, ask, lane):
            tell("facts", done + reached, total)
        done += lane.seq
    _build(heir, plan, tell)
    heir.db.write(lambda tx: held.finish(tx, epoch))
    return total


def _begin(heir: Heir, ask: Ask) -> Plan:
    grant = heir.grant
    [wire] = _parted(ask(handover.lanes_path(grant.store, grant.epoch))) or [b""]
    told = read_word(wire, heir.identity, grant)
    with heir.db.read() as reader:
        for lane in told.lanes:
            here = held.chain_at(reader, lane.epoch, lane.lane, lane.seq)
            if here is not None and here != lane.chain:
                raise ReplaceError(
                    f"this file and the hub hold different facts of epoch {lane.epoch}; keep this folder for whoever helps,"
                    " and bring the store back into an empty one"
                )

    def work(tx: Tx) -> None:
        for lane in told.lanes:
            journal.open_epoch(tx, grant.store, lane.epoch)
        journal.open_epoch(tx, grant.store, grant.epoch)
        held.begin(tx, grant.epoch, wire, told.lanes)

    heir.db.write(work)
    return Plan(grant.epoch, wire, 0, done=False)


def read_word(wire: bytes, identity: Identity, grant: Enrolment) -> Handover:
    """Open the hub's signed word on what there is.

    Raises:
        ReplaceError: it is not the hub's, or not for this node.
    """
    try:
        opened = envelope.take_apart(wire)
        if opened.header.kind is not MessageKind.HANDOVER:
            raise ContractError("misplaced")
        return messages.decode(_opener(identity, grant, grant.epoch).open(opened), Handover)
    except ContractError as error:
        raise ReplaceError(f"the hub's answer is not the hub's ({error}); check its address") from error


def _opener(identity: Identity, grant: Enrolment, epoch: int) -> sealing.Opener:
    down = sealing.link_keys(
        identity, grant.hub_agreement_key, tenant=grant.tenant, store=grant.store, epoch=epoch
    ).down
    return sealing.Opener(grant.hub_signing_key, down, sealing.Party(grant.tenant, grant.store, grant.node, epoch))


def _fetch(heir: Heir, ask: Ask, lane: LanePlan) -> Iterator[int]:
    """Fetch a lane up to where the hub held it; yields the seq reached after each piece."""
    grant = heir.grant
    opener = _opener(heir.identity, grant, grant.epoch)
    with heir.db.read() as reader:
        seq, chain = held.head(reader, lane.epoch, lane.lane)
    yield min(seq, lane.seq)
    while seq < lane.seq:
        body = ask(
            handover.facts_path(grant.store, grant.epoch, PageOfFacts(epoch=lane.epoch, lane=lane.lane, after=seq))
        )
        raws = _opened(body, opener)[: lane.seq - seq]
        if not raws:
            raise ReplaceError(
                "the hub holds fewer facts than it said; let its staff look at its chain, then try again"
            )
        rows, chain = _rows(heir.identity, lane, seq, chain, raws)
        seq += len(raws)
        if seq == lane.seq and chain != lane.chain:
            raise ReplaceError("the facts do not fit the chain that the hub signed; let its staff look at its chain")
        heir.db.write(lambda tx, rows=rows, seq=seq, chain=chain: _keep(tx, lane, rows, (seq, chain)))  # type: ignore[misc]
        yield seq


def _hand_in(heir: Heir, send: Send, lanes: list[LanePlan]) -> None:
    """Send the hub what of earlier epochs lies only here: facts that a restored copy had and the hub never got."""
    grant = heir.grant
    up = sealing.link_keys(
        heir.identity, grant.hub_agreement_key, tenant=grant.tenant, store=grant.store, epoch=grant.epoch
    ).up
    party = sealing.Party(grant.tenant, grant.store, grant.node, grant.epoch)
    sealer = sealing.Sealer(heir.identity, up, party, heir.chance)
    known = {(lane.epoch, lane.lane): lane.seq for lane in lanes}
    with heir.db.read() as reader:
        heads = {epoch: journal.heads(reader, epoch) for epoch in journal.epochs(reader) if epoch < grant.epoch}
    for epoch, of_epoch in heads.items():
        for lane, head in of_epoch.items():
            seq = known.get((epoch, lane), 0)
            while seq < head.head_seq:
                page = PageOfFacts(epoch=epoch, lane=lane, after=seq)
                sealed: list[bytes] = []
                while seq < head.head_seq and len(sealed) < handover.LATE_BATCHES:
                    last = min(seq + limits.BATCH_FACTS_MAX, head.head_seq)
                    with heir.db.read() as reader:
                        batch = journal.read_batch(reader, (grant.store, epoch, lane), seq + 1, last)
                    sealed.append(
                        sealer.seal(
                            MessageKind.FACTS,
                            envelope.frame_facts(batch.raws),
                            lane=lane,
                            first_seq=seq + 1,
                            count=len(batch.raws),
                            chain_before=batch.chain_before,
                            chain_after=batch.chain_after,
                        )
                    )
                    seq += len(batch.raws)
                send(handover.late_path(grant.store, grant.epoch, page), handover.join(sealed))


def _opened(body: bytes, opener: sealing.Opener) -> list[bytes]:
    raws: list[bytes] = []
    try:
        for wire in handover.part(body):
            opened = envelope.take_apart(wire)
            if opened.header.kind is not MessageKind.FACTS:
                raise ContractError("misplaced")
            raws += envelope.unframe_facts(opener.open(opened), opened.header.count)
    except ContractError as error:
        raise ReplaceError(f"a piece from the hub does not open ({error}); give the command again") from error
    return raws


def _parted(body: bytes) -> list[bytes]:
    try:
        return handover.part(body)
    except ContractError as error:
        raise ReplaceError(f"the hub's answer is cut short ({error}); give the command again") from error


def _rows(identity: Identity, lane: LanePlan, seq: int, chain: bytes, raws: list[bytes]) -> tuple[list[Row], bytes]:
    rows: list[Row] = []
    for number, raw in enumerate(raws, seq + 1):
        chain = facts.link(chain, raw)
        try:
            fact = facts.decode(raw)
            n, fact_id, kind, at_ms = fact.n, bytes.fromhex(fact.id), fact.kind, fact.at_ms
        except (ContractError, ValueError):
            n, fact_id, kind, at_ms = _aside(lane, number), hashlib.sha256(raw).digest()[:16], "", 0
        rows.append((lane.epoch, lane.lane, number, n, fact_id, kind, at_ms, raw, chain, identity.seal_of(chain)))
    return rows, chain


def _aside(lane: LanePlan, seq: int) -> int:
    return facts.number_floor(lane.epoch) + ASIDE + 2 * seq + lane.lane


def _keep(tx: Tx, lane: LanePlan, rows: list[Row], head: tuple[int, bytes]) -> None:
    tx.execute("SAVEPOINT piece")
    try:
        held.insert(tx, rows)
    except IntegrityError:
        # Two of one store wrote under one epoch once (a cloned disk): the later number goes aside, and `verify` says so.
        tx.execute("ROLLBACK TO piece")
        for row in rows:
            epoch, number, seq, n, fact_id, *rest = row
            n_taken, id_taken = held.taken(tx, n, fact_id)
            row_n = _aside(lane, seq) if n_taken else n
            row_id = hashlib.sha256(rest[2]).digest()[:16] if id_taken else fact_id
            held.insert(tx, [(epoch, number, seq, row_n, row_id, *rest)])
    tx.execute("RELEASE piece")
    held.move_head(tx, (lane.epoch, lane.lane), *head)


def _build(heir: Heir, plan: Plan, tell: Tell) -> None:
    after = plan.built_n
    with heir.db.read() as reader:
        waiting = held.count_unbuilt(reader, plan.epoch, after)
    done = 0
    tables = _Tables(heir)
    while done < waiting:
        with heir.db.read() as reader:
            rows = held.unbuilt(reader, plan.epoch, after, BUILD_FACTS)
        after = rows[-1][0]
        heir.db.write(lambda tx, rows=rows, after=after: tables.build(tx, rows, after))  # type: ignore[misc]
        done += len(rows)
        tell("tables", done, waiting)


class _Tables:
    """Builds what the facts of a handover say; remembers the sale in hand until its invite comes."""

    def __init__(self, heir: Heir) -> None:
        self._heir = heir
        self._sale: tuple[Fact, SalePaid] | None = None

    def build(self, tx: Tx, rows: list[tuple[int, bytes]], after: int) -> None:
        """Project facts in the order of their numbers; what this version does not know stays a fact and waits for a newer one."""
        clock, menu, day = journal.counter(tx, "hlc"), 0, journal.last_day(tx)
        for _, raw in rows:
            try:
                fact = facts.decode(raw)
                clock = max(clock, int(fact.hlc))
                # Before it is read as a whole: what this version does not know may name a menu too.
                menu = max(menu, fact.versions.get("menu", 0), _menu_of(fact))
                projections.project(tx, fact)
                if fact.lane == 0:
                    self._answer(tx, fact)
                day = epoch_day(fact.day)
            except (ContractError, ValueError):
                continue
        self._without_invite(tx)
        journal.set_counter(tx, "hlc", clock)
        journal.set_counter(tx, journal.DAY, day)
        menus.note_named(tx, menu)
        held.built(tx, self._heir.grant.epoch, after)

    def _answer(self, tx: Tx, fact: Fact) -> None:
        """Keep what the till was told of a sale, so that lists, copies and repeats find it."""
        body = kinds.read(fact)
        if isinstance(body, SalePaid):
            self._without_invite(tx)
            self._sale = (fact, body)
        elif isinstance(body, InviteIssued):
            if self._sale is not None and self._sale[1].sale_id == body.sale_id:
                self._store(tx, self._sale, body)
                self._sale = None
            elif (sale := _sale_of(tx, body.sale_id)) is not None:
                # The sale came with the transaction before.
                sales.replace_answer(tx, body.sale_id, _answer_of(self._heir.grant, *sale, body))
        elif isinstance(body, PointsEarned | PointsSpent) and body.ref.startswith(_SALE):
            _with_points(tx, body.ref, fact.day)

    def _without_invite(self, tx: Tx) -> None:
        """Keep the answer of a sale whose invite has not come, and may never have got to the hub."""
        if self._sale is not None:
            self._store(tx, self._sale, None)
            self._sale = None

    def _store(self, tx: Tx, sale: tuple[Fact, SalePaid], invite: InviteIssued | None) -> None:
        fact, body = sale
        answer = _answer_of(self._heir.grant, fact, body, invite)
        sales.store_answer(tx, body.sale_id, b"", answer, fact.at_ms)


def _with_points(tx: Tx, ref: str, day: str) -> None:
    """Put what a bill did to points into its answer; what the member had then nobody can say any more."""
    stored = sales.stored_answer(tx, ref.removeprefix(_SALE))
    if stored is not None:
        said = points.by_facts(tx, ref, day)
        told = msgspec.structs.replace(read_answer(stored.answer), points=said)
        sales.replace_answer(tx, told.sale_id, msgspec.json.encode(told))


def _menu_of(fact: Fact) -> int:
    """Give the version of a menu that came into force with a fact; 0 for any other fact."""
    body = kinds.read(fact) if fact.kind == operations.MENU_IMPORTED else None
    return body.version if isinstance(body, MenuImported) else 0


def _sale_of(tx: Tx, sale_id: str) -> tuple[Fact, SalePaid] | None:
    row = sales.by_id(tx, sale_id)
    if row is None:
        return None
    fact = facts.decode(journal.fact_of_sale(tx, row.epoch, row.seq))
    sale = kinds.read(fact)
    return (fact, sale) if isinstance(sale, SalePaid) else None


def _answer_of(grant: Enrolment, fact: Fact, sale: SalePaid, invite: InviteIssued | None) -> bytes:
    link = InviteAnswer("", "", "", "")
    if invite is not None:
        link = InviteAnswer(invite.code, codes.url(grant.public_url, invite.code), invite.short, invite.expires_day)
    return msgspec.json.encode(answer_of(sale, (fact.store, fact.day, fact.at_ms, fact.n), link))
