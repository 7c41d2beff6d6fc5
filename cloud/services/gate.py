"""The hub's gate: says of a message who sent it and what it says, or under which reason it is turned away.

It reads the keys, and writes only which generation of link keys a store announced. What passes was signed by the key that the hub enrolled for this very store and
epoch, and sealed for this hub.
"""

from collections import OrderedDict
from dataclasses import dataclass

from cloud.db import stores
from cloud.db.engine import Reader, Tx
from cloud.db.stores import GenerationRow, KeyRow
from cloud.db.streams import head_of
from sync.contract import envelope, facts, limits, topics
from sync.contract.envelope import Header, MessageKind
from sync.contract.facts import ContractError
from sync.contract.messages import STORES_STREAM
from sync.node import keys, sealing
from sync.node.ports import Chance

EPOCH_MAX = 2**31 - 1
SEQ_MAX = 2**53
"""Beyond it a number is no count any more; below it every database and every browser holds it."""
CHAIN_BYTES = 32
SCHEMA_MIN = 1
ENDS_HELD_MAX = 512
"""Keys kept ready in memory; more stores than this only cost a derivation now and then."""

_KIND_OF_TOPIC = {
    "hi": MessageKind.HELLO,
    "u": MessageKind.FACTS,
    "hb": MessageKind.HEARTBEAT,
    "get": MessageKind.PULL,
    "rq": MessageKind.QUESTION,
}
_LANES = {str(lane.value): lane.value for lane in facts.Lane}


@dataclass(frozen=True)
class End:
    """The hub's end of the link to one (store, epoch): opens what comes, seals what goes."""

    key: KeyRow
    opener: sealing.Opener
    sealer: sealing.Sealer


@dataclass(frozen=True)
class Arrival:
    """A message that passed the gate."""

    store: str
    epoch: int
    header: Header
    plain: bytes
    end: End


@dataclass(frozen=True)
class Goodbye:
    """The broker says that a store's connection is gone: a hint for the screen, never more."""

    store: str


@dataclass(frozen=True)
class Turned:
    """A message that was turned away; `store` is empty where the topic names none that is known."""

    reason: str
    store: str


@dataclass(frozen=True)
class Stale:
    """A sign of life under a key that was revoked: its session is over, and only its next HELLO can be told why."""

    store: str
    epoch: int
    end: End


class Gate:
    """Holds the keys of stores ready. Used by one thread."""

    def __init__(self, identity: keys.Identity, tenant: str, chance: Chance) -> None:
        self._identity = identity
        self._tenant = tenant
        self._chance = chance
        self._ends: OrderedDict[tuple[str, int, int], End] = OrderedDict()
        self._generations: dict[tuple[str, int], tuple[int, int]] = {}
        self._announced: dict[tuple[str, int], tuple[int, int]] = {}
        self._stores: set[str] = set()
        self._version = -1

    def refresh(self, reader: Reader) -> None:
        """Forget what was held ready when a key was added or revoked since: both are steps of the `stores` stream."""
        head = head_of(reader, STORES_STREAM)
        version = 0 if head is None else head.version
        if version != self._version:
            self._ends.clear()
            self._generations.clear()
            self._stores = {row.store for row in stores.all_stores(reader)}
            self._version = version

    def keep_announced(self, tx: Tx, now_ms: int) -> None:
        """Write down which link keys stores announced since; called in the transaction that answers their HELLO."""
        for (store, epoch), (current, previous) in self._announced.items():
            held = stores.generation_of(tx, store, epoch)
            if held is None or held.generation < current:
                stores.put_generation(tx, GenerationRow(store, epoch, current, previous, now_ms))
        self._announced.clear()

    def judge(self, reader: Reader, topic: str, payload: bytes) -> Arrival | Goodbye | Stale | Turned:
        """Judge one message; nothing that a message can hold makes this raise."""
        up = topics.parse_up(topic)
        if up is None:
            return Turned("bad_topic", "")
        if up.tenant != self._tenant:
            return Turned("foreign", "")
        if up.store not in self._stores:
            return Turned("unknown_store", "")
        lane = _lane_of(topic, up.kind)
        if lane is None:
            return Turned("bad_topic", up.store)
        if up.kind == "st":
            return Goodbye(up.store)
        try:
            return self._open(reader, up, lane, payload)
        except ContractError as error:
            return Turned(str(error), up.store)

    def _open(self, reader: Reader, up: topics.UpTopic, lane: int, payload: bytes) -> Arrival | Stale:
        opened = envelope.take_apart(payload)
        header = opened.header
        if header.store != up.store or header.tenant != self._tenant:
            raise ContractError("foreign")
        _check_header(header, up.kind, lane)
        key_id, generation = sealing.read_key_name(header.key_id)
        place = header.store, header.epoch
        if not self._may_use(reader, place, generation, greets=header.kind is MessageKind.HELLO):
            raise ContractError("unknown_key")
        end = self._end(reader, header.store, header.epoch, generation)
        if end is None or key_id != end.key.key_id:
            raise ContractError("unknown_key")
        plain = end.opener.open(opened)
        current, _ = self._generations[place]
        if header.kind is MessageKind.HELLO and generation > current:
            # Signed by the identity key, like every message: from here on it is the one in use.
            self._generations[place] = self._announced[place] = generation, current
        # A revoked node may still ask and be told so; nothing else of it is taken (protocol §5.11).
        if end.key.revoked_ms is not None and header.kind is MessageKind.HEARTBEAT:
            return Stale(header.store, header.epoch, end)
        if end.key.revoked_ms is not None and header.kind is not MessageKind.HELLO:
            raise ContractError("revoked")
        return Arrival(header.store, header.epoch, header, plain, end)

    def _may_use(self, reader: Reader, place: tuple[str, int], generation: int, *, greets: bool) -> bool:
        """Say whether a message may come under these link keys.

        A HELLO may announce newer ones; anything else comes under those in use or, for what was under way, the ones before.
        """
        known = self._generations.get(place)
        if known is None or generation not in known:
            # Another worker may have heard the HELLO: what stands in the database decides.
            known = self._generations[place] = self._read_generation(reader, place)
        return generation in known or (greets and generation > known[0])

    def _read_generation(self, reader: Reader, place: tuple[str, int]) -> tuple[int, int]:
        if place in self._announced:
            return self._announced[place]
        row = stores.generation_of(reader, *place)
        return (0, 0) if row is None else (row.generation, row.previous)

    def _end(self, reader: Reader, store: str, epoch: int, generation: int) -> End | None:
        held = self._ends.get((store, epoch, generation))
        if held is not None:
            self._ends.move_to_end((store, epoch, generation))
            return held
        key = stores.key_of(reader, store, epoch)
        if key is None:
            return None
        link = sealing.link_keys(
            self._identity,
            key.agreement_public,
            tenant=self._tenant,
            store=store,
            epoch=epoch,
            generation=generation,
        )
        party = sealing.Party(tenant=self._tenant, store=store, node=key.node, epoch=epoch)
        made = End(
            key,
            sealing.Opener(key.signing_public, link.up, party, generation=generation),
            sealing.Sealer(self._identity, link.down, party, self._chance, generation=generation),
        )
        self._ends[store, epoch, generation] = made
        if len(self._ends) > ENDS_HELD_MAX:
            self._ends.popitem(last=False)
        return made


def _lane_of(topic: str, kind: str) -> int | None:
    """Give the lane that a topic names, 0 for topics without one, None for a topic of no form of ours."""
    tail = topic.split("/")[5:]
    if kind == "u":
        return _LANES.get(tail[0]) if tail else None
    return None if tail else 0


def _check_header(header: Header, topic_kind: str, lane: int) -> None:
    if header.kind is not _KIND_OF_TOPIC[topic_kind]:
        raise ContractError("misplaced")
    if not 1 <= header.epoch <= EPOCH_MAX:
        raise ContractError("unknown_key")
    if header.kind is not MessageKind.FACTS:
        return
    if header.lane != lane:
        raise ContractError("misplaced")
    sound = (
        1 <= header.first_seq <= SEQ_MAX
        and 1 <= header.count <= limits.BATCH_FACTS_MAX
        and len(header.chain_before) == CHAIN_BYTES
        and len(header.chain_after) == CHAIN_BYTES
    )
    if not sound:
        raise ContractError("bad_place")
