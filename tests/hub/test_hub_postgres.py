"""What only PostgreSQL has: several writers at once, COPY, a server that goes away, a URL with a password in it."""

import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy.exc import DBAPIError

from cloud import settings
from cloud.cli import main
from cloud.db import engine, journal, migrate, postgres
from cloud.db.engine import BadDatabase, Repeated, Turn, open_engine, passing
from cloud.db.schema import facts, ingest_head, quarantine
from sync.node import keys
from tests.kit.hub_store import NAME, HubKit, request
from tests.kit.waiting import PATIENCE_S

MIGRATORS = 4
ENDED_MS = int(PATIENCE_S * 1_000)
"""How long the server may take to end a connection; without it, it is only told to."""
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def database(postgres_url):
    opened = open_engine(postgres_url)
    yield opened
    opened.close()


@pytest.fixture
def hub(tmp_path, database):
    return HubKit(database, tmp_path)


def at_once(*deeds: Callable[[], object]) -> list[object]:
    """Do all at the same time; give their answers in order."""
    gate = threading.Barrier(len(deeds))

    def one(deed: Callable[[], object]) -> object:
        gate.wait(PATIENCE_S)
        return deed()

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(one, deeds))


def runs_beside(database, held: Turn, wanted: Turn) -> bool:
    """Say whether a transaction of one turn can begin while one of another is open."""
    entered = threading.Event()

    def enter() -> None:
        with database.write(wanted):
            entered.set()

    thread = threading.Thread(target=enter)
    with database.write(held):
        thread.start()
        beside = entered.wait(0.2 if {held, wanted} & {Turn.ALONE} or held is wanted is not Turn.INGEST else PATIENCE_S)
    thread.join(PATIENCE_S)
    assert entered.is_set()
    return beside


@pytest.mark.parametrize(
    ("held", "wanted", "beside"),
    [
        (Turn.ALONE, Turn.ALONE, False),
        (Turn.ALONE, Turn.INGEST, False),
        (Turn.INGEST, Turn.ALONE, False),
        (Turn.INGEST, Turn.INGEST, True),
        (Turn.PROJECTOR, Turn.INGEST, True),
        (Turn.LEASES, Turn.INGEST, True),
        (Turn.PROJECTOR, Turn.LEASES, True),
        (Turn.PROJECTOR, Turn.PROJECTOR, False),
        (Turn.LEASES, Turn.LEASES, False),
    ],
)
def test_who_writes_beside_whom(database, held, wanted, beside):
    assert runs_beside(database, held, wanted) is beside


def test_eight_guesses_at_once_are_eight_tries(hub):
    """Read, judge, write: right only because nobody else writes between (`Turn.ALONE`)."""
    hub.enrolment.make_code("s1", NAME)
    guess = request("s1", "00000-00000", keys.make_identity(b"node" * 8))
    at_once(*[lambda: hub.enrolment.redeem(guess) for _ in range(8)])
    with hub.database.read() as reader:
        assert reader.connection.exec_driver_sql("SELECT tries FROM activations").scalar_one() == 5


def test_with_everybody_in_a_turn_of_his_own_more_guesses_pass(hub):
    """The negative control: the same beside each other, as ingest runs, and the count is wrong."""
    hub.enrolment.make_code("s1", NAME)
    seen = threading.Barrier(2)

    def guess() -> int:
        with hub.database.write(Turn.INGEST) as tx:
            tries = int(tx.connection.exec_driver_sql("SELECT tries FROM activations").scalar_one())
            seen.wait(PATIENCE_S)
            return tries

    assert at_once(guess, guess) == [0, 0]


def test_a_reader_sees_one_state_and_can_write_nothing(hub):
    store = hub.enrolled()
    store.sell()
    with hub.database.read() as reader:
        assert journal.count_facts(reader) == 0
        store.send(store.batch(1, 2))
        assert journal.count_facts(reader) == 0
        with pytest.raises(DBAPIError, match="read-only"):
            reader.connection.execute(quarantine.insert(), {"reason": "x", "store": ""})
    assert hub.fact_count() == 2


def test_ids_become_visible_in_their_order(hub):
    """A second worker waits for the first one's commit: a cursor over ids misses none."""
    second_took = threading.Event()
    order: list[int] = []

    def second() -> None:
        with hub.database.write(Turn.INGEST) as tx:
            order.append(journal.take_ingest_ids(tx, 5))
            second_took.set()

    thread = threading.Thread(target=second)
    with hub.database.write(Turn.INGEST) as tx:
        order.append(journal.take_ingest_ids(tx, 10))
        thread.start()
        assert not second_took.wait(0.2)
    thread.join(PATIENCE_S)
    assert order == [1, 11]


def test_copy_refuses_a_repeated_place_as_an_insert_does(hub):
    store = hub.enrolled()
    store.sell()
    store.send(store.batch(1, 2))
    with hub.database.read() as reader:
        (row,) = [dict(row._mapping) for row in reader.rows(facts.select().where(facts.c.seq == 2))]
    with pytest.raises(Repeated) as refused, hub.database.write() as tx:
        journal.insert_facts(tx, [row | {"ingest_id": 99}])
    assert row["raw"].decode() not in str(refused.value)
    with hub.database.write() as tx:
        with suppress(Repeated), tx.attempt():
            journal.insert_facts(tx, [row | {"ingest_id": 99}])
        journal.insert_facts(tx, [row | {"ingest_id": 99, "seq": 3, "fact_id": None}])
    assert hub.fact_count() == 3


def test_a_text_that_postgresql_cannot_hold_is_an_error_of_the_row_and_no_end_of_the_connection(hub):
    with pytest.raises(DBAPIError), hub.database.write() as tx:
        engine.insert_many(tx, quarantine, [refusal("a"), refusal("b\0")])
    with hub.database.write() as tx:
        engine.insert_many(tx, quarantine, [refusal("a"), refusal("b")])
    with hub.database.read() as reader:
        assert len(reader.rows(quarantine.select())) == 2


def refusal(reason: str) -> dict[str, object]:
    return {"reason": reason, "store": "s1", "count": 1, "first_ms": 1, "last_ms": 1}


def test_facts_cannot_even_be_truncated(hub):
    with pytest.raises(DBAPIError, match="facts are never changed"), hub.database.write() as tx:
        tx.connection.exec_driver_sql("TRUNCATE facts")


def test_several_processes_that_start_at_once_migrate_once(postgres):
    name = postgres.make_database()
    opened = [open_engine(postgres.url(name)) for _ in range(MIGRATORS)]
    heads = at_once(*[lambda one=one: migrate.migrate(one) for one in opened])
    assert len(set(heads)) == 1
    with opened[0].read() as reader:
        assert len(reader.rows(ingest_head.select())) == 1
    for one in opened:
        one.close()
    postgres.drop_database(name)


def test_a_deadlock_and_a_lost_connection_may_be_tried_again_and_a_refused_row_may_not(hub, postgres, database):
    rows = [("a", "b"), ("b", "a")]
    with database.write() as tx:
        engine.insert_many(tx, quarantine, [refusal("a"), refusal("b")])
    halfway = threading.Barrier(2)

    def cross(first: str, second: str) -> bool | None:
        try:
            with database.write(Turn.INGEST) as tx:
                tx.connection.exec_driver_sql(f"UPDATE quarantine SET count = 2 WHERE reason = '{first}'")
                halfway.wait(PATIENCE_S)
                tx.connection.exec_driver_sql(f"UPDATE quarantine SET count = 2 WHERE reason = '{second}'")
        except DBAPIError as error:
            return passing(error)
        return None

    assert sorted(at_once(*[lambda pair=pair: cross(*pair) for pair in rows]), key=str) == [None, True]
    with pytest.raises(DBAPIError) as lost:
        cut_off(database, postgres)
    assert passing(lost.value)
    with database.read() as reader:
        assert len(reader.rows(quarantine.select())) == 2
    with pytest.raises(DBAPIError) as refused, database.write() as tx:
        engine.insert_many(tx, quarantine, [refusal("a")])
    assert not passing(refused.value)


def cut_off(database, postgres) -> None:
    """Lose the connection in the middle of a transaction."""
    with database.write() as tx:
        mine = tx.connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
        postgres.execute("postgres", f"SELECT pg_terminate_backend({mine}, {ENDED_MS})")
        tx.connection.exec_driver_sql("SELECT 1")


def test_a_bunch_that_met_a_lost_connection_is_taken_in_all_the_same(hub, postgres):
    store = hub.enrolled()
    store.sell()
    for _ in range(2):
        postgres.execute(
            "postgres",
            f"SELECT pg_terminate_backend(pid, {ENDED_MS}) FROM pg_stat_activity"
            " WHERE application_name = 'zhanggui-hub'",
        )
        (ack,) = store.send(store.batch(1, 2))
        assert ack.seq == 2


def test_nobody_holds_a_lock_for_ever(hub):
    with hub.database.read() as reader:
        shown = {
            name: reader.connection.exec_driver_sql(f"SHOW {name}").scalar_one()
            for name in ("lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout")
        }
    assert shown == {
        "lock_timeout": "10s",
        "statement_timeout": "2min",
        "idle_in_transaction_session_timeout": f"{postgres.IDLE_TIMEOUT_MS // 1000}s",
    }


# ---------------------------------------------------------------------------------------------------- what people read


def config(tmp_path, database: str):
    path = tmp_path / "hub.toml"
    path.write_text(
        f'data_dir = "data"\npublic_url = "https://example.com"\ndatabase = "{database}"\n'
        "[web]\nport = 0\n[guest]\nport = 0\n[broker]\nport = 1\n"
    )
    return path


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda url: url.replace("/d", "/nobody-made-"), "create it: CREATE DATABASE"),
        (lambda url: url.replace("host=/", "host=/nowhere/"), "start the server, or correct host and port"),
        (lambda _: "postgresql://u:hush-hush@127.0.0.1:1/x", "start the server, or correct host and port"),
        (lambda _: "oracle://u:hush-hush@127.0.0.1:1/x", "neither 'sqlite' nor of the form postgresql://"),
    ],
    ids=["no such database", "no such socket", "nobody listens", "no such kind"],
)
def test_a_server_that_cannot_be_used_is_one_sentence_and_exit_2(tmp_path, postgres_url, change, said):
    (tmp_path / "data").mkdir()
    path = config(tmp_path, change(postgres_url))
    result = CliRunner().invoke(main, ["verify", "--config", str(path)])
    assert result.exit_code == 2, result.output
    assert said in result.stderr.strip().splitlines()[-1]
    assert "hush-hush" not in result.output


def test_a_hub_that_cannot_reach_its_server_does_not_start(tmp_path):
    path = config(tmp_path, "postgresql://u:hush-hush@127.0.0.1:1/x")
    command = [sys.executable, "-m", "cloud", "run", "--config", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 2
    assert "start the server" in done.stderr
    assert "Traceback" not in done.stderr
    assert "hush-hush" not in done.stdout + done.stderr


def test_a_user_who_may_make_no_tables_is_told_what_to_do(postgres):
    name = postgres.make_database()
    with suppress(Exception):
        postgres.execute("postgres", "CREATE ROLE guest LOGIN")
    postgres.execute(name, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
    database = open_engine(postgres.url(name).replace("//zhanggui@", "//guest@"))
    with pytest.raises(BadDatabase, match=r"may not make tables.*OWNER TO"):
        migrate.migrate(database)
    database.close()
    postgres.drop_database(name)


def test_a_password_shows_neither_in_settings_nor_in_errors(tmp_path):
    path = config(tmp_path, "postgresql://hub:hush%40hush@127.0.0.1:1/x?password=hush-too")
    held = settings.load(path)
    assert "hush" not in repr(held)
    assert "postgresql://hub:***@127.0.0.1:1/x?password=***" in repr(held)
    assert held.database_url.startswith("postgresql://hub:hush%40hush@")
    with pytest.raises(BadDatabase) as refused:
        open_engine("postgresql://hub:hush@127.0.0.1:1/x")
    assert "hush" not in str(refused.value)
    assert refused.value.__suppress_context__


def test_parts_of_their_own_need_postgresql(tmp_path):
    result = CliRunner().invoke(main, ["run", "--part", "web", "--config", str(config(tmp_path, "sqlite"))])
    assert result.exit_code == 2
    assert "needs PostgreSQL" in result.stderr
