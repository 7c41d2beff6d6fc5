"""Facts, envelope, streams and messages: the bytes of the wire, and what is refused of them."""

import hashlib

import msgspec
import pytest

from sync.contract import envelope, facts, kinds, limits, messages, operations, streams, trade
from sync.contract.envelope import Header, MessageKind
from sync.contract.facts import ContractError, Fact
from sync.contract.messages import Ack, Doorbell, Operation, StreamBatch
from sync.contract.trade import InviteIssued, SalePaid, SoldLine, SoldModifier, Tender
from sync.contract.words import EN, ZH, Name, has_control
from sync.node import keys, sealing
from sync.node.ports import SeededChance

HEADER = Header(kind=MessageKind.FACTS, tenant="demo", store="s1", node="n", epoch=1, key_id=b"k" * 8, nonce=b"n" * 12,
                lane=1, first_seq=7, count=2, chain_before=b"b" * 32, chain_after=b"a" * 32)  # fmt: skip


def fact(body: msgspec.Struct | None = None, *, kind: str = trade.SALE_PAID, lane: int = 0, raw: bytes = b"{}") -> Fact:
    return Fact(store="s1", epoch=1, lane=lane, seq=1, n=1, id="0" * 32, kind=kind, v=1, at_ms=0, hlc="0", day="2026-09-21",
                body=msgspec.Raw(raw if body is None else msgspec.json.encode(body)))  # fmt: skip


# Facts


def test_a_fact_comes_back_as_it_was_and_its_bytes_are_kept():
    one = fact(raw=b'{"a":  1}')
    raw = facts.encode(one)
    assert b'"body":{"a":  1}' in raw
    again = facts.decode(raw)
    assert bytes(again.body) == b'{"a":  1}'
    assert facts.encode(again) == raw


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b"{}", b"\xff", b'{"store":1}', b'{"store":"\xff"}', b"[" * 9_999]
)
def test_bytes_that_are_no_fact_are_refused(raw):
    with pytest.raises(ContractError):
        facts.decode(raw)


def test_a_fact_nested_too_deeply_is_refused_and_does_not_end_the_process():
    deep = b"[" * 20_000 + b"]" * 20_000
    with pytest.raises(ContractError, match="depth"):
        facts.decode(facts.encode(fact(raw=b'{"later":' + deep + b"}")))


def test_a_field_of_a_newer_version_is_let_pass():
    raw = facts.encode(fact())
    assert facts.decode(raw[:-1] + b',"later":1}') == facts.decode(raw)


def test_the_chain_begins_as_the_design_says_and_every_byte_counts():
    start = facts.genesis("s1", 1, 0)
    assert start == hashlib.sha256(b"rs1|s1|1|0").digest()
    assert len({facts.genesis(*place) for place in (("s1", 1, 0), ("s1", 1, 1), ("s1", 2, 0), ("s2", 1, 0))}) == 4
    assert facts.link(start, b"x") == hashlib.sha256(start + b"x").digest()
    assert facts.link(start, b"x") != facts.link(start, b"y")


# Trade


def sale(**changes: object) -> SalePaid:
    line = SoldLine(dish_id="d", code="1", name=Name("菜", "Dish"), qty=2, unit_fen=500, amount_fen=1_200,
                    modifiers=(SoldModifier("m", Name("大", "Large"), 100),))  # fmt: skip
    tender = Tender(kind="cash", received_fen=2_000, change_fen=800, amount_fen=1_200)
    made = SalePaid(sale_id="0" * 32, till="1", number=1, receipt_no="1-1-000001", currency="CNY", lines=(line,),
                    tenders=(tender,), total_fen=1_200, locale=ZH)  # fmt: skip
    return msgspec.structs.replace(made, **changes)


def changed_line(**changes: object) -> SalePaid:
    return sale(lines=(msgspec.structs.replace(sale().lines[0], **changes),))


def changed_tender(**changes: object) -> SalePaid:
    return sale(tenders=(msgspec.structs.replace(sale().tenders[0], **changes),))


def test_a_sale_whose_sums_agree_is_read():
    assert kinds.read(fact(sale())) == sale()


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (changed_line(qty=3), "a line does not add up"),
        (changed_line(unit_fen=499), "a line does not add up"),
        (changed_line(modifiers=()), "a line does not add up"),
        (changed_line(amount_fen=1_201), "a line does not add up"),
        (sale(total_fen=1_201), "the lines do not add up"),
        (sale(lines=()), "the lines do not add up"),
        (sale(lines=sale().lines * 2), "the lines do not add up"),
        (changed_tender(change_fen=799), "a tender does not add up"),
        (changed_tender(received_fen=1_999), "a tender does not add up"),
        (changed_tender(received_fen=1_999, amount_fen=1_199), "the tenders do not pay"),
        (sale(tenders=()), "the tenders do not pay"),
        (sale(tenders=sale().tenders * 2), "the tenders do not pay"),
    ],
)
def test_a_sale_whose_sums_do_not_agree_is_refused(bad, message):
    with pytest.raises(ContractError, match=message):
        kinds.read(fact(bad))


@pytest.mark.parametrize(
    "one",
    [
        fact(kind="sale.dreamt"),
        fact(raw=b"{}"),
        fact(raw=b"[]"),
        fact(raw=b'{"sale_id":1}'),
        fact(raw=b'{"sale_id":"\xff"}'),
    ],
)
def test_a_trade_fact_of_unknown_kind_or_shape_is_refused(one):
    with pytest.raises(ContractError):
        kinds.read(one)


def test_an_invite_is_read():
    invite = InviteIssued(invite_id="i", sale_id="s", short="x", code="c", expires_day="2026-10-21")
    assert kinds.read(fact(invite, kind=trade.INVITE_ISSUED)) == invite


def test_a_receipt_number_shows_till_and_epoch():
    assert trade.receipt_no("A1", 2, 37) == "A1-2-000037"
    assert trade.receipt_no("1", 1, 1_234_567) == "1-1-1234567"


def test_an_operation_that_is_no_text_is_refused():
    with pytest.raises(ContractError):
        kinds.read(fact(kind=operations.NODE_STARTED, lane=1, raw=b'{"version":"\xff"}'))


def test_operations_are_read_and_unknown_ones_refused():
    started = operations.NodeStarted(version="1", boot="b")
    assert kinds.read(fact(started, kind=operations.NODE_STARTED, lane=1)) == started
    for bad in (fact(kind="node.dreamt", lane=1), fact(kind=operations.PRINT_CONFIRMED, lane=1, raw=b"{}")):
        with pytest.raises(ContractError):
            kinds.read(bad)


# Words


def test_a_name_is_given_in_the_language_asked_for():
    assert Name("菜", "Dish").in_locale(EN) == "Dish"
    assert Name("菜", "Dish").in_locale(ZH) == "菜"
    assert Name("菜", "Dish").in_locale("fr") == "菜"


@pytest.mark.parametrize(
    "text", ["\x1b", "a\x00", "\n", "\x7f", "\x9b", "\u200b", "\u202e", "\ufeff", "\ud800", "\ue000", "\uffff"]
)
def test_characters_that_are_no_writing_are_found(text):
    assert has_control(text)


@pytest.mark.parametrize("text", ["", "不要葱", "no onion, 2×", "辣🌶", "é ñ", "𠮷"])
def test_writing_is_let_through(text):
    assert not has_control(text)


# Envelope


def wire(body: bytes = b"body", header: Header = HEADER) -> bytes:
    return envelope.encode_header(header) + body + b"s" * 64


def test_an_envelope_comes_apart_as_it_was_put_together():
    opened = envelope.take_apart(wire())
    assert opened.header == HEADER
    assert opened.sealed == b"body"
    assert opened.signed + opened.signature == wire()
    assert opened.header_bytes + opened.sealed == opened.signed


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"", "garbage"),
        (b"x" * 200, "garbage"),
        (b"RS1\x02" + wire()[4:], "garbage"),
        (b"RS1\x01\x00\x05" + b"x" * 60, "garbage"),
        (b"RS1\x01\xff\xff" + b"x" * 90, "truncated"),
        (wire()[:100], "truncated"),
        (b"RS1\x01\x04\x01" + b"x" * 2_000, "truncated"),
        (b"RS1\x01\x00\x03" + b"\xc1\xc1\xc1" + b"x" * 64, "bad_header"),
        (b"RS1\x01\x00\x01" + b"\x90" + b"x" * 64, "bad_header"),
        (b"RS1\x01\x00\x00" + b"x" * 64, "bad_header"),
        (b"x" * (limits.WIRE_BYTES_MAX + 1), "oversized"),
    ],
)
def test_what_is_no_envelope_is_refused_with_its_reason(bad, reason):
    with pytest.raises(ContractError, match=f"^{reason}$"):
        envelope.take_apart(bad)


def test_facts_are_framed_and_parted_again():
    raws = [b"a", b"b" * 1_000, b"c" * limits.FACT_BYTES_MAX]
    assert envelope.unframe_facts(envelope.frame_facts(raws), 3) == raws
    assert envelope.unframe_facts(b"", 0) == []


@pytest.mark.parametrize(
    ("plain", "count", "reason"),
    [
        (b"\0\0\0", 1, "truncated"),
        (b"\0\0\0\2a", 1, "bad_length"),
        (b"\0\0\0\0", 1, "bad_length"),
        (b"\xff\xff\xff\xff", 1, "bad_length"),
        ((limits.FACT_BYTES_MAX + 1).to_bytes(4, "big") + b"x" * (limits.FACT_BYTES_MAX + 1), 1, "bad_length"),
        (envelope.frame_facts([b"a", b"b"]), 1, "bad_count"),
        (envelope.frame_facts([b"a"]), 2, "bad_count"),
        (envelope.frame_facts([b"a"] * 251), 251, "bad_count"),
    ],
)
def test_frames_that_do_not_fit_are_refused(plain, count, reason):
    with pytest.raises(ContractError, match=f"^{reason}$"):
        envelope.unframe_facts(plain, count)


# Sealing

OWN, HUB = keys.make_identity(b"store"), keys.make_identity(b"hub")
PARTY = sealing.Party("demo", "s1", "n", 1)
UP = sealing.link_keys(OWN, HUB.public.agreement, tenant="demo", store="s1", epoch=1)


def sealer(identity: keys.Identity = OWN, key: bytes = UP.up, party: sealing.Party = PARTY) -> sealing.Sealer:
    return sealing.Sealer(identity, key, party, SeededChance("seal"))


def opener(key: bytes = UP.up) -> sealing.Opener:
    return sealing.Opener(OWN.public.signing, key, PARTY)


def test_both_ends_come_to_the_same_keys_and_each_epoch_and_direction_has_its_own():
    theirs = sealing.link_keys(HUB, OWN.public.agreement, tenant="demo", store="s1", epoch=1)
    assert theirs == UP
    later = sealing.link_keys(OWN, HUB.public.agreement, tenant="demo", store="s1", epoch=2)
    assert len({UP.up, UP.down, later.up, later.down}) == 4


def test_what_was_sealed_is_opened():
    sent = sealer().seal(MessageKind.FACTS, b"plain" * 100, lane=1, first_seq=3)
    assert opener().open(envelope.take_apart(sent)) == b"plain" * 100
    assert b"plain" not in sent


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (sealer(identity=HUB), "bad_signature"),
        (sealer(key=UP.down), "bad_seal"),
        (sealer(party=sealing.Party("demo", "s2", "n", 1)), "foreign"),
        (sealer(party=sealing.Party("other", "s1", "n", 1)), "foreign"),
        (sealer(party=sealing.Party("demo", "s1", "n", 2)), "foreign"),
    ],
)
def test_what_another_sealed_or_sealed_for_another_is_refused(bad, reason):
    with pytest.raises(ContractError, match=reason):
        opener().open(envelope.take_apart(bad.seal(MessageKind.HELLO, b"x")))


def test_every_flipped_byte_of_a_message_is_refused():
    sent = sealer().seal(MessageKind.HELLO, b"hello")
    for at in range(len(sent)):
        spoilt = bytearray(sent)
        spoilt[at] ^= 0x55
        with pytest.raises(ContractError):
            opener().open(envelope.take_apart(bytes(spoilt)))


def test_a_bomb_is_refused_unread():
    bomb = sealer().seal(MessageKind.HELLO, bytes(limits.BODY_PLAIN_BYTES_MAX + 1))
    assert len(bomb) < 2_000
    with pytest.raises(ContractError, match="zip_bomb"):
        opener().open(envelope.take_apart(bomb))
    at_the_bound = sealer().seal(MessageKind.HELLO, bytes(limits.BODY_PLAIN_BYTES_MAX))
    assert len(opener().open(envelope.take_apart(at_the_bound))) == limits.BODY_PLAIN_BYTES_MAX


def test_a_doorbell_counts_only_with_the_hubs_signature():
    doorbell = Doorbell(streams={"stores": 3}, hub_ms=7)
    rung = sealing.seal_doorbell(HUB, doorbell)
    assert sealing.open_doorbell(HUB.public.signing, rung) == doorbell
    for bad in (b"", rung[:64], rung[:-1], bytes(64) + rung[64:], sealing.seal_doorbell(OWN, doorbell)):
        with pytest.raises(ContractError):
            sealing.open_doorbell(HUB.public.signing, bad)


def test_a_message_body_of_another_shape_is_refused():
    ack = Ack(session=b"s", lane=0, seq=1, chain=b"c", credit=4, hub_ms=0)
    assert messages.decode(messages.encode(ack), Ack) == ack
    for raw in (
        b"",
        b"\xc1",
        b"\x81\xa1x" + b"\x91" * 100_000,
        b"\x80",
        messages.encode(ack)[:-1],
        messages.encode(Doorbell(streams={}, hub_ms=0)),
    ):
        with pytest.raises(ContractError):
            messages.decode(raw, Ack)


def test_an_ack_is_read_by_those_who_do_not_know_of_heartbeats_in_it_and_from_them():
    class OlderAck(msgspec.Struct, frozen=True, kw_only=True):
        session: bytes
        lane: int
        seq: int
        chain: bytes
        credit: int
        hub_ms: int

    older = OlderAck(session=b"s", lane=0, seq=1, chain=b"c", credit=4, hub_ms=7)
    newer = Ack(session=b"s", lane=0, seq=1, chain=b"c", credit=4, hub_ms=7, beat_ms=5)
    assert messages.decode(messages.encode(newer), OlderAck) == older
    assert messages.decode(messages.encode(older), Ack) == msgspec.structs.replace(newer, beat_ms=None)


# Streams

PUT = Operation(version=1, op="put", key="a/1", value=b"{}")


@pytest.mark.parametrize(
    "other",
    [
        {"version": 2},
        {"op": "remove"},
        {"key": "a/2"},
        {"value": b"{ }"},
        {"key": "a/1|", "value": b"{}"},
        {"key": "a/1|{", "value": b"}"},
    ],
)
def test_every_field_of_a_step_counts_in_the_checksum(other):
    start = streams.checksum_start("stores")
    changed = msgspec.structs.replace(PUT, **other)
    assert streams.checksum_next(start, PUT) != streams.checksum_next(start, changed)


def test_the_order_of_steps_and_the_name_of_the_stream_count():
    assert streams.checksum_start("stores") != streams.checksum_start("menu")


def test_a_batch_is_followed_from_the_checksum_before_it():
    start = streams.checksum_start("stores")
    second = msgspec.structs.replace(PUT, version=2)
    behind = streams.checksum_next(streams.checksum_next(start, PUT), second)
    whole = StreamBatch(stream="stores", after=0, head=2, operations=(PUT, second), checksum=behind)
    assert streams.checksum_after(start, whole) == behind
    empty = StreamBatch(stream="stores", after=2, head=2, operations=(), checksum=behind)
    assert streams.checksum_after(behind, empty) == behind
    for bad in (
        msgspec.structs.replace(whole, after=1),
        msgspec.structs.replace(whole, operations=(second, PUT)),
        msgspec.structs.replace(whole, operations=(PUT,)),
        msgspec.structs.replace(whole, checksum=start),
    ):
        assert streams.checksum_after(start, bad) is None
    assert streams.checksum_after(behind, whole) is None
