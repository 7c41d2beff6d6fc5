"""What the till's screens of members stand on: a profile changed in parts, whose an order is, what a member's bill earns and cost them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.domain.refusal import Refused
from edge.services.deeds import Done
from edge.services.members import changes, desk, visits
from edge.services.members.changes import ConsentCommand, ProfileCommand
from edge.services.members.join import Said
from edge.services.members.visits import SeenCommand
from edge.services.money import settle_sale
from edge.services.money.settle_sale import SellCommand
from edge.services.ordering import orders, read_orders
from edge.services.ordering.orders import OpenOrderCommand
from sync.contract.member_cards import DateOf
from sync.contract.points import Rules
from tests.kit.member_tills import PHONE, TEXT, Till, World, cash, world
from tests.kit.nodes import AT_TILL_1, basket

RULES = Rules(version=1, risk_max=500, bill_max=900)
BORN = DateOf(what="birthday", month_day="02-29")


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, RULES) as made:
        yield made


def put(till: Till, member_id: str, said: Said, *only: str) -> Done | Refused:
    command = ProfileCommand(request_id=till.new_id(), member_id=member_id, said=said, only=only)
    return changes.put_right(till.node, AT_TILL_1, command)


def test_what_is_not_named_of_a_profile_stays_as_it_is(shops: World) -> None:
    near = shops.till("near")
    member_id = near.join(said=Said(phone=PHONE, name="王小明", likes=("靠窗",))).member_id
    assert isinstance(put(near, member_id, Said(birthday=BORN, note="常坐二楼"), "birthday", "note"), Done)
    profile = near.known(member_id).profile
    assert profile is not None
    assert (profile.phone, profile.name, profile.likes) == (f"+86{PHONE}", "王小明", ("靠窗",))
    assert (profile.birthday, profile.note) == (BORN, "常坐二楼")
    # The whole of it is what it was before: what is not said is not known any more.
    assert isinstance(put(near, member_id, Said(name="王")), Done)
    after = near.known(member_id).profile
    assert after is not None
    assert (after.phone, after.birthday) == ("", None)
    near.verified()


def test_a_part_is_held_to_the_same_rules_as_the_whole(shops: World) -> None:
    near = shops.till("near")
    member_id = near.join(PHONE).member_id
    assert put(near, member_id, Said(allergies=("花生",)), "allergies") == Refused(
        "consent_missing", {"purpose": "allergy"}
    )
    wrong = put(near, member_id, Said(birthday=DateOf(what="birthday", month_day="02-30")), "birthday")
    assert isinstance(wrong, Refused)
    assert wrong.code == "profile_wrong"
    # Nobody writes over what nobody here can read.
    desk.keys_of(near.node).drop(member_id)
    near.sync()
    assert near.known(member_id).profile is None
    assert put(near, member_id, Said(note="x"), "note") == Refused("member_sealed")


def test_whose_an_order_is_every_till_reads_until_it_is_not(shops: World) -> None:
    near = shops.till("near")
    member_id = near.join(PHONE).member_id
    order_id = near.new_id()
    opened = OpenOrderCommand(order_id=order_id, service="takeaway")
    assert isinstance(orders.open_order(near.node, AT_TILL_1, opened), Done)

    def whose() -> str:
        shown = read_orders.one(near.node, order_id)
        assert shown is not None
        return shown.member_id

    assert whose() == ""
    for off, there in ((False, member_id), (True, "")):
        command = SeenCommand(request_id=near.new_id(), member_id=member_id, by="code", order_id=order_id, off=off)
        assert isinstance(visits.seen(near.node, AT_TILL_1, command), Done)
        assert whose() == there
    assert len(near.view(member_id).visits) == 1, "coming off is no visit"
    near.sync()
    near.verified()


def test_the_sheet_says_what_a_bill_earns_what_the_store_risks_and_bills_only_with_consent(shops: World) -> None:
    near = shops.till("near")
    member_id = near.join(PHONE, consents=("membership",)).member_id
    shown = near.view(member_id)
    assert (shown.risk_max, shown.risk_fen, shown.rate.bill_max) == (500, 500, 900)
    assert shown.rate.points * 10_000 == shown.rate.per_fen * 100
    assert shown.bills == ()
    command = SellCommand(
        sale_id=near.new_id(), lines=basket(("d101", 1)), tenders=(cash(100_000),), member_id=member_id
    )
    assert isinstance(settle_sale.settle_sale(near.node, AT_TILL_1, command), Done)
    assert near.view(member_id).bills == (), "habits are shown to nobody without a word for it"
    agrees = ConsentCommand(request_id=near.new_id(), member_id=member_id, purpose="profiling", given=True, text=TEXT)
    assert isinstance(changes.consent(near.node, AT_TILL_1, agrees), Done)
    (bill,) = near.view(member_id).bills
    assert bill.total_fen == 3_800
