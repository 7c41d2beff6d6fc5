"""Commands of HQ: done once, too late never, only where the condition holds; the result is a fact that HQ shows."""

import msgspec
import pytest

from cloud.db import commands as at_hub
from cloud.services import streams
from cloud.services.commands import BadCommand
from edge.services.care import verify_journal
from edge.services.hub import follow_hub, hub_commands
from edge.services.hub.outbox import NodeOutbox
from sync.contract import facts, kinds, operations, steering
from sync.contract.facts import ContractError
from sync.contract.steering import Command, Precondition
from tests.kit.down import Down, down
from tests.kit.nodes import STORE, BreakingStorage, PowerCut

KINDS = (operations.COMMAND_DONE, operations.COMMAND_REFUSED, operations.COMMAND_EXPIRED)


@pytest.fixture
def both(tmp_path):
    with down(tmp_path) as made:
        made.rig.add_cashier()
        yield made


def settled(both: Down) -> list[tuple[str, str, str]]:
    rows = both.rig.rows("SELECT kind, raw FROM facts WHERE kind LIKE 'command.%' ORDER BY n")
    bodies = [(kind, msgspec.json.decode(raw)["body"]) for kind, raw in rows]
    return [(kind.removeprefix("command."), body["name"], body["reason"]) for kind, body in bodies]


def give(both: Down, name: str = "run_verify", **more) -> str:
    return both.orders.give(STORE, name, more.pop("args", {}), **more)


def test_a_command_is_done_once_however_often_it_comes(both):
    give(both, "print_test_slip", args={"printer": "counter"})
    both.arrive()
    assert settled(both) == [("done", "print_test_slip", "")]
    assert len(both.rig.rows("SELECT 1 FROM print_jobs WHERE document = 'test'")) == 1
    both.rig.db.write(lambda tx: tx.execute("DELETE FROM streams"))
    both.rig.restart()
    both.restart()
    both.arrive()
    assert len(settled(both)) == 1
    assert len(both.rig.rows("SELECT 1 FROM print_jobs WHERE document = 'test'")) == 1
    assert verify_journal.verify(both.node).ok


def test_one_that_came_too_late_does_nothing_and_says_so(both):
    give(both, "print_test_slip", args={"printer": "counter"}, life_ms=60_000)
    both.rig.clock.advance(60_001)
    both.arrive()
    assert settled(both) == [("expired", "print_test_slip", "")]
    assert both.rig.rows("SELECT 1 FROM print_jobs WHERE document = 'test'") == []


def test_a_store_whose_clock_is_behind_does_not_take_an_old_command_for_a_fresh_one(both):
    give(both, life_ms=60_000)
    both.rig.clock.advance(120_000)
    hub_ms = both.rig.clock.now_ms()
    both.pull()
    both.rig.clock.step_wall(-7 * 86_400_000)
    NodeOutbox(both.node).merge_time(hub_ms, both.rig.clock.monotonic_ms())
    follow_hub.follow(both.node)
    assert settled(both) == [("expired", "run_verify", "")]


@pytest.mark.parametrize(
    ("precondition", "outcome"),
    [
        (Precondition(), ("done", "")),
        (Precondition(epoch=1, day="2026-09-21", menu=1), ("done", "")),
        (Precondition(epoch=2), ("refused", "precondition_epoch")),
        (Precondition(day="2026-09-20"), ("refused", "precondition_day")),
        (Precondition(menu=7), ("refused", "precondition_menu")),
    ],
)
def test_a_condition_that_does_not_hold_refuses(both, precondition, outcome):
    give(both, precondition=precondition)
    both.arrive()
    assert [(kind, reason) for kind, _, reason in settled(both)] == [outcome]


def test_what_cannot_be_done_here_is_refused_with_its_reason(both):
    give(both, "print_test_slip", args={"printer": "attic"})
    give(both, "sign_out", args={"till": "9"})
    give(both, "apply_pending", args={"stream": "prices", "number": 4})
    both.arrive()
    assert {(kind, reason) for kind, _, reason in settled(both)} == {
        ("refused", "unknown_printer"), ("refused", "unknown_till"), ("refused", "not_held"),
    }  # fmt: skip


def test_commands_of_another_version_are_refused_and_block_nothing(both):
    for key, value in (("0" * 32, b"[]"), ("1" * 32, msgspec.json.encode(Command(
        id="1" * 32, name="dance", args={}, made_ms=1, expires_ms=1 << 60)))):  # fmt: skip
        with both.hub.database.write() as tx:
            streams.append(tx, f"commands.{STORE}", op="put", key=key, value=value)
    give(both)
    both.arrive()
    assert sorted(settled(both)) == [
        ("done", "run_verify", ""), ("refused", "", "unknown_command"), ("refused", "dance", "unknown_command"),
    ]  # fmt: skip


def test_signing_out_ends_the_sessions_of_a_till_only(both):
    client = both.rig.client()
    assert client.get("/api/v1/menu").status_code == 200
    give(both, "sign_out", args={"till": "2"})
    both.arrive()
    assert both.rig.rows("SELECT till FROM sessions") == [("1",)]
    give(both, "sign_out")
    both.arrive()
    assert both.rig.rows("SELECT till FROM sessions") == []


def test_a_waiting_price_list_comes_into_force_by_command(both):
    both.menu()
    both.prices("101,40.00", effective_from="2026-12-24")
    both.arrive()
    assert both.price_of("101") == 3_800
    give(both, "apply_pending", args={"stream": "prices", "number": 1})
    both.arrive()
    assert both.price_of("101") == 4_000


def test_a_cut_at_any_statement_leaves_a_command_wholly_done_or_wholly_open(both):
    give(both, "print_test_slip", args={"printer": "counter"})
    both.pull()
    at, cut = 0, True
    while cut:
        at += 1
        storage = BreakingStorage(both.rig.db, at)
        try:
            hub_commands.run_waiting(both.rig.over(storage))
            cut = False
        except PowerCut:
            counts = (len(settled(both)), len(both.rig.rows("SELECT 1 FROM print_jobs WHERE document = 'test'")))
            assert counts == (0, 0)
            assert both.rig.rows("SELECT 1 FROM commands_settled") == []
    assert at > 4
    assert len(settled(both)) == 1


def test_the_result_shows_at_hq_once_its_fact_arrived(both):
    command_id = give(both)
    (view,) = both.orders.of_store(STORE)
    assert (view.id, view.outcome) == (command_id, "waiting")
    both.arrive()
    store = both.hub.enrolled("other", b"x")
    for kind, raw in both.rig.rows("SELECT kind, raw FROM facts WHERE kind LIKE 'command.%'"):
        body = msgspec.json.encode(msgspec.json.decode(raw)["body"])
        for _ in range(2):
            store.add(store.fact(kind, body, lane=1), lane=1)
    store.send(store.batch(1, 2, 1))
    both.hub.projector.catch_up()
    assert both.hub.parked() == []
    with both.hub.database.read() as reader:
        found = at_hub.results_of(reader, "other", [command_id])
    assert found[command_id].outcome == "done"
    assert msgspec.json.decode(found[command_id].result)["ok"] is True


def test_an_expired_command_nobody_spoke_of_is_shown_as_expired(both):
    give(both, life_ms=60_000)
    both.rig.clock.advance(60_001)
    assert [view.outcome for view in both.orders.of_store(STORE)] == ["expired"]


@pytest.mark.parametrize(
    ("name", "args", "sentence"),
    [
        ("dance", {}, "there is no command 'dance'"),
        ("print_test_slip", {}, "needs printer"),
        ("print_test_slip", {"printer": 3}, "printer is a text"),
        ("apply_pending", {"stream": "menu", "number": True}, "number is a whole number"),
        ("run_verify", {"now": 1}, "takes no now"),
    ],
)
def test_a_command_that_makes_no_sense_is_not_given(both, name, args, sentence):
    with pytest.raises(BadCommand, match=sentence):
        give(both, name, args=args)
    with pytest.raises(BadCommand, match="lives 1 second to 30 days"):
        give(both, life_ms=40 * 86_400_000)
    assert both.orders.of_store(STORE) == []


def test_every_kind_of_result_is_read_by_both_sides():
    for kind in KINDS:
        raw = facts.encode(
            facts.Fact(store="s", epoch=1, lane=1, seq=1, n=1, id="0" * 32, kind=kind, v=1, at_ms=1, hlc="0", day="2026-01-01",
                       body=msgspec.Raw(b'{"command_id":"c","name":"n"}'))
        )  # fmt: skip
        assert isinstance(kinds.read(facts.decode(raw)), operations.CommandSettled)
    with pytest.raises(ContractError):
        steering.read_command(b"{}")
