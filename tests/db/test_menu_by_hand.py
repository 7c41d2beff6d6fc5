"""A manager's menu file: tried with every mistake and change, taken as a whole; dishes of the day over whatever menu is in force."""

import base64
import io
from pathlib import Path

import msgspec
import openpyxl
import pytest

from edge.domain import specials
from edge.domain.pricing import BasketLine
from edge.services.care import verify_journal
from edge.services.hub import follow_hub
from edge.services.ordering import day_specials, import_menu
from sync.contract import menu_table
from sync.contract.menu import Dish, PartChoice, PartGroup, digest
from sync.contract.sheets import File
from sync.contract.words import Name
from sync.node import tables
from tests.kit.nodes import MENU, Rig, uuid7_hex
from tests.kit.people import API, CASHIER, MANAGER, SUPERVISOR, client_of, staffed

HEAD = "code,name_zh,name_en,category,category_zh,category_en,price\n"
GROWN = msgspec.structs.replace(
    MENU,
    dishes=(
        msgspec.structs.replace(MENU.dishes[0], tax="food", course=2, packing_fen=150, allergens=("peanut", "soy")),
        MENU.dishes[1],
        msgspec.structs.replace(MENU.dishes[2], open_price=True, no_discount=True, station="bar"),
        Dish(
            id="lunch", code="L1", name=Name("套餐", "Set lunch"), category="hot", price_fen=4_500,
            parts=(
                PartGroup("main", Name("主菜", "Main"), (PartChoice("d101"), PartChoice("d103", 2, 550)), 1, 1),
                PartGroup("rice", Name("饭", "Rice"), (PartChoice("d102", 2),), 0, 1),
            ),
        ),
    ),
)  # fmt: skip


@pytest.fixture
def rig(tmp_path: Path):
    with Rig(tmp_path) as made:
        yield staffed(made)
        report = verify_journal.verify(made.node)
        assert report.ok, report.findings


def file(text: str | bytes, name: str = "menu.csv") -> dict[str, object]:
    raw = text if isinstance(text, bytes) else text.encode()
    return {"name": name, "content": base64.b64encode(raw).decode()}


def imports(client, number: int, body: dict[str, object], over: int):
    return client.post(f"{API}/menu/import", json={"request_id": uuid7_hex(number), **body, "over": over})


def codes(rig: Rig) -> list[str]:
    assert rig.node.shelf.catalogue is not None
    return [dish.code for dish in rig.node.shelf.catalogue.menu.dishes]


def test_a_table_carries_every_field_of_a_dish_there_and_back_and_an_empty_cell_keeps_it():
    raw = tables.as_csv(menu_table.rows_of(GROWN))
    again = tables.read_menu(File("m.csv", raw), GROWN)
    assert not again.mistakes
    assert digest(again.menu) == digest(GROWN)
    alone = tables.read_menu(File("m.csv", raw), msgspec.structs.replace(GROWN, dishes=()))
    assert digest(alone.menu) == digest(GROWN), "the table alone says it, where only the groups of choices are known"
    short = HEAD + "101,宫保鸡丁,Kung Pao chicken,hot,,,39.00\nL1,套餐,Set lunch,hot,,,45.00\n"
    kept = tables.read_menu(
        File("m.csv", short.encode()), msgspec.structs.replace(GROWN, dishes=(GROWN.dishes[0], GROWN.dishes[3]))
    )
    assert (kept.menu.dishes[0].allergens, kept.menu.dishes[0].packing_fen) == (("peanut", "soy"), 150)
    taken_back = "code,name_zh,name_en,category,price,allergens,open_price\n103,豆浆,Soy milk,hot,6.00,-,no\n"
    read = tables.read_menu(File("m.csv", taken_back.encode()), GROWN).menu.dishes[0]
    assert (read.allergens, read.open_price, read.no_discount) == ((), False, True)


def test_every_mistake_stands_by_its_line_and_column_and_nothing_is_written(rig):
    client = client_of(rig, MANAGER)
    before = rig.tables("sessions")
    text = (
        "code,name_zh,name_en,category,price,course,allergens,parts,open_price,packing\n"
        "101,宫保鸡丁,Kung Pao chicken,hot,39.oo,,,,,\n"
        "102,米饭,Rice,hot,3.00,12,,,,\n"
        "103,豆浆,Soy milk,soup,6.00,,plutonium,,perhaps,x\n"
        "L1,套餐,Set,hot,45.00,,,main/主菜/1-1,,\n"
    )
    found = client.post(f"{API}/menu/try", json=file(text)).json
    told = {(one["line"], one["column"], one["code"]) for one in found["mistakes"]}
    assert told == {
        (2, "price", "no_amount"), (3, "course", "no_course"), (4, "category", "new_category"), (4, "allergens", "no_allergen"),
        (4, "open_price", "no_yes"), (4, "packing", "no_amount"), (5, "parts", "no_part"),
    }  # fmt: skip
    refused = imports(client, 1, file(text), 1)
    assert (refused.status_code, refused.json["code"], refused.json["details"]) == (422, "menu_mistakes", {"count": 7})
    assert rig.tables("sessions") == before


def test_an_empty_file_is_a_mistake_like_any_other_and_takes_no_menu_away(rig):
    client, before = client_of(rig, MANAGER), codes(rig)
    tried = client.post(f"{API}/menu/try", json=file(""))
    assert (tried.status_code, [one["code"] for one in tried.get_json()["mistakes"]]) == (200, ["empty_file"])
    assert imports(client, 1, file(""), tried.get_json()["over"]).get_json()["code"] == "menu_mistakes"
    assert codes(rig) == before


def test_a_price_of_nothing_and_a_name_too_long_for_a_tile_are_told(rig):
    text = "code,name_zh,name_en,category,price\n101,宫保鸡丁,Kung Pao chicken,hot,0\n102,一二三四五六七八九十饭,Rice,hot,3.00\n"
    found = client_of(rig, MANAGER).post(f"{API}/menu/try", json=file(text)).json
    told = [
        (one["line"], one["column"], one["code"], dict(one["values"]).get("least", "")) for one in found["mistakes"]
    ]
    assert told == [(2, "price", "out_of_bounds", "0.01"), (3, "name_zh", "long_name", "")]


def test_a_workbook_is_tried_and_then_taken_over_the_menu_that_it_was_shown_against(rig):
    client = client_of(rig, MANAGER)
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("编码", "菜名", "英文名", "分类", "价格", "时价"), (101, "宫保鸡丁", "Kung Pao chicken", "hot", 60, ""),
                ("900", "清蒸鱼", "Steamed fish", "hot", 88, "是")):  # fmt: skip
        sheet.append(row)
    raw = io.BytesIO()
    book.save(raw)
    body = file(raw.getvalue(), "菜单.xlsx")
    trial = client.post(f"{API}/menu/try", json=body).json
    assert (trial["over"], trial["dishes"], trial["mistakes_n"], trial["big"]) == (1, 2, 0, ["101"])
    assert {(one["what"], one["code"]) for one in trial["changes"] if one["what"] != "changed"} >= {
        ("new", "900"),
        ("gone", "102"),
    }
    assert rig.rows("SELECT count(*) FROM menus") == [(1,)], "a trial writes nothing"
    taken = imports(client, 2, body, 1)
    assert (taken.status_code, taken.json) == (200, {"version": 2, "dishes": 2})
    assert imports(client, 2, body, 1).json == taken.json
    assert codes(rig) == ["101", "900"]
    assert rig.node.shelf.catalogue.menu.dishes[1].open_price
    stale = imports(client, 3, body, 1)
    assert (stale.status_code, stale.json["code"], stale.json["details"]) == (409, "stale_menu", {"version": 2})
    rig.restart()
    assert codes(rig) == ["101", "900"]


def test_a_menu_file_of_the_settings_says_nothing_new_until_it_changes(rig):
    assert import_menu.from_file(rig.node, MENU) == 1
    client = client_of(rig, MANAGER)
    assert imports(client, 1, file(HEAD + "101,鸡,Chicken,hot,,,40.00\n"), 1).status_code == 200
    assert import_menu.from_file(rig.node, MENU) == 2, "what the manager imported stays"
    assert codes(rig) == ["101"]
    assert import_menu.from_file(rig.node, GROWN) == 3
    assert codes(rig)[-1] == "L1"


def test_only_a_manager_imports_and_a_file_too_large_is_refused(rig):
    body = file(HEAD + "101,鸡,Chicken,hot,,,40.00\n")
    for one in (CASHIER, SUPERVISOR):
        client = client_of(rig, one)
        assert imports(client, 1, body, 1).json["code"] == "not_allowed"
        assert client.post(f"{API}/menu/try", json=body).json["code"] == "not_allowed"
        assert client.get(f"{API}/menu/table").json["code"] == "not_allowed"
    client = client_of(rig, MANAGER)
    assert client.post(f"{API}/menu/try", json=file(b"x" * 100_000)).json["mistakes"][0]["column"] == "x" * 40
    assert (
        client.post(f"{API}/menu/try", json=file(b"a,b\n" * 300_000)).json["mistakes"][-1]["code"] == "column_missing"
    )
    assert client.post(f"{API}/menu/try", json=file(b"x" * 2_500_000)).status_code == 413
    assert (
        client.post(f"{API}/menu/try", json={"name": "m.doc", "content": "eA=="}).json["mistakes"][0]["code"]
        == "no_table"
    )
    table = client.get(f"{API}/menu/table")
    assert tables.read_menu(File("m.csv", table.data), MENU).menu.dishes[:4] == MENU.dishes[:4]


def special(client, number: int, special_id: int, **said: object):
    body = {
        "request_id": uuid7_hex(number),
        "code": "T1",
        "name_zh": "清明螺",
        "name_en": "Snails",
        "price_fen": 5_800,
        **said,
    }
    return client.post(f"{API}/specials/{uuid7_hex(special_id)}", json=body)


def test_a_dish_of_the_day_is_sold_at_once_and_gone_with_its_day(rig):
    client = client_of(rig, SUPERVISOR)
    answer = special(client, 1, 70)
    assert answer.status_code == 200, answer.text
    assert (answer.json["menu_version"], answer.json["until"]) == (2, rig.node.place().day)
    menu = rig.node.shelf.catalogue.menu
    assert (menu.categories[-1].id, menu.dishes[-1].code) == ("today-special", "T1")
    sold = rig.sell(90, lines=(BasketLine(dish_id=day_specials.dish_id_of(uuid7_hex(70)), qty=2),))
    assert sold.total_fen == 11_600
    assert [one["dish"]["code"] for one in client.get(f"{API}/specials").json["specials"]] == ["T1"]
    clash = special(client, 2, 71, code="102")
    assert (clash.status_code, clash.json["code"]) == (422, "bad_special")
    assert special(client, 3, 71, code="T2", category="nowhere").json["code"] == "bad_special"
    assert special(client, 4, 71, until="2027-09-09").json["code"] == "malformed"
    assert special(client_of(rig, CASHIER), 5, 71, code="T2").json["code"] == "not_allowed"
    # An import keeps it: it is of the day and not of the menu.
    assert imports(client_of(rig, MANAGER), 6, file(HEAD + "101,鸡,Chicken,hot,,,40.00\n"), 2).status_code == 200
    assert codes(rig) == ["101", "T1"]
    rig.clock.advance(24 * 3_600_000)
    follow_hub.follow(rig.node)
    assert codes(rig) == ["101"]
    assert [one.id for one in rig.node.shelf.catalogue.menu.categories] == ["hot"]
    follow_hub.follow(rig.node)
    assert rig.rows("SELECT max(version) FROM menus") == [(4,)], "done anew it changes nothing"


def test_a_dish_of_the_day_is_changed_and_taken_off(rig):
    client = client_of(rig, MANAGER)
    assert special(client, 1, 70, category="hot", until="2026-09-30").status_code == 200
    assert special(client, 2, 70, price_fen=6_000).json["dish"]["price_fen"] == 6_000
    assert [dish.price_fen for dish in rig.node.shelf.catalogue.menu.dishes if dish.code == "T1"] == [6_000]
    assert special(client, 3, 70, on=False).json["dish"] is None
    assert "T1" not in codes(rig)
    assert client.get(f"{API}/specials").json["specials"] == []
    assert special(client, 4, 72, code="").status_code == 422


def test_a_menu_without_dishes_of_the_day_is_what_it_was_to_the_byte():
    assert specials.laid(MENU, []) is MENU
    dish = Dish(id="special-x", code="T9", name=Name("鱼", "Fish"), category="gone", price_fen=100)
    over = specials.laid(MENU, [dish])
    assert specials.without(over, {"special-x"}) == MENU
