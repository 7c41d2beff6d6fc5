"""What the hub stored and could not understand: it waits, it is shown with its text, and it is tried again."""

import msgspec
import pytest

from cloud.domain import reading
from cloud.domain.reading import Noted, Parked
from cloud.services import verify
from cloud.services.project import PROJECTION_FAILED, Projector, Retried
from sync.contract import trade
from tests.kit.hub_store import HubKit


@pytest.fixture
def hub(tmp_path, hub_database):
    return HubKit(hub_database, tmp_path)


@pytest.fixture
def store(hub):
    return hub.enrolled()


def blind_to(kind: str):
    """Reads facts as code does that does not know a kind yet."""

    def understand(raw, place, zone):
        return Parked("unknown_kind") if f'"kind":"{kind}"'.encode() in raw else reading.read(raw, place, zone)

    return understand


def older(hub, kind=trade.SALE_PAID) -> Projector:
    return Projector(hub.database, hub.zone, understand=blind_to(kind))


def arrived(store, sales: int = 2) -> None:
    for _ in range(sales):
        store.sell()
    store.send(*store.everything())


def parked_ids(hub) -> list[int]:
    return [row.n for row in hub.reports.quarantine().parked]


def test_what_newer_code_understands_is_projected_at_its_start_and_only_once(hub, store):
    arrived(store)
    older(hub).catch_up()
    assert (hub.parked(), hub.reports.stores()[0].sales) == (["unknown_kind"] * 2, 0)
    assert hub.projector.retry_once_for("2.0") == Retried(2, 2)
    assert (hub.parked(), hub.reports.stores()[0].sales) == ([], 2)
    assert hub.projector.retry_once_for("2.0") is None
    assert hub.projector.retry_once_for("2.1") == Retried(0, 0)
    assert verify.verify(hub.database, hub.zone, hub.folder).ok, "as if it had been understood at once"


def test_one_parked_fact_is_tried_alone(hub, store):
    arrived(store)
    older(hub).catch_up()
    first, second = parked_ids(hub)
    assert hub.projector.retry([first]) == Retried(1, 1)
    assert parked_ids(hub) == [second]
    assert hub.projector.retry([first]) == Retried(0, 0), "it is not parked any more"


def test_what_is_still_not_understood_stays_parked_with_the_reason_of_now(hub, store):
    store.add(store.fact("sale.unheard_of", b"{}"))
    store.send(store.batch(1, 1))
    Projector(hub.database, hub.zone, understand=lambda raw, place, zone: Parked("bad_body")).catch_up()
    assert hub.projector.retry() == Retried(1, 0)
    assert hub.parked() == ["unknown_kind"]


def test_a_fact_that_comes_late_to_its_number_takes_it_back_from_the_one_that_got_it_meanwhile(hub, store):
    first = store.sell(number=1)
    store.sell(number=1, amount_fen=500)
    store.send(*store.everything())

    def blind_to_the_first(raw, place, zone):
        return Parked("unknown_kind") if place.seq == 1 else reading.read(raw, place, zone)

    Projector(hub.database, hub.zone, understand=blind_to_the_first).catch_up()
    assert [sale.total_fen for sale in hub.reports.sales().sales] == [500]
    hub.projector.retry()
    assert [sale.sale_id for sale in hub.reports.sales().sales] == [first.sale_id]
    assert hub.parked() == ["receipt_no_twice"]
    assert verify.verify(hub.database, hub.zone, hub.folder).ok


class Surprise(Exception):
    """Nobody thought of this."""


def test_a_projection_that_fails_parks_its_fact_and_holds_up_nothing(hub, store):
    arrived(store, sales=3)

    def stumbles(raw, place, zone):
        if place.seq == 3:
            raise Surprise
        return reading.read(raw, place, zone)

    stumbling = Projector(hub.database, hub.zone, understand=stumbles)
    stumbling.catch_up()
    assert hub.parked() == [PROJECTION_FAILED]
    assert hub.reports.stores()[0].sales == 2
    assert hub.projector.retry() == Retried(1, 1)
    assert hub.reports.stores()[0].sales == 3


def test_a_parked_fact_is_shown_with_its_text_and_only_while_it_is_parked(hub, store):
    store.add(b"\xff not even text")
    store.add(store.fact("sale.unheard_of", b'{"guest":"Wang"}'))
    store.send(store.batch(1, 2))
    hub.projector.catch_up()
    newest, oldest = parked_ids(hub)
    shown = hub.reports.parked_fact(newest)
    assert (shown.reason, shown.kind, shown.store, shown.seq) == ("unknown_kind", "sale.unheard_of", "s1", 2)
    assert msgspec.json.decode(shown.text)["body"] == {"guest": "Wang"}
    assert hub.reports.parked_fact(oldest).text == "\\xff not even text"
    Projector(hub.database, hub.zone, understand=lambda raw, place, zone: Noted()).retry()
    assert hub.reports.parked_fact(newest) is None


def test_a_look_at_a_sale_hashes_only_what_came_since_the_hourly_check(hub, store):
    arrived(store, sales=4)
    hub.projector.catch_up()
    first = hub.reports.sales().sales[0].sale_id
    verify.check_lanes(hub.database, hub.clock.now_ms())
    spoil(hub, seq=3)
    assert hub.reports.chain("s1", first).lane_ok, "what was checked within the hour is not hashed at each look"
    assert not hub.reports.chain("s1", first, whole=True).lane_ok
    verify.check_lanes(hub.database, hub.clock.now_ms())
    assert not hub.reports.chain("s1", first).lane_ok, "the next hourly check says so to every page"


def test_a_look_at_a_sale_finds_damage_behind_the_last_check(hub, store):
    arrived(store, sales=2)
    verify.check_lanes(hub.database, hub.clock.now_ms())
    for _ in range(2):
        store.sell()
    store.send(store.batch(5, 8))
    hub.projector.catch_up()
    first = hub.reports.sales().sales[0].sale_id
    assert (hub.reports.chain("s1", first).lane_ok, hub.reports.chain("s1", first).lane_seq) == (True, 8)
    spoil(hub, seq=6)
    assert not hub.reports.chain("s1", first).lane_ok


def spoil(hub, seq: int) -> None:
    """Change a stored fact's bytes behind everybody's back."""
    with hub.database.write() as tx:
        run = tx.connection.exec_driver_sql
        if tx.connection.dialect.name == "sqlite":
            run("DROP TRIGGER IF EXISTS facts_no_update")
            run(f"UPDATE facts SET raw = CAST(raw || ' ' AS BLOB) WHERE lane = 0 AND seq = {seq}")
        else:
            run("SET LOCAL session_replication_role = replica")
            run(f"UPDATE facts SET raw = raw || '\\x20'::bytea WHERE lane = 0 AND seq = {seq}")
