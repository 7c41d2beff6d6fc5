"""Publishing at HQ: a diff before anything is written, every mistake at once with its line and remedy, undo by number."""

import io
import json
import threading
from typing import Any

import msgspec
import openpyxl
import pytest
from click.testing import CliRunner

from cloud import wiring
from cloud.cli import main
from cloud.db import publications as table
from cloud.services import publish as publishing
from cloud.services import streams
from cloud.services.publish import Order, Publisher
from cloud.settings import load
from sync.contract import publications
from sync.contract.menu import checked
from sync.contract.sheets import File
from sync.engine.memory import MemoryBroker
from tests.kit.down import PRICED
from tests.kit.hub_store import HubKit, zone
from tests.kit.nodes import MENU

WIDE = msgspec.structs.replace(
    PRICED,
    dishes=tuple(
        msgspec.structs.replace(PRICED.dishes[1], id=f"n{n}", code=f"{n:03d}", price_fen=1_000 + n) for n in range(400)
    ),
)


@pytest.fixture
def hub(tmp_path, hub_database):
    made = HubKit(hub_database, tmp_path)
    made.enrolled("s1")
    made.rung = 0
    return made


@pytest.fixture
def publisher(hub):
    return Publisher(hub.database, clock=hub.clock, zone=zone(), cutoff_minutes=240, on_stream=hub._ring)


def menu(publisher, made=PRICED, **order):
    return publisher.publish(Order(what="menu", file=File("menu.json", msgspec.json.encode(made)), **order))


def prices(publisher, *lines: str, head: str = "code,price", name: str = "p.csv", **order):
    text = "\n".join((head, *lines))
    return publisher.publish(Order(what="prices", file=File(name, text.encode()), **order))


def written(hub) -> dict[str, int]:
    with hub.database.read() as reader:
        return {name: version for name, version in streams.heads(reader, "s1").items() if name != "stores"}


def mistakes(outcome) -> list[tuple[int, str, str]]:
    assert not outcome.ok
    assert all(one.wrong and one.remedy for one in outcome.mistakes)
    return [(one.line, one.column, one.wrong) for one in outcome.mistakes]


def test_a_publication_is_whole_in_its_stream_and_rings_once(hub, publisher):
    assert menu(publisher, WIDE).ok
    with hub.database.read() as reader:
        items = streams.state_at_head(reader, "menu")
    (head,) = publications.heads_of(items)
    assert head.parts > 1
    assert checked(publications.document_of(items, head)) == WIDE
    assert hub.rung == 1
    same = menu(publisher, WIDE)
    assert (same.published[0].number, same.published[0].changes) == (0, ())
    assert "says the same already" in publishing.as_text(same)


def test_a_dry_run_shows_every_change_and_writes_nothing(hub, publisher):
    menu(publisher)
    before = written(hub)
    dishes = list(PRICED.dishes)
    dishes[0] = msgspec.structs.replace(dishes[0], price_fen=4_200)
    dishes[1] = msgspec.structs.replace(dishes[1], id="d900", code="900", price_fen=500)
    outcome = menu(publisher, msgspec.structs.replace(PRICED, dishes=tuple(dishes)), dry_run=True)
    assert outcome.ok
    assert outcome.published[0].number == 0
    told = [(change.what, change.code, change.field, change.old, change.new) for change in outcome.published[0].changes]
    assert told == [
        ("changed", "101", "price", "38.00", "42.00"),
        ("new", "900", "", "", "5.00"),
        ("gone", "102", "", "3.00", ""),
    ]
    text = publishing.as_text(outcome)
    assert "price 38.00 → 42.00" in text
    assert "nothing was written" in text
    assert written(hub) == before
    assert hub.rung == 1


def test_every_mistake_of_a_price_list_is_told_with_its_line_and_nothing_is_written(hub, publisher):
    menu(publisher)
    before = written(hub)
    outcome = prices(publisher, "101,39.00", "777,10.00", "102,-3", "103,0", "101,40.00", "10 1,5", "104,12.345", "105,x",
                     "101,99999999")  # fmt: skip
    told = mistakes(outcome)
    assert sorted({(line, column) for line, column, _ in told}) == [
        (3, "code"), (4, "price"), (5, "price"), (6, "code"), (7, "code"), (8, "price"), (9, "price"), (10, "code"),
        (10, "price"),
    ]  # fmt: skip
    assert "stands in line 2 already" in " ".join(wrong for _, _, wrong in told)
    assert written(hub) == before


def test_codes_that_the_menu_lacks_and_jumps_by_more_than_half_are_told_together(hub, publisher):
    menu(publisher)
    told = mistakes(prices(publisher, "101,60.00", "777,10.00"))
    assert [(line, column) for line, column, _ in told] == [(2, "price"), (3, "code")]
    assert "goes from 38.00 to 60.00" in told[0][2]
    assert mistakes(prices(publisher, "101,18.00")), "half as cheap is a slip of the finger too"
    assert prices(publisher, "101,57.00").ok, "exactly half is not more"
    assert prices(publisher, "101,18.00", allow_big_changes=True).ok


def test_a_bad_amount_hides_neither_unknown_codes_nor_jumps_and_makes_none_up(hub, publisher):
    menu(publisher)
    assert prices(publisher, "102,9.00", allow_big_changes=True).ok
    before = written(hub)
    told = mistakes(prices(publisher, "101,60.00", "102,4o.00", "777,10.00", "778,x"))
    assert [(line, column) for line, column, _ in told] == [
        (2, "price"), (3, "price"), (4, "code"), (5, "price"), (5, "code"),
    ]  # fmt: skip
    assert "102 goes" not in str(told), "a misread line is no way back to the menu's price"
    assert "102 goes from 9.00 to 3.00" in str(mistakes(prices(publisher, "101,39.00"))), "to be left out is one"
    assert written(hub) == before


def test_a_menu_tells_what_is_wrong_with_lines_and_whole_together(publisher):
    menu(publisher)
    head = "code,name_zh,name_en,category,price,modifier_groups"
    long = "x" * 300
    lines = (head, "101,宫保鸡丁,Kung Pao Chicken,hot,90.00,", "102,米饭,Rice,hot,3,50,", f"103,{long},Tea,hot,5.00,none",
             "104,茶,Tea,drinks,x,", "105,,Tea,drinks,4.00,")  # fmt: skip
    outcome = publisher.publish(Order(what="menu", file=File("m.csv", "\n".join(lines).encode())))
    told = mistakes(outcome)
    assert [(line, column) for line, column, _ in told if line] == [
        (2, "price"), (3, "modifier_groups"), (4, "modifier_groups"), (5, "price"), (5, "category"), (6, "name_zh"),
    ]  # fmt: skip
    assert [wrong for line, _, wrong in told if not line] == ["dish 'd103': a name may have 120 characters"]
    assert not [wrong for _, _, wrong in told if "costs nothing" in wrong], "a price that cannot be read is not zero"
    whole = msgspec.structs.replace(PRICED, dishes=(
        msgspec.structs.replace(PRICED.dishes[0], price_fen=9_900),
        msgspec.structs.replace(PRICED.dishes[1], price_fen=0, category="nowhere"),
    ))  # fmt: skip
    together = " ".join(wrong for _, _, wrong in mistakes(menu(publisher, whole)))
    assert all(word in together for word in ("no category 'nowhere'", "costs nothing", "101 goes from 38.00 to 99.00"))


def test_what_is_wrong_at_several_stores_is_told_for_all_of_them_and_of_the_file_once(hub, publisher):
    hub.enrolled("s2", b"two")
    menu(publisher)
    assert menu(publisher, WIDE, stores=("s2",), allow_big_changes=True).ok
    told = mistakes(prices(publisher, "101,60.00", "102,x", stores=("s1", "s2")))
    assert [(line, wrong) for line, _, wrong in told] == [
        (2, "101 goes from 38.00 to 60.00 at s1, by more than half"),
        (2, "101 goes from 11.01 to 60.00 at s2, by more than half"),
        (3, "'x' is no amount"),
    ]


@pytest.mark.parametrize(
    ("line", "head", "wrong"),
    [
        ("101,40,50", "code,price", "it has 3 cells, the head 2"),
        ("101,1,040.00", "code,price,", "its cell 3 stands under no name"),
        ('101,"40,50"', "code,price", "'40,50' is no amount"),
        ('101,"40"50', "code,price", "not a table"),
        ("101,4_0", "code,price", "'4_0' is no amount"),
        ("101,40.00,4050", "code,price,price_fen", "4050 fen are not 40.00"),
    ],
)
def test_a_line_that_could_be_read_two_ways_is_refused_and_never_sold_at_either(publisher, line, head, wrong):
    menu(publisher)
    told = mistakes(prices(publisher, line, head=head))
    assert [at for at, _, text in told if wrong in text] == [2], told


@pytest.mark.parametrize("line", ["101,40.5,", "101,40.50,,,", "101,40.50,4050", "101,,4050", "101,¥40.50"])
def test_a_line_with_one_reading_is_taken(publisher, line):
    menu(publisher)
    outcome = prices(publisher, line, head="code,price,price_fen")
    assert [change.new_fen for change in outcome.published[0].changes] == [4_050]


@pytest.mark.parametrize(
    ("content", "name", "wrong"),
    [
        (b"", "p.csv", "the file is empty"),
        (b"code,price\n", "p.csv", "no line below its head"),
        (b"dish,amount\n1,2\n", "p.csv", "the column code, price is missing"),
        (b"code,price,colour\n101,39,red\n", "p.csv", "no such column"),
        (b"code,prise\n101,39\n", "p.csv", "no such column is known the column price is missing"),
        (b"PK\x03\x04 not really", "p.xlsx", "no XLSX workbook"),
        (b"\xff\xff\xfe\x80", "p.csv", "neither UTF-8 nor GB 18030"),
        (b"x" * (9 << 20), "p.csv", "more than 8 MB"),
        (b"code,price\n101,39\n", "p.doc", "neither CSV nor XLSX"),
    ],
)
def test_a_file_that_is_no_price_list_is_refused_with_what_to_do(publisher, content, name, wrong):
    menu(publisher)
    outcome = publisher.publish(Order(what="prices", file=File(name, content)))
    assert wrong in " ".join(text for _, _, text in mistakes(outcome))


def test_a_workbook_and_chinese_headings_say_the_same_as_csv(publisher):
    menu(publisher)
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("编码", "菜名", "价格"), (101, "宫保鸡丁", 39.5), ("102", "米饭", 4)):
        sheet.append(row)
    raw = io.BytesIO()
    book.save(raw)
    outcome = publisher.publish(Order(what="prices", file=File("价格.xlsx", raw.getvalue())))
    assert [(change.code, change.new) for change in outcome.published[0].changes] == [("101", "39.50"), ("102", "4.00")]
    again = publisher.publish(
        Order(what="prices", file=File("p.csv", "编码,价格\n101,39.5\n102,4\n".encode("gb18030")))
    )
    assert again.published[0].changes == ()


def test_a_flat_menu_keeps_the_groups_that_a_table_cannot_say(publisher):
    menu(publisher)
    flat = (
        "code,name_zh,name_en,category,category_zh,category_en,price\n"
        "101,宫保鸡丁,Kung Pao chicken,hot,,,39.00\n"
        "500,凉面,Cold noodles,cold,凉菜,Cold dishes,18.00\n"
    )
    outcome = publisher.publish(Order(what="menu", file=File("menu.csv", flat.encode())))
    assert outcome.ok, outcome
    with publisher._database.read() as reader:
        row = publisher.in_force(reader, "menu", "", publisher.today())
    made = checked(row.document)
    assert [(dish.id, dish.code, dish.modifier_groups) for dish in made.dishes] == [
        ("d101", "101", ("spice", "extra")), ("500", "500", ()),
    ]  # fmt: skip
    assert [group.id for group in made.modifier_groups] == ["spice", "extra", "size"]
    wrong = flat + "501,面,Noodles,soup,,,20.00\n502,,Rice,hot,,,0\n"
    told = mistakes(publisher.publish(Order(what="menu", file=File("menu.csv", wrong.encode()))))
    assert [(line, column) for line, column, _ in told] == [(4, "category"), (5, "price"), (5, "name_zh")]


def test_a_dish_for_nothing_needs_to_be_meant(publisher):
    assert [column for _, column, _ in mistakes(menu(publisher, MENU))] == ["105"]
    assert menu(publisher, MENU, allow_free=True).ok


@pytest.mark.parametrize("day", ["2026-13-01", "tomorrow", "20261201", "2026-09-20", "2026-09-21"])
def test_a_day_that_is_none_or_has_begun_is_refused(publisher, day):
    assert publisher.today() == "2026-09-21"
    assert mistakes(menu(publisher, effective_from=day))


def test_a_dated_list_is_judged_against_what_holds_on_its_day(publisher):
    menu(publisher)
    assert prices(publisher, "101,50.00", effective_from="2026-10-01").ok
    told = prices(publisher, "101,60.00", effective_from="2026-10-02").published[0].changes
    assert [(change.old, change.new) for change in told] == [("50.00", "60.00")]
    now = prices(publisher, "101,40.00").published[0].changes
    assert [(change.old, change.new) for change in now] == [("38.00", "40.00")]


def test_a_stores_own_list_is_judged_against_its_own_and_unknown_stores_are_named(publisher, hub):
    menu(publisher)
    prices(publisher, "101,40.00")
    own = prices(publisher, "101,45.00", stores=("s1",)).published[0]
    assert (own.stream, own.changes[0].old) == ("prices.s1", "40.00")
    assert "there is no store s9" in str(mistakes(prices(publisher, "101,45.00", stores=("s1", "s9"))))
    assert "prices.s1" in written(hub)


def test_undo_publishes_the_content_of_an_earlier_number(publisher, hub):
    menu(publisher)
    prices(publisher, "101,40.00")
    prices(publisher, "101,45.00")
    again = publisher.publish(Order(what="prices", version=1))
    assert again.published[0].number == 3
    with hub.database.read() as reader:
        rows = table.publications_of(reader, "prices")
    assert rows[2].document == rows[0].document
    assert rows[2].again == 1
    assert "there are 1 to 3" in publishing.as_text(publisher.publish(Order(what="prices", version=9)))


def test_the_stream_keeps_the_newest_and_what_waits_and_the_table_keeps_all(publisher, hub):
    menu(publisher)
    prices(publisher, "101,50.00", effective_from="2026-10-01")
    for number in range(9):
        assert prices(publisher, f"101,{40 + number}.00").ok
    with hub.database.read() as reader:
        held = publications.heads_of(streams.state_at_head(reader, "prices"))
        assert len(table.publications_of(reader, "prices")) == 10
    assert [head.number for head in held] == [1, 6, 7, 8, 9, 10]


def test_two_who_publish_at_once_get_numbers_without_a_hole(publisher, hub):
    menu(publisher, WIDE)
    outcomes = []
    threads = [
        threading.Thread(target=lambda n=n: outcomes.append(prices(publisher, f"001,{10 + n / 100:.2f}")))
        for n in range(2, 8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with hub.database.read() as reader:
        rows = table.publications_of(reader, "prices")
        held = publications.heads_of(streams.state_at_head(reader, "prices"))
    assert [row.number for row in rows] == list(range(1, len(rows) + 1))
    assert len(rows) == 6
    assert held[-1].number == 6


# The command


def config(tmp_path) -> str:
    path = tmp_path / "hub.toml"
    path.write_text(
        'data_dir = "data"\npublic_url = "https://example.com"\nweb = { port = 0 }\nguest = { port = 0 }\n'
        "broker = { port = 1883 }\n",
        encoding="utf-8",
    )
    (tmp_path / "data").mkdir(exist_ok=True)
    return str(path)


def run(*args: str) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(main, [*args, "--json"])
    return result.exit_code, json.loads(result.output.splitlines()[-1])


def test_the_command_publishes_at_a_stopped_hub_and_answers_in_one_line(tmp_path):
    where = config(tmp_path)
    file = tmp_path / "menu.json"
    file.write_bytes(msgspec.json.encode(PRICED))
    status, told = run("publish", "menu", str(file), "--config", where)
    assert (status, told["ok"], told["published"][0]["number"]) == (0, True, 1)
    bad = tmp_path / "prices.csv"
    bad.write_text("code,price\n777,1\n", encoding="utf-8")
    status, told = run("publish", "prices", str(bad), "--config", where)
    assert status == 1
    assert told["mistakes"][0]["line"] == 2
    status, told = run("config", "invite_days", "60", "--config", where)
    assert (status, told["stream"]) == (0, "config")
    status, told = run("command", "nowhere", "run_verify", "--config", where)
    assert (status, told["error"]) == (1, "there is no store 'nowhere'; name it as `enrol-store` made it")


def test_the_same_command_reaches_a_running_hub_over_its_socket(tmp_path):
    where = config(tmp_path)
    running = wiring.start(load(tmp_path / "hub.toml"), MemoryBroker("publish").transport("hub", []))
    try:
        file = tmp_path / "menu.json"
        file.write_bytes(msgspec.json.encode(WIDE))
        assert file.stat().st_size > 16_384
        status, told = run("publish", "menu", str(file), "--config", where, "--dry-run")
        assert (status, told["dry_run"], len(told["published"][0]["changes"])) == (0, True, 400)
        assert run("publish", "menu", str(file), "--config", where)[1]["published"][0]["number"] == 1
    finally:
        running.stop()
