"""Codes, envelopes, prices and the journal for whatever comes."""

import contextlib
from decimal import ROUND_HALF_UP, Decimal

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from edge.db import journal
from edge.db.journal import Draft, Place
from edge.db.migrations import steps
from edge.domain import payment
from edge.domain.payment import AskedTender
from edge.domain.pricing import BasketLine, Catalogue, Priced
from edge.domain.refusal import Refused
from sync.contract import codes, envelope, facts, ids, kinds, limits, messages, operations, times, trade
from sync.contract.codes import InviteClaims
from sync.contract.facts import ContractError
from sync.contract.menu import Category, Dish, Menu, ModifierGroup, ModifierOption
from sync.contract.messages import Ack, Hello, StreamBatch, Welcome
from sync.contract.operations import NodeStarted
from sync.contract.trade import SalePaid
from sync.contract.words import Name
from sync.node import keys, migrate
from tests.kit.nodes import EPOCH, STORE, store_identity

SIGNER = store_identity()
NAME = Name("名", "Name")

# Codes

claims = st.builds(
    InviteClaims,
    key_id=st.binary(min_size=8, max_size=8),
    invite_id=st.binary(min_size=10, max_size=10),
    issued_day=st.integers(0, 0xFFFF),
    days_valid=st.integers(0, 0xFFFF),
)


@given(claims)
def test_every_invite_comes_apart_as_it_was_made_and_its_signature_holds(one):
    code = codes.assemble(one, SIGNER.sign(codes.to_sign(one)))
    assert len(code) == codes.CODE_CHARS
    assert codes.find(codes.url("https://hq.example", code)) == code
    apart = codes.take_apart(code)
    assert apart is not None
    assert apart.claims == one
    assert keys.verified(SIGNER.public.signing, apart.signed, apart.signature)
    times.day_of_epoch(one.last_day)


@given(st.text(max_size=300) | st.text(alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=141, max_size=141))
def test_no_text_is_more_than_refused(text):
    found = codes.find(text)
    apart = None if found is None else codes.take_apart(found)
    if apart is not None:
        assert not keys.verified(SIGNER.public.signing, apart.signed, apart.signature)


@given(st.integers(0, 32**10 - 1))
def test_crockford_digits_read_back(number):
    text = ids.crockford_encode(number, 10)
    assert sum(ids.CROCKFORD.index(digit) << (5 * place) for place, digit in enumerate(reversed(text))) == number
    assert ids.crockford_clean(ids.grouped(text).lower()) == text


# Envelope


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=limits.BATCH_FACTS_MAX))
def test_framed_facts_part_as_they_were(raws):
    assert envelope.unframe_facts(envelope.frame_facts(raws), len(raws)) == raws


@given(st.lists(st.binary(min_size=1, max_size=50), min_size=1, max_size=20), st.data())
def test_a_cut_frame_is_refused_or_shorter(raws, data):
    plain = envelope.frame_facts(raws)
    cut = plain[: data.draw(st.integers(0, len(plain) - 1))]
    try:
        envelope.unframe_facts(cut, len(raws))
    except ContractError:
        return
    raise AssertionError("a cut frame passed for a whole one")


HEADER = envelope.Header(
    kind=envelope.MessageKind.FACTS, tenant="t", store="s", node="n", epoch=1, key_id=b"k" * 8, nonce=b"n" * 12
)
WIRE = envelope.encode_header(HEADER) + b"body" + b"s" * 64


@given(st.binary(max_size=400) | st.binary(max_size=300).map(lambda tail: WIRE[:6] + tail))
def test_garbage_is_refused_and_nothing_else(raw):
    with contextlib.suppress(ContractError):
        opened = envelope.take_apart(raw)
        assert opened.signed + opened.signature == raw


@given(st.data())
def test_a_message_with_spoilt_bytes_is_refused_or_still_a_message(data):
    raw = bytearray(WIRE)
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(ContractError):
        envelope.take_apart(bytes(raw))


@given(st.binary(max_size=300))
def test_no_bytes_are_more_than_refused_as_a_body(raw):
    for kind in (Hello, Welcome, Ack, StreamBatch):
        with contextlib.suppress(ContractError):
            messages.decode(raw, kind)
    with contextlib.suppress(ContractError):
        fact = facts.decode(raw)
        kinds.read(fact)
        kinds.read(fact)


# Prices


@st.composite
def menus(draw: st.DrawFn) -> Menu:
    groups = tuple(
        ModifierGroup(
            f"g{at}",
            NAME,
            tuple(ModifierOption(f"g{at}o{option}", NAME, draw(st.integers(0, 5_000))) for option in range(3)),
            min=0,
            max=draw(st.integers(1, 3)),
        )
        for at in range(2)
    )
    dishes = tuple(
        Dish(id=f"d{at}", code=f"{at}", name=NAME, category="c", price_fen=draw(st.integers(0, limits.PRICE_FEN_MAX)),
             modifier_groups=draw(st.sampled_from([(), ("g0",), ("g0", "g1")])), per_g=draw(st.sampled_from([0, 0, 500, 1000])))
        for at in range(4)
    )  # fmt: skip
    return Menu(currency="CNY", categories=(Category("c", NAME),), dishes=dishes, modifier_groups=groups, version=1)


options = st.lists(
    st.sampled_from([f"g{at}o{option}" for at in range(2) for option in range(3)] + ["none"]), max_size=4
)
lines = st.lists(
    st.builds(
        BasketLine,
        dish_id=st.sampled_from(["d0", "d1", "d2", "d3", "gone"]),
        qty=st.just(1) | st.integers(-2, limits.LINE_QTY_MAX + 2) | st.integers(),
        modifiers=options.map(tuple),
        note=st.text(max_size=limits.NOTE_CHARS_MAX + 5),
        weight_g=st.just(0) | st.integers(1, limits.LINE_WEIGHT_G_MAX) | st.integers(),
    ),
    max_size=6,
).map(tuple)


def _fen_of(dish: Dish, weight_g: int) -> int:
    """What the dish of a line costs, by arithmetic of its own."""
    assert bool(dish.per_g) == bool(weight_g)
    if not dish.per_g:
        return dish.price_fen
    return int((Decimal(dish.price_fen * weight_g) / dish.per_g).quantize(Decimal(1), ROUND_HALF_UP))


@given(menus(), lines, st.integers(0, limits.RECEIVED_FEN_MAX))
def test_a_basket_is_refused_or_its_sums_are_those_of_the_menu(menu, basket, received_fen):
    priced = Catalogue(menu).price(basket)
    if isinstance(priced, Refused):
        assert priced.code in {"empty_sale", "unknown_dish", "qty_out_of_range", "bad_text", "unknown_modifier",
                               "too_many_modifiers", "too_few_modifiers", "amount_too_large", "weight_missing",
                               "weight_not_taken", "weight_out_of_range"}  # fmt: skip
        return
    assert isinstance(priced, Priced)
    dishes = {dish.id: dish for dish in menu.dishes}
    extra = {option.id: option.price_fen for group in menu.modifier_groups for option in group.options}
    owed = sum(
        line.qty * (_fen_of(dishes[line.dish_id], line.weight_g) + sum(extra[one] for one in line.modifiers))
        for line in basket
    )
    assert priced.total_fen == owed <= limits.SALE_TOTAL_FEN_MAX
    paid = payment.pay(owed, (AskedTender(kind="cash", received_fen=received_fen),))
    if isinstance(paid, Refused):
        assert received_fen < owed
        return
    tenders = paid.tenders
    assert tenders[0].received_fen - tenders[0].change_fen == owed
    sale = SalePaid(sale_id="0" * 32, till="1", number=1, receipt_no="x", currency="CNY", lines=priced.lines,
                    tenders=tenders, total_fen=owed, locale="en")  # fmt: skip
    body = msgspec.Raw(msgspec.json.encode(sale))
    fact = facts.Fact(
        store="s", epoch=1, lane=0, seq=1, n=1, id="x", kind=trade.SALE_PAID, v=1, at_ms=0, hlc="0", day="d", body=body
    )
    assert kinds.read(facts.decode(facts.encode(fact))) == sale


# Journal

appends = st.lists(
    st.tuples(st.lists(st.integers(0, 1), min_size=1, max_size=4), st.integers(-10_000, 10_000), st.booleans()),
    max_size=12,
)


class Undone(Exception):
    """The transaction does not come to its end."""


@given(appends, st.integers(1, 5))
def test_whatever_is_appended_or_undone_the_lanes_have_no_hole_and_one_chain(script, page):
    db = migrate.inline(steps)
    db.write(lambda tx: journal.open_epoch(tx, STORE, EPOCH))
    at_ms, made = 1_000_000, 0
    for lanes, step_ms, undone in script:
        at_ms += step_ms
        drafts = [
            Draft(
                (made + offset).to_bytes(16, "big"),
                lane,
                operations.NODE_STARTED,
                1,
                NodeStarted(version="1", boot="b"),
            )
            for offset, lane in enumerate(lanes)
        ]

        def work(tx, drafts=drafts, at_ms=at_ms, undone=undone):
            journal.append(tx, Place(STORE, EPOCH, at_ms, "2026-09-21"), SIGNER, drafts)
            if undone:
                raise Undone

        with contextlib.suppress(Undone):
            db.write(work)
            made += len(lanes)
    with db.read() as reader:
        stored = [one for _, one in journal.by_number(reader, page=page)]
        heads = journal.heads(reader, EPOCH)
        assert [one.n for one in stored] == list(range(1, made + 1))
        clocks = [int(facts.decode(one.raw).hlc) for one in stored]
        assert clocks == sorted(set(clocks))
        for lane in journal.LANES:
            chain = facts.genesis(STORE, EPOCH, lane)
            mine = [one for one in stored if one.lane == lane]
            assert [one.seq for one in mine] == list(range(1, len(mine) + 1))
            for one in mine:
                chain = facts.link(chain, one.raw)
                assert one.chain == chain
                assert one.seal == SIGNER.seal_of(chain)
            assert (heads[lane].head_seq, heads[lane].head_chain) == (len(mine), chain)
            if mine:
                first = min(2, len(mine))
                batch = journal.read_batch(reader, (STORE, EPOCH, lane), first, len(mine))
                assert batch.raws == [one.raw for one in mine[first - 1 :]]
                assert batch.chain_after == chain
    db.close()
