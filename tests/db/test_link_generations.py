"""Link keys are changed inside an epoch (ux-security §12, number 27): announced in HELLO, the old ones still taken for a while."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cloud.db.stores import generation_of
from sync.contract import envelope
from sync.contract.envelope import MessageKind
from sync.contract.facts import ContractError
from sync.contract.messages import Ack, Reject, Welcome
from sync.node import generations, keys, sealing
from sync.node.generations import AGE_MAX_MS, RESERVED_AT_ONCE, Ring
from sync.node.ports import ManualClock, SeededChance, SystemChance
from tests.kit.hub_store import TENANT, HubKit, StoreKit

HUB = keys.make_identity(b"the hub" * 4)


@pytest.fixture
def hub(tmp_path, hub_database):
    return HubKit(hub_database, tmp_path)


def ring_of(store: StoreKit, folder: Path | None, **limits) -> Ring:
    party = sealing.Party(TENANT, store.store, "node-1", store.epoch)
    hub = store.hub
    return Ring(
        store.identity, hub.identity.public, party, folder, clock=hub.clock, chance=SeededChance("ring"), **limits
    )


def turning(hub: HubKit, folder: Path, **limits) -> tuple[StoreKit, Ring]:
    """A store whose link keys have generations."""
    store = hub.enrolled()
    ring = ring_of(store, folder, **limits)
    store.sealer, store.opener = ring.sealer, ring.opener
    return store, ring


def held(hub: HubKit, epoch: int = 1) -> tuple[int, int] | None:
    with hub.database.read() as reader:
        row = generation_of(reader, "s1", epoch)
    return None if row is None else (row.generation, row.previous)


# -------------------------------------------------------------------------------------------------------- at the store


def test_each_generation_direction_and_epoch_has_a_key_of_its_own():
    node = keys.make_identity(b"node" * 8)
    seen = set()
    for epoch in (1, 2):
        for generation in (0, 1, 2):
            link = sealing.link_keys(
                node, HUB.public.agreement, tenant=TENANT, store="s1", epoch=epoch, generation=generation
            )
            seen |= {link.up, link.down}
    assert len(seen) == 12


def test_a_generation_is_over_by_age_or_by_count_and_only_a_hello_begins_the_next(hub, tmp_path):
    store, ring = turning(hub, tmp_path, messages_max=3)
    first = ring.generation
    store.hello()
    for _ in range(5):
        store.sealer.seal(MessageKind.PULL, b"x")
    assert (ring.due, ring.generation) == (True, first)
    store.hello()
    assert (ring.due, ring.generation) == (False, first + 1)
    _, slow = turning(hub, tmp_path / "slow")
    assert not slow.due
    hub.clock.advance(AGE_MAX_MS - 1)
    assert not slow.due
    hub.clock.advance(1)
    assert slow.due


def test_the_number_outlives_restarts_and_a_lost_or_damaged_file_never_gives_an_old_one(hub, tmp_path):
    store, ring = turning(hub, tmp_path, messages_max=1)
    for _ in range(3):
        store.hello()
    reached = ring.generation
    assert ring_of(store, tmp_path).generation == reached
    hub.clock.advance(8 * 3_600_000)
    (tmp_path / "link-keys-1.json").write_bytes(b"\xff damaged")
    assert ring_of(store, tmp_path).generation > reached
    (tmp_path / "link-keys-1.json").unlink()
    hub.clock.advance(3_600_000)
    assert ring_of(store, tmp_path).generation > reached + 1
    hub.clock.step_wall(-400 * 86_400_000)
    back = ring_of(store, tmp_path, messages_max=1)
    before = back.generation
    assert back.turn() == before + 1, "a clock that went back takes no number back"


def test_messages_are_counted_ahead_so_that_a_crash_forgets_none(hub, tmp_path):
    store, ring = turning(hub, tmp_path, messages_max=RESERVED_AT_ONCE)
    store.hello()
    assert not ring.due
    again = ring_of(store, tmp_path, messages_max=RESERVED_AT_ONCE)
    assert again.due, "what was reserved counts as used"


# ---------------------------------------------------------------------------------------------------------- at the hub


def test_the_hub_takes_the_announced_keys_and_for_a_while_the_ones_before(hub, tmp_path):
    store, ring = turning(hub, tmp_path, messages_max=2)
    store.sell()
    (welcome,) = store.send(store.hello())
    assert isinstance(welcome, Welcome)
    first = ring.generation
    assert held(hub) == (first, 0)
    in_flight = store.batch(1, 2)
    store.sell()
    (welcome,) = store.send(store.hello())
    assert (isinstance(welcome, Welcome), ring.generation, held(hub)) == (True, first + 1, (first + 1, first))
    (ack,) = store.send(in_flight)
    assert isinstance(ack, Ack)
    assert ack.seq == 2, "what was under way under the old keys is taken, and answered so that the store can read it"
    (ack,) = store.send(store.batch(3, 4))
    assert isinstance(ack, Ack)
    assert ack.seq == 4
    assert hub.refused() == {}


def test_keys_that_no_hello_announced_and_those_before_the_last_are_refused(hub, tmp_path):
    store, ring = turning(hub, tmp_path, messages_max=1)
    store.sell()
    assert store.send(store.batch(1, 2)) == [], "nothing was announced yet"
    assert hub.refused() == {"unknown_key": 1}
    store.send(store.hello())
    old = store.batch(1, 2)
    for _ in range(2):
        store.send(store.hello())
    assert held(hub) == (ring.generation, ring.generation - 1)
    assert store.send(old) == []
    assert hub.refused() == {"unknown_key": 2}
    assert hub.fact_count() == 0


def test_a_greeting_under_older_keys_is_refused_and_a_restarted_hub_remembers(hub, tmp_path):
    store, _ = turning(hub, tmp_path, messages_max=1)
    replayed = store.hello()
    store.send(replayed)
    for _ in range(2):
        store.send(store.hello())
    now = held(hub)
    hub.restart()
    assert store.send(replayed) == [], "an old HELLO cannot bring old keys back"
    assert held(hub) == now
    store.sell()
    (ack,) = store.send(store.batch(1, 2))
    assert isinstance(ack, Ack)
    assert ack.seq == 2


def test_keys_are_changed_in_the_middle_of_a_catch_up_and_no_fact_is_lost_or_doubled(hub, tmp_path):
    store, ring = turning(hub, tmp_path, messages_max=5)
    for _ in range(40):
        store.sell()
    first, total = ring.generation, len(store.lanes[0])
    store.send(store.hello())
    acked = 0
    while acked < total:
        if ring.due:
            store.send(store.hello())
        (ack,) = store.send(store.batch(acked + 1, min(acked + 4, total)))
        assert isinstance(ack, Ack)
        acked = ack.seq
    assert hub.fact_count() == total
    assert ring.generation >= first + 3
    assert hub.refused() == {}


def test_a_revocation_under_load_is_felt_by_the_next_batch_and_at_the_next_hello(hub, tmp_path):
    store, _ = turning(hub, tmp_path)
    for _ in range(10):
        store.sell()
    store.send(store.hello())
    store.send(store.batch(1, 10))
    hub.enrolment.revoke("s1", 1)
    assert store.send(store.batch(11, 20)) == []
    assert hub.fact_count() == 10
    assert hub.refused() == {"revoked": 1}
    (reject,) = store.send(store.hello())
    assert isinstance(reject, Reject)
    assert reject.reason == "revoked"


def test_what_the_hub_once_signed_is_read_under_any_generation(hub, tmp_path):
    store, ring = turning(hub, tmp_path, messages_max=1)
    store.sell()
    wires = [reply[1] for _ in range(3) for reply in hub.ingest.receive([store.hello()])]
    opener = generations.proof_opener(store.identity, hub.identity.public, ring.party)
    for wire in wires:
        assert opener.open(envelope.take_apart(wire))
    with pytest.raises(ContractError, match="unknown_key"):
        ring.opener.open(envelope.take_apart(wires[0]))


@pytest.mark.parametrize("name", [b"", b"short", b"k" * 9, b"k" * 11, b"k" * 13, b"k" * 8 + bytes(4)])
def test_a_key_name_of_another_form_names_no_key(name):
    with pytest.raises(ContractError, match="unknown_key"):
        sealing.read_key_name(name)


# ------------------------------------------------------------------------------------------------------------- nonces


@dataclass
class RepeatedNonces:
    """Notes under which key each nonce was used, and how often one was used twice."""

    seen: set[tuple[bytes, int, bytes]] = field(default_factory=set)
    repeated: int = 0

    def look(self, wire: bytes) -> None:
        header = envelope.take_apart(wire).header
        used = header.key_id, header.epoch, header.nonce
        self.repeated += used in self.seen
        self.seen.add(used)


class CountingChance(SystemChance):
    """The defect: a nonce that counts from 0 after each start."""

    def __init__(self):
        super().__init__()
        self._count = 0

    def token(self, size: int) -> bytes:
        self._count += 1
        return self._count.to_bytes(size, "big")


@pytest.mark.parametrize(("chance", "repeats"), [(SystemChance, False), (CountingChance, True)])
def test_no_nonce_is_used_twice_under_one_key_across_restarts_and_changes(tmp_path, chance, repeats):
    node, clock, detector = keys.make_identity(b"node" * 8), ManualClock(), RepeatedNonces()
    sealed = 0
    for epoch in (1, 2):
        for _ in range(4):  # restarts
            party = sealing.Party(TENANT, "s1", "node-1", epoch)
            ring = Ring(node, HUB.public, party, tmp_path, clock=clock, chance=chance(), messages_max=10**9)
            for number in range(500):
                clock.advance(AGE_MAX_MS // 1_000)
                kind = MessageKind.HELLO if number % 50 == 0 else MessageKind.PULL
                detector.look(ring.sealer.seal(kind, b"x"))
                sealed += 1
    assert (detector.repeated > 0) is repeats
    assert sealed == 4_000
