"""The hub's ingest on a real SQLite file: what it stores, what it answers, what it turns away."""

import os

import msgspec
import pytest
import zstandard

from cloud.db import journal
from cloud.services.bunch import LeaseLost
from cloud.services.ingest import Ingest
from cloud.services.session import PARTED_MS
from sync.contract import envelope, facts, limits, topics, trade
from sync.contract.envelope import MessageKind
from sync.contract.messages import Ack, Answer, Heartbeat, LaneHead, Pull, Question, Reject, StreamBatch, Welcome
from sync.engine.admission import LAPSE_MS, NEXT_MS
from sync.engine.receiver import Rules
from sync.node import certificates, keys, sealing
from sync.node.disk import Room
from tests.kit.hub_store import TENANT, HubKit, StoreKit


@pytest.fixture
def hub(tmp_path, hub_database):
    return HubKit(hub_database, tmp_path)


@pytest.fixture
def store(hub):
    return hub.enrolled()


def unruly(hub, **off):
    """The same hub with a guard switched off."""
    hub.rules = Rules(**off)
    hub.restart()


def test_a_hello_is_welcomed_with_what_the_hub_holds(hub, store):
    (welcome,) = store.send(store.hello())
    assert isinstance(welcome, Welcome)
    assert welcome.nonce == store.session
    assert {lane: held.seq for lane, held in welcome.lanes.items()} == {0: 0, 1: 0}
    assert welcome.lanes[0].chain == facts.genesis("s1", 1, 0)
    assert welcome.streams == {"stores": 1}


def test_a_batch_is_stored_and_acknowledged_up_to_its_end(hub, store):
    store.send(store.hello())
    store.sell()
    store.sell()
    (ack,) = store.send(store.batch(1, 4))
    assert isinstance(ack, Ack)
    assert (ack.lane, ack.seq, ack.gap, ack.session, ack.chain) == (0, 4, None, store.session, store.chain(4))
    assert hub.fact_count() == 4


def test_the_bytes_of_facts_are_kept_as_they_came(hub, store):
    store.sell()
    store.send(store.batch(1, 2))
    with hub.database.read() as reader:
        kept = [row[0] for row in reader.connection.exec_driver_sql("SELECT raw FROM facts ORDER BY seq")]
    assert kept == store.lanes[0]


def test_an_ack_without_a_session_says_so(hub, store):
    store.send(store.hello())
    hub.restart()
    store.sell()
    (ack,) = store.send(store.batch(1, 2))
    assert (ack.seq, ack.session) == (2, b"")


def test_a_replayed_batch_is_acknowledged_again_counted_and_stored_once(hub, store):
    store.sell()
    wire = store.batch(1, 2)
    store.send(wire)
    (again,) = store.send(wire)
    assert (again.seq, again.gap) == (2, None)
    assert hub.fact_count() == 2
    assert hub.refused() == {"replayed": 1}
    assert hub.reports.quarantine().total == 0, "it is harmless"


def test_with_dedupe_off_a_replayed_batch_is_taken_for_another_history(hub, store):
    unruly(hub, dedupe=False)
    store.sell()
    wire = store.batch(1, 2)
    store.send(wire)
    assert store.send(wire) == []
    assert hub.refused() == {"fork": 1}


def test_a_batch_that_overlaps_adds_only_what_is_new(hub, store):
    store.sell()
    store.sell()
    store.send(store.batch(1, 3))
    (ack,) = store.send(store.batch(2, 4))
    assert ack.seq == 4
    assert hub.fact_count() == 4


def test_a_gap_is_named_and_nothing_behind_it_is_stored(hub, store):
    store.sell()
    store.sell()
    (ack,) = store.send(store.batch(3, 4))
    assert (ack.seq, ack.gap) == (0, 1)
    assert hub.fact_count() == 0


def test_with_contiguity_off_a_gap_is_not_asked_for(hub, store):
    unruly(hub, contiguous=False)
    store.sell()
    store.sell()
    assert store.send(store.batch(3, 4)) == []


def test_batches_of_one_bunch_are_taken_in_the_order_of_their_seqs(hub, store):
    store.sell()
    store.sell()
    (ack,) = store.send(store.batch(3, 4), store.batch(1, 2))
    assert (ack.seq, ack.gap) == (4, None)


def test_lanes_stand_apart(hub, store):
    sale = store.sell()
    store.printed(sale.sale_id)
    acks = store.send(*store.everything())
    assert sorted((ack.lane, ack.seq) for ack in acks) == [(0, 2), (1, 1)]


class TornAway(Exception):
    """The process dies here."""


def test_no_ack_leaves_before_the_commit(hub, store):
    store.sell()
    told = []

    def die(replies):
        told.extend(replies)
        raise TornAway

    assert len(hub.ingest.receive([store.batch(1, 2)], die)) == 1
    assert told == [], "with the guard on nothing is told early"


def test_with_ack_after_commit_off_an_ack_can_be_told_for_what_is_lost(hub, store):
    unruly(hub, ack_after_commit=False)
    store.sell()
    told = []

    def die(replies):
        told.extend(replies)
        raise TornAway

    with pytest.raises(TornAway):
        hub.ingest.receive([store.batch(1, 2)], die)
    assert [ack.seq for ack in store.read(told)] == [2]
    assert hub.fact_count() == 0


# ---------------------------------------------------------------------------------------------------------- refused


def reason_for(hub, *arrived):
    assert hub.ingest.receive(list(arrived)) == [], "a refused message gets no answer"
    assert hub.fact_count() == 0
    return hub.refused()


def test_garbage_is_counted(hub, store):
    assert reason_for(hub, (store.topics.facts(0), b"\x00" * 100)) == {"garbage": 1}


def test_an_empty_message_is_counted(hub, store):
    assert reason_for(hub, (store.topics.hello, b"")) == {"garbage": 1}


@pytest.mark.parametrize("cut", [7, 70, -1])
def test_a_truncated_batch_is_refused(hub, store, cut):
    store.sell()
    topic, wire = store.batch(1, 2)
    (reason,) = reason_for(hub, (topic, wire[:cut]))
    assert reason in {"truncated", "garbage", "bad_header", "bad_signature"}


def test_every_flipped_byte_is_refused(hub, store):
    store.sell()
    topic, wire = store.batch(1, 2)
    spoiled = [(topic, wire[:at] + bytes([wire[at] ^ 0x40]) + wire[at + 1 :]) for at in range(0, len(wire), 7)]
    refused = reason_for(hub, *spoiled)
    assert sum(refused.values()) == len(spoiled)


def test_an_oversized_message_is_refused(hub, store):
    assert reason_for(hub, (store.topics.facts(0), b"x" * (limits.WIRE_BYTES_MAX + 1))) == {"oversized": 1}


def test_a_batch_signed_by_another_key_is_refused(hub, store):
    impostor = StoreKit(hub, "s1", 1, keys.make_identity(b"impostor" * 4))
    impostor.sell()
    assert reason_for(hub, impostor.batch(1, 2)) == {"unknown_key": 1}


def test_a_batch_with_a_signature_of_another_batch_is_refused(hub, store):
    store.sell()
    topic, wire = store.batch(1, 2)
    _, other = store.batch(1, 1)
    assert reason_for(hub, (topic, wire[:-64] + other[-64:])) == {"bad_signature": 1}


def test_a_batch_sealed_for_another_epoch_key_is_refused(hub, store):
    party = sealing.Party(TENANT, "s1", "node-1", 1)
    wrong = sealing.Sealer(store.identity, b"k" * 32, party, store.chance)
    store.sell()
    wire = wrong.seal(
        MessageKind.FACTS, envelope.frame_facts(store.lanes[0]), first_seq=1, count=2,
        chain_before=store.chain(0), chain_after=store.chain(2),
    )  # fmt: skip
    assert reason_for(hub, (store.topics.facts(0), wire)) == {"bad_seal": 1}


def test_a_message_on_another_stores_topic_is_foreign(hub, store):
    other = hub.enrolled("s2", b"two")
    store.sell()
    _, wire = store.batch(1, 2)
    assert reason_for(hub, (other.topics.facts(0), wire)) == {"foreign": 1}


def test_a_topic_of_a_store_nobody_knows_is_counted_under_no_name(hub, store):
    nobody = StoreKit(hub, "nobody", 1, keys.make_identity(b"nobody00" * 4))
    nobody.sell()
    assert reason_for(hub, nobody.batch(1, 2)) == {"unknown_store": 1}
    assert [row.store for row in hub.reports.quarantine().reasons] == [""]


@pytest.mark.parametrize(
    "topic", ["", "a/b", "rs1/0/zhanggui/s1/u/0", "rs1/{p}/zhanggui/s1/u/9", "rs1/{p}/zhanggui/s1/hi/0"]
)
def test_a_topic_of_no_form_of_ours_is_refused(hub, store, topic):
    partition = store.topics.prefix.split("/")[1]
    assert reason_for(hub, (topic.replace("{p}", partition), b"x")) == {"bad_topic": 1}


def test_another_tenants_topic_is_foreign(hub, store):
    topic = store.topics.facts(0).replace("zhanggui", "other")
    assert reason_for(hub, (topic, b"x")) == {"foreign": 1}


def test_a_zip_bomb_is_refused_unread(hub, store):
    bomb = b"\x00" * (limits.BODY_PLAIN_BYTES_MAX + 1)
    assert len(zstandard.compress(bomb)) < 10_000
    wire = store.batch(1, 0, plain=bomb, count=1)
    assert reason_for(hub, wire) == {"zip_bomb": 1}


def test_a_batch_of_one_lane_on_the_others_topic_is_misplaced(hub, store):
    store.sell()
    _, wire = store.batch(1, 2)
    assert reason_for(hub, (store.topics.facts(1), wire)) == {"misplaced": 1}


def test_a_greeting_on_the_topic_of_facts_is_misplaced(hub, store):
    _, wire = store.hello()
    assert reason_for(hub, (store.topics.facts(0), wire)) == {"misplaced": 1}


@pytest.mark.parametrize(
    "claims",
    [
        {"first_seq": 0},
        {"first_seq": 2**63},
        {"count": 0},
        {"count": 251},
        {"chain_before": b""},
        {"chain_after": b"x"},
    ],
)
def test_a_header_that_names_no_place_is_refused(hub, store, claims):
    store.sell()
    assert reason_for(hub, store.batch(1, 2, **claims)) == {"bad_place": 1}


def test_a_header_that_counts_other_facts_is_refused(hub, store):
    store.sell()
    assert reason_for(hub, store.batch(1, 2, count=3)) == {"bad_count": 1}


def test_a_body_whose_lengths_do_not_fit_is_refused(hub, store):
    store.sell()
    plain = envelope.frame_facts(store.lanes[0])[:-1]
    assert reason_for(hub, store.batch(1, 2, plain=plain)) == {"bad_length": 1}


def test_a_batch_that_contradicts_its_own_chain_is_refused(hub, store):
    store.sell()
    assert reason_for(hub, store.batch(1, 2, chain_after=b"\x01" * 32)) == {"bad_chain": 1}


def test_one_bad_message_does_not_hold_up_the_others(hub, store):
    store.sell()
    acks = store.send((store.topics.facts(0), b"junk"), store.batch(1, 2), ("no/topic", b""))
    assert [ack.seq for ack in acks] == [2]
    assert hub.refused() == {"garbage": 1, "bad_topic": 1}


# ------------------------------------------------------------------------------------------------------------- fork


def forked(hub, store) -> StoreKit:
    """A clone of the node that went its own way after the second fact."""
    clone = StoreKit(hub, store.store, store.epoch, store.identity)
    clone.lanes = {lane: list(raws) for lane, raws in store.lanes.items()}
    clone.sold = store.sold
    hub.clock.advance(5)
    return clone


def test_another_history_is_a_fork_and_stops_the_lane(hub, store):
    store.send(store.hello())
    store.sell()
    clone = forked(hub, store)
    store.sell()
    clone.sell(amount_fen=100)
    clone.sell(amount_fen=100)
    store.send(store.batch(1, 4))
    (answer,) = clone.send(clone.batch(3, 6))
    assert isinstance(answer, Reject)
    assert answer.reason == "fork"
    assert hub.fact_count() == 4
    assert not hub.reports.stores()[0].chain_ok
    assert hub.reports.stores()[0].fork_seq == 4
    store.sell()
    assert store.send(store.batch(5, 6)) == [], "nobody knows which of the two is right: a person decides"
    (again,) = store.send(store.hello())
    assert again.reason == "fork"


def test_a_greeting_shows_a_fork(hub, store):
    store.sell()
    clone = forked(hub, store)
    store.sell()
    clone.sell(amount_fen=100)
    store.send(store.batch(1, 4))
    (answer,) = clone.send(clone.hello())
    assert answer.reason == "fork"


def test_a_rolled_back_node_must_get_a_new_epoch(hub, store):
    store.sell()
    store.sell()
    store.send(store.batch(1, 4))
    del store.lanes[0][2:]
    (answer,) = store.send(store.hello())
    assert isinstance(answer, Reject)
    assert (answer.reason, answer.nonce) == ("rewind", store.session)


def test_a_hub_that_lost_its_tail_asks_for_it_again(hub, store):
    store.sell()
    store.send(store.batch(1, 2))
    store.sell()
    head = {0: LaneHead(head_seq=4, head_chain=store.chain(4), acked_seq=4, acked_chain=store.chain(4), oldest_seq=1)}
    (welcome,) = store.send(store.hello(lanes=head))
    assert welcome.lanes[0].seq == 2


# ------------------------------------------------------------------------------------------------- epochs and keys


def replaced(hub, store) -> StoreKit:
    """The computer that took the store's place."""
    new: StoreKit = hub.enrolled(store.store, b"new")
    assert new.epoch == store.epoch + 1
    return new


def test_an_old_epoch_is_fenced_but_its_facts_are_taken_and_marked_late(hub, store):
    store.sell()
    store.send(store.batch(1, 2))
    replaced(hub, store)
    store.sell()
    (welcome,) = store.send(store.hello())
    assert isinstance(welcome, Welcome)
    assert (welcome.fenced, welcome.streams, welcome.lanes[0].seq) == (True, {}, 2)
    (ack,) = store.send(store.batch(3, 4))
    assert (ack.seq, ack.session) == (4, store.session)
    assert hub.fact_count() == 4
    assert hub.reports.stores()[0].late == 2, "what came before the replacement is not late"
    hub.projector.catch_up()
    assert hub.reports.stores()[0].sales == 2, "late sales are sales"


def test_the_epoch_of_now_is_not_fenced_and_nothing_of_it_is_late(hub, store):
    new = replaced(hub, store)
    new.sell()
    (welcome,) = new.send(new.hello())
    assert (welcome.fenced, welcome.streams["stores"]) == (False, 2)
    new.send(new.batch(1, 2))
    assert hub.reports.stores()[0].late == 0


def test_an_epoch_that_was_replaced_gets_no_steps_and_no_answers(hub, store):
    replaced(hub, store)
    pull = store.control(store.topics.pull, MessageKind.PULL, Pull(stream="stores", after=0, limit=1))
    asked = store.control(store.topics.question, MessageKind.QUESTION, Question(id=b"q" * 16, name="x", body=b"{}"))
    assert store.send(pull, asked) == []
    assert hub.refused() == {"fenced": 2}
    assert hub.reports.quarantine().total == 0, "it asked before it heard: nobody need look"


def test_the_heartbeat_of_a_replaced_computer_says_nothing_about_the_store(hub, store):
    new = replaced(hub, store)
    beat = Heartbeat(wall_ms=1, waiting={0: 7}, oldest_waiting_ms=None, day="2026-09-21", day_sales=9, day_amount_fen=9)
    new.send(new.hello())
    new.send(new.control(new.topics.heartbeat, MessageKind.HEARTBEAT, msgspec.structs.replace(beat, waiting={})))
    (answered,) = store.send(store.control(store.topics.heartbeat, MessageKind.HEARTBEAT, beat))
    assert answered.seq == 0, "it is answered, so that it knows that we are there"
    assert hub.reports.stores()[0].waiting.trade == 0


def beat_of(store, waiting=0, wall_ms=PARTED_MS) -> tuple[str, bytes]:
    body = Heartbeat(
        wall_ms=wall_ms, waiting={0: waiting, 1: 0}, oldest_waiting_ms=None, day="", day_sales=0, day_amount_fen=0
    )
    sealed: tuple[str, bytes] = store.control(store.topics.heartbeat, MessageKind.HEARTBEAT, body)
    return sealed


def open_at_broker(hub) -> set[str]:
    return set(msgspec.json.decode((hub.folder / "broker-users.json").read_bytes()))


def test_a_replaced_computer_is_shut_out_of_the_broker_when_it_has_handed_everything_over(hub, store):
    store.sell()
    replaced(hub, store)
    store.send(store.hello(wall_ms=0))
    store.send(store.batch(1, 1))
    store.send(beat_of(store, waiting=1))
    assert open_at_broker(hub) == {"store-s1-1", "store-s1-2"}, "it has something left"
    store.send(store.batch(2, 2))
    store.send(beat_of(store, wall_ms=PARTED_MS - 1))
    assert open_at_broker(hub) == {"store-s1-1", "store-s1-2"}, "a slip may still be printing there"
    (ack,) = store.send(beat_of(store))
    assert open_at_broker(hub) == {"store-s1-2"}
    assert (ack.seq, ack.session) == (2, store.session), "it is answered all the same"
    assert certificates.revoked_serials(hub.authority.crl) == {hub.certificates("s1", 1)[0].serial}
    store.sell()
    (ack,) = store.send(store.batch(3, 4))
    assert ack.seq == 4, "its key counts as before, should the broker still know it"
    hub.users.put("store-s1-1", "back")
    store.send(beat_of(store))
    assert "store-s1-1" in open_at_broker(hub), "it is done once"


def test_the_computer_of_now_is_never_shut_out_however_little_it_has_to_say(hub, store):
    store.send(store.hello(wall_ms=0))
    store.send(beat_of(store))
    assert open_at_broker(hub) == {"store-s1-1"}


def test_a_computer_that_was_replaced_while_its_session_stood_is_made_to_greet_and_told(hub, store):
    store.send(store.hello(wall_ms=0))
    replaced(hub, store)
    (ack,) = store.send(beat_of(store))
    assert ack.session == b"", "it greets again"
    assert "store-s1-1" in open_at_broker(hub), "it may sell until it has heard"
    (welcome,) = store.send(store.hello(wall_ms=0))
    assert welcome.fenced
    (ack,) = store.send(beat_of(store, waiting=1))
    assert ack.session == store.session, "and is asked no second time"


def test_what_no_backup_holds_may_have_to_be_sent_again_so_its_computer_is_not_shut_out(hub, store):
    store.sell()
    replaced(hub, store)
    store.send(store.hello(wall_ms=0), store.batch(1, 2))
    with hub.database.write() as tx:
        journal.mark_durable(tx, [("s1", 1, 0, 1)])
    store.send(beat_of(store))
    assert "store-s1-1" in open_at_broker(hub)
    with hub.database.write() as tx:
        journal.mark_durable(tx, [("s1", 1, 0, 2)])
    store.send(beat_of(store))
    assert "store-s1-1" not in open_at_broker(hub)


def test_a_broker_file_that_cannot_be_written_holds_up_no_answer_and_is_tried_again(hub, store):
    asked = []

    def refuse(name, epoch):
        asked.append((name, epoch))
        raise OSError("read-only")

    replaced(hub, store)
    parts = {"clock": hub.clock, "chance": hub.chance}
    hub.ingest = Ingest(hub.database, hub.identity, tenant=TENANT, on_parted=refuse, **parts)
    store.send(store.hello(wall_ms=0))
    for _ in range(2):
        (ack,) = store.send(beat_of(store))
        assert ack.session == store.session
    assert asked == [("s1", 1)] * 2


def test_a_question_without_anybody_to_answer_it_is_unknown(hub, store):
    store.send(store.hello())
    asked = Question(id=b"q" * 16, name="nothing.like.it", body=b"{}")
    (answer,) = store.send(store.control(store.topics.question, MessageKind.QUESTION, asked))
    assert (answer.id, answer.verdict) == (b"q" * 16, "unknown_question")


def test_a_question_is_answered_in_the_transaction_by_whoever_was_put_there(hub, store):
    def answer(tx, store_id, epoch, question):
        tx.connection.exec_driver_sql("UPDATE stores SET name_en = 'asked'")
        return Answer(id=question.id, verdict="done", body=f"{store_id}/{epoch}".encode())

    hub.ingest = ingest_of(hub, questions=answer)
    asked = Question(id=b"q" * 16, name="x", body=b"{}")
    (said,) = store.send(store.control(store.topics.question, MessageKind.QUESTION, asked))
    assert (said.verdict, said.body) == ("done", b"s1/1")
    assert hub.reports.stores()[0].name.en == "asked"


def ingest_of(hub, **named) -> Ingest:
    return Ingest(hub.database, hub.identity, tenant=TENANT, clock=hub.clock, chance=hub.chance, **named)


def test_without_the_lease_a_bunch_is_neither_kept_nor_answered(hub, store):
    fenced_off = []

    def fence(tx, partitions):
        fenced_off.append(sorted(partitions))
        raise LeaseLost

    hub.ingest = ingest_of(hub, fence=fence)
    store.sell()
    assert store.send(store.hello(), store.batch(1, 2)) == []
    assert fenced_off == [[topics.partition("s1")]]
    assert hub.fact_count() == 0
    hub.ingest = ingest_of(hub, fence=lambda tx, partitions: None)
    assert [type(one).__name__ for one in store.send(store.hello(), store.batch(1, 2))] == ["Welcome", "Ack"]


# ------------------------------------------------------------------------------------------------- admission control


def backlog(store, waiting: int):
    beat = Heartbeat(wall_ms=1, waiting={0: waiting}, oldest_waiting_ms=1, day="", day_sales=0, day_amount_fen=0)
    return store.control(store.topics.heartbeat, MessageKind.HEARTBEAT, beat)


def test_a_store_with_a_backlog_waits_for_its_turn_and_a_live_one_never(hub, store):
    hub.ingest = ingest_of(hub, turns=1, credit=8)
    other, live = hub.enrolled("s2", b"two"), hub.enrolled("s3", b"3ee")
    for each in (store, other, live):
        each.send(each.hello())
    (first,) = store.send(backlog(store, 5_000))
    (second,) = other.send(backlog(other, 5_000))
    (third,) = live.send(backlog(live, 3))
    assert [ack.credit for ack in (first, second, third)] == [8, 0, 8]
    assert second.retry_after_ms == NEXT_MS
    assert hub.ingest.catching_up == (1, 1)
    (done,) = store.send(backlog(store, 0))
    (its_turn,) = other.send(backlog(other, 5_000))
    assert (done.credit, its_turn.credit, its_turn.retry_after_ms) == (8, 8, 0)


def test_a_wall_clock_that_is_set_back_makes_no_turn_last_longer(hub, store):
    hub.ingest = ingest_of(hub, turns=1, credit=8)
    other = hub.enrolled("s2", b"two")
    (first,) = store.send(backlog(store, 5_000))
    (waits,) = other.send(backlog(other, 5_000))
    hub.clock.step_wall(-365 * 86_400_000)
    hub.clock.advance(LAPSE_MS + 1)
    (its_turn,) = other.send(backlog(other, 5_000))
    assert [ack.credit for ack in (first, waits, its_turn)] == [8, 0, 8]


def test_a_store_that_sends_against_credit_0_is_taken_all_the_same(hub, store):
    hub.ingest = ingest_of(hub, turns=1)
    other = hub.enrolled("s2", b"two")
    store.send(backlog(store, 5_000))
    other.sell()
    other.send(backlog(other, 5_000))
    (ack,) = other.send(other.batch(1, 2))
    assert (ack.seq, ack.credit) == (2, 0), "credit is a courtesy; facts are facts"


# ---------------------------------------------------------------------------------------------------- a disk that is full


def test_at_a_full_disk_no_facts_are_taken_and_every_store_is_told_to_wait(hub, store):
    room = [Room.OK]
    hub.ingest = ingest_of(hub, room=lambda: room[0])
    store.send(store.hello())
    store.sell()
    store.sell()
    store.send(store.batch(1, 2))
    room[0] = Room.RED
    (ack,) = store.send(store.batch(3, 4))
    assert (ack.seq, ack.gap, ack.credit, ack.retry_after_ms) == (2, 3, 0, 5_000)
    assert hub.fact_count() == 2
    (beat,) = store.send(backlog(store, 2))
    assert (beat.seq, beat.credit) == (2, 0)
    assert hub.reports.stores()[0].waiting.trade == 2, "what replaces a row that stands is still written"
    (repeated,) = store.send(store.batch(1, 2))
    assert (repeated.seq, repeated.gap) == (2, None), "what is held is acknowledged all the same"
    room[0] = Room.OK
    (again,) = store.send(backlog(store, 2))
    assert (again.seq, again.credit, again.retry_after_ms) == (2, 8, 0)
    (taken,) = store.send(store.batch(3, 4))
    assert (taken.seq, taken.gap) == (4, None)
    assert hub.fact_count() == 4


def test_a_disk_that_is_only_low_stops_nothing(hub, store):
    hub.ingest = ingest_of(hub, room=lambda: Room.LOW)
    store.sell()
    (ack,) = store.send(store.batch(1, 2))
    assert (ack.seq, ack.credit) == (2, 8)
    assert hub.fact_count() == 2


def test_an_ack_says_what_a_backup_covers(hub, store):
    store.sell()
    (before,) = store.send(store.batch(1, 2))
    with hub.database.write() as tx:
        journal.mark_durable(tx, [("s1", 1, 0, 1)])
    (after,) = store.send(store.batch(1, 2))
    assert (before.durable_seq, after.durable_seq) == (None, 1)


# ------------------------------------------------------------------------------------------ a hub that was set back


def test_a_hub_set_back_by_an_hour_is_equal_to_its_stores_again_after_they_greet(hub, store):
    other = hub.enrolled("s2", b"two")
    for each in (store, other):
        each.sell()
        each.send(*each.everything())
    place = {(each.store, number): len(raws) for each in (store, other) for number, raws in each.lanes.items()}
    hub.clock.advance(3_600_000)
    for each in (store, other):
        for _ in range(3):
            each.printed(each.sell().sale_id)
        each.send(*each.everything())
    set_back(hub, place)
    for each in (store, other):
        (welcome,) = each.send(each.hello())
        for number, held in welcome.lanes.items():
            assert held.seq == place[each.store, number]
            for seq in range(held.seq + 1, len(each.lanes[number]) + 1):
                each.send(each.batch(seq, seq, number))
    with hub.database.read() as reader:
        for each in (store, other):
            for number, raws in each.lanes.items():
                walked = journal.walk_lane(reader, each.store, each.epoch, number)
                assert [bytes(raw) for _, raw, _ in walked] == raws
    hub.projector.replay()
    assert {one.id: one.sales for one in hub.reports.stores()} == {"s1": 4, "s2": 4}


def set_back(hub, place: dict[tuple[str, int], int]) -> None:
    """Leave of each lane what it held an hour ago, as a restore to that moment does, and forget every session."""
    with hub.database.write() as tx:
        run = tx.connection.exec_driver_sql
        is_sqlite = tx.connection.dialect.name == "sqlite"
        run("DROP TRIGGER facts_no_delete" if is_sqlite else "SET LOCAL session_replication_role = replica")
        for (store, lane), seq in place.items():
            run(f"DELETE FROM facts WHERE store = '{store}' AND lane = {lane} AND seq > {seq}")
            last = journal.fact_at(tx, store, 1, lane, seq)
            chain = facts.genesis(store, 1, lane) if last is None else last.chain
            journal.put_lanes(tx, [journal.LaneRow(store, 1, lane, seq, chain)])
    hub.restart()


def test_facts_of_a_revoked_key_are_quarantined(hub, store):
    store.sell()
    store.send(store.batch(1, 2))
    store.sell()
    wire = store.batch(3, 4)
    assert hub.enrolment.revoke("s1", 1)
    assert store.send(wire) == []
    assert hub.fact_count() == 2
    assert hub.refused() == {"revoked": 1}
    (answer,) = store.send(store.hello())
    assert answer.reason == "revoked"


def test_a_message_of_an_epoch_that_was_never_given_out_is_refused(hub, store):
    ahead = StoreKit(hub, "s1", 2**63, store.identity)
    ahead.sell()
    assert reason_for(hub, ahead.batch(1, 2)) == {"unknown_key": 1}


# ------------------------------------------------------------------------------------- stored is not yet understood


def test_bytes_that_are_no_fact_are_stored_and_parked_and_block_nothing(hub, store):
    store.add(b"not even json", b'{"store": 1}')
    store.sell()
    (ack,) = store.send(store.batch(1, 4))
    assert ack.seq == 4
    hub.projector.catch_up()
    assert hub.parked() == ["not_a_fact", "not_a_fact"]
    assert len(hub.reports.sales().sales) == 1


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"store": "s2"}, "another_place"),
        ({"epoch": 7}, "another_place"),
        ({"lane": 1}, "another_place"),
        ({"seq": 9}, "another_place"),
        ({"id": "xyz"}, "bad_id"),
        ({"at_ms": -1}, "bad_time"),
        ({"at_ms": 2**62}, "bad_time"),
        ({"day": "2026-02-30"}, "bad_day"),
        ({"kind": "sale.unheard_of"}, "unknown_kind"),
        ({"kind": "print.confirmed"}, "unknown_kind"),
        ({"body": msgspec.Raw(b'{"sale_id": 1}')}, "bad_body"),
    ],
)
def test_a_fact_that_cannot_be_read_is_stored_and_parked(hub, store, changes, reason):
    sale = store.sell()
    del store.lanes[0][:]
    store.add(msgspec.structs.replace(store.fact(trade.SALE_PAID, sale), **changes))
    (ack,) = store.send(store.batch(1, 1))
    assert ack.seq == 1
    hub.projector.catch_up()
    assert hub.parked() == [reason]
    assert hub.reports.sales().sales == ()


def test_a_fact_id_that_a_store_uses_twice_is_parked_the_second_time(hub, store):
    first = store.fact("x", b"{}")
    store.add(first, msgspec.structs.replace(first, seq=2))
    assert [ack.seq for ack in store.send(store.batch(1, 2))] == [2]
    store.add(msgspec.structs.replace(first, seq=3))
    assert [ack.seq for ack in store.send(store.batch(3, 3))] == [3]
    hub.projector.catch_up()
    assert hub.parked() == ["unknown_kind", "repeated_id", "repeated_id"]


def test_sums_that_do_not_add_up_are_parked(hub, store):
    sale = store.sell()
    del store.lanes[0][:]
    store.add(store.fact(trade.SALE_PAID, msgspec.structs.replace(sale, total_fen=1)))
    store.send(store.batch(1, 1))
    hub.projector.catch_up()
    assert hub.parked() == ["bad_body"]


# ------------------------------------------------------------------------------------------------ the other messages


def test_a_heartbeat_tells_what_waits(hub, store):
    assert hub.reports.stores()[0].state == "never"
    beat = Heartbeat(
        wall_ms=1, waiting={0: 3, 1: 4}, oldest_waiting_ms=9, day="2026-09-21", day_sales=2, day_amount_fen=5
    )
    [welcome] = store.send(store.hello())
    [answered] = store.send(store.control(store.topics.heartbeat, MessageKind.HEARTBEAT, beat))
    assert (answered.session, answered.lane, answered.seq) == (welcome.nonce, 0, 0), (
        "silence must mean that we are away"
    )
    seen = hub.reports.stores()[0]
    assert (seen.state, seen.waiting.trade, seen.waiting.operations) == ("online", 3, 4)
    hub.clock.advance(20_001)
    assert hub.reports.stores()[0].state == "away"
    assert hub.reports.stores()[0].waiting.trade == 3, "stale, not zero"


def test_the_answer_to_a_heartbeat_names_it_and_no_other_ack_does(hub, store):
    store.send(store.hello())
    store.sell()
    (taken,) = store.send(store.batch(1, 2))
    (answered,) = store.send(beat_of(store, wall_ms=77))
    assert (taken.beat_ms, answered.beat_ms, answered.hub_ms) == (None, 77, hub.clock.now_ms())
    (again,) = store.send(store.batch(1, 2))
    assert again.beat_ms is None, "it was answered"


def test_a_heartbeat_under_no_session_asks_the_store_to_greet_for_it_may_have_nothing_else_to_say(hub, store):
    """A hub restored from a backup lacks what it once acknowledged, and only the store can tell."""
    store.send(store.hello())
    hub.restart()
    beat = Heartbeat(wall_ms=1, waiting={}, oldest_waiting_ms=None, day="", day_sales=0, day_amount_fen=0)
    [asked] = store.send(store.control(store.topics.heartbeat, MessageKind.HEARTBEAT, beat))
    assert (asked.session, asked.lane, asked.seq, asked.gap) == (b"", 0, 0, None)
    [welcome] = store.send(store.hello())
    [answered] = store.send(store.control(store.topics.heartbeat, MessageKind.HEARTBEAT, beat))
    assert answered.session == welcome.nonce


@pytest.mark.parametrize("spoiled", [{"day_sales": 2**62}, {"waiting": {0: -1}}, {"day": "x" * 99}])
def test_a_heartbeat_that_cannot_be_is_refused(hub, store, spoiled):
    beat = Heartbeat(wall_ms=1, waiting={}, oldest_waiting_ms=None, day="", day_sales=0, day_amount_fen=0)
    beat = msgspec.structs.replace(beat, **spoiled)
    assert reason_for(hub, store.control(store.topics.heartbeat, MessageKind.HEARTBEAT, beat)) == {"bad_body": 1}


def test_the_brokers_goodbye_marks_a_store_away_until_it_speaks(hub, store):
    store.send(store.hello())
    hub.ingest.receive([(store.topics.state, b"")])
    assert hub.reports.stores()[0].state == "away"
    store.send(store.hello())
    assert hub.reports.stores()[0].state == "online"


def test_a_pull_gets_the_steps_and_their_checksum(hub, store):
    hub.enrolled("s2", b"two")
    pull = Pull(stream="stores", after=0, limit=1)
    (batch,) = store.send(store.control(store.topics.pull, MessageKind.PULL, pull))
    assert isinstance(batch, StreamBatch)
    assert (batch.after, batch.head, len(batch.operations)) == (0, 2, 1)
    assert batch.operations[0].key == "s1/1"


def test_a_pull_of_a_stream_that_is_none_is_refused(hub, store):
    pull = Pull(stream="secrets", after=0, limit=1)
    assert reason_for(hub, store.control(store.topics.pull, MessageKind.PULL, pull)) == {"unknown_stream": 1}


def test_a_body_of_another_shape_is_refused(hub, store):
    wire = store.control(store.topics.hello, MessageKind.HELLO, Pull(stream="x", after=0, limit=1))
    assert reason_for(hub, wire) == {"bad_body": 1}


def writes_so_far(hub) -> object:
    """Give something that every transaction with a write moves, and nothing else in these tests."""
    if hub.database.on_postgresql:
        with hub.database.read() as reader:
            next_number = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
            return reader.connection.exec_driver_sql(next_number).scalar_one()
    journal = hub.folder / "hub.db-wal"
    return journal.stat().st_size, journal.stat().st_mtime_ns


def test_a_duplicate_touches_no_table(hub, store):
    store.sell()
    store.send(store.batch(1, 2))
    before = writes_so_far(hub)
    assert len(store.send(store.batch(1, 2))) == 1
    assert writes_so_far(hub) == before


def test_a_kind_that_no_text_column_holds_is_stored_all_the_same(hub, store):
    for kind in ("strange\0kind", "x" * 63 + "\U0001f9a9\U0001f9a9"):
        store.add(store.fact(kind, b"{}"))
    (ack,) = store.send(store.batch(1, 2))
    assert ack.seq == 2
    with hub.database.read() as reader:
        kept = reader.connection.exec_driver_sql("SELECT raw FROM facts ORDER BY seq").scalars().all()
    assert list(kept) == store.lanes[0]
    hub.projector.catch_up()
    assert hub.parked() == ["unknown_kind", "unknown_kind"]


def test_facts_can_be_neither_changed_nor_deleted(hub, store):
    store.sell()
    store.send(store.batch(1, 2))
    for statement in ("UPDATE facts SET kind = 'x'", "DELETE FROM facts"):
        with pytest.raises(Exception, match="facts are never changed"), hub.database.write() as tx:
            tx.connection.exec_driver_sql(statement)
    assert hub.fact_count() == 2


def test_noise_never_raises(hub, store):
    topic = store.topics.facts(0)
    for size in (1, 6, 70, 500):
        hub.ingest.receive([(topic, envelope.MAGIC + os.urandom(size))])
    assert sum(hub.refused().values()) == 4
