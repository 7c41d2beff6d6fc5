"""Live codes in the shop: where HQ leads them, with the uplink cut; joins and scans by code; one on a slip."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from cloud.db import live_codes as kept
from cloud.services.accounts import Who
from cloud.services.live_codes import LiveCodes, Wanted
from cloud.services.publish import Publisher
from drivers.escpos.decoder import decode
from drivers.escpos.encoder import encode
from drivers.printer.profiles import PROFILES
from edge.app import create_guest_app
from edge.db import print_jobs
from edge.db.print_jobs import Job
from edge.domain.floor import first_plan
from edge.domain.refusal import Refused
from edge.services.care.status import Desk
from edge.services.guests import live_codes, table_codes
from edge.services.guests.live_codes import PrintLiveCommand
from edge.services.house.lan import Lan
from edge.services.printing import slip_papers
from sync.contract import live_codes as contract
from sync.contract import members as facts
from sync.contract.live_codes import LiveClaims, LiveCode, Target
from sync.contract.words import Name
from sync.node import keys
from tests.kit.member_tills import Till, World, world
from tests.kit.nodes import AT_TILL_1

PHONE = "138 1234 5678"
AGREED = {"purpose_membership": "yes"}
WHO = Who("lin")
HERE = "http://192.168.1.20:8082"
TEXT = Target(kind="text", title=Name("秋天的菜", "Autumn dishes"), body=Name("今天起", "From today"))
TABLE = first_plan().areas[0].tables[0]


@dataclass
class Shop:
    """A store with its guests' listener, and HQ's codes."""

    near: Till
    codes: LiveCodes
    phone: FlaskClient
    lan: Lan

    def made(
        self, place: Any = "table", at: str = TABLE.id, target: Target | None = None, store: str = "near"
    ) -> LiveCode:
        wanted = Wanted(store=store, place=place, ats=(at,), label=Name("一号", "One"), target=target or Target())
        live = self.codes.make(wanted, WHO)[0].live
        self.near.sync()
        return live

    def look(self, code: str, query: str = "") -> TestResponse:
        return self.phone.get(f"/C/{code}{query}")

    def join(self, code: str, **fields: str) -> TestResponse:
        page = self.look(code, "?lang=en&join=yes")
        once = re.search(r'name="once" value="([0-9a-f]{32})"', page.text)
        assert once is not None
        return self.phone.post(f"/C/{code}?lang=en", data={"once": once[1], **AGREED, **fields})

    def joined(self) -> list[dict[str, Any]]:
        return [one["origin"] for one in self.near.facts(facts.JOINED)]

    def scans(self, live: LiveCode) -> int:
        self.near.sync()
        self.near.hub.kit.projector.catch_up()
        with self.near.hub.database.read() as reader:
            return kept.scans(reader).get(live.code_id, 0)

    def print(self, live: LiveCode, where: Any = "hub", lan: Lan | None = None) -> Job | Refused:
        asked = PrintLiveCommand(request_id=self.near.new_id(), where=where)
        done = live_codes.print_slip(self.near.node, lan or self.lan, AT_TILL_1, live.code_id, asked)
        if isinstance(done, Refused):
            return done
        with self.near.rig.db.read() as reader:
            job = print_jobs.by_id(reader, asked.request_id)
        assert job is not None
        return job


@pytest.fixture
def shops(tmp_path: Path) -> Iterator[World]:
    with world(tmp_path) as made:
        yield made


@pytest.fixture
def shop(shops: World) -> Shop:
    near, hub = shops.till("near"), shops.hub
    publisher = Publisher(hub.database, clock=hub.clock, zone=hub.kit.zone, cutoff_minutes=240)
    codes = LiveCodes(hub.shared, hub.kit.identity, publisher, "https://example.com")
    desk = Desk(near.node, link=lambda: None, devices=list)
    phone = create_guest_app(desk, Lan(), lambda _: True).test_client()
    return Shop(near, codes, phone, Lan(guest_base=lambda: HERE))


def test_a_code_leads_where_hq_said_last_with_the_uplink_cut_and_the_join_says_by_which(shop: Shop) -> None:
    live = shop.made("staff", "Lin")
    shop.codes.lead([live.code_id], TEXT, WHO)
    shop.near.sync()
    shop.near.online = False
    page = shop.look(live.code, "?lang=en")
    assert ("Autumn dishes" in page.text, "From today" in page.text, 'id="join"' in page.text) == (True, True, False)
    answer = shop.join(live.code, phone=PHONE)
    assert (answer.status_code, 'data-testid="done"' in answer.text) == (200, True)
    assert shop.joined() == [{"place": "staff", "store": "near", "code": live.code_id, "at": "Lin"}]
    # What HQ says meanwhile holds here as soon as the store hears it, and not before.
    shop.codes.stop([live.code_id], WHO)
    assert "Autumn" in shop.look(live.code, "?lang=en").text
    shop.near.online = True
    shop.near.sync()
    stopped = shop.look(live.code, "?lang=en")
    assert ("no longer in use" in stopped.text, 'id="join"' in stopped.text) == (True, False)
    with shop.near.hub.database.read() as reader:
        assert kept.joins(reader) == {live.code_id: 1}
    shop.near.verified()


def test_a_code_of_a_table_that_leads_to_the_menu_opens_the_page_of_that_table(shop: Shop) -> None:
    by_id = shop.made(target=Target(kind="menu"))
    by_name = shop.made(at=TABLE.name, target=Target(kind="menu"))
    for live in (by_id, by_name):
        answer = shop.look(live.code)
        assert answer.status_code == 303
        code = answer.headers["Location"].removeprefix("/T/")
        assert table_codes.table_of(shop.near.node, code) == TABLE
    assert 'id="join"' in shop.look(by_id.code, "?join=yes").text


def test_anywhere_else_the_menu_is_read_a_category_a_page(shop: Shop) -> None:
    for live in (shop.made("door", "", Target(kind="menu")), shop.made(at="no such table", target=Target(kind="menu"))):
        page = shop.look(live.code, "?lang=en")
        assert page.status_code == 200
        assert page.text.count("<dt>") >= 1
        parts = re.findall(r"part=(\d+)", page.text)
        assert shop.look(live.code, f"?lang=en&part={parts[-1]}").status_code == 200
        assert shop.look(live.code, "?part=99").text.count("<dt>") == shop.look(live.code, "?part=0").text.count("<dt>")


def test_forged_foreign_paused_and_unheard_of_codes_are_told_apart(shop: Shop) -> None:
    live = shop.made("door", "")
    other = keys.make_identity(b"another house")
    claims = LiveClaims(other.public.key_id, b"0123456789", "door")
    foreign = contract.assemble(claims, other.sign(contract.to_sign(claims)))
    turned = live.code[:-1] + ("A" if live.code[-1] != "A" else "B")
    for code in (turned, foreign, live.code[:-1], "nonsense", "A" * 500):
        page = shop.look(code)
        assert 'data-refused="error.live_code_wrong"' in page.text
        assert 'id="join"' not in page.text
        assert "data-refused" in shop.phone.post(f"/C/{code}", data=AGREED).text
    shop.codes.lead([live.code_id], Target(kind="off"), WHO)
    shop.near.sync()
    assert 'data-refused="error.live_code_off"' in shop.look(live.code).text
    # Made at HQ while this store heard nothing: the signature holds, so the form opens, and HQ knows the rest.
    shop.near.online = False
    wanted = Wanted(store="near", place="queue", ats=(), label=Name("取号", "Queue"))
    unheard = shop.codes.make(wanted, WHO)[0].live
    assert shop.join(unheard.code).status_code == 200
    assert shop.joined() == [{"place": "queue", "store": "near", "code": unheard.code_id}]
    shop.near.online = True


def test_no_box_is_ticked_and_the_pages_are_small_and_load_nothing_foreign(shop: Shop) -> None:
    for at, target in enumerate((Target(), TEXT, Target(kind="menu"))):
        page = shop.look(shop.made("till", str(at), target).code)
        assert (" checked" in page.text, "<script" in page.text, "Set-Cookie" in page.headers) == (False, False, False)
        assert not re.findall(r'(?:href|src|action)="(?:https?:)?//', page.text)
        files = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text))
        assert len(page.data) + sum(len(shop.phone.get(one, buffered=True).data) for one in files) <= 30_000


def test_scans_reach_hq_and_neither_a_turned_page_nor_another_language_is_one(shop: Shop) -> None:
    live = shop.made("door", "")
    shop.near.online = False
    for query in ("", "?lang=en", "?lang=en&join=yes", ""):
        shop.look(live.code, query)
    shop.near.online = True
    assert shop.scans(live) == 2
    # Faster than one a second they are told together, and none is lost.
    for _ in range(40):
        shop.look(live.code)
    told = len(shop.near.facts(contract.SCANNED))
    shop.near.rig.clock.advance(60_000)
    shop.look(live.code)
    assert len(shop.near.facts(contract.SCANNED)) == told + 1 < 43
    assert shop.scans(live) == 43


def test_without_members_a_code_shows_its_text_and_no_form(shop: Shop) -> None:
    text, form = shop.made("door", "", TEXT), shop.made("till", "1")
    shop.near.node.rules.put({"members": False})
    page = shop.look(text.code, "?lang=en").text
    assert ("Autumn dishes" in page, 'data-testid="to-join"' in page) == (True, False)
    refused = shop.look(form.code).text
    assert ('data-refused="error.members_off"' in refused, 'id="join"' in refused) == (True, False)


def test_a_code_is_printed_on_a_slip_that_leads_to_hq_or_to_the_shops_own_network(shop: Shop) -> None:
    live = shop.made("queue", "")
    [one] = live_codes.listed(shop.near.node, shop.lan).codes
    assert (one.code_id, one.place, one.leads) == (live.code_id, "queue", "join")
    for where, base in (("hub", "https://example.com"), ("house", HERE)):
        job = shop.print(live, where)
        assert isinstance(job, Job)
        slip = slip_papers.document(shop.near.node, job, PROFILES["epson-80"])
        seen = decode(encode(slip, PROFILES["epson-80"]).data)
        assert (seen.qr, "一号" in seen.text, one.short in seen.text) == ([contract.url(base, live.code)], True, True)
    assert shop.print(live, "house", Lan()) == Refused("guests_not_served")
    shop.codes.stop([live.code_id], WHO)
    shop.near.sync()
    assert shop.print(live) == Refused("live_code_stopped")
    assert live_codes.listed(shop.near.node, shop.lan).codes == ()
