"""Members at the till's doors: an order's bill, the kitchen's paper, the API, another computer, and what it costs in time."""

import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.document import Columns, Text
from drivers.escpos.profile import PrinterProfile
from edge.db import print_jobs
from edge.services.deeds import Done
from edge.services.members import find, indexing, points, view, visits
from edge.services.members.join import Said
from edge.services.members.visits import SeenCommand
from edge.services.money import pay_order
from edge.services.money.book_sale import read_answer
from edge.services.money.pay_order import PayCommand
from edge.services.ordering import import_menu, kitchen, orders
from edge.services.ordering.order_work import AddStep, SendStep
from edge.services.ordering.orders import OpenOrderCommand, StepsCommand
from edge.services.printing import slip_papers
from edge.wiring import members as wiring
from sync.contract.member_cards import MemberCard
from sync.contract.points import Rules
from sync.node.boxes import BoxError
from sync.node.database import Tx
from tests.kit.member_tills import PHONE, TEXT, Till, World, cash, world
from tests.kit.member_tills import points as by_points
from tests.kit.nodes import AT_TILL_1, COUNTER, MENU, store_identity

WOK = {"kind": "printer", "id": "wok", "address": "tcp://127.0.0.1:9101", "stations": ["wok"]}
COOKED = msgspec.structs.replace(
    MENU, dishes=tuple(msgspec.structs.replace(dish, station="wok") for dish in MENU.dishes)
)
GENERIC = PrinterProfile("test", 576, 48)
API = "/api/v1"


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path, Rules(version=1, welcome=5_000)) as made:
        yield made


def member(till: Till, **said: Any) -> str:
    member_id = till.join(said=Said(phone=PHONE, **said), consents=("membership", "sharing", "allergy")).member_id
    till.sync()
    till.sync()
    return member_id


def order(till: Till) -> str:
    """An order for the kitchen that is sent."""
    order_id = till.new_id()
    opened = OpenOrderCommand(order_id=order_id, service="takeaway")
    assert isinstance(orders.open_order(till.node, AT_TILL_1, opened), Done)
    steps = (AddStep(line_id=till.new_id(), dish_id="d101", qty=2), SendStep())
    done = orders.change(till.node, AT_TILL_1, order_id, StepsCommand(request_id=till.new_id(), steps=steps))
    assert isinstance(done, Done), done
    return order_id


def seen(till: Till, member_id: str, order_id: str) -> None:
    command = SeenCommand(request_id=till.new_id(), member_id=member_id, by="phone", order_id=order_id)
    assert isinstance(visits.seen(till.node, AT_TILL_1, command), Done)


def papers(till: Till, document: str) -> list[str]:
    """The text of the slips of a kind that wait, the oldest first."""
    with till.rig.db.read() as reader:
        jobs = [job for job in print_jobs.open_jobs(reader, 100) if job.document == document]
    return [
        "\n".join(
            one.text if isinstance(one, Text) else f"{one.left} {one.right}"
            for one in slip_papers.document(till.node, job, GENERIC).elements
            if isinstance(one, Text | Columns)
        )
        for job in jobs
    ]


def test_an_orders_bill_earns_and_takes_points(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    order_id = order(near)
    command = PayCommand(sale_id=near.new_id(), tenders=(by_points(1_000), cash(100_000)), member_id=member_id)
    done = pay_order.pay_order(near.node, AT_TILL_1, order_id, command)
    assert isinstance(done, Done), done
    told = read_answer(done.answer).points
    assert told == points.SalePoints(
        earned=66, base_fen=6_600, multiplier_bp=10_000, spent=1_000, spent_fen=1_000, balance=4_066
    )
    near.sync()
    assert shops.hub.points(member_id) == 4_066
    shops.hub.proven()
    near.verified()


def test_what_a_member_must_not_eat_reaches_the_kitchen_and_stands_in_no_fact(shops: World) -> None:
    near = shops.till("near", (COUNTER, WOK))
    import_menu.bring_into_force(near.node, COOKED)
    member_id = member(near, allergies=("花生",), avoids=("香菜",))
    order_id = order(near)
    assert kitchen.view(near.node).tickets[0].allergies == ""
    seen(near, member_id, order_id)
    assert kitchen.view(near.node).tickets[0].allergies == "花生、香菜"
    # The slip of the order, and one that says it to those who cook already.
    assert [("花生、香菜" in text, "忌口" in text) for text in papers(near, "docket")] == [(True, True)] * 2
    nobody = near.join("13900000000").member_id
    seen(near, nobody, order(near))
    assert len(papers(near, "docket")) == 3, "whoever eats everything is no news to the kitchen"
    for path in near.rig.folder.glob("node.db*"):
        assert "花生".encode() not in path.read_bytes()
    near.verified()


def test_another_computer_has_the_members_and_none_of_the_old_ones_rights(shops: World) -> None:
    old = shops.till("near")
    member_id = member(old)
    assert old.view(member_id).spendable == 5_000
    fresh = shops.till("near")
    assert fresh.epoch == old.epoch + 1
    fresh.sync()
    found = find.find(fresh.node, PHONE)
    assert found is not None
    assert found.member_ids == [member_id]
    assert (fresh.view(member_id).points, fresh.view(member_id).phone) == (5_000, "138****5678")
    assert fresh.view(member_id).spendable == 0, "what the old computer may have spent is nobody else's"
    assert not points.fetch(fresh.node, member_id, 100)


def test_keys_lie_in_a_file_of_their_own_that_no_copy_of_the_database_has(shops: World, tmp_path: Path) -> None:
    near = shops.till("near")
    desk = wiring.open_desk(tmp_path, near.rig.identity, near.node.chance)
    key = b"k" * 32
    desk.keys(near.node).put("a" * 32, "id", key)
    desk.close()
    again = wiring.open_desk(tmp_path, near.rig.identity, near.node.chance)
    held = again.keys(near.node).get("a" * 32)
    assert held is not None
    assert held.key == key
    again.close()
    assert key not in (tmp_path / "member-keys.db").read_bytes(), "wrapped under the key file's"
    stranger = wiring.open_desk(tmp_path, store_identity("another"), near.node.chance)
    with pytest.raises(BoxError):
        stranger.keys(near.node).get("a" * 32)
    stranger.close()


def test_the_doors_show_members_masked_and_say_what_is_wrong(shops: World) -> None:
    near = shops.till("near")
    client: Any = near.rig.client()
    said = {"phone": "138 1234 5678", "name": "王小明", "birthday": {"what": "birthday", "month_day": "10-01"}}
    body = {"request_id": near.new_id(), "consents": ["membership"], "text": TEXT, "said": said}
    joined = client.post(f"{API}/members", json=body)
    assert joined.status_code == 201
    again = client.post(f"{API}/members", json=body)
    assert (again.status_code, again.json) == (200, joined.json)
    member_id = joined.json["member_id"]
    found = client.post(f"{API}/members/find", json={"text": "5678王"})
    assert found.json["members"][0]["phone"] == "138****5678"
    assert found.headers["Cache-Control"] == "no-store"
    shown = client.get(f"{API}/members/{member_id}")
    assert (shown.json["name"], shown.json["points"]) == ("王**", 5_000)
    assert PHONE not in shown.text
    assert "小明" not in shown.text
    for path, wrong, code in (
        ("members/find", {"text": "?"}, "member_text"),
        ("members", {**body, "request_id": near.new_id(), "said": {"phone": "1"}}, "phone_wrong"),
        ("members", {**body, "request_id": near.new_id(), "consents": []}, "consent_missing"),
        ("members/seen", {"request_id": near.new_id(), "member_id": "f" * 32, "by": "phone"}, "member_unknown"),
        ("members/claim", {"request_id": near.new_id(), "member_id": member_id, "invite": "x"}, "invite_forged"),
    ):
        answer = client.post(f"{API}/{path}", json=wrong)
        assert answer.json["code"] == code, path
        assert answer.json["message"]
    assert client.get(f"{API}/members/{'f' * 32}").status_code == 404
    assert near.rig.client(signed_in=False).get(f"{API}/members/{member_id}").status_code == 401


def test_among_fifty_thousand_a_number_is_found_at_once_and_a_bill_is_hardly_slower(shops: World) -> None:
    near = shops.till("near")
    member_id = member(near)
    stream = "members.near"
    card = MemberCard(
        member_id="0" * 32, joined_day="2026-09-21", home_store="near", points=10, booked_epoch=1, booked_seq=1
    )

    def fill(tx: Tx) -> None:
        many = [f"{number:032x}" for number in range(1, 50_001)]
        tx.executemany(
            "INSERT INTO stream_items (stream, key, value) VALUES (?, ?, ?)",
            [(stream, one, msgspec.json.encode(msgspec.structs.replace(card, member_id=one))) for one in many],
        )
        tx.executemany(
            "INSERT INTO member_index (kind, digest, member_id) VALUES ('phone', ?, ?)",
            [(indexing.by_tail(near.node, one), one) for one in many],
        )

    near.rig.db.write(fill)

    def took_ms(do: Any, times: int) -> float:
        spent = []
        for _ in range(times):
            begun = time.perf_counter()
            do()
            spent.append((time.perf_counter() - begun) * 1_000)
        return statistics.median(spent)

    def look() -> None:
        found = find.find(near.node, PHONE)
        assert found is not None
        assert found.member_ids == [member_id]

    # The bars are 5 ms and 3 ms at the 95th percentile on the shop's computer (`bench members`); here a shared one is busy.
    assert took_ms(look, 50) < 25
    assert took_ms(lambda: view.member(near.node, member_id), 50) < 50
