"""Live codes at HQ: made, led elsewhere and stopped without new paper; what a phone sees there; joins and scans by code."""

import io
import re
import zlib
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import msgspec
import pytest
import zxingcpp
from flask.testing import FlaskClient
from PIL import Image

from cloud.app import create_guest_app
from cloud.db import live_codes as rows
from cloud.domain.roles import Role
from cloud.services import live_sheets
from cloud.services.accounts import Who
from cloud.services.live_codes import LiveLine, Wanted
from cloud.services.live_sheets import Card
from cloud.services.members.desk import MemberDesk
from cloud.services.members.shared import BadDeed
from cloud.services.publish import Order
from cloud.services.streams import state_at_head
from cloud.wiring import Core
from sync.contract import live_codes as contract
from sync.contract import members as facts
from sync.contract import streams as names
from sync.contract.facts import Lane
from sync.contract.live_codes import LiveClaims, LiveCode, LiveCodeScanned, Target
from sync.contract.member_cards import Profile
from sync.contract.members import Consent, MemberJoined, Origin
from sync.contract.menu import Category, Dish, Menu
from sync.contract.sheets import File
from sync.contract.words import Name
from sync.node import keys
from sync.node.ports import ManualClock
from tests.hub.test_hub_people_http import Hub, hub, send
from tests.kit.hub_stores import EVENING_MS, PUBLIC_URL, StoreByHand, open_hub

__all__ = ["hub"]

WHO = Who("lin")
TEXT = Target(
    kind="text", title=Name("秋天的菜", "Autumn dishes"), body=Name("今天起\n有新菜", "From today\nnew dishes")
)


@dataclass
class House:
    core: Core
    clock: ManualClock
    store: StoreByHand
    guest: FlaskClient

    def made(self, place="table", ats=("A1",), target=None) -> tuple[LiveLine, ...]:
        wanted = Wanted(
            store="near", place=place, ats=ats, label=Name("{at} 桌", "Table {at}"), target=target or Target()
        )
        return self.core.hub.live_codes.make(wanted, WHO)

    def one(self, **how) -> LiveCode:
        return self.made(**how)[0].live

    def look(self, live, query=""):
        return self.guest.get(f"/C/{live if isinstance(live, str) else live.code}{query}")

    def join(self, live, **fields):
        path = f"/C/{live.code}?lang=en&join=yes"
        once = re.search(r'name="once" value="([0-9a-f]{32})"', self.guest.get(path).text)
        assert once is not None
        return self.guest.post(path, data={"once": once[1], "purpose_membership": "yes", **fields})

    def line(self, live) -> LiveLine:
        return next(one for one in self.core.hub.live_codes.listed() if one.live.code_id == live.code_id)

    def stream(self) -> dict[str, LiveCode]:
        with self.core.database.read() as reader:
            state = state_at_head(reader, names.own(names.LIVE_CODES, "near"))
        return {key: contract.read(value) for key, value in state.items()}

    def origins(self):
        return [(one.place, one.at, one.code, one.joins) for one in self.core.hub.live_codes.origins()]


@pytest.fixture
def house(tmp_path, hub_url):
    clock = ManualClock(EVENING_MS)
    core = open_hub(tmp_path, clock, hub_url)
    store = StoreByHand(core, "near", Name("近店", "Near"), clock)
    yield House(core, clock, store, create_guest_app(core.hub).test_client())
    core.hub.members.close()
    core.database.close()


def member_ids(desk: MemberDesk) -> list[str]:
    return [line.member_id for line in desk.newest()]


# ------------------------------------------------------------------------------------------------------- where it leads


def test_a_code_leads_where_hq_says_now_and_its_store_hears_each_change(house: House) -> None:
    live = house.one()
    assert 'id="join"' in house.look(live).text
    assert house.stream()[live.code_id] == live
    codes = house.core.hub.live_codes
    codes.lead([live.code_id], TEXT, WHO)
    page = house.look(live, "?lang=en").text
    assert ("Autumn dishes" in page, "new dishes" in page, 'id="join"' in page) == (True, True, False)
    assert house.stream()[live.code_id].target == TEXT
    codes.lead([live.code_id], Target(kind="off"), WHO)
    assert "leads nowhere just now" in house.look(live, "?lang=en").text
    codes.stop([live.code_id], WHO)
    assert "no longer in use" in house.look(live, "?lang=en").text
    assert house.stream()[live.code_id].stopped
    with pytest.raises(BadDeed, match="stopped"):
        codes.lead([live.code_id], Target(), WHO)


def test_the_menu_behind_a_code_is_the_one_published_a_category_a_page(house: House) -> None:
    live = house.one(target=Target(kind="menu"))
    assert 'id="no-menu"' in house.look(live).text
    menu = Menu(
        currency="CNY",
        categories=(Category("c1", Name("凉菜", "Cold")), Category("c2", Name("汤", "Soups"))),
        dishes=(
            Dish(id="d1", code="1", name=Name("拍黄瓜", "Cucumber"), category="c1", price_fen=1800),
            Dish(id="d2", code="2", name=Name("鸡汤", "Chicken soup"), category="c2", price_fen=4800),
        ),
    )
    publish = house.core.hub.publisher.publish
    assert publish(Order(what="menu", file=File("menu.json", msgspec.json.encode(menu)))).ok
    assert publish(Order(what="prices", file=File("p.csv", b"code,price\n2,52.00"), stores=("near",))).ok
    first, second = house.look(live, "?lang=en").text, house.look(live, "?lang=en&part=1").text
    assert ("Cucumber" in first, "18.00" in first, "Chicken" in first) == (True, True, False)
    assert ("52.00" in second, "Cucumber" in second) == (True, False)
    assert house.look(live, "?part=9").status_code == house.look(live, "?part=²").status_code == 200


def test_forged_foreign_and_misspelt_codes_are_told_apart_from_ours(house: House) -> None:
    live = house.one()
    turned = live.code[:-1] + ("A" if live.code[-1] != "A" else "B")
    other = keys.make_identity(b"another house")
    claims = LiveClaims(other.public.key_id, b"0123456789", "table")
    foreign = contract.assemble(claims, other.sign(contract.to_sign(claims)))
    for code in (turned, foreign, live.code[:-1], "nonsense", "%00", live.code + "A"):
        page = house.look(code, "?lang=en")
        assert (page.status_code, "not a code of ours" in page.text, 'id="join"' in page.text) == (200, True, False)
    assert house.line(live).scans == 0


def test_a_code_that_a_hub_forgot_when_it_was_set_back_still_leads_to_the_form(house: House) -> None:
    own = house.core.identity
    claims = LiveClaims(own.public.key_id, b"9876543210", "door")
    code = contract.assemble(claims, own.sign(contract.to_sign(claims)))
    assert 'id="join"' in house.look(code).text


def test_the_pages_are_small_without_script_and_cookie_and_no_box_is_ticked(house: House) -> None:
    for target in (Target(), TEXT, Target(kind="menu")):
        page = house.look(house.one(ats=(target.kind,), target=target))
        files = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', page.text))
        assert len(page.data) + sum(len(house.guest.get(one, buffered=True).data) for one in files) <= 30_000
        assert ("<script" in page.text, " checked" in page.text, "Set-Cookie" in page.headers) == (False, False, False)


# -------------------------------------------------------------------------------------------------- counts and first touch


def test_a_join_keeps_the_code_that_brought_it_and_is_counted_once(house: House) -> None:
    table, badge = house.one(), house.one(place="staff", ats=("Lin",))
    house.look(table)
    house.look(table, "?lang=en")
    house.look(badge)
    assert (house.line(table).scans, house.line(badge).scans) == (1, 1)
    assert house.join(table, phone="13800138000").status_code == 200
    [line] = house.core.hub.members.desk.newest()
    row = house.core.hub.members.desk.page(line.member_id).member
    assert (row.home_store, row.place, row.code, row.at) == ("near", "table", table.code_id, "A1")
    # Whoever is a member already joins by nothing: what brought them first stays.
    house.join(badge, phone="138-0013-8000")
    assert (house.line(table).joins, house.line(badge).joins) == (1, 0)
    assert house.origins() == [("table", "A1", table.code_id, 1)]


def test_a_form_that_is_not_whole_makes_nobody(house: House) -> None:
    live = house.one()
    answer = house.join(live, purpose_membership="no")
    assert (answer.status_code, 'id="refusal"' in answer.text) == (400, True)
    assert house.core.hub.members.desk.count() == 0


def test_two_joins_that_turn_out_to_be_one_person_came_by_the_first(house: House) -> None:
    table, badge = house.one(), house.one(place="staff", ats=("Lin",))
    house.join(table, name="One")
    house.clock.advance(60_000)
    house.join(badge, name="Other")
    desk = house.core.hub.members.desk
    later, first = member_ids(desk)
    assert {(place, n) for place, _, _, n in house.origins()} == {("table", 1), ("staff", 1)}
    # The one that came later is kept; what brought the person is what brought them first.
    desk.merge(first, later, WHO, "the same person")
    assert house.origins() == [("table", "A1", table.code_id, 1)]


def test_scans_that_a_store_tells_of_are_counted_and_a_replay_counts_the_same(house: House) -> None:
    live = house.one()
    house.look(live)
    for scans in (3, 4):
        body = LiveCodeScanned(code_id=live.code_id, place="table", scans=scans)
        house.store.write(Lane.OPERATIONS, contract.SCANNED, msgspec.json.encode(body), EVENING_MS)
    house.store.deliver()
    house.core.projector.catch_up()
    assert house.line(live).scans == 8
    house.core.projector.replay()
    assert house.line(live).scans == 8


def test_a_join_that_a_store_tells_of_counts_for_its_code(house: House) -> None:
    live = house.one(place="queue")
    body = MemberJoined(
        member_id="a" * 32,
        origin=Origin(place="queue", store="near", code=live.code_id),
        consents=(Consent(purpose="membership", given=True, text="t", channel="phone"),),
        key_id="k",
    )
    house.store.write(Lane.TRADE, facts.JOINED, msgspec.json.encode(body), EVENING_MS)
    house.store.deliver()
    house.core.hub.members.booker.catch_up()
    assert house.line(live).joins == 1
    assert house.origins() == [("queue", "", live.code_id, 1)]
    with house.core.database.read() as reader:
        assert rows.origins(reader, "2027-01-01", "2027-12-31") == []


# ----------------------------------------------------------------------------------------------------------- making and paper


def test_what_cannot_be_made_is_refused_with_a_sentence_and_nothing_is_made(house: House) -> None:
    make = house.core.hub.live_codes.make
    for wanted in (
        Wanted(store="nowhere", place="door", ats=(), label=Name("门", "Door")),
        Wanted(store="near", place="table", ats=()),
        Wanted(store="near", place="table", ats=("x" * 33,)),
        Wanted(store="near", place="table", ats=("A1",), label=Name("一" * 41, "One")),
        Wanted(store="near", place="door", ats=()),
        Wanted(store="near", place="table", ats=tuple(f"A{n}" for n in range(201))),
        Wanted(store="near", place="table", ats=("A1",), target=Target(kind="text")),
    ):
        with pytest.raises(BadDeed):
            make(wanted, WHO)
    assert house.core.hub.live_codes.listed() == ()


def test_a_sheet_shows_every_code_with_its_words_and_so_does_a_poster(house: House) -> None:
    lines = house.made(ats=tuple(f"A{n}" for n in range(1, 8)))
    cards = [Card(line.url, "近店", line.live.label.zh, line.live.label.en, line.short) for line in lines]
    sheet = live_sheets.pdf(cards, 4)
    assert sheet.startswith(b"%PDF-1.4")
    assert sheet.count(b"/Type/Page/") == 2
    assert [read_back(part) for part in squares(sheet)] == [line.url for line in lines]
    for line in lines:
        assert line.live.label.zh.encode("utf-16-be").hex().encode() in sheet
    assert every_object_stands_where_the_table_says(sheet)
    drawn = Image.open(io.BytesIO(live_sheets.png(cards[0])))
    assert read(drawn) == lines[0].url
    assert len(lines[0].url) <= 180
    poster = live_sheets.svg(Card(cards[0].url, "A <& B", "甲", "甲", "x"))
    assert [one.text for one in ET.fromstring(poster).iter("{http://www.w3.org/2000/svg}text")] == ["A <& B", "甲", "x"]


def squares(sheet: bytes) -> list[list[list[float]]]:
    """The dark rectangles of each code of a sheet: behind each box's outline up to the fill."""
    found = []
    for drawn in re.findall(rb"stream\n(.*?)endstream", sheet, re.DOTALL):
        for box in drawn.split(b" re S 0 g\n")[1:]:
            body = box.partition(b"f\n")[0]
            found.append([[float(part) for part in one.split()[:4]] for one in body.strip().splitlines()])
    return found


def read_back(rectangles) -> str:
    left, top = min(one[0] for one in rectangles), max(one[1] + one[3] for one in rectangles)
    module = rectangles[0][3]
    side = round((max(one[0] + one[2] for one in rectangles) - left) / module)
    picture = Image.new("L", (side + 8, side + 8), 255)
    for x, y, wide, high in rectangles:
        column, row = round((x - left) / module) + 4, round((top - y - high) / module) + 4
        picture.paste(0, (column, row, column + round(wide / module), row + 1))
    return read(picture.resize((picture.width * 4, picture.height * 4)))


def read(picture: Image.Image) -> str:
    found = zxingcpp.read_barcode(picture)
    assert found is not None
    text: str = found.text
    return text


def every_object_stands_where_the_table_says(sheet: bytes) -> bool:
    begins = int(sheet.rsplit(b"startxref\n", 1)[1].split()[0])
    places = [int(one) for one in re.findall(rb"(\d{10}) 00000 n ", sheet[begins:])]
    return all(sheet[place:].startswith(b"%d 0 obj" % number) for number, place in enumerate(places, start=1))


def test_paper_is_the_same_each_time(house: House) -> None:
    card = Card(house.made()[0].url, "近店", "A1", "A1", "x")
    assert zlib.crc32(live_sheets.pdf([card], 1)) == zlib.crc32(live_sheets.pdf([card], 1))


# ------------------------------------------------------------------------------------------------------- pages of the console


@pytest.fixture
def shop(hub: Hub) -> StoreByHand:
    return StoreByHand(hub.core, "near", Name("近店", "Near"), hub.clock)


def test_marketing_makes_prints_leads_and_stops_codes_on_one_page(hub: Hub, shop: StoreByHand) -> None:
    desk = hub.as_role(Role.MARKETER)
    made = send(
        desk, "/live-codes", store=shop.store, place="table", ats="A1\r\nA2\r\n", label_zh="{at} 桌", target="join"
    )
    assert made.status_code == 303
    page = desk.get("/live-codes").text
    ids = re.findall(r'<tr data-code="([0-9a-f]{20})"', page)
    assert len(ids) == 2
    assert "A2 桌" in page
    pdf = send(desk, "/live-codes/sheet", "/live-codes", code=ids[0], per_page="6")
    assert (pdf.headers["Content-Type"], pdf.data[:5]) == ("application/pdf", b"%PDF-")
    png = desk.get(f"/live-codes/{ids[0]}.png")
    assert read(Image.open(io.BytesIO(png.data))).startswith(f"{PUBLIC_URL}/C/".upper())
    assert desk.get(f"/live-codes/{ids[0]}.svg").headers["Content-Type"] == "image/svg+xml"
    where = "/live-codes"
    assert send(desk, "/live-codes/lead", where, code=ids[0], target="text").status_code == 422
    led = send(desk, "/live-codes/lead", where, code=ids[0], target="text", title_zh="新菜", body_zh="来尝尝")
    assert led.status_code == 303
    assert "新菜" in desk.get(where).text
    assert send(desk, "/live-codes/stop", where, code=ids[0]).status_code == 422
    assert send(desk, "/live-codes/stop", where, code=ids[0], sure="yes").status_code == 303
    assert 'data-target="stopped"' in desk.get(where).text
    assert send(desk, "/live-codes/sheet", where, per_page="6").status_code == 422
    assert [line.live.stopped for line in hub.core.hub.live_codes.listed()] == [False, True]


def test_a_refused_form_keeps_what_was_filled_in(hub: Hub, shop: StoreByHand) -> None:
    desk = hub.as_role(Role.MARKETER)
    filled = {"store": shop.store, "place": "table", "ats": "A1\r\nB2", "label_zh": "一" * 41, "label_en": "Table",
              "target": "text", "title_zh": "新菜", "body_zh": "来尝尝"}  # fmt: skip
    refused = send(desk, "/live-codes", **filled)
    assert refused.status_code == 422
    for kept in (
        '<option value="table" selected>', '<option value="text" selected>', ">A1\r\nB2</textarea>", f'value="{"一" * 40}',
        'value="Table"', 'value="新菜"', ">来尝尝</textarea>",
    ):  # fmt: skip
        assert kept in refused.text, kept
    assert "A1" not in desk.get("/live-codes").text


def test_a_table_has_one_code_that_holds(hub: Hub, shop: StoreByHand) -> None:
    desk = hub.as_role(Role.MARKETER)
    asked = {"store": shop.store, "place": "table", "target": "join"}
    assert send(desk, "/live-codes", ats="A1\r\nA2", **asked).status_code == 303
    again = send(desk, "/live-codes", ats="A2\r\nA3", **asked)
    assert again.status_code == 422
    assert "已有在用的码：A2。" in again.text
    assert len(hub.core.hub.live_codes.listed()) == 2
    held = next(line for line in hub.core.hub.live_codes.listed() if line.live.at == "A2")
    assert send(desk, "/live-codes/stop", "/live-codes", code=held.live.code_id, sure="yes").status_code == 303
    assert send(desk, "/live-codes", ats="A2\r\nA3", **asked).status_code == 303
    # At another place, or at a door that has several, it is another paper.
    assert send(desk, "/live-codes", ats="A1", **{**asked, "place": "till"}).status_code == 303
    door = {**asked, "place": "door", "label_zh": "店门"}
    assert [send(desk, "/live-codes", **door).status_code for _ in range(2)] == [303, 303]


def test_finance_reads_codes_and_origins_and_makes_none(hub: Hub, shop: StoreByHand) -> None:
    made = hub.core.hub.live_codes.make(Wanted(store=shop.store, place="door", ats=(), label=Name("店门", "Door")), WHO)
    origin = Origin(place="door", store=shop.store, code=made[0].live.code_id)
    yes = (Consent(purpose="membership", given=True, text="v1", channel="phone"),)
    hub.core.hub.members.joining.join(Profile(), yes, origin)
    reader = hub.as_role(Role.FINANCE)
    page = reader.get("/live-codes").text
    assert ('id="make"' in page, 'id="lead"' in page) == (False, False)
    origins = reader.get("/live-codes/origins?from=2026-11-01").text
    assert ('data-place="door"' in origins, "店门" in origins) == (True, True)
    assert 'data-place="door"' not in reader.get("/live-codes/origins?to=2026-11-01").text
    assert send(reader, "/live-codes/stop", "/live-codes", sure="yes").status_code == 403
