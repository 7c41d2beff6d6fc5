"""The console says which store has which version, what waits for its day, and what became of commands."""

import msgspec
import pytest

from cloud.app import create_app
from cloud.domain.roles import Role
from cloud.services.publish import Order
from cloud.services.sessions import FULL
from cloud.services.tries import Caller
from sync.contract import messages, topics
from sync.contract.envelope import MessageKind
from sync.contract.facts import Lane
from sync.contract.messages import Heartbeat
from sync.contract.operations import COMMAND_REFUSED, CommandSettled
from sync.contract.sheets import File
from sync.contract.words import Name
from sync.node.ports import ManualClock
from tests.kit.down import PRICED
from tests.kit.hub_stores import EVENING_MS, StoreByHand, open_hub


@pytest.fixture
def hub(tmp_path):
    core = open_hub(tmp_path, ManualClock(EVENING_MS))
    yield core
    core.database.close()


@pytest.fixture
def store(hub):
    return StoreByHand(hub, "qingci", Name("青瓷巷店", "Celadon Lane"), hub.hub.clock)


@pytest.fixture
def browse(hub):
    client = create_app(hub.hub).test_client()
    with hub.database.write() as tx:
        client.set_cookie("hub_session", hub.hub.console.sessions.open(tx, Role.ADMIN.value, FULL, Caller()))

    def get(path: str, locale: str = "en", status: int = 200) -> str:
        client.set_cookie("hub_locale", locale)
        answer = client.get(path, headers={"Accept-Language": locale})
        assert answer.status_code == status, answer.text[:500]
        return answer.text

    return get


def tell(hub, store, **versions: int) -> None:
    beat = Heartbeat(wall_ms=hub.hub.clock.now_ms(), waiting={0: 0, 1: 0}, oldest_waiting_ms=None, day="2026-11-22",
                     day_sales=0, day_amount_fen=0, streams=versions)  # fmt: skip
    topic = topics.of_store(store.tenant, store.store).heartbeat
    hub.ingest.receive([(topic, store.sealer.seal(MessageKind.HEARTBEAT, messages.encode(beat)))])


def published(hub, what: str, content: bytes, name: str, **order) -> None:
    outcome = hub.hub.publisher.publish(Order(what=what, file=File(name, content), **order))
    assert outcome.ok, outcome


def cell(page: str, store: str, stream: str) -> str:
    row = page.split(f'data-store="{store}"')[1].split("</tr>", maxsplit=1)[0]
    return row.split(f'data-stream="{stream}"')[1].split("</td>")[0]


def test_a_store_that_never_spoke_is_unknown_and_one_that_lags_is_named(hub, store, browse):
    published(hub, "menu", msgspec.json.encode(PRICED), "m.json")
    assert "Unknown" in cell(browse("/versions"), "qingci", "menu") or "unknown" in cell(
        browse("/versions"), "qingci", "menu"
    )
    tell(hub, store, menu=1)
    page = browse("/versions")
    assert "1 of 2" in cell(page, "qingci", "menu")
    assert 'data-store="qingci" class="stale"' not in page
    tell(hub, store, menu=2)
    assert "mark-ok" in cell(browse("/versions"), "qingci", "menu")
    hub.hub.clock.advance(60_000)
    page = browse("/versions")
    assert 'data-store="qingci" class="stale"' in page, "stale is grey"
    assert "2" in cell(page, "qingci", "menu"), "and never zero"


def test_what_waits_for_its_day_is_shown_with_the_day(hub, store, browse):
    published(hub, "menu", msgspec.json.encode(PRICED), "m.json")
    published(hub, "prices", b"code,price\n101,40.00\n", "p.csv", effective_from="2026-12-01")
    published(hub, "prices", b"code,price\n101,39.00\n", "p.csv", stores=("qingci",))
    page = browse("/versions")
    waiting = page.split('data-publication="prices#1"')[1].split("</tr>")[0]
    assert "2026-12-01" in waiting
    assert "waits for its day" in waiting
    assert "in force" in page.split('data-publication="prices.qingci#1"')[1].split("</tr>")[0]
    assert "待生效" in browse("/versions/qingci", "zh-CN")


def test_a_stores_page_shows_its_commands_and_their_results(hub, store, browse):
    done = hub.hub.orders.give("qingci", "print_test_slip", {"printer": "<attic>"})
    hub.hub.orders.give("qingci", "run_verify", {})
    body = CommandSettled(command_id=done, name="print_test_slip", reason="unknown_printer")
    store.write(Lane.OPERATIONS, COMMAND_REFUSED, msgspec.json.encode(body), hub.hub.clock.now_ms())
    store.deliver()
    page = browse("/versions/qingci")
    row = page.split(f'data-command="{done}"')[1].split("</tr>")[0]
    assert 'data-outcome="refused"' in row
    assert "The store has no printer of that name" in row
    assert "门店没有叫这个名字的打印机" in browse("/versions/qingci", "zh-CN")
    assert "<attic>" not in page
    assert "waiting for the store" in page
    browse("/versions/nowhere", status=404)
